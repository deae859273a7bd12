//! Decoding within limits; see the room's rules for what bounds what.

use crate::{Depth, Error, Limits, format_of};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation};
use std::{
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// Last bytes of a JPEG in which the end marker is looked for: cameras append data after it.
const TAIL: u64 = 64 * 1024;

/// Decodes a picture of this media type, or looks at its header only. `Ok` is width and height.
///
/// # Errors
/// Any [`Error`]: the file is then no picture here.
pub fn decode(
    source: impl Read + Seek + Send + 'static,
    media_type: &str,
    depth: Depth,
    limits: &Limits,
) -> Result<(u32, u32), Error> {
    let format = format_of(media_type)?;
    within(
        limits,
        move |source, limits| {
            let size = dimensions(source, format, limits)?;
            // Decoders fill what a cut JPEG lacks with grey, and say nothing.
            if format == ImageFormat::Jpeg {
                ends_like_jpeg(source)?;
            }
            match depth {
                Depth::Whole => pixels(source, format, limits).map(|_| size),
                Depth::Header => Ok(size),
            }
        },
        source,
    )
}

/// Decodes that nobody waits for any more and that go on; more than [`MAX_STRAYS`] there are never, give or take those
/// that run when the last one is left.
static STRAYS: AtomicUsize = AtomicUsize::new(0);
const MAX_STRAYS: usize = 4;
/// Of a decode: somebody waits for it; nobody does; it has ended.
const RUNNING: u8 = 0;
const LEFT: u8 = 1;
const DONE: u8 = 2;

/// Runs `work` on a thread of its own and waits no longer than the limit.
pub(crate) fn within<S, T>(
    limits: &Limits,
    work: impl FnOnce(&mut Source<S>, &Limits) -> Result<T, Error> + Send + 'static,
    source: S,
) -> Result<T, Error>
where
    S: Read + Seek + Send + 'static,
    T: Send + 'static,
{
    let limits = *limits;
    if STRAYS.load(Ordering::SeqCst) >= MAX_STRAYS {
        return Err(Error::Time(limits.time.as_secs()));
    }
    let (send, receive) = mpsc::sync_channel(1);
    let waited = Arc::new(AtomicU8::new(RUNNING));
    let state = Arc::clone(&waited);
    let run = move || {
        let mut source = Source::new(source, &limits);
        // A decoder that panics on hostile bytes has found something that is not a picture.
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut source, &limits)))
            .unwrap_or_else(|_| Err(Error::Decoder("the decoder gave up".into())));
        // Which bound stopped a read is told by the reader, not by the decoder's words about it.
        let result = result.map_err(|e| source.stopped.take().unwrap_or(e));
        drop(source);
        if state.swap(DONE, Ordering::SeqCst) == LEFT {
            STRAYS.fetch_sub(1, Ordering::SeqCst);
        }
        let _ = send.send(result);
    };
    std::thread::Builder::new()
        .name("picture".into())
        .spawn(run)
        .map_err(|_| Error::Decoder("no thread could be started".into()))?;
    receive.recv_timeout(limits.time).unwrap_or_else(|_| {
        STRAYS.fetch_add(1, Ordering::SeqCst);
        if waited.compare_exchange(RUNNING, LEFT, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            STRAYS.fetch_sub(1, Ordering::SeqCst);
        }
        Err(Error::Time(limits.time.as_secs()))
    })
}

/// Width and height by the header, within the limit.
pub(crate) fn dimensions<S: Read + Seek>(
    source: &mut Source<S>,
    format: ImageFormat,
    limits: &Limits,
) -> Result<(u32, u32), Error> {
    let (width, height) = reader(source, format, limits)?.into_dimensions().map_err(decoder)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > limits.pixels {
        return Err(Error::Pixels { width, height, limit: limits.pixels });
    }
    Ok((width, height))
}

/// Every pixel, and how the camera was held. [`dimensions`] comes first.
pub(crate) fn pixels<S: Read + Seek>(
    source: &mut Source<S>,
    format: ImageFormat,
    limits: &Limits,
) -> Result<(DynamicImage, Orientation), Error> {
    let mut picture = reader(source, format, limits)?.into_decoder().map_err(decoder)?;
    let orientation = picture.orientation().unwrap_or(Orientation::NoTransforms);
    // The decoder bounds what it needs itself, not what it gives.
    let (bytes, limit) = (picture.total_bytes(), limits.memory);
    if bytes > limit {
        return Err(Error::Decoder(format!("{bytes} bytes of pixels, more than {limit}")));
    }
    DynamicImage::from_decoder(picture).map(|p| (p, orientation)).map_err(decoder)
}

fn reader<'s, S: Read + Seek>(
    source: &'s mut Source<S>,
    format: ImageFormat,
    limits: &Limits,
) -> Result<ImageReader<&'s mut Source<S>>, Error> {
    source.seek(SeekFrom::Start(0)).map_err(|e| Error::Decoder(e.to_string()))?;
    let mut reader = ImageReader::with_format(source, format);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(limits.memory);
    reader.limits(bounds);
    Ok(reader)
}

fn decoder(error: image::ImageError) -> Error {
    Error::Decoder(error.to_string())
}

pub(crate) fn ends_like_jpeg<S: Read + Seek>(source: &mut Source<S>) -> Result<(), Error> {
    let io = |e: io::Error| Error::Decoder(e.to_string());
    let length = source.seek(SeekFrom::End(0)).map_err(io)?;
    source.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(io)?;
    let mut tail = Vec::new();
    source.take(TAIL).read_to_end(&mut tail).map_err(io)?;
    if tail.windows(2).any(|w| w == [0xFF, 0xD9]) { Ok(()) } else { Err(Error::Decoder("it is cut off".into())) }
}

/// A reader that counts and watches the clock. A seek does not give bytes back, so a decoder that reads in circles ends too.
pub(crate) struct Source<S> {
    inner: BufReader<S>,
    left: u64,
    limit: u64,
    until: Instant,
    time: Duration,
    stopped: Option<Error>,
}

impl<S: Read> Source<S> {
    pub(crate) fn new(source: S, limits: &Limits) -> Self {
        // Header, pixels and tail are up to three passes over the same bytes.
        let limit = limits.bytes;
        let left = limit.saturating_mul(3);
        let until = Instant::now() + limits.time;
        Self { inner: BufReader::new(source), left, limit, until, time: limits.time, stopped: None }
    }

    fn check(&mut self) -> io::Result<()> {
        let stopped = if Instant::now() >= self.until {
            Error::Time(self.time.as_secs())
        } else if self.left == 0 {
            Error::Bytes(self.limit)
        } else {
            return Ok(());
        };
        self.stopped = Some(stopped.clone());
        Err(io::Error::other(stopped))
    }
}

impl<S: Read> Read for Source<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

impl<S: Read> BufRead for Source<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount as u64);
        self.inner.consume(amount);
    }
}

impl<S: Read + Seek> Seek for Source<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

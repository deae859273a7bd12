//! Room for connections: how many there are at once, and who has to go when there is none left.
//!
//! Rules:
//! - A connection that has no request under way is the first to go, the oldest before the others. So whoever opens
//!   thousands and says nothing takes no room from anybody who asks for something.
//! - One address has only so much room, whatever it does; a proxy that the operator named has all.
//! - Whoever takes nothing of an answer for a while is let go too.

use axum::body::{Body, Bytes};
use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::Sleep,
};

/// An answer of which nothing is taken for so long is broken off.
const STALLED: Duration = Duration::from_secs(60);

/// All connections.
pub(crate) struct Places {
    most: usize,
    of_one: usize,
    all: Mutex<(u64, BTreeMap<u64, Held>)>,
}

struct Held {
    from: IpAddr,
    busy: Busy,
    /// Dropped to end it.
    _end: oneshot::Sender<()>,
}

/// A connection's place, until it is dropped.
pub(crate) struct Place {
    number: u64,
    places: Arc<Places>,
    /// Requests of this connection that are under way.
    pub busy: Busy,
    /// Resolves when the connection has to go.
    pub ended: oneshot::Receiver<()>,
}

impl Places {
    /// `most` together, `of_one` address.
    pub(crate) fn new(most: usize, of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, of_one, all: Mutex::default() })
    }

    /// A place, or none: everybody is being answered. `bounded`: whether one address's bound holds for this one.
    pub(crate) fn take(self: &Arc<Self>, from: IpAddr, bounded: bool) -> Option<Place> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let from = crate::throttle::group(from);
        let (next, held) = &mut *all;
        let own = || held.iter().filter(|(_, h)| h.from == from);
        if bounded && own().count() >= self.of_one {
            let gone = own().find(|(_, h)| h.busy.is_idle()).map(|(n, _)| *n)?;
            held.remove(&gone);
        }
        if held.len() >= self.most {
            let gone = held.iter().find(|(_, h)| h.busy.is_idle()).map(|(n, _)| *n)?;
            held.remove(&gone);
        }
        let (end, ended) = oneshot::channel();
        let (number, busy) = (*next, Busy::default());
        *next += 1;
        held.insert(number, Held { from, busy: busy.clone(), _end: end });
        Some(Place { number, places: self.clone(), busy, ended })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).1.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.all.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.number);
    }
}

/// Requests under way on one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn is_idle(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    /// A request is under way until what is returned is dropped.
    pub(crate) fn begin(&self) -> Begun {
        self.0.fetch_add(1, Ordering::SeqCst);
        Begun(self.clone())
    }
}

/// See [`Busy::begin`].
pub(crate) struct Begun(Busy);

impl Begun {
    /// The request is under way until this body has been sent.
    pub(crate) fn until_sent(self, body: Body) -> Body {
        Body::new(Sent { body, _begun: self })
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Sent {
    body: Body,
    _begun: Begun,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::Body::size_hint(&self.body)
    }
}

/// A stream whose writes fail when the other side takes nothing for [`STALLED`].
pub(crate) struct Taken<S> {
    stream: S,
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Taken<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, waits: None }
    }

    fn judge<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = None;
            return written;
        }
        let sleep = self.waits.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALLED)));
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, c: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(c, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, c: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(c, bytes);
        self.judge(written, c)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        c: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(c, slices);
        self.judge(written, c)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, c: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(c);
        self.judge(flushed, c)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, c: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(c);
        self.judge(shut, c)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_says_nothing_makes_room_for_who_asks() {
        let places = Places::new(3, 2);
        let [a, b, c]: [IpAddr; 3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|x| x.parse().unwrap());
        let mut first = places.take(a, true).unwrap();
        let mut second = places.take(a, true).unwrap();
        let asking = first.busy.begin();
        // One address has room for two: its idle one goes, then there is none to go.
        let mut third = places.take(a, true).unwrap();
        assert!(second.ended.try_recv().is_err_and(|e| e == oneshot::error::TryRecvError::Closed));
        let also = third.busy.begin();
        assert!(places.take(a, true).is_none() && places.count() == 2);
        // A named proxy has more, until all room is taken by requests.
        let mut idle = places.take(a, false).unwrap();
        let other = places.take(b, true).unwrap();
        assert!(idle.ended.try_recv().is_err_and(|e| e == oneshot::error::TryRecvError::Closed));
        let busy = other.busy.begin();
        assert!(places.take(c, true).is_none());
        drop((busy, also));
        drop(second);
        assert!(places.take(c, true).is_some(), "the idle third goes");
        assert!(third.ended.try_recv().is_err() && first.ended.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        drop(asking);
    }
}

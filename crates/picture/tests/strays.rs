//! Decodes that never end: nobody waits longer than the limit, and there are never many of them.
#![allow(clippy::unwrap_used, missing_docs)]

use picture::{Depth, Error, Limits, decode};
use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

/// Gives nothing until the gate opens.
struct Stuck(Arc<(Mutex<(usize, bool)>, Condvar)>);

impl Read for Stuck {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock().unwrap();
        state.0 += 1;
        drop(self.0.1.wait_while(state, |(_, open)| !*open).unwrap());
        Ok(0)
    }
}

impl Seek for Stuck {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

#[test]
fn decodes_that_never_end_are_few() {
    let gate = Arc::new((Mutex::new((0, false)), Condvar::new()));
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    for _ in 0..12 {
        let read = decode(Stuck(Arc::clone(&gate)), "image/png", Depth::Whole, &limits);
        assert!(matches!(read, Err(Error::Time(_))), "{read:?}");
    }
    let stuck = gate.0.lock().unwrap().0;
    assert!((1..=4).contains(&stuck), "{stuck} threads");
    gate.0.lock().unwrap().1 = true;
    gate.1.notify_all();
    // Once they have ended pictures are read again.
    let mut png = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(2, 2).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let ended = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        decode(Cursor::new(png.get_ref().clone()), "image/png", Depth::Whole, &Limits::default()) == Ok((2, 2))
    });
    assert!(ended);
}

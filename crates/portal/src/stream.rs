//! A file as a body: read on a thread that may wait, a little ahead of the reader.

use axum::body::{Body, Bytes};
use std::{
    fs::File,
    io::{self, Read},
};

/// Read at a time.
const PIECE: usize = 256 << 10;

pub(crate) fn body(mut file: File) -> Body {
    let (send, receive) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(2);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).map(|n| {
                piece.truncate(n);
                Bytes::from(piece)
            });
            let last = !matches!(&read, Ok(piece) if !piece.is_empty());
            if matches!(&read, Ok(piece) if piece.is_empty()) || send.blocking_send(read).is_err() || last {
                return;
            }
        }
    });
    Body::new(Pieces(receive))
}

/// A body that is fed as things happen, and its other end: of so many pieces none waits for the reader.
pub(crate) fn channel(ahead: usize) -> (tokio::sync::mpsc::Sender<io::Result<Bytes>>, Body) {
    let (send, receive) = tokio::sync::mpsc::channel(ahead);
    (send, Body::new(Pieces(receive)))
}

struct Pieces(tokio::sync::mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|p| p.map(hyper::body::Frame::data)))
    }
}

//! Multipart bodies. The library holds in memory whatever comes until a part's head is whole, so that is bounded here:
//! a body whose boundary, or a head whose end, never comes is refused.

use crate::pages::register::patiently;
use axum::{
    Error,
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request, multipart::Field},
};
use hyper::body::{Body as Pieces, Frame};
use service::Answer;
use std::{
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

/// Most bytes that come before a part's head is whole: the head, and what the connection gives at once.
const MAX_HEAD: usize = 1 << 20;

/// The parts of a body, one after the other.
pub(crate) struct Parts {
    parts: Multipart,
    /// Bytes that may still come.
    left: Arc<AtomicUsize>,
}

impl Parts {
    /// `None`: the `Content-Type` names no boundary; nothing was read.
    pub(crate) async fn of(request: Request) -> Option<Self> {
        let left = Arc::new(AtomicUsize::new(MAX_HEAD));
        let metered = |body| Body::new(Metered { body, left: left.clone(), pause: false });
        let parts = Multipart::from_request(request.map(metered), &()).await.ok()?;
        Some(Self { parts, left })
    }

    /// The next one; a part's bytes are bounded by who reads them.
    pub(crate) async fn next(&mut self) -> Answer<Option<Field<'_>>> {
        self.left.store(MAX_HEAD, Ordering::Relaxed);
        let part = patiently(self.parts.next_field()).await;
        self.left.store(usize::MAX, Ordering::Relaxed);
        part
    }
}

struct Metered {
    body: Body,
    left: Arc<AtomicUsize>,
    pause: bool,
}

impl Pieces for Metered {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // The library reads on until it has to wait: so it looks at each piece before the next.
        if mem::take(&mut self.pause) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.pause = true;
        if let Some(data) = frame.as_ref().and_then(|f| f.as_ref().ok()?.data_ref()) {
            let left = self.left.load(Ordering::Relaxed).checked_sub(data.len());
            let Some(left) = left else { return Poll::Ready(Some(Err(Error::new("a part's head without end")))) };
            self.left.store(left, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }
}

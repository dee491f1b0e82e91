//! Whether a request's body was read to its end. What is left of it is in the way of the next request of its connection:
//! hyper closes such a connection unless all of it has come already, and whoever keeps it has to know (RFC 9112, section 9.6).

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// What is left unread of a body; of none, nothing.
pub(super) struct Leftover(Option<Arc<AtomicBool>>);

impl Leftover {
    /// Watches a body.
    pub(super) fn watch<B: HttpBody>(body: B) -> (Self, Watched<B>) {
        let is_left = (!body.is_end_stream()).then(|| Arc::new(AtomicBool::new(true)));
        let leftover = Self(is_left.clone());
        (leftover, Watched { body, is_left })
    }

    /// Tells whether there is any.
    pub(super) fn is_there(&self) -> bool {
        self.0.as_ref().is_some_and(|left| left.load(Ordering::Relaxed))
    }
}

/// A body that is watched.
pub(super) struct Watched<B> {
    body: B,
    is_left: Option<Arc<AtomicBool>>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if (frame.is_none() || self.body.is_end_stream())
            && let Some(left) = self.is_left.take()
        {
            left.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! A stream of answers that ends early, with a status, when a future completes.

use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;

/// Answers that may go out before the future is polled again.
const POLL_EVERY: u32 = 64;

/// Forwards answers until `ending` completes; its status is then the last item.
pub(super) fn end_with<T>(answers: BoxStream<'static, Result<T, Status>>, ending: BoxFuture<'static, Status>) -> EndWith<T> {
    EndWith { answers: Some(answers), ending, since_poll: 0 }
}

/// See [`end_with`].
pub(super) struct EndWith<T> {
    answers: Option<BoxStream<'static, Result<T, Status>>>,
    ending: BoxFuture<'static, Status>,
    since_poll: u32,
}

impl<T> Stream for EndWith<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(answers) = &mut self.answers else { return Poll::Ready(None) };
        let next = answers.as_mut().poll_next(context);
        self.since_poll += 1;
        if next.is_ready() && self.since_poll < POLL_EVERY {
            return next;
        }
        self.since_poll = 0;
        // An answer that was ready is dropped with the call: the client resumes from its last one.
        if let Poll::Ready(status) = self.ending.as_mut().poll(context) {
            self.answers = None;
            return Poll::Ready(Some(Err(status)));
        }
        next
    }
}

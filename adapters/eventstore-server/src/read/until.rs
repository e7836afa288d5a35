//! Answers that end when something else does.

use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;

/// So many answers may go out before it is looked whether they should end.
const LOOK_EVERY: u32 = 64;

/// Passes answers on until `ending` completes; then its status is the last one.
pub(super) fn over<T>(answers: BoxStream<'static, Result<T, Status>>, ending: BoxFuture<'static, Status>) -> Until<T> {
    Until { answers: Some(answers), ending, since_look: 0 }
}

/// See [`over`].
pub(super) struct Until<T> {
    answers: Option<BoxStream<'static, Result<T, Status>>>,
    ending: BoxFuture<'static, Status>,
    since_look: u32,
}

impl<T> Stream for Until<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(answers) = &mut self.answers else { return Poll::Ready(None) };
        let next = answers.as_mut().poll_next(context);
        self.since_look += 1;
        if next.is_ready() && self.since_look < LOOK_EVERY {
            return next;
        }
        self.since_look = 0;
        // Whatever was ready is lost with the call: its client asks again from where it was.
        if let Poll::Ready(status) = self.ending.as_mut().poll(context) {
            self.answers = None;
            return Poll::Ready(Some(Err(status)));
        }
        next
    }
}

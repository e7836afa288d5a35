//! A subscription that ends when too much waits for its reader, as EventStoreDB's do. For tests.

use super::request::Answers;
use crate::disturbances::{Disturbance, FaultInjector};
use crate::wire::streams::ReadResp;
use crate::wire::streams::read_resp::Content;
use futures::{Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;

/// EventStoreDB's words, under the code `ABORTED`.
const TOO_SLOW: &str = "Operation timed out: Consumer too slow to handle event while live. Client resubscription required.";

/// Once it has caught up, it takes what is there whenever its reader comes for more, and ends if that is more than `limit`
/// messages. The reader gets those first.
pub(super) struct LiveBuffer {
    answers: Option<Answers>,
    limit: usize,
    injector: Arc<FaultInjector>,
    is_live: bool,
    waiting: VecDeque<Result<ReadResp, Status>>,
}

impl LiveBuffer {
    pub(super) fn new(answers: Answers, limit: usize, injector: Arc<FaultInjector>) -> Self {
        Self { answers: Some(answers), limit, injector, is_live: false, waiting: VecDeque::new() }
    }

    /// Takes what is there.
    fn fill(&mut self, context: &mut Context<'_>) {
        while let Some(answers) = &mut self.answers {
            let Poll::Ready(next) = answers.poll_next_unpin(context) else { return };
            if self.waiting.len() >= self.limit && self.is_live && next.is_some() {
                self.injector.count(Disturbance::Cut);
                self.waiting.push_back(Err(Status::aborted(TOO_SLOW)));
                self.answers = None;
                return;
            }
            match next {
                Some(answer) => {
                    let caught_up = answer.as_ref().is_ok_and(|answer| matches!(answer.content, Some(Content::CaughtUp(_))));
                    self.is_live |= caught_up;
                    self.waiting.push_back(answer);
                }
                None => self.answers = None,
            }
            if !self.is_live {
                return;
            }
        }
    }
}

impl Stream for LiveBuffer {
    type Item = Result<ReadResp, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_live || self.waiting.is_empty() {
            self.fill(context);
        }
        match self.waiting.pop_front() {
            Some(answer) => Poll::Ready(Some(answer)),
            None if self.answers.is_none() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disturbances::Disturbances;
    use crate::wire::streams::read_resp::{CaughtUp, Checkpoint};
    use futures::FutureExt;
    use futures::channel::mpsc;

    fn injector() -> Arc<FaultInjector> {
        let cuts = Disturbances { live_buffer: Some(32), ..Disturbances::default() };
        Arc::new(FaultInjector::new(&cuts, &Arc::default()).expect("it disturbs"))
    }

    fn message(n: u64) -> Result<ReadResp, Status> {
        let checkpoint = Checkpoint { commit_position: n, ..Checkpoint::default() };
        Ok(ReadResp { content: Some(Content::Checkpoint(checkpoint)) })
    }

    fn caught_up() -> Result<ReadResp, Status> {
        Ok(ReadResp { content: Some(Content::CaughtUp(CaughtUp::default())) })
    }

    /// How many messages a reader gets, and whether the end is that it was too slow.
    fn read(buffer: &mut LiveBuffer) -> (usize, bool) {
        let mut messages = 0;
        loop {
            match buffer.next().now_or_never() {
                Some(Some(Ok(_))) => messages += 1,
                Some(Some(Err(status))) => return (messages, status.message() == TOO_SLOW),
                Some(None) | None => return (messages, false),
            }
        }
    }

    #[test]
    fn one_message_more_than_may_wait_ends_a_live_subscription() {
        let (sender, receiver) = mpsc::unbounded();
        let mut buffer = LiveBuffer::new(receiver.boxed(), 32, injector());
        // History is read at the reader's speed.
        (0..100).for_each(|n| sender.unbounded_send(message(n)).unwrap());
        sender.unbounded_send(caught_up()).unwrap();
        assert_eq!(read(&mut buffer), (101, false));
        (0..32).for_each(|n| sender.unbounded_send(message(n)).unwrap());
        assert_eq!(read(&mut buffer), (32, false));
        (0..33).for_each(|n| sender.unbounded_send(message(n)).unwrap());
        assert_eq!(read(&mut buffer), (32, true));
        assert_eq!(read(&mut buffer), (0, false), "that was the end");
    }

    #[test]
    fn a_reader_that_keeps_up_is_left_alone() {
        let (sender, receiver) = mpsc::unbounded();
        let mut buffer = LiveBuffer::new(receiver.boxed(), 1, injector());
        sender.unbounded_send(caught_up()).unwrap();
        assert_eq!(read(&mut buffer), (1, false));
        for n in 0..100 {
            sender.unbounded_send(message(n)).unwrap();
            assert_eq!(read(&mut buffer), (1, false));
        }
        drop(sender);
        assert_eq!(buffer.next().now_or_never().map(|end| end.is_none()), Some(true));
    }
}

//! `BatchAppend`: many concurrent appends on one call. Each is answered when it is done, under the
//! client's correlation id. A failed append doesn't affect the others.
//!
//! What has arrived goes to the log at once, and the log answers it at once: one wake-up and one frame for a group of
//! appends. The next group doesn't wait for that answer.

mod answers;
mod group;
mod received;

use crate::failure::Failure;
use crate::fault;
use crate::leadership::{Deposed, ReachedAt};
use crate::served_log::ServedLog;
use crate::wire::streams::{BatchAppendReq, BatchAppendResp};
use crate::write::Draft;
use answers::{Heading, answer};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use group::{Done, Group};
use received::{MAX_BYTES, Partial, Received};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Status, Streaming};

/// Appends under way on one call; further ones are not read until some are done.
const MAX_IN_FLIGHT: usize = 1024;

struct Session {
    served: Arc<ServedLog>,
    reached: Option<ReachedAt>,
    incoming: Streaming<BatchAppendReq>,
    /// Whether more appends are taken.
    open: bool,
    /// The error that ends the call once everything under way is done.
    ending: Option<Status>,
    /// Whether the client gets no more answers, only the error that ends the call.
    is_mute: bool,
    partial: Partial,
    /// Completely received, and not yet with the log.
    arrived: VecDeque<Received>,
    /// Whether an append without events is with the log. It reads, so that a later append would overtake it.
    is_checking: bool,
    in_flight: FuturesUnordered<BoxFuture<'static, Done>>,
    answers: VecDeque<BatchAppendResp>,
    /// Appends that have arrived or are in flight, and the bytes of their events.
    appends: usize,
    bytes: usize,
    shutdown: std::pin::Pin<Box<WaitForCancellationFutureOwned>>,
}

pub(crate) fn session(
    served: Arc<ServedLog>,
    reached: Option<ReachedAt>,
    incoming: Streaming<BatchAppendReq>,
) -> BoxStream<'static, Result<BatchAppendResp, Status>> {
    let shutdown = Box::pin(served.shutdown.child_token().cancelled_owned());
    let session = Session {
        served,
        reached,
        incoming,
        open: true,
        ending: None,
        is_mute: false,
        partial: Partial::default(),
        arrived: VecDeque::new(),
        is_checking: false,
        in_flight: FuturesUnordered::new(),
        answers: VecDeque::new(),
        appends: 0,
        bytes: 0,
        shutdown,
    };
    stream::unfold(session, Session::next).boxed()
}

impl Session {
    async fn next(mut self) -> Option<(Result<BatchAppendResp, Status>, Self)> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Some((Ok(answer), self));
            }
            if !self.open && self.in_flight.is_empty() && self.arrived.is_empty() {
                return self.ending.take().map(|status| (Err(status), self));
            }
            let accepts_more = self.open && self.appends < MAX_IN_FLIGHT && self.bytes < MAX_BYTES;
            tokio::select! {
                biased;
                // Reading goes first: the log commits in one transaction whatever is waiting.
                part = self.incoming.message(), if accepts_more => match part {
                    Ok(Some(part)) => if let Err(status) = self.receive(part) { self.end(Some(status)) },
                    Ok(None) => self.end(None),
                    Err(status) => self.end(Some(fault::unreadable(status))),
                },
                () = std::future::ready(()), if self.may_hand_over() => self.hand_over(),
                Some(done) = self.in_flight.next(), if !self.in_flight.is_empty() => self.take(done),
                () = &mut self.shutdown, if self.open => self.end(Some(fault::shutting_down())),
            }
        }
    }

    /// Takes no more appends; those under way are still answered.
    fn end(&mut self, ending: Option<Status>) {
        self.open = false;
        self.ending = ending;
        self.partial = Partial::default();
    }

    fn receive(&mut self, part: BatchAppendReq) -> Result<(), Status> {
        if let Some(append) = self.partial.receive(&self.served, part)? {
            self.appends += 1;
            self.bytes += append.bytes();
            self.arrived.push_back(append);
        }
        Ok(())
    }

    /// What has arrived waits for an append without events, and that for everything before it: it would read what the log
    /// has by then.
    fn may_hand_over(&self) -> bool {
        let waits = |next: &Received| self.is_checking || next.is_check();
        self.arrived.front().is_some_and(|next| self.in_flight.is_empty() || !waits(next))
    }

    /// Gives the log what has arrived, in order: a client may send the next event of a stream before it has the answer to
    /// the previous one.
    fn hand_over(&mut self) {
        self.is_checking = false;
        let mut group = Group::default();
        while let Some(append) = self.next_arrived(&group) {
            if let Some(deposed) = self.served.leadership.deposed(self.reached) {
                self.start(group);
                return self.depose(deposed);
            }
            let (time_left, bytes) = (append.time_left(), append.bytes());
            match append.draft {
                Err(failure) => self.take(Done { answers: vec![answer(append.heading, Err(failure))], bytes: 0 }),
                Ok(_) if time_left.is_zero() => {
                    self.take(Done { answers: vec![answer(append.heading, Err(Failure::TooLate))], bytes });
                }
                Ok(draft) if draft.is_empty() => self.check(append.heading, draft, time_left),
                Ok(draft) => {
                    if group.time_limit != time_left {
                        self.start(std::mem::replace(&mut group, Group::new(time_left)));
                    }
                    group.add(append.heading, draft);
                }
            }
        }
        self.start(group);
    }

    /// The next append that has to wait for nothing before it.
    fn next_arrived(&mut self, group: &Group) -> Option<Received> {
        let waits = self.is_checking || (!group.is_empty() && self.arrived.front().is_some_and(Received::is_check));
        if waits || !self.may_hand_over() { None } else { self.arrived.pop_front() }
    }

    fn start(&mut self, group: Group) {
        if !group.is_empty() {
            // Unconstrained, so that groups reach the log in order.
            self.in_flight.push(Box::pin(tokio::task::unconstrained(group.carry_out(Arc::clone(&self.served)))));
        }
    }

    fn check(&mut self, heading: Heading, draft: Draft, time_left: Duration) {
        self.is_checking = true;
        let served = Arc::clone(&self.served);
        self.in_flight.push(Box::pin(async move {
            let answers = vec![answer(heading, draft.write(&*served.log, time_left).await)];
            Done { answers, bytes: 0 }
        }));
    }

    /// Ends the call once what is with the log is written. What has only arrived is dropped.
    fn depose(&mut self, deposed: Deposed) {
        self.arrived.clear();
        self.is_mute = !deposed.answers;
        self.end(Some(deposed.status));
    }

    fn take(&mut self, done: Done) {
        self.appends = self.appends.saturating_sub(done.answers.len());
        self.bytes = self.bytes.saturating_sub(done.bytes);
        if !self.is_mute {
            self.answers.extend(done.answers);
        }
    }
}

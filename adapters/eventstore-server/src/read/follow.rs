//! Subscriptions: what is there, then what comes. Each begins with its confirmation, and none ends
//! but with an error: there are clients that would ask again at once, for ever.

use super::{Answers, From, seen};
use crate::convert::{IdForm, date_to_wire, event_to_wire};
use crate::fault;
use crate::filter::Sieve;
use crate::wire::streams::ReadResp;
use crate::wire::streams::read_resp::{CaughtUp, Checkpoint, Content, Position as WirePosition, SubscriptionConfirmation};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::{Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision};
use std::collections::VecDeque;
use std::sync::Arc;
use tonic::Status;

/// Events of a stream taken at once until the subscription is live.
const PAGE: usize = 64;

/// What subscriptions to a stream and to the whole log have in common.
pub(super) struct Follower {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) form: IdForm,
    /// Where the log ended when the subscription began.
    pub(super) head: Position,
}

impl Follower {
    /// Everything behind a position that passes.
    pub(super) fn all(self, id: String, from: Position, sieve: Sieve) -> Answers {
        let deliveries = self.log.subscribe(from, sieve.rough.clone());
        let all = All { follower: self, deliveries, sieve, told: from, ready: VecDeque::new() };
        confirmed(id, stream::try_unfold(all, All::next))
    }

    /// Everything of one stream behind a revision, whether or not there is such a stream yet.
    pub(super) fn stream(self, id: String, stream: StreamName, from: From) -> Answers {
        // What stands before the head is read from the stream, what comes behind it from the log.
        let filter = Filter::streams(&[stream.as_str()]);
        let deliveries = self.log.subscribe(self.head, filter);
        let past = if from == From::End { VecDeque::new().into() } else { None };
        let one = One { follower: self, stream, seen: seen(from), past, deliveries };
        confirmed(id, stream::try_unfold(one, One::next))
    }

    fn event(&self, event: &RecordedEvent) -> ReadResp {
        event_to_wire(event, self.form)
    }

    fn caught_up(&self, stream_revision: Option<Revision>, position: Option<Position>) -> ReadResp {
        say(Content::CaughtUp(CaughtUp {
            timestamp: Some(date_to_wire(self.clock.now())),
            stream_revision: stream_revision.and_then(|revision| i64::try_from(revision).ok()),
            position: position.map(|p| WirePosition { commit_position: p.0, prepare_position: p.0 }),
        }))
    }

    fn checkpoint(&self, position: Position) -> ReadResp {
        let timestamp = Some(date_to_wire(self.clock.now()));
        say(Content::Checkpoint(Checkpoint { commit_position: position.0, prepare_position: position.0, timestamp }))
    }
}

fn say(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

/// The confirmation, then what follows, and an error where that would just end.
fn confirmed(id: String, answers: impl futures::Stream<Item = Result<ReadResp, Status>> + Send + 'static) -> Answers {
    let confirmation = say(Content::Confirmation(SubscriptionConfirmation { subscription_id: id }));
    stream::iter([Ok(confirmation)]).chain(answers).boxed()
}

type Deliveries = BoxStream<'static, Result<Delivery, LogFault>>;

async fn next_delivery(deliveries: &mut Deliveries) -> Result<Delivery, Status> {
    // Where nothing passes, a subscription would otherwise keep its thread until the end of the log.
    tokio::task::consume_budget().await;
    match deliveries.try_next().await {
        Ok(Some(delivery)) => Ok(delivery),
        Ok(None) => Err(Status::unavailable("the event log was closed")),
        Err(fault) => Err(fault::status(&fault)),
    }
}

struct All {
    follower: Follower,
    deliveries: Deliveries,
    sieve: Sieve,
    /// The last checkpoint that the client has.
    told: Position,
    ready: VecDeque<ReadResp>,
}

impl All {
    async fn next(mut self) -> Result<Option<(ReadResp, Self)>, Status> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(Some((answer, self)));
            }
            match next_delivery(&mut self.deliveries).await? {
                Delivery::Event(event) => {
                    if self.sieve.passes(&event)? {
                        self.ready.push_back(self.follower.event(&event));
                    }
                    self.checkpoint_if_due(event.position);
                }
                Delivery::Checkpoint(position) => self.checkpoint_if_due(position),
                Delivery::CaughtUp(position) => {
                    if self.sieve.checkpoint_interval.is_some() {
                        self.checkpoint(position);
                    }
                    let known = Some(position).filter(|position| *position != Position::START);
                    self.ready.push_back(self.follower.caught_up(None, known));
                }
            }
        }
    }

    /// Stands behind every event up to it, so that whoever goes on from there misses none.
    fn checkpoint(&mut self, position: Position) {
        self.told = position;
        self.ready.push_back(self.follower.checkpoint(position));
    }

    fn checkpoint_if_due(&mut self, position: Position) {
        let Some(interval) = self.sieve.checkpoint_interval else { return };
        if position.0.saturating_sub(self.told.0) >= interval {
            self.checkpoint(position);
        }
    }
}

struct One {
    follower: Follower,
    stream: StreamName,
    /// The client has everything up to this revision.
    seen: Option<Revision>,
    /// What was read from the stream and not yet sent; `None` before the first page. Empty for good
    /// when the stream has been read to its end.
    past: Option<VecDeque<Arc<RecordedEvent>>>,
    deliveries: Deliveries,
}

impl One {
    async fn next(mut self) -> Result<Option<(ReadResp, Self)>, Status> {
        while self.past.is_none() {
            self.take_page().await?;
        }
        if let Some(event) = self.past.as_mut().and_then(VecDeque::pop_front) {
            self.seen = Some(event.revision);
            if self.past.as_ref().is_some_and(VecDeque::is_empty) {
                self.past = None;
            }
            return Ok(Some((self.follower.event(&event), self)));
        }
        loop {
            match next_delivery(&mut self.deliveries).await? {
                Delivery::Event(event) => {
                    let is_new = self.seen.is_none_or(|seen| event.revision > seen);
                    if event.stream == self.stream && is_new {
                        self.seen = Some(event.revision);
                        return Ok(Some((self.follower.event(&event), self)));
                    }
                }
                Delivery::Checkpoint(_) => {}
                Delivery::CaughtUp(_) => return Ok(Some((self.follower.caught_up(self.seen, None), self))),
            }
        }
    }

    /// Reads on; an empty page stays and says that the past is over.
    async fn take_page(&mut self) -> Result<(), Status> {
        let from = match self.seen {
            None => Some(0),
            Some(seen) => seen.checked_add(1),
        };
        let page = match from {
            None => Vec::new(),
            Some(_) => {
                let page = self.follower.log.read_stream(&self.stream, from, Direction::Forwards, PAGE).await;
                page.map_err(|fault| fault::status(&fault))?
            }
        };
        self.past = Some(page.into());
        Ok(())
    }
}

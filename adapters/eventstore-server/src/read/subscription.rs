//! Subscriptions: first the events that exist, then new ones. Each starts with a confirmation and ends
//! only with an error, because some clients resubscribe in a tight loop after a normal end.

use super::request::{Answers, From};
use crate::convert::{IdForm, date_to_wire, event_to_wire};
use crate::event_filter::EventFilter;
use crate::fault;
use crate::wire::streams::ReadResp;
use crate::wire::streams::read_resp::{CaughtUp, Checkpoint, Content, Position as WirePosition, SubscriptionConfirmation};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use lastseat_domain::StreamName;
use lastseat_domain::ports::Clock;
use lastseat_domain::ports::event_log::{Delivery, Direction, EventLog, Filter, LogFault, Position, RecordedEvent, Revision};
use std::collections::VecDeque;
use std::sync::Arc;
use tonic::Status;

/// Events read at once from a stream until its subscription is live.
const PAGE: usize = 64;

/// What subscriptions to a stream and to the whole log have in common.
pub(super) struct Context {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) id_form: IdForm,
    /// The log's head when the subscription began.
    pub(super) head: Position,
}

impl Context {
    /// Every event after `from` that passes the filter.
    pub(super) fn subscribe_to_all(self, id: String, from: Position, filter: EventFilter) -> Answers {
        let deliveries = self.log.subscribe(from, filter.log_filter.clone());
        let ready = VecDeque::new();
        let all = AllSubscription { context: self, deliveries, filter, last_checkpoint: from, reached: from, ready };
        confirmed(id, stream::try_unfold(all, AllSubscription::next))
    }

    /// Every event of one stream after a revision. The stream need not exist yet.
    pub(super) fn subscribe_to_stream(self, id: String, stream: StreamName, from: From) -> Answers {
        // Events up to the head are read from the stream, later ones come from the log's subscription.
        let filter = Filter::streams(&[stream.as_str()]);
        let deliveries = self.log.subscribe(self.head, filter);
        let history = if from == From::End { VecDeque::new().into() } else { None };
        let seen = match from {
            From::At(revision) => Some(revision),
            From::Start | From::End => None,
        };
        let is_missing = from == From::Start;
        let one = StreamSubscription { context: self, stream, seen, history, deliveries, is_missing, is_caught_up_unsent: false };
        confirmed(id, stream::try_unfold(one, StreamSubscription::next))
    }

    fn event(&self, event: &RecordedEvent) -> ReadResp {
        event_to_wire(event, self.id_form)
    }

    fn caught_up(&self, stream_revision: Option<Revision>, position: Option<Position>) -> ReadResp {
        response(Content::CaughtUp(CaughtUp {
            timestamp: Some(date_to_wire(self.clock.now())),
            stream_revision: stream_revision.and_then(|revision| i64::try_from(revision).ok()),
            position: position.map(|p| WirePosition { commit_position: p.0, prepare_position: p.0 }),
        }))
    }

    fn checkpoint(&self, position: Position) -> ReadResp {
        let timestamp = Some(date_to_wire(self.clock.now()));
        response(Content::Checkpoint(Checkpoint { commit_position: position.0, prepare_position: position.0, timestamp }))
    }
}

fn response(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

fn confirmed(id: String, answers: impl futures::Stream<Item = Result<ReadResp, Status>> + Send + 'static) -> Answers {
    let confirmation = response(Content::Confirmation(SubscriptionConfirmation { subscription_id: id }));
    stream::iter([Ok(confirmation)]).chain(answers).boxed()
}

type Deliveries = BoxStream<'static, Result<Delivery, LogFault>>;

async fn next_delivery(deliveries: &mut Deliveries) -> Result<Delivery, Status> {
    // A subscription of which nothing passes the filter would otherwise hold its thread to the log's end.
    tokio::task::consume_budget().await;
    match deliveries.try_next().await {
        Ok(Some(delivery)) => Ok(delivery),
        Ok(None) => Err(Status::unavailable("the event log was closed")),
        Err(fault) => Err(fault::status(&fault)),
    }
}

/// What is sent at a position.
#[allow(clippy::large_enum_variant, reason = "no more than two wait at a time")]
enum Answer {
    Event(ReadResp),
    Checkpoint,
    CaughtUp,
}

struct AllSubscription {
    context: Context,
    deliveries: Deliveries,
    filter: EventFilter,
    last_checkpoint: Position,
    /// Where the log has delivered up to. What is to be sent at this position is in `ready`; nothing between it and
    /// the delivery before passes the filter.
    reached: Position,
    ready: VecDeque<Answer>,
}

impl AllSubscription {
    async fn next(mut self) -> Result<Option<(ReadResp, Self)>, Status> {
        loop {
            if self.due_checkpoint().is_some_and(|due| due < self.reached) {
                return Ok(Some((self.send_due_checkpoint(), self)));
            }
            match self.ready.pop_front() {
                Some(Answer::Event(event)) => return Ok(Some((event, self))),
                Some(Answer::Checkpoint) => {
                    self.last_checkpoint = self.reached;
                    return Ok(Some((self.context.checkpoint(self.reached), self)));
                }
                Some(Answer::CaughtUp) => {
                    let known = Some(self.reached).filter(|position| *position != Position::START);
                    return Ok(Some((self.context.caught_up(None, known), self)));
                }
                // After the event at this position, so that a client that resumes here misses none.
                None if self.due_checkpoint() == Some(self.reached) => return Ok(Some((self.send_due_checkpoint(), self))),
                None => {}
            }
            match next_delivery(&mut self.deliveries).await? {
                Delivery::Event(event) => {
                    self.reached = event.position;
                    if self.filter.passes(&event)? {
                        self.ready.push_back(Answer::Event(self.context.event(&event)));
                    }
                }
                Delivery::Checkpoint(position) => self.reached = position,
                Delivery::Interrupted(_) => {}
                Delivery::CaughtUp(position) => {
                    self.reached = position;
                    if self.filter.checkpoint_interval.is_some() {
                        self.ready.push_back(Answer::Checkpoint);
                    }
                    self.ready.push_back(Answer::CaughtUp);
                }
            }
        }
    }

    /// Where the next checkpoint is due: after so many positions, whether or not events pass, so that a client
    /// that was cut off need not scan them again. Our logs have an event at each position.
    fn due_checkpoint(&self) -> Option<Position> {
        let interval = self.filter.checkpoint_interval?;
        Some(Position(self.last_checkpoint.0.saturating_add(interval)))
    }

    fn send_due_checkpoint(&mut self) -> ReadResp {
        self.last_checkpoint = self.due_checkpoint().unwrap_or(self.reached);
        self.context.checkpoint(self.last_checkpoint)
    }
}

struct StreamSubscription {
    context: Context,
    stream: StreamName,
    /// The client has everything up to this revision.
    seen: Option<Revision>,
    /// Events read from the stream and not yet sent. `None` before a page is read; stays empty once the
    /// stream has been read to its end.
    history: Option<VecDeque<Arc<RecordedEvent>>>,
    deliveries: Deliveries,
    /// Read from its start, it had no event yet.
    is_missing: bool,
    /// "Caught up" waits for the stream's first events, as in EventStoreDB.
    is_caught_up_unsent: bool,
}

impl StreamSubscription {
    async fn next(mut self) -> Result<Option<(ReadResp, Self)>, Status> {
        while self.history.is_none() {
            self.read_page().await?;
        }
        if let Some(event) = self.history.as_mut().and_then(VecDeque::pop_front) {
            (self.seen, self.is_missing) = (Some(event.revision), false);
            if self.history.as_ref().is_some_and(VecDeque::is_empty) {
                self.history = None;
            }
            return Ok(Some((self.context.event(&event), self)));
        }
        loop {
            let delivery = if self.is_caught_up_unsent && self.seen.is_some() {
                // The events that were appended together with the first one are there already.
                let Some(delivery) = next_delivery(&mut self.deliveries).now_or_never() else {
                    self.is_caught_up_unsent = false;
                    return Ok(Some((self.context.caught_up(self.seen, None), self)));
                };
                delivery?
            } else {
                next_delivery(&mut self.deliveries).await?
            };
            match delivery {
                Delivery::Event(event) => {
                    let is_new = self.seen.is_none_or(|seen| event.revision > seen);
                    if event.stream == self.stream && is_new {
                        (self.seen, self.is_missing) = (Some(event.revision), false);
                        return Ok(Some((self.context.event(&event), self)));
                    }
                }
                Delivery::Checkpoint(_) | Delivery::Interrupted(_) => {}
                Delivery::CaughtUp(_) if self.is_missing => self.is_caught_up_unsent = true,
                Delivery::CaughtUp(_) => return Ok(Some((self.context.caught_up(self.seen, None), self))),
            }
        }
    }

    /// Reads the next page of history; an empty page marks its end.
    async fn read_page(&mut self) -> Result<(), Status> {
        let from = match self.seen {
            None => Some(0),
            Some(seen) => seen.checked_add(1),
        };
        let page = match from {
            None => Vec::new(),
            Some(_) => {
                let page = self.context.log.read_stream(&self.stream, from, Direction::Forwards, PAGE).await;
                page.map_err(|fault| fault::status(&fault))?
            }
        };
        self.history = Some(page.into());
        Ok(())
    }
}

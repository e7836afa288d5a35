//! The event log in the rules' terms: aggregates come out, decisions go in.

use crate::error::Fault;
use chrono::TimeDelta;
use lastseat_domain::booking::{self, Booking};
use lastseat_domain::loyalty::{self, Account};
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, RecordedEvent, StreamWrite, WriteOutcome};
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::seat::{self, Seat};
use lastseat_domain::show::{self, Show};
use lastseat_domain::{BookingId, BuyerId, Envelope, SeatId, ShowId, StreamName, Timestamp, codec};
use parking_lot::Mutex;
use std::sync::Arc;
use uuid::Uuid;

/// Pauses between tries to find out what became of an append, in milliseconds.
const RETRY_MS: [i64; 3] = [20, 200, 1000];
/// Events asked for at a time. A booking has about ten.
const PAGE: usize = 256;

/// An aggregate as it stands in the log, and what the next append to it has to expect.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<S> {
    /// Its state.
    pub state: S,
    /// What to expect of its stream.
    pub expected: Expected,
    /// The event that brought it there.
    pub last: Option<Uuid>,
}

/// Loads aggregates and appends decisions.
#[derive(Clone)]
pub(crate) struct Journal {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    trouble: Arc<Mutex<Option<(Timestamp, String)>>>,
}

/// How long a failed append makes the node not ready. Then it is asked for work again, and finds out
/// whether the log is well.
const DISTRUST: TimeDelta = TimeDelta::seconds(5);

impl Journal {
    pub(crate) fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock, trouble: Arc::default() }
    }

    /// Why the log could not be written a moment ago, if so.
    pub(crate) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.as_ref().filter(|(since, _)| self.now() - since < DISTRUST).map(|(_, why)| why.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits `ms` milliseconds by the engine's clock.
    pub(crate) async fn pause(&self, ms: i64) {
        self.clock.sleep_until(self.now() + chrono::TimeDelta::milliseconds(ms)).await;
    }

    /// Appends. Where the log could not say what became of it, the same append is repeated: it has
    /// the same ids at the same revisions, so it can't land twice.
    pub(crate) async fn append(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let outcome = self.append_until_known(writes).await;
        match &outcome {
            Ok(_) => *self.trouble.lock() = None,
            Err(fault @ (Fault::Unavailable(_) | Fault::OutcomeUnknown(_))) => {
                *self.trouble.lock() = Some((self.now(), fault.to_string()));
            }
            // What is wrong with this append need not be wrong with the next.
            Err(_) => {}
        }
        outcome
    }

    async fn append_until_known(&self, writes: Vec<StreamWrite>) -> Result<Vec<WriteOutcome>, Fault> {
        let mut unknown = None;
        for pause in RETRY_MS.map(Some).into_iter().chain([None]) {
            match self.log.append(writes.clone()).await {
                Ok(outcomes) => return Ok(outcomes),
                // Refused at once, and nothing before it may have landed.
                Err(fault @ LogFault::Unavailable(_)) if unknown.is_none() => return Err(fault.into()),
                Err(fault @ (LogFault::Damaged(_) | LogFault::Refused(_))) => return Err(fault.into()),
                Err(fault @ LogFault::OutcomeUnknown(_)) => unknown = Some(fault),
                Err(LogFault::Unavailable(_)) => {}
            }
            if let Some(ms) = pause {
                self.pause(ms).await;
            }
        }
        Err(unknown.map_or_else(|| Fault::Unavailable("the event log does not answer".into()), Fault::from))
    }

    pub(crate) async fn booking(&self, id: BookingId) -> Result<Loaded<Option<Booking>>, Fault> {
        self.fold(&StreamName::booking(id), None, |state, e| booking::evolve(state, &e.event, e.metadata.at)).await
    }

    pub(crate) async fn account(&self, buyer: &BuyerId) -> Result<Loaded<Account>, Fault> {
        self.fold(&StreamName::loyalty(buyer), Account::default(), |state, e| loyalty::evolve(state, &e.event)).await
    }

    pub(crate) async fn show(&self, id: &ShowId) -> Result<Loaded<Option<Show>>, Fault> {
        self.fold(&StreamName::show(id), None, |state, e| show::evolve(state, &e.event)).await
    }

    /// A seat's last event alone tells its state, so only that one is read.
    pub(crate) async fn seat(&self, show: &ShowId, seat: &SeatId) -> Result<Loaded<Seat>, Fault> {
        let last = self.log.read_stream(&StreamName::seat(show, seat), None, Direction::Backwards, 1).await?;
        let Some(last) = last.first() else { return Ok(Loaded { state: Seat::Free, expected: Expected::NoStream, last: None }) };
        let state = codec::decode(last)?.map_or(Seat::Free, |e| seat::evolve(Seat::Free, &e.event));
        Ok(Loaded { state, expected: Expected::Revision(last.revision), last: Some(last.id) })
    }

    async fn fold<S>(&self, stream: &StreamName, initial: S, evolve: impl Fn(S, &Envelope) -> S) -> Result<Loaded<S>, Fault> {
        let (mut state, mut expected, mut last) = (initial, Expected::NoStream, None);
        loop {
            let from = expected.next_revision();
            let page: Vec<Arc<RecordedEvent>> = self.log.read_stream(stream, Some(from), Direction::Forwards, PAGE).await?;
            for recorded in &page {
                if let Some(envelope) = codec::decode(recorded)? {
                    state = evolve(state, &envelope);
                }
                expected = Expected::Revision(recorded.revision);
                last = Some(recorded.id);
            }
            if page.len() < PAGE {
                return Ok(Loaded { state, expected, last });
            }
        }
    }
}

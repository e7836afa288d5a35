//! Appends as they are received: each in one part, or in several.

use super::answers::Heading;
use crate::convert::id_from_wire;
use crate::deadline;
use crate::failure::Failure;
use crate::served_log::ServedLog;
use crate::wire::streams::BatchAppendReq;
use crate::wire::streams::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition as AskedPosition};
use crate::wire::streams::batch_append_req::{Options, ProposedMessage};
use crate::wire::streams::batch_append_resp::ExpectedStreamPosition;
use crate::write::{Draft, ExpectedState};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

/// Bytes of events on one call that are not yet done. Also of those in partly received appends.
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Partly received appends on one call.
const MAX_PARTIAL: usize = 64;

/// An append as far as it has been received, or the reason why it can't be carried out.
pub(super) struct Received {
    pub(super) heading: Heading,
    pub(super) draft: Result<Draft, Failure>,
    /// Since `begun`, when its first part was received.
    time_limit: Duration,
    begun: Instant,
}

impl Received {
    fn begin(served: &ServedLog, correlation: Uuid, options: Options) -> Self {
        let longest = served.append_deadline;
        let time_limit = match options.deadline_option {
            None => longest,
            Some(DeadlineOption::Deadline(duration)) => deadline::from_duration(duration),
            Some(DeadlineOption::Deadline21100(date)) => deadline::from_date(date, served.clock.now()),
        };
        let (state, expected) = match options.expected_stream_position {
            None => (None, None),
            Some(AskedPosition::StreamPosition(revision)) => {
                (Some(ExpectedState::of_revision(revision)), Some(ExpectedStreamPosition::StreamPosition(revision)))
            }
            Some(AskedPosition::NoStream(())) => (Some(ExpectedState::NoStream), Some(ExpectedStreamPosition::NoStream(()))),
            Some(AskedPosition::Any(())) => (Some(ExpectedState::Any), Some(ExpectedStreamPosition::Any(()))),
            Some(AskedPosition::StreamExists(())) => {
                (Some(ExpectedState::StreamExists), Some(ExpectedStreamPosition::StreamExists(())))
            }
        };
        let heading = Heading { correlation, stream: options.stream_identifier.clone(), expected };
        let time_limit = deadline::in_steps(time_limit.min(longest));
        Self { heading, time_limit, begun: Instant::now(), draft: Draft::new(options.stream_identifier, state) }
    }

    fn add(&mut self, events: Vec<ProposedMessage>) {
        for event in events {
            let Ok(good) = &mut self.draft else { return };
            if let Err(failure) = good.push(event.id, &event.metadata, event.custom_metadata, event.data) {
                self.draft = Err(failure);
            }
        }
    }

    /// Of its events.
    pub(super) fn bytes(&self) -> usize {
        self.draft.as_ref().map_or(0, Draft::bytes)
    }

    /// Whether it writes nothing and only asks for the stream's revision.
    pub(super) fn is_check(&self) -> bool {
        self.draft.as_ref().is_ok_and(Draft::is_empty)
    }

    /// Zero if its deadline has passed.
    pub(super) fn time_left(&self) -> Duration {
        deadline::left(self.time_limit, self.begun.elapsed())
    }
}

/// Appends of which parts are missing.
#[derive(Default)]
pub(super) struct Partial {
    appends: HashMap<Uuid, Received>,
    bytes: usize,
}

impl Partial {
    /// Adds a part to its append, and returns it if that was the last part.
    pub(super) fn receive(&mut self, served: &ServedLog, part: BatchAppendReq) -> Result<Option<Received>, Status> {
        let correlation = id_from_wire(part.correlation_id, "the correlation id")?;
        let mut append = match (self.appends.remove(&correlation), part.options) {
            (Some(begun), _) => begun,
            (None, Some(options)) => Received::begin(served, correlation, options),
            (None, None) => return Err(Status::invalid_argument("the first part of a batch append must have options")),
        };
        self.bytes = self.bytes.saturating_sub(append.bytes());
        append.add(part.proposed_messages);
        if part.is_final {
            return Ok(Some(append));
        }
        self.bytes += append.bytes();
        self.appends.insert(correlation, append);
        if self.appends.len() > MAX_PARTIAL || self.bytes > MAX_BYTES {
            return Err(Status::resource_exhausted("too many unfinished appends on one call"));
        }
        Ok(None)
    }
}

//! The log as such: order, numbering, identity, causes and times.

use super::code::Code;
use super::identity::Identity;
use super::report::{Findings, Place};
use lastseat_domain::ports::event_log::{Position, RecordedEvent, Revision};
use lastseat_domain::{CommandId, Metadata, StreamName, Timestamp};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A log whose positions count bytes, as EventStoreDB's do, has more of them for each event.
const NUMBERED_BELOW: u64 = 32;
/// Most gaps between positions that are remembered.
const MOST_GAPS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Streams {
    first: Option<Place>,
    last: Position,
    /// Number of events, other programs' included.
    count: u64,
    /// Smallest distance between two events.
    step: Option<u64>,
    /// Events that are further than 1 from the one before them, with that one's position.
    gaps: Vec<(Position, Place)>,
    tails: HashMap<StreamName, Tail>,
    /// Half of each event's id: ids are hashes, so two halves meet by chance once in 2^64 / n.
    ids: HashSet<u64>,
    /// Likewise of each caller's command.
    commands: HashSet<u64>,
}

/// The end of a stream.
#[derive(Debug, Default)]
struct Tail {
    next: Revision,
    at: Option<Timestamp>,
    /// The command that led to its last event.
    command: Option<u64>,
}

impl Streams {
    /// Position of the last event.
    pub fn position(&self) -> Position {
        self.last
    }

    /// Positions increase from event to event.
    pub fn check_position(&mut self, recorded: &RecordedEvent, findings: &mut Findings) {
        let place = Place::of_recorded(recorded);
        let last = self.last;
        findings.check(Code::PositionOrder, recorded.position > last, &place, || format!("it comes after position {last}"));
        if self.first.is_none() {
            self.first = Some(place);
        } else if let Some(step) = recorded.position.0.checked_sub(last.0).filter(|step| *step > 0) {
            self.step = Some(self.step.map_or(step, |least| least.min(step)));
            if step > 1 && self.gaps.len() < MOST_GAPS {
                self.gaps.push((last, place));
            }
        }
        self.last = last.max(recorded.position);
        self.count += 1;
    }

    /// In a log that numbers its events, none is missing before the last.
    pub fn finish(&mut self, findings: &mut Findings) {
        if self.last.0 / NUMBERED_BELOW >= self.count {
            return;
        }
        let (Some(first), Some(step)) = (self.first.take(), self.step) else { return };
        let gaps = std::mem::take(&mut self.gaps);
        for (before, place) in std::iter::once((Position::START, first)).chain(gaps) {
            let expected = before.0.saturating_add(step);
            let missing = place.position.0.saturating_sub(expected) / step.max(1);
            findings.check(Code::PositionGap, place.position.0 == expected, &place, || {
                format!("{missing} events are missing between it and position {before}")
            });
        }
    }

    /// Another program's event in one of our streams takes a revision, too. One with lastseat's metadata
    /// is not another program's.
    pub fn check_foreign(&mut self, recorded: &RecordedEvent, findings: &mut Findings) {
        if !matches!(
            recorded.stream.category(),
            "show" | "seat" | "block" | "booking" | "loyalty" | "ticket" | "webhook" | "operations"
        ) {
            return;
        }
        self.tails.entry(recorded.stream.clone()).or_default().next = recorded.revision.saturating_add(1);
        if let Some(identity) = Identity::of(recorded) {
            let place = Place::of_recorded(recorded);
            check_identity(&identity, recorded, &place, findings);
            findings.wrong(Code::UnknownVersion, &place, || format!("`{}` is no event of lastseat", recorded.event_type));
        }
    }

    /// Streams of ours are numbered from 0 without a gap, no id occurs twice, and every event fits its id
    /// and its hash. `metadata`: absent if the event can't be read.
    pub fn check_stream(&mut self, recorded: &RecordedEvent, metadata: Option<&Metadata>, findings: &mut Findings) {
        let place = Place::of_recorded(recorded);
        let tail = self.tails.entry(recorded.stream.clone()).or_default();
        let expected = std::mem::replace(&mut tail.next, recorded.revision.saturating_add(1));
        findings.check(Code::RevisionGap, recorded.revision == expected, &place, || {
            format!("it has revision {}, the next would be {expected}", recorded.revision)
        });
        if let Some(metadata) = metadata {
            // Writers of the first rule did not look at the stream's time.
            let back = tail.at.filter(|last| metadata.id_rule >= 2 && *last > metadata.at);
            findings.check(Code::TimeBack, back.is_none(), &place, || {
                format!("it was decided at {}, the event before it at {}", metadata.at, back.unwrap_or_default())
            });
            tail.at = Some(tail.at.map_or(metadata.at, |last| last.max(metadata.at)));
        }
        if let Some(identity) = Identity::of(recorded) {
            check_identity(&identity, recorded, &place, findings);
            self.check_cause(&identity, recorded, &place, findings);
        }
        let new = self.ids.insert(half(recorded.id));
        findings.check(Code::EventIdTwice, new, &place, || format!("another event has the id {} as well", recorded.id));
    }

    /// What caused an event came before it, and a caller's command causes the events of one append.
    fn check_cause(&mut self, identity: &Identity, recorded: &RecordedEvent, place: &Place, findings: &mut Findings) {
        let Some(cause) = identity.cause else { return };
        let command = CommandId::of_cause(cause).map(|_| half(cause));
        // A hold is caused by its request, which the booking's id stands for.
        let is_request = command.is_some()
            || identity.correlation == Some(cause)
            || recorded.revision == 0 && cause == Identity::beginning(&recorded.stream);
        let known = is_request || self.ids.contains(&half(cause));
        findings.check(Code::CauseUnknown, known, place, || format!("no event before it has the id {cause}"));
        let Some(tail) = self.tails.get_mut(&recorded.stream) else { return };
        if let Some(command) = command {
            let once = tail.command == Some(command) || self.commands.insert(command);
            findings.check(Code::CommandTwice, once, place, || format!("its command {cause} was executed before"));
        }
        tail.command = command;
    }
}

fn check_identity(identity: &Identity, recorded: &RecordedEvent, place: &Place, findings: &mut Findings) {
    if !identity.is_known() {
        findings.wrong(Code::UnknownVersion, place, || format!("rule {} for ids is unknown", identity.id_rule));
        return;
    }
    let id = identity.id(recorded);
    findings.check(Code::EventIdDiffers, id == recorded.id, place, || {
        format!("it was changed: its id is {}, its content leads to {id}", recorded.id)
    });
    findings.check(Code::MetadataDiffers, identity.metadata_match(recorded), place, || {
        "its metadata or its id were changed: the hash does not fit".to_owned()
    });
}

fn half(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    high ^ low
}

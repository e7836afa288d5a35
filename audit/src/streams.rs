//! The log as such: order, numbering, identity.

use super::code::Code;
use super::report::{Findings, Place};
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Position, RecordedEvent, Revision};
use std::collections::{HashMap, HashSet};

#[derive(Debug, Default)]
pub(super) struct Streams {
    last: Position,
    next: HashMap<StreamName, Revision>,
    /// Half of each event's id: ids are hashes, so two halves meet by chance once in 2^64 / n.
    ids: HashSet<u64>,
}

impl Streams {
    /// Position of the last event.
    pub fn position(&self) -> Position {
        self.last
    }

    /// Positions increase from event to event.
    pub fn check_position(&mut self, recorded: &RecordedEvent, findings: &mut Findings) {
        let place = Place { position: recorded.position, stream: &recorded.stream };
        let behind = recorded.position > self.last;
        let last = self.last;
        findings.check(Code::PositionOrder, behind, &place, || format!("it comes after position {last}"));
        self.last = last.max(recorded.position);
    }

    /// Another program's event in one of our streams takes a revision, too.
    pub fn count_foreign(&mut self, recorded: &RecordedEvent) {
        if matches!(recorded.stream.category(), "show" | "seat" | "booking" | "loyalty") {
            self.next.insert(recorded.stream.clone(), recorded.revision.saturating_add(1));
        }
    }

    /// Streams of ours are numbered from 0 without a gap, and no id occurs twice.
    pub fn check_stream(&mut self, recorded: &RecordedEvent, findings: &mut Findings) {
        let place = Place { position: recorded.position, stream: &recorded.stream };
        let expected = match self.next.get_mut(&recorded.stream) {
            Some(next) => std::mem::replace(next, recorded.revision.saturating_add(1)),
            None => {
                self.next.insert(recorded.stream.clone(), recorded.revision.saturating_add(1));
                0
            }
        };
        findings.check(Code::RevisionGap, recorded.revision == expected, &place, || {
            format!("it has revision {}, the next would be {expected}", recorded.revision)
        });
        let (high, low) = recorded.id.as_u64_pair();
        let new = self.ids.insert(high ^ low);
        findings.check(Code::EventIdTwice, new, &place, || format!("another event has the id {} as well", recorded.id));
    }
}

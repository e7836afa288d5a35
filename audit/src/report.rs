//! What an audit came to.

use super::code::{Code, GUARANTEES, NOT_SHOWN, UNPROVABLE};
use lastseat_domain::ports::event_log::{Position, RecordedEvent, Revision};
use lastseat_domain::{Currency, Envelope, StreamName, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most violations, and most pending matters, that are named. More are only counted.
pub const MOST_NAMED: usize = 10_000;

/// What an audit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Events of lastseat.
    pub events: u64,
    /// Events of others in the same log; not looked at.
    pub foreign_events: u64,
    /// Position of the last event.
    pub position: Position,
    /// Latest moment at which something was decided: what "now" is to the report.
    pub until: Option<Timestamp>,
    /// Shows scheduled.
    pub shows: u64,
    /// Bookings by status, in the API's words.
    pub bookings: BTreeMap<&'static str, u64>,
    /// Seats by state: `available`, `locked`, `booked`.
    pub seats: BTreeMap<&'static str, u64>,
    /// What was taken and returned.
    pub money: BTreeMap<Currency, Flow>,
    /// Vouchers by state.
    pub vouchers: BTreeMap<&'static str, u64>,
    /// Scans of tickets: `entries`, `exits`, those of both that were made `offline`, and `double_entries` by the times of the
    /// scans. A double entry is no violation.
    pub scans: BTreeMap<&'static str, u64>,
    /// Events that were lost, and by whose decision the sale went on without them.
    pub accepted_losses: Vec<AcceptedLoss>,
    /// What is not as it will be, but not yet for so long that anything is wrong.
    pub pending: Vec<Pending>,
    /// Number of pending matters, those not named included.
    pub pending_total: u64,
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// Number of violations, those not named included.
    pub violations_total: u64,
    /// Guarantee by guarantee.
    pub guarantees: Vec<Guarantee>,
    /// What no log can show by itself, for people.
    pub not_shown: Vec<&'static str>,
}

impl Report {
    /// The first event, in the log's order, that something is wrong with.
    #[must_use]
    pub fn first_bad(&self) -> Option<&Violation> {
        self.violations.first()
    }

    /// Whether nothing in the log contradicts a guarantee.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations_total == 0
    }
}

/// Money in and out, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Taken, refunds not deducted.
    pub captured: i64,
    /// Returned, at the gateway or elsewhere.
    pub refunded: i64,
    /// The part of `refunded` that did not go through the gateway, by an admin's word.
    pub returned_elsewhere: i64,
}

/// A loss of acknowledged events that an operator has accepted. No guarantee covers what was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedLoss {
    /// Of the event that records it.
    pub position: Position,
    /// When it was accepted.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Position up to which events had been acknowledged, if that is known.
    pub expected_position: Option<u64>,
    /// Position of the last event that was left.
    pub found_position: u64,
    /// How the loss showed.
    pub reason: String,
}

/// Something under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Whose.
    pub stream: StreamName,
    /// What is to come, for people.
    pub text: String,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What kind.
    pub code: Code,
    /// The event that shows it.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its index in the stream; absent for what shows only at the end of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// What is wrong, for people.
    pub text: String,
}

/// A guarantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guarantee {
    /// Its number in the design.
    pub number: u8,
    /// Its words.
    pub text: &'static str,
    /// Whether nothing in this log contradicts it.
    pub holds: bool,
    /// Whether a log can prove it by itself.
    pub provable: bool,
    /// How often it was checked.
    pub checked: u64,
    /// How often it was broken.
    pub violations: u64,
}

/// Where in the log a check is made.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub position: Position,
    pub stream: StreamName,
    pub revision: Option<Revision>,
}

impl Place {
    pub fn of(envelope: &Envelope) -> Self {
        Self { position: envelope.position, stream: envelope.stream.clone(), revision: Some(envelope.revision) }
    }

    pub fn of_recorded(recorded: &RecordedEvent) -> Self {
        Self { position: recorded.position, stream: recorded.stream.clone(), revision: Some(recorded.revision) }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    checked: [u64; GUARANTEES.len()],
    broken: [u64; GUARANTEES.len()],
    violations: Vec<Violation>,
    pending: Vec<Pending>,
    pending_total: u64,
}

impl Findings {
    /// Checks that `holds`. `text` says what is wrong if not.
    pub fn check(&mut self, code: Code, holds: bool, place: &Place, text: impl FnOnce() -> String) {
        let index = usize::from(code.guarantee()).saturating_sub(1);
        if let Some(checked) = self.checked.get_mut(index) {
            *checked += 1;
        }
        if holds {
            return;
        }
        if let Some(broken) = self.broken.get_mut(index) {
            *broken += 1;
        }
        if self.violations.len() < MOST_NAMED {
            let Place { position, stream, revision } = place.clone();
            self.violations.push(Violation { code, position, stream, revision, text: text() });
        }
    }

    /// Says that something is wrong.
    pub fn wrong(&mut self, code: Code, place: &Place, text: impl FnOnce() -> String) {
        self.check(code, false, place, text);
    }

    pub fn pending(&mut self, stream: StreamName, text: String) {
        self.pending_total += 1;
        if self.pending.len() < MOST_NAMED {
            self.pending.push(Pending { stream, text });
        }
    }

    /// Puts what was found into the report.
    pub fn into_report(mut self, report: &mut Report) {
        self.violations.sort_by_key(|v| v.position);
        self.pending.sort_by(|a, b| (&a.stream, &a.text).cmp(&(&b.stream, &b.text)));
        report.violations_total = self.broken.iter().sum();
        report.violations = self.violations;
        report.pending = self.pending;
        report.pending_total = self.pending_total;
        report.not_shown = NOT_SHOWN.to_vec();
        let counts = self.checked.into_iter().zip(self.broken);
        report.guarantees = GUARANTEES
            .into_iter()
            .zip(counts)
            .map(|((number, text), (checked, violations))| Guarantee {
                number,
                text,
                holds: violations == 0,
                provable: number != UNPROVABLE,
                checked,
                violations,
            })
            .collect();
    }
}

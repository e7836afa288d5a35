//! Whether the log is what was acknowledged: its end compared with the high-water mark. Pure.

use crate::mark::FoundMark;
use lastseat_domain::ports::event_log::Position;
use std::fmt;

/// What is missing from a log, or was changed in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Position up to which events were acknowledged, if that is known.
    pub expected: Option<u64>,
    /// Position of the last event that is there.
    pub found: u64,
    /// How it shows.
    pub kind: LossKind,
}

/// How a loss shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LossKind {
    /// The log ends before its high-water mark.
    CutOff,
    /// The events up to the mark are not those that were acknowledged.
    Changed,
    /// The mark is missing or damaged, so that nobody can tell whether the log is complete.
    NoMark,
    /// The log is empty, and something beside it shows that it was not: what it is.
    Emptied(String),
}

impl Loss {
    /// How many events are missing, if that is known.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        self.expected.map(|expected| expected.saturating_sub(self.found)).filter(|missing| *missing > 0)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, found, kind } = self;
        match (kind, expected) {
            (LossKind::CutOff, Some(expected)) => {
                let (missing, first) = (expected.saturating_sub(*found), found.saturating_add(1));
                let events = if missing == 1 { "event is" } else { "events are" };
                write!(
                    f,
                    "it ends at position {found}, but events up to position {expected} were acknowledged: \
                     {missing} {events} missing ({first} to {expected})"
                )
            }
            (LossKind::NoMark, _) => write!(
                f,
                "it ends at position {found}, and its high-water mark (events.mark) is missing or damaged, so nobody can tell \
                 whether events after that are missing"
            ),
            (LossKind::Emptied(evidence), _) => write!(f, "it is empty, but {evidence}"),
            (LossKind::Changed, Some(expected)) => write!(
                f,
                "it ends at position {found}, but its events up to position {expected} are not those that were acknowledged"
            ),
            (LossKind::Changed | LossKind::CutOff, None) => {
                write!(f, "it ends at position {found}, and its events are not those that were acknowledged")
            }
        }
    }
}

/// What was found in the log.
pub(crate) struct FoundLog {
    /// Position of the last event.
    pub(crate) last: Position,
    /// Whether the events up to the mark, where there is one, have the mark's hash.
    pub(crate) matches_mark: bool,
    /// Written by a version that had no mark.
    pub(crate) older_version: bool,
}

/// Compares the log with its mark. `evidence` says why it can't be empty, if something shows that.
pub(crate) fn judge(log: &FoundLog, mark: FoundMark, evidence: Option<&str>) -> Result<(), Loss> {
    let loss = |expected: Option<Position>, kind| Err(Loss { expected: expected.map(|p| p.0), found: log.last.0, kind });
    match mark {
        FoundMark::Mark(mark) if mark.position > log.last => loss(Some(mark.position), LossKind::CutOff),
        FoundMark::Mark(mark) if !log.matches_mark => loss(Some(mark.position), LossKind::Changed),
        FoundMark::Damaged => loss(None, LossKind::NoMark),
        FoundMark::None | FoundMark::Mark(_) if log.last == Position::START => match evidence {
            Some(evidence) => loss(None, LossKind::Emptied(evidence.to_owned())),
            None => Ok(()),
        },
        FoundMark::None if !log.older_version => loss(None, LossKind::NoMark),
        FoundMark::None | FoundMark::Mark(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running_hash::LogEnd;

    fn verdict(
        last: u64,
        mark: Option<u64>,
        matches_mark: bool,
        older_version: bool,
        evidence: Option<&str>,
    ) -> Option<LossKind> {
        let log = FoundLog { last: Position(last), matches_mark, older_version };
        let end = |position| FoundMark::Mark(LogEnd { position: Position(position), ..LogEnd::default() });
        judge(&log, mark.map_or(FoundMark::None, end), evidence).err().map(|loss| loss.kind)
    }

    #[test]
    fn a_log_is_complete_if_it_reaches_its_mark_with_the_same_hash() {
        assert_eq!(verdict(5, Some(5), true, false, None), None);
        assert_eq!(verdict(6, Some(5), true, false, None), None, "killed between commit and mark");
        assert_eq!(verdict(4, Some(5), true, false, None), Some(LossKind::CutOff));
        assert_eq!(verdict(4, Some(5), true, true, None), Some(LossKind::CutOff), "an older log is no excuse");
        assert_eq!(verdict(5, Some(5), false, false, None), Some(LossKind::Changed));
        assert_eq!(verdict(0, Some(5), true, false, None), Some(LossKind::CutOff));
    }

    #[test]
    fn only_an_empty_or_an_older_log_may_have_no_mark() {
        assert_eq!(verdict(0, None, true, false, None), None);
        assert_eq!(verdict(5, None, true, true, None), None);
        assert_eq!(verdict(5, None, true, false, None), Some(LossKind::NoMark));
        let log = FoundLog { last: Position(5), matches_mark: true, older_version: true };
        assert_eq!(judge(&log, FoundMark::Damaged, None).unwrap_err().kind, LossKind::NoMark);
    }

    #[test]
    fn evidence_counts_against_an_empty_log_only() {
        let payments = Some("payments were made");
        assert_eq!(verdict(0, None, true, false, payments), Some(LossKind::Emptied("payments were made".to_owned())));
        assert_eq!(verdict(0, Some(0), true, false, payments), Some(LossKind::Emptied("payments were made".to_owned())));
        assert_eq!(verdict(5, Some(5), true, false, payments), None);
    }

    #[test]
    fn the_message_counts() {
        let loss = Loss { expected: Some(1475), found: 1200, kind: LossKind::CutOff };
        assert_eq!(
            loss.to_string(),
            "it ends at position 1200, but events up to position 1475 were acknowledged: 275 events are missing (1201 to 1475)"
        );
    }
}

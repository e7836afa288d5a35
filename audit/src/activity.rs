//! When the log was written to. What is overdue while nothing runs is nobody's fault: a server that
//! was down for a night clears away at its start what ran out meanwhile, and only what it still has
//! not cleared away some time *after that* is stuck.

use super::facts::GRACE;
use lastseat_domain::Timestamp;
use std::collections::BTreeMap;

/// Times of the log's events, minute by minute.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// First and last event of each minute that has any, by minutes since the epoch.
    minutes: BTreeMap<i64, (Timestamp, Timestamp)>,
}

impl Activity {
    pub(super) fn saw(&mut self, at: Timestamp) {
        let minute = self.minutes.entry(minute(at)).or_insert((at, at));
        minute.0 = minute.0.min(at);
        minute.1 = minute.1.max(at);
    }

    /// The time of the last event.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.minutes.last_key_value().map(|(_, (_, last))| *last)
    }

    /// Whether what was due at `due` has had its time: something was written afterwards, and then
    /// again a minute later.
    pub(super) fn is_late(&self, due: Timestamp) -> bool {
        let mut awake = self.minutes.range(minute(due)..).filter(|(_, (_, last))| *last >= due);
        let Some((_, (first, _))) = awake.next() else { return false };
        let since = due.max(*first);
        self.until().is_some_and(|until| until - since > GRACE)
    }
}

fn minute(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
    }

    #[test]
    fn a_night_without_a_server_makes_nothing_late() {
        let mut activity = Activity::default();
        activity.saw(at(0));
        activity.saw(at(10));
        assert!(!activity.is_late(at(5)));
        // Down for hours; up again, and the first thing written is something else.
        activity.saw(at(30_000));
        assert!(!activity.is_late(at(20)));
        activity.saw(at(30_060));
        assert!(!activity.is_late(at(20)));
        activity.saw(at(30_061));
        assert!(activity.is_late(at(20)));
        assert!(!activity.is_late(at(30_055)));
    }
}

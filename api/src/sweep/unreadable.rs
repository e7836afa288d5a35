//! Reports the payments at the gateway that can't be understood.

use lastseat_domain::ports::payments::UnreadableRecord;
use std::collections::{HashMap, HashSet};

/// Payments that one line of the log names.
const NAMED: usize = 20;
/// Payments that are remembered. Further ones are neither counted nor named: a person has enough to look at.
const REMEMBERED: usize = 10_000;

/// Those that the passes have read, each with the last round in which they have.
///
/// A pass reads a part of all payments, so one that is old is in one pass of a round only. It counts until a whole round
/// has not read it as unreadable.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    seen: HashMap<UnreadableRecord, u64>,
    round: u64,
}

impl Unreadable {
    /// Takes what a pass has read, and names those that are new: whether money has moved there, only a person can find out.
    pub fn report(&mut self, read: HashSet<UnreadableRecord>) {
        for some in self.take(read).chunks(NAMED) {
            let names: Vec<&str> = some.iter().map(UnreadableRecord::name).collect();
            tracing::error!(
                payments = some.len(),
                intents = names.join(", "),
                why = some.first().map(|record| record.why.as_str()),
                "payments at the gateway can't be understood; look at them there"
            );
        }
    }

    /// Those of them that are new.
    fn take(&mut self, read: HashSet<UnreadableRecord>) -> Vec<UnreadableRecord> {
        read.into_iter().filter(|record| self.is_new(record)).collect()
    }

    /// Whether it is remembered from now on and was not before.
    fn is_new(&mut self, record: &UnreadableRecord) -> bool {
        if let Some(round) = self.seen.get_mut(record) {
            *round = self.round;
            return false;
        }
        let fits = self.seen.len() < REMEMBERED;
        if fits {
            self.seen.insert(record.clone(), self.round);
        }
        fits
    }

    /// All payments were read since the round began. Forgets those that can be understood now.
    pub fn end_round(&mut self) {
        let over = self.round;
        self.seen.retain(|_, round| *round == over);
        self.round += 1;
    }

    pub fn count(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::IntentId;

    fn odd(number: usize) -> UnreadableRecord {
        UnreadableRecord { intent: IntentId::new(&format!("pi_{number}")).ok(), booking: None, why: "a new status".into() }
    }

    #[test]
    fn each_is_new_once_while_it_is_among_those_that_are_read() {
        let mut unreadable = Unreadable::default();
        assert_eq!(unreadable.take(HashSet::from([odd(1)])), [odd(1)]);
        assert_eq!(unreadable.take(HashSet::from([odd(1), odd(2)])), [odd(2)]);
        for _ in 0..3 {
            unreadable.end_round();
            assert_eq!(unreadable.take(HashSet::from([odd(1), odd(2)])), []);
        }
        assert_eq!(unreadable.count(), 2);
        unreadable.end_round();
        assert_eq!(unreadable.take(HashSet::from([odd(2)])), []);
        unreadable.end_round();
        assert_eq!(unreadable.count(), 1, "a whole round has not read the first one");
        assert_eq!(unreadable.take(HashSet::from([odd(1)])), [odd(1)], "it has changed twice");
    }

    #[test]
    fn no_more_are_remembered_than_memory_is_for() {
        let mut unreadable = Unreadable::default();
        assert_eq!(unreadable.take((0..REMEMBERED + 5).map(odd).collect()).len(), REMEMBERED);
        assert_eq!(unreadable.take((0..REMEMBERED + 5).map(odd).collect()), []);
        assert_eq!(unreadable.count(), REMEMBERED);
    }
}

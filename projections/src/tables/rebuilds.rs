//! Whether a damaged file is worth folding again.

use super::fault::TablesFault;
use lastseat_domain::ports::event_log::Position;

/// The rebuilds of a running process.
#[derive(Debug, Default)]
pub(super) struct Rebuilds {
    /// How far the file had got when the last one began.
    last: Option<Position>,
}

impl Rebuilds {
    /// Notes that a file that had got to `position` has to be rebuilt. `false` if that was tried before and would give
    /// the same again: this process has folded all of the file itself, so what is not as it writes it is its own doing;
    /// and a disk that spoils the file before it got any further is not to be trusted with another.
    pub fn may_begin(&mut self, position: Position, fault: &TablesFault) -> bool {
        let is_in_vain = self.last.is_some_and(|last| matches!(fault, TablesFault::Unexpected(_)) || position <= last);
        self.last = Some(position);
        !is_in_vain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_that_would_give_the_same_is_not_begun() {
        let damaged = TablesFault::Damaged("malformed".into());
        let unexpected = TablesFault::Unexpected("no field `seats`".into());
        let mut rebuilds = Rebuilds::default();
        assert!(rebuilds.may_begin(Position(10), &unexpected), "another process may have written it");
        assert!(!rebuilds.may_begin(Position(99), &unexpected));
        let mut rebuilds = Rebuilds::default();
        assert!(rebuilds.may_begin(Position(10), &damaged));
        assert!(rebuilds.may_begin(Position(11), &damaged), "it got further");
        assert!(!rebuilds.may_begin(Position(11), &damaged));
    }
}

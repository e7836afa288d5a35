//! A cache of streams' last events, so that most appends need no query.

use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Position, Revision};
use std::collections::HashMap;
use uuid::Uuid;

/// The last event of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// `streams.id`.
    pub(super) number: i64,
    pub(super) revision: Revision,
    pub(super) id: Uuid,
    pub(super) position: Position,
}

/// The most recently used streams, up to a limit, in two generations: a used stream moves to the young
/// one; when that is full, it replaces the old one.
pub(super) struct KnownStreams {
    young: HashMap<StreamName, Known>,
    old: HashMap<StreamName, Known>,
    max_young: usize,
}

impl KnownStreams {
    pub(super) fn new(max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), max_young: (max / 2).max(1) }
    }

    pub(super) fn get(&mut self, stream: &StreamName) -> Option<Known> {
        if let Some(known) = self.young.get(stream) {
            return Some(*known);
        }
        let known = self.old.remove(stream)?;
        self.put(stream.clone(), known);
        Some(known)
    }

    pub(super) fn put(&mut self, stream: StreamName, known: Known) {
        if self.young.len() >= self.max_young && !self.young.contains_key(&stream) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream, known);
    }

    /// Empties the cache after a rollback, when it may hold events that were not written.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_what_is_used_and_stays_within_its_bound() {
        let mut streams = KnownStreams::new(8);
        let name = |n: u64| StreamName::from_log(&format!("s-{n}"));
        let known = |n| Known { number: 1, revision: n, id: Uuid::nil(), position: Position(n) };
        for n in 0..100 {
            streams.put(name(n), known(n));
            assert!(streams.get(&name(0)).is_some(), "in use all the time");
            assert!(streams.young.len() + streams.old.len() <= 8);
        }
        assert!(streams.get(&name(50)).is_none());
        assert_eq!(streams.get(&name(99)).map(|known| known.revision), Some(99));
    }
}

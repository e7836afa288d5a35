//! The latest changes of one show, encoded, for all its readers.

use bytes::{Bytes, BytesMut};
use lastseat_domain::ports::event_log::Position;
use std::collections::VecDeque;

/// Most groups of changes that are kept. A reader from before them reads the log.
pub(crate) const CAPACITY: usize = 16_384;
/// Most bytes handed to a reader at once, unless a single group is larger. A reader that does not go on
/// keeps them.
const CHUNK: usize = 64 * 1024;
/// Joined chunks that are kept for the next reader at the same place.
const SHARED: usize = 4;

pub(crate) struct Ring {
    groups: VecDeque<(Position, Bytes)>,
    /// Number of the first group that is still here; the first ever was 0.
    first: u64,
    /// All changes after this position are here.
    base: Position,
    capacity: usize,
    closed: bool,
    /// Whether a group came since [`Self::forget_if_idle`] was last called.
    has_new: bool,
    /// From, to (exclusive), and the groups between.
    joined: VecDeque<(u64, u64, Bytes)>,
}

/// What there is for a reader.
pub(crate) enum Pulled {
    /// Groups, and the number of the next one.
    Chunk(Bytes, u64),
    /// Nothing yet.
    Nothing,
    /// What comes next is not here any more.
    FellOff,
    /// Nothing will come.
    Closed,
}

impl Ring {
    /// An empty ring: there are no changes after `base` yet.
    pub fn new(base: Position, capacity: usize) -> Self {
        Self { groups: VecDeque::new(), first: 0, base, capacity, closed: false, has_new: false, joined: VecDeque::new() }
    }

    /// Appends a group. Positions never fall.
    pub fn push(&mut self, position: Position, group: Bytes) {
        if group.is_empty() {
            return;
        }
        while self.groups.len() >= self.capacity {
            if let Some((dropped, _)) = self.groups.pop_front() {
                self.base = dropped;
                self.first += 1;
            }
        }
        self.groups.push_back((position, group));
        self.has_new = true;
    }

    /// Forgets all groups if none came since the last call: nothing happens to a show that is over, and a reader who is that
    /// late reads the log. `changed_at`: the last change of the show. Reports of availability come later than that, but a reader
    /// who knows the show as it was then misses nothing: each begins with the availability of all areas.
    pub fn forget_if_idle(&mut self, changed_at: Position) {
        if std::mem::take(&mut self.has_new) {
            return;
        }
        if let Some((last, _)) = self.groups.back() {
            (self.base, self.first) = (changed_at.min(*last), self.end());
            (self.groups, self.joined) = (VecDeque::new(), VecDeque::new());
        }
    }

    /// Number of the first group after `position`; `None` if groups after it are gone.
    pub fn first_after(&self, position: Position) -> Option<u64> {
        if position < self.base {
            return None;
        }
        Some(self.first + self.groups.partition_point(|(at, _)| *at <= position) as u64)
    }

    /// Number of the group that comes next.
    pub fn end(&self) -> u64 {
        self.first + self.groups.len() as u64
    }

    /// Groups from number `from` on, leaving out those up to position `known`.
    pub fn pull(&mut self, from: u64, known: Position) -> Pulled {
        if self.closed {
            return Pulled::Closed;
        }
        let Some(skip) = from.checked_sub(self.first) else { return Pulled::FellOff };
        let end = self.end();
        if from >= end {
            return Pulled::Nothing;
        }
        // Most readers are up to date: they are at the same place and get the same bytes.
        if let Some((_, to, bytes)) = self.joined.iter().find(|(a, b, _)| *a == from && *b == end) {
            return Pulled::Chunk(bytes.clone(), *to);
        }
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let (mut count, mut size, mut plain) = (0, 0, true);
        for (position, group) in self.groups.range(skip.min(self.groups.len())..) {
            if size > 0 && size + group.len() > CHUNK {
                break;
            }
            count += 1;
            if *position <= known {
                plain = false;
            } else {
                size += group.len();
            }
        }
        let mut groups = self.groups.range(skip..skip + count).filter(|(position, _)| *position > known).map(|(_, group)| group);
        let bytes = match (groups.next(), count) {
            (None, _) => Bytes::new(),
            (Some(only), 1) => only.clone(),
            (Some(head), _) => {
                let mut joined = BytesMut::with_capacity(size);
                joined.extend_from_slice(head);
                groups.for_each(|group| joined.extend_from_slice(group));
                joined.freeze()
            }
        };
        let to = from + count as u64;
        if plain && to == end && count > 1 {
            if self.joined.len() >= SHARED {
                self.joined.pop_front();
            }
            self.joined.push_back((from, to, bytes.clone()));
        }
        Pulled::Chunk(bytes, to)
    }

    /// Whether all readers are to end.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Ends all readers.
    pub fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring_with(positions: &[u64]) -> Ring {
        let mut ring = Ring::new(Position::START, 8);
        positions.iter().for_each(|at| ring.push(Position(*at), Bytes::from_static(b"x")));
        ring
    }

    #[test]
    fn a_ring_without_changes_is_forgotten_the_second_time() {
        let mut ring = ring_with(&[3, 7]);
        ring.forget_if_idle(Position(7));
        assert_eq!(ring.first_after(Position(3)), Some(1), "changes came since the last time");
        ring.forget_if_idle(Position(7));
        assert_eq!((ring.groups.len(), ring.groups.capacity()), (0, 0));
        assert_eq!(ring.first_after(Position(6)), None, "the log has what is not here");
        assert_eq!(ring.first_after(Position(7)), Some(2));
    }

    /// A show's map has the position of its last change, and availability is reported later: at the position of another show.
    #[test]
    fn a_reader_who_has_loaded_the_map_of_an_idle_show_needs_no_log() {
        let mut ring = ring_with(&[3, 7]);
        let changed_at = Position(5);
        ring.forget_if_idle(changed_at);
        ring.forget_if_idle(changed_at);
        assert_eq!(ring.first_after(changed_at), Some(2));
        assert_eq!(ring.first_after(Position(4)), None);
    }

    #[test]
    fn readers_go_on_after_it_was_forgotten() {
        let mut ring = ring_with(&[3, 7]);
        let (up_to_date, late) = (ring.end(), 1);
        ring.forget_if_idle(Position(7));
        ring.forget_if_idle(Position(7));
        assert!(matches!(ring.pull(late, Position(3)), Pulled::FellOff));
        assert!(matches!(ring.pull(up_to_date, Position(7)), Pulled::Nothing));
        ring.push(Position(9), Bytes::from_static(b"y"));
        assert!(matches!(ring.pull(up_to_date, Position(7)), Pulled::Chunk(bytes, 3) if bytes == "y"));
    }
}

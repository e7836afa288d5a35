//! The blocks that have seats to be put back on sale, and when: those that were lifted, those that never opened, and
//! seats that a block was opened without. A pure fold of the log, so every node comes to the same list, also after a
//! crash.
//!
//! A seat is in a block from its `SeatBlocked`, or its return from a booking, until the next event of its stream.

use super::pending_bookings::Reading;
use lastseat_domain::event::{BlockLifted, BlockOpened, Event};
use lastseat_domain::{BlockId, Envelope, SeatId, ShowId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[cfg(test)]
mod tests;

/// Blocks that are finished by this node at the same time.
const AT_A_TIME: usize = 16;

/// A block that is taken to be finished, with the seats that it has.
pub(crate) type TakenBlock = (BlockId, Vec<(ShowId, SeatId)>);

/// What the block's own stream says.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Decision {
    /// Nothing yet.
    #[default]
    None,
    /// Open with these seats, sorted.
    Open(Vec<SeatId>),
    /// Lifted, or fenced.
    Lifted,
}

/// A block that has seats, or is open.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    decision: Decision,
    seats: BTreeSet<(ShowId, SeatId)>,
    /// Of these, those that it was opened without.
    strays: BTreeSet<(ShowId, SeatId)>,
    due: Option<Timestamp>,
}

impl Entry {
    fn has_work(&self) -> bool {
        match &self.decision {
            Decision::None | Decision::Lifted => !self.seats.is_empty(),
            Decision::Open(_) => !self.strays.is_empty(),
        }
    }

    fn is_stray(&self, seat: &SeatId) -> bool {
        matches!(&self.decision, Decision::Open(seats) if seats.binary_search(seat).is_err())
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PendingBlocks {
    entries: HashMap<BlockId, Entry>,
    /// Which block a seat is in: the next event of the seat need not name it.
    blocks: HashMap<(ShowId, SeatId), BlockId>,
    due: BTreeSet<(Timestamp, BlockId)>,
}

/// As a snapshot has them.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct PendingBlocksSnapshot(BTreeMap<BlockId, Entry>);

impl PendingBlocks {
    pub(super) fn apply(&mut self, envelope: &Envelope, reading: &Reading) {
        let now = envelope.metadata.at;
        // What a command has begun is left to its node for as long as a booking in progress.
        let later = now + reading.in_progress();
        match &envelope.event {
            Event::BlockOpened(BlockOpened { block, seats, .. }) => self.change(*block, later, |entry| {
                if entry.decision != Decision::Lifted {
                    let mut listed = seats.clone();
                    listed.sort_unstable();
                    entry.decision = Decision::Open(listed);
                    let strays = entry.seats.iter().filter(|(_, seat)| entry.is_stray(seat));
                    entry.strays = strays.cloned().collect();
                }
            }),
            Event::BlockLifted(BlockLifted { block, .. }) => {
                self.change(*block, later, |entry| entry.decision = Decision::Lifted)
            }
            Event::SeatBlocked(_) | Event::SeatUnblocked(_) | Event::SeatLocked(_) | Event::SeatReleased(_) => {
                self.seat(envelope, later, now + reading.grace());
            }
            _ => {}
        }
    }

    fn seat(&mut self, envelope: &Envelope, later: Timestamp, soon: Timestamp) {
        let Some(key) = envelope.stream.as_seat() else { return };
        if let Some(block) = self.blocks.remove(&key) {
            self.change(block, later, |entry| {
                entry.seats.remove(&key);
                entry.strays.remove(&key);
            });
        }
        let (block, due) = match &envelope.event {
            Event::SeatBlocked(e) => (e.block, later),
            // No command sees to a seat that returns to a block that was lifted meanwhile: the node that has released it
            // does, and another one after a while.
            Event::SeatReleased(e) => match e.block {
                Some(block) => (block, soon),
                None => return,
            },
            _ => return,
        };
        self.blocks.insert(key.clone(), block);
        self.change(block, due, |entry| {
            if entry.is_stray(&key.1) {
                entry.strays.insert(key.clone());
            }
            entry.seats.insert(key);
        });
    }

    fn change(&mut self, block: BlockId, due: Timestamp, change: impl FnOnce(&mut Entry)) {
        let entry = self.entries.entry(block).or_default();
        let before = entry.due.take();
        if let Some(before) = before {
            self.due.remove(&(before, block));
        }
        change(entry);
        if entry.has_work() {
            // Events that are read late would make it due at each of them, although it has just been taken.
            let due = before.map_or(due, |before| before.max(due));
            entry.due = Some(due);
            self.due.insert((due, block));
        } else if entry.seats.is_empty() && !matches!(entry.decision, Decision::Open(_)) {
            self.entries.remove(&block);
        }
    }

    /// How many have something left to be done.
    pub(crate) fn unfinished(&self) -> usize {
        self.due.len()
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes blocks that are due at `now`. Each is due again at `again`, unless the log shows by then that it is done.
    pub(crate) fn take_due(&mut self, now: Timestamp, again: Timestamp) -> Vec<TakenBlock> {
        let due = self.due.iter().take_while(|(due, _)| *due <= now).take(AT_A_TIME);
        let due: Vec<_> = due.copied().collect();
        let mut taken = Vec::new();
        for (before, block) in due {
            self.due.remove(&(before, block));
            self.due.insert((again, block));
            if let Some(entry) = self.entries.get_mut(&block) {
                entry.due = Some(again);
                let seats = if matches!(entry.decision, Decision::Open(_)) { &entry.strays } else { &entry.seats };
                taken.push((block, seats.iter().cloned().collect()));
            }
        }
        taken
    }

    /// After the log was read from its start: nobody works on anything.
    pub(crate) fn make_due(&mut self, now: Timestamp) {
        self.due = std::mem::take(&mut self.due).into_iter().map(|(_, block)| (now, block)).collect();
        for (_, block) in &self.due {
            if let Some(entry) = self.entries.get_mut(block) {
                entry.due = Some(now);
            }
        }
    }

    pub(super) fn take_snapshot(&self) -> PendingBlocksSnapshot {
        PendingBlocksSnapshot(self.entries.iter().map(|(block, entry)| (*block, entry.clone())).collect())
    }

    pub(super) fn restore(snapshot: PendingBlocksSnapshot) -> Self {
        let entries: HashMap<_, _> = snapshot.0.into_iter().collect();
        let blocks = entries.iter().flat_map(|(block, entry)| entry.seats.iter().map(|seat| (seat.clone(), *block)));
        let due = entries.iter().filter_map(|(block, entry)| Some((entry.due?, *block)));
        Self { blocks: blocks.collect(), due: due.collect(), entries }
    }
}

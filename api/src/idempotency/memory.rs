//! The bounded memory of answers.

use crate::answer::Answer;
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// What a slot takes besides its answer: hashes, map and queue entries.
const OVERHEAD: usize = 256;

/// Remembers answers. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    keep: TimeDelta,
    most_bytes: usize,
}

#[derive(Default)]
struct State {
    slots: HashMap<[u8; 32], Slot>,
    /// Answers in the order in which they were stored, which is that of their age.
    order: VecDeque<(Timestamp, [u8; 32])>,
    bytes: usize,
}

struct Slot {
    body: [u8; 32],
    answer: Option<Answer>,
}

/// What to do with a request.
pub enum Begin {
    /// It is new: carry it out and store the answer in the ticket.
    New(Ticket),
    /// It was carried out: this was the answer.
    Replay(Answer),
    /// The key was used for another body.
    Reused,
    /// The first is still under way.
    InFlight,
}

/// The right to answer a slot. Dropped without an answer (a fault, a caller who hung up), the key
/// is as good as new.
pub struct Ticket {
    memory: Memory,
    slot: [u8; 32],
    open: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(TimeDelta::hours(24), 64 << 20)
    }
}

impl Memory {
    /// Keeps answers for `keep`, and the newest of them in at most `most_bytes`.
    #[must_use]
    pub fn new(keep: TimeDelta, most_bytes: usize) -> Self {
        Self { state: Arc::default(), keep, most_bytes }
    }

    /// Takes a request in.
    #[must_use]
    pub fn begin(&self, slot: [u8; 32], body: [u8; 32], now: Timestamp) -> Begin {
        let mut state = self.state.lock();
        self.forget(&mut state, now);
        match state.slots.get(&slot) {
            Some(there) if there.body != body => return Begin::Reused,
            Some(Slot { answer: Some(answer), .. }) => return Begin::Replay(answer.clone()),
            Some(_) => return Begin::InFlight,
            None => {}
        }
        state.slots.insert(slot, Slot { body, answer: None });
        drop(state);
        Begin::New(Ticket { memory: self.clone(), slot, open: true })
    }

    /// Answers kept, and the bytes they take.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.order.len(), state.bytes)
    }

    fn forget(&self, state: &mut State, now: Timestamp) {
        while let Some((stored_at, slot)) = state.order.front().copied() {
            if now - stored_at < self.keep && state.bytes <= self.most_bytes {
                break;
            }
            state.order.pop_front();
            if let Some(answer) = state.slots.remove(&slot).and_then(|s| s.answer) {
                state.bytes = state.bytes.saturating_sub(answer.weight() + OVERHEAD);
            }
        }
    }
}

impl Ticket {
    /// Keeps the answer for the next request of this slot.
    pub fn store(mut self, answer: Answer, now: Timestamp) {
        self.open = false;
        let mut state = self.memory.state.lock();
        let weight = answer.weight() + OVERHEAD;
        if let Some(slot) = state.slots.get_mut(&self.slot) {
            slot.answer = Some(answer);
            state.order.push_back((now, self.slot));
            state.bytes += weight;
        }
        self.memory.forget(&mut state, now);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.memory.state.lock().slots.remove(&self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderValue, StatusCode};

    const SLOT: [u8; 32] = [1; 32];
    const BODY: [u8; 32] = [2; 32];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(1_900_000_000 + second, 0).unwrap()
    }

    fn answer(body: &'static str) -> Answer {
        Answer::new(StatusCode::CREATED, HeaderValue::from_static("application/json"), Bytes::from_static(body.as_bytes()))
    }

    fn ticket(memory: &Memory, slot: [u8; 32], now: Timestamp) -> Ticket {
        match memory.begin(slot, BODY, now) {
            Begin::New(ticket) => ticket,
            _ => panic!("the slot was taken"),
        }
    }

    #[test]
    fn a_repeat_waits_then_gets_the_first_answer() {
        let memory = Memory::default();
        let first = ticket(&memory, SLOT, at(0));
        assert!(matches!(memory.begin(SLOT, BODY, at(0)), Begin::InFlight));
        assert!(matches!(memory.begin(SLOT, [3; 32], at(0)), Begin::Reused));
        first.store(answer("{}"), at(1));
        assert!(matches!(memory.begin(SLOT, BODY, at(2)), Begin::Replay(a) if a.body == "{}" && a.status == StatusCode::CREATED));
        assert!(matches!(memory.begin(SLOT, [3; 32], at(2)), Begin::Reused));
    }

    #[test]
    fn no_answer_does_not_burn_the_key() {
        let memory = Memory::default();
        drop(ticket(&memory, SLOT, at(0)));
        assert!(matches!(memory.begin(SLOT, [3; 32], at(0)), Begin::New(_)));
        assert_eq!(memory.size(), (0, 0));
    }

    #[test]
    fn answers_are_forgotten_after_their_time() {
        let memory = Memory::new(TimeDelta::seconds(10), 1 << 20);
        ticket(&memory, SLOT, at(0)).store(answer("{}"), at(0));
        assert!(matches!(memory.begin(SLOT, BODY, at(9)), Begin::Replay(_)));
        assert!(matches!(memory.begin(SLOT, BODY, at(10)), Begin::New(_)));
        assert_eq!(memory.size(), (0, 0));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let one = answer("{}").weight() + OVERHEAD;
        let memory = Memory::new(TimeDelta::hours(24), one * 3);
        for n in 0..10_u8 {
            ticket(&memory, [n; 32], at(0)).store(answer("{}"), at(0));
        }
        assert_eq!(memory.size(), (3, one * 3));
        assert!(matches!(memory.begin([9; 32], BODY, at(0)), Begin::Replay(_)));
        assert!(matches!(memory.begin([6; 32], BODY, at(0)), Begin::New(_)));
    }
}

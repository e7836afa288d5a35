//! A bounded store of answers, in memory.

use crate::answer::Answer;
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Bytes that a slot takes besides its answer: hashes, map and queue entries.
const OVERHEAD: usize = 256;

/// Cheap to clone; clones share their content.
#[derive(Clone)]
pub struct AnswerStore {
    state: Arc<Mutex<State>>,
    keep: TimeDelta,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    slots: HashMap<[u8; 32], Slot>,
    /// Stored answers, oldest first.
    order: VecDeque<(Timestamp, [u8; 32])>,
    bytes: usize,
}

struct Slot {
    body: [u8; 32],
    answer: Option<Answer>,
}

/// What to do with a request that carries a key.
pub enum Begin {
    /// It is new: execute it and store the answer in the ticket.
    New(Ticket),
    /// It was executed: this was the answer.
    Replay(Answer),
    /// The key was used with another body.
    Reused,
    /// The first request is still being executed.
    InFlight,
}

/// The right to answer a slot. If it is dropped without an answer (after a fault, or when the caller
/// hung up), the key can be used again.
pub struct Ticket {
    store: AnswerStore,
    slot: [u8; 32],
    open: bool,
}

impl Default for AnswerStore {
    fn default() -> Self {
        Self::new(TimeDelta::hours(24), 64 << 20)
    }
}

impl AnswerStore {
    /// Keeps answers for `keep`, and at most `max_bytes` of them; the oldest are dropped first.
    #[must_use]
    pub fn new(keep: TimeDelta, max_bytes: usize) -> Self {
        Self { state: Arc::default(), keep, max_bytes }
    }

    /// Registers a request.
    #[must_use]
    pub fn begin(&self, slot: [u8; 32], body: [u8; 32], now: Timestamp) -> Begin {
        let mut state = self.state.lock();
        self.drop_old(&mut state, now);
        match state.slots.get(&slot) {
            Some(known) if known.body != body => return Begin::Reused,
            Some(Slot { answer: Some(answer), .. }) => return Begin::Replay(answer.clone()),
            Some(_) => return Begin::InFlight,
            None => {}
        }
        state.slots.insert(slot, Slot { body, answer: None });
        drop(state);
        Begin::New(Ticket { store: self.clone(), slot, open: true })
    }

    /// The number of stored answers, and the bytes they take.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.order.len(), state.bytes)
    }

    fn drop_old(&self, state: &mut State, now: Timestamp) {
        while let Some((stored_at, slot)) = state.order.front().copied() {
            if now - stored_at < self.keep && state.bytes <= self.max_bytes {
                break;
            }
            state.order.pop_front();
            if let Some(answer) = state.slots.remove(&slot).and_then(|s| s.answer) {
                state.bytes = state.bytes.saturating_sub(answer.size() + OVERHEAD);
            }
        }
    }
}

impl Ticket {
    /// Stores the answer for the next request of this slot.
    pub fn store(mut self, answer: Answer, now: Timestamp) {
        self.open = false;
        let mut state = self.store.state.lock();
        let weight = answer.size() + OVERHEAD;
        if let Some(slot) = state.slots.get_mut(&self.slot) {
            slot.answer = Some(answer);
            state.order.push_back((now, self.slot));
            state.bytes += weight;
        }
        self.store.drop_old(&mut state, now);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.store.state.lock().slots.remove(&self.slot);
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

    fn ticket(store: &AnswerStore, slot: [u8; 32], now: Timestamp) -> Ticket {
        match store.begin(slot, BODY, now) {
            Begin::New(ticket) => ticket,
            _ => panic!("the slot was taken"),
        }
    }

    #[test]
    fn a_repeat_is_refused_while_in_flight_and_then_gets_the_first_answer() {
        let store = AnswerStore::default();
        let first = ticket(&store, SLOT, at(0));
        assert!(matches!(store.begin(SLOT, BODY, at(0)), Begin::InFlight));
        assert!(matches!(store.begin(SLOT, [3; 32], at(0)), Begin::Reused));
        first.store(answer("{}"), at(1));
        assert!(matches!(store.begin(SLOT, BODY, at(2)), Begin::Replay(a) if a.body == "{}" && a.status == StatusCode::CREATED));
        assert!(matches!(store.begin(SLOT, [3; 32], at(2)), Begin::Reused));
    }

    #[test]
    fn a_request_without_an_answer_does_not_use_up_its_key() {
        let store = AnswerStore::default();
        drop(ticket(&store, SLOT, at(0)));
        assert!(matches!(store.begin(SLOT, [3; 32], at(0)), Begin::New(_)));
        assert_eq!(store.size(), (0, 0));
    }

    #[test]
    fn answers_are_dropped_after_their_time() {
        let store = AnswerStore::new(TimeDelta::seconds(10), 1 << 20);
        ticket(&store, SLOT, at(0)).store(answer("{}"), at(0));
        assert!(matches!(store.begin(SLOT, BODY, at(9)), Begin::Replay(_)));
        assert!(matches!(store.begin(SLOT, BODY, at(10)), Begin::New(_)));
        assert_eq!(store.size(), (0, 0));
    }

    #[test]
    fn the_store_is_bounded_and_drops_the_oldest_first() {
        let one = answer("{}").size() + OVERHEAD;
        let store = AnswerStore::new(TimeDelta::hours(24), one * 3);
        for n in 0..10_u8 {
            ticket(&store, [n; 32], at(0)).store(answer("{}"), at(0));
        }
        assert_eq!(store.size(), (3, one * 3));
        assert!(matches!(store.begin([9; 32], BODY, at(0)), Begin::Replay(_)));
        assert!(matches!(store.begin([6; 32], BODY, at(0)), Begin::New(_)));
    }
}

//! Challenges that were used, until they expire. In memory and on each node alone: with many nodes, a solution can be used
//! as many times.

use lastseat_domain::{BookingId, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// No sweep before there are so many. Each has cost a guest a solution.
const SWEEP_FROM: usize = 1024;

/// By the nonce of the challenge: the booking that used it or is about to, and when it expires.
#[derive(Default)]
pub struct Spent(Mutex<HashMap<String, (BookingId, Timestamp)>>);

impl Spent {
    /// For one booking, as often as its request is repeated. `None`: another booking has it.
    pub fn reserve(self: &Arc<Self>, nonce: &str, booking: BookingId, expires_at: Timestamp, now: Timestamp) -> Option<Use> {
        let mut used = self.0.lock();
        // Each doubling pays for a sweep.
        if used.len() >= SWEEP_FROM && used.len().is_power_of_two() {
            used.retain(|_, (_, expires_at)| *expires_at > now);
        }
        match used.get(nonce) {
            Some((known, _)) if *known == booking => Some(Use { spent: Arc::clone(self), nonce: None }),
            Some(_) => None,
            None => {
                used.insert(nonce.to_owned(), (booking, expires_at));
                Some(Use { spent: Arc::clone(self), nonce: Some(nonce.to_owned()) })
            }
        }
    }
}

/// The use of a solution for one hold. Dropped, it leaves the solution for another.
pub struct Use {
    spent: Arc<Spent>,
    /// `None`: an earlier request of the same booking has it.
    nonce: Option<String>,
}

impl Use {
    /// The hold is open.
    pub fn spend(mut self) {
        self.nonce = None;
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if let Some(nonce) = &self.nonce {
            self.spent.0.lock().remove(nonce);
        }
    }
}

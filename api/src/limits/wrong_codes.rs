//! How often one sender may be wrong about an access code, or about a password. A code opens seats that nobody else can buy, so it
//! must not be found by trying.
//!
//! A unit is taken before a code is looked at and returned if it was right, so that a thousand tries at the same moment
//! are no more than one after the other. In memory and on each node alone: with many nodes, so many times as many tries.

use crate::problem::{Code, Problem};
use lastseat_domain::{Allowance, Quota, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Wrong codes of one sender, and the seconds in which they are forgotten.
const MOST: (u32, u32) = (20, 600);
/// No sweep before there are this many senders.
const SWEEP_FROM: usize = 1024;
/// With so many senders in use, further ones are refused: only somebody who tries codes from everywhere has so many.
const MOST_SENDERS: usize = 1_000_000;

pub struct WrongCodes {
    /// `None`: as often as they like.
    quota: Option<Quota>,
    /// Until when the quota of a sender is used up ahead, in microseconds.
    used_until: Mutex<HashMap<String, u64>>,
}

impl Default for WrongCodes {
    fn default() -> Self {
        Self::with(Quota::new(MOST.0, MOST.1).ok())
    }
}

impl WrongCodes {
    /// As many as the quota has.
    #[must_use]
    pub fn with(quota: Option<Quota>) -> Self {
        Self { quota, used_until: Mutex::default() }
    }

    /// Takes a unit of a sender, which is returned when the guess is dropped, unless it was wrong.
    ///
    /// # Errors
    /// None is left.
    pub fn guess(self: &Arc<Self>, sender: String, now: Timestamp) -> Result<Guess, (Quota, Allowance)> {
        self.take(&sender, now)?;
        Ok(Guess { codes: Arc::clone(self), sender, is_wrong: false })
    }

    fn take(&self, sender: &str, now: Timestamp) -> Result<(), (Quota, Allowance)> {
        let Some(quota) = self.quota else { return Ok(()) };
        let now = micros(now);
        let mut senders = self.used_until.lock();
        let many = senders.len();
        // Each doubling pays for a sweep.
        if many >= SWEEP_FROM && many.is_power_of_two() || many >= MOST_SENDERS {
            senders.retain(|_, until| *until > now);
        }
        let before = senders.get(sender).copied().unwrap_or(0);
        let (mut allowance, until) = quota.take(before, now);
        allowance.allowed &= before > 0 || senders.len() < MOST_SENDERS;
        if !allowance.allowed {
            return Err((quota, allowance));
        }
        senders.insert(sender.to_owned(), until);
        Ok(())
    }

    fn give_back(&self, sender: &str) {
        let Some(quota) = self.quota else { return };
        if let Some(until) = self.used_until.lock().get_mut(sender) {
            *until = until.saturating_sub(quota.interval_micros());
        }
    }
}

/// One code that is being tried.
pub struct Guess {
    codes: Arc<WrongCodes>,
    sender: String,
    is_wrong: bool,
}

impl Guess {
    /// The code opens nothing.
    pub fn was_wrong(mut self) {
        self.is_wrong = true;
    }

    /// A try to prove a password, or to use a link: it was wrong if that is the refusal.
    ///
    /// # Errors
    /// That refusal.
    pub fn of<T>(self, proven: Result<T, Problem>) -> Result<T, Problem> {
        if proven.as_ref().is_err_and(|problem| [Code::WrongCredentials, Code::LinkNotUsable].contains(&problem.code())) {
            self.was_wrong();
        }
        proven
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        if !self.is_wrong {
            self.codes.give_back(&self.sender);
        }
    }
}

fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.timestamp_micros()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_sender_may_be_wrong_twenty_times_and_right_as_often_as_they_like() {
        let (codes, now) = (WrongCodes::default(), Timestamp::from_timestamp(1_800_000_000, 0).unwrap());
        for _ in 0..100 {
            codes.take("ann", now).unwrap();
            codes.give_back("ann");
        }
        for _ in 0..20 {
            codes.take("ann", now).unwrap();
        }
        let (quota, allowance) = codes.take("ann", now).unwrap_err();
        assert_eq!((quota.burst(), allowance.allowed), (20, false));
        assert!(codes.take("bob", now).is_ok(), "others are not concerned");
        assert!(codes.take("ann", now + TimeDelta::seconds(29)).is_err());
        assert!(codes.take("ann", now + TimeDelta::seconds(30)).is_ok());
        assert!(codes.take("ann", now + TimeDelta::seconds(31)).is_err());
    }

    #[test]
    fn those_who_have_stopped_trying_are_forgotten() {
        let (codes, now) = (WrongCodes::default(), Timestamp::from_timestamp(1_800_000_000, 0).unwrap());
        for n in 0..SWEEP_FROM {
            codes.take(&n.to_string(), now).unwrap();
        }
        codes.take("last", now + TimeDelta::seconds(31)).unwrap();
        assert_eq!(codes.used_until.lock().len(), 1);
    }
}

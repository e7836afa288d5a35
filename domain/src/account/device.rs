//! Browsers that signed in before (OWASP's "device cookies"): their wrong passwords are counted by themselves, so that a
//! stranger who guesses at an address doesn't keep its owner out of a browser that they use.

use crate::Timestamp;
use crate::ids::AccountId;
use chrono::TimeDelta;

/// What is kept of a device's token: its SHA-256. The token has 256 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceHash(pub [u8; 32]);

/// One browser that signed in to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// To which account.
    pub account: AccountId,
    /// When it did so last.
    pub seen_at: Timestamp,
}

impl Device {
    /// Devices of one account; with another one the one that was used longest ago is forgotten. Each may guess by itself, so
    /// there must not be many.
    pub const MOST: usize = 20;

    /// How long it is known after the last sign-in.
    #[must_use]
    pub fn lasts() -> TimeDelta {
        TimeDelta::days(180)
    }

    /// Whether its tries at this account are counted by themselves.
    #[must_use]
    pub fn is_known_to(&self, account: AccountId, now: Timestamp) -> bool {
        self.account == account && now < self.seen_at + Self::lasts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn it_is_known_to_its_account_only_and_for_half_a_year() {
        let (ann, bob) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let seen_at = Timestamp::from_timestamp(1_900_000_000, 0).unwrap();
        let (device, second) = (Device { account: ann, seen_at }, TimeDelta::seconds(1));
        assert!(device.is_known_to(ann, seen_at) && !device.is_known_to(bob, seen_at));
        let end = seen_at + Device::lasts();
        assert!(device.is_known_to(ann, end - second) && !device.is_known_to(ann, end));
    }
}

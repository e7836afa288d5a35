//! When a session ends by itself.

use crate::ids::AccountId;
use crate::{Role, Timestamp};
use chrono::TimeDelta;

/// What is kept of a session's token: its SHA-256. The token has 256 random bits, so nobody finds it from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHash(pub [u8; 32]);

/// One browser that is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub account: AccountId,
    /// Since when.
    pub opened_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
}

/// A use is written down when the last one that was is so long ago: not every read is a write.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

impl Session {
    /// Sessions of one account; with another one the oldest ends. Right passwords are not limited, and the file must be.
    pub const MOST: usize = 50;

    /// Time without use after which it ends, and the longest that it lasts. Who can do harm to others has to sign in each day.
    #[must_use]
    pub fn limits(role: Role) -> (TimeDelta, TimeDelta) {
        match role {
            Role::Buyer => (TimeDelta::days(14), TimeDelta::days(90)),
            Role::Staff | Role::Manager | Role::Auditor | Role::Admin => (TimeDelta::hours(2), TimeDelta::hours(12)),
        }
    }

    /// When it ends if it is not used any more.
    #[must_use]
    pub fn ends_at(&self, role: Role) -> Timestamp {
        let (idle, longest) = Self::limits(role);
        (self.seen_at + idle).min(self.opened_at + longest)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, role: Role, now: Timestamp) -> bool {
        now >= self.ends_at(role)
    }

    /// Whether a use now has to be written down.
    #[must_use]
    pub fn is_news(&self, now: Timestamp) -> bool {
        now - self.seen_at >= SEEN_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn session(opened: i64, seen: i64) -> Session {
        Session { account: AccountId(Uuid::nil()), opened_at: at(opened), seen_at: at(seen) }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_timestamp(1_900_000_000 + hours * 3600, 0).unwrap()
    }

    #[test]
    fn it_ends_unused_and_at_last_in_any_case() {
        for (role, idle, longest) in [(Role::Buyer, 14 * 24, 90 * 24), (Role::Admin, 2, 12), (Role::Staff, 2, 12)] {
            let unused = session(0, 0);
            assert!(!unused.is_over(role, at(idle - 1)) && unused.is_over(role, at(idle)), "{role}");
            let used = session(0, longest - 1);
            assert!(!used.is_over(role, at(longest - 1)) && used.is_over(role, at(longest)), "{role}");
        }
    }

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let second = TimeDelta::seconds(1);
        let minute = session(0, 0).seen_at + TimeDelta::minutes(1);
        assert!(session(0, 0).is_news(minute) && !session(0, 0).is_news(minute - second));
    }
}

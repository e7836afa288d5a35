//! Links in mails: who opens one reads what is sent to the address.

use crate::Timestamp;
use crate::ids::AccountId;
use chrono::TimeDelta;

/// What is kept of a link's token: its SHA-256. The token has 256 random bits, so nobody finds it from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkHash(pub [u8; 32]);

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To say that the address is one's own.
    Verify,
    /// To choose another password.
    Reset,
}

impl LinkPurpose {
    /// As it is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    /// How long a link works: who takes over a mailbox later finds none that does. A new password matters more.
    #[must_use]
    pub fn lasts(self) -> TimeDelta {
        match self {
            Self::Verify => TimeDelta::hours(24),
            Self::Reset => TimeDelta::minutes(30),
        }
    }
}

/// A link that was sent and not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whose address it was sent to.
    pub account: AccountId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// From then on it doesn't work any more.
    pub expires_at: Timestamp,
}

impl Link {
    /// Links of one account and purpose; with another one the oldest stops working. A second mail doesn't end the first: else
    /// somebody who keeps asking would keep the owner from using any.
    pub const MOST: usize = 10;

    /// One that is sent now.
    #[must_use]
    pub fn new(account: AccountId, purpose: LinkPurpose, now: Timestamp) -> Self {
        Self { account, purpose, expires_at: now + purpose.lasts() }
    }

    /// Whether it works now, for this.
    #[must_use]
    pub fn works(&self, purpose: LinkPurpose, now: Timestamp) -> bool {
        self.purpose == purpose && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn it_works_for_one_thing_and_for_a_time() {
        let now = Timestamp::from_timestamp(1_900_000_000, 0).unwrap();
        for (purpose, other, minutes) in
            [(LinkPurpose::Verify, LinkPurpose::Reset, 24 * 60), (LinkPurpose::Reset, LinkPurpose::Verify, 30)]
        {
            let link = Link::new(AccountId(Uuid::nil()), purpose, now);
            let end = now + TimeDelta::minutes(minutes);
            assert!(link.works(purpose, now) && !link.works(other, now));
            assert!(link.works(purpose, end - TimeDelta::seconds(1)) && !link.works(purpose, end));
        }
    }
}

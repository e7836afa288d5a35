//! Accounts: people who sign in here with an e-mail address and a password.
//!
//! What is known about a person is in a store of its own ([`AccountStore`](crate::ports::AccountStore)) and can be erased there.
//! The log, which can't be erased, knows the account's id and nothing else ([`AccountId::buyer`]).

mod device;
mod email;
mod link;
mod lock_out;
mod password;
mod role;
mod session;

pub use device::{Device, DeviceHash};
pub use email::{EmailAddress, InvalidEmail};
pub use link::{Link, LinkHash, LinkPurpose};
pub use lock_out::{Locked, Tries};
pub use password::{MAX_PASSWORD, MIN_PASSWORD, PasswordHash, WeakPassword, check_password};
pub use role::{AccountChange, AccountRefusal};
pub use session::{Session, SessionHash};

use crate::ids::{AccountId, BuyerId};
use crate::{Role, Timestamp};

/// What the buyer ids of accounts begin with. No other caller may have such an id.
pub const BUYER_PREFIX: &str = "account:";

impl AccountId {
    /// The account as the log knows it.
    #[must_use]
    pub fn buyer(self) -> BuyerId {
        BuyerId::of_account(self)
    }
}

/// One person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Says nothing about the person.
    pub id: AccountId,
    /// Of one account at most.
    pub email: EmailAddress,
    /// Of the current password.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is known that the address is its owner's. Anybody can sign up with any address.
    pub verified_at: Option<Timestamp>,
}

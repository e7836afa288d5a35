//! The store of accounts: everything that is known about people, apart from the log.
//!
//! Each method is atomic. What ends sessions does so together with the change that ends them, so that no request after it is
//! answered to the session that was.

use crate::Timestamp;
use crate::account::{
    Account, AccountChange, AccountRefusal, Device, DeviceHash, EmailAddress, Link, LinkHash, Locked, PasswordHash, Session,
    SessionHash,
};
use crate::ids::AccountId;
use async_trait::async_trait;

/// The store can't be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the accounts can't be read or written: {0}")]
pub struct AccountFault(pub String);

/// Whose tries are counted together: a hash of what is guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TryKey(pub [u8; 32]);

/// Keeps accounts and their sessions.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Adds an account. Returns whether it was added: an address is of one account only.
    async fn add(&self, account: Account) -> Result<bool, AccountFault>;

    /// The account with this address.
    async fn by_email(&self, email: EmailAddress) -> Result<Option<Account>, AccountFault>;

    /// The account with this id.
    async fn by_id(&self, id: AccountId) -> Result<Option<Account>, AccountFault>;

    /// Up to so many accounts, newest first, made before the account `after`.
    async fn list(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, AccountFault>;

    /// Adds an account or, if its address has one, gives that one the password and the role of `account` and verifies it; ends
    /// its sessions and forgets its devices. Returns the account as it is then.
    async fn put(&self, account: Account) -> Result<Account, AccountFault>;

    /// Replaces a password that is still `from`, forgets the account's devices and the links to replace it, and ends its
    /// sessions, all but `keep`. Returns whether it was.
    async fn change_password(
        &self,
        id: AccountId,
        from: PasswordHash,
        to: PasswordHash,
        keep: Option<SessionHash>,
    ) -> Result<bool, AccountFault>;

    /// Replaces the hash of the same password. Nothing happens if it is not `from` any more.
    async fn rehash(&self, id: AccountId, from: PasswordHash, to: PasswordHash) -> Result<(), AccountFault>;

    /// Changes an account that may be changed so ([`Account::check`]). With another role its sessions end. Returns the account as
    /// it is then.
    async fn change(
        &self,
        id: AccountId,
        change: AccountChange,
        now: Timestamp,
    ) -> Result<Result<Account, AccountRefusal>, AccountFault>;

    /// Removes the account and everything that is known about its owner, sessions included, unless it is the last admin's.
    async fn erase(&self, id: AccountId) -> Result<Result<(), AccountRefusal>, AccountFault>;

    /// Opens a session for who has proven this password, unless it is not the account's any more. Returns whether it did. With
    /// more than [`Session::MOST`] the oldest end.
    async fn open_session(&self, hash: SessionHash, session: Session, proven: PasswordHash) -> Result<bool, AccountFault>;

    /// A session and its account.
    async fn session(&self, hash: SessionHash) -> Result<Option<(Session, Account)>, AccountFault>;

    /// The sessions of an account, newest first.
    async fn sessions_of(&self, id: AccountId) -> Result<Vec<Session>, AccountFault>;

    /// Writes down when a session was used.
    async fn seen(&self, hash: SessionHash, at: Timestamp) -> Result<(), AccountFault>;

    /// Ends a session, if there is one.
    async fn end_session(&self, hash: SessionHash) -> Result<(), AccountFault>;

    /// Knows a device from now on, if its account is there, and forgets the one that it `replaces`. With more than
    /// [`Device::MOST`] those that were used longest ago are forgotten.
    async fn add_device(&self, hash: DeviceHash, device: Device, replaces: Option<DeviceHash>) -> Result<(), AccountFault>;

    /// A device.
    async fn device(&self, hash: DeviceHash) -> Result<Option<Device>, AccountFault>;

    /// Remembers a link that is being sent, if its account is there. With more than [`Link::MOST`] the oldest are forgotten.
    async fn add_link(&self, hash: LinkHash, link: Link) -> Result<(), AccountFault>;

    /// A link that was not used, and its account.
    async fn link(&self, hash: LinkHash) -> Result<Option<(Link, Account)>, AccountFault>;

    /// Verifies the account of a link that works, whose password is still `proven`, and forgets all links for that. Returns
    /// whether it did.
    async fn verify(&self, hash: LinkHash, proven: PasswordHash, now: Timestamp) -> Result<bool, AccountFault>;

    /// Replaces the password of a link that works, and verifies its account: the mail has reached who uses it. Ends all
    /// sessions, and forgets the devices and the links to replace a password. Returns the account as it is then.
    async fn reset_password(&self, hash: LinkHash, to: PasswordHash, now: Timestamp) -> Result<Option<Account>, AccountFault>;

    /// Counts a try, unless there was one too many ([`Tries::with_another`](crate::account::Tries::with_another)).
    async fn count_try(&self, key: TryKey, now: Timestamp) -> Result<Result<(), Locked>, AccountFault>;

    /// Forgets all tries: the last one was right.
    async fn forget_tries(&self, key: TryKey) -> Result<(), AccountFault>;

    /// Removes sessions, devices and links that are over, and tries that don't matter any more.
    async fn sweep(&self, now: Timestamp) -> Result<(), AccountFault>;
}

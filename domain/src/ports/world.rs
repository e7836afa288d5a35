//! Time, new ids and the codes of vouchers. Everything that would make two runs differ comes through these ports, so that a
//! simulation can supply its own.

use crate::Timestamp;
use crate::ids::{CampaignId, VoucherHash, VoucherId};
use futures::future::BoxFuture;
use uuid::Uuid;

/// The source of time.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in UTC. It never goes back, but it may jump forward.
    fn now(&self) -> Timestamp;

    /// Completes at `deadline`, or at once if that has passed. It follows a clock that is set forward
    /// within a second. It may complete early after a clock was set back: look at [`Self::now`] where
    /// that matters.
    fn sleep_until(&self, deadline: Timestamp) -> BoxFuture<'static, ()>;
}

/// The source of new ids.
pub trait Ids: Send + Sync + 'static {
    /// A UUID that was never returned before, by any node. An index of them grows at its end if each sorts after the one before
    /// it: see docs/decisions/0090-ids-in-the-order-of-time.md. Not a secret: who has made one can guess when others were made. But
    /// nobody knows one before it is made: at least 32 bits of it are random.
    fn uuid(&self) -> Uuid;
}

/// The codes of vouchers. They follow from a secret that only the API knows, so that nobody can compute a code from
/// what the log shows; the engine needs no more than their hashes.
pub trait VoucherCodes: Send + Sync + 'static {
    /// The voucher with this number, from 1, of a campaign. Always the same for the same two.
    fn of_campaign(&self, campaign: CampaignId, number: u32) -> VoucherHash;

    /// The voucher with a reward's code. Always the same for the same reward, and never one of a campaign.
    fn of_reward(&self, reward: VoucherId) -> VoucherHash;
}

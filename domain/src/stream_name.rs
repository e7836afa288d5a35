//! Names of streams: built from identifiers, and read back into them.

use crate::ids::{BlockId, BookingId, BuyerId, CampaignId, EndpointId, PlanId, SeatId, ShowId, TicketId, VoucherHash};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The name of a stream in EventStoreDB's form: category, dash, key. The category has no dash.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// `show-{show}`
    #[must_use]
    pub fn show(show: &ShowId) -> Self {
        Self(format!("show-{show}").into())
    }

    /// `plan-{plan}`
    #[must_use]
    pub fn plan(plan: &PlanId) -> Self {
        Self(format!("plan-{plan}").into())
    }

    /// `picture-{show}`
    #[must_use]
    pub fn picture(show: &ShowId) -> Self {
        Self(format!("picture-{show}").into())
    }

    /// `seat-{show}.{seat}`
    #[must_use]
    pub fn seat(show: &ShowId, seat: &SeatId) -> Self {
        Self(format!("seat-{show}.{seat}").into())
    }

    /// `booking-{booking}`
    #[must_use]
    pub fn booking(booking: BookingId) -> Self {
        Self(format!("booking-{booking}").into())
    }

    /// `block-{block}`
    #[must_use]
    pub fn block(block: BlockId) -> Self {
        Self(format!("block-{block}").into())
    }

    /// `loyalty-{buyer}`
    #[must_use]
    pub fn loyalty(buyer: &BuyerId) -> Self {
        Self(format!("loyalty-{buyer}").into())
    }

    /// `campaign-{campaign}`
    #[must_use]
    pub fn campaign(campaign: CampaignId) -> Self {
        Self(format!("campaign-{campaign}").into())
    }

    /// `voucher-{hash of its code}`
    #[must_use]
    pub fn voucher(voucher: &VoucherHash) -> Self {
        Self(format!("voucher-{voucher}").into())
    }

    /// `ticket-{ticket}`
    #[must_use]
    pub fn ticket(ticket: TicketId) -> Self {
        Self(format!("ticket-{ticket}").into())
    }

    /// `webhook-{endpoint}`
    #[must_use]
    pub fn webhook(endpoint: &EndpointId) -> Self {
        Self(format!("webhook-{endpoint}").into())
    }

    /// `operations-log`: what operators have decided about the log itself.
    #[must_use]
    pub fn operations() -> Self {
        Self("operations-log".into())
    }

    /// A name that was read from a log. It isn't checked, because other programs may share the log.
    #[must_use]
    pub fn from_log(name: &str) -> Self {
        Self(name.into())
    }

    /// The part before the first dash, or the whole name if it has none.
    #[must_use]
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(category, _)| category)
    }

    /// The part after the first dash; empty if the name has none.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, key)| key)
    }

    /// The show and seat of a `seat-` stream; `None` for other streams.
    #[must_use]
    pub fn as_seat(&self) -> Option<(ShowId, SeatId)> {
        if self.category() != "seat" {
            return None;
        }
        let (show, seat) = self.key().split_once('.')?;
        Some((ShowId::new(show).ok()?, SeatId::new(seat).ok()?))
    }

    /// The booking of a `booking-` stream; `None` for other streams.
    #[must_use]
    pub fn as_booking(&self) -> Option<BookingId> {
        if self.category() == "booking" { uuid_key(self.key())?.parse().ok() } else { None }
    }

    /// The block of a `block-` stream; `None` for other streams.
    #[must_use]
    pub fn as_block(&self) -> Option<BlockId> {
        if self.category() == "block" { uuid_key(self.key())?.parse().ok() } else { None }
    }

    /// The buyer of a `loyalty-` stream; `None` for other streams.
    #[must_use]
    pub fn as_loyalty(&self) -> Option<BuyerId> {
        if self.category() == "loyalty" { BuyerId::new(self.key()).ok() } else { None }
    }

    /// The campaign of a `campaign-` stream; `None` for other streams.
    #[must_use]
    pub fn as_campaign(&self) -> Option<CampaignId> {
        if self.category() == "campaign" { uuid_key(self.key())?.parse().ok() } else { None }
    }

    /// The voucher of a `voucher-` stream; `None` for other streams.
    #[must_use]
    pub fn as_voucher(&self) -> Option<VoucherHash> {
        if self.category() == "voucher" { VoucherHash::new(self.key()).ok() } else { None }
    }

    /// The ticket of a `ticket-` stream; `None` for other streams.
    #[must_use]
    pub fn as_ticket(&self) -> Option<TicketId> {
        if self.category() == "ticket" { uuid_key(self.key())?.parse().ok() } else { None }
    }

    /// The endpoint of a `webhook-` stream; `None` for other streams.
    #[must_use]
    pub fn as_webhook(&self) -> Option<EndpointId> {
        if self.category() == "webhook" { EndpointId::new(self.key()).ok() } else { None }
    }

    /// The show of a `show-` stream; `None` for other streams.
    #[must_use]
    pub fn as_show(&self) -> Option<ShowId> {
        if self.category() == "show" { ShowId::new(self.key()).ok() } else { None }
    }

    /// The plan of a `plan-` stream; `None` for other streams.
    #[must_use]
    pub fn as_plan(&self) -> Option<PlanId> {
        if self.category() == "plan" { PlanId::new(self.key()).ok() } else { None }
    }

    /// The show of a `picture-` stream; `None` for other streams.
    #[must_use]
    pub fn as_picture(&self) -> Option<ShowId> {
        if self.category() == "picture" { ShowId::new(self.key()).ok() } else { None }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parser accepts every form of a UUID, but a stream of ours only ever has this one.
fn uuid_key(key: &str) -> Option<&str> {
    Some(key).filter(|key| key.len() == 36 && !key.bytes().any(|b| b.is_ascii_uppercase()))
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamName({})", self.0)
    }
}

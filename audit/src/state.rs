//! The state of an audit.

use super::activity::Activity;
use super::facts::{BlockFact, Book, CampaignFact, DeliveryFact, Rewards, ShowFacts, TicketFact, VoucherFact};
use super::plan_facts::PlanFact;
use super::report::{AcceptedLoss, Findings, Flow};
use super::streams::Streams;
use lastseat_domain::{BlockId, BookingId, CampaignId, Currency, EndpointId, PlanId, ShowId, TicketId, VoucherHash};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An audit under way.
#[derive(Debug, Default)]
pub struct Audit {
    pub(super) events: u64,
    pub(super) foreign: u64,
    pub(super) activity: Activity,
    pub(super) streams: Streams,
    pub(super) plans: HashMap<PlanId, PlanFact>,
    pub(super) shows: HashMap<ShowId, ShowFacts>,
    /// Hash of the picture that a show has, and what is to be seen on it. None if it was removed.
    pub(super) pictures: HashMap<ShowId, Option<(String, Option<String>)>>,
    pub(super) blocks: HashMap<BlockId, BlockFact>,
    pub(super) bookings: HashMap<BookingId, Book>,
    /// Keys of requests that opened a booking.
    pub(super) requests: HashSet<u64>,
    pub(super) rewards: Rewards,
    pub(super) campaigns: HashMap<CampaignId, CampaignFact>,
    pub(super) vouchers: HashMap<VoucherHash, VoucherFact>,
    /// Of which something was recorded.
    pub(super) tickets: HashMap<TicketId, TicketFact>,
    pub(super) deliveries: HashMap<EndpointId, DeliveryFact>,
    pub(super) money: BTreeMap<Currency, Flow>,
    pub(super) accepted_losses: Vec<AcceptedLoss>,
    pub(super) findings: Findings,
}

//! What the audit knows of shows, seats, bookings and loyalty accounts, folded from the log. The rules
//! that judge it are in `bookings`, `seats` and `loyalty`.

use super::report::Place;
use chrono::TimeDelta;
use lastseat_domain::event::{ShowScheduled, Tender, VoucherCause, VoucherTerms};
use lastseat_domain::loyalty::{BOOKING_VOUCHER_SEATS, VoucherState};
use lastseat_domain::plan::Plan;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{
    AccessCodeHash, BlockId, BookingId, BuyerId, CategoryId, ChannelId, DeviceId, Money, SeatId, ShowId, StreamName, Timestamp,
    VoucherHash, VoucherId,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// The channel of staff: it needs no access code.
pub(super) const TILL: &str = "till";

/// How long something may stay unfinished before it is wrong, by the times in the log.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

/// A show and its seats.
#[derive(Debug)]
pub(super) struct ShowFacts {
    scheduled: Edition,
    /// As its later events have it, in their order.
    revised: Vec<Edition>,
    pub cancelled: bool,
    /// Since when all its bookings are to be refunded.
    pub refunds_at: Option<Timestamp>,
    /// By the plan's index.
    pub seats: Vec<SeatFact>,
}

/// A show as one event of its stream has it.
#[derive(Debug)]
pub(super) struct Edition {
    /// The event's revision: what bookings call it.
    pub revision: u64,
    pub facts: Arc<ShowScheduled>,
    pub plan: Arc<Plan>,
}

impl Edition {
    /// The category of a seat, by the plan's index.
    pub fn category_of(&self, seat: u32) -> Option<&CategoryId> {
        let area = self.plan.seat(seat)?.area;
        self.plan.areas.get(area as usize).map(|area| &area.category)
    }
}

impl ShowFacts {
    pub fn new(scheduled: Edition) -> Self {
        let seats = (0..scheduled.plan.len()).map(|_| SeatFact::default()).collect();
        Self { scheduled, revised: vec![], cancelled: false, refunds_at: None, seats }
    }

    /// Seats are only added: the plan of the latest edition has all.
    pub fn revise(&mut self, edition: Edition) {
        self.seats.resize_with(self.seats.len().max(edition.plan.len() as usize), SeatFact::default);
        self.revised.push(edition);
    }

    pub fn latest(&self) -> &Edition {
        self.revised.last().unwrap_or(&self.scheduled)
    }

    /// The show as it was at a revision; none if no event has made it so until now.
    pub fn at(&self, revision: u64) -> Option<&Edition> {
        self.editions().find(|edition| edition.revision == revision)
    }

    /// The longest that a hold may be extended by, if its booking was opened at this revision.
    pub fn longest_hold(&self, revision: u64) -> Option<u32> {
        self.editions().filter(|edition| edition.revision >= revision).map(|edition| edition.facts.hold_seconds).max()
    }

    /// Whether a seat costs that at any revision.
    pub fn ever_costs(&self, seat: u32, price: i64) -> bool {
        self.editions().any(|edition| edition.prices_of(seat).contains(&price))
    }

    fn editions(&self) -> impl Iterator<Item = &Edition> {
        std::iter::once(&self.scheduled).chain(&self.revised)
    }
}

/// A seat.
#[derive(Debug, Default)]
pub(super) struct SeatFact {
    pub owner: Option<Owner>,
    pub blocked: Option<Blocked>,
}

/// The block that a seat is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocked {
    pub block: BlockId,
    /// Since when and where.
    pub since: Timestamp,
    pub position: Position,
}

/// An endpoint's deliveries.
#[derive(Debug, Default)]
pub(super) struct DeliveryFact {
    pub reached: Option<Position>,
    /// Whether something up to there was not taken.
    pub is_pending: bool,
    pub sender: Option<(Uuid, Timestamp)>,
}

/// A block, as its own stream tells it.
#[derive(Debug, Default)]
pub(super) struct BlockFact {
    pub opened: Option<BlockTerms>,
    pub lifted_at: Option<Timestamp>,
}

/// Which seats a block was opened with, and for whom.
#[derive(Debug)]
pub(super) struct BlockTerms {
    pub show: ShowId,
    /// By the plan's index, sorted.
    pub seats: Box<[u32]>,
    pub channel: Option<ChannelId>,
    pub access_code: Option<AccessCodeHash>,
}

/// Who has a seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub booking: BookingId,
    pub booked: bool,
    /// The block that it was taken from.
    pub block: Option<BlockId>,
    /// The exchange that it has it by; 0 for the hold that opened it.
    pub exchange: u32,
    /// Deadline as the lock names it.
    pub expires_at: Timestamp,
    /// When and where it was locked.
    pub since: Timestamp,
    pub position: Position,
}

impl SeatFact {
    pub fn is_of(&self, booking: BookingId) -> bool {
        self.owner.is_some_and(|o| o.booking == booking)
    }

    pub fn is_sold_to(&self, booking: BookingId) -> bool {
        self.owner.is_some_and(|o| o.booking == booking && o.booked)
    }

    pub fn state_name(&self) -> &'static str {
        match self.owner {
            None if self.blocked.is_some() => "unavailable",
            None => "available",
            Some(Owner { booked: false, .. }) => "locked",
            Some(Owner { booked: true, .. }) => "booked",
        }
    }
}

/// A booking.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Whether its stream has begun. Seats may be locked for it before.
    pub begun: bool,
    /// What it was opened for. Absent if it was fenced, and forgotten once nothing hangs on it.
    pub opened: Option<Box<Opened>>,
    pub decision: Decision,
    /// End of the hold, extension included.
    pub deadline: Option<Timestamp>,
    /// When it was aborted or refunded.
    pub over_at: Option<Timestamp>,
    /// Seats that it has now.
    pub seats_held: u32,
    /// Whether points were given for it, and whether they were taken back.
    pub credited: bool,
    pub uncredited: bool,
    /// Whether a voucher for its own seats was issued.
    pub voucher: bool,
    /// Position of its last event.
    pub position: Position,
    pub pay: Pay,
    pub extended: bool,
    pub attempt: u32,
    /// How the last attempt pays at the till.
    pub tender: Option<Tender>,
    /// Whether an event named a payment at the gateway.
    pub gateway_intent: bool,
    pub committed: bool,
    pub voided: bool,
    pub flagged: bool,
    /// Flagged after its refund was requested or recorded, whichever came last: the gateway has refused it.
    pub refund_refused: bool,
    /// Flagged after a partial refund was made: the gateway may say that it has failed.
    pub part_doubted: bool,
    /// By another way than a refund, as a person says.
    pub returned_elsewhere: bool,
    pub captured: Option<Money>,
    /// When its last event was decided.
    pub last_at: Option<Timestamp>,
    pub captured_at: Option<Timestamp>,
    /// What its reward is drawn by.
    pub draw: Option<Uuid>,
    pub refund_requested: bool,
    pub refund_at: Option<Timestamp>,
    /// When it was transferred.
    pub transfers: Vec<Timestamp>,
    pub exchange: Option<Box<Exchange>>,
    /// The number of the last one.
    pub exchanges: u32,
    /// When that was requested, decided or given up, whichever came last.
    pub moved_at: Option<Timestamp>,
    /// Its partial refunds, in their order.
    pub parts: Vec<Part>,
    /// The voucher that lowers its amount.
    pub applied: Option<Applied>,
    /// Number of the last application of a voucher.
    pub applications: u32,
    /// When a voucher was removed last.
    pub voucher_removed_at: Option<Timestamp>,
}

/// An exchange of seats that is under way, by the plan's indexes.
#[derive(Debug)]
pub(super) struct Exchange {
    pub number: u32,
    pub leaves: Vec<u32>,
    /// With price and fee.
    pub takes: Vec<(u32, i64, i64)>,
}

/// A partial refund.
#[derive(Debug)]
pub(super) struct Part {
    pub refund: u32,
    /// Minor units.
    pub amount: i64,
    /// Given up for it, by the plan's index.
    pub seats: Box<[u32]>,
    pub state: PartState,
    /// When it was requested, or returned if it was.
    pub at: Timestamp,
    /// Whether the points of its seats were taken back.
    pub uncredited: bool,
    /// Whether its money went by another way than the gateway, as a person says.
    pub elsewhere: bool,
}

/// How far a partial refund has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartState {
    UnderWay,
    Returned,
    Abandoned,
}

/// A voucher that lowers a booking's amount.
#[derive(Debug)]
pub(super) struct Applied {
    pub voucher: VoucherHash,
    pub application: u32,
    pub discount: i64,
}

/// A campaign.
#[derive(Debug)]
pub(super) struct CampaignFact {
    pub terms: Arc<VoucherTerms>,
    pub count: u32,
    /// How many of its vouchers are there.
    pub created: u32,
    pub completed: bool,
}

/// A voucher.
#[derive(Debug)]
pub(super) struct VoucherFact {
    pub terms: Arc<VoucherTerms>,
    /// The bookings that have it.
    pub claims: Vec<Claim>,
    /// How often its goods were handed over.
    pub handed_over: u32,
    /// What it is the code of, if no campaign's.
    pub reward: Option<Box<CodeOfReward>>,
}

impl VoucherFact {
    /// Whether it was paid with, or its goods were handed over.
    pub fn is_used(&self) -> bool {
        self.handed_over > 0 || self.claims.iter().any(|claim| claim.used)
    }
}

/// A voucher that is the code of a reward.
#[derive(Debug)]
pub(super) struct CodeOfReward {
    pub reward: VoucherId,
    /// Whether an account says that it was issued.
    pub issued: bool,
    /// When and where it was created.
    pub since: Timestamp,
    pub position: Position,
    pub withdrawn: Option<WithdrawnAs>,
}

/// How a voucher was when it was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithdrawnAs {
    Unused,
    Used,
}

/// A booking that has a voucher.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub booking: BookingId,
    /// Number of the application to the booking.
    pub application: u32,
    pub used: bool,
    /// When and where it was reserved.
    pub since: Timestamp,
    pub position: Position,
}

/// What a booking was opened for.
#[derive(Debug)]
pub(super) struct Opened {
    pub show: ShowId,
    /// Revision of the show that it was priced at.
    pub revision: u64,
    pub buyer: BuyerId,
    pub channel: Option<ChannelId>,
    pub access_code: Option<AccessCodeHash>,
    /// The voucher that opened blocks to it.
    pub voucher: Option<VoucherHash>,
    pub amount: Money,
    /// By the plan's index; seats that are not in the plan are left out.
    pub seats: Box<[u32]>,
    /// Of the same seats.
    pub prices: Box<[i64]>,
    pub fees: Box<[i64]>,
    /// Those that it gave up for others.
    pub left: Vec<Moved>,
    /// Those that exchanges have brought it.
    pub brought: Vec<Moved>,
    /// Number of seats, those included.
    pub count: u32,
    /// When.
    pub at: Timestamp,
}

/// A seat that left a booking or joined it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub seat: u32,
    pub exchange: u32,
    pub at: Timestamp,
}

/// Who won the booking's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Decision {
    #[default]
    Open,
    Committed,
    Aborted,
    Refunded,
}

/// The state of the payment while nothing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pay {
    #[default]
    None,
    Started,
    ActionRequired,
    Authorised,
}

impl Decision {
    /// Whether the seats are to be free.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Aborted | Self::Refunded)
    }
}

impl Book {
    /// Whether it is known to have been opened for other seats than this one. On a log without appends
    /// across streams a try that failed may leave such a lock behind; it has to go, and harms nobody
    /// until then.
    pub fn is_stray(&self, show: &ShowId, seat: u32) -> bool {
        self.opened.as_ref().is_some_and(|o| o.show != *show || !o.seats.contains(&seat))
    }

    /// Whether it is to be moved to this seat, and for what price.
    pub fn is_taking(&self, seat: u32) -> Option<i64> {
        let exchange = self.exchange.as_ref()?;
        exchange.takes.iter().find(|(taken, ..)| *taken == seat).map(|(_, price, _)| *price)
    }

    /// Since when a seat that it was not opened with, or was moved from, is to be free.
    pub fn stray_since(&self) -> Option<Timestamp> {
        self.opened.as_ref().map(|opened| self.moved_at.map_or(opened.at, |moved| moved.max(opened.at)))
    }

    /// Paid, and the money was not returned.
    pub fn is_charged(&self) -> bool {
        self.captured.is_some() && self.decision != Decision::Refunded
    }

    /// The partial refund that is requested and neither made nor abandoned.
    pub fn part_under_way(&self) -> Option<&Part> {
        self.parts.last().filter(|part| part.state == PartState::UnderWay)
    }

    pub fn returned_parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == PartState::Returned)
    }

    /// What partial refunds have returned, in minor units.
    pub fn returned_in_parts(&self) -> i64 {
        self.returned_parts().fold(0, |sum, part| sum.saturating_add(part.amount))
    }

    /// Whether staff have to return its money by hand.
    pub fn is_repaid_by_staff(&self) -> bool {
        let left = self.captured.map_or(0, |taken| taken.value.saturating_sub(self.returned_in_parts()));
        matches!(self.tender, Some(Tender::Cash | Tender::Invoice)) && left > 0
    }

    /// When it gave the seat up for a partial refund.
    pub fn gave_up_at(&self, seat: u32) -> Option<Timestamp> {
        self.returned_parts().find(|part| part.seats.contains(&seat)).map(|part| part.at)
    }

    /// Number of the seats that it gave up for partial refunds.
    pub fn seats_given_up(&self) -> u32 {
        self.returned_parts().fold(0, |sum, part| sum.saturating_add(u32::try_from(part.seats.len()).unwrap_or(u32::MAX)))
    }

    /// Number of the seats whose points partial refunds have taken back.
    pub fn seats_uncredited(&self) -> u32 {
        let uncredited = self.returned_parts().filter(|part| part.uncredited);
        uncredited.fold(0, |sum, part| sum.saturating_add(u32::try_from(part.seats.len()).unwrap_or(u32::MAX)))
    }

    /// Whether it has too few seats left, after partial refunds, for the voucher that it led to.
    pub fn has_lost_voucher(&self) -> bool {
        let left = self.opened.as_ref().map_or(0, |o| o.count).saturating_sub(self.seats_given_up());
        self.decision == Decision::Committed && self.seats_given_up() > 0 && left < BOOKING_VOUCHER_SEATS
    }

    /// Whether it was ever paid.
    pub fn was_paid(&self) -> bool {
        self.captured.is_some()
    }

    /// Its status in the API's words; `None` if only seats were locked for it.
    pub fn status_name(&self) -> Option<&'static str> {
        Some(match (self.decision, self.pay) {
            _ if !self.begun => return None,
            (Decision::Aborted, _) => "aborted",
            (Decision::Refunded, _) => "refunded",
            (Decision::Committed, _) if self.captured.is_some() => "confirmed",
            (Decision::Committed, _) | (Decision::Open, Pay::Started | Pay::Authorised) => "paying",
            (Decision::Open, Pay::ActionRequired) => "action_required",
            (Decision::Open, Pay::None) => "held",
        })
    }

    /// Nothing more can hang on an aborted booking without seats and money: millions of them are
    /// worth forgetting the detail of.
    pub fn forget_if_done(&mut self) {
        if self.decision == Decision::Aborted && self.seats_held == 0 && self.captured.is_none() {
            self.opened = None;
        }
    }

    /// What is to be charged: what it was opened for, less its voucher's discount.
    pub fn amount(&self) -> Option<Money> {
        let (whole, discount) = (self.opened.as_ref()?.amount, self.applied.as_ref().map_or(0, |applied| applied.discount));
        let given_away = self.tender == Some(Tender::Complimentary);
        Some(Money { value: if given_away { 0 } else { whole.value.saturating_sub(discount) }, ..whole })
    }

    /// Whether a voucher lowers its amount, by this application.
    pub fn has_voucher(&self, voucher: &VoucherHash, application: u32) -> bool {
        self.applied.as_ref().is_some_and(|has| has.voucher == *voucher && has.application == application)
    }
}

/// All accounts.
#[derive(Debug, Default)]
pub(super) struct Rewards {
    pub accounts: HashMap<BuyerId, Account>,
    pub vouchers: HashMap<VoucherId, Voucher>,
}

#[derive(Debug, Default)]
pub(super) struct Account {
    pub seats: u32,
    /// Milestone vouchers issued and not taken back.
    pub milestones: u32,
    /// Those of them that were not used.
    pub unused: u32,
    /// Its last event.
    pub at: Option<Timestamp>,
    pub position: Position,
}

#[derive(Debug)]
pub(super) struct Voucher {
    pub booking: BookingId,
    pub cause: VoucherCause,
    pub state: VoucherState,
    pub position: Position,
    pub buyer: BuyerId,
    /// Its code, if it has one.
    pub code: Option<VoucherHash>,
}

impl Rewards {
    /// `codes`: what has become of a reward with a code, its own stream says.
    pub fn count_vouchers(&self, codes: &HashMap<VoucherHash, VoucherFact>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::from([("issued", 0), ("redeemed", 0), ("revoked", 0)]);
        for voucher in self.vouchers.values() {
            let used = voucher.code.as_ref().and_then(|code| codes.get(code)).is_some_and(VoucherFact::is_used);
            let name = match voucher.state {
                _ if used => "redeemed",
                VoucherState::Issued => "issued",
                VoucherState::Redeemed => "redeemed",
                VoucherState::Revoked => "revoked",
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

/// The seats by the plan's index; `None` for one that the show does not have.
pub(super) fn seats_by_index(shows: &HashMap<ShowId, ShowFacts>, opened: Option<&Opened>, seats: &[SeatId]) -> Vec<Option<u32>> {
    let plan = opened.and_then(|opened| shows.get(&opened.show)).map(|show| &show.latest().plan);
    seats.iter().map(|seat| plan.and_then(|plan| plan.index_of(seat))).collect()
}

/// What was done with a ticket.
#[derive(Debug, Default)]
pub(super) struct TicketFact {
    /// Number of its last issue.
    pub issue: u32,
    /// The issues after the first, with their times.
    pub reissued: Vec<(u32, Timestamp)>,
    /// Its scans, in the log's order.
    pub scans: Vec<ScanFact>,
}

/// A scan of a ticket.
#[derive(Debug)]
pub(super) struct ScanFact {
    pub is_entry: bool,
    pub is_offline: bool,
    /// When it counts as made.
    pub at: Timestamp,
    pub recorded_at: Timestamp,
    pub device: Option<DeviceId>,
    pub scan: Uuid,
}

impl TicketFact {
    /// The last scan by time, of those before `until` if that is given.
    pub fn last_scan(&self, until: Option<Timestamp>) -> Option<&ScanFact> {
        let known = self.scans.iter().filter(|scan| until.is_none_or(|until| scan.at <= until));
        known.fold(None, |last: Option<&ScanFact>, scan| match last {
            Some(last) if last.at > scan.at => Some(last),
            _ => Some(scan),
        })
    }

    /// The first scan after a moment.
    pub fn next_scan(&self, after: Timestamp) -> Option<&ScanFact> {
        let later = self.scans.iter().filter(|scan| scan.at > after);
        later.fold(None, |first: Option<&ScanFact>, scan| match first {
            Some(first) if first.at <= scan.at => Some(first),
            _ => Some(scan),
        })
    }

    /// Scans by what they are.
    pub fn count_scans<'a>(tickets: impl Iterator<Item = &'a Self>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::from([("entries", 0), ("exits", 0), ("offline", 0), ("double_entries", 0)]);
        let mut count = |name| *counts.entry(name).or_default() += 1;
        for ticket in tickets {
            let mut by_time: Vec<&ScanFact> = ticket.scans.iter().collect();
            by_time.sort_by_key(|scan| scan.at);
            let mut was_entry = false;
            for scan in by_time {
                count(if scan.is_entry { "entries" } else { "exits" });
                if scan.is_offline {
                    count("offline");
                }
                if was_entry && scan.is_entry {
                    count("double_entries");
                }
                was_entry = scan.is_entry;
            }
        }
        counts
    }

    /// Whether a device's scan with this id was there already.
    pub fn record(&mut self, scan: ScanFact) -> bool {
        let same = |known: &ScanFact| known.device.is_some() && known.device == scan.device && known.scan == scan.scan;
        let again = self.scans.iter().any(same);
        self.scans.push(scan);
        again
    }

    pub fn is_inside(&self) -> bool {
        self.last_scan(None).is_some_and(|scan| scan.is_entry)
    }

    /// When its last scan was recorded: who has read it since knows who is inside.
    pub fn known_since(&self) -> Option<Timestamp> {
        self.scans.iter().map(|scan| scan.recorded_at).max()
    }
}

/// The place of a finding that shows at the end of the log, not at one of its events.
pub(super) fn at_the_end(position: Position, stream: &StreamName) -> Place {
    Place { position, stream: stream.clone(), revision: None }
}

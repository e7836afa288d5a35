//! A booking: what it was opened for, its payment, and what became of its seats.

use lastseat_domain::event::Tender;
use lastseat_domain::loyalty::BOOKING_VOUCHER_SEATS;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{AccessCodeHash, BuyerId, ChannelId, Money, ShowId, Timestamp, VoucherHash};
use uuid::Uuid;

/// A booking.
#[derive(Debug, Default)]
pub(crate) struct Book {
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
pub(crate) struct Exchange {
    pub number: u32,
    pub leaves: Vec<u32>,
    /// With price and fee.
    pub takes: Vec<(u32, i64, i64)>,
}

/// A partial refund.
#[derive(Debug)]
pub(crate) struct Part {
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
pub(crate) enum PartState {
    UnderWay,
    Returned,
    Abandoned,
}

/// A voucher that lowers a booking's amount.
#[derive(Debug)]
pub(crate) struct Applied {
    pub voucher: VoucherHash,
    pub application: u32,
    pub discount: i64,
}

/// What a booking was opened for.
#[derive(Debug)]
pub(crate) struct Opened {
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
pub(crate) struct Moved {
    pub seat: u32,
    pub exchange: u32,
    pub at: Timestamp,
}

/// Who won the booking's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Decision {
    #[default]
    Open,
    Committed,
    Aborted,
    Refunded,
}

/// The state of the payment while nothing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pay {
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
    /// across streams a try that failed may leave such a lock; it has to go, and harms nobody
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

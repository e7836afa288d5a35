//! A booking as its buyer sees it, and what each event makes of it.

use crate::refunds::{self, RefundStatus, RefundView};
use lastseat_domain::event::{AbortReason, Event, ExchangeRequested, PricedSeat, ShopData, Tender};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, ChannelId, Envelope, IntentId, Money, ShowId, Timestamp, VoucherHash};
use serde::{Deserialize, Serialize};

/// A booking as its buyer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingView {
    pub booking: BookingId,
    pub show: ShowId,
    pub buyer: BuyerId,
    /// Who had it before it was transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_buyer: Option<BuyerId>,
    pub status: BookingStatus,
    /// Why it was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AbortReason>,
    /// The seats that it has, without those that it gave up for partial refunds.
    pub seats: Vec<PricedSeat>,
    /// The show's fee for a booking, in minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fee: i64,
    /// What it costs: the sum of the prices and fees, less the discount; nothing if it is given away.
    pub amount: Money,
    /// The voucher that lowers its amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherHash>,
    /// By how much, in minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount: i64,
    /// Where it is sold; `None` for the show's open sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// What the shop wants to find it by.
    #[serde(default, skip_serializing_if = "ShopData::is_empty")]
    pub shop: ShopData,
    pub opened_at: Timestamp,
    /// When its hold ends, extension included.
    pub expires_at: Timestamp,
    /// When the money was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// Whether the one extension was used.
    pub extended: bool,
    /// The page where the buyer has to confirm the payment, while the bank waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_at: Option<String>,
    /// Attempts to pay so far.
    pub attempts: u32,
    /// How the last attempt pays at the till; `None` if the gateway takes the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<Tender>,
    /// The gateway's code, if the last attempt was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decline: Option<String>,
    /// The payment intent, as soon as an event names it. The shop's business, not the buyer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// The exchange of seats that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeRequested>,
    /// A refund is requested and not done yet.
    pub refund_requested: bool,
    /// A person has said that the buyer has the money back by another way than a refund at the gateway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returned_elsewhere: bool,
    /// Its refunds of a part, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundView>,
    /// Minor units that were returned, all refunds included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: i64,
    /// A person has to look at the payment.
    pub flagged: bool,
    /// Position of the event that opened it. Bookings are sorted by it.
    pub opened: Position,
    /// Position of its last event.
    pub position: Position,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// Status of a booking, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingStatus {
    /// Seats held, nothing paid.
    Held,
    /// Payment under way, or decided and being captured.
    Paying,
    /// The buyer has to act at their bank.
    ActionRequired,
    /// Booked and paid.
    Confirmed,
    /// Over without a sale.
    Aborted,
    /// Refunded.
    Refunded,
}

impl std::str::FromStr for BookingStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a status of a booking"))
    }
}

impl BookingStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Held, Self::Paying, Self::ActionRequired, Self::Confirmed, Self::Aborted, Self::Refunded];

    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Paying => "paying",
            Self::ActionRequired => "action_required",
            Self::Confirmed => "confirmed",
            Self::Aborted => "aborted",
            Self::Refunded => "refunded",
        }
    }

    /// What an event makes of its booking's status, if anything.
    pub(crate) fn after(event: &Event) -> Option<(BookingId, Self)> {
        Some(match event {
            Event::BookingOpened(e) => (e.booking, Self::Held),
            Event::PaymentStarted(e) => (e.booking, Self::Paying),
            Event::PaymentActionRequired(e) => (e.booking, Self::ActionRequired),
            Event::PaymentDeclined(e) => (e.booking, Self::Held),
            Event::PaymentAuthorised(e) => (e.booking, Self::Paying),
            Event::BookingCommitted(e) => (e.booking, Self::Paying),
            Event::PaymentCaptured(e) => (e.booking, Self::Confirmed),
            Event::BookingAborted(e) => (e.booking, Self::Aborted),
            Event::PaymentRefunded(e) => (e.booking, Self::Refunded),
            // It goes on, with less.
            Event::PaymentPartlyRefunded(e) => (e.booking, Self::Confirmed),
            Event::PaymentReturnedElsewhere(e) if e.refund.is_some() => (e.booking, Self::Confirmed),
            Event::PaymentReturnedElsewhere(e) => (e.booking, Self::Refunded),
            _ => return None,
        })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Whether there is more after it.
    pub has_more: bool,
}

impl BookingView {
    /// Minor units that partial refunds have returned at the gateway.
    #[must_use]
    pub fn parts_at_gateway(&self) -> i64 {
        self.sum_of_refunds(RefundStatus::Made)
    }

    /// Minor units that went back by another way than the gateway for partial refunds.
    #[must_use]
    pub fn parts_elsewhere(&self) -> i64 {
        self.sum_of_refunds(RefundStatus::ReturnedElsewhere)
    }

    /// Whether a partial refund is requested and neither made nor abandoned.
    #[must_use]
    pub fn refund_under_way(&self) -> bool {
        self.refunds.last().is_some_and(|last| last.status == RefundStatus::Requested)
    }

    fn sum_of_refunds(&self, status: RefundStatus) -> i64 {
        let of_status = self.refunds.iter().filter(|refund| refund.status == status);
        of_status.fold(0, |sum, refund| sum.saturating_add(refund.amount.value))
    }

    /// The booking that the event opened, if it opened one.
    pub(crate) fn opened_by(envelope: &Envelope) -> Option<Self> {
        let Event::BookingOpened(e) = &envelope.event else { return None };
        Some(Self {
            booking: e.booking,
            show: e.show.clone(),
            buyer: e.buyer.clone(),
            first_buyer: None,
            status: BookingStatus::Held,
            reason: None,
            seats: e.seats.clone(),
            fee: e.fee,
            amount: e.amount,
            voucher: None,
            discount: 0,
            channel: e.channel.clone(),
            shop: e.shop.clone(),
            opened_at: envelope.metadata.at,
            expires_at: e.expires_at,
            confirmed_at: None,
            extended: false,
            confirm_at: None,
            attempts: 0,
            tender: None,
            last_decline: None,
            intent: None,
            exchange: None,
            refund_requested: false,
            returned_elsewhere: false,
            refunds: vec![],
            refunded: 0,
            flagged: false,
            opened: envelope.position,
            position: envelope.position,
        })
    }

    fn set_voucher(&mut self, voucher: Option<&VoucherHash>, discount: i64) {
        self.amount.value = self.amount.value.saturating_add(self.discount).saturating_sub(discount);
        (self.voucher, self.discount) = (voucher.cloned(), discount);
    }

    /// Folds a later event of this booking.
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        self.position = envelope.position;
        let was_refunded = self.status == BookingStatus::Refunded;
        if let Some((_, status)) = BookingStatus::after(&envelope.event) {
            self.status = status;
            self.confirm_at = None;
        }
        if let Some(intent) = intent_in(&envelope.event).filter(|intent| self.intent.as_ref() != Some(intent)) {
            self.intent = Some(intent.clone());
        }
        match &envelope.event {
            Event::HoldExtended(e) => {
                self.expires_at = e.expires_at;
                self.extended = true;
            }
            Event::PaymentActionRequired(e) => self.confirm_at.clone_from(&e.url),
            Event::PaymentStarted(e) => {
                self.attempts = e.attempt;
                self.tender = e.tender;
                self.last_decline = None;
                if e.tender == Some(Tender::Complimentary) {
                    self.amount.value = 0;
                }
            }
            Event::PaymentCaptured(_) => self.confirmed_at = Some(envelope.metadata.at),
            Event::PaymentDeclined(e) => self.last_decline = Some(e.code.clone()),
            // Each ends what was flagged before it, as in the booking's own rules.
            Event::RefundRequested(_) => {
                self.refund_requested = true;
                self.flagged = false;
            }
            Event::PaymentRefunded(e) => {
                self.refund_requested = false;
                self.flagged = false;
                self.refunded = self.refunded.saturating_add(e.amount.value);
            }
            Event::PaymentReturnedElsewhere(e) if e.refund.is_none() => {
                // After a refund that failed, it is the same money.
                if !was_refunded {
                    self.refunded = self.refunded.saturating_add(e.amount.value);
                }
                self.refund_requested = false;
                self.returned_elsewhere = true;
                self.flagged = false;
            }
            Event::PaymentReturnedElsewhere(_) => self.flagged = false,
            Event::ExchangeRequested(e) => self.exchange = Some(e.clone()),
            Event::ExchangeAbandoned(_) => self.exchange = None,
            Event::BookingExchanged(_) => {
                if let Some(exchange) = self.exchange.take() {
                    self.seats.retain(|own| !exchange.leaves.contains(&own.seat));
                    self.seats.extend(exchange.takes);
                    self.seats.sort_unstable_by(|a, b| a.seat.cmp(&b.seat));
                }
            }
            Event::BookingTransferred(e) => {
                let before = std::mem::replace(&mut self.buyer, e.buyer.clone());
                self.first_buyer.get_or_insert(before);
            }
            Event::VoucherApplied(e) => self.set_voucher(Some(&e.voucher), e.discount),
            Event::VoucherRemoved(e) if self.voucher.as_ref() == Some(&e.voucher) => self.set_voucher(None, 0),
            Event::BookingAborted(e) => self.reason = Some(e.reason),
            Event::PaymentFlagged(_) => self.flagged = true,
            Event::PaymentReviewed(_) => self.flagged = false,
            _ => {}
        }
        if let Some(ended) = refunds::apply(&mut self.refunds, &mut self.seats, &envelope.event) {
            self.flagged = false;
            let returned = if ended.status.is_returned() { ended.amount.value } else { 0 };
            self.refunded = self.refunded.saturating_add(returned);
        }
    }
}

/// The payment intent that an event of a booking names.
fn intent_in(event: &Event) -> Option<&IntentId> {
    match event {
        Event::PaymentActionRequired(e) => Some(&e.intent),
        Event::PaymentDeclined(e) => e.intent.as_ref(),
        Event::PaymentAuthorised(e) => Some(&e.intent),
        Event::PaymentCaptured(e) => Some(&e.intent),
        Event::PaymentVoided(e) => Some(&e.intent),
        Event::PaymentRefunded(e) => Some(&e.intent),
        Event::PaymentPartlyRefunded(e) => Some(&e.intent),
        _ => None,
    }
}

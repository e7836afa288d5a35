//! The comparison of one payment: pure, from the gateway's record and the booking's ledger.

use super::difference::{Difference, Kind, Remedy};
use lastseat_domain::event::{Event, ReviewOutcome};
use lastseat_domain::ports::payments::{Dispute, IntentStatus, PaymentRecord};
use lastseat_domain::{BookingId, IntentId, Money, Timestamp};
use std::collections::HashSet;

/// Number of the first refund that the engine does not make. Its own are numbered from 1, partial ones included, and
/// never get this far.
pub(super) const FIRST_OTHER: u32 = 1 << 20;

/// How far the money of a booking has got, by its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// Not in the log.
    #[default]
    Unknown,
    /// No attempt to pay.
    NotStarted,
    /// Started or authorised.
    UnderWay,
    /// Decided: the seats are sold, and the money is to be taken.
    Committed,
    Captured,
    /// A part of the money is to be returned.
    PartRequested,
    RefundRequested,
    Refunded,
    /// By another way than the gateway, as a person says.
    ReturnedElsewhere,
    Aborted,
}

/// The money of a booking, by its events.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    phase: Phase,
    amount: Option<Money>,
    /// What its voucher takes off, and that voucher's application.
    discount: Option<(u32, i64)>,
    intent: Option<IntentId>,
    /// An attempt of which the log does not know whether it made an intent.
    unclear: bool,
    voided: bool,
    flagged: bool,
    /// Of partial refunds, in minor units.
    parts: Parts,
    /// When the last thing was decided that a server has to carry out.
    decided: Option<Timestamp>,
    /// It is paid at the till, of which the gateway knows nothing.
    at_till: bool,
    /// A person has settled the payment at the gateway: nothing of it is left to do there.
    settled: bool,
}

/// What the log says of a booking's partial refunds, in minor units.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    under_way: i64,
    /// The number of the one under way.
    number: Option<u32>,
    /// Returned at the gateway.
    made: i64,
    /// Returned by another way, as a person says.
    elsewhere: i64,
}

impl Parts {
    fn take(&mut self, event: &Event) {
        match event {
            Event::PartialRefundRequested(e) => (self.under_way, self.number) = (e.amount.value, Some(e.refund)),
            Event::PaymentPartlyRefunded(e) => {
                self.made = self.made.saturating_add(e.amount.value);
                (self.under_way, self.number) = (0, None);
            }
            Event::PaymentReturnedElsewhere(e) if e.refund.is_some() => {
                if self.number != e.refund {
                    // It was made, and has failed since.
                    self.made = self.made.saturating_sub(e.amount.value);
                }
                self.elsewhere = self.elsewhere.saturating_add(e.amount.value);
                (self.under_way, self.number) = (0, None);
            }
            Event::PaymentReviewed(e) if e.outcome == ReviewOutcome::Abandoned => (self.under_way, self.number) = (0, None),
            _ => {}
        }
    }
}

impl Ledger {
    fn set_discount(&mut self, discount: Option<(u32, i64)>) {
        let value = |discount: Option<(u32, i64)>| discount.map_or(0, |(_, value)| value);
        if let Some(amount) = &mut self.amount {
            amount.value = amount.value.saturating_add(value(self.discount)).saturating_sub(value(discount));
        }
        self.discount = discount;
    }

    pub(super) fn take(&mut self, event: &Event, at: Timestamp) {
        self.parts.take(event);
        if matches!(
            event,
            Event::BookingCommitted(_) | Event::RefundRequested(_) | Event::PartialRefundRequested(_) | Event::BookingAborted(_)
        ) {
            self.decided = Some(at);
        }
        self.phase = match event {
            Event::PaymentStarted(_) => Phase::UnderWay,
            Event::BookingCommitted(_) => Phase::Committed,
            Event::PaymentCaptured(_) => Phase::Captured,
            Event::RefundRequested(_) => Phase::RefundRequested,
            Event::PaymentRefunded(_) => Phase::Refunded,
            Event::PartialRefundRequested(_) => Phase::PartRequested,
            Event::PaymentPartlyRefunded(_) => Phase::Captured,
            Event::PaymentReturnedElsewhere(e) if e.refund.is_some() => Phase::Captured,
            Event::PaymentReviewed(e) if e.outcome == ReviewOutcome::Abandoned => Phase::Captured,
            Event::PaymentReturnedElsewhere(_) => Phase::ReturnedElsewhere,
            Event::BookingAborted(_) => Phase::Aborted,
            _ if self.phase == Phase::Unknown => Phase::NotStarted,
            _ => self.phase,
        };
        if let Event::PaymentStarted(e) = event {
            self.at_till = e.tender.is_some();
            self.unclear |= !self.at_till;
        }
        let intent = match event {
            Event::BookingOpened(e) => {
                self.amount = Some(e.amount);
                None
            }
            Event::VoucherApplied(e) => {
                self.set_discount(Some((e.application, e.discount)));
                None
            }
            Event::VoucherRemoved(e) => {
                if self.discount.is_some_and(|(application, _)| application == e.application) {
                    self.set_discount(None);
                }
                None
            }
            Event::PaymentActionRequired(e) => Some(&e.intent),
            Event::PaymentDeclined(e) => {
                self.unclear &= e.intent.is_some();
                e.intent.as_ref()
            }
            Event::PaymentAuthorised(e) => Some(&e.intent),
            Event::PaymentCaptured(e) => Some(&e.intent),
            Event::PaymentVoided(e) => {
                self.voided = true;
                Some(&e.intent)
            }
            Event::PaymentFlagged(_) => {
                self.flagged = true;
                None
            }
            // A flag before one of these is not about the refund.
            Event::RefundRequested(_)
            | Event::PaymentRefunded(_)
            | Event::PaymentPartlyRefunded(_)
            | Event::PaymentReturnedElsewhere(_) => {
                self.flagged = false;
                None
            }
            Event::PaymentReviewed(e) => {
                self.flagged = false;
                self.settled = e.outcome == ReviewOutcome::Settled;
                None
            }
            _ => None,
        };
        if let Some(intent) = intent {
            self.intent = Some(intent.clone());
        }
    }

    /// Whether a server still has an intent to cancel.
    fn is_void_due(&self) -> bool {
        (self.intent.is_some() || self.unclear) && !self.voided && !self.settled
    }

    /// Whether the log says that the shop has the money.
    fn counts_as_paid(&self) -> bool {
        matches!(self.phase, Phase::Captured | Phase::PartRequested | Phase::RefundRequested)
    }

    pub(super) fn exists(&self) -> bool {
        self.phase != Phase::Unknown
    }

    /// The intent that the log names.
    pub(super) fn intent(&self) -> Option<&IntentId> {
        self.intent.as_ref()
    }

    /// Whether the log names another intent than this one.
    pub(super) fn is_other(&self, intent: &IntentId) -> bool {
        self.intent.as_ref().is_some_and(|own| own != intent)
    }

    /// What is missing if the gateway does not list the booking's intent. `listed`: all that it lists.
    pub(super) fn without_record(&self, booking: BookingId, listed: &HashSet<&IntentId>) -> Option<Difference> {
        let intent = self.intent.as_ref().filter(|intent| !self.at_till && !listed.contains(intent))?;
        let paid = self.counts_as_paid() || matches!(self.phase, Phase::Refunded | Phase::ReturnedElsewhere);
        // What costs nothing never reaches the gateway.
        let costs = self.amount.is_none_or(|amount| amount.value > 0);
        let found = |kind: Kind| kind.difference(Some(booking), intent.clone(), Remedy::Decide);
        match (paid && costs, self.flagged && costs) {
            (true, _) => Some(found(Kind::NotAtGateway)),
            (false, true) => Some(found(Kind::Flagged)),
            (false, false) => None,
        }
    }
}

/// Where a record and its booking differ. `number`: of a refund of an intent that the log does not name.
pub(super) fn record(record: &PaymentRecord, ledger: Option<&Ledger>, number: u32, now: Timestamp) -> Vec<Difference> {
    let money = Gateway::of(record);
    let mut found = Vec::new();
    if record.booking.is_some() && record.dispute == Dispute::Open {
        found.push(Kind::Disputed.of(record, Remedy::Decide));
    }
    found.extend(match (record.booking, ledger) {
        (None, _) => Some(Kind::NotOurs.of(record, Remedy::Nothing)),
        (Some(_), None) => unexplained(record, money, 1, Kind::UnknownBookingCharged, Kind::UnknownBookingAuthorised),
        (Some(_), Some(ledger)) => with_ledger(record, money, ledger, number).map(|found| found.waiting(ledger.decided, now)),
    });
    found
}

/// What the gateway has of a payment.
#[derive(Debug, Clone, Copy)]
struct Gateway {
    /// Taken and not returned. Nothing, if the bank has given it back after a dispute.
    kept: i64,
    returned: bool,
    authorised: bool,
}

impl Gateway {
    fn of(record: &PaymentRecord) -> Self {
        Self {
            kept: if record.dispute == Dispute::Lost { 0 } else { record.captured.saturating_sub(record.refunded) },
            returned: record.refunded > 0,
            authorised: record.status == IntentStatus::RequiresCapture,
        }
    }
}

/// Money that the log does not explain: it is returned, or its reservation cancelled.
fn unexplained(record: &PaymentRecord, money: Gateway, number: u32, charged: Kind, authorised: Kind) -> Option<Difference> {
    if money.kept > 0 {
        let amount = Money { value: money.kept, currency: record.amount.currency };
        return Some(charged.of(record, Remedy::Refund { number, amount }));
    }
    money.authorised.then(|| authorised.of(record, Remedy::Cancel))
}

fn with_ledger(record: &PaymentRecord, money: Gateway, ledger: &Ledger, number: u32) -> Option<Difference> {
    if ledger.is_other(&record.intent) {
        return unexplained(record, money, number, Kind::SecondCharge, Kind::SecondAuthorisation);
    }
    if record.dispute == Dispute::Lost && ledger.counts_as_paid() {
        return Some(Kind::DisputeLost.of(record, Remedy::Decide));
    }
    if (money.kept > 0 || money.authorised) && ledger.amount.is_some_and(|amount| amount != record.amount) {
        return Some(Kind::AmountDiffers.of(record, Remedy::Decide));
    }
    let found = by_phase(record, money, ledger);
    // A person looks at it already; what is wrong beside is reported as such.
    match (ledger.flagged, found) {
        (true, None) => Some(Kind::Flagged.of(record, Remedy::Decide)),
        (true, Some(found)) if !found.wrong => Some(Kind::Flagged.of(record, Remedy::Decide)),
        (_, found) => found,
    }
}

fn by_phase(record: &PaymentRecord, money: Gateway, ledger: &Ledger) -> Option<Difference> {
    let parts = ledger.parts;
    let (kept, returned) = (money.kept > 0, money.returned);
    // Returned beyond what partial refunds have; less than those: the bank has refused one later.
    let (by_hand, failed) = (record.refunded > parts.made, record.refunded < parts.made);
    match ledger.phase {
        Phase::Unknown | Phase::UnderWay => None,
        Phase::Committed if ledger.flagged => Some(Kind::SoldFlagged.of(record, Remedy::Decide)),
        Phase::Committed if record.status == IntentStatus::Canceled => Some(Kind::SoldUnpaid.of(record, Remedy::Wait)),
        Phase::Committed => None,
        Phase::NotStarted => unexplained(record, money, 1, Kind::ChargedWithoutPayment, Kind::AuthorisedWithoutPayment),
        Phase::PartRequested if record.refunded == parts.made && ledger.flagged => {
            Some(Kind::RefundFlagged.of(record, Remedy::Decide))
        }
        Phase::PartRequested if record.refunded == parts.made => Some(Kind::RefundDue.of(record, Remedy::Wait)),
        Phase::PartRequested if record.refunded == parts.made.saturating_add(parts.under_way) => {
            Some(Kind::RefundUnrecorded.of(record, Remedy::Wait))
        }
        Phase::Captured | Phase::PartRequested if kept && failed => Some(Kind::PartRefundFailed.of(record, Remedy::Decide)),
        Phase::Captured | Phase::PartRequested if by_hand && kept => Some(Kind::PartlyReturnedByHand.of(record, Remedy::Decide)),
        Phase::PartRequested => Some(Kind::PartlyReturnedByHand.of(record, Remedy::Decide)),
        Phase::Captured if by_hand => Some(Kind::ReturnedByHand.of(record, Remedy::RefundBooking)),
        Phase::Captured if money.authorised => Some(Kind::ConfirmedAuthorised.of(record, Remedy::Capture)),
        Phase::Captured if !kept => Some(Kind::ConfirmedUnpaid.of(record, Remedy::Decide)),
        Phase::Captured if record.captured != record.amount.value => Some(Kind::AmountDiffers.of(record, Remedy::Decide)),
        Phase::Captured => None,
        // Owed to a buyer, and no server goes on by itself.
        Phase::RefundRequested if kept && ledger.flagged => Some(Kind::RefundFlagged.of(record, Remedy::Decide)),
        Phase::RefundRequested if kept => Some(Kind::RefundDue.of(record, Remedy::Wait)),
        Phase::RefundRequested => Some(Kind::RefundUnrecorded.of(record, Remedy::Wait)),
        // The engine's refund came back: the bank refused it later. The next one has the next number.
        Phase::Refunded => {
            // What went back by another way stays here for good.
            let money = Gateway { kept: money.kept.saturating_sub(parts.elsewhere), ..money };
            unexplained(record, money, FIRST_OTHER, Kind::RefundedCharged, Kind::AbortedAuthorised)
        }
        Phase::ReturnedElsewhere if returned && record.refunded >= record.captured => {
            Some(Kind::ReturnedTwice.of(record, Remedy::Decide))
        }
        Phase::ReturnedElsewhere if returned && by_hand => Some(Kind::PartlyReturnedElsewhere.of(record, Remedy::Decide)),
        Phase::ReturnedElsewhere => None,
        Phase::Aborted if !kept && money.authorised && ledger.is_void_due() => Some(Kind::VoidDue.of(record, Remedy::Wait)),
        Phase::Aborted => unexplained(record, money, 1, Kind::AbortedCharged, Kind::AbortedAuthorised),
    }
}

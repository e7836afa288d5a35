//! The rules of partial refunds: of single seats, or of an amount, of a confirmed booking that goes on.
//!
//! One is under way at a time, and what all of them return stays below what was taken: to return the rest is the whole
//! refund's, which has the number after the last.

use super::part::{PartialRefund, PartialRefundState};
use super::state::{Booking, Phase};
use crate::event::{Event, PartialRefundRequested, PaymentPartlyRefunded, PricedSeat};
use crate::ids::{IntentId, SeatId};
use crate::money::Money;
use crate::rejection::Rejection;

impl Booking {
    /// The partial refund that is requested and neither made nor abandoned.
    #[must_use]
    pub fn refund_under_way(&self) -> Option<&PartialRefund> {
        self.partial_refunds.last().filter(|refund| refund.state == PartialRefundState::UnderWay)
    }

    /// The number of its next refund, partial or whole.
    #[must_use]
    pub fn next_refund(&self) -> u32 {
        self.partial_refunds.last().map_or(1, |last| last.requested.refund.saturating_add(1))
    }

    /// What its partial refunds have returned, in minor units, by whichever way.
    #[must_use]
    pub fn partly_refunded(&self) -> i64 {
        self.sum_of_parts(PartialRefund::is_returned)
    }

    /// The part of it that did not go back at the gateway.
    #[must_use]
    pub fn parts_elsewhere(&self) -> i64 {
        self.sum_of_parts(|refund| refund.state == PartialRefundState::ReturnedElsewhere)
    }

    /// Its partial refunds that returned money at the gateway.
    pub(super) fn parts_at_gateway(&self) -> impl Iterator<Item = &PartialRefund> {
        let at_gateway = self.tender().is_none();
        let made = self.partial_refunds.iter().filter(|part| part.state == PartialRefundState::Made);
        made.filter(move |part| at_gateway && part.requested.amount.value > 0)
    }

    /// Whether it goes on after partial refunds that the gateway accepted, of which the bank may refuse one days later.
    #[must_use]
    pub fn may_have_failed_parts(&self) -> bool {
        let goes_on = self.phase == Phase::Confirmed { refund_requested: false } && self.refund_under_way().is_none();
        goes_on && self.parts_at_gateway().next().is_some()
    }

    fn sum_of_parts(&self, which: impl Fn(&PartialRefund) -> bool) -> i64 {
        let parts = self.partial_refunds.iter().filter(|refund| which(refund));
        parts.fold(0, |sum, refund| sum.saturating_add(refund.requested.amount.value))
    }

    /// What is charged and not returned in parts. `None` if fenced.
    #[must_use]
    pub fn left(&self) -> Option<Money> {
        let charged = self.amount()?;
        Some(Money { value: charged.value.saturating_sub(self.partly_refunded()), ..charged })
    }

    /// The seats that it gave up for partial refunds. They are to be released.
    #[must_use]
    pub fn given_up(&self) -> Vec<SeatId> {
        let returned = self.partial_refunds.iter().filter(|refund| refund.is_returned());
        returned.flat_map(|refund| refund.requested.seats.iter().cloned()).collect()
    }

    /// What is returned for one of its seats: its price and fee, lowered in proportion if a voucher has lowered what the
    /// booking costs. The fee of the booking itself is in no seat.
    #[must_use]
    pub fn worth(&self, seat: &PricedSeat) -> i64 {
        let own = i128::from(seat.price) + i128::from(seat.fee);
        let whole = self.opened.as_ref().map_or(0, |opened| i128::from(opened.amount.value));
        let charged = self.amount().map_or(0, |amount| i128::from(amount.value));
        let worth = if whole == charged { own } else { own.checked_mul(charged).and_then(|n| n.checked_div(whole)).unwrap_or(0) };
        i64::try_from(worth).unwrap_or(0)
    }

    /// Ends the partial refund that is under way. The seats of one that was made leave the booking. One that was made and
    /// has failed since is returned by another way: its seats are gone already.
    pub(super) fn end_refund(&mut self, number: u32, state: PartialRefundState) {
        let refund = self.partial_refunds.iter_mut().find(|refund| refund.requested.refund == number);
        let Some(refund) = refund else { return };
        if (refund.state, state) == (PartialRefundState::Made, PartialRefundState::ReturnedElsewhere) {
            refund.state = state;
        }
        if refund.state != PartialRefundState::UnderWay {
            return;
        }
        refund.state = state;
        let seats = if refund.is_returned() { refund.requested.seats.clone() } else { vec![] };
        if !seats.is_empty() {
            self.change_seats(&seats, &[]);
        }
        self.flagged = false;
    }
}

/// `amount`: minor units; what the seats are worth if none is named.
pub(super) fn request(state: &Booking, seats: Vec<SeatId>, amount: Option<i64>, by: String) -> Result<Vec<Event>, Rejection> {
    check_possible(state)?;
    let left = state.left().ok_or(Rejection::NotConfirmed)?;
    let (seats, worth) = chosen(state, seats)?;
    let value = match amount {
        None if seats.is_empty() => return Err(invalid("seats", "it names neither seats nor an amount".to_owned())),
        Some(amount) if seats.is_empty() && amount < 1 => {
            return Err(invalid("amount", "the amount must be at least 1 minor unit".to_owned()));
        }
        Some(amount) if !seats.is_empty() && !(0..=worth).contains(&amount) => {
            return Err(invalid("amount", format!("these seats are worth {worth} minor units, so the amount is 0 to {worth}")));
        }
        Some(amount) if amount > left.value => {
            return Err(invalid("amount", format!("only {left} of the booking's money is left")));
        }
        given => given.unwrap_or(worth),
    };
    // A booking that has cost nothing has only seats to give up.
    let all_money = value >= left.value && left.value > 0;
    if all_money || seats.len() >= state.seats().len() {
        return Err(Rejection::RefundsAll);
    }
    let (booking, refund) = (state.id, state.next_refund());
    Ok(vec![PartialRefundRequested { booking, refund, seats, amount: Money { value, ..left }, by }.into()])
}

fn invalid(field: &'static str, why: String) -> Rejection {
    Rejection::InvalidRefund { field, why }
}

fn check_possible(state: &Booking) -> Result<(), Rejection> {
    match state.phase {
        Phase::Confirmed { refund_requested: true } => return Err(Rejection::RefundInProgress),
        Phase::Confirmed { refund_requested: false } => {}
        Phase::Refunded => return Err(Rejection::AlreadyRefunded),
        _ => return Err(Rejection::NotConfirmed),
    }
    if state.flagged {
        return Err(Rejection::UnderReview);
    }
    if state.refund_under_way().is_some() {
        return Err(Rejection::RefundInProgress);
    }
    if state.exchange.is_some() {
        return Err(Rejection::ExchangeInProgress);
    }
    Ok(())
}

/// The seats, sorted, and what they are worth. All of them are the booking's.
fn chosen(state: &Booking, mut seats: Vec<SeatId>) -> Result<(Vec<SeatId>, i64), Rejection> {
    seats.sort_unstable();
    if let Some([twice, _]) = seats.array_windows().find(|[a, b]| a == b) {
        return Err(Rejection::DuplicateSeats { seat: twice.clone() });
    }
    let mut worth = 0_i64;
    for seat in &seats {
        let priced = state.seats().iter().find(|priced| priced.seat == *seat);
        let priced = priced.ok_or_else(|| Rejection::NotOwner { seat: seat.clone() })?;
        worth = worth.saturating_add(state.worth(priced));
    }
    Ok((seats, worth))
}

/// The gateway has made a partial refund.
pub(super) fn record(state: &Booking, number: u32, intent: IntentId, amount: Money) -> Result<Vec<Event>, Rejection> {
    let refund = state.partial_refunds.iter().find(|refund| refund.requested.refund == number);
    match refund {
        Some(refund) if refund.is_returned() => Ok(vec![]),
        Some(refund) if refund.state == PartialRefundState::UnderWay => {
            let own_intent = state.intent.as_ref().is_none_or(|own| *own == intent);
            if refund.requested.amount != amount || !own_intent {
                return Err(Rejection::PaymentMismatch);
            }
            Ok(vec![PaymentPartlyRefunded { booking: state.id, refund: number, intent, amount }.into()])
        }
        _ => Err(Rejection::OutOfOrder { step: "Recording a partial refund" }),
    }
}

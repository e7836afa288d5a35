//! Payments at the till: staff have the money, or a bill, or give the seats away. The gateway never hears of them.

use super::checks::{check_alive, check_not_flagged};
use super::state::{Attempt, Booking, Phase};
use super::vouchers;
use crate::Timestamp;
use crate::event::{Event, PaymentStarted, RequestFingerprint, Tender};
use crate::ids::{BookingId, IntentId};
use crate::rejection::Rejection;

/// How the name begins that events of a payment at the till have instead of a gateway's intent.
const PREFIX: &str = "till_";

impl Tender {
    /// Its name, in the API and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Invoice => "invoice",
            Self::Complimentary => "complimentary",
        }
    }

    /// Names the payment of a booking at the till where events name a gateway's intent. `None` never happens: an id
    /// of a booking fits.
    #[must_use]
    pub fn intent(booking: BookingId) -> Option<IntentId> {
        IntentId::new(&format!("{PREFIX}{booking}")).ok()
    }
}

impl Booking {
    /// Whether its money is staff's to return, by hand: it was paid in cash or is on a bill. What was given away, or has
    /// cost nothing, has no money to be returned.
    #[must_use]
    pub fn is_repaid_by_staff(&self) -> bool {
        let paid = matches!(self.tender(), Some(Tender::Cash | Tender::Invoice));
        paid && self.left().is_some_and(|left| left.value > 0)
    }
}

/// Whether an intent can be that of the booking's last attempt: the till's if it pays there, else the gateway's.
pub(super) fn fits(state: &Booking, intent: &IntentId) -> bool {
    intent.as_str().starts_with(PREFIX) == state.tender().is_some()
}

/// Begins the payment. A booking is paid for in one way only: what the gateway may still take must not be taken here, too.
/// Paid already is a success only for a repeat of the request that paid: a second till would take the cash again.
pub(super) fn pay(
    state: &Booking,
    now: Timestamp,
    tender: Tender,
    request: Option<RequestFingerprint>,
) -> Result<Vec<Event>, Rejection> {
    let is_paid = matches!(state.phase, Phase::Committed | Phase::Confirmed { refund_requested: false });
    let paid_by = state.attempts.last().and_then(|attempt| attempt.started.request.as_ref());
    if is_paid && state.tender() == Some(tender) && request.is_some() && paid_by == request.as_ref() {
        return Ok(vec![]);
    }
    check_alive(state, now)?;
    check_not_flagged(state)?;
    // A decline that names no intent proves that none was created.
    let at_gateway = |attempt: &Attempt| attempt.started.tender.is_none() && attempt.declined.is_none();
    if state.intent.is_some() || state.attempts.iter().any(at_gateway) {
        return Err(Rejection::GatewayPaymentBegun);
    }
    if state.phase != Phase::Held {
        return Err(Rejection::PaymentInProgress);
    }
    vouchers::check_has_own(state)?;
    let attempt = state.attempt() + 1;
    Ok(vec![
        PaymentStarted { booking: state.id, attempt, payment_method: None, tender: Some(tender), return_url: None, request }
            .into(),
    ])
}

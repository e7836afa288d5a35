//! Compares what the gateway has taken with what the log says about each booking.
//!
//! A booking that is under way may differ for a moment: the log announces a call to the gateway before it
//! is made, and records its result after. What can't be explained that way is [`Disagreement::wrong`].

use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::{BookingId, IntentId, codec};
use serde::Serialize;
use std::collections::HashMap;

/// A payment intent, as the gateway has it. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub booking: BookingId,
    pub intent: IntentId,
    /// Taken.
    pub captured: i64,
    /// Taken and not returned.
    pub kept: i64,
}

/// Log and gateway say different things about a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    pub booking: BookingId,
    pub intent: IntentId,
    /// For people.
    pub text: &'static str,
    /// Nothing under way explains it, so a person has to decide.
    pub wrong: bool,
}

/// How far the money of a booking has got, by its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    /// No attempt to pay.
    NotStarted,
    /// Started, authorised or committed.
    UnderWay,
    Captured,
    RefundRequested,
    Refunded,
    Aborted,
}

/// The bookings of these charges, folded from the log.
pub struct Reconciliation {
    charges: Vec<Charge>,
    bookings: HashMap<BookingId, Option<Money>>,
}

impl Reconciliation {
    /// Charges, read from the gateway *before* the log.
    #[must_use]
    pub fn of(charges: Vec<Charge>) -> Self {
        let bookings = charges.iter().map(|charge| (charge.booking, None)).collect();
        Self { charges, bookings }
    }

    /// Takes the next event of the log, or of a booking's stream. One that can't be read is the audit's to
    /// report.
    pub fn observe(&mut self, recorded: &RecordedEvent) {
        let compared = recorded.stream.as_booking().is_some_and(|booking| self.bookings.contains_key(&booking));
        if let (true, Ok(Some(envelope))) = (compared, codec::decode(recorded)) {
            self.take(&envelope.event);
        }
    }

    fn take(&mut self, event: &Event) {
        let Some(money) = event.booking().and_then(|booking| self.bookings.get_mut(&booking)) else { return };
        *money = Some(match event {
            Event::PaymentStarted(_) => Money::UnderWay,
            Event::PaymentCaptured(_) => Money::Captured,
            Event::RefundRequested(_) => Money::RefundRequested,
            Event::PaymentRefunded(_) => Money::Refunded,
            Event::BookingAborted(_) => Money::Aborted,
            _ => money.unwrap_or(Money::NotStarted),
        });
    }

    /// Number of charges that were compared.
    #[must_use]
    pub fn charges(&self) -> usize {
        self.charges.len()
    }

    /// The same bookings with charges that were read later.
    #[must_use]
    pub fn with(&self, charges: Vec<Charge>) -> Self {
        Self { charges, bookings: self.bookings.clone() }
    }

    /// Where they disagree, in the charges' order.
    #[must_use]
    pub fn disagreements(&self) -> Vec<Disagreement> {
        self.charges.iter().filter_map(|charge| self.compare(charge)).collect()
    }

    fn compare(&self, charge: &Charge) -> Option<Disagreement> {
        let money = self.bookings.get(&charge.booking).copied().flatten();
        let (kept, returned) = (charge.kept > 0, charge.captured > charge.kept);
        let (wrong, text) = match money {
            None if kept => (true, "the gateway has taken money for a booking that is not in the log; refund it there"),
            Some(Money::NotStarted) if kept => {
                (true, "the gateway has taken money, and the log knows of no payment; refund it there")
            }
            Some(Money::Captured) if returned => {
                (true, "it is confirmed in the log, and the gateway has returned money; refund the booking")
            }
            Some(Money::Captured) if !kept => (true, "it is confirmed in the log, and the gateway has not taken the money"),
            Some(Money::RefundRequested) if !kept => {
                (false, "the gateway has returned the money, and the log does not say so yet; a running server records it")
            }
            Some(Money::RefundRequested) => (false, "the refund is in the log, and the gateway has not returned the money yet"),
            Some(Money::Refunded) if kept => (true, "it is refunded in the log, and the gateway still has the money"),
            Some(Money::Aborted) if kept => (true, "it is over in the log, and the gateway has the money; refund it there"),
            _ => return None,
        };
        Some(Disagreement { booking: charge.booking, intent: charge.intent.clone(), text, wrong })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::event::*;
    use lastseat_domain::{Currency, Money as Amount};

    fn booking() -> BookingId {
        "11112222-3333-4444-5555-666677770001".parse().unwrap()
    }

    fn history(length: usize) -> Vec<Event> {
        let (booking, intent) = (booking(), IntentId::new("pi_1").unwrap());
        let amount = Amount { value: 100, currency: Currency::new("EUR").unwrap() };
        let all: Vec<Event> = vec![
            HoldExtended { booking, expires_at: lastseat_domain::Timestamp::UNIX_EPOCH }.into(),
            PaymentStarted { booking, attempt: 1, payment_method: Some("pm_card_visa".into()), request: None }.into(),
            BookingCommitted { booking }.into(),
            PaymentCaptured { booking, intent: intent.clone(), amount }.into(),
            RefundRequested { booking, by: "admin".into() }.into(),
            PaymentRefunded { booking, intent, amount }.into(),
        ];
        all.into_iter().take(length).collect()
    }

    fn verdict(events: &[Event], captured: i64, kept: i64) -> Option<bool> {
        let charge = Charge { booking: booking(), intent: IntentId::new("pi_1").unwrap(), captured, kept };
        let mut reconciliation = Reconciliation::of(vec![charge]);
        for event in events {
            reconciliation.take(event);
        }
        reconciliation.disagreements().first().map(|found| found.wrong)
    }

    /// At every step of a payment, with the gateway one call ahead of the log or not, nothing is wrong.
    #[test]
    fn a_payment_under_way_is_not_wrong() {
        for (length, captured, kept) in [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (3, 100, 100), (4, 100, 100), (6, 100, 0)] {
            assert_eq!(verdict(&history(length), captured, kept), None, "{length} events, {captured}, {kept}");
        }
        assert_eq!(verdict(&history(5), 100, 100), Some(false), "the refund is due");
        assert_eq!(verdict(&history(5), 100, 0), Some(false), "the refund is done, and not recorded");
    }

    #[test]
    fn money_without_a_booking_and_a_booking_without_money_are_wrong() {
        for (length, captured, kept) in [(0, 100, 100), (1, 100, 100), (4, 100, 0), (4, 0, 0), (6, 100, 100)] {
            assert_eq!(verdict(&history(length), captured, kept), Some(true), "{length} events, {captured}, {kept}");
        }
        let mut aborted = history(2);
        aborted.push(BookingAborted { booking: booking(), reason: AbortReason::Expired }.into());
        assert_eq!(verdict(&aborted, 100, 100), Some(true));
        assert_eq!(verdict(&aborted, 0, 0), None);
    }
}

//! From every state of a booking, following `next_step` ends in a final state.

use super::booking::commands;
use crate::support::*;
use crate::{holds, is_caught};
use lastseat_domain::booking::{self, Booking, BookingCommand as C, Phase};
use lastseat_domain::settle::{Step, next_step};
use lastseat_domain::{IntentId, Money, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// What the gateway says to the next questions: the outcome is 0 authorised, 1 declined, 2 the
/// buyer must act, 3 lost on the way. In the end it always answers.
type Answers = Vec<u8>;

/// More steps than any booking needs: every lost answer costs one, and a minute.
const PATIENCE: usize = 100;

/// The engine around one booking, with a gateway that fits what the log says of it.
struct Engine {
    booking: Option<Booking>,
    now: Timestamp,
    intent: IntentId,
    reservation_is_gone: bool,
    holds_seats: bool,
    answers: std::vec::IntoIter<u8>,
}

impl Engine {
    fn ask(&mut self, command: C) {
        for event in booking::decide(self.booking.as_ref(), command).unwrap_or_default() {
            self.booking = booking::evolve(self.booking.take(), &event, self.now);
        }
    }

    fn amount(&self) -> Money {
        self.booking.as_ref().and_then(Booking::amount).unwrap_or(eur(0))
    }

    /// Does the step. Whether there is anything left to do.
    fn take(&mut self, step: Step) -> bool {
        let (now, intent, amount) = (self.now, self.intent.clone(), self.amount());
        let attempt = self.booking.as_ref().map_or(0, Booking::attempt);
        match step {
            Step::Done => return false,
            Step::WaitUntil(deadline) => self.now = deadline,
            Step::Expire => self.ask(C::Expire { now }),
            Step::ResumePayment | Step::CheckAction => match self.answers.next().unwrap_or(0) {
                0 => self.ask(C::Commit { now, intent, amount, capture_before: None }),
                1 => self.ask(C::Decline { attempt, intent: Some(intent), code: "card_declined".into() }),
                2 => self.ask(C::RequireAction { attempt, intent, url: Some("https://bank.example".into()) }),
                _ => {}
            },
            Step::CommitAtTill | Step::CommitAuthorised => self.ask(C::Commit { now, intent, amount, capture_before: None }),
            Step::BookSeatsAndCapture if self.answers.next() == Some(3) => {}
            Step::BookSeatsAndCapture if self.reservation_is_gone => self.ask(C::FailCapture { intent }),
            Step::BookSeatsAndCapture => self.ask(C::RecordCapture { intent, amount, draw: draw() }),
            // Seats that are free need no release: then that was all.
            Step::ReleaseSeats(_) => return std::mem::replace(&mut self.holds_seats, false),
            Step::ReleaseSeatsAndVoid(_) => {
                self.holds_seats = false;
                self.ask(C::RecordVoid { intent });
            }
            Step::Flag => self.ask(C::Flag { reason: "The outcome is not known.".into() }),
            Step::Refund => {
                let amount = self.booking.as_ref().and_then(Booking::left).unwrap_or(amount);
                self.ask(C::RecordRefund { intent, amount });
            }
            Step::RefundPart => {
                let part = self.booking.as_ref().and_then(Booking::refund_under_way).map(|part| part.requested.clone());
                let (refund, amount) = part.map_or((0, amount), |part| (part.refund, part.amount));
                self.ask(C::RecordPartialRefund { refund, intent, amount });
            }
            Step::ReleaseGivenUp => return std::mem::replace(&mut self.holds_seats, false),
            Step::Exchange | Step::FinishExchanges => return false,
        }
        true
    }
}

type Policy = fn(&Booking, Timestamp) -> Step;

fn comes_to_rest(
    policy: Policy,
    (commands, answers, gone, late): (Vec<(C, i64)>, Answers, bool, i64),
) -> Result<(), TestCaseError> {
    let mut booking: Option<Booking> = None;
    for (command, at) in commands {
        for event in booking::decide(booking.as_ref(), command).unwrap_or_default() {
            booking = booking::evolve(booking, &event, minute(at));
        }
    }
    let intent = booking.as_ref().and_then(|b| b.intent.clone()).unwrap_or(intent(1));
    let mut engine =
        Engine { booking, now: minute(late), intent, reservation_is_gone: gone, holds_seats: true, answers: answers.into_iter() };
    for _ in 0..PATIENCE {
        let Some(booking) = &engine.booking else { return Ok(()) };
        let step = policy(booking, engine.now);
        if !engine.take(step) {
            let end = engine.booking.as_ref().map(|b| (&b.phase, b.flagged));
            prop_assert!(
                matches!(end, Some((Phase::Confirmed { .. } | Phase::Aborted { .. } | Phase::Refunded, _) | (_, true))),
                "rests in the middle: {:?}",
                end
            );
            let has_seats = matches!(end, Some((Phase::Committed | Phase::Confirmed { .. }, _)));
            prop_assert_eq!(engine.holds_seats, has_seats, "seats are stuck or lost: {:?}", end);
            return Ok(());
        }
        engine.now += chrono::TimeDelta::minutes(1);
    }
    Err(TestCaseError::fail(format!("never rests: {:?}", engine.booking)))
}

fn cases() -> impl Strategy<Value = (Vec<(C, i64)>, Answers, bool, i64)> {
    // From the middle of the hold to days after it, when the gateway has forgotten.
    let late = prop_oneof![2 => 0..30_i64, 1 => Just(60 * 24), 1 => Just(60 * 72)];
    (commands(), prop::collection::vec(0..4_u8, 0..20), any::<bool>(), late)
}

#[test]
fn every_booking_comes_to_rest() {
    holds(&cases(), |case| comes_to_rest(next_step, case));
}

#[test]
fn a_policy_that_never_expires_a_payment_is_caught() {
    let twin: Policy = |booking, now| match next_step(booking, now) {
        Step::Expire if booking.flagged => Step::WaitUntil(now),
        step => step,
    };
    is_caught(&cases(), "never rests", |case| comes_to_rest(twin, case));
}

#[test]
fn a_policy_that_forgets_the_void_is_caught() {
    let twin: Policy = |booking, now| match next_step(booking, now) {
        Step::ReleaseSeatsAndVoid(_) => Step::Done,
        step => step,
    };
    is_caught(&cases(), "seats are stuck", |case| comes_to_rest(twin, case));
}

#[test]
fn a_policy_that_waits_for_a_capture_is_caught() {
    let twin: Policy = |booking, now| match next_step(booking, now) {
        Step::BookSeatsAndCapture => Step::Done,
        step => step,
    };
    is_caught(&cases(), "rests in the middle", |case| comes_to_rest(twin, case));
}

//! Whatever commands a booking gets, in whatever order: one decision, money only after it, and every
//! sum the same.

use crate::support::*;
use crate::{holds, is_caught};
use lastseat_domain::booking::{self, Booking, BookingCommand as C, Phase};
use lastseat_domain::event::*;
use lastseat_domain::{Money, Rejection, Timestamp};
use lastseat_testkit::given::TestedCommand;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestCaseError;

type DecideFn = fn(Option<&Booking>, C) -> Result<Vec<Event>, Rejection>;

/// A command and the minute of its sender's clock, which may be earlier or later than the others'.
pub fn commands() -> impl Strategy<Value = Vec<(C, i64)>> {
    prop::collection::vec((0..40_u8, 0..25_i64, 1..4_u32, any::<bool>()), 1..30).prop_map(|rows| {
        let mut commands = vec![(C::Open(opened()), 0)];
        commands.extend(rows.into_iter().map(|(which, at, attempt, fits)| (command(which, minute(at), attempt, fits), at)));
        commands
    })
}

/// The steps of a sale come up more often than what ends it; one in two answers is about another
/// intent or amount only where that is to be refused.
fn command(which: u8, now: Timestamp, attempt: u32, fits: bool) -> C {
    let intent = intent(if fits || !which.is_multiple_of(3) { 1 } else { 2 });
    let amount = eur(if fits || !which.is_multiple_of(4) { 14_500 } else { 14_400 });
    match which {
        0 => C::Open(opened()),
        1 => C::Fence { booking: booking(1) },
        2 => C::Extend { now, seconds: 600 },
        3..=11 => C::StartPayment { now, payment_method: Some("pm_card_visa".into()), return_url: None, request: None },
        12..=13 => C::RequireAction { attempt, intent, url: Some("https://bank.example".into()) },
        14..=16 => C::Decline { attempt, intent: fits.then_some(intent), code: "card_declined".into() },
        17..=24 => C::Commit { now, intent, amount, capture_before: None },
        25..=29 => C::RecordCapture { intent, amount, draw: draw() },
        30 => C::FailCapture { intent },
        31 => C::Cancel { reason: AbortReason::Cancelled },
        32..=33 => C::Expire { now },
        34 => C::RecordVoid { intent },
        35 if fits => C::Flag { reason: "lost".into() },
        35..=37 => C::RequestRefund { by: "admin".into() },
        _ => C::RecordRefund { intent, amount },
    }
}

/// Everything that was recorded, sorted by what the rules are about.
#[derive(Default)]
struct Recorded {
    opened: Option<BookingOpened>,
    attempts: u32,
    commits: u32,
    aborts: Vec<AbortReason>,
    captured: Option<Money>,
    refunded: Option<Money>,
}

impl Recorded {
    fn check_next(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let amount = self.opened.as_ref().map(|o| o.amount);
        match event {
            Event::BookingOpened(e) => {
                prop_assert!(self.opened.is_none() && self.aborts.is_empty(), "opened twice");
                prop_assert_eq!(e.seats.iter().map(|s| s.price).sum::<i64>(), e.amount.value, "money does not add up");
                self.opened = Some(e.clone());
            }
            Event::PaymentStarted(e) => {
                prop_assert!(self.commits == 0 && self.aborts.is_empty(), "paid for after the decision");
                self.attempts += 1;
                prop_assert_eq!(e.attempt, self.attempts, "attempts are not numbered");
            }
            Event::PaymentDeclined(PaymentDeclined { attempt, .. })
            | Event::PaymentActionRequired(PaymentActionRequired { attempt, .. }) => {
                prop_assert_eq!(*attempt, self.attempts, "an old answer passed for a new one");
            }
            Event::PaymentAuthorised(e) => prop_assert_eq!(Some(e.amount), amount, "money does not add up"),
            Event::BookingCommitted(_) => {
                self.commits += 1;
                prop_assert!(self.commits == 1 && self.aborts.is_empty(), "decided twice");
            }
            Event::BookingAborted(e) => {
                let undoes = e.reason == AbortReason::CaptureFailed && self.captured.is_none();
                prop_assert!(self.aborts.is_empty() && (self.commits == 0 || undoes), "decided twice");
                self.aborts.push(e.reason);
            }
            Event::PaymentCaptured(e) => {
                prop_assert!(self.commits == 1 && self.aborts.is_empty(), "charged without a commit");
                prop_assert!(self.captured.is_none(), "charged twice");
                prop_assert_eq!(Some(e.amount), amount, "money does not add up");
                self.captured = Some(e.amount);
            }
            Event::PaymentRefunded(e) => {
                prop_assert!(self.refunded.is_none(), "refunded twice");
                prop_assert_eq!(Some(e.amount), self.captured, "money does not add up");
                self.refunded = Some(e.amount);
            }
            _ => {}
        }
        Ok(())
    }
}

fn one_decision_and_money_only_after_it(decide: DecideFn, commands: Vec<(C, i64)>) -> Result<(), TestCaseError> {
    let mut state: Option<Booking> = None;
    let mut recorded = Recorded::default();
    for (command, at) in commands {
        let Ok(events) = decide(state.as_ref(), command.clone()) else { continue };
        for event in &events {
            recorded.check_next(event)?;
            state = booking::evolve(state, event, minute(at));
        }
        match decide(state.as_ref(), command.clone()) {
            Ok(again) => prop_assert_eq!(again, vec![], "a repeat of {:?} has a second effect", command),
            Err(no) => {
                prop_assert!(command.refused_when_repeated().contains(&no.code()), "a repeat of {:?} meets {:?}", command, no);
            }
        }
    }
    Ok(())
}

#[test]
fn a_booking_is_decided_once_and_charged_only_after_the_commit() {
    holds(&commands(), |commands| one_decision_and_money_only_after_it(booking::decide, commands));
}

#[test]
fn the_cases_get_as_far_as_a_refund() {
    let mut furthest = std::collections::BTreeSet::new();
    let mut runner = crate::runner();
    for _ in 0..1000 {
        let commands = commands().new_tree(&mut runner).unwrap().current();
        let mut state: Option<Booking> = None;
        for (command, at) in commands {
            for event in booking::decide(state.as_ref(), command).unwrap_or_default() {
                state = booking::evolve(state, &event, minute(at));
            }
        }
        furthest.extend(state.map(|s| s.status()));
    }
    assert_eq!(
        furthest.into_iter().collect::<Vec<_>>(),
        ["aborted", "action_required", "confirmed", "held", "paying", "refunded"]
    );
}

#[test]
fn a_commit_after_the_abort_is_caught() {
    let twin: DecideFn = |state, command| match (state, &command) {
        (Some(Booking { phase: Phase::Aborted { reason: AbortReason::Cancelled }, id, .. }), C::Commit { .. }) => {
            Ok(vec![BookingCommitted { booking: *id }.into()])
        }
        _ => booking::decide(state, command),
    };
    is_caught(&commands(), "decided twice", |commands| one_decision_and_money_only_after_it(twin, commands));
}

#[test]
fn an_expiry_that_ignores_the_state_is_caught() {
    let twin: DecideFn = |state, command| match (state, &command) {
        (Some(booking), C::Expire { now }) if booking.is_overdue(*now) && !matches!(booking.phase, Phase::Aborted { .. }) => {
            Ok(vec![BookingAborted { booking: booking.id, reason: AbortReason::Expired }.into()])
        }
        _ => booking::decide(state, command),
    };
    is_caught(&commands(), "decided twice", |commands| one_decision_and_money_only_after_it(twin, commands));
}

#[test]
fn a_capture_before_the_commit_is_caught() {
    let twin: DecideFn = |state, command| match (state, &command) {
        (Some(Booking { phase: Phase::Paying, id, .. }), C::RecordCapture { intent, amount, draw }) => {
            Ok(vec![PaymentCaptured { booking: *id, intent: intent.clone(), amount: *amount, draw: Some(*draw) }.into()])
        }
        _ => booking::decide(state, command),
    };
    is_caught(&commands(), "charged without a commit", |commands| one_decision_and_money_only_after_it(twin, commands));
}

#[test]
fn a_capture_of_any_amount_is_caught() {
    let twin: DecideFn = |state, command| match (state, &command) {
        (Some(Booking { phase: Phase::Committed, id, .. }), C::RecordCapture { intent, amount, draw }) => {
            Ok(vec![PaymentCaptured { booking: *id, intent: intent.clone(), amount: *amount, draw: Some(*draw) }.into()])
        }
        _ => booking::decide(state, command),
    };
    is_caught(&commands(), "money does not add up", |commands| one_decision_and_money_only_after_it(twin, commands));
}

#[test]
fn an_answer_without_its_attempt_is_caught() {
    let twin: DecideFn = |state, command| match (state, command) {
        (Some(state), C::Decline { intent, code, attempt }) if state.phase == Phase::Paying => {
            Ok(vec![PaymentDeclined { booking: state.id, attempt, intent, code }.into()])
        }
        (state, command) => booking::decide(state, command),
    };
    is_caught(&commands(), "an old answer passed for a new one", |commands| one_decision_and_money_only_after_it(twin, commands));
}

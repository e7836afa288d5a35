//! Walks a booking to where it can rest: does what [`next_step`] names until there is nothing left,
//! or until something has to be waited for. The live path and recovery both come here.

use super::gateway::Call;
use super::session::BookingSession;
use crate::error::CommandError;
use lastseat_domain::booking::{Booking, BookingCommand, Phase};
use lastseat_domain::event::AbortReason;
use lastseat_domain::ports::payments::{Intent, IntentStatus};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::settle::{Step, next_step};
use lastseat_domain::{IntentId, Rejection, Timestamp};
use std::time::Duration;

/// More steps than any booking needs from its first to its last.
const STEPS: usize = 32;
/// How long a sold seat stays marked in the guard: longer than any rush. The log knows for ever.
const SOLD_MARK: Duration = Duration::from_secs(24 * 3600);

/// In place of a gateway's code: the intent that it names is not this booking's.
const FOREIGN: &str = "foreign_intent";

/// Why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing left to do.
    Rest,
    /// Nothing before the hold's deadline.
    Until(Timestamp),
    /// The gateway does not say, or can't; try later.
    NoAnswer,
}

/// What a step led to.
enum Next {
    /// The booking moved on.
    Step,
    /// It did not.
    Stop(Stop),
}

impl BookingSession {
    /// Walks on from where the log says the booking is.
    pub(super) async fn run_until_blocked(&mut self) -> Result<Stop, CommandError> {
        for _ in 0..STEPS {
            let Some(booking) = self.find().await? else { return Ok(Stop::Rest) };
            let next = match next_step(&booking, self.now()) {
                Step::Rest => Next::Stop(Stop::Rest),
                Step::WaitUntil(deadline) => Next::Stop(Stop::Until(deadline)),
                Step::Expire => self.then(BookingCommand::Expire { now: self.now() }).await?,
                Step::ResumePayment => self.confirm(&booking).await?,
                Step::CheckAction => self.check_action(&booking).await?,
                Step::Decide => self.decide_authorised(&booking).await?,
                Step::BookSeatsAndCapture => self.book_and_capture(&booking).await?,
                Step::ReleaseSeats(reason) => {
                    self.release(&booking, reason).await?;
                    Next::Stop(Stop::Rest)
                }
                // The seats first: they must not wait for a gateway that does not answer.
                Step::ReleaseSeatsAndVoid(reason) => {
                    self.release(&booking, reason).await?;
                    self.void(&booking).await?
                }
                Step::Flag => {
                    self.flag("the payment was started more than 24 hours ago and its outcome was never learnt").await?
                }
                Step::Refund => self.return_money(&booking).await?,
            };
            if let Next::Stop(stop) = next {
                return Ok(stop);
            }
        }
        tracing::error!(booking = %self.id, "a booking does not come to rest");
        Ok(Stop::NoAnswer)
    }

    /// Decides a command as the next step. What the gateway says and the booking does not bear out
    /// is for a person.
    async fn then(&mut self, command: BookingCommand) -> Result<Next, CommandError> {
        match self.decide(command).await {
            Err(CommandError::Rejected(Rejection::PaymentMismatch)) => {
                self.flag("the gateway's answer is for another intent or amount").await
            }
            // Another worker ended the booking meanwhile: what follows from that comes next.
            Err(CommandError::Rejected(Rejection::BookingOver { .. })) => Ok(Next::Step),
            decided => decided.map(|()| Next::Step),
        }
    }

    /// Calls for a person. Said of the booking as it was looked at: if it has moved on, there may be
    /// nothing to call for any more.
    async fn flag(&mut self, reason: &str) -> Result<Next, CommandError> {
        tracing::error!(booking = %self.id, reason, "a payment is flagged for a person");
        self.decide_once(BookingCommand::Flag { reason: reason.to_owned() }).await?;
        Ok(Next::Step)
    }

    /// The booking's intent; created if no event names it. Creating is keyed by the booking, so it
    /// finds the one there is.
    async fn intent(&self, booking: &Booking) -> Call<IntentId> {
        match (&booking.intent, booking.amount()) {
            (Some(intent), _) => Call::Answer(intent.clone()),
            (None, None) => Call::NoAnswer,
            (None, Some(amount)) => match self.call(|| self.core.ports.payments.create(self.id, amount)).await {
                Call::Answer(intent) if intent.booking == self.id && intent.amount == amount => Call::Answer(intent.id),
                Call::Answer(_) => {
                    let message = "the gateway's intent is for another booking or amount".to_owned();
                    Call::Refused { code: FOREIGN.to_owned(), message }
                }
                Call::Refused { code, message } => Call::Refused { code, message },
                Call::NoAnswer => Call::NoAnswer,
            },
        }
    }

    /// Tries the payment method of the attempt under way.
    async fn confirm(&mut self, booking: &Booking) -> Result<Next, CommandError> {
        let Some(attempt) = booking.attempts.last() else { return Ok(Next::Stop(Stop::Rest)) };
        let (number, method) = (attempt.started.attempt, &attempt.started.payment_method);
        let intent = match self.intent(booking).await {
            Call::Answer(intent) => intent,
            Call::Refused { code, message } if code == FOREIGN => return self.distrust(&message).await,
            Call::Refused { code, .. } => {
                return self.then(BookingCommand::Decline { attempt: number, intent: None, code }).await;
            }
            Call::NoAnswer => return Ok(Next::Stop(Stop::NoAnswer)),
        };
        match self.call(|| self.core.ports.payments.confirm(&intent, self.id, number, method)).await {
            Call::Answer(answer) => self.take_answer(booking, answer).await,
            // The intent may have moved on without this attempt: an earlier one that was thought
            // lost has reserved the money. Its state decides, not the refusal.
            Call::Refused { code, .. } => self.look_up(booking, intent, Some(code)).await,
            Call::NoAnswer => Ok(Next::Stop(Stop::NoAnswer)),
        }
    }

    /// Asks how the intent stands. `refused`: the code with which the gateway refused the attempt,
    /// which is why it was declined if the intent is as if it had never been made.
    async fn look_up(&mut self, booking: &Booking, intent: IntentId, refused: Option<String>) -> Result<Next, CommandError> {
        match self.call(|| self.core.ports.payments.retrieve(&intent)).await {
            Call::Answer(answer) => {
                let last_decline = refused.or(answer.last_decline);
                self.take_answer(booking, Intent { last_decline, ..answer }).await
            }
            Call::Refused { code, .. } => {
                let attempt = booking.attempt();
                self.then(BookingCommand::Decline { attempt, intent: Some(intent), code }).await
            }
            Call::NoAnswer => Ok(Next::Stop(Stop::NoAnswer)),
        }
    }

    async fn check_action(&mut self, booking: &Booking) -> Result<Next, CommandError> {
        let Some(intent) = booking.intent.clone() else { return Ok(Next::Stop(Stop::NoAnswer)) };
        self.look_up(booking, intent, None).await
    }

    /// Records what the gateway says of an undecided payment.
    async fn take_answer(&mut self, booking: &Booking, answer: Intent) -> Result<Next, CommandError> {
        if answer.booking != self.id || booking.amount() != Some(answer.amount) {
            return self.distrust("the gateway's intent is for another booking or amount").await;
        }
        let intent = answer.id;
        match answer.status {
            // `Succeeded` before we captured: the account captures by itself. The money is there,
            // so the decision is the same; capturing finds it done.
            IntentStatus::RequiresCapture | IntentStatus::Succeeded => {
                self.then(BookingCommand::Commit { now: self.now(), intent, amount: answer.amount }).await
            }
            IntentStatus::RequiresAction { .. } if matches!(booking.phase, Phase::ActionRequired { .. }) => {
                Ok(Next::Stop(booking.expires_at.map_or(Stop::NoAnswer, Stop::Until)))
            }
            IntentStatus::RequiresAction { url } => {
                self.then(BookingCommand::RequireAction { attempt: booking.attempt(), intent, url }).await
            }
            IntentStatus::Processing => Ok(Next::Stop(Stop::NoAnswer)),
            IntentStatus::RequiresPaymentMethod => {
                let code = answer.last_decline.unwrap_or_else(|| "card_declined".to_owned());
                self.then(BookingCommand::Decline { attempt: booking.attempt(), intent: Some(intent), code }).await
            }
            IntentStatus::Canceled => self.then(BookingCommand::Cancel { reason: AbortReason::Cancelled }).await,
        }
    }

    /// Something does not fit that no rule foresees: take no money, free the seats, tell a person.
    async fn distrust(&mut self, reason: &str) -> Result<Next, CommandError> {
        self.flag(reason).await?;
        self.then(BookingCommand::Cancel { reason: AbortReason::Cancelled }).await
    }

    async fn decide_authorised(&mut self, booking: &Booking) -> Result<Next, CommandError> {
        match (booking.intent.clone(), booking.amount()) {
            (Some(intent), Some(amount)) => self.then(BookingCommand::Commit { now: self.now(), intent, amount }).await,
            _ => self.distrust("an authorised payment without an intent or amount").await,
        }
    }

    /// The decision has fallen: roll forward. The seats are marked sold before the money is taken.
    async fn book_and_capture(&mut self, booking: &Booking) -> Result<Next, CommandError> {
        let (Some((show, _, seats)), Some(intent)) = (Self::particulars(booking), booking.intent.clone()) else {
            return Ok(Next::Stop(Stop::Rest));
        };
        match self.core.seats.change(&show, &seats, &SeatCommand::Book { booking: self.id }, &self.metadata()).await {
            // A committed booking can't lose a seat. So this worker slept while another finished the
            // booking, and it has been undone since.
            Err(CommandError::Rejected(Rejection::NotOwner { .. })) => {
                self.forget();
                return Ok(match self.find().await? {
                    Some(now) if now.phase == Phase::Committed => Next::Stop(Stop::NoAnswer),
                    _ => Next::Step,
                });
            }
            booked => booked?,
        }
        if self.core.guard.port().mark_sold(&show, &seats, self.id, SOLD_MARK).await.is_err() {
            self.core.guard.record_failure();
        }
        let answer = match self.call(|| self.core.ports.payments.capture(&intent, self.id)).await {
            Call::Answer(answer) => answer,
            Call::NoAnswer => return Ok(Next::Stop(Stop::NoAnswer)),
            // Captured before, or gone: the intent itself tells.
            Call::Refused { .. } => match self.call(|| self.core.ports.payments.retrieve(&intent)).await {
                Call::Answer(answer) => answer,
                Call::Refused { code, message } => {
                    return self.flag(&format!("the gateway refuses to capture and to tell why: {message} ({code})")).await;
                }
                Call::NoAnswer => return Ok(Next::Stop(Stop::NoAnswer)),
            },
        };
        if answer.id != intent || answer.booking != self.id {
            let (id, booking) = (answer.id, answer.booking);
            return self.flag(&format!("asked to capture {intent}, the gateway answers with {id} of {booking}")).await;
        }
        match answer.status {
            IntentStatus::Succeeded => self.then(BookingCommand::RecordCapture { intent, amount: answer.amount }).await,
            IntentStatus::Canceled => self.then(BookingCommand::FailCapture { intent }).await,
            // Still capturable after a refusal: the reactor tries again.
            _ => Ok(Next::Stop(Stop::NoAnswer)),
        }
    }

    /// Frees the seats that the booking still has, in the guard, then in the log. The guard first:
    /// a crash in between is made up for by whoever releases them in the log, but a mark that
    /// outlives the release would keep a free seat from being sold for as long as it stands.
    pub(super) async fn release(&self, booking: &Booking, reason: AbortReason) -> Result<(), CommandError> {
        let Some((show, _, seats)) = Self::particulars(booking) else { return Ok(()) };
        self.core.guard.release_ended(&show, &seats, self.id).await;
        self.core.seats.change(&show, &seats, &SeatCommand::Release { booking: self.id, reason }, &self.metadata()).await
    }

    /// Cancels the intent of an aborted booking.
    async fn void(&mut self, booking: &Booking) -> Result<Next, CommandError> {
        let intent = match self.intent(booking).await {
            Call::Answer(intent) => intent,
            Call::Refused { code, message } => {
                return self.flag(&format!("the gateway refuses to tell the intent: {message} ({code})")).await;
            }
            Call::NoAnswer => return Ok(Next::Stop(Stop::NoAnswer)),
        };
        match self.call(|| self.core.ports.payments.cancel(&intent, self.id)).await {
            Call::Answer(_) => self.then(BookingCommand::RecordVoid { intent }).await,
            Call::Refused { code, message } => {
                self.flag(&format!("the intent of an aborted booking can't be cancelled: {message} ({code})")).await
            }
            Call::NoAnswer => Ok(Next::Stop(Stop::NoAnswer)),
        }
    }

    async fn return_money(&mut self, booking: &Booking) -> Result<Next, CommandError> {
        let (Some(intent), Some(amount)) = (booking.intent.clone(), booking.amount()) else { return Ok(Next::Stop(Stop::Rest)) };
        match self.call(|| self.core.ports.payments.refund(&intent, self.id)).await {
            Call::Answer(answer) if answer.refunded == amount.value => {
                self.then(BookingCommand::RecordRefund { intent, amount }).await
            }
            Call::Answer(answer) => {
                self.flag(&format!("the gateway returned {} minor units instead of {}", answer.refunded, amount.value)).await
            }
            // Returned before, by a request whose answer was lost: the intent itself tells.
            Call::Refused { code, message } => match self.call(|| self.core.ports.payments.retrieve(&intent)).await {
                Call::Answer(answer) if answer.refunded == amount.value => {
                    self.then(BookingCommand::RecordRefund { intent, amount }).await
                }
                Call::NoAnswer => Ok(Next::Stop(Stop::NoAnswer)),
                _ => self.flag(&format!("the gateway refuses to refund: {message} ({code})")).await,
            },
            Call::NoAnswer => Ok(Next::Stop(Stop::NoAnswer)),
        }
    }
}

//! The commands on an open booking: pay, extend, cancel, refund, settle.

use super::Settled;
use super::process::Stop;
use super::session::BookingSession;
use crate::error::{CommandError, Fault};
use crate::guard_service::LEASE_MARGIN;
use crate::requests::{Paid, PayRequest};
use lastseat_domain::booking::{Attempt, Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, RequestFingerprint};
use lastseat_domain::seat::SeatCommand;
use lastseat_domain::show::SaleState;
use lastseat_domain::{Rejection, SeatId, ShowId};

impl BookingSession {
    pub(super) async fn pay(mut self, request: PayRequest) -> Result<Paid, CommandError> {
        self.actor.clone_from(&request.by);
        self.trace.clone_from(&request.trace);
        let booking = self.booking().await?;
        // The same request before, perhaps under another process: its attempt answers.
        if let Some(earlier) = earlier_attempt(&booking, request.request.as_ref())? {
            let attempt = earlier.started.attempt;
            self.go_on().await?;
            return report(self.booking().await?, attempt);
        }
        // An attempt whose outcome nobody knows comes first, or the buyer could pay twice.
        let booking = if matches!(booking.phase, Phase::Held) {
            booking
        } else {
            self.go_on().await?;
            self.booking().await?
        };
        if let Some(active) = booking.show().and_then(|show| self.core.shows.get(show))
            && active.show.load().sale == SaleState::Cancelled
            && booking.is_undecided()
        {
            self.decide(BookingCommand::Cancel { reason: AbortReason::ShowCancelled }).await?;
            self.go_on().await?;
            return report(self.booking().await?, 0);
        }
        let waits_for_buyer = matches!(booking.phase, Phase::ActionRequired { .. });
        let payment_method = match request.payment_method {
            // Asked for again while the buyer still has to act: the same answer again.
            Some(method) if waits_for_buyer && booking.attempts.last().is_some_and(|a| a.started.payment_method == method) => {
                return report(booking, 0);
            }
            Some(method) => method,
            None => return report_last(booking),
        };
        self.start_payment(payment_method, request.request).await?;
        let attempt = self.booking().await?.attempt();
        self.go_on().await?;
        report(self.booking().await?, attempt)
    }

    /// Records that the gateway is about to be asked. The seats are looked at behind the booking's
    /// revision, and again whenever that has moved on: so an abort in between is found by the append.
    async fn start_payment(&mut self, payment_method: String, request: Option<RequestFingerprint>) -> Result<(), CommandError> {
        loop {
            let booking = self.booking().await?;
            self.check_seats(&booking).await?;
            let command = BookingCommand::StartPayment {
                now: self.now(),
                payment_method: payment_method.clone(),
                request: request.clone(),
            };
            match self.decide_once(command).await {
                Ok(true) => return Ok(()),
                // Each time another's append has landed, and a booking takes only so many.
                Ok(false) => {}
                // Overdue: end it now rather than when the reactor comes by.
                Err(CommandError::Rejected(rejection @ Rejection::BookingOver { .. })) => {
                    self.go_on().await?;
                    return Err(rejection.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Walks on behind a decision. What is decided takes its course, so that a log which fails now
    /// leaves the caller's outcome open; "nothing was done" would be wrong.
    async fn go_on(&mut self) -> Result<Stop, CommandError> {
        self.run_until_blocked().await.map_err(CommandError::begun)
    }

    /// Every seat has to be this booking's before money is asked for.
    async fn check_seats(&mut self, booking: &Booking) -> Result<(), CommandError> {
        let Some((show, _, seats)) = Self::particulars(booking).filter(|_| booking.is_undecided()) else { return Ok(()) };
        for seat in &seats {
            if !self.core.seats.is_owner(&show, seat, self.id).await? {
                self.decide(BookingCommand::Cancel { reason: AbortReason::SeatLost }).await?;
                self.go_on().await?;
                return Err(Rejection::BookingOver { reason: AbortReason::SeatLost }.into());
            }
        }
        Ok(())
    }

    pub(super) async fn extend(mut self, by: String) -> Result<Booking, CommandError> {
        self.actor = by;
        let booking = self.booking().await?;
        let Some((show, _, seats)) = Self::particulars(&booking) else { return Err(Rejection::BookingNotFound.into()) };
        let Some(active) = self.core.shows.get(&show) else {
            return Err(Fault::Unavailable("the show is not known yet".into()).into());
        };
        let seconds = active.show.load().facts.hold_seconds;
        self.decide(BookingCommand::Extend { now: self.now(), seconds }).await?;
        let booking = self.booking().await?;
        let left = booking.expires_at.and_then(|t| (t - self.now()).to_std().ok()).unwrap_or_default();
        if self.core.guard.port().extend(&show, &seats, self.id, left + LEASE_MARGIN).await.is_err() {
            self.core.guard.record_failure();
        }
        Ok(booking)
    }

    pub(super) async fn cancel(mut self, by: String) -> Result<Booking, CommandError> {
        self.actor = by;
        self.booking().await?;
        self.decide(BookingCommand::Cancel { reason: AbortReason::Cancelled }).await?;
        self.go_on().await?;
        self.booking().await
    }

    pub(super) async fn refund(mut self, by: String) -> Result<Booking, CommandError> {
        self.actor = by.clone();
        self.booking().await?;
        self.decide(BookingCommand::RequestRefund { by }).await?;
        self.go_on().await?;
        self.booking().await
    }

    pub(super) async fn settle(mut self, locked: Vec<(ShowId, SeatId)>) -> Result<Settled, CommandError> {
        "settle".clone_into(&mut self.actor);
        if self.find().await?.is_none() && !locked.is_empty() {
            // Seats of a booking that never opened. Fence it first: its opener may still be alive,
            // and must then find the door shut.
            self.decide(BookingCommand::Fence { booking: self.id }).await?;
        }
        let stop = self.run_until_blocked().await?;
        // Locks that the booking's own seats don't name: of a fenced booking, or of a repeated hold
        // on an area that had picked other units.
        let over = self.find().await?.filter(|b| !b.is_undecided());
        if let Some(booking) = over {
            let reason = match booking.phase {
                Phase::Aborted { reason } => reason,
                _ => AbortReason::SeatLost,
            };
            for (show, seat) in locked.iter().filter(|(_, seat)| !booking.seats().iter().any(|p| p.seat == *seat)) {
                let command = SeatCommand::Release { booking: self.id, reason };
                self.core.seats.change(show, std::slice::from_ref(seat), &command, &self.metadata()).await?;
            }
        }
        Ok(match stop {
            Stop::Rest => Settled::Done,
            Stop::Until(deadline) => Settled::Waiting(deadline),
            Stop::NoAnswer => Settled::Later,
        })
    }
}

/// The attempt that an idempotent request led to before.
fn earlier_attempt<'a>(booking: &'a Booking, request: Option<&RequestFingerprint>) -> Result<Option<&'a Attempt>, Rejection> {
    let Some(request) = request else { return Ok(None) };
    let same_key = |attempt: &&Attempt| attempt.started.request.as_ref().is_some_and(|r| r.key == request.key);
    match booking.attempts.iter().find(same_key) {
        Some(attempt) if attempt.started.request.as_ref() == Some(request) => Ok(Some(attempt)),
        Some(_) => Err(Rejection::IdempotencyKeyReused),
        None => Ok(None),
    }
}

/// Answers a request without a payment method: the buyer comes back from their bank.
fn report_last(booking: Booking) -> Result<Paid, CommandError> {
    match &booking.phase {
        Phase::Held if booking.attempts.is_empty() => Err(Rejection::PaymentMethodMissing.into()),
        _ => {
            let attempt = booking.attempt();
            report(booking, attempt)
        }
    }
}

/// Where the booking stands, as an answer to the request of `attempt`.
fn report(booking: Booking, attempt: u32) -> Result<Paid, CommandError> {
    let declined = |number: u32| booking.attempts.iter().find(|a| a.started.attempt == number).and_then(|a| a.declined.clone());
    match &booking.phase {
        Phase::Confirmed { .. } => Ok(Paid::Confirmed(booking)),
        Phase::ActionRequired { url } => Ok(Paid::ActionRequired { url: url.clone(), booking }),
        Phase::Held => match declined(attempt) {
            Some(code) if code == "resource_missing" => {
                let why = "the gateway does not know it. In the sandbox, try pm_card_visa.".to_owned();
                Err(Rejection::InvalidPaymentMethod { why }.into())
            }
            Some(decline) => Err(Rejection::PaymentDeclined { decline }.into()),
            None => Err(Rejection::PaymentMethodMissing.into()),
        },
        Phase::Paying | Phase::Authorised | Phase::Committed => Ok(Paid::Pending(booking)),
        Phase::Aborted { reason: AbortReason::CaptureFailed } => Err(Rejection::CaptureFailed.into()),
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }.into()),
        Phase::Refunded => Err(Rejection::AlreadyRefunded.into()),
    }
}

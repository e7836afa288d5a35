//! A booking session: one booking as the log has it, and the means to append decisions to its stream.

use crate::error::{CommandError, Fault};
use crate::journal::Executed;
use crate::loaded::Loaded;
use crate::origin::{Cause, Context};
use crate::services::Services;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::decider::Decider;
use lastseat_domain::event::Event;
use lastseat_domain::seat::{Seat, SeatCommand, SeatKey};
use lastseat_domain::{BookingId, Metadata, Rejection, SeatId, Secret, ShowId, Timestamp};
use std::sync::Arc;

/// One command's work on one booking.
pub(super) struct BookingSession {
    pub services: Arc<Services>,
    pub id: BookingId,
    /// The caller's command, or a step of the booking process.
    context: Context,
    known: Option<Loaded<Option<Booking>>>,
    /// Of the booking's intent, if this command has read it. It is handed to the buyer and kept nowhere.
    pub client_secret: Option<Secret>,
    /// Whether this command has booked the seats together with the decision.
    pub seats_booked: bool,
    /// Why this command's exchange was abandoned.
    pub lost: Option<Rejection>,
}

impl BookingSession {
    pub(super) fn new(services: Arc<Services>, id: BookingId, context: Context) -> Self {
        Self {
            services,
            id,
            context: context.belonging_to(id.0),
            known: None,
            client_secret: None,
            seats_booked: false,
            lost: None,
        }
    }

    /// Begins with the hold as it was opened, if nothing is known to have followed: something may have, so a caller that does not append
    /// has to [`forget`](Self::forget) it. Returns that hold.
    pub(super) fn begin_with_open_hold(&mut self) -> Option<Booking> {
        self.known = self.services.open_holds.take(self.id);
        self.known.as_ref().and_then(|loaded| loaded.state.clone())
    }

    /// Likewise if its time is over.
    pub(super) fn begin_with_overdue_hold(&mut self) {
        self.known = self.services.open_holds.take_overdue(self.id, self.services.now());
    }

    /// The time, which is never before the booking's last event.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.services.now();
        self.known.as_ref().map_or(now, |loaded| loaded.not_before(now))
    }

    pub(super) fn by(&self) -> &str {
        &self.context.by
    }

    /// Metadata for events of the booking's seats: caused by the booking's last event.
    pub(super) fn metadata(&self) -> Metadata {
        let (stream, steps) = (Booking::stream(&self.id), self.context.steps());
        match &self.known {
            Some(loaded) => loaded.metadata(&stream, &steps, self.now()),
            None => Loaded::without_events(()).metadata(&stream, &steps, self.now()),
        }
    }

    /// The booking, read if it is not known. `None`: no event of it.
    pub(super) async fn find(&mut self) -> Result<Option<Booking>, Fault> {
        if self.known.as_ref().is_none_or(|loaded| loaded.outdated) {
            // What follows is appended to what is read now.
            self.services.open_holds.forget(self.id);
            self.known = Some(self.services.journal.load::<Booking>(&self.id).await?);
        }
        Ok(self.known.as_ref().and_then(|loaded| loaded.state.clone()))
    }

    /// The booking.
    ///
    /// # Errors
    /// `BookingNotFound` if there is none, if it was only fenced, or if it was transferred and the caller has its token
    /// only. The command that did so may be repeated.
    pub(super) async fn booking(&mut self) -> Result<Booking, CommandError> {
        let found = self.find().await?.filter(|b| b.opened.is_some());
        let is_over = |booking: &Booking| self.context.bearer && booking.transferred_to.is_some() && !self.is_repeat();
        found.filter(|booking| !is_over(booking)).ok_or_else(|| Rejection::BookingNotFound.into())
    }

    /// Whether the caller's command has been executed before. To be asked when the booking is known.
    pub(super) fn is_repeat(&self) -> bool {
        self.known.as_ref().is_some_and(|loaded| loaded.has_effect_of(&self.context))
    }

    /// What the caller's command, executed before, has led to in the booking's stream.
    pub(super) async fn effects(&self) -> Result<Vec<Event>, Fault> {
        self.services.journal.effects::<Booking>(&self.id, &self.context).await
    }

    /// Executes the caller's command. Returns whether it was appended now: if not, its effect was there already.
    pub(super) async fn execute(&mut self, command: BookingCommand) -> Result<bool, CommandError> {
        let context = self.context.clone();
        self.execute_as(command, &context).await
    }

    /// Executes a step that follows from the booking's last event, on whichever node it runs.
    pub(super) async fn step(&mut self, command: BookingCommand) -> Result<(), CommandError> {
        let steps = self.context.steps();
        self.execute_as(command, &steps).await.map(drop)
    }

    async fn execute_as(&mut self, command: BookingCommand, context: &Context) -> Result<bool, CommandError> {
        let executed = self.services.journal.execute::<Booking>(&self.id, command, context, &mut self.known).await?;
        self.publish(&executed);
        Ok(!executed.events.is_empty())
    }

    /// Executes the caller's command unless another writer is faster: for commands that depend on more
    /// than the booking, which has to be looked at again. Returns whether it was executed.
    pub(super) async fn try_execute(&mut self, command: BookingCommand) -> Result<bool, CommandError> {
        let context = self.context.clone();
        self.try_execute_as(command, &context).await
    }

    /// Likewise a step.
    pub(super) async fn try_step(&mut self, command: BookingCommand) -> Result<bool, CommandError> {
        let steps = self.context.steps();
        self.try_execute_as(command, &steps).await
    }

    async fn try_execute_as(&mut self, command: BookingCommand, context: &Context) -> Result<bool, CommandError> {
        let journal = &self.services.journal;
        let executed = journal.try_execute::<Booking>(&self.id, command, context, &mut self.known).await?;
        if let Some(executed) = &executed {
            self.publish(executed);
        }
        Ok(executed.is_some())
    }

    /// Tries to commit the booking and to book its seats in one transaction, for logs that are atomic across streams. If the
    /// rules don't commit it, nothing is written to the seats. Returns whether it was executed.
    ///
    /// # Errors
    /// The rejection of the command, or of a seat; a fault.
    pub(super) async fn try_commit_with_seats(&mut self, command: BookingCommand) -> Result<bool, CommandError> {
        let Some((show, seats)) = self.find().await?.as_ref().and_then(Self::show_and_seats) else { return Ok(false) };
        let services = Arc::clone(&self.services);
        let decisions = services.seats.decide_all(&show, &seats, &SeatCommand::Book { booking: self.id }).await?;
        let mut at = self.now();
        let sell = |events: &[Event], metadata: &Metadata| {
            at = metadata.at;
            let committed = events.iter().any(|event| matches!(event, Event::BookingCommitted(_)));
            let sold = if committed { decisions.as_slice() } else { &[] };
            sold.iter().map(|decision| decision.write(metadata)).collect()
        };
        let steps = self.context.steps();
        let executed = services.journal.try_execute_with::<Booking>(&self.id, command, &steps, &mut self.known, sell).await?;
        let Some((executed, outcomes)) = executed else { return Ok(false) };
        self.publish(&executed);
        let sold =
            decisions.iter().zip(&outcomes).filter(|(decision, outcome)| services.seats.take_outcome(decision, **outcome, at));
        self.seats_booked = sold.count() == seats.len();
        Ok(true)
    }

    /// Closes a booking that never opened, before its seats are released: its opener may still be
    /// alive, and must then find that it is closed. `locked` is one of its seats.
    pub(super) async fn fence(&mut self, locked: &SeatKey) -> Result<(), CommandError> {
        // The seat's lock is the only trace that the request has left.
        let lock = self.services.journal.load::<Seat>(locked).await?;
        let mut context = self.context.steps();
        if let (Some(owner), Some(last)) = (lock.state.owner(), lock.last)
            && owner == self.id
        {
            context.cause = Cause::Named(last);
            context.trace = lock.trace;
        }
        self.execute_as(BookingCommand::Fence { booking: self.id }, &context).await.map(drop)
    }

    /// Reads the booking again at the next look.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// Updates this node's seat table and buyer ledger without waiting for the log's subscription.
    fn publish(&self, executed: &Executed) {
        let (Some(position), Some(booking)) = (executed.position, self.known.as_ref().and_then(|l| l.state.as_ref())) else {
            return;
        };
        let Some(opened) = &booking.opened else { return };
        for event in &executed.events {
            if matches!(event, Event::BookingAborted(_)) {
                self.services.buyers.ended(&opened.show, &opened.buyer, self.id);
            }
            if let Some(show) = self.services.shows.get(&opened.show) {
                show.apply_booking_event(opened, event, position, booking.expires_at);
            }
        }
    }

    /// Show and seats of an opened booking.
    pub(super) fn show_and_seats(booking: &Booking) -> Option<(ShowId, Vec<SeatId>)> {
        Some((booking.show()?.clone(), booking.seats().iter().map(|p| p.seat.clone()).collect()))
    }
}

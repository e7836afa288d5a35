//! One loaded booking, and the means to append a decision to its stream.

use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::journal::{Loaded, contended};
use crate::seats::apply_booking_event;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, Metadata, Rejection, SeatId, ShowId, StreamName, Timestamp};
use std::sync::Arc;

/// Times that a decision is made again because the stream had moved on.
const TRIES: usize = 16;

/// One command's work on one booking.
pub(super) struct BookingSession {
    pub core: Arc<Core>,
    pub id: BookingId,
    /// Who causes what is appended.
    pub actor: String,
    /// The caller's W3C trace id.
    pub trace: Option<String>,
    loaded: Option<Loaded<Option<Booking>>>,
}

impl BookingSession {
    pub(super) fn new(core: Arc<Core>, id: BookingId) -> Self {
        Self { core, id, actor: "engine".to_owned(), trace: None, loaded: None }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.core.now()
    }

    pub(super) fn metadata(&self) -> Metadata {
        Metadata {
            causation: self.loaded.as_ref().and_then(|l| l.last),
            trace: self.trace.clone(),
            ..Metadata::of_booking(self.id, &self.actor, self.now())
        }
    }

    /// The booking, read if it is not known. `None`: no event of it.
    pub(super) async fn find(&mut self) -> Result<Option<Booking>, Fault> {
        if self.loaded.is_none() {
            self.loaded = Some(self.core.journal.load::<Booking>(&self.id).await?);
        }
        Ok(self.loaded.as_ref().and_then(|loaded| loaded.state.clone()))
    }

    /// The booking.
    ///
    /// # Errors
    /// `BookingNotFound` if there is none, or only a fence.
    pub(super) async fn booking(&mut self) -> Result<Booking, CommandError> {
        self.find().await?.filter(|b| b.opened.is_some()).ok_or_else(|| Rejection::BookingNotFound.into())
    }

    /// Decides a command on the booking and appends the events; decides again if another append came
    /// first.
    pub(super) async fn decide(&mut self, command: BookingCommand) -> Result<(), CommandError> {
        for _ in 0..TRIES {
            if self.decide_once(command.clone()).await? {
                return Ok(());
            }
        }
        Err(contended(&StreamName::booking(self.id)).into())
    }

    /// Decides a command on the booking as it is and appends what comes of it. False if another's
    /// append came first: for commands that rest on something besides the booking, which has to be
    /// looked at again.
    pub(super) async fn decide_once(&mut self, command: BookingCommand) -> Result<bool, CommandError> {
        self.find().await?;
        let metadata = self.metadata();
        let Some(loaded) = self.loaded.clone() else { return Ok(false) };
        match self.core.journal.execute_on::<Booking>(&self.id, loaded, &command, &metadata).await {
            Ok(Some(executed)) => {
                self.loaded = Some(executed.loaded);
                if let Some(position) = executed.position {
                    self.announce(&executed.events, position);
                }
                Ok(true)
            }
            Ok(None) => {
                self.forget();
                Ok(false)
            }
            // A refusal says nothing new of the booking; after a fault it has to be read again.
            Err(rejected @ CommandError::Rejected(_)) => Err(rejected),
            Err(failed) => {
                self.forget();
                Err(failed)
            }
        }
    }

    /// Reads the booking again at the next look.
    pub(super) fn forget(&mut self) {
        self.loaded = None;
    }

    /// Updates this node's seat table and ledger without waiting for the log's subscription.
    fn announce(&self, events: &[Event], position: Position) {
        let Some(booking) = self.loaded.as_ref().and_then(|l| l.state.as_ref()) else { return };
        let Some(opened) = &booking.opened else { return };
        for event in events {
            if matches!(event, Event::BookingAborted(_) | Event::PaymentRefunded(_)) {
                self.core.buyers.ended(&opened.show, &opened.buyer, self.id);
            }
            apply_booking_event(&self.core.shows, opened, event, position, booking.expires_at);
        }
    }

    /// Show, buyer and seats of an opened booking.
    pub(super) fn particulars(booking: &Booking) -> Option<(ShowId, BuyerId, Vec<SeatId>)> {
        let opened = booking.opened.as_ref()?;
        Some((opened.show.clone(), opened.buyer.clone(), opened.seats.iter().map(|p| p.seat.clone()).collect()))
    }
}

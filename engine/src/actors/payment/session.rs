//! The session: a booking as the log has it, and the way to append a decision to its stream.

use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::journal::Loaded;
use crate::seats::update_table_from_booking;
use lastseat_domain::booking::{self, Booking, BookingCommand};
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Expected, Position, WriteOutcome};
use lastseat_domain::{BookingId, BuyerId, Metadata, Rejection, SeatId, ShowId, StreamName, Timestamp, codec};
use std::sync::Arc;

/// Times that a decision is made anew because the stream had moved on.
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
            self.loaded = Some(self.core.journal.booking(self.id).await?);
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

    /// Decides a command on the booking as it is, appends what comes of it, and decides anew
    /// wherever another's append came first.
    pub(super) async fn decide(&mut self, command: BookingCommand) -> Result<(), CommandError> {
        for _ in 0..TRIES {
            if self.decide_once(command.clone()).await? {
                return Ok(());
            }
        }
        Err(Fault::Unavailable("the booking is too contended; try again".into()).into())
    }

    /// Decides a command on the booking as it is and appends what comes of it. False if another's
    /// append came first: for commands that rest on something besides the booking, which has to be
    /// looked at again.
    pub(super) async fn decide_once(&mut self, command: BookingCommand) -> Result<bool, CommandError> {
        self.find().await?;
        let Some(loaded) = self.loaded.take() else { return Ok(false) };
        let events = match booking::decide(loaded.state.as_ref(), command) {
            Ok(events) if !events.is_empty() => events,
            nothing => {
                self.loaded = Some(loaded);
                return Ok(nothing.map(|_| true)?);
            }
        };
        let metadata = self.metadata();
        let metadata = Metadata { causation: loaded.last, ..metadata };
        let write = codec::encode(StreamName::booking(self.id), loaded.expected, &events, &metadata).map_err(Fault::from)?;
        let last = write.events.last().map(|e| e.id);
        match self.core.journal.append(vec![write]).await?.first() {
            Some(WriteOutcome::Written { last_revision, position }) => {
                let state = events.iter().fold(loaded.state, |state, e| booking::evolve(state, e, metadata.at));
                self.loaded = Some(Loaded { state, expected: Expected::Revision(*last_revision), last });
                self.announce(&events, *position);
                Ok(true)
            }
            // Left unloaded, so the next look reads it.
            _ => Ok(false),
        }
    }

    /// Reads the booking again at the next look.
    pub(super) fn forget(&mut self) {
        self.loaded = None;
    }

    /// Tells this node's table and ledger without waiting for the log's subscription.
    fn announce(&self, events: &[Event], position: Position) {
        self.core.saw_position(position.0);
        let Some(booking) = self.loaded.as_ref().and_then(|l| l.state.as_ref()) else { return };
        let Some(opened) = &booking.opened else { return };
        for event in events {
            if matches!(event, Event::BookingAborted(_) | Event::PaymentRefunded(_)) {
                self.core.buyers.ended(&opened.show, &opened.buyer, self.id);
            }
            update_table_from_booking(&self.core.shows, opened, event, position, booking.expires_at);
        }
    }

    /// Show, buyer and seats of an opened booking.
    pub(super) fn particulars(booking: &Booking) -> Option<(ShowId, BuyerId, Vec<SeatId>)> {
        let opened = booking.opened.as_ref()?;
        Some((opened.show.clone(), opened.buyer.clone(), opened.seats.iter().map(|p| p.seat.clone()).collect()))
    }
}

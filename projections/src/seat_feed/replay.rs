//! Reads the changes from before the ring out of the log.

use super::{ShowFeed, frame};
use crate::runner::Shared;
use crate::show_seats::OpenHold;
use bytes::{Bytes, BytesMut};
use lastseat_domain::event::Event;
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use lastseat_domain::{BookingId, SeatState, StreamName, codec};
use std::collections::HashMap;
use std::sync::Arc;

/// Events read at a time, and bytes handed to a reader at once: it keeps them until it goes on.
const PAGE: usize = 200;
const CHUNK: usize = 16 * 1024;
/// Bookings remembered; the others are looked up again.
const HOLDS: usize = 4096;

/// Reads a show's changes out of the log, page by page.
pub(super) struct Replay {
    shared: Arc<Shared>,
    feed: Arc<ShowFeed>,
    filter: Filter,
    /// Everything up to here has been sent.
    pub position: Position,
    /// Seats of this show's bookings met so far; `None` for bookings of other shows.
    holds: HashMap<BookingId, Option<OpenHold>>,
}

impl Replay {
    pub fn new(shared: Arc<Shared>, feed: Arc<ShowFeed>, from: Position) -> Self {
        let seats = format!("seat-{}.", feed.show);
        // `SeatReserved` is how the prototype stored a lock.
        let seat_types = ["SeatLocked", "SeatReserved", "SeatBooked", "SeatReleased", "SeatBlocked", "SeatUnblocked"];
        let types = seat_types.into_iter().chain(["BookingOpened", "PaymentStarted", "PaymentDeclined", "ShowRevised"]);
        let show = StreamName::show(&feed.show).to_string();
        let filter = Filter {
            stream_prefixes: vec![seats, "booking-".to_owned(), show],
            type_prefixes: types.map(ToOwned::to_owned).collect(),
        };
        Self { shared, feed, filter, position: from, holds: HashMap::new() }
    }

    /// The changes of the next page, which may be none. Afterwards `position` is where it ended.
    pub async fn next(&mut self) -> Result<Bytes, LogFault> {
        let shared = Arc::clone(&self.shared);
        // Never closed, so this waits for a permit and can't fail.
        let _permit = shared.feeds.replays.acquire().await.ok();
        // Read before the page: if the page is the last, it reaches at least up to here.
        let folded = self.shared.seat_map.read().position;
        let log = Arc::clone(&self.shared.log);
        let page = log.read_all(Some(self.position), Direction::Forwards, PAGE, &self.filter).await?;
        let mut changes = BytesMut::new();
        // What the views don't have yet comes through the ring. Sent from here, it would be ahead of the
        // areas, and their next change would be taken for known.
        let folded_part = page.partition_point(|recorded| recorded.position <= folded);
        let mut is_whole = true;
        for recorded in page.iter().take(folded_part) {
            if changes.len() >= CHUNK {
                is_whole = false;
                break;
            }
            self.position = self.position.max(recorded.position);
            // What the views skip is skipped here too.
            let Ok(Some(envelope)) = codec::decode(recorded) else { continue };
            let (position, at) = (envelope.position, envelope.metadata.at);
            // It has every seat that there was at any time: seats are only ever added.
            let plan = &self.feed.plan();
            let group = if let Some(to) = SeatState::after_seat_event(&envelope.event) {
                let ours = envelope.stream.as_seat().filter(|(show, _)| *show == self.feed.show);
                let index = ours.and_then(|(_, seat)| plan.index_of(&seat));
                index.and_then(|index| frame::seats(plan, &[index], to, &envelope))
            } else if let (Some(booking), Some(to)) = (envelope.event.booking(), SeatState::after_booking_event(&envelope.event))
            {
                let hold = self.hold(booking).await?;
                hold.and_then(|hold| frame::seats(plan, &hold.seats, to, &envelope))
            } else if let Event::ShowRevised(e) = &envelope.event {
                (e.show == self.feed.show).then(|| frame::revised(envelope.revision, position, at))
            } else {
                if let Event::BookingOpened(e) = &envelope.event {
                    self.remember(e.booking, self.hold_of(e));
                }
                None
            };
            if let Some(group) = group {
                changes.extend_from_slice(&group);
            }
        }
        if is_whole && folded_part < PAGE {
            self.position = self.position.max(folded);
        }
        Ok(changes.freeze())
    }

    /// The seats of a booking of this show, which may have been opened before the first page.
    async fn hold(&mut self, booking: BookingId) -> Result<Option<OpenHold>, LogFault> {
        if let Some(known) = self.holds.get(&booking) {
            return Ok(known.clone());
        }
        let log = Arc::clone(&self.shared.log);
        let first = log.read_stream(&StreamName::booking(booking), Some(0), Direction::Forwards, 1).await?;
        let opened = first.first().and_then(|recorded| codec::decode(recorded).ok().flatten());
        let hold = match opened.as_deref().map(|envelope| &envelope.event) {
            Some(Event::BookingOpened(e)) => self.hold_of(e),
            _ => None,
        };
        self.remember(booking, hold.clone());
        Ok(hold)
    }

    fn remember(&mut self, booking: BookingId, hold: Option<OpenHold>) {
        if self.holds.len() >= HOLDS {
            self.holds.clear();
        }
        self.holds.insert(booking, hold);
    }

    fn hold_of(&self, opened: &lastseat_domain::event::BookingOpened) -> Option<OpenHold> {
        (opened.show == self.feed.show).then(|| OpenHold::new(opened, &self.feed.plan()))
    }
}

//! The bookings of every buyer, as rows.

use super::fault::TablesFault;
use super::progress::{integer, position_of};
use crate::bookings::{BookingStatus, BookingView, Page};
use crate::refunds;
use crate::sales::StatusChange;
use crate::sales_lines::Sold;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, Envelope, IntentId, SeatId};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Rows that stay in memory between two transactions: the next event of a booking mostly comes soon.
const KEPT: usize = 4096;

struct Row {
    view: BookingView,
    /// Seats that it had in the file and has no more.
    left: Vec<SeatId>,
    is_new: bool,
    is_changed: bool,
}

/// The rows that a transaction reads and changes, written once each at its end.
#[derive(Default)]
pub(super) struct BookingRows {
    rows: HashMap<BookingId, Row>,
}

impl BookingRows {
    /// Folds one event. Returns what it made of its booking's status, if anything.
    pub fn apply(&mut self, connection: &Connection, envelope: &Envelope) -> Result<Option<StatusChange>, TablesFault> {
        if let Some(view) = BookingView::opened_by(envelope) {
            let change = StatusChange { show: view.show.clone(), before: None, after: view.status, sold: None };
            self.rows.insert(view.booking, Row { view, left: vec![], is_new: true, is_changed: true });
            return Ok(Some(change));
        }
        let Some(booking) = envelope.event.booking() else { return Ok(None) };
        // A fenced booking was never opened: it has no seats, no price and no buyer.
        let Some(row) = self.row(connection, booking)? else { return Ok(None) };
        let before = row.view.status;
        // It was counted when it was made.
        let is_counted = refunds::has_failed(&row.view.refunds, &envelope.event);
        let is_moved = matches!(envelope.event, Event::BookingExchanged(_));
        let seats = if is_moved { row.view.seats.clone() } else { vec![] };
        row.view.apply(envelope);
        row.is_changed = true;
        let has = |seat: &SeatId| row.view.seats.iter().any(|own| own.seat == *seat);
        row.left.extend(seats.iter().map(|own| own.seat.clone()).filter(|seat| !has(seat)));
        let after = BookingStatus::after(&envelope.event).filter(|_| !is_counted);
        let after = after.map(|(_, after)| after).or(is_moved.then_some(before));
        Ok(after.map(|after| StatusChange {
            show: row.view.show.clone(),
            before: Some(before),
            after,
            sold: Sold::of(&row.view, &envelope.event, &seats),
        }))
    }

    fn row(&mut self, connection: &Connection, booking: BookingId) -> Result<Option<&mut Row>, TablesFault> {
        match self.rows.entry(booking) {
            Entry::Occupied(kept) => Ok(Some(kept.into_mut())),
            Entry::Vacant(place) => {
                let Some(view) = one(connection, booking)? else { return Ok(None) };
                Ok(Some(place.insert(Row { view, left: vec![], is_new: false, is_changed: false })))
            }
        }
    }

    /// Writes what was changed.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), TablesFault> {
        let mut changed: Vec<&mut Row> = self.rows.values_mut().filter(|row| row.is_changed).collect();
        changed.sort_unstable_by_key(|row| row.view.opened);
        let mut insert =
            connection.prepare_cached("INSERT OR REPLACE INTO bookings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
        // Replacing it would write its entries in the indexes again; SQLite leaves those of columns that stay as they are.
        let mut update = connection
            .prepare_cached("UPDATE bookings SET view = ?2, status = ?3, confirmed_at = ?4, buyer = ?5 WHERE opened = ?1")?;
        for row in changed {
            let (text, view) = (serde_json::to_string(&row.view)?, &row.view);
            let (opened, status) = (integer(view.opened), view.status.as_str());
            let confirmed_at = view.confirmed_at.map(|at| at.timestamp_millis());
            if row.is_new {
                insert.execute(params![
                    opened,
                    view.booking.0.as_bytes(),
                    view.buyer.as_str(),
                    view.show.as_str(),
                    status,
                    view.opened_at.timestamp_millis(),
                    confirmed_at,
                    view.shop.reference,
                    text
                ])?;
                insert_metadata(connection, view)?;
                insert_seats(connection, view)?;
            } else {
                update.execute(params![opened, text, status, confirmed_at, view.buyer.as_str()])?;
                if !row.left.is_empty() {
                    delete_seats(connection, view, &row.left)?;
                    insert_seats(connection, view)?;
                }
            }
            row.left.clear();
            (row.is_new, row.is_changed) = (false, false);
        }
        self.forget();
        Ok(())
    }

    /// Keeps memory bounded: forgets bookings that are mostly over, or all of them.
    fn forget(&mut self) {
        use BookingStatus as B;
        if self.rows.len() > KEPT {
            self.rows.retain(|_, row| matches!(row.view.status, B::Held | B::Paying | B::ActionRequired));
        }
        if self.rows.len() > KEPT {
            self.rows = HashMap::new();
        }
    }
}

/// The seats that a booking is found by.
fn insert_seats(connection: &Connection, view: &BookingView) -> Result<(), TablesFault> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO booking_seats VALUES (?1, ?2, ?3)")?;
    for priced in &view.seats {
        insert.execute(params![view.show.as_str(), priced.seat.as_str(), integer(view.opened)])?;
    }
    Ok(())
}

/// Those that it was exchanged from.
fn delete_seats(connection: &Connection, view: &BookingView, left: &[SeatId]) -> Result<(), TablesFault> {
    let mut delete = connection.prepare_cached("DELETE FROM booking_seats WHERE show = ?1 AND seat = ?2 AND opened = ?3")?;
    for seat in left {
        delete.execute(params![view.show.as_str(), seat.as_str(), integer(view.opened)])?;
    }
    Ok(())
}

/// The metadata of a new booking, which never change.
fn insert_metadata(connection: &Connection, view: &BookingView) -> Result<(), TablesFault> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO booking_metadata VALUES (?1, ?2, ?3)")?;
    for (name, value) in &view.shop.metadata {
        insert.execute(params![name, value, integer(view.opened)])?;
    }
    Ok(())
}

/// A booking, if there is one.
pub(super) fn one(connection: &Connection, booking: BookingId) -> Result<Option<BookingView>, TablesFault> {
    let mut query = connection.prepare_cached("SELECT view FROM bookings WHERE booking = ?1")?;
    let view = query.query_row([booking.0.as_bytes()], |row| row.get::<_, String>(0)).optional()?;
    let Some(view) = view.map(|view| serde_json::from_str::<BookingView>(&view)).transpose()? else { return Ok(None) };
    if view.booking != booking {
        return Err(TablesFault::Damaged(format!("the row of booking {booking} is that of {}", view.booking)));
    }
    Ok(Some(view))
}

/// The status of each of these bookings, `None` of those that are not there.
pub(super) fn statuses_of(
    connection: &Connection,
    bookings: &[BookingId],
) -> Result<Vec<(BookingId, Option<BookingStatus>)>, TablesFault> {
    let mut query = connection.prepare_cached("SELECT status FROM bookings WHERE booking = ?1")?;
    let mut status_of = |booking: BookingId| -> Result<_, TablesFault> {
        let status = query.query_row([booking.0.as_bytes()], |row| row.get::<_, String>(0)).optional()?;
        let status = status.map(|status| status.parse::<BookingStatus>().map_err(TablesFault::Damaged)).transpose()?;
        Ok((booking, status))
    };
    bookings.iter().map(|booking| status_of(*booking)).collect()
}

/// The booking whose events name a payment intent; the last one, if a foreign log gave it to several.
pub(super) fn of_intent(connection: &Connection, intent: &IntentId) -> Result<Option<BookingView>, TablesFault> {
    let mut query =
        connection.prepare_cached("SELECT view FROM bookings WHERE view ->> '$.intent' = ?1 ORDER BY opened DESC LIMIT 1")?;
    let view = query.query_row([intent.as_str()], |row| row.get::<_, String>(0)).optional()?;
    let view = view.map(|view| serde_json::from_str::<BookingView>(&view)).transpose()?;
    match view {
        Some(view) if view.intent.as_ref() != Some(intent) => {
            Err(TablesFault::Damaged(format!("booking {} is listed for another intent", view.booking)))
        }
        view => Ok(view),
    }
}

/// Up to `limit` bookings of a buyer, newest first, after the one given. `None` if that is none of the buyer's.
pub(super) fn of(
    connection: &Connection,
    buyer: &BuyerId,
    starting_after: Option<BookingId>,
    limit: usize,
) -> Result<Option<Page<BookingView>>, TablesFault> {
    let before = match starting_after {
        None => i64::MAX,
        Some(cursor) => match opened(connection, buyer, cursor)? {
            Some(opened) => integer(opened),
            None => return Ok(None),
        },
    };
    let mut query =
        connection.prepare_cached("SELECT view FROM bookings WHERE buyer = ?1 AND opened < ?2 ORDER BY opened DESC LIMIT ?3")?;
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let rows = query.query_map(params![buyer.as_str(), before, more], |row| row.get::<_, String>(0))?;
    let mut data = Vec::new();
    for row in rows {
        let view: BookingView = serde_json::from_str(&row?)?;
        if view.buyer != *buyer {
            return Err(TablesFault::Damaged(format!("booking {} is listed for another buyer", view.booking)));
        }
        data.push(view);
    }
    let has_more = data.len() > limit;
    data.truncate(limit);
    Ok(Some(Page { data, has_more }))
}

fn opened(connection: &Connection, buyer: &BuyerId, booking: BookingId) -> Result<Option<Position>, TablesFault> {
    let mut query = connection.prepare_cached("SELECT opened FROM bookings WHERE booking = ?1 AND buyer = ?2")?;
    let found = query.query_row(params![booking.0.as_bytes(), buyer.as_str()], |row| row.get(0)).optional()?;
    Ok(found.map(position_of))
}

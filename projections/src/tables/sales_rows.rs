//! How every show sells, as rows. In memory are the states of the seats, a byte each, and a few numbers
//! for each show.

use super::fault::TablesFault;
use super::progress::{integer, position_of};
use super::sales_line_rows::{self, SalesLineRows};
use crate::refunds::ShowRefundsView;
use crate::sales::{SalesView, StatusChange, Takings};
use crate::show_seats::Changed::{Seats, Show};
use crate::show_seats::{SeatStates, ShowSeats, StoredSeatStates, StoredShow, letter};
use lastseat_domain::event::{Event, PlanDrawn};
use lastseat_domain::{BookingId, Envelope, ShowId};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Seats whose states are in one row.
const CHUNK: u32 = 512;

#[derive(Default)]
pub(super) struct SalesRows {
    states: SeatStates,
    takings: BTreeMap<ShowId, Takings>,
    lines: SalesLineRows,
    changed: Changed,
}

/// What a transaction has to write at its end.
#[derive(Default)]
struct Changed {
    /// Parts of plans, in the order of the log.
    plans: Vec<PlanDrawn>,
    /// Scheduled, or with other facts.
    facts: BTreeSet<ShowId>,
    shows: BTreeSet<ShowId>,
    chunks: BTreeMap<ShowId, BTreeSet<u32>>,
    holds: BTreeSet<BookingId>,
}

impl Changed {
    fn seats(&mut self, show_seats: &ShowSeats, seats: &[u32]) {
        let show = &show_seats.facts.show;
        if !self.shows.contains(show) {
            self.shows.insert(show.clone());
        }
        let chunks = match self.chunks.get_mut(show) {
            Some(chunks) => chunks,
            None => self.chunks.entry(show.clone()).or_default(),
        };
        chunks.extend(seats.iter().map(|seat| seat / CHUNK));
    }
}

impl SalesRows {
    pub fn load(connection: &Connection) -> Result<Self, TablesFault> {
        let mut takings = BTreeMap::new();
        let mut stored = StoredSeatStates::default();
        let mut query = connection.prepare("SELECT show, changed_at, takings FROM sales")?;
        let mut rows = query.query([])?;
        let mut changed_at = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let show = show_id(row.get(0)?)?;
            if let Some(text) = row.get::<_, Option<String>>(2)? {
                takings.insert(show.clone(), serde_json::from_str(&text)?);
            }
            changed_at.insert(show, position_of(row.get(1)?));
        }
        let mut query = connection.prepare("SELECT event FROM plans ORDER BY plan, revision, part")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            stored.plans.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
        }
        let mut query = connection.prepare("SELECT show, facts FROM shows")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let show = show_id(row.get(0)?)?;
            let states = states_of(connection, &show)?;
            let changed_at = changed_at.get(&show).copied().unwrap_or_default();
            let facts = serde_json::from_str(&row.get::<_, String>(1)?)?;
            stored.shows.insert(show, StoredShow { facts, changed_at, states });
        }
        let mut query = connection.prepare("SELECT booking, hold FROM holds")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let booking = BookingId(Uuid::from_bytes(row.get(0)?));
            stored.holds.insert(booking, serde_json::from_str(&row.get::<_, String>(1)?)?);
        }
        let states = SeatStates::restore(stored).map_err(TablesFault::Damaged)?;
        Ok(Self { states, takings, lines: SalesLineRows::default(), changed: Changed::default() })
    }

    /// Folds one event, which has changed the status of its booking in this way.
    pub fn apply(&mut self, envelope: &Envelope, change: Option<&StatusChange>) {
        let changed = &mut self.changed;
        match &envelope.event {
            Event::PlanDrawn(e) => changed.plans.push(e.clone()),
            Event::ShowScheduled(e) if !self.states.shows.contains_key(&e.show) => drop(changed.facts.insert(e.show.clone())),
            Event::BookingOpened(e) => drop(changed.holds.insert(e.booking)),
            Event::BookingCommitted(e) => drop(changed.holds.insert(e.booking)),
            Event::BookingAborted(e) => drop(changed.holds.insert(e.booking)),
            _ => {}
        }
        self.states.apply(envelope, |show_seats, change| match change {
            Seats(seats, _) => changed.seats(show_seats, seats),
            Show => drop(changed.facts.insert(show_seats.facts.show.clone())),
        });
        let Some(change) = change else { return };
        self.takings.entry(change.show.clone()).or_default().count(change, envelope);
        self.lines.count(change, self.states.shows.get(&change.show));
        self.changed.shows.insert(change.show.clone());
    }

    /// Writes what was changed.
    pub fn flush(&mut self, connection: &Connection) -> Result<(), TablesFault> {
        let mut changed = std::mem::take(&mut self.changed);
        for drawn in changed.plans {
            let mut replace = connection.prepare_cached("INSERT OR REPLACE INTO plans VALUES (?1, ?2, ?3, ?4)")?;
            replace.execute(params![drawn.plan.as_str(), drawn.revision, drawn.part, serde_json::to_string(&drawn)?])?;
        }
        for show in changed.facts {
            let Some(show_seats) = self.states.shows.get(&show) else { continue };
            let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO shows VALUES (?1, ?2)")?;
            insert.execute(params![show.as_str(), serde_json::to_string(&*show_seats.facts)?])?;
            changed.chunks.insert(show.clone(), (0..show_seats.plan.len().div_ceil(CHUNK)).collect());
            changed.shows.insert(show);
        }
        for (show, chunks) in &changed.chunks {
            self.write_states(connection, show, chunks)?;
        }
        for show in &changed.shows {
            self.write_sales(connection, show)?;
        }
        for booking in changed.holds {
            self.write_hold(connection, booking)?;
        }
        self.lines.flush(connection)
    }

    fn write_states(&self, connection: &Connection, show: &ShowId, chunks: &BTreeSet<u32>) -> Result<(), TablesFault> {
        let Some(show_seats) = self.states.shows.get(show) else { return Ok(()) };
        let mut replace = connection.prepare_cached("INSERT OR REPLACE INTO seat_states VALUES (?1, ?2, ?3)")?;
        for chunk in chunks {
            let states = show_seats.states.iter().skip((chunk * CHUNK) as usize).take(CHUNK as usize);
            let letters: String = states.map(|state| letter(*state)).collect();
            replace.execute(params![show.as_str(), chunk, letters])?;
        }
        Ok(())
    }

    fn write_sales(&self, connection: &Connection, show: &ShowId) -> Result<(), TablesFault> {
        let (show_seats, takings) = (self.states.shows.get(show), self.takings.get(show));
        let changed_at = show_seats.map_or(0, |show_seats| integer(show_seats.changed_at));
        let view = show_seats.map(|show_seats| match takings {
            Some(takings) => SalesView::of(show_seats, takings),
            None => SalesView::of(show_seats, &Takings::default()),
        });
        let view = view.map(|view| serde_json::to_string(&view)).transpose()?;
        let takings = takings.map(serde_json::to_string).transpose()?;
        let mut replace = connection.prepare_cached("INSERT OR REPLACE INTO sales VALUES (?1, ?2, ?3, ?4)")?;
        replace.execute(params![show.as_str(), changed_at, takings, view])?;
        Ok(())
    }

    fn write_hold(&self, connection: &Connection, booking: BookingId) -> Result<(), TablesFault> {
        if let Some(hold) = self.states.holds.get(&booking) {
            let mut replace = connection.prepare_cached("INSERT OR REPLACE INTO holds VALUES (?1, ?2)")?;
            replace.execute(params![booking.0.as_bytes(), serde_json::to_string(hold)?])?;
        } else {
            let mut delete = connection.prepare_cached("DELETE FROM holds WHERE booking = ?1")?;
            delete.execute([booking.0.as_bytes()])?;
        }
        Ok(())
    }
}

/// A letter for each seat of a show, in plan order.
pub(super) fn states_of(connection: &Connection, show: &ShowId) -> Result<String, TablesFault> {
    let mut query = connection.prepare_cached("SELECT states FROM seat_states WHERE show = ?1 ORDER BY chunk")?;
    let rows = query.query_map([show.as_str()], |row| row.get::<_, String>(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn show_id(text: String) -> Result<ShowId, TablesFault> {
    ShowId::try_from(text).map_err(|e| TablesFault::Damaged(e.to_string()))
}

/// How far the refunds of a show are; `None` if there is no such show.
pub(super) fn refunds_of(connection: &Connection, show: &ShowId) -> Result<Option<ShowRefundsView>, TablesFault> {
    // Both statements see the same moment.
    let moment = connection.unchecked_transaction()?;
    let mut query = moment.prepare_cached("SELECT view FROM sales WHERE show = ?1")?;
    let found = query.query_row([show.as_str()], |row| row.get::<_, Option<String>>(0)).optional()?;
    let Some(sales) = found.flatten().map(|view| serde_json::from_str::<SalesView>(&view)).transpose()? else { return Ok(None) };
    let mut query = moment.prepare_cached(
        "SELECT count(*) FILTER (WHERE flagged), count(*) FILTER (WHERE NOT flagged AND under_way), \
         count(*) FILTER (WHERE NOT flagged AND NOT under_way AND at_the_till), count(*) FROM ( \
         SELECT view ->> '$.flagged' AS flagged, \
         view ->> '$.refund_requested' OR coalesce(view ->> '$.refunds[#-1].status', '') = 'requested' AS under_way, \
         coalesce(view ->> '$.tender', '') IN ('cash', 'invoice') \
         AND view ->> '$.amount.value' > coalesce(view ->> '$.refunded', 0) AS at_the_till \
         FROM bookings WHERE show = ?1 AND status = 'confirmed')",
    )?;
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    let (flagged, under_way, at_the_till, confirmed) = query
        .query_row([show.as_str()], |row| Ok((count(row.get(0)?), count(row.get(1)?), count(row.get(2)?), count(row.get(3)?))))?;
    let refunded = sales.bookings.refunded;
    Ok(Some(ShowRefundsView {
        paid: confirmed.saturating_add(refunded),
        refunded,
        under_way,
        flagged,
        at_the_till,
        waiting: confirmed.saturating_sub(flagged).saturating_sub(under_way).saturating_sub(at_the_till),
        paying: sales.bookings.paying,
        captured: sales.captured,
        returned: sales.refunded,
    }))
}

/// How a show sells; `None` if there is no such show.
pub(super) fn of(connection: &Connection, show: &ShowId) -> Result<Option<SalesView>, TablesFault> {
    // Both statements see the same moment.
    let moment = connection.unchecked_transaction()?;
    let mut query = moment.prepare_cached("SELECT view FROM sales WHERE show = ?1")?;
    let found = query.query_row([show.as_str()], |row| row.get::<_, Option<String>>(0)).optional()?;
    let Some(view) = found.flatten() else { return Ok(None) };
    Ok(Some(SalesView { breakdown: sales_line_rows::of(&moment, show)?, ..serde_json::from_str(&view)? }))
}

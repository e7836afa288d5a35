//! Lists of bookings for the shop: any filters together, newest first.
//!
//! One filter is looked up in an index, the one that leaves the fewest bookings; the others are checked booking by booking.
//! With a show and nothing narrower, that is at most once through the show's bookings. A span of time is looked up first:
//! it bounds where in the log the bookings can be.

use super::fault::TablesFault;
use super::progress::integer;
use crate::booking_filter::{BookingFilter, TimeSpan};
use crate::bookings::{BookingView, Page};
use lastseat_domain::BookingId;
use lastseat_domain::ports::event_log::Position;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

/// A query as it is put together.
pub(super) struct Query {
    from: &'static str,
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Query {
    /// The bookings that a filter applies to.
    pub fn of(filter: &BookingFilter) -> Self {
        let mut query = Self { from: "bookings NOT INDEXED", conditions: Vec::new(), values: Vec::new() };
        let metadata = query.look_up(filter);
        for (name, value) in metadata {
            query.add(
                "EXISTS (SELECT 1 FROM booking_metadata WHERE name = ? AND value = ? AND opened = bookings.opened)",
                [name, value],
            );
        }
        query.within(&filter.opened, OPENED);
        query.within(&filter.confirmed, CONFIRMED);
        query
    }

    /// Chooses the index, and adds the conditions that columns can answer. Returns the metadata that is left to check.
    fn look_up<'f>(&mut self, filter: &'f BookingFilter) -> &'f [(String, String)] {
        let mut metadata = filter.metadata.as_slice();
        let seat = filter.show.as_ref().zip(filter.seat.as_ref());
        self.from = match (&filter.reference, metadata.split_first(), seat) {
            _ if filter.voucher.is_some() => "bookings INDEXED BY bookings_by_voucher",
            (Some(_), _, _) => "bookings INDEXED BY bookings_by_reference",
            _ if filter.under_review == Some(true) => "bookings INDEXED BY bookings_under_review",
            (None, Some(((name, value), rest)), _) => {
                self.add("m.name = ? AND m.value = ?", [name, value]);
                metadata = rest;
                "booking_metadata AS m CROSS JOIN bookings ON bookings.opened = m.opened"
            }
            (None, None, Some((show, seat))) => {
                self.add("s.show = ? AND s.seat = ?", [show.as_str(), seat.as_str()]);
                "booking_seats AS s CROSS JOIN bookings ON bookings.opened = s.opened"
            }
            _ if filter.buyer.is_some() => "bookings INDEXED BY bookings_of_buyer",
            _ if filter.show.is_some() => "bookings INDEXED BY bookings_of_show",
            _ if filter.status.is_some() => "bookings INDEXED BY bookings_by_status",
            _ => "bookings NOT INDEXED",
        };
        let is_looked_up = self.from.starts_with("booking_seats");
        if let Some(seat) = filter.seat.as_ref().filter(|_| !is_looked_up) {
            let show = filter.show.as_ref().map(|show| show.as_str()).unwrap_or_default();
            self.add(
                "EXISTS (SELECT 1 FROM booking_seats WHERE show = ? AND seat = ? AND opened = bookings.opened)",
                [show, seat.as_str()],
            );
        }
        for (condition, value) in [
            ("bookings.view ->> '$.voucher' = ?", filter.voucher.as_ref().map(|voucher| voucher.as_str())),
            ("bookings.reference = ?", filter.reference.as_deref()),
            ("bookings.buyer = ?", filter.buyer.as_ref().map(|buyer| buyer.as_str())),
            ("bookings.show = ?", filter.show.as_ref().map(|show| show.as_str())),
            ("bookings.status = ?", filter.status.map(|status| status.as_str())),
        ] {
            if let Some(value) = value {
                self.add(condition, [value]);
            }
        }
        self.conditions.extend(match filter.under_review {
            Some(true) => Some("bookings.view ->> '$.flagged'"),
            Some(false) => Some("NOT bookings.view ->> '$.flagged'"),
            None => None,
        });
        metadata
    }

    fn add<const N: usize>(&mut self, condition: &'static str, values: [impl Into<String>; N]) {
        self.conditions.push(condition);
        self.values.extend(values.map(|value| Value::Text(value.into())));
    }

    fn within(&mut self, span: &TimeSpan, column: Column) {
        if span.is_everything() {
            return;
        }
        let from = span.from.map_or(i64::MIN, |from| from.timestamp_millis());
        let to = span.to.map_or(i64::MAX, |to| to.timestamp_millis());
        for condition in column {
            self.conditions.push(condition);
            self.values.extend([from, to].map(Value::Integer));
        }
    }

    /// The statement for the bookings before a position, newest first.
    pub fn sql(&self) -> String {
        // In a joined table, so that its index gives the order.
        let opened = match self.from.split_once(" AS ") {
            Some((_, rest)) if rest.starts_with('m') => "m.opened",
            Some(_) => "s.opened",
            None => "bookings.opened",
        };
        let conditions: String = self.conditions.iter().map(|condition| format!(" AND {condition}")).collect();
        format!("SELECT bookings.view FROM {} WHERE {opened} < ?{conditions} ORDER BY {opened} DESC LIMIT ?", self.from)
    }
}

/// Conditions on a time: that it lies in the span, and where in the log such bookings begin and end.
type Column = [&'static str; 3];

const OPENED: Column = [
    "bookings.opened >= (SELECT min(opened) FROM bookings INDEXED BY bookings_by_opened_at WHERE opened_at >= ? AND opened_at < ?)",
    "bookings.opened <= (SELECT max(opened) FROM bookings INDEXED BY bookings_by_opened_at WHERE opened_at >= ? AND opened_at < ?)",
    "bookings.opened_at >= ? AND bookings.opened_at < ?",
];
const CONFIRMED: Column = [
    "bookings.opened >= (SELECT min(opened) FROM bookings INDEXED BY bookings_by_confirmed_at WHERE confirmed_at >= ? AND confirmed_at < ?)",
    "bookings.opened <= (SELECT max(opened) FROM bookings INDEXED BY bookings_by_confirmed_at WHERE confirmed_at >= ? AND confirmed_at < ?)",
    "bookings.confirmed_at >= ? AND bookings.confirmed_at < ?",
];

/// Up to `limit` bookings that the filter applies to, newest first, after the one given. `None` if that one does not exist,
/// or is of another show. Whatever has changed about it since the page before, the next page goes on after it.
pub(super) fn page(
    connection: &Connection,
    filter: &BookingFilter,
    starting_after: Option<BookingId>,
    limit: usize,
) -> Result<Option<Page<BookingView>>, TablesFault> {
    let before = match starting_after {
        None => i64::MAX,
        Some(cursor) => match opened(connection, filter, cursor)? {
            Some(opened) => integer(opened),
            None => return Ok(None),
        },
    };
    let query = Query::of(filter);
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let values = std::iter::once(Value::Integer(before)).chain(query.values.iter().cloned()).chain([Value::Integer(more)]);
    let mut statement = connection.prepare_cached(&query.sql())?;
    let rows = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(0))?;
    let mut data = Vec::new();
    for row in rows {
        let view: BookingView = serde_json::from_str(&row?)?;
        if !filter.applies_to(&view) {
            return Err(TablesFault::Damaged(format!("booking {} is in a list that it does not belong to", view.booking)));
        }
        data.push(view);
    }
    let has_more = data.len() > limit;
    data.truncate(limit);
    Ok(Some(Page { data, has_more }))
}

fn opened(connection: &Connection, filter: &BookingFilter, booking: BookingId) -> Result<Option<Position>, TablesFault> {
    let mut query = connection.prepare_cached("SELECT view FROM bookings WHERE booking = ?1")?;
    let view = query.query_row([booking.0.as_bytes()], |row| row.get::<_, String>(0)).optional()?;
    let view = view.map(|view| serde_json::from_str::<BookingView>(&view)).transpose()?;
    let is_of_show = |view: &BookingView| filter.show.as_ref().is_none_or(|show| view.show == *show);
    Ok(view.filter(is_of_show).map(|view| view.opened))
}

/// How many bookings a person has to look at.
pub(super) fn under_review(connection: &Connection) -> Result<u64, TablesFault> {
    let mut query =
        connection.prepare_cached("SELECT count(*) FROM bookings INDEXED BY bookings_under_review WHERE view ->> '$.flagged'")?;
    Ok(query.query_row([], |row| row.get::<_, i64>(0)).map(|many| u64::try_from(many).unwrap_or_default())?)
}

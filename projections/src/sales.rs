//! How a show sells: what is counted, and what each event of a booking adds.

use crate::bookings::BookingStatus;
use crate::sales_lines::{SalesBreakdown, Sold};
use crate::show_seats::{SeatCounts, ShowSeats};
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{CategoryId, Currency, Envelope, Money, ShowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a show sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesView {
    pub show: ShowId,
    /// Its name, for people.
    pub title: String,
    /// The last event that is counted here.
    pub position: Position,
    /// Its currency; the amounts are minor units of it.
    pub currency: Currency,
    /// All its seats by state, units of unlabelled areas included.
    pub seats: SeatCounts,
    /// Its bookings by status.
    pub bookings: BookingCounts,
    /// Taken, refunds not deducted.
    pub captured: Money,
    /// Returned.
    pub refunded: Money,
    /// The seats by category, in the show's order.
    pub categories: Vec<CategorySales>,
    /// What was sold, line by line.
    #[serde(flatten)]
    pub breakdown: SalesBreakdown,
}

/// Bookings by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingCounts {
    /// Seats held, nothing paid.
    pub held: u64,
    /// Payment under way.
    pub paying: u64,
    /// The buyer has to act at their bank.
    pub action_required: u64,
    /// Booked and paid.
    pub confirmed: u64,
    /// Over without a sale.
    pub aborted: u64,
    /// Refunded.
    pub refunded: u64,
}

impl BookingCounts {
    fn of(&mut self, status: BookingStatus) -> &mut u64 {
        match status {
            BookingStatus::Held => &mut self.held,
            BookingStatus::Paying => &mut self.paying,
            BookingStatus::ActionRequired => &mut self.action_required,
            BookingStatus::Confirmed => &mut self.confirmed,
            BookingStatus::Aborted => &mut self.aborted,
            BookingStatus::Refunded => &mut self.refunded,
        }
    }
}

/// The seats of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategorySales {
    pub category: CategoryId,
    /// Price of one seat, minor units.
    pub price: i64,
    /// Its seats by state.
    #[serde(flatten)]
    pub seats: SeatCounts,
}

/// What the states of the seats don't show: bookings and money.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Takings {
    bookings: BookingCounts,
    captured: i64,
    refunded: i64,
    position: Position,
}

/// What an event has made of a booking's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusChange {
    pub show: ShowId,
    /// `None` if the event opened the booking.
    pub before: Option<BookingStatus>,
    pub after: BookingStatus,
    /// What was paid or refunded by it.
    pub sold: Option<Sold>,
}

impl StatusChange {
    /// Whether it counts: a booking that was over before was counted when it ended, and is never counted again.
    pub fn is_counted(&self) -> bool {
        !matches!(self.before, Some(BookingStatus::Aborted | BookingStatus::Refunded))
    }
}

impl Takings {
    /// Counts an event that changed a booking of the show.
    pub fn count(&mut self, change: &StatusChange, envelope: &Envelope) {
        if !change.is_counted() {
            return;
        }
        self.position = envelope.position;
        if change.before != Some(change.after) {
            if let Some(before) = change.before {
                let before = self.bookings.of(before);
                *before = before.saturating_sub(1);
            }
            *self.bookings.of(change.after) += 1;
        }
        match &envelope.event {
            Event::PaymentCaptured(e) => self.captured = self.captured.saturating_add(e.amount.value),
            Event::PaymentPartlyRefunded(e) => self.refunded = self.refunded.saturating_add(e.amount.value),
            Event::PaymentRefunded(e) => self.refunded = self.refunded.saturating_add(e.amount.value),
            Event::PaymentReturnedElsewhere(e) => self.refunded = self.refunded.saturating_add(e.amount.value),
            _ => {}
        }
    }
}

impl SalesView {
    pub(crate) fn of(show_seats: &ShowSeats, takings: &Takings) -> Self {
        let currency = show_seats.facts.currency;
        let (seats, categories) = count_seats(show_seats);
        Self {
            show: show_seats.facts.show.clone(),
            title: show_seats.facts.title.clone(),
            position: takings.position.max(show_seats.changed_at),
            currency,
            seats,
            bookings: takings.bookings,
            captured: Money { value: takings.captured, currency },
            refunded: Money { value: takings.refunded, currency },
            categories,
            breakdown: SalesBreakdown::default(),
        }
    }
}

fn count_seats(show_seats: &ShowSeats) -> (SeatCounts, Vec<CategorySales>) {
    let mut all = SeatCounts::default();
    let mut by_category: BTreeMap<&CategoryId, SeatCounts> = BTreeMap::new();
    for (area, counts) in show_seats.plan.areas.iter().zip(&show_seats.counts) {
        all.add(counts);
        by_category.entry(&area.category).or_default().add(counts);
    }
    let categories = show_seats.facts.categories.iter().map(|c| CategorySales {
        category: c.category.clone(),
        price: c.price,
        seats: by_category.get(&c.category).copied().unwrap_or_default(),
    });
    (all, categories.collect())
}

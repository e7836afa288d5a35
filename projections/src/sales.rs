//! How every show sells.

use crate::bookings::BookingStatus;
use crate::show_seats::{SeatStates, ShowSeats, StoredSeatStates};
use crate::view::View;
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{BookingId, CategoryId, Currency, Envelope, Money, ShowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a show sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
}

/// Seats by state. The four add up to the capacity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SeatCounts {
    /// All of them.
    pub capacity: u32,
    /// Free.
    pub available: u32,
    /// Held, no payment under way.
    pub held: u32,
    /// Held, payment under way.
    pub in_process: u32,
    /// Sold.
    pub booked: u32,
}

impl SeatCounts {
    fn count(&mut self, state: SeatState) {
        self.capacity += 1;
        match state {
            SeatState::Available => self.available += 1,
            SeatState::Locked => self.held += 1,
            SeatState::InProcess => self.in_process += 1,
            SeatState::Booked => self.booked += 1,
        }
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// A booking that may still change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Live {
    show: ShowId,
    status: BookingStatus,
}

/// The view.
#[derive(Default)]
pub(crate) struct Sales {
    states: SeatStates,
    shows: BTreeMap<ShowId, Takings>,
    /// Aborted and refunded bookings never change again, and are only counted.
    live: BTreeMap<BookingId, Live>,
}

/// What is stored of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SalesContent {
    states: StoredSeatStates,
    shows: BTreeMap<ShowId, Takings>,
    live: BTreeMap<BookingId, Live>,
}

impl View for Sales {
    const NAME: &'static str = "sales";
    const SCHEMA: u32 = 2;
    type Content = SalesContent;

    fn apply(&mut self, envelope: &Envelope) {
        self.states.apply(envelope, |_, _, _| {});
        if let Event::BookingOpened(e) = &envelope.event {
            let takings = self.shows.entry(e.show.clone()).or_default();
            *takings.bookings.of(BookingStatus::Held) += 1;
            takings.position = envelope.position;
            self.live.insert(e.booking, Live { show: e.show.clone(), status: BookingStatus::Held });
            return;
        }
        let Some((booking, status)) = BookingStatus::after(&envelope.event) else { return };
        let Some(live) = self.live.get_mut(&booking) else { return };
        let Some(takings) = self.shows.get_mut(&live.show) else { return };
        takings.position = envelope.position;
        if live.status != status {
            let before = takings.bookings.of(live.status);
            *before = before.saturating_sub(1);
            *takings.bookings.of(status) += 1;
            live.status = status;
        }
        match &envelope.event {
            Event::PaymentCaptured(e) => takings.captured = takings.captured.saturating_add(e.amount.value),
            Event::PaymentRefunded(e) => takings.refunded = takings.refunded.saturating_add(e.amount.value),
            Event::PaymentReturnedElsewhere(e) => takings.refunded = takings.refunded.saturating_add(e.amount.value),
            _ => {}
        }
        if matches!(status, BookingStatus::Aborted | BookingStatus::Refunded) {
            self.live.remove(&booking);
        }
    }

    fn content(&self) -> SalesContent {
        SalesContent { states: self.states.content(), shows: self.shows.clone(), live: self.live.clone() }
    }

    fn restore(content: SalesContent) -> Result<Self, String> {
        Ok(Self { states: SeatStates::restore(content.states)?, shows: content.shows, live: content.live })
    }
}

impl Sales {
    /// How a show sells; `None` if there is no such show.
    pub fn of(&self, show: &ShowId) -> Option<SalesView> {
        let show_seats = self.states.shows.get(show)?;
        let takings = self.shows.get(show).cloned().unwrap_or_default();
        let currency = show_seats.facts.currency;
        let (seats, categories) = count_seats(show_seats);
        Some(SalesView {
            show: show.clone(),
            title: show_seats.facts.title.clone(),
            position: takings.position.max(show_seats.changed_at),
            currency,
            seats,
            bookings: takings.bookings,
            captured: Money { value: takings.captured, currency },
            refunded: Money { value: takings.refunded, currency },
            categories,
        })
    }
}

fn count_seats(show_seats: &ShowSeats) -> (SeatCounts, Vec<CategorySales>) {
    let mut all = SeatCounts::default();
    let mut by_category: BTreeMap<&CategoryId, SeatCounts> = BTreeMap::new();
    for area in &show_seats.plan.areas {
        let of_category = by_category.entry(&area.category).or_default();
        for state in show_seats.states.iter().skip(area.first as usize).take(area.capacity as usize) {
            all.count(*state);
            of_category.count(*state);
        }
    }
    let categories = show_seats.facts.categories.iter().map(|c| CategorySales {
        category: c.category.clone(),
        price: c.price,
        seats: by_category.get(&c.category).copied().unwrap_or_default(),
    });
    (all, categories.collect())
}

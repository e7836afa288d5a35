//! What a show has sold, line by line: by hour, category, price type, channel and payment.

use crate::bookings::BookingView;
use crate::refunds;
use crate::show_seats::ShowSeats;
use lastseat_domain::event::{Event, PricedSeat, Tender};
use lastseat_domain::{CategoryId, ChannelId, PriceTypeId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The channel of the show's open sale.
pub const WEB: &str = "web";
/// Paid through the payment gateway, not at the till.
const GATEWAY: &str = "gateway";

/// What was sold and what was refunded of it, in minor units of the show's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesLine {
    /// Bookings that were paid.
    pub bookings: u64,
    /// Their seats.
    pub seats: u64,
    /// Taken, refunds not deducted.
    pub captured: i64,
    /// Bookings of these that were refunded.
    pub refunded_bookings: u64,
    /// Their seats.
    pub refunded_seats: u64,
    /// Returned.
    pub refunded: i64,
}

impl SalesLine {
    pub(crate) fn add(&mut self, other: &Self) {
        // An exchange takes away from one line and adds to another.
        self.bookings = self.bookings.wrapping_add(other.bookings);
        self.seats = self.seats.wrapping_add(other.seats);
        self.captured = self.captured.saturating_add(other.captured);
        self.refunded_bookings = self.refunded_bookings.saturating_add(other.refunded_bookings);
        self.refunded_seats = self.refunded_seats.saturating_add(other.refunded_seats);
        self.refunded = self.refunded.saturating_add(other.refunded);
    }

    /// What takes as much away, once it is added.
    fn negated(self) -> Self {
        Self {
            bookings: self.bookings.wrapping_neg(),
            seats: self.seats.wrapping_neg(),
            captured: self.captured.saturating_neg(),
            ..Self::default()
        }
    }
}

/// What was paid in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourOfSales {
    /// When it began. Refunds are counted in the hour of the payment.
    pub hour: Timestamp,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// The seats of a category that were paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOfCategory {
    pub category: CategoryId,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// The seats of a category that were paid at one of its prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOfPriceType {
    pub category: CategoryId,
    pub price_type: PriceTypeId,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What was sold through a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOfChannel {
    pub channel: ChannelId,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// What was paid in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOfPayment {
    /// `gateway`, or how it was paid at the till.
    pub payment: String,
    #[serde(flatten)]
    pub line: SalesLine,
}

/// The lines of a show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SalesBreakdown {
    /// Oldest first; without the hours in which nothing was paid.
    pub by_hour: Vec<HourOfSales>,
    pub by_category: Vec<SalesOfCategory>,
    /// Without the seats of categories with one price.
    pub by_price_type: Vec<SalesOfPriceType>,
    pub by_channel: Vec<SalesOfChannel>,
    pub by_payment: Vec<SalesOfPayment>,
}

/// What a line is about: its kind, and its name among these. Names are stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineKey {
    pub kind: &'static str,
    pub name: String,
}

const CATEGORY: &str = "category";
const CHANNEL: &str = "channel";
const HOUR: &str = "hour";
const PAYMENT: &str = "payment";
const PRICE_TYPE: &str = "price_type";

/// A booking that was paid or refunded, or moved to other seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sold {
    /// When it was paid.
    at: Timestamp,
    channel: Option<ChannelId>,
    tender: Option<Tender>,
    /// Sold, or given back; all that the booking has for a refund of an amount.
    seats: Vec<PricedSeat>,
    amount: i64,
    /// What was charged for the booking, and what its seats had cost without a discount.
    paid: (i64, i64),
    what: What,
}

/// What has become of the seats of a [`Sold`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Paid,
    /// The booking was refunded, all that was left of it.
    Refunded,
    /// Seats were given back, and the booking goes on.
    SeatsRefunded,
    /// Money was given back, and the booking keeps its seats.
    AmountRefunded,
    /// The booking has moved here from these.
    Moved(Vec<PricedSeat>),
}

impl Sold {
    /// What an event has made of its booking, if it was paid, refunded or moved by it. `before`: its seats before.
    pub fn of(view: &BookingView, event: &Event, before: &[PricedSeat]) -> Option<Self> {
        let (amount, seats, what) = match event {
            Event::PaymentCaptured(e) => (e.amount.value, &view.seats, What::Paid),
            Event::PaymentRefunded(e) => (e.amount.value, &view.seats, What::Refunded),
            Event::PaymentReturnedElsewhere(e) if e.refund.is_none() => (e.amount.value, &view.seats, What::Refunded),
            Event::BookingExchanged(_) => (0, &view.seats, What::Moved(before.to_vec())),
            _ => match refunds::made_by(&view.refunds, event)? {
                part if part.seats.is_empty() => (part.amount.value, &view.seats, What::AmountRefunded),
                part => (part.amount.value, &part.seats, What::SeatsRefunded),
            },
        };
        let (channel, seats) = (view.channel.clone(), seats.clone());
        let charged = view.amount.value;
        let paid = (charged, charged.saturating_add(view.discount).saturating_sub(view.fee));
        Some(Self { at: view.confirmed_at?, channel, tender: view.tender, seats, amount, paid, what })
    }

    /// What it adds to the lines of its show.
    pub fn lines(&self, show_seats: Option<&ShowSeats>) -> BTreeMap<LineKey, SalesLine> {
        let mut lines = BTreeMap::new();
        let of_seats = |seats: &[PricedSeat]| self.of_seats(seats, show_seats).into_iter();
        if let What::Moved(before) = &self.what {
            for (key, (seats, amount)) in of_seats(before) {
                let less = SalesLine { bookings: 1, seats, captured: amount, ..SalesLine::default() };
                lines.insert(key, less.negated());
            }
        } else {
            let whole = self.line(self.seats.len() as u64, self.amount);
            lines.insert(LineKey { kind: HOUR, name: hour_of(self.at) }, whole);
            let channel = self.channel.as_ref().map_or(WEB, ChannelId::as_str).to_owned();
            lines.insert(LineKey { kind: CHANNEL, name: channel }, whole);
            let payment = self.tender.map_or(GATEWAY, Tender::name).to_owned();
            lines.insert(LineKey { kind: PAYMENT, name: payment }, whole);
        }
        for (key, (seats, amount)) in of_seats(&self.seats) {
            lines.entry(key).or_default().add(&self.line(seats, amount));
        }
        lines
    }

    /// These seats by category and price type: how many, and what they cost.
    fn of_seats(&self, seats: &[PricedSeat], show_seats: Option<&ShowSeats>) -> BTreeMap<LineKey, (u64, i64)> {
        let category_of = |priced: &PricedSeat| {
            let show_seats = show_seats?;
            let area = show_seats.plan.seat(show_seats.plan.index_of(&priced.seat)?)?.area;
            Some(show_seats.plan.areas.get(area as usize)?.category.clone())
        };
        let mut found: BTreeMap<LineKey, (u64, i64)> = BTreeMap::new();
        for priced in seats {
            let Some(category) = category_of(priced) else { continue };
            let price_type = priced.price_type.as_ref().map(|price_type| format!("{category}/{price_type}"));
            let price_type = price_type.map(|name| LineKey { kind: PRICE_TYPE, name });
            for key in price_type.into_iter().chain([LineKey { kind: CATEGORY, name: category.to_string() }]) {
                let (seats, amount) = found.entry(key).or_default();
                *seats += 1;
                // Seats that are given away are no revenue.
                if self.tender != Some(Tender::Complimentary) {
                    *amount = amount.saturating_add(self.share_of(priced));
                }
            }
        }
        found
    }

    /// What of the amount is for a seat: its price and fee, or its part of a payment or refund that comes to less than those.
    /// No refund returns more for a seat than was paid for it.
    fn share_of(&self, priced: &PricedSeat) -> i64 {
        let all = self.seats.iter().map(worth).fold(0, i64::saturating_add);
        match self.what {
            What::Paid => part_of(self.amount, all, worth(priced)),
            What::Moved(_) => part_of(self.paid.0, self.paid.1, worth(priced)),
            What::Refunded | What::SeatsRefunded | What::AmountRefunded => {
                part_of(self.amount, all, worth(priced)).min(part_of(self.paid.0, self.paid.1, worth(priced)))
            }
        }
    }

    fn line(&self, seats: u64, amount: i64) -> SalesLine {
        match self.what {
            What::Paid | What::Moved(_) => SalesLine { bookings: 1, seats, captured: amount, ..SalesLine::default() },
            What::Refunded => SalesLine { refunded_bookings: 1, refunded_seats: seats, refunded: amount, ..SalesLine::default() },
            What::SeatsRefunded => SalesLine { refunded_seats: seats, refunded: amount, ..SalesLine::default() },
            What::AmountRefunded => SalesLine { refunded: amount, ..SalesLine::default() },
        }
    }
}

fn worth(priced: &PricedSeat) -> i64 {
    priced.price.saturating_add(priced.fee)
}

/// `own`, or as much of `amount` as it is of `all` if the amount is less than that.
fn part_of(amount: i64, all: i64, own: i64) -> i64 {
    if amount >= all {
        return own;
    }
    let part = i128::from(own).checked_mul(amount.into()).and_then(|n| n.checked_div(all.into()));
    part.and_then(|part| i64::try_from(part).ok()).unwrap_or_default()
}

/// The hour of a time in UTC, as RFC 3339 has it.
fn hour_of(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:00:00Z").to_string()
}

impl SalesBreakdown {
    /// Adds a stored line. Lines come sorted by kind and name. `None` if there is no such kind or name.
    pub(crate) fn add(&mut self, kind: &str, name: &str, line: SalesLine) -> Option<()> {
        match kind {
            HOUR => self.by_hour.push(HourOfSales { hour: name.parse().ok()?, line }),
            CHANNEL => self.by_channel.push(SalesOfChannel { channel: name.parse().ok()?, line }),
            PAYMENT => self.by_payment.push(SalesOfPayment { payment: name.to_owned(), line }),
            CATEGORY => self.by_category.push(SalesOfCategory { category: name.parse().ok()?, line }),
            PRICE_TYPE => {
                let (category, price_type) = name.split_once('/')?;
                let (category, price_type) = (category.parse().ok()?, price_type.parse().ok()?);
                self.by_price_type.push(SalesOfPriceType { category, price_type, line });
            }
            _ => return None,
        }
        Some(())
    }
}

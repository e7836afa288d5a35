//! The JSON that goes out.

use crate::app::App;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{AbortReason, PricedSeat};
use lastseat_domain::show::{SaleState, Show};
use lastseat_domain::{BookingId, Money, Rejection, ShowId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
pub struct Amount {
    /// Minor units, such as cents.
    #[schema(example = 4500)]
    pub value: i64,
    /// ISO 4217 code.
    #[schema(value_type = String, example = "EUR")]
    pub currency: lastseat_domain::Currency,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { value: money.value, currency: money.currency }
    }
}

/// A seat of a booking.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookedSeat<'a> {
    /// Its label, or `area:number` for a place of an unlabelled area.
    #[schema(example = "A-1")]
    pub seat: &'a str,
    /// Price in minor units, as it was when the hold began.
    #[schema(example = 4500)]
    pub price: i64,
}

/// What the buyer has to do for the payment to go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextAction {
    /// Always `redirect_to_url`.
    #[serde(rename = "type")]
    #[schema(example = "redirect_to_url")]
    pub kind: &'static str,
    /// Where to send the buyer. After that, pay again without a method.
    pub url: String,
}

/// How the payment of a booking went so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct Payment<'a> {
    /// Attempts to pay.
    pub attempts: usize,
    /// The gateway's code, if the last attempt was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "card_declined")]
    pub last_decline: Option<&'a str>,
    /// Nobody can tell what became of the payment; a person is looking at it.
    #[serde(skip_serializing_if = "is_false")]
    pub under_review: bool,
    /// An admin has asked for a refund, and the money is on its way back.
    #[serde(skip_serializing_if = "is_false")]
    pub refund_requested: bool,
}

/// A booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Booking)]
pub struct BookingJson<'a> {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: BookingId,
    /// Its show.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "demo")]
    pub show: Option<&'a ShowId>,
    /// One of `held`, `paying`, `action_required`, `confirmed`, `aborted`, `refunded`.
    #[schema(example = "held")]
    pub status: &'static str,
    /// Its seats.
    pub seats: Vec<BookedSeat<'a>>,
    /// Sum of their prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// When the hold ends unless paid or extended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Whether the one extension was used.
    pub extended: bool,
    /// Why it was aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "expired")]
    pub reason: Option<AbortReason>,
    /// How its payment went so far; absent before the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment<'a>>,
    /// What the buyer has to do for the payment to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// Seconds after which to look again, while the gateway has not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The booking's own token; only in the answer that opened it. Whoever has it may see, pay and
    /// cancel the booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl<'a> BookingJson<'a> {
    /// As everybody may see it who may see it.
    #[must_use]
    pub fn of(app: &App, booking: &'a Booking) -> Self {
        let reason = match booking.phase {
            Phase::Aborted { reason } => Some(reason),
            _ => None,
        };
        let next_action = match &booking.phase {
            Phase::ActionRequired { url } => Some(NextAction::redirect(app, url)),
            _ => None,
        };
        Self {
            id: booking.id,
            show: booking.show(),
            status: booking.status(),
            seats: booking.seats().iter().map(BookedSeat::of).collect(),
            amount: booking.amount().map(Amount::from),
            expires_at: booking.expires_at,
            extended: booking.extended,
            reason,
            payment: Payment::of(booking),
            next_action,
            retry_after: None,
            token: None,
        }
    }
}

impl<'a> BookedSeat<'a> {
    /// Of a booking's seat.
    #[must_use]
    pub fn of(seat: &'a PricedSeat) -> Self {
        Self { seat: seat.seat.as_str(), price: seat.price }
    }
}

impl<'a> Payment<'a> {
    fn of(booking: &'a Booking) -> Option<Self> {
        let last = booking.attempts.last()?;
        Some(Self {
            attempts: booking.attempts.len(),
            last_decline: last.declined.as_deref(),
            under_review: booking.flagged,
            refund_requested: matches!(booking.phase, Phase::Confirmed { refund_requested: true }),
        })
    }
}

impl NextAction {
    /// To another page.
    #[must_use]
    pub fn redirect(app: &App, url: &str) -> Self {
        Self { kind: "redirect_to_url", url: app.absolute(url) }
    }
}

/// A price category.
#[derive(Debug, ToSchema)]
pub struct Category {
    /// Its id.
    #[schema(example = "stalls")]
    pub category: String,
    /// Price of one seat in minor units.
    #[schema(example = 4500, minimum = 0)]
    pub price: i64,
}

/// A part of the plan: either rows of labelled seats, or a number of places without labels.
#[derive(Debug, ToSchema)]
pub struct Area {
    /// Its id.
    #[schema(example = "parquet")]
    pub area: String,
    /// Its price category.
    #[schema(example = "stalls")]
    pub category: String,
    /// Rows of labelled seats.
    pub rows: Option<Vec<Row>>,
    /// Places of an unlabelled area.
    #[schema(example = 1000)]
    pub capacity: Option<u32>,
}

/// A row: `A` of 40 seats has the seats `A-1` to `A-40`.
#[derive(Debug, ToSchema)]
pub struct Row {
    /// What stands before the dash of its seats' labels; unique in the show.
    #[schema(example = "A")]
    pub row: String,
    /// How many seats.
    #[schema(example = 40)]
    pub seats: u32,
    /// Numbers of the seats behind which an aisle parts the row.
    pub gaps_after: Option<Vec<u32>>,
}

/// A line of the reward table.
#[derive(Debug, ToSchema)]
pub struct Reward {
    /// What the voucher is good for.
    #[schema(example = "One drink")]
    pub reward: String,
    /// How often it is drawn, relative to the others.
    #[schema(example = 3, minimum = 1)]
    pub weight: u32,
}

/// A show.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Show)]
pub struct ShowJson<'a> {
    /// Its id.
    #[schema(value_type = String, example = "demo")]
    pub id: &'a ShowId,
    /// What people call it.
    #[schema(example = "Demo night")]
    pub title: &'a str,
    /// One of `on_sale`, `not_open`, `closed`, `paused`, `cancelled`.
    #[schema(example = "on_sale")]
    pub status: &'static str,
    /// ISO 4217 code of every price.
    #[schema(value_type = String, example = "EUR")]
    pub currency: lastseat_domain::Currency,
    /// Prices.
    #[schema(value_type = Vec<Category>)]
    pub categories: &'a [lastseat_domain::plan::Category],
    /// The plan.
    #[schema(value_type = Vec<Area>)]
    pub areas: &'a [lastseat_domain::plan::Area],
    /// Most seats in one booking.
    #[schema(example = 10)]
    pub max_seats_per_booking: u32,
    /// Most seats of one buyer; no limit if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seats_per_buyer: Option<u32>,
    /// Seconds that a hold lasts.
    #[schema(example = 600)]
    pub hold_seconds: u32,
    /// First moment of the sale; open from the start if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sale_opens_at: Option<Timestamp>,
    /// First moment after the sale; never ends if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sale_closes_at: Option<Timestamp>,
    /// What a booking of three or more seats may win.
    #[schema(value_type = Vec<Reward>)]
    pub rewards: &'a [lastseat_domain::event::Reward],
}

impl<'a> ShowJson<'a> {
    /// As everybody may see it at `now`.
    #[must_use]
    pub fn of(show: &'a Show, now: Timestamp) -> Self {
        let facts = &show.facts;
        Self {
            id: &facts.show,
            title: &facts.title,
            status: sale_status(show, now),
            currency: facts.currency,
            categories: &facts.categories,
            areas: &facts.areas,
            max_seats_per_booking: facts.max_seats_per_booking,
            max_seats_per_buyer: facts.max_seats_per_buyer,
            hold_seconds: facts.hold_seconds,
            sale_opens_at: facts.sale_opens_at,
            sale_closes_at: facts.sale_closes_at,
            rewards: &facts.rewards,
        }
    }
}

fn sale_status(show: &Show, now: Timestamp) -> &'static str {
    match (show.sale, show.check_on_sale(now)) {
        (SaleState::Paused, _) => "paused",
        (SaleState::Cancelled, _) => "cancelled",
        (SaleState::Selling, Err(Rejection::SaleNotOpen { .. })) => "not_open",
        (SaleState::Selling, Err(_)) => "closed",
        (SaleState::Selling, Ok(())) => "on_sale",
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub data: Vec<T>,
    /// Whether there are more: ask again with `starting_after` set to the id of the last one.
    pub has_more: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

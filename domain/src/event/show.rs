//! Events of a show's stream.

use super::loyalty::Reward;
use crate::Timestamp;
use crate::change::Change;
use crate::ids::ShowId;
use crate::money::Currency;
use crate::plan::{Area, Category, PlanOfShow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a show says to people. No rule of a sale depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowDetails {
    /// Where it takes place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// When it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// When the doors open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doors_at: Option<Timestamp>,
    /// IANA name of the venue's time zone, such as `Europe/Vienna`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// An `https` address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// The shop's own data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl ShowDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is added to the prices of a booking's seats, in minor units of the show's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// For each seat.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub per_seat: i64,
    /// Once for a booking.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub per_booking: i64,
}

impl Fees {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a pick of seats that leaves a single seat alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleSeats {
    /// It is held.
    #[default]
    Allow,
    /// It is refused if the buyer can avoid it: see [`crate::single_seats`].
    Refuse,
}

impl SingleSeats {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn are_allowed(&self) -> bool {
        *self == Self::Allow
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// A show goes on sale: its plan, prices and limits. [`ShowRevised`] may change them later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowScheduled {
    /// The show.
    pub show: ShowId,
    /// The name for people, 1 to 200 bytes.
    pub title: String,
    /// Where and when it is, for people.
    #[serde(default, skip_serializing_if = "ShowDetails::is_empty")]
    pub details: ShowDetails,
    /// Currency of every price.
    pub currency: Currency,
    /// Prices of the areas.
    pub categories: Vec<Category>,
    /// What is added to the prices.
    #[serde(default, skip_serializing_if = "Fees::is_empty")]
    pub fees: Fees,
    /// Labelled seats and areas that are sold by quantity; none if the show is on a drawn plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Area>,
    /// The drawn plan that it is on, in place of areas of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOfShow>,
    /// Most seats in one booking.
    pub max_seats_per_booking: u32,
    /// Most seats that one buyer may hold and have booked, together; no limit if absent. Each booking of a guest is
    /// another buyer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seats_per_buyer: Option<u32>,
    /// Whether guests may book in the open sale. At the till they always may.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub guests: bool,
    /// Whether guests have to solve a challenge before each hold, also while there is little to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest_challenge: bool,
    /// Whether a pick may leave a single seat alone.
    #[serde(default, skip_serializing_if = "SingleSeats::are_allowed")]
    pub single_seats: SingleSeats,
    /// Seconds that a hold lasts. It can be extended once, by as many seconds again.
    pub hold_seconds: u32,
    /// First moment of the sale; open at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_opens_at: Option<Timestamp>,
    /// First moment after the sale; the sale doesn't end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_closes_at: Option<Timestamp>,
    /// Whether the refund of a booking returns its voucher, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouchers_return: bool,
    /// What a booking of three or more seats may win. Without any, such bookings get no voucher.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewards: Vec<Reward>,
}

/// Members of a show are changed. Those that are absent stay as they are.
///
/// Prices and limits are those of new holds; a booking names the revision of the show that it was priced at. Seats
/// are only ever added, at the end of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowRevised {
    /// The show.
    pub show: ShowId,
    /// The name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// All that it says to people, changed or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ShowDetails>,
    /// All categories, changed or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<Category>>,
    /// What is added to the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees: Option<Fees>,
    /// What is added to the plan: whole areas, or rows and places of areas that there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Area>,
    /// Most seats in one booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seats_per_booking: Option<u32>,
    /// Most seats of one buyer; `null` for no limit.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub max_seats_per_buyer: Change<u32>,
    /// Whether guests may book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<bool>,
    /// Whether guests have to solve a challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_challenge: Option<bool>,
    /// Seconds that a hold lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u32>,
    /// First moment of the sale; `null` for open at once.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub sale_opens_at: Change<Timestamp>,
    /// First moment after the sale; `null` for no end.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub sale_closes_at: Change<Timestamp>,
}

impl ShowRevised {
    /// A revision that changes nothing.
    #[must_use]
    pub fn of(show: ShowId) -> Self {
        Self {
            show,
            title: None,
            details: None,
            categories: None,
            fees: None,
            added: vec![],
            max_seats_per_booking: None,
            max_seats_per_buyer: Change::Keep,
            guests: None,
            guest_challenge: None,
            hold_seconds: None,
            sale_opens_at: Change::Keep,
            sale_closes_at: Change::Keep,
        }
    }

    /// The show after it.
    #[must_use]
    pub fn applied_to(&self, before: &ShowScheduled) -> ShowScheduled {
        let mut after = before.clone();
        let Self { show: _, title, details, categories, fees, added, .. } = self.clone();
        after.title = title.unwrap_or(after.title);
        after.details = details.unwrap_or(after.details);
        after.categories = categories.unwrap_or(after.categories);
        after.fees = fees.unwrap_or(after.fees);
        after.areas.extend(added);
        after.max_seats_per_booking = self.max_seats_per_booking.unwrap_or(after.max_seats_per_booking);
        after.max_seats_per_buyer = self.max_seats_per_buyer.applied_to(after.max_seats_per_buyer);
        after.guests = self.guests.unwrap_or(after.guests);
        after.guest_challenge = self.guest_challenge.unwrap_or(after.guest_challenge);
        after.hold_seconds = self.hold_seconds.unwrap_or(after.hold_seconds);
        after.sale_opens_at = self.sale_opens_at.applied_to(after.sale_opens_at);
        after.sale_closes_at = self.sale_closes_at.applied_to(after.sale_closes_at);
        after
    }
}

/// No new holds until sales are resumed. Open bookings go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesPaused {
    /// The show.
    pub show: ShowId,
}

/// New holds are possible again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesResumed {
    /// The show.
    pub show: ShowId,
}

/// All bookings of the cancelled show are to be refunded, those included that are captured later. Each gets its own
/// request, which names this event as its cause, except those that were paid in cash or by invoice: staff return that money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowRefundsRequested {
    /// The show.
    pub show: ShowId,
    /// Subject of the token of the person who requested it.
    pub by: String,
}

/// The show won't take place. No new holds, and this is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowCancelled {
    /// The show.
    pub show: ShowId,
}

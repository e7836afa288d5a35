//! Events of a show's stream.

use super::loyalty::Reward;
use crate::Timestamp;
use crate::ids::ShowId;
use crate::money::Currency;
use crate::plan::{Area, Category};
use serde::{Deserialize, Serialize};

/// A show goes on sale: its plan, prices and limits. None of them changes later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowScheduled {
    /// The show.
    pub show: ShowId,
    /// The name for people, 1 to 200 bytes.
    pub title: String,
    /// Currency of every price.
    pub currency: Currency,
    /// Prices of the areas.
    pub categories: Vec<Category>,
    /// Labelled seats and areas that are sold by quantity.
    pub areas: Vec<Area>,
    /// Most seats in one booking.
    pub max_seats_per_booking: u32,
    /// Most seats that one buyer may hold and have booked, together; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seats_per_buyer: Option<u32>,
    /// Seconds that a hold lasts. It can be extended once, by as many seconds again.
    pub hold_seconds: u32,
    /// First moment of the sale; open at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_opens_at: Option<Timestamp>,
    /// First moment after the sale; the sale doesn't end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_closes_at: Option<Timestamp>,
    /// What a booking of three or more seats may win. Without any, such bookings get no voucher.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewards: Vec<Reward>,
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

/// The show won't take place. No new holds, and this is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowCancelled {
    /// The show.
    pub show: ShowId,
}

//! A show in a request and in an answer.

use super::voucher::{Discount, NewDiscount};
use super::{PlanOfShow, names};
use lastseat_domain::picture::PictureFacts;
use lastseat_domain::show::{SaleState, Show};
use lastseat_domain::{AreaId, CategoryId, Currency, PriceTypeId, Rejection, ShowId, Timestamp, event, plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A price category.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Category {
    #[schema(value_type = String, example = "stalls", min_length = 1)]
    pub category: CategoryId,
    /// Price of one seat in minor units; with price types, that of the first.
    #[schema(example = 4500, minimum = 0)]
    pub price: i64,
    /// Its prices, if it has several: a hold chooses one for each seat.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub price_types: Vec<PriceType>,
}

/// A price category of a new show: with one price, or with price types.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    #[schema(value_type = String, example = "stalls", min_length = 1)]
    category: CategoryId,
    /// Price of one seat in minor units. Leave it out with `price_types`.
    #[schema(example = 4500, minimum = 0)]
    price: Option<i64>,
    /// Its prices, if it has several. A hold that chooses none gets the first.
    #[serde(default)]
    #[schema(example = json!([{"price_type": "adult", "price": 4500}, {"price_type": "child", "price": 1500}]))]
    price_types: Vec<PriceType>,
}

/// One of several prices of a category.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceType {
    /// Unique in the category.
    #[schema(value_type = String, example = "child", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    pub price_type: PriceTypeId,
    /// Price of one seat in minor units.
    #[schema(example = 1500, minimum = 0)]
    pub price: i64,
}

/// What is added to the prices of a booking's seats, in minor units.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// For each seat.
    #[serde(default)]
    #[schema(example = 150, minimum = 0)]
    pub per_seat: i64,
    /// Once for a booking.
    #[serde(default)]
    #[schema(example = 200, minimum = 0)]
    pub per_booking: i64,
}

/// A part of the plan: either rows of labelled seats, or a number of places without labels.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Area {
    #[schema(value_type = String, example = "parquet", min_length = 1)]
    pub area: AreaId,
    /// Its price category.
    #[schema(value_type = String, example = "stalls", min_length = 1)]
    pub category: CategoryId,
    /// Rows of labelled seats. Leave it out for an area without labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Whether other areas may have rows of the same names: the ids of its seats then begin with the area, `balcony.A-1`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    pub own_rows: bool,
    /// Number of places without labels. Leave it out for an area with rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub capacity: Option<u32>,
}

/// A row: `A` of 40 seats has the seats `A-1` to `A-40`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The part of its seats' ids before the dash; unique in the show, or in an area with `own_rows`.
    #[schema(example = "A", min_length = 1, max_length = 16, pattern = "^[A-Za-z0-9_]+$")]
    pub row: String,
    /// Number of seats.
    #[schema(example = 40, minimum = 1)]
    pub seats: u32,
    /// Numbers of the seats that an aisle follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!([20]))]
    pub gaps_after: Vec<u32>,
}

/// What becomes of a hold of named seats that leaves a single seat alone.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SingleSeats {
    /// The seats are held.
    #[default]
    Allow,
    /// It is refused if other seats of the same part of the row would leave none.
    Refuse,
}

impl From<SingleSeats> for event::SingleSeats {
    fn from(json: SingleSeats) -> Self {
        match json {
            SingleSeats::Allow => Self::Allow,
            SingleSeats::Refuse => Self::Refuse,
        }
    }
}

impl From<event::SingleSeats> for SingleSeats {
    fn from(rule: event::SingleSeats) -> Self {
        match rule {
            event::SingleSeats::Allow => Self::Allow,
            event::SingleSeats::Refuse => Self::Refuse,
        }
    }
}

/// A line of a new show's reward table.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReward {
    /// What the voucher is good for.
    #[schema(example = "One drink", min_length = 1, max_length = 200)]
    reward: String,
    /// How often it is drawn, relative to the others.
    #[schema(example = 3, minimum = 1)]
    weight: u32,
    /// What its code is worth; leave it out for a voucher without a code. An `amount` is in the show's currency.
    discount: Option<NewDiscount>,
}

impl From<NewReward> for event::Reward {
    fn from(json: NewReward) -> Self {
        Self { reward: json.reward, weight: json.weight, discount: json.discount.map(Into::into) }
    }
}

/// A line of the reward table.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reward {
    /// What the voucher is good for.
    #[schema(example = "One drink", min_length = 1, max_length = 200)]
    pub reward: String,
    /// How often it is drawn, relative to the others.
    #[schema(example = 3, minimum = 1)]
    pub weight: u32,
    /// What its code is worth; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

impl From<&event::Reward> for Reward {
    fn from(line: &event::Reward) -> Self {
        Self { reward: line.reward.clone(), weight: line.weight, discount: line.discount.as_ref().and_then(Discount::of) }
    }
}

/// Conversion of a type of the domain to its JSON and back.
macro_rules! both_ways {
    ($json:ty = $domain:ty { $($field:ident),* }) => {
        impl From<$json> for $domain {
            fn from(json: $json) -> Self {
                Self { $($field: json.$field.into()),* }
            }
        }

        impl From<&$domain> for $json {
            fn from(domain: &$domain) -> Self {
                Self { $($field: domain.$field.clone().into()),* }
            }
        }
    };
}

both_ways!(Row = plan::Row { row, seats, gaps_after });

both_ways!(PriceType = plan::PriceType { price_type, price });
both_ways!(Fees = event::Fees { per_seat, per_booking });

impl TryFrom<NewCategory> for plan::Category {
    type Error = Rejection;

    /// # Errors
    /// `InvalidShow` if it has no price.
    fn try_from(json: NewCategory) -> Result<Self, Rejection> {
        let NewCategory { category, price, price_types } = json;
        let Some(price) = price.or(price_types.first().map(|first| first.price)) else {
            let why = format!("category `{category}` needs either a price or price types");
            return Err(Rejection::InvalidShow { field: "categories", why });
        };
        Ok(Self { category, price, price_types: price_types.into_iter().map(Into::into).collect() })
    }
}

impl From<&plan::Category> for Category {
    fn from(category: &plan::Category) -> Self {
        let price_types = category.price_types.iter().map(Into::into).collect();
        Self { category: category.category.clone(), price: category.price, price_types }
    }
}

impl From<Area> for plan::Area {
    fn from(json: Area) -> Self {
        let rows = json.rows.into_iter().map(Into::into).collect();
        Self { area: json.area, category: json.category, rows, own_rows: json.own_rows, capacity: json.capacity }
    }
}

impl From<&plan::Area> for Area {
    fn from(area: &plan::Area) -> Self {
        let rows = area.rows.iter().map(Into::into).collect();
        Self { area: area.area.clone(), category: area.category.clone(), rows, own_rows: area.own_rows, capacity: area.capacity }
    }
}

/// A show's own picture.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Picture)]
pub struct PictureJson {
    /// Its address on this server. Another picture has another one, so what is there may be kept for ever.
    #[schema(example = "/v1/shows/demo/picture?v=2c26b46b68ffc68f")]
    pub url: String,
    /// What it is.
    #[schema(example = "image/webp")]
    pub media_type: &'static str,
    /// Pixels.
    #[schema(example = 1600, minimum = 1, maximum = 4096)]
    pub width: u32,
    /// Pixels.
    #[schema(example = 900, minimum = 1, maximum = 4096)]
    pub height: u32,
    /// What is to be seen on it, for those who don't see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub alt: Option<String>,
}

impl PictureJson {
    fn of(show: &ShowId, facts: PictureFacts) -> Self {
        let url = format!("/v1/shows/{show}/picture?v={}", Self::version(&facts));
        Self { url, media_type: facts.media_type.name(), width: facts.width, height: facts.height, alt: facts.alt }
    }

    /// What names the picture in its address.
    #[must_use]
    pub fn version(facts: &PictureFacts) -> &str {
        facts.sha256.get(..16).unwrap_or_default()
    }
}

/// The bytes of a picture, in the API's description.
pub struct PictureFile;

impl PartialSchema for PictureFile {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).description(Some("The file.")).into()
    }
}

impl ToSchema for PictureFile {}

/// A show.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Show)]
pub struct ShowJson<'a> {
    /// Its id.
    #[schema(value_type = String, example = "demo")]
    pub id: &'a ShowId,
    /// Changes with every change of the show: bookings name the one that they were priced at.
    #[schema(example = 0)]
    pub revision: u64,
    /// The name that buyers see.
    #[schema(example = "Demo night")]
    pub title: &'a str,
    /// Whether it is on sale.
    #[schema(value_type = names::ShowStatus, example = "on_sale")]
    pub status: &'static str,
    /// Where it takes place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Royal Albert Hall")]
    pub venue: Option<&'a str>,
    /// When it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When the doors open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub doors_at: Option<Timestamp>,
    /// IANA name of the venue's time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/London")]
    pub timezone: Option<&'a str>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    /// An `https` address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<&'a str>,
    /// Its own picture; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureJson>,
    /// The shop's own names and values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub metadata: &'a BTreeMap<String, String>,
    /// ISO 4217 code of every price.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Prices.
    pub categories: Vec<Category>,
    /// What is added to the prices; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<Fees>,
    /// The plan. Of a drawn plan, the areas without their rows.
    pub areas: Vec<Area>,
    /// The drawn plan that it is on, if it is on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOfShow>,
    /// Maximum seats in one booking.
    #[schema(example = 10)]
    pub max_seats_per_booking: u32,
    /// Maximum seats of one buyer; no limit if absent. Each booking of a guest counts as another buyer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seats_per_buyer: Option<u32>,
    /// Whether guests may book in the open sale.
    pub guests: bool,
    /// Whether guests have to solve a challenge before each hold.
    pub guest_challenge: bool,
    /// Whether a hold of named seats may leave a single seat alone.
    pub single_seats: SingleSeats,
    /// Whether the refund of a booking returns its voucher, too; absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub vouchers_return: bool,
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
    pub rewards: Vec<Reward>,
}

impl<'a> ShowJson<'a> {
    #[must_use]
    pub fn of(show: &'a Show, picture: Option<PictureFacts>, now: Timestamp) -> Self {
        let facts = &show.facts;
        let details = &facts.details;
        Self {
            id: &facts.show,
            revision: show.revision,
            title: &facts.title,
            status: sale_status(show, now),
            venue: details.venue.as_deref(),
            starts_at: details.starts_at,
            doors_at: details.doors_at,
            timezone: details.timezone.as_deref(),
            description: details.description.as_deref(),
            image_url: details.image_url.as_deref(),
            picture: picture.map(|picture| PictureJson::of(&facts.show, picture)),
            metadata: &details.metadata,
            currency: facts.currency,
            categories: facts.categories.iter().map(Into::into).collect(),
            fees: (facts.fees != event::Fees::default()).then(|| (&facts.fees).into()),
            areas: areas_of(show),
            plan: facts.plan.as_ref().map(Into::into),
            max_seats_per_booking: facts.max_seats_per_booking,
            max_seats_per_buyer: facts.max_seats_per_buyer,
            guests: facts.guests,
            guest_challenge: facts.guest_challenge,
            single_seats: facts.single_seats.into(),
            vouchers_return: facts.vouchers_return,
            hold_seconds: facts.hold_seconds,
            sale_opens_at: facts.sale_opens_at,
            sale_closes_at: facts.sale_closes_at,
            rewards: facts.rewards.iter().map(Into::into).collect(),
        }
    }
}

fn areas_of(show: &Show) -> Vec<Area> {
    if show.facts.plan.is_none() {
        return plan::merged(&show.facts.areas).iter().map(Into::into).collect();
    }
    let areas = show.plan.areas.iter().map(|area| Area {
        area: area.area.clone(),
        category: area.category.clone(),
        rows: vec![],
        own_rows: false,
        capacity: (!area.labelled).then_some(area.capacity),
    });
    areas.collect()
}

/// Every status that a show can have.
pub const STATUSES: [&str; 5] = ["on_sale", "not_open", "closed", "paused", "cancelled"];

/// The show's status at `now`.
#[must_use]
pub fn sale_status(show: &Show, now: Timestamp) -> &'static str {
    match (show.sale, show.check_on_sale(now)) {
        (SaleState::Paused, _) => "paused",
        (SaleState::Cancelled, _) => "cancelled",
        (SaleState::Selling, Err(Rejection::SaleNotOpen { .. })) => "not_open",
        (SaleState::Selling, Err(_)) => "closed",
        (SaleState::Selling, Ok(())) => "on_sale",
    }
}

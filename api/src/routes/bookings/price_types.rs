//! How a hold says which price each seat has: a type for each named seat, or a number of each type.

use super::shown_text::shortened;
use crate::problem::{Code, Problem};
use lastseat_domain::{PriceTypeId, SeatId};
use lastseat_engine::PriceTypeChoice;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use utoipa::ToSchema;

/// A seat by its label, alone or with a price type.
// Only described: a request is parsed as `AskedSeat`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only described, never built")]
pub enum SeatOfHold {
    #[schema(title = "Label")]
    Label(String),
    #[schema(title = "Label with a price type")]
    WithPriceType(SeatWithPriceType),
}

/// A seat by its label, at the price of a type of its category.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a seat's label, or an object with `seat` and `price_type`")]
pub struct SeatWithPriceType {
    /// Its label.
    #[schema(example = "A-1")]
    seat: String,
    /// One of the price types of its category; the first if absent.
    #[schema(example = "child")]
    price_type: Option<String>,
}

/// As it was asked for.
#[derive(Debug)]
pub(super) struct AskedSeat {
    pub seat: String,
    price_type: Option<String>,
}

impl AskedSeat {
    /// Its price type, if one is named. `seat`: its label, read.
    ///
    /// # Errors
    /// 422 for a text that no price type has.
    pub(super) fn price_type_of(&self, seat: &SeatId) -> Result<Option<PriceTypeId>, Problem> {
        self.price_type.as_deref().map(|name| price_type(name, seat.as_str())).transpose()
    }
}

impl<'de> Deserialize<'de> for AskedSeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = AskedSeat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a seat's label, or an object with `seat` and `price_type`")
            }

            fn visit_str<E: Error>(self, seat: &str) -> Result<AskedSeat, E> {
                Ok(AskedSeat { seat: seat.to_owned(), price_type: None })
            }

            fn visit_string<E: Error>(self, seat: String) -> Result<AskedSeat, E> {
                Ok(AskedSeat { seat, price_type: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AskedSeat, A::Error> {
                let SeatWithPriceType { seat, price_type } = Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(AskedSeat { seat, price_type })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// The price types of named seats. `seats`: of the same seats, in their order.
///
/// # Errors
/// 422 for a text that no price type has.
pub(super) fn of_seats(asked: &[AskedSeat], seats: &[SeatId]) -> Result<PriceTypeChoice, Problem> {
    let chosen = asked.iter().zip(seats).filter_map(|(asked, seat)| Some((seat, asked.price_type.as_deref()?)));
    let chosen: Vec<_> =
        chosen.map(|(seat, name)| Ok((seat.clone(), price_type(name, seat.as_str())?))).collect::<Result<_, Problem>>()?;
    Ok(if chosen.is_empty() { PriceTypeChoice::First } else { PriceTypeChoice::BySeat(chosen) })
}

/// Numbers of seats by price type, each type once.
#[derive(Debug)]
pub(super) struct Counts(Vec<(String, u32)>);

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Counts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a number of seats for each price type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts, A::Error> {
                let mut counts: Vec<(String, u32)> = Vec::new();
                while let Some((name, count)) = map.next_entry::<String, u32>()? {
                    if counts.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("`{}` appears twice", shortened(&name))));
                    }
                    counts.push((name, count));
                }
                Ok(Counts(counts))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The price types of so many seats of an area or category. `field`: the member's place in the request.
///
/// # Errors
/// 422 if they don't add up to `quantity`, or for a text that no price type has.
pub(super) fn of_quantity(counts: Option<Counts>, quantity: u32, of: &str, field: &str) -> Result<PriceTypeChoice, Problem> {
    let Some(Counts(counts)) = counts else { return Ok(PriceTypeChoice::First) };
    let sum: u64 = counts.iter().map(|(_, count)| u64::from(*count)).sum();
    if sum != u64::from(quantity) {
        let detail =
            format!("`price_types` has {sum} seats, and `quantity` is {quantity}. Make them equal, or leave `price_types` out.");
        return Err(Problem::new(Code::InvalidRequest, detail).fact("field", field));
    }
    let chosen = counts.iter().map(|(name, count)| Ok((price_type(name, of)?, *count)));
    Ok(PriceTypeChoice::Counts(chosen.collect::<Result<_, Problem>>()?))
}

fn price_type(name: &str, of: &str) -> Result<PriceTypeId, Problem> {
    PriceTypeId::new(name).map_err(|_| {
        let name = shortened(name);
        let detail = format!("`{of}` has no price type `{name}`. GET /v1/shows/… lists them.");
        Problem::new(Code::UnknownPriceType, detail).fact("of", of).fact("price_type", name)
    })
}

//! The body of a hold: which seats, in one of three ways, at which prices, for whom, and from where.

use crate::body::wrong_quantity;
use crate::problem::{Code, Problem};
use crate::routes::bookings::block_access::Shown;
use crate::routes::bookings::price_types::{self, AskedSeat, Counts, SeatOfHold};
use crate::routes::bookings::shop_data;
use crate::routes::bookings::shown_text::shortened;
use lastseat_domain::event::ShopData;
use lastseat_domain::{AreaId, CategoryId, Rejection, SeatId};
use lastseat_engine::{PriceTypeChoice, SeatSelection};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Which seats, in exactly one of three ways.
// Only described: a request is parsed as `HoldBody`, which can say what is wrong with it.
#[derive(ToSchema)]
#[schema(as = HoldBody, title = "HoldBody")]
#[serde(untagged)]
#[allow(dead_code, reason = "only described, never built")]
pub enum HoldBodySchema {
    #[schema(title = "Named seats")]
    Seats(HoldSeats),
    #[schema(title = "Places of an area")]
    Area(HoldArea),
    #[schema(title = "Best available")]
    BestAvailable(HoldBestAvailable),
}

/// Seats by their labels.
#[derive(ToSchema)]
#[schema(example = json!({"seats": ["A-1", "A-2"]}))]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct HoldSeats {
    /// Labels of seats, each alone or with a price type: you get all of them or none.
    #[schema(example = json!(["A-1", {"seat": "A-2", "price_type": "child"}]), min_items = 1)]
    seats: Vec<SeatOfHold>,
    /// Whose booking it is: the `sub` of their token. Only for staff; the channel is then `till`. Without it, a hold at the
    /// till is a guest's.
    #[schema(example = "anna", min_length = 1, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    buyer: Option<String>,
    /// Where it is sold. `till` is for staff.
    #[schema(example = "sponsor", nullable = false)]
    channel: Option<String>,
    /// Opens the blocks of seats that have this code.
    #[schema(example = "sesame-2027", min_length = 8, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    access_code: Option<String>,
    /// The code of a voucher that opens blocks. It is applied to the booking, which keeps it until it ends.
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E", min_length = 1, max_length = 128, nullable = false)]
    voucher: Option<String>,
    /// The shop's own number of this sale, to find the booking by. It stays in the log for ever: no personal data.
    #[schema(example = "order-4711", min_length = 1, max_length = 100, nullable = false)]
    reference: Option<String>,
    /// More to find it by, at most 1,024 bytes in all. It stays in the log for ever: no personal data.
    #[schema(example = json!({"campaign": "spring"}), nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
}

/// Any places of an unlabelled area.
#[derive(ToSchema)]
#[schema(example = json!({"area": "floor", "quantity": 2}))]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct HoldArea {
    #[schema(example = "floor")]
    area: String,
    /// Number of places.
    #[schema(minimum = 1, example = 2)]
    quantity: u32,
    /// How many of them have which price type; together `quantity`. All have the first if absent.
    #[schema(value_type = Option<std::collections::BTreeMap<String, u32>>, example = json!({"adult": 1, "child": 1}), nullable = false)]
    price_types: Option<Counts>,
    /// Whose booking it is: the `sub` of their token. Only for staff; the channel is then `till`. Without it, a hold at the
    /// till is a guest's.
    #[schema(example = "anna", min_length = 1, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    buyer: Option<String>,
    /// Where it is sold. `till` is for staff.
    #[schema(example = "sponsor", nullable = false)]
    channel: Option<String>,
    /// Opens the blocks of seats that have this code.
    #[schema(example = "sesame-2027", min_length = 8, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    access_code: Option<String>,
    /// The code of a voucher that opens blocks. It is applied to the booking, which keeps it until it ends.
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E", min_length = 1, max_length = 128, nullable = false)]
    voucher: Option<String>,
    /// The shop's own number of this sale, to find the booking by. It stays in the log for ever: no personal data.
    #[schema(example = "order-4711", min_length = 1, max_length = 100, nullable = false)]
    reference: Option<String>,
    /// More to find it by, at most 1,024 bytes in all. It stays in the log for ever: no personal data.
    #[schema(example = json!({"campaign": "spring"}), nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
}

/// The best seats that are free side by side.
#[derive(ToSchema)]
#[schema(example = json!({"best_available": {"quantity": 2, "category": "stalls"}}))]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct HoldBestAvailable {
    best_available: BestAvailable,
    /// Whose booking it is: the `sub` of their token. Only for staff; the channel is then `till`. Without it, a hold at the
    /// till is a guest's.
    #[schema(example = "anna", min_length = 1, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    buyer: Option<String>,
    /// Where it is sold. `till` is for staff.
    #[schema(example = "sponsor", nullable = false)]
    channel: Option<String>,
    /// Opens the blocks of seats that have this code.
    #[schema(example = "sesame-2027", min_length = 8, max_length = 128, pattern = "^[!-~]+$", nullable = false)]
    access_code: Option<String>,
    /// The code of a voucher that opens blocks. It is applied to the booking, which keeps it until it ends.
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E", min_length = 1, max_length = 128, nullable = false)]
    voucher: Option<String>,
    /// The shop's own number of this sale, to find the booking by. It stays in the log for ever: no personal data.
    #[schema(example = "order-4711", min_length = 1, max_length = 100, nullable = false)]
    reference: Option<String>,
    /// More to find it by, at most 1,024 bytes in all. It stays in the log for ever: no personal data.
    #[schema(example = json!({"campaign": "spring"}), nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
}

/// All members of the three ways; [`HoldBody::into_selection`] checks that exactly one is used.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct HoldBody {
    pub(super) seats: Option<Vec<AskedSeat>>,
    pub(super) area: Option<String>,
    pub(super) quantity: Option<u32>,
    pub(super) price_types: Option<Counts>,
    pub(super) best_available: Option<BestAvailable>,
    pub(super) buyer: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) access_code: Option<String>,
    pub(super) voucher: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

/// The best seats side by side in a category.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct BestAvailable {
    /// Number of seats.
    #[schema(minimum = 1)]
    quantity: u32,
    /// The price category.
    #[schema(example = "stalls")]
    category: String,
    /// How many of them have which price type; together `quantity`. All have the first if absent.
    #[schema(value_type = Option<std::collections::BTreeMap<String, u32>>, example = json!({"adult": 1, "child": 1}), nullable = false)]
    price_types: Option<Counts>,
}

impl HoldBody {
    /// Takes what it shows to buy from blocks.
    pub(super) fn take_shown(&mut self) -> Shown {
        Shown { channel: self.channel.take(), access_code: self.access_code.take() }
    }

    /// Takes what the shop wants to find the booking by.
    pub(super) fn take_shop(&mut self) -> Result<ShopData, Problem> {
        shop_data::read(self.reference.take(), self.metadata.take())
    }

    /// Whether it shows anything, or is for another buyer.
    pub(super) fn shows_access(&self) -> bool {
        self.channel.is_some() || self.access_code.is_some() || self.voucher.is_some() || self.buyer.is_some()
    }

    /// The seats, and which of its category's prices each has.
    pub(super) fn into_selection(self, max: impl FnOnce() -> u32) -> Result<(SeatSelection, PriceTypeChoice), Problem> {
        let counts = self.price_types;
        match (self.seats, self.area, self.quantity, self.best_available) {
            (Some(seats), None, None, None) if seats.is_empty() => Err(wrong_quantity(max()).fact("field", "seats")),
            (Some(asked), None, None, None) if counts.is_none() => {
                let seats: Vec<SeatId> = asked.iter().map(|asked| seat_id(&asked.seat)).collect::<Result<_, _>>()?;
                let price_types = price_types::of_seats(&asked, &seats)?;
                Ok((SeatSelection::Seats(seats), price_types))
            }
            (None, Some(area), Some(quantity), None) => {
                let area = area_id(&area)?;
                let price_types = price_types::of_quantity(counts, quantity, area.as_str(), "price_types")?;
                Ok((SeatSelection::Any { area, quantity }, price_types))
            }
            (None, None, None, Some(BestAvailable { quantity, category, price_types: own })) if counts.is_none() => {
                let category = category_id(&category)?;
                let price_types = price_types::of_quantity(own, quantity, category.as_str(), "best_available.price_types")?;
                Ok((SeatSelection::BestAvailable { category, quantity }, price_types))
            }
            (None, Some(_), None, None) => Err(wrong_quantity(max()).fact("field", "quantity")),
            _ => Err(Problem::new(
                Code::InvalidRequest,
                "Say which seats in exactly one way: `seats`, or `area` with `quantity`, or `best_available`.",
            )),
        }
    }
}

/// A text that can't be a seat's label is an unknown seat. The problem repeats the text, shortened.
pub fn seat_id(text: &str) -> Result<SeatId, Problem> {
    SeatId::new(text).map_err(|_| Rejection::UnknownSeat { seat: shortened(text) }.into())
}

pub fn area_id(text: &str) -> Result<AreaId, Problem> {
    AreaId::new(text).map_err(|_| {
        let area = shortened(text);
        Problem::new(Code::UnknownArea, format!("The show has no area `{area}`. Its seats answer lists the areas."))
            .fact("area", area)
    })
}

fn category_id(text: &str) -> Result<CategoryId, Problem> {
    CategoryId::new(text).map_err(|_| {
        let category = shortened(text);
        Problem::new(Code::UnknownCategory, format!("The show has no labelled seats of category `{category}`."))
            .fact("category", category)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::PriceTypeId;

    fn read(body: &str) -> Result<(SeatSelection, PriceTypeChoice), Problem> {
        serde_json::from_str::<HoldBody>(body).unwrap().into_selection(|| 10)
    }

    fn selection(body: &str) -> Result<SeatSelection, Problem> {
        read(body).map(|(selection, price_types)| {
            assert_eq!(price_types, PriceTypeChoice::First, "{body}");
            selection
        })
    }

    fn refused(body: &str) -> &'static str {
        read(body).expect_err(body).code().text()
    }

    #[test]
    fn seats_can_be_selected_in_three_ways() {
        let seats = vec![SeatId::new("A-1").unwrap(), SeatId::new("A-2").unwrap()];
        assert_eq!(selection(r#"{"seats":["A-1","A-2"]}"#).unwrap(), SeatSelection::Seats(seats));
        let area = AreaId::new("floor").unwrap();
        assert_eq!(selection(r#"{"area":"floor","quantity":2}"#).unwrap(), SeatSelection::Any { area, quantity: 2 });
        let category = CategoryId::new("stalls").unwrap();
        let best = r#"{"best_available":{"quantity":3,"category":"stalls"}}"#;
        assert_eq!(selection(best).unwrap(), SeatSelection::BestAvailable { category, quantity: 3 });
    }

    #[test]
    fn a_price_type_can_be_chosen_for_each_seat_or_counted() {
        let price_type = |name: &str| PriceTypeId::new(name).unwrap();
        let seats = vec![SeatId::new("A-1").unwrap(), SeatId::new("A-2").unwrap()];
        let child = PriceTypeChoice::BySeat(vec![(seats[1].clone(), price_type("child"))]);
        for body in [
            r#"{"seats":["A-1",{"seat":"A-2","price_type":"child"}]}"#,
            r#"{"seats":[{"seat":"A-1"},{"price_type":"child","seat":"A-2"}]}"#,
            r#"{"seats":[{"seat":"A-1","price_type":null},{"seat":"A-2","price_type":"child"}]}"#,
        ] {
            assert_eq!(read(body).unwrap(), (SeatSelection::Seats(seats.clone()), child.clone()), "{body}");
        }
        assert!(matches!(selection(r#"{"seats":[{"seat":"A-1"}]}"#), Ok(SeatSelection::Seats(_))));
        let counts = PriceTypeChoice::Counts(vec![(price_type("adult"), 2), (price_type("child"), 1)]);
        assert_eq!(read(r#"{"area":"floor","quantity":3,"price_types":{"adult":2,"child":1}}"#).unwrap().1, counts);
        let best = r#"{"best_available":{"quantity":3,"category":"stalls","price_types":{"adult":2,"child":1}}}"#;
        assert_eq!(read(best).unwrap().1, counts);
    }

    #[test]
    fn counts_of_price_types_add_up_and_belong_to_a_quantity() {
        for body in [
            r#"{"area":"floor","quantity":3,"price_types":{"adult":2}}"#,
            r#"{"area":"floor","quantity":3,"price_types":{}}"#,
            r#"{"area":"floor","quantity":3,"price_types":{"adult":4294967295,"child":4294967295}}"#,
            r#"{"best_available":{"quantity":1,"category":"stalls","price_types":{"adult":2}}}"#,
            r#"{"best_available":{"quantity":1,"category":"stalls"},"price_types":{"adult":1}}"#,
            r#"{"seats":["A-1"],"price_types":{"adult":1}}"#,
        ] {
            assert_eq!(refused(body), "invalid_request", "{body}");
        }
        for body in [
            r#"{"seats":[{"seat":"A-1","price_type":"Child"}]}"#,
            r#"{"seats":[{"seat":"A-1","price_type":""}]}"#,
            r#"{"area":"floor","quantity":1,"price_types":{"ad ult":1}}"#,
        ] {
            assert_eq!(refused(body), "unknown_price_type", "{body}");
        }
        for body in [
            r#"{"area":"floor","quantity":2,"price_types":{"adult":1,"adult":1}}"#,
            r#"{"area":"floor","quantity":2,"price_types":{"adult":-1}}"#,
            r#"{"area":"floor","quantity":2,"price_types":["adult"]}"#,
            r#"{"seats":[{"price_type":"child"}]}"#,
            r#"{"seats":[["A-1"]]}"#,
            r#"{"seats":[{"seat":"A-1","seat":"A-2"}]}"#,
            r#"{"seats":[{"seat":"A-1","price":1}]}"#,
        ] {
            assert!(serde_json::from_str::<HoldBody>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn exactly_one_way_of_selecting_is_accepted() {
        for body in [
            "{}",
            r#"{"quantity":2}"#,
            r#"{"seats":["A-1"],"quantity":1}"#,
            r#"{"seats":["A-1"],"area":"floor","quantity":1}"#,
            r#"{"seats":["A-1"],"best_available":{"quantity":3,"category":"stalls"}}"#,
        ] {
            assert_eq!(refused(body), "invalid_request", "{body}");
        }
        assert_eq!(refused(r#"{"seats":[]}"#), "invalid_quantity");
        assert_eq!(refused(r#"{"area":"floor"}"#), "invalid_quantity");
    }

    #[test]
    fn a_body_that_is_not_an_object_is_refused_in_terms_of_json() {
        for body in ["[]", "null", "7", r#"{"best_available":[]}"#] {
            let why = serde_json::from_str::<HoldBody>(body).expect_err(body).to_string();
            assert!(why.contains("expected an object") && !why.contains("struct"), "{why}");
        }
    }

    #[test]
    fn malformed_names_are_unknown_seats_areas_and_categories() {
        for seat in ["", " ", "A 1", "\u{202e}A-1", "A-\u{661}", "\u{ff21}-1", "A-1\u{0}", "../../x", &"x".repeat(81)] {
            let body = serde_json::json!({"seats": [seat]}).to_string();
            assert_eq!(refused(&body), "unknown_seat", "{seat:?}");
        }
        assert_eq!(refused(r#"{"area":"Fl\u00f6r","quantity":1}"#), "unknown_area");
        assert_eq!(refused(r#"{"best_available":{"quantity":1,"category":""}}"#), "unknown_category");
        assert_eq!(shortened("\u{202e}x"), "\\u{202e}x");
    }
}

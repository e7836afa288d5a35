//! What a batch asks for. A batch that can't be read is refused as a whole, a hold that can't be read on
//! its own.

use crate::body;
use crate::idempotency::is_key;
use crate::problem::{Code, Problem};
use crate::routes::bookings::buyer::account;
use crate::routes::bookings::hold_body::{BestAvailable, HoldBody};
use crate::routes::bookings::price_types::{AskedSeat, Counts, SeatOfHold};
use crate::routes::bookings::shop_data;
use lastseat_domain::BuyerId;
use lastseat_domain::event::ShopData;
use lastseat_engine::{PriceTypeChoice, SeatSelection};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most holds of a batch.
const MOST: usize = 1000;

/// The holds, each as it was sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct BatchBody {
    holds: Vec<Box<RawValue>>,
}

impl BatchBody {
    /// # Errors
    /// 422 if there are none, or too many.
    pub(super) fn into_holds(self) -> Result<Vec<Box<RawValue>>, Problem> {
        let sent = self.holds.len();
        if (1..=MOST).contains(&sent) {
            return Ok(self.holds);
        }
        let detail = match sent {
            0 => format!("The batch is empty, and nothing was done. Send 1 to {MOST} `holds`."),
            _ => {
                format!("Nothing was done: a batch has at most {MOST} holds, and this has {sent}. Send them in several batches.")
            }
        };
        Err(Problem::new(Code::InvalidRequest, detail).fact("field", "holds").fact("most", MOST))
    }
}

/// One hold of a batch.
#[derive(Debug)]
pub(super) struct AskedHold {
    pub buyer: BuyerId,
    pub selection: SeatSelection,
    pub price_types: PriceTypeChoice,
    pub shop: ShopData,
    /// A key of its own.
    pub key: Option<String>,
}

/// All members of a hold of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct HoldOfBatch {
    buyer: Option<String>,
    idempotency_key: Option<String>,
    seats: Option<Vec<AskedSeat>>,
    area: Option<String>,
    quantity: Option<u32>,
    price_types: Option<Counts>,
    best_available: Option<BestAvailable>,
    reference: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

impl AskedHold {
    /// Reads one hold. `most`: seats of a booking.
    ///
    /// # Errors
    /// As for a single hold.
    pub(super) fn read(text: &str, most: u32) -> Result<Self, Problem> {
        let hold: HoldOfBatch = body::parse_order(text.as_bytes(), || most)?;
        let HoldOfBatch { buyer, idempotency_key: key, seats, area, quantity, price_types, best_available, .. } = hold;
        let shop = shop_data::read(hold.reference, hold.metadata)?;
        let buyer = read_buyer(buyer.as_deref())?;
        if key.as_ref().is_some_and(|key| !is_key(key.as_bytes())) {
            let detail = "`idempotency_key` must be 1 to 255 visible ASCII characters without spaces. Use a UUID.";
            return Err(Problem::new(Code::InvalidIdempotencyKey, detail).fact("field", "idempotency_key"));
        }
        let body = HoldBody { seats, area, quantity, price_types, best_available, ..HoldBody::default() };
        let (selection, price_types) = body.into_selection(|| most)?;
        Ok(Self { buyer, selection, price_types, shop, key })
    }
}

fn read_buyer(name: Option<&str>) -> Result<BuyerId, Problem> {
    let missing = || {
        let detail = "Say whose hold it is: `buyer` is the name of the buyer's account, the `sub` of their token.";
        Problem::new(Code::InvalidRequest, detail).fact("field", "buyer")
    };
    account(name.ok_or_else(missing)?)
}

/// Up to 1,000 holds, each for a buyer.
// Only described, as the holds: a request is parsed as `BatchBody`, which can say what is wrong with it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct HoldBatch {
    /// In the order in which they are begun.
    #[schema(min_items = 1, max_items = 1000)]
    holds: Vec<HoldForBuyer>,
}

/// A hold for a buyer: which seats, in exactly one of three ways.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only described, never built")]
pub enum HoldForBuyer {
    #[schema(title = "Named seats for a buyer")]
    Seats(SeatsForBuyer),
    #[schema(title = "Places of an area for a buyer")]
    Area(AreaForBuyer),
    #[schema(title = "Best available for a buyer")]
    BestAvailable(BestAvailableForBuyer),
}

/// Seats by their labels, for a buyer.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"buyer": "bob", "seats": ["A-1", "A-2"]}))]
#[allow(dead_code, reason = "only described, never built")]
pub struct SeatsForBuyer {
    /// Whose booking it will be: the `sub` of the buyer's token.
    #[schema(example = "bob", min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    buyer: String,
    /// Labels of seats, each alone or with a price type: the buyer gets all of them or none.
    #[schema(example = json!(["A-1", {"seat": "A-2", "price_type": "child"}]), min_items = 1)]
    seats: Vec<SeatOfHold>,
    /// The shop's own number of this sale, to find the booking by. It stays in the log for ever: no personal data.
    #[schema(example = "order-4711", min_length = 1, max_length = 100, nullable = false)]
    reference: Option<String>,
    /// More to find it by, at most 1,024 bytes in all. It stays in the log for ever: no personal data.
    #[schema(example = json!({"campaign": "spring"}), nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
    /// Makes a repeat of this hold harmless, in whatever batch. Without one, the batch's `Idempotency-Key` does.
    #[schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$", nullable = false)]
    idempotency_key: Option<String>,
}

/// Any places of an unlabelled area, for a buyer.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct AreaForBuyer {
    /// Whose booking it will be: the `sub` of the buyer's token.
    #[schema(example = "bob", min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    buyer: String,
    #[schema(example = "floor")]
    area: String,
    /// Number of places.
    #[schema(minimum = 1, example = 2)]
    quantity: u32,
    /// How many of them have which price type; together `quantity`. All have the first if absent.
    #[schema(value_type = Option<std::collections::BTreeMap<String, u32>>, example = json!({"adult": 1, "child": 1}), nullable = false)]
    price_types: Option<Counts>,
    /// The shop's own number of this sale, to find the booking by. It stays in the log for ever: no personal data.
    #[schema(example = "order-4711", min_length = 1, max_length = 100, nullable = false)]
    reference: Option<String>,
    /// More to find it by, at most 1,024 bytes in all. It stays in the log for ever: no personal data.
    #[schema(example = json!({"campaign": "spring"}), nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
    /// Makes a repeat of this hold harmless, in whatever batch. Without one, the batch's `Idempotency-Key` does.
    #[schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$", nullable = false)]
    idempotency_key: Option<String>,
}

/// The best seats that are free side by side, for a buyer.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only described, never built")]
pub struct BestAvailableForBuyer {
    /// Whose booking it will be: the `sub` of the buyer's token.
    #[schema(example = "bob", min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    buyer: String,
    best_available: BestAvailable,
    /// The shop's own number of this sale, to find the booking by. It stays in the log for ever: no personal data.
    #[schema(example = "order-4711", min_length = 1, max_length = 100, nullable = false)]
    reference: Option<String>,
    /// More to find it by, at most 1,024 bytes in all. It stays in the log for ever: no personal data.
    #[schema(example = json!({"campaign": "spring"}), nullable = false)]
    metadata: Option<BTreeMap<String, String>>,
    /// Makes a repeat of this hold harmless, in whatever batch. Without one, the batch's `Idempotency-Key` does.
    #[schema(min_length = 1, max_length = 255, pattern = "^[!-~]+$", nullable = false)]
    idempotency_key: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AskedHold, Problem> {
        AskedHold::read(text, 10)
    }

    #[track_caller]
    fn refused(text: &str) -> (&'static str, serde_json::Value) {
        let problem = read(text).expect_err(text);
        (problem.code().text(), serde_json::from_slice::<serde_json::Value>(&problem.to_json()).unwrap()["field"].clone())
    }

    #[test]
    fn a_hold_names_its_buyer_and_its_seats() {
        let asked = read(r#"{"buyer":"bob","seats":["A-1"],"idempotency_key":"k"}"#).unwrap();
        assert_eq!((asked.buyer.as_str(), asked.selection.quantity(), asked.key.as_deref()), ("bob", 1, Some("k")));
        assert!(read(r#"{"buyer":"bob","area":"floor","quantity":2}"#).unwrap().key.is_none());
        assert!(read(r#"{"buyer":"bob","best_available":{"quantity":2,"category":"stalls"}}"#).is_ok());
    }

    #[test]
    fn a_buyer_must_have_the_name_of_an_account() {
        for bad in [
            r#"{"seats":["A-1"]}"#,
            r#"{"buyer":null,"seats":["A-1"]}"#,
            r#"{"buyer":"","seats":["A-1"]}"#,
            r#"{"buyer":"two words","seats":["A-1"]}"#,
            r#"{"buyer":"guest:1","seats":["A-1"]}"#,
            r#"{"buyer":7,"seats":["A-1"]}"#,
        ] {
            assert_eq!(refused(bad), ("invalid_request", "buyer".into()), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_single_hold_is_wrong_with_one_of_a_batch() {
        let seats = r#""buyer":"bob","seats":["A-1"]"#;
        for (bad, code) in [
            (format!("{{{seats},\"quantity\":1}}"), "invalid_request"),
            (format!("{{{seats},\"nonsense\":1}}"), "invalid_request"),
            (format!("{{{seats},\"price\":1}}"), "price_not_accepted"),
            (format!("{{{seats},\"price_types\":{{\"adult\":1}}}}"), "invalid_request"),
            (r#"{"buyer":"bob","seats":[{"seat":"A-1","price":1}]}"#.to_owned(), "price_not_accepted"),
            (r#"{"buyer":"bob","seats":[{"seat":"A-1","price_type":"No"}]}"#.to_owned(), "unknown_price_type"),
            (format!("{{{seats},\"reference\":\"\"}}"), "invalid_request"),
            (format!("{{{seats},\"metadata\":{{\"a b\":\"x\"}}}}"), "invalid_request"),
            (format!("{{{seats},\"metadata\":{{\"a\":7}}}}"), "invalid_request"),
            (format!("{{{seats},\"idempotency_key\":\"two words\"}}"), "invalid_idempotency_key"),
            (format!("{{{seats},\"idempotency_key\":\"\"}}"), "invalid_idempotency_key"),
            (r#"{"buyer":"bob","area":"floor","quantity":-1}"#.to_owned(), "invalid_quantity"),
            (r#"{"buyer":"bob","seats":[]}"#.to_owned(), "invalid_quantity"),
            (r#"{"buyer":"bob","seats":["A 1"]}"#.to_owned(), "unknown_seat"),
            ("7".to_owned(), "invalid_request"),
            ("null".to_owned(), "invalid_request"),
        ] {
            assert_eq!(refused(&bad).0, code, "{bad}");
        }
    }

    #[test]
    fn a_batch_has_1_to_1000_holds() {
        let batch = |holds: usize| {
            let holds = vec!["{}"; holds].join(",");
            body::parse::<BatchBody>(format!("{{\"holds\":[{holds}]}}").as_bytes()).and_then(BatchBody::into_holds)
        };
        assert_eq!((batch(1).unwrap().len(), batch(1000).unwrap().len()), (1, 1000));
        for wrong in [0, 1001] {
            assert_eq!(batch(wrong).expect_err("refused").code(), Code::InvalidRequest);
        }
        for (bad, code) in [
            ("", Code::InvalidJson),
            ("{\"holds\":[{}", Code::InvalidJson),
            ("{\"holds\":[{]}", Code::InvalidJson),
            ("[]", Code::InvalidRequest),
            ("{}", Code::InvalidRequest),
            ("{\"holds\":7}", Code::InvalidRequest),
            ("{\"holds\":[],\"more\":1}", Code::InvalidRequest),
        ] {
            assert_eq!(body::parse::<BatchBody>(bad.as_bytes()).err().map(|problem| problem.code()), Some(code), "{bad}");
        }
    }
}

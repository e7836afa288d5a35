//! `POST /v1/shows/{show}/bookings`
//!
//! The hot path: when a sale opens, nearly every request comes here and nearly every one is
//! refused. So it has no middleware and does nothing that its answer does not need.
//!
//! A refusal of taken seats is made in two places: here, and before the router in `fast_refusal.rs`. Both must read the
//! same headers and make the same checks in the same order.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::body::wrong_quantity;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::bookings::block_access::{self, Shown};
use crate::routes::bookings::buyer;
use crate::routes::bookings::guests;
use crate::routes::bookings::price_types::{self, AskedSeat, Counts, SeatOfHold};
use crate::routes::bookings::shop_data;
use crate::routes::bookings::shown_text::shortened;
use crate::routes::command::{Command, execute_with_precheck};
use crate::routes::params::InShow;
use crate::routes::sender::Holder;
use crate::routes::vouchers::codes::TriedCode;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use lastseat_domain::event::ShopData;
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, Rejection, SeatId, ShowId};
use lastseat_engine::{CommandError, Hold, HoldRequest, PriceTypeChoice, SeatSelection};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The maximum that is named to a caller who sends an impossible quantity for an unknown show.
const DEFAULT_MAX: u32 = 10;

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

/// Holds seats. Nobody else can get them until the hold ends: pay, extend it once, or cancel it.
///
/// Prices come from the show. The answer contains the booking's token, which a caller without an
/// account needs for all further requests.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/bookings",
    tag = "bookings",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("Challenge-Solution" = Option<String>, Header, description = "What a guest has solved, where a challenge is asked for: base64 of an object with `challenge` and `solution`"),
    ),
    request_body = HoldBodySchema,
    responses((status = 201, description = "The seats are held", body = BookingJson)),
    security((), ("token" = [])),
)]
pub async fn hold_seats(State(app): State<App>, InShow(show): InShow, command: Result<Command<Holder>, Problem>) -> Answer {
    execute_with_precheck(&app, metrics::Command::Hold, command, move |app, command| hold(app, show, command)).await
}

async fn hold(app: App, show: ShowId, command: Command<Holder>) -> Result<Answer, Problem> {
    let max = || app.box_office().show(&show).map_or(DEFAULT_MAX, |s| s.facts.max_seats_per_booking);
    let mut body = command.order::<HoldBody>(max)?;
    let shown = body.take_shown();
    let shop = body.take_shop()?;
    let (named, code) = (body.buyer.take(), body.voucher.take());
    let (selection, price_types) = body.into_selection(max)?;
    let access = shown.into_access(&app, &show, &command.caller)?;
    let (named, access) = block_access::at_till(named, access, &command.caller)?;
    let keyed = command.key().map(|key| booking_of_key(&app, &command.caller, &show, key));
    let checked = app.box_office().refuse_at_once(&show, &selection, &price_types, keyed);
    checked.map_err(|rejection| refused(&app, rejection))?;
    command.check_shared_limits(&app).await?;
    let booking = keyed.unwrap_or_else(|| BookingId(app.parts().ids.uuid()));
    let unknown = match &named {
        Some(named) => buyer::check_exists(&app, named).await.err(),
        None => None,
    };
    let buyer = match &command.caller {
        Caller::Token { sub, .. } if !block_access::is_till(&access) => sub.clone(),
        // A sale at the till is not the seller's own.
        _ => named.unwrap_or_else(|| BuyerId::guest(booking)),
    };
    let sender = if block_access::is_till(&access) { command.caller.name() } else { buyer.to_string() };
    let tried = code.map(|code| TriedCode::read(&app, &code, &command.caller, command.client)).transpose()?;
    let voucher = tried.as_ref().map(|tried| tried.voucher.clone());
    let (fingerprint, trace) = (command.fingerprint(), command.trace_in_events());
    let request =
        HoldRequest { price_types, shop, voucher, fingerprint, trace, ..HoldRequest::new(booking, show, selection, buyer) };
    if let Some(why) = unknown {
        return repeated(&app, &request, &sender, || why).await;
    }
    let guest = match &command.caller {
        Caller::Guest => match guests::may_hold(&app, &command, &request).await {
            Ok(used) => Some(used),
            Err(why) => return repeated(&app, &request, &sender, || why.into_problem(&app)).await,
        },
        Caller::Token { .. } | Caller::Booking(_) => None,
    };
    let guess = block_access::guess(&app, &access, &command.caller, command.client)?;
    let decided = app.box_office().hold_for_buyer(request, access, &sender).await;
    block_access::decided(guess, &decided);
    if let Some(tried) = tried {
        tried.decided(&decided);
    }
    let hold = decided.map_err(|error| failed(&app, error))?;
    if let Some(used) = guest {
        guests::has_held(&app, command.client, used, &hold).await;
    }
    Ok(held(&app, &hold))
}

/// The booking of a request with an idempotency key.
pub(super) fn booking_of_key(app: &App, caller: &Caller, show: &ShowId, key: &str) -> BookingId {
    // The show is part of the scope: one key sent to two shows makes two bookings.
    app.parts().auth.booking_for_key(&format!("{}|{show}", caller.scope()), key)
}

/// The answer to a hold that is not allowed now: nothing new, but what an earlier try of the same request got. Its answer was
/// lost, and with it the booking's token; a guest's address may be another by now, and the account that it was for erased.
async fn repeated(app: &App, request: &HoldRequest, sender: &str, why: impl FnOnce() -> Problem) -> Result<Answer, Problem> {
    let found = app.box_office().repeated_hold(request, sender).await.map_err(|error| failed(app, error))?;
    found.map_or_else(|| Err(why()), |hold| Ok(held(app, &hold)))
}

pub(super) fn held(app: &App, hold: &Hold) -> Answer {
    let mut body = BookingJson::of(app, &hold.booking);
    body.token = Some(app.parts().auth.booking_token(hold.booking.id));
    let answer = Answer::json(StatusCode::CREATED, &body).location(&format!("/v1/bookings/{}", hold.booking.id));
    // It contains the booking's token.
    let answer = answer.header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if hold.replayed { answer.replayed() } else { answer }
}

pub(super) fn failed(app: &App, error: CommandError) -> Problem {
    match error {
        CommandError::Rejected(rejection) => refused(app, rejection),
        CommandError::Contended(rejection) => refused(app, rejection).that_may_pass(),
        CommandError::Failed(fault) => fault.into(),
    }
}

/// Adds `retry_after` where seats are only held and may become free.
pub(super) fn refused(app: &App, rejection: Rejection) -> Problem {
    let wait = rejection.free_at().map(|free_at| (free_at - app.now()).to_std().unwrap_or_default());
    let problem = Problem::from(rejection);
    match wait {
        Some(wait) => problem.retry_after(wait),
        None => problem,
    }
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

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
use crate::metrics;
use crate::problem::Problem;
use crate::routes::bookings::block_access;
use crate::routes::bookings::buyer;
use crate::routes::bookings::guests;
use crate::routes::bookings::hold_body::{HoldBody, HoldBodySchema};
use crate::routes::command::{Command, execute_with_precheck};
use crate::routes::params::InShow;
use crate::routes::sender::Holder;
use crate::routes::vouchers::codes::TriedCode;
use crate::routes::wire::BookingJson;
use axum::extract::State;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use lastseat_domain::{BookingId, BuyerId, Rejection, ShowId};
use lastseat_engine::{CommandError, Hold, HoldRequest};

/// The maximum that is named to a caller who sends an impossible quantity for an unknown show.
const DEFAULT_MAX: u32 = 10;

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

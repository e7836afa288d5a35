//! Refuses holds of taken seats before the router sees them: nearly all of a flash sale. The answer is made by the
//! functions of the route (`hold.rs`), in the same order, and counted and stored as the route does it. Whatever else the
//! route might say is left to it.

use super::hold::{HoldBody, booking_of_key, refused};
use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::idempotency::{Begin, Keyed, Ticket};
use crate::limits;
use crate::metrics::Command;
use crate::routes::sender::{Holder, Sender};
use crate::server::{Post, Shortcut};
use futures::FutureExt;
use http::header::{AUTHORIZATION, FORWARDED};
use http::{HeaderMap, HeaderName, HeaderValue};
use lastseat_domain::{Rejection, ShowId};
use lastseat_engine::SeatSelection;
use std::sync::Arc;
use std::time::Instant;

/// Headers that the route reads besides `Content-Type` and what the server has checked.
const READ: [HeaderName; 4] =
    [AUTHORIZATION, HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-forwarded-for"), FORWARDED];

pub struct FastRefusals(App);

impl FastRefusals {
    /// To be put before the app's router.
    #[must_use]
    pub fn shortcut(app: &App) -> Arc<dyn Shortcut> {
        Arc::new(Self(app.clone()))
    }
}

impl Shortcut for FastRefusals {
    fn answer(&self, request: &Post<'_>) -> Option<Answer> {
        let show = request.target.strip_prefix("/v1/shows/")?.strip_suffix("/bookings")?;
        let begun = Instant::now();
        let answer = refuse(&self.0, ShowId::new(show).ok()?, request)?;
        self.0.metrics().answered(Command::Hold, answer.problem, begun.elapsed());
        self.0.metrics().refused_fast();
        Some(answer)
    }
}

/// What is left to the route comes first, then what is counted and stored.
fn refuse(app: &App, show: ShowId, request: &Post<'_>) -> Option<Answer> {
    let headers = headers_of(request)?;
    let caller = app.parts().auth.caller(&headers, app.now()).ok()?;
    Holder::check(&caller, app).ok()?;
    let body: HoldBody = serde_json::from_slice(request.body).ok()?;
    let selection = body.into_selection(|| 0).ok().filter(|selection| matches!(selection, SeatSelection::Seats(_)))?;
    let keyed = Keyed::read(&headers, &caller, "POST", request.target, request.body).ok()?;
    let booking = keyed.as_ref().map(|keyed| booking_of_key(app, &caller, &show, &keyed.key));
    let taken = || match app.box_office().refuse_at_once(&show, &selection, booking) {
        Err(rejection @ Rejection::SeatUnavailable { .. }) => Some(rejection),
        Err(_) | Ok(()) => None,
    };
    let rejection = taken()?;
    let (ticket, rejection) = match keyed {
        // Asked again with the ticket: until now, the same request may have been executed elsewhere.
        Some(keyed) => (Some(ticket(app, &keyed)?), taken()?),
        None => (None, rejection),
    };
    Some(counted(app, request, &headers, &caller, || {
        let answer = Answer::from(refused(app, rejection));
        if let Some(ticket) = ticket.filter(|_| answer.decided) {
            ticket.store(answer.clone(), app.now());
        }
        answer
    }))
}

/// Counts the command on this node, as the route does before anything else. From here on it is answered.
fn counted(app: &App, request: &Post<'_>, headers: &HeaderMap, caller: &Caller, answer: impl FnOnce() -> Answer) -> Answer {
    let client = app.limits().client_of(request.peer.ip(), headers);
    // Nothing waits on one node.
    match app.check_node_limits(client, caller).now_or_never() {
        Some(Err(problem)) => problem.into(),
        Some(Ok(applied)) => limits::fields::add_to_answer(&applied, answer()),
        None => answer(),
    }
}

/// The right to answer under the key, if no other request has it or had it.
fn ticket(app: &App, keyed: &Keyed) -> Option<Ticket> {
    match app.answers().begin(keyed.slot, keyed.body, app.now()) {
        Begin::New(ticket) => Some(ticket),
        Begin::Replay(_) | Begin::Reused | Begin::InFlight => None,
    }
}

/// Those that matter, if the body is said to be JSON, once.
fn headers_of(request: &Post<'_>) -> Option<HeaderMap> {
    let (mut headers, mut is_json) = (HeaderMap::new(), false);
    for httparse::Header { name, value } in request.headers {
        match name.len() {
            12 if name.eq_ignore_ascii_case("content-type") => {
                if is_json || !body::is_json(value) {
                    return None;
                }
                is_json = true;
            }
            9 | 13 | 15 => {
                if let Some(known) = READ.iter().find(|known| name.eq_ignore_ascii_case(known.as_str())) {
                    headers.append(known, HeaderValue::from_bytes(value).ok()?);
                }
            }
            _ => {}
        }
    }
    is_json.then_some(headers)
}

//! Refuses holds of taken seats before the router sees them: nearly all of a flash sale. The answer is made by the
//! functions of the route (`hold.rs`), in the same order, and counted and stored as the route does it. Whatever else the
//! route might say is left to it.

use super::hold::{booking_of_key, refused};
use super::hold_body::HoldBody;
use crate::accounts::may_have_session;
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
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, FORWARDED, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue};
use lastseat_domain::{Rejection, ShowId, Timestamp};
use lastseat_engine::SeatSelection;
use std::sync::Arc;
use std::time::Instant;

/// Headers that can change a refusal, besides `Content-Type` and those that the server has checked. One that
/// `Command::from_request` or `hold` begins to read for a refusal has to be added: it is ignored here otherwise.
const READ: [HeaderName; 5] =
    [AUTHORIZATION, COOKIE, HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-forwarded-for"), FORWARDED];

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
        let mut answer = refuse(&self.0, ShowId::new(show).ok()?, request)?;
        if let Some(cors) = &self.0.parts().cors {
            // After it was stored: the next request under the key may come from elsewhere.
            answer.headers.extend(cors.fields(origin_of(request)));
        }
        self.0.metrics().answered(Command::Hold, answer.problem, begun.elapsed(), None);
        self.0.metrics().refused_fast();
        Some(answer)
    }
}

/// What is left to the route comes first, then what is counted and stored.
fn refuse(app: &App, show: ShowId, request: &Post<'_>) -> Option<Answer> {
    let (headers, now) = (headers_of(request)?, app.now());
    // Whose session it is, the route finds out.
    if !headers.contains_key(AUTHORIZATION) && headers.get_all(COOKIE).iter().any(|value| may_have_session(value.as_bytes())) {
        return None;
    }
    let caller = app.parts().auth.caller(&headers, now).ok()?;
    Holder::check(&caller, app).ok()?;
    // A channel, a code and a voucher are the route's to read.
    let mut body: HoldBody = serde_json::from_slice(request.body).ok().filter(|body: &HoldBody| !body.shows_access())?;
    body.take_shop().ok()?;
    let (selection, price_types) =
        body.into_selection(|| 0).ok().filter(|(seats, _)| matches!(seats, SeatSelection::Seats(_)))?;
    let keyed = Keyed::read(&headers, &caller, "POST", request.target, request.body).ok()?;
    let booking = keyed.as_ref().map(|keyed| booking_of_key(app, &caller, &show, &keyed.key));
    let taken = || match app.box_office().refuse_at_once(&show, &selection, &price_types, booking) {
        Err(rejection @ Rejection::SeatUnavailable { .. }) => Some(rejection),
        Err(_) | Ok(()) => None,
    };
    let rejection = taken()?;
    let (ticket, rejection) = match keyed {
        // Asked again with the ticket: until now, the same request may have been executed elsewhere.
        Some(keyed) => (Some(ticket(app, &keyed, now)?), taken()?),
        None => (None, rejection),
    };
    Some(counted(app, request, &headers, &caller, || {
        let answer = Answer::from(refused(app, rejection));
        if let Some(ticket) = ticket.filter(|_| answer.decided) {
            ticket.store(answer.clone(), now);
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
fn ticket(app: &App, keyed: &Keyed, now: Timestamp) -> Option<Ticket> {
    match app.answers().begin(keyed.slot, keyed.body, now) {
        Begin::New(ticket) => Some(ticket),
        Begin::Replay(_) | Begin::Reused | Begin::InFlight => None,
    }
}

/// The page's origin, as `HeaderMap::get` finds it: the first one.
fn origin_of<'a>(request: &Post<'a>) -> Option<&'a [u8]> {
    request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(ORIGIN.as_str())).map(|header| header.value)
}

/// Those that can change a refusal, if exactly one `Content-Type` says that the body is JSON.
fn headers_of(request: &Post<'_>) -> Option<HeaderMap> {
    let (mut headers, mut is_json) = (HeaderMap::new(), false);
    for httparse::Header { name, value } in request.headers {
        if name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()) {
            if is_json || !body::is_json(value) {
                return None;
            }
            is_json = true;
        } else if let Some(known) = READ.iter().find(|known| name.eq_ignore_ascii_case(known.as_str())) {
            headers.append(known, HeaderValue::from_bytes(value).ok()?);
        }
    }
    is_json.then_some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use httparse::Header;

    fn kept(headers: &[Header<'_>]) -> Option<HeaderMap> {
        headers_of(&Post { peer: ([127, 0, 0, 1], 1).into(), target: "/", headers, body: b"" })
    }

    const JSON: Header<'_> = Header { name: "Content-Type", value: b"application/json" };

    #[test]
    fn each_header_that_can_change_a_refusal_is_kept_in_any_case_and_no_other() {
        for known in READ {
            for name in [known.as_str().to_owned(), known.as_str().to_ascii_uppercase()] {
                let headers = kept(&[Header { name: &name, value: b"x" }, JSON]).unwrap();
                assert_eq!((headers.len(), headers.get(&known).unwrap().as_bytes()), (1, b"x".as_slice()), "{name}");
            }
        }
        for name in ["traceparent", "x-forwarded-fox", "accept", "x"] {
            assert!(kept(&[Header { name, value: b"x" }, JSON]).unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_body_that_is_not_said_to_be_json_once_is_left_to_the_route() {
        assert!(kept(&[JSON]).is_some());
        assert!(kept(&[JSON, JSON]).is_none() && kept(&[]).is_none());
        assert!(kept(&[Header { name: "content-type", value: b"text/plain" }]).is_none());
    }
}

//! `POST /v1/shows/{show}/bookings:batch`
//!
//! Holds for many buyers in one request, sent by a seller. Each hold is decided and answered as a single
//! one; the engine begins them in their order and lets them append together.

mod body;
pub mod keys;
mod results;

use crate::answer::Answer;
use crate::app::App;
use crate::idempotency::{self, Begin, Keyed, Ticket};
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::bookings::buyer;
use crate::routes::bookings::hold::{failed, held};
use crate::routes::command::{Command, execute};
use crate::routes::params::InShow;
use crate::routes::sender::HoldForBuyers;
use axum::extract::State;
use body::{AskedHold, BatchBody, HoldBatch};
use lastseat_domain::{BookingId, Rejection, ShowId};
use lastseat_engine::{CommandError, Fault, HoldRequest};
use results::HoldResults;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// Holds seats for several buyers, each as by a hold of its own.
///
/// The holds are begun in their order, and each is decided on its own: some may be held and others refused. The
/// results have the order of the holds. With an `Idempotency-Key` the whole batch can be repeated, and gives the
/// same bookings.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/bookings:batch",
    tag = "bookings",
    params(("show" = String, Path, description = "The show's id")),
    request_body = HoldBatch,
    responses((status = 200, description = "The answer to each hold, held or refused", body = HoldResults)),
    security(("token" = [])),
)]
pub async fn hold_batch(
    State(app): State<App>,
    InShow(show): InShow,
    command: Result<Command<HoldForBuyers>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::HoldBatch, command, move |app, command| hold_all(app, show, command)).await
}

async fn hold_all(app: App, show: ShowId, command: Command<HoldForBuyers>) -> Result<Answer, Problem> {
    let begun = Instant::now();
    let mut batch = read(&app, &show, &command)?;
    batch.find_repeats().await?;
    batch.refuse_unknown_accounts().await;
    batch.place().await;
    let answers = batch.into_answers();
    for answer in &answers {
        app.metrics().answered(metrics::Command::Hold, answer.problem, begun.elapsed(), None);
        answer.busy.into_iter().for_each(|cause| app.metrics().busy(cause));
    }
    Ok(results::together(&answers))
}

/// The batch, with answers to the holds that can't be read.
fn read(app: &App, show: &ShowId, command: &Command<HoldForBuyers>) -> Result<Batch, Problem> {
    let holds = command.json::<BatchBody>()?.into_holds()?;
    let most = app.box_office().show(show).ok_or(Rejection::ShowNotFound)?.facts.max_seats_per_booking;
    let mut batch = Batch::new(app.clone(), command.caller.name(), holds.len());
    let mut reader = Reader { app, show, command, most, own_keys: HashSet::new() };
    for (index, hold) in holds.iter().enumerate() {
        match reader.read(index, hold.get()) {
            Ok((request, key)) => batch.add(index, request, key),
            Err(answer) => batch.answer(index, *answer),
        }
    }
    Ok(batch)
}

/// What makes a hold repeatable.
enum HoldKey {
    /// The batch's key.
    OfBatch,
    /// Its own. A refusal is stored under it.
    Own(Ticket),
    None,
}

/// Reads the holds of a batch.
struct Reader<'a> {
    app: &'a App,
    show: &'a ShowId,
    command: &'a Command<HoldForBuyers>,
    /// Seats of a booking.
    most: u32,
    /// Those that the holds before it have.
    own_keys: HashSet<String>,
}

impl Reader<'_> {
    /// A hold as the engine takes it, or its answer if it needs no engine.
    fn read(&mut self, index: usize, hold: &str) -> Result<(HoldRequest, HoldKey), Box<Answer>> {
        let asked = AskedHold::read(hold, self.most).map_err(to_answer)?;
        let (keyed, key) = match (asked.key, self.command.keyed()) {
            (Some(own), _) => {
                let keyed = keys::of_hold(&self.command.caller, self.show, &own, hold);
                let ticket = self.begin(&keyed, own)?;
                (Some(keyed), HoldKey::Own(ticket))
            }
            (None, Some(batch)) => (Some(keys::of_place(batch, index)), HoldKey::OfBatch),
            (None, None) => (None, HoldKey::None),
        };
        let auth = &self.app.parts().auth;
        let booking = match &keyed {
            Some(keyed) => keys::booking_of(auth, &self.command.caller, self.show, keyed),
            None => BookingId(self.app.parts().ids.uuid()),
        };
        let request = HoldRequest {
            price_types: asked.price_types,
            shop: asked.shop,
            fingerprint: keyed.as_ref().map(Keyed::fingerprint),
            trace: self.command.trace_in_events(),
            ..HoldRequest::new(booking, self.show.clone(), asked.selection, asked.buyer)
        };
        Ok((request, key))
    }

    /// The right to answer a hold under its own key.
    fn begin(&mut self, keyed: &Keyed, own: String) -> Result<Ticket, Box<Answer>> {
        if !self.own_keys.insert(own) {
            let detail = "Another hold of this batch has the same `idempotency_key`. Give each hold a key of its own.";
            return Err(to_answer(Problem::new(Code::InvalidRequest, detail).fact("field", "idempotency_key")));
        }
        match self.app.answers().begin(keyed.slot, keyed.body, self.app.now()) {
            Begin::New(ticket) => Ok(ticket),
            Begin::Replay(answer) => {
                self.app.metrics().replayed();
                Err(Box::new(answer.replayed()))
            }
            Begin::Reused => Err(to_answer(idempotency::reused())),
            Begin::InFlight => Err(to_answer(idempotency::in_flight())),
        }
    }
}

fn to_answer(problem: Problem) -> Box<Answer> {
    Box::new(problem.into())
}

/// A batch on its way: what is answered, and what is still to be done.
struct Batch {
    app: App,
    seller: String,
    answers: Vec<Option<Answer>>,
    /// Of the holds without an answer, in their order.
    requests: Vec<HoldRequest>,
    /// Of the same holds.
    open: Vec<OpenHold>,
}

struct OpenHold {
    index: usize,
    key: HoldKey,
}

impl Batch {
    fn new(app: App, seller: String, holds: usize) -> Self {
        let answers = std::iter::repeat_with(|| None).take(holds).collect();
        Self { app, seller, answers, requests: Vec::new(), open: Vec::new() }
    }

    fn add(&mut self, index: usize, request: HoldRequest, key: HoldKey) {
        self.requests.push(request);
        self.open.push(OpenHold { index, key });
    }

    fn answer(&mut self, index: usize, answer: Answer) {
        if let Some(place) = self.answers.get_mut(index) {
            *place = Some(answer);
        }
    }

    /// Answers the holds whose bookings were opened by the same request before.
    ///
    /// # Errors
    /// 422 for the whole batch, before anything is held, if its key was used for another.
    async fn find_repeats(&mut self) -> Result<(), Problem> {
        let found = self.app.box_office().repeated_holds(&self.requests, &self.seller).await;
        let (requests, open) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.open));
        for ((request, open), found) in requests.into_iter().zip(open).zip(found) {
            match found {
                Ok(None) => self.add(open.index, request, open.key),
                Ok(Some(hold)) => self.close(open, held(&self.app, &hold)),
                Err(CommandError::Rejected(Rejection::IdempotencyKeyReused)) if matches!(open.key, HoldKey::OfBatch) => {
                    return Err(idempotency::reused());
                }
                Err(error) => {
                    let problem = self.problem_of(&request, &open.key, error);
                    self.close(open, problem.into());
                }
            }
        }
        Ok(())
    }

    /// Answers the holds that are for accounts that there are not.
    async fn refuse_unknown_accounts(&mut self) {
        let (requests, open) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.open));
        for (request, open) in requests.into_iter().zip(open) {
            match buyer::check_exists(&self.app, &request.buyer).await {
                Ok(()) => self.add(open.index, request, open.key),
                Err(problem) => self.close(open, problem.into()),
            }
        }
    }

    /// Places the holds that have no answer yet.
    async fn place(&mut self) {
        let (requests, open) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.open));
        let holds = self.app.box_office().hold_all(&requests, &self.seller).await;
        for ((request, open), hold) in requests.iter().zip(open).zip(holds) {
            let answer = match hold {
                Ok(hold) => held(&self.app, &hold),
                Err(error) => self.problem_of(request, &open.key, error).into(),
            };
            self.close(open, answer);
        }
    }

    /// Answers a hold, and stores a refusal under the hold's own key. The log has the bookings.
    fn close(&mut self, open: OpenHold, answer: Answer) {
        if let HoldKey::Own(ticket) = open.key
            && answer.decided
            && answer.problem.is_some()
        {
            ticket.store(answer.clone().without_replayed(), self.app.now());
        }
        self.answer(open.index, answer);
    }

    fn problem_of(&self, request: &HoldRequest, key: &HoldKey, error: CommandError) -> Problem {
        match error {
            CommandError::Failed(Fault::OutcomeUnknown(why)) => {
                tracing::warn!(why, "the outcome of a hold of a batch is unknown");
                outcome_unknown(request.booking, key)
            }
            error => failed(&self.app, error),
        }
    }

    /// In the order of the holds.
    fn into_answers(self) -> Vec<Answer> {
        let missing = || {
            let detail = "This hold may have been carried out or not. Send the same batch again with the same Idempotency-Key.";
            Problem::new(Code::OutcomeUnknown, detail).into()
        };
        self.answers.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect()
    }
}

/// What the seller can do about a hold of which nobody knows whether it was carried out.
fn outcome_unknown(booking: BookingId, key: &HoldKey) -> Problem {
    let detail = match key {
        HoldKey::OfBatch => {
            "This hold may have been carried out or not. Send the same batch again with the same Idempotency-Key: you get \
             the outcome of each hold, and nothing is done twice."
        }
        HoldKey::Own(_) => {
            "This hold may have been carried out or not. Send it again with the same `idempotency_key`: you get the \
             outcome, and nothing is done twice."
        }
        HoldKey::None => {
            "This hold may have been carried out or not, and can't be repeated, because it has no key. If it was carried out, \
             GET /v1/bookings/{booking} shows it, and its seats become free when it ends. Send an Idempotency-Key with the \
             next batch."
        }
    };
    Problem::new(Code::OutcomeUnknown, detail).fact("booking", booking).retry_after(Duration::from_secs(1))
}

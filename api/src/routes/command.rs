//! How a command is received and executed: caller, limits, body, idempotency key, answer.

use crate::accounts::SignedIn;
use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::idempotency::{self, Begin, Keyed};
use crate::limits::{self, AppliedLimits, Client};
use crate::metrics;
use crate::problem::Problem;
use crate::routes::freshness;
use crate::routes::sender::{Owner, Sender};
use crate::server::Keeping;
use crate::traces;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderValue;
use http::request::Parts;
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::{CommandId, Trace};
use lastseat_engine::{Fault, Origin};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::Instant;
use tracing::Instrument;

/// A command as it was received, from a caller who may send it.
pub struct Command<S: Sender = Owner> {
    pub caller: Caller,
    /// The trace that the command is a part of.
    pub trace: Option<Trace>,
    /// Where it came from.
    pub client: Client,
    /// The session that proves the caller, if one does.
    pub signed_in: Option<Box<SignedIn>>,
    /// The request without its body, for those who need more of it.
    pub head: Parts,
    limits: AppliedLimits,
    keyed: Option<Arc<Keyed>>,
    /// The command's id, if it carries a key: a repeat has the same, on every node and after every
    /// restart.
    id: Option<CommandId>,
    body: Bytes,
    media_type: Result<(), Problem>,
    sender: PhantomData<S>,
}

/// The body of a command that is complete without one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Nothing {}

impl<S: Sender> FromRequest<App> for Command<S> {
    type Rejection = Problem;

    // `bookings/fast_refusal.rs` refuses holds of taken seats without this. What a refusal depends on must be read and
    // checked there, too, in the same order.
    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let (caller, signed_in) = if S::IS_SIGNED_IN { app.recognise(&parts).await? } else { newcomer(&parts, app).await? };
        // Before the body and the key: what is refused here is not read and does not use up a key.
        let client = app.limits().client(&parts);
        let may_send = S::check(&caller, app);
        let limits = match may_send {
            Ok(()) if !S::IS_COUNTED => AppliedLimits::default(),
            _ => app.check_node_limits(client, &caller).await?,
        };
        may_send?;
        let media_type = body::check_media_type(&parts.headers);
        let keeping = parts.extensions.get::<Keeping>();
        let body = body::read(body, S::MAX_BODY, || keeping.into_iter().for_each(Keeping::nothing)).await?;
        let keyed = Keyed::read(&parts.headers, &caller, parts.method.as_str(), parts.uri.path(), &body)?
            .map(|keyed| if S::HAS_QUERY { keyed.with_query(parts.uri.query()) } else { keyed });
        let id = keyed.as_ref().map(|k| app.parts().auth.command_for_request(&k.slot, &k.body));
        let trace = traces::of_request(&parts.headers);
        let (keyed, sender) = (keyed.map(Arc::new), PhantomData);
        Ok(Self { caller, trace, client, signed_in, head: parts, limits, keyed, id, body, media_type, sender })
    }
}

/// Somebody who is about to sign in: whose session the browser had until now does not matter. But a page of another site must not
/// sign them in as somebody else.
async fn newcomer(parts: &Parts, app: &App) -> Result<(Caller, Option<Box<SignedIn>>), Problem> {
    app.parts().accounts.as_ref().map_or(Ok(()), |accounts| accounts.check_site(parts))?;
    Ok((app.caller_by_token(&parts.headers).await?, None))
}

impl<S: Sender> Command<S> {
    /// The body as a value.
    ///
    /// # Errors
    /// 415, 400 or 422.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.media_type.clone()?;
        body::parse(&self.body)
    }

    /// The body as an order: prices and impossible quantities get problems of their own.
    ///
    /// # Errors
    /// 415, 400 or 422.
    pub fn order<T: DeserializeOwned>(&self, max: impl FnOnce() -> u32) -> Result<T, Problem> {
        self.media_type.clone()?;
        body::parse_order(&self.body, max)
    }

    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Accepts no body or an empty object.
    ///
    /// # Errors
    /// 415, 400 or 422.
    pub fn nothing(&self) -> Result<(), Problem> {
        if self.body.is_empty() { Ok(()) } else { self.json::<Nothing>().map(|Nothing {}| ()) }
    }

    /// What a guest has solved to send it.
    #[must_use]
    pub fn solution(&self) -> Option<&[u8]> {
        self.head.headers.get("challenge-solution").map(HeaderValue::as_bytes)
    }

    /// The idempotency key, if one was sent.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.keyed.as_ref().map(|k| k.key.as_str())
    }

    /// The key with the hashes of the request.
    #[must_use]
    pub fn keyed(&self) -> Option<&Keyed> {
        self.keyed.as_deref()
    }

    /// Counts the command on all nodes. Commands run by [`execute_with_precheck`] call this
    /// themselves; for the others [`execute`] has called it.
    ///
    /// # Errors
    /// 429.
    pub async fn check_shared_limits(&self, app: &App) -> Result<(), Problem> {
        app.check_shared_limits(&self.limits).await
    }

    /// The trace that it is a part of, as the metadata of its events has it.
    #[must_use]
    pub fn trace_in_events(&self) -> Option<String> {
        self.trace.as_ref().map(Trace::to_string)
    }

    /// Who sent the command, for the events that follow from it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let bearer = matches!(self.caller, Caller::Booking(_));
        Origin::new(&self.caller.name(), self.trace_in_events()).repeatable(self.id).with_token_of_booking(bearer)
    }

    /// What the log keeps of the request, if it carries a key.
    #[must_use]
    pub fn fingerprint(&self) -> Option<RequestFingerprint> {
        self.keyed.as_ref().map(|k| k.fingerprint())
    }
}

/// A command that runs, whichever it is: what is common to all is compiled once, not for each of them.
type Run = BoxFuture<'static, Result<Answer, Problem>>;

/// A command that may run, and what is left to do around that.
struct Accepted {
    trace: Option<Trace>,
    limits: AppliedLimits,
    keyed: Option<Arc<Keyed>>,
    run: Run,
}

/// Executes a command, once per idempotency key, and counts its answer.
pub async fn execute<S: Sender, F, Done>(
    app: &App,
    command: metrics::Command,
    received: Result<Command<S>, Problem>,
    run: F,
) -> Answer
where
    F: FnOnce(App, Command<S>) -> Done,
    Done: Future<Output = Result<Answer, Problem>> + Send + 'static,
{
    let limited = |app: App, received: Command<S>| {
        let limits = received.limits.clone();
        run_within_shared_limits(app.clone(), limits, Box::pin(run(app, received)))
    };
    execute_with_precheck(app, command, received, limited).await
}

async fn run_within_shared_limits(app: App, limits: AppliedLimits, run: Run) -> Result<Answer, Problem> {
    app.check_shared_limits(&limits).await?;
    run.await
}

/// Like [`execute`], for a command with refusals that cost next to nothing: `run` makes them first,
/// then calls [`Command::check_shared_limits`] itself.
pub async fn execute_with_precheck<S: Sender, F, Done>(
    app: &App,
    command: metrics::Command,
    received: Result<Command<S>, Problem>,
    run: F,
) -> Answer
where
    F: FnOnce(App, Command<S>) -> Done,
    Done: Future<Output = Result<Answer, Problem>> + Send + 'static,
{
    let accepted = received.map(|received| Accepted {
        trace: received.trace.clone(),
        limits: received.limits.clone(),
        keyed: received.keyed.clone(),
        run: Box::pin(run(app.clone(), received)),
    });
    answer(app, command, accepted).await
}

async fn answer(app: &App, command: metrics::Command, accepted: Result<Accepted, Problem>) -> Answer {
    let (begun, mut trace) = (Instant::now(), None);
    let answer = match accepted {
        Err(problem) => problem.into(),
        Ok(accepted) => {
            trace = accepted.trace.map(|trace| trace.id);
            let run = accepted.run;
            let answer = match accepted.keyed {
                None => run_to_completion(Box::pin(async move { run.await.unwrap_or_else(Answer::from) })).await,
                Some(keyed) => run_to_completion(Box::pin(run_once(app.clone(), keyed, run))).await,
            };
            // After the answer store: a repeat reports its limits as they are now.
            limits::fields::add_to_answer(&accepted.limits, with_position(app, answer))
        }
    };
    app.metrics().answered(command, answer.problem, begun.elapsed(), trace.as_deref());
    answer.busy.into_iter().for_each(|cause| app.metrics().busy(cause));
    answer
}

/// Adds the position that a read has to include to show the command's effect.
fn with_position(app: &App, answer: Answer) -> Answer {
    if !answer.status.is_success() {
        return answer;
    }
    answer.header(freshness::POSITION, HeaderValue::from(app.box_office().last_written().0))
}

/// Runs a command to its end even if the caller hangs up, which drops the request's future: a command
/// must not stop half way, with seats locked and no booking. A command that does not finish at the
/// first poll becomes a task. Most refusals do finish at the first poll, and a task would be most of
/// their cost.
async fn run_to_completion(mut run: BoxFuture<'static, Answer>) -> Answer {
    if let Poll::Ready(answer) = futures::poll!(run.as_mut()) {
        return answer;
    }
    tokio::spawn(run.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a command's task failed");
        Problem::from(Fault::OutcomeUnknown(error.to_string())).into()
    })
}

/// Runs a command unless its key has an answer already.
async fn run_once(app: App, keyed: Arc<Keyed>, run: Run) -> Answer {
    let ticket = match app.answers().begin(keyed.slot, keyed.body, app.now()) {
        Begin::New(ticket) => ticket,
        Begin::Replay(answer) => {
            app.metrics().replayed();
            return answer.replayed();
        }
        Begin::Reused => return idempotency::reused().into(),
        Begin::InFlight => return idempotency::in_flight().into(),
    };
    let answer = run.await.unwrap_or_else(Answer::from);
    if answer.decided {
        // The header "Idempotent-Replayed" belongs to the repeat, not to what is repeated.
        ticket.store(answer.clone().without_replayed(), app.now());
    }
    answer
}

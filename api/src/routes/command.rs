//! How every command comes in: who sends it, under which idempotency key, with which body.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::idempotency::{self, Begin, Keyed};
use crate::limits::{self, Pass};
use crate::metrics;
use crate::problem::Problem;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use lastseat_domain::event::RequestFingerprint;
use lastseat_engine::Fault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::Instant;

/// A command as it came in; its body has at most `MOST` bytes.
pub struct Command<const MOST: usize = { body::SMALL }> {
    /// Who sent it.
    pub caller: Caller,
    /// The W3C trace that it belongs to.
    pub trace: Option<String>,
    pass: Pass,
    keyed: Option<Arc<Keyed>>,
    body: Bytes,
    media_type: Result<(), Problem>,
}

/// A command that says everything in its address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Nothing {}

impl<const MOST: usize> FromRequest<App> for Command<MOST> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let caller = app.parts().auth.caller(&parts.headers, app.now())?;
        // In front of the body and of the key: what is refused here was not received, and burns no key.
        let pass = limits::check_node_limits(app, &parts, &caller).await?;
        let media_type = body::check_media_type(&parts.headers);
        let body = body::read(body, MOST).await?;
        let keyed = Keyed::read(&parts.headers, &caller, parts.method.as_str(), parts.uri.path(), &body)?;
        let trace = trace_id(&parts.headers);
        Ok(Self { caller, trace, pass, keyed: keyed.map(Arc::new), body, media_type })
    }
}

impl<const MOST: usize> Command<MOST> {
    /// The body as a value.
    ///
    /// # Errors
    /// 415, 400 or 422.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.media_type.clone()?;
        body::parse(&self.body)
    }

    /// The body as an order, in which prices and impossible quantities have problems of their own.
    ///
    /// # Errors
    /// 415, 400 or 422.
    pub fn order<T: DeserializeOwned>(&self, most: impl FnOnce() -> u32) -> Result<T, Problem> {
        self.media_type.clone()?;
        body::parse_order(&self.body, most)
    }

    /// Whether there is a body at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Refuses a body that says something, where nothing can be said.
    ///
    /// # Errors
    /// 415, 400 or 422.
    pub fn nothing(&self) -> Result<(), Problem> {
        if self.body.is_empty() { Ok(()) } else { self.json::<Nothing>().map(|Nothing {}| ()) }
    }

    /// The idempotency key, if one was sent.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.keyed.as_ref().map(|k| k.key.as_str())
    }

    /// Asks the limits that all nodes share. For what follows [`execute_with_precheck`]; the other
    /// commands have asked by the time they run.
    ///
    /// # Errors
    /// 429.
    pub async fn check_shared_limits(&self, app: &App) -> Result<(), Problem> {
        limits::check_shared_limits(app, &self.pass).await
    }

    /// What the log keeps of the request, if it carries a key.
    #[must_use]
    pub fn fingerprint(&self) -> Option<RequestFingerprint> {
        self.keyed.as_ref().map(|k| k.fingerprint())
    }
}

/// The trace id of a `traceparent` header (W3C Trace Context). One that is malformed is passed over,
/// as the standard says: it must not cost anybody a seat.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut fields = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (version, trace) = (fields.next()?, fields.next()?);
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let valid = version.len() == 2 && is_hex(version) && trace.len() == 32 && is_hex(trace) && trace.bytes().any(|b| b != b'0');
    valid.then(|| trace.to_owned())
}

/// Carries a command out, once for each idempotency key, and counts its answer.
pub async fn execute<const MOST: usize, F, Done>(
    app: &App,
    command: metrics::Command,
    received: Result<Command<MOST>, Problem>,
    run: F,
) -> Answer
where
    F: FnOnce(App, Command<MOST>) -> Done,
    Done: Future<Output = Result<Answer, Problem>> + Send + 'static,
{
    let limited = |app: App, received: Command<MOST>| {
        let (pass, run) = (received.pass.clone(), run(app.clone(), received));
        async move {
            limits::check_shared_limits(&app, &pass).await?;
            run.await
        }
    };
    execute_with_precheck(app, command, received, limited).await
}

/// The same for a command that has refusals which cost next to nothing: `run` makes them first, and
/// asks the limits that all nodes share itself, with [`Command::check_shared_limits`].
pub async fn execute_with_precheck<const MOST: usize, F, Done>(
    app: &App,
    command: metrics::Command,
    received: Result<Command<MOST>, Problem>,
    run: F,
) -> Answer
where
    F: FnOnce(App, Command<MOST>) -> Done,
    Done: Future<Output = Result<Answer, Problem>> + Send + 'static,
{
    let begun = Instant::now();
    let answer = match received {
        Err(problem) => problem.into_answer(),
        Ok(received) => {
            let pass = received.pass.clone();
            let answer = match received.keyed.clone() {
                None => {
                    let run = run(app.clone(), received);
                    run_to_completion(async move { run.await.unwrap_or_else(Problem::into_answer) }).await
                }
                Some(keyed) => run_to_completion(once(app.clone(), keyed, run(app.clone(), received))).await,
            };
            // Behind the memory of answers: a repeat is told how its limits are now.
            limits::fields::tell(&pass, answer)
        }
    };
    app.metrics().answered(command, answer.problem, begun.elapsed());
    answer
}

/// A caller who hangs up drops what the server does for it. A command must not stop half way for
/// that, with seats locked and no booking: what does not finish at the first go becomes a task of
/// its own. Most refusals do finish at the first go, and a task would be most of their cost.
async fn run_to_completion(run: impl Future<Output = Answer> + Send + 'static) -> Answer {
    let mut run = Box::pin(run);
    if let Poll::Ready(answer) = futures::poll!(run.as_mut()) {
        return answer;
    }
    tokio::spawn(run).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a command broke off");
        Problem::from(Fault::OutcomeUnknown(error.to_string())).into_answer()
    })
}

async fn once(app: App, keyed: Arc<Keyed>, run: impl Future<Output = Result<Answer, Problem>>) -> Answer {
    let ticket = match app.answers().begin(keyed.slot, keyed.body, app.now()) {
        Begin::New(ticket) => ticket,
        Begin::Replay(answer) => {
            app.metrics().replayed();
            return answer.replayed();
        }
        Begin::Reused => return idempotency::reused().into_answer(),
        Begin::InFlight => return idempotency::in_flight().into_answer(),
    };
    let answer = run.await.unwrap_or_else(Problem::into_answer);
    if answer.decided {
        // The header that says "given before" belongs to the repeat, not to what is repeated.
        ticket.store(answer.clone().first(), app.now());
    }
    answer
}

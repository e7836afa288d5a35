//! `GET /v1/audit/verification`: the guarantees, proved from the log of this server while it sells.

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use lastseat_audit::{Audit, Report};
use lastseat_domain::ports::event_log::{Direction, Filter, Position};
use lastseat_domain::ports::{EventLog, LogFault};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use utoipa::ToSchema;

/// Events read at a time: few enough that the log does not keep the page for others.
const PAGE: usize = 500;
/// What stays in memory until the end, in the process that sells, for each event: 140 MB were measured for 320,000 events of
/// 40,000 bookings.
const BYTES_OF_EVENT: u64 = 440;
/// From one line of progress to the next.
const EVERY: Duration = Duration::from_millis(250);

/// One line of the answer: how far it is, or, as the last one, what it came to.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
#[serde(untagged)]
pub enum Line {
    /// How far it is.
    Progress {
        /// Checked up to here.
        position: u64,
        /// The end of the log as it was at the beginning.
        of: u64,
    },
    /// The log is too large to be checked in this process.
    TooLarge {
        /// What to do instead.
        detail: String,
    },
    /// What it came to. There is none after a fault of the log: an answer without it proves nothing.
    Verdict {
        /// Whether nothing in the log contradicts a guarantee.
        clean: bool,
        /// Guarantee by guarantee, as `lastseat verify --json` has it in `report`.
        #[schema(value_type = HashMap<String, serde_json::Value>)]
        report: Box<Report>,
    },
}

/// Proves the guarantees from the log, from its first event to its end as it is now, and says how far it is.
///
/// One JSON object a line (NDJSON): progress, then the verdict. It checks one log at a time and gives the processor to
/// buyers in between; a caller who hangs up ends it. It needs memory in the process that sells: a log with more events than
/// `verification_memory_mb` suffices for gets one line, whose `detail` says so. `lastseat verify`, on the machine, has no such
/// limit, and also checks the log's file, its high-water mark, and the sandbox's payments.
#[utoipa::path(
    get,
    path = "/v1/audit/verification",
    operation_id = "verify_log",
    tag = "audit",
    responses((status = 200, description = "One `Verification` a line, as JSON", body = String, content_type = "application/x-ndjson")),
    security(("token" = [])),
)]
pub async fn verify_log(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.needs(Permission::ReadHistory)?;
    let log = Arc::clone(&app.parts().log);
    let of = log.head().await?;
    let check = Check {
        log,
        turns: Arc::clone(app.verifications()),
        turn: None,
        audit: Box::default(),
        position: Position::START,
        of,
        events: 0,
        megabytes: app.parts().verification_memory,
    };
    if check.log.atomic_across_streams() && of.0 > check.most_events() {
        // Its positions have no gaps: that many events.
        return ndjson(Body::from(line(&check.too_large())?));
    }
    ndjson(Body::from_stream(lines(check)))
}

fn ndjson(body: Body) -> Result<Response, Problem> {
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that buffers would keep the progress until the end.
    fields.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// A check under way.
struct Check {
    log: Arc<dyn EventLog>,
    turns: Arc<Semaphore>,
    /// Only one check at a time has events in memory.
    turn: Option<OwnedSemaphorePermit>,
    audit: Box<Audit>,
    position: Position,
    of: Position,
    events: u64,
    /// What it may take.
    megabytes: usize,
}

fn lines(check: Check) -> impl Stream<Item = Result<Bytes, LogFault>> + Send + 'static {
    stream::try_unfold(Some(check), async |check| {
        let Some(mut check) = check else { return Ok(None) };
        let until = Instant::now() + EVERY;
        if check.turn.is_none() {
            // Whose turn it is not yet, hears that nothing is checked.
            let turn = timeout_at(until.into(), Arc::clone(&check.turns).acquire_owned()).await;
            check.turn = turn.ok().and_then(Result::ok);
        }
        while check.turn.is_some() && check.is_under_way() && Instant::now() < until {
            check = check.read().await?;
        }
        if check.events > check.most_events() {
            return Ok(Some((line(&check.too_large())?, None)));
        }
        if check.turn.is_none() || check.is_under_way() {
            let line = line(&Line::Progress { position: check.position.0, of: check.of.0 })?;
            return Ok(Some((line, Some(check))));
        }
        let report = blocking(move || {
            // The turn ends with the check, even if nobody waits for it any more.
            let Check { audit, turn, .. } = check;
            let report = Box::new(audit.finish());
            drop(turn);
            report
        })
        .await?;
        Ok(Some((line(&Line::Verdict { clean: report.holds(), report })?, None)))
    })
}

impl Check {
    fn is_under_way(&self) -> bool {
        self.position < self.of && self.events <= self.most_events()
    }

    /// Most events that are checked here.
    const fn most_events(&self) -> u64 {
        (self.megabytes as u64).saturating_mul(1_000_000) / BYTES_OF_EVENT
    }

    fn too_large(&self) -> Line {
        let (most, megabytes) = (self.most_events(), self.megabytes);
        let instead = if self.log.atomic_across_streams() {
            "Copy it with `lastseat backup` and run `lastseat verify` on the copy, on another machine while this one sells"
        } else {
            "Run `lastseat verify --eventstore …` on another machine"
        };
        let detail = format!(
            "The log has more than {most} events, for which the {megabytes} MB of verification_memory_mb suffice. {instead}; or \
             start the server with more memory for this."
        );
        Line::TooLarge { detail }
    }

    /// Checks the next page. What comes after the end as it was is left out: a sale may be faster than this.
    async fn read(mut self) -> Result<Self, LogFault> {
        let page = self.log.read_all(Some(self.position), Direction::Forwards, PAGE, &Filter::all()).await?;
        self.events += page.len() as u64;
        self.position = page.last().map_or(self.of, |last| last.position).min(self.of);
        blocking(move || {
            page.iter().filter(|event| event.position <= self.of).for_each(|event| self.audit.observe(event));
            self
        })
        .await
    }
}

/// On a thread of its own, so that no request waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LogFault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| LogFault::Unavailable(error.to_string()))
}

fn line(line: &Line) -> Result<Bytes, LogFault> {
    let mut text = serde_json::to_vec(line).map_err(|error| LogFault::Damaged(error.to_string()))?;
    text.push(b'\n');
    Ok(text.into())
}

//! `Read`: pages of a stream or of the whole log, and subscriptions to either.

mod follow;
mod page;
mod until;

use crate::convert::{IdForm, stream_from_wire};
use crate::deadline;
use crate::door::Door;
use crate::fault;
use crate::filter::Sieve;
use crate::wire::streams::read_req::Options;
use crate::wire::streams::read_req::options::all_options::AllOption;
use crate::wire::streams::read_req::options::stream_options::RevisionOption;
use crate::wire::streams::read_req::options::{CountOption, FilterOption, ReadDirection, StreamOption, uuid_option};
use crate::wire::streams::{ReadReq, ReadResp};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::request;
use lastseat_domain::ports::event_log::{Direction, Position, Revision};
use std::sync::Arc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

/// What a call of `Read` answers.
pub(crate) type Answers = BoxStream<'static, Result<ReadResp, Status>>;

/// Where reading starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    End,
    At(u64),
}

enum Source {
    Stream(StreamName),
    All(Sieve),
}

/// A request as it is understood.
struct Wanted {
    source: Source,
    from: From,
    form: IdForm,
    direction: Direction,
    /// Most events; `None` for a subscription.
    count: Option<u64>,
    /// Whether the client understands where a stream ends.
    tells_last: bool,
}

impl Door {
    /// Serves one call. Whatever comes of it ends when the door shuts, and at the client's deadline.
    pub(crate) async fn read_any(self: &Arc<Self>, request: Request<ReadReq>) -> Result<Answers, Status> {
        let (metadata, _, request) = request.into_parts();
        let wanted = understand(request)?;
        let mut ending = self.ending(&metadata);
        let answers = match wanted.count {
            Some(count) => page::read(Arc::clone(&self.log), wanted, count),
            None => tokio::select! {
                answers = self.subscribe(wanted) => answers?,
                status = &mut ending => return Err(status),
            },
        };
        Ok(until::over(answers, ending).boxed())
    }

    /// Completes when a call has to end, with the reason.
    fn ending(&self, metadata: &MetadataMap) -> BoxFuture<'static, Status> {
        let shutdown = self.shutdown.child_token().cancelled_owned();
        let limit = deadline::of(metadata);
        Box::pin(async move {
            let Some(limit) = limit else {
                shutdown.await;
                return fault::shutting();
            };
            tokio::select! {
                () = shutdown => fault::shutting(),
                () = tokio::time::sleep(limit) => Status::deadline_exceeded("the call's time is over"),
            }
        })
    }

    async fn subscribe(&self, wanted: Wanted) -> Result<Answers, Status> {
        if wanted.direction == Direction::Backwards {
            return Err(Status::invalid_argument("a subscription goes forwards"));
        }
        let head = self.log.head().await.map_err(|fault| fault::status(&fault))?;
        let follower = follow::Follower { log: Arc::clone(&self.log), clock: Arc::clone(&self.clock), form: wanted.form, head };
        let id = self.subscription_id();
        match wanted.source {
            Source::Stream(stream) => Ok(follower.stream(id, stream, wanted.from)),
            Source::All(sieve) => {
                let from = match wanted.from {
                    From::Start => Position::START,
                    From::End => head,
                    From::At(position) => Position(position),
                };
                request::check_start(from, head).map_err(|fault| fault::status(&fault))?;
                Ok(follower.all(id, from, sieve))
            }
        }
    }
}

fn understand(request: ReadReq) -> Result<Wanted, Status> {
    let missing = |what: &str| Status::invalid_argument(format!("the {what} is missing"));
    let options = request.options.ok_or_else(|| missing("request's options"))?;
    let direction = match options.read_direction() {
        ReadDirection::Forwards => Direction::Forwards,
        ReadDirection::Backwards => Direction::Backwards,
    };
    let form = match options.uuid_option.and_then(|option| option.content) {
        Some(uuid_option::Content::String(())) => IdForm::Text,
        Some(uuid_option::Content::Structured(())) | None => IdForm::Structured,
    };
    let tells_last = options.control_option.is_some_and(|control| control.compatibility >= 1);
    let count = match options.count_option.ok_or_else(|| missing("count"))? {
        CountOption::Count(count) => Some(count),
        CountOption::Subscription(_) => None,
    };
    let (source, from) = source(options)?;
    Ok(Wanted { source, from, form, direction, count, tells_last })
}

fn source(options: Options) -> Result<(Source, From), Status> {
    let missing = |what: &str| Status::invalid_argument(format!("the {what} is missing"));
    match options.stream_option.ok_or_else(|| missing("stream"))? {
        StreamOption::Stream(stream) => {
            if matches!(options.filter_option, Some(FilterOption::Filter(_))) {
                return Err(Status::invalid_argument("only the whole log is filtered, not one stream"));
            }
            let from = match stream.revision_option.ok_or_else(|| missing("revision"))? {
                RevisionOption::Revision(revision) => From::At(revision),
                RevisionOption::Start(()) => From::Start,
                RevisionOption::End(()) => From::End,
            };
            Ok((Source::Stream(stream_from_wire(stream.stream_identifier)?), from))
        }
        StreamOption::All(all) => {
            let from = match all.all_option.ok_or_else(|| missing("position"))? {
                AllOption::Position(position) => From::At(position.commit_position),
                AllOption::Start(()) => From::Start,
                AllOption::End(()) => From::End,
            };
            let sieve = match options.filter_option {
                Some(FilterOption::Filter(filter)) => Sieve::from_wire(filter)?,
                Some(FilterOption::NoFilter(())) | None => Sieve::open(),
            };
            Ok((Source::All(sieve), from))
        }
    }
}

/// The revision that a subscription to a stream has seen already.
fn seen(from: From) -> Option<Revision> {
    match from {
        From::At(revision) => Some(revision),
        From::Start | From::End => None,
    }
}

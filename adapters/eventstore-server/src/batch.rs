//! `BatchAppend`: many appends under way on one call, answered as they land, each by the id that the
//! client gave it. One that fails does not end the others.

use crate::convert::{IdForm, id_from_wire, id_to_wire, position_to_wire, stream_to_wire};
use crate::deadline;
use crate::door::Door;
use crate::fault;
use crate::wire::google::rpc::Status as WireStatus;
use crate::wire::shared;
use crate::wire::streams::batch_append_req::Options;
use crate::wire::streams::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition as AskedPosition};
use crate::wire::streams::batch_append_resp::{ExpectedStreamPosition, Result as Answer, Success, success};
use crate::wire::streams::{BatchAppendReq, BatchAppendResp};
use crate::write::{Asked, Draft, Failure};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use lastseat_domain::ports::event_log::Expected;
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

/// Most appends under way on one call; more are not read until some of them have landed.
const MAX_IN_FLIGHT: usize = 1024;
/// Most bytes of events under way on one call, in the same way.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Most appends on one call of which only a part has come.
const MAX_PARTS: usize = 64;

/// An append that is ready to be carried out, or failed before that.
struct Ready {
    correlation: Uuid,
    draft: Result<Draft, Failure>,
    head: Head,
}

/// What the answer repeats of the request.
#[derive(Clone)]
struct Head {
    stream: Option<shared::StreamIdentifier>,
    expected: Option<ExpectedStreamPosition>,
    patience: Duration,
}

struct Session {
    door: Arc<Door>,
    incoming: Streaming<BatchAppendReq>,
    /// Whether more may come.
    open: bool,
    /// Why the call ends with an error when everything under way has landed.
    ending: Option<Status>,
    parts: HashMap<Uuid, (Head, Result<Draft, Failure>)>,
    part_bytes: usize,
    in_flight: FuturesUnordered<BoxFuture<'static, (usize, BatchAppendResp)>>,
    in_flight_bytes: usize,
    shutdown: std::pin::Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Serves one call.
pub(crate) fn session(
    door: Arc<Door>,
    incoming: Streaming<BatchAppendReq>,
) -> BoxStream<'static, Result<BatchAppendResp, Status>> {
    let shutdown = Box::pin(door.shutdown.child_token().cancelled_owned());
    let session = Session {
        door,
        incoming,
        open: true,
        ending: None,
        parts: HashMap::new(),
        part_bytes: 0,
        in_flight: FuturesUnordered::new(),
        in_flight_bytes: 0,
        shutdown,
    };
    stream::unfold(session, Session::next).boxed()
}

impl Session {
    async fn next(mut self) -> Option<(Result<BatchAppendResp, Status>, Self)> {
        loop {
            if !self.open && self.in_flight.is_empty() {
                return self.ending.take().map(|status| (Err(status), self));
            }
            let takes_more = self.open && self.in_flight.len() < MAX_IN_FLIGHT && self.in_flight_bytes < MAX_BYTES;
            tokio::select! {
                biased;
                // Reading goes first: the log writes best what it gets together.
                part = self.incoming.message(), if takes_more => match part {
                    Ok(Some(part)) => if let Err(status) = self.take(part) { self.end(Some(status)) },
                    Ok(None) => self.end(None),
                    Err(status) => self.end(Some(status)),
                },
                Some((bytes, answer)) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    self.in_flight_bytes -= bytes;
                    return Some((Ok(answer), self));
                },
                () = &mut self.shutdown, if self.open => self.end(Some(fault::shutting())),
            }
        }
    }

    /// Takes no more; what is under way lands and is answered.
    fn end(&mut self, ending: Option<Status>) {
        self.open = false;
        self.ending = ending;
        self.parts.clear();
    }

    /// Takes a part of an append, and starts the append if that was its last.
    fn take(&mut self, part: BatchAppendReq) -> Result<(), Status> {
        let correlation = id_from_wire(part.correlation_id, "the correlation id")?;
        let (head, mut draft) = match (self.parts.remove(&correlation), part.options) {
            (Some(begun), _) => begun,
            (None, Some(options)) => self.begin(options),
            (None, None) => return Err(Status::invalid_argument("the first part of a batch has its options")),
        };
        let before = draft.as_ref().map_or(0, Draft::bytes);
        for event in part.proposed_messages {
            let Ok(good) = &mut draft else { break };
            if let Err(failure) = good.push(event.id, &event.metadata, event.custom_metadata, event.data) {
                draft = Err(failure);
            }
        }
        let bytes = draft.as_ref().map_or(0, Draft::bytes);
        self.part_bytes = self.part_bytes.saturating_sub(before);
        if part.is_final {
            self.start(Ready { correlation, draft, head });
            return Ok(());
        }
        self.part_bytes += bytes;
        self.parts.insert(correlation, (head, draft));
        if self.parts.len() > MAX_PARTS || self.part_bytes > MAX_BYTES {
            return Err(Status::resource_exhausted("too many unfinished batches on one call"));
        }
        Ok(())
    }

    fn begin(&self, options: Options) -> (Head, Result<Draft, Failure>) {
        let longest = self.door.append_deadline;
        let patience = match options.deadline_option {
            None => longest,
            Some(DeadlineOption::Deadline(duration)) => deadline::from_duration(duration),
            Some(DeadlineOption::Deadline21100(date)) => deadline::from_date(date, self.door.clock.now()),
        };
        let (asked, expected) = match options.expected_stream_position {
            None => (None, None),
            Some(AskedPosition::StreamPosition(revision)) => {
                (Some(Asked::Revision(revision)), Some(ExpectedStreamPosition::StreamPosition(revision)))
            }
            Some(AskedPosition::NoStream(())) => (Some(Asked::NoStream), Some(ExpectedStreamPosition::NoStream(()))),
            Some(AskedPosition::Any(())) => (Some(Asked::Any), Some(ExpectedStreamPosition::Any(()))),
            Some(AskedPosition::StreamExists(())) => (Some(Asked::StreamExists), Some(ExpectedStreamPosition::StreamExists(()))),
        };
        let head = Head { stream: options.stream_identifier.clone(), expected, patience: patience.min(longest) };
        (head, Draft::new(options.stream_identifier, asked))
    }

    fn start(&mut self, ready: Ready) {
        let bytes = ready.draft.as_ref().map_or(0, Draft::bytes);
        self.in_flight_bytes += bytes;
        let door = Arc::clone(&self.door);
        // Unconstrained, so that each reaches the log in its turn: a client may send the next event of
        // a stream before it has the answer to the one before.
        let append = tokio::task::unconstrained(async move { (bytes, carry_out(door, ready).await) });
        self.in_flight.push(Box::pin(append));
    }
}

async fn carry_out(door: Arc<Door>, ready: Ready) -> BatchAppendResp {
    let Ready { correlation, draft, head } = ready;
    let mut stream_identifier = head.stream;
    let result = match draft {
        Ok(draft) => {
            stream_identifier = Some(stream_to_wire(&draft.stream));
            draft.write(&*door.log, head.patience).await
        }
        Err(failure) => Err(failure),
    };
    let result = match result {
        Ok((revision, position)) => Answer::Success(Success {
            current_revision_option: Some(success::CurrentRevisionOption::CurrentRevision(revision)),
            position_option: Some(success::PositionOption::Position(position_to_wire(position))),
        }),
        Err(failure) => Answer::Error(error(&failure)),
    };
    BatchAppendResp {
        correlation_id: Some(id_to_wire(correlation, IdForm::Text)),
        // Clients take it for granted.
        stream_identifier: Some(stream_identifier.unwrap_or_default()),
        expected_stream_position: head.expected,
        result: Some(result),
    }
}

/// Every error has details: there are clients that look at nothing else.
fn error(failure: &Failure) -> WireStatus {
    let message = failure.message();
    let (code, details) = match failure {
        Failure::Conflict { expected, actual } => {
            use shared::wrong_expected_version::{
                CurrentStreamRevisionOption as Current, ExpectedStreamPositionOption as Wanted,
            };
            let wrong = shared::WrongExpectedVersion {
                current_stream_revision_option: Some(actual.map_or(Current::CurrentNoStream(()), Current::CurrentStreamRevision)),
                expected_stream_position_option: Some(match expected {
                    Expected::NoStream => Wanted::ExpectedNoStream(()),
                    Expected::Revision(revision) => Wanted::ExpectedStreamPosition(*revision),
                }),
            };
            (Code::AlreadyExists, details("WrongExpectedVersion", &wrong))
        }
        Failure::TooLarge { most } => {
            let most = shared::MaximumAppendSizeExceeded { max_append_size: u32::try_from(*most).unwrap_or(u32::MAX) };
            (Code::InvalidArgument, details("MaximumAppendSizeExceeded", &most))
        }
        Failure::Invalid(why) => (Code::InvalidArgument, details("BadRequest", &shared::BadRequest { message: why.clone() })),
        Failure::TimedOut => (Code::DeadlineExceeded, details("Timeout", &shared::Timeout {})),
        Failure::Unknown(_) => (Code::Aborted, details("Timeout", &shared::Timeout {})),
        Failure::Unavailable(_) => (Code::Unavailable, details("Unknown", &shared::Unknown {})),
        Failure::Damaged(_) => (Code::DataLoss, details("Unknown", &shared::Unknown {})),
    };
    WireStatus { code: code.into(), message, details: Some(details) }
}

fn details(name: &str, message: &impl Message) -> prost_types::Any {
    prost_types::Any { type_url: format!("type.googleapis.com/event_store.client.{name}"), value: message.encode_to_vec() }
}

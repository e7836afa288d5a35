//! `BatchAppend`: many concurrent appends on one call. Each is answered when it is done, under the
//! client's correlation id. A failed append doesn't affect the others.

use crate::convert::{IdForm, id_from_wire, id_to_wire, position_to_wire, stream_to_wire};
use crate::deadline;
use crate::fault;
use crate::served_log::ServedLog;
use crate::wire::google::rpc::Status as WireStatus;
use crate::wire::shared;
use crate::wire::streams::batch_append_req::Options;
use crate::wire::streams::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition as AskedPosition};
use crate::wire::streams::batch_append_resp::{ExpectedStreamPosition, Result as Answer, Success, success};
use crate::wire::streams::{BatchAppendReq, BatchAppendResp};
use crate::write::{Draft, ExpectedState, Failure};
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

/// Appends under way on one call; further ones are not read until some are done.
const MAX_IN_FLIGHT: usize = 1024;
/// Bytes of events under way on one call, likewise.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Partly received appends on one call.
const MAX_PARTIAL: usize = 64;

/// A completely received append, or the reason why it can't be carried out.
struct Received {
    correlation: Uuid,
    draft: Result<Draft, Failure>,
    header: Header,
}

/// The options of an append; the answer repeats some of them.
#[derive(Clone)]
struct Header {
    stream: Option<shared::StreamIdentifier>,
    expected: Option<ExpectedStreamPosition>,
    time_limit: Duration,
}

struct Session {
    served: Arc<ServedLog>,
    incoming: Streaming<BatchAppendReq>,
    /// Whether more appends are taken.
    open: bool,
    /// The error that ends the call once everything under way is done.
    ending: Option<Status>,
    partial: HashMap<Uuid, (Header, Result<Draft, Failure>)>,
    partial_bytes: usize,
    in_flight: FuturesUnordered<BoxFuture<'static, (usize, BatchAppendResp)>>,
    in_flight_bytes: usize,
    shutdown: std::pin::Pin<Box<WaitForCancellationFutureOwned>>,
}

pub(crate) fn session(
    served: Arc<ServedLog>,
    incoming: Streaming<BatchAppendReq>,
) -> BoxStream<'static, Result<BatchAppendResp, Status>> {
    let shutdown = Box::pin(served.shutdown.child_token().cancelled_owned());
    let session = Session {
        served,
        incoming,
        open: true,
        ending: None,
        partial: HashMap::new(),
        partial_bytes: 0,
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
            let accepts_more = self.open && self.in_flight.len() < MAX_IN_FLIGHT && self.in_flight_bytes < MAX_BYTES;
            tokio::select! {
                biased;
                // Reading goes first: the log commits in one transaction whatever is waiting.
                part = self.incoming.message(), if accepts_more => match part {
                    Ok(Some(part)) => if let Err(status) = self.receive(part) { self.end(Some(status)) },
                    Ok(None) => self.end(None),
                    Err(status) => self.end(Some(status)),
                },
                Some((bytes, answer)) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    self.in_flight_bytes -= bytes;
                    return Some((Ok(answer), self));
                },
                () = &mut self.shutdown, if self.open => self.end(Some(fault::shutting_down())),
            }
        }
    }

    /// Takes no more appends; those under way are still answered.
    fn end(&mut self, ending: Option<Status>) {
        self.open = false;
        self.ending = ending;
        self.partial.clear();
    }

    /// Adds a part to its append, and starts the append with its last part.
    fn receive(&mut self, part: BatchAppendReq) -> Result<(), Status> {
        let correlation = id_from_wire(part.correlation_id, "the correlation id")?;
        let (header, mut draft) = match (self.partial.remove(&correlation), part.options) {
            (Some(begun), _) => begun,
            (None, Some(options)) => self.begin(options),
            (None, None) => return Err(Status::invalid_argument("the first part of a batch append must have options")),
        };
        let before = draft.as_ref().map_or(0, Draft::bytes);
        for event in part.proposed_messages {
            let Ok(good) = &mut draft else { break };
            if let Err(failure) = good.push(event.id, &event.metadata, event.custom_metadata, event.data) {
                draft = Err(failure);
            }
        }
        let bytes = draft.as_ref().map_or(0, Draft::bytes);
        self.partial_bytes = self.partial_bytes.saturating_sub(before);
        if part.is_final {
            self.start(Received { correlation, draft, header });
            return Ok(());
        }
        self.partial_bytes += bytes;
        self.partial.insert(correlation, (header, draft));
        if self.partial.len() > MAX_PARTIAL || self.partial_bytes > MAX_BYTES {
            return Err(Status::resource_exhausted("too many unfinished appends on one call"));
        }
        Ok(())
    }

    fn begin(&self, options: Options) -> (Header, Result<Draft, Failure>) {
        let longest = self.served.append_deadline;
        let time_limit = match options.deadline_option {
            None => longest,
            Some(DeadlineOption::Deadline(duration)) => deadline::from_duration(duration),
            Some(DeadlineOption::Deadline21100(date)) => deadline::from_date(date, self.served.clock.now()),
        };
        let (state, expected) = match options.expected_stream_position {
            None => (None, None),
            Some(AskedPosition::StreamPosition(revision)) => {
                (Some(ExpectedState::Revision(revision)), Some(ExpectedStreamPosition::StreamPosition(revision)))
            }
            Some(AskedPosition::NoStream(())) => (Some(ExpectedState::NoStream), Some(ExpectedStreamPosition::NoStream(()))),
            Some(AskedPosition::Any(())) => (Some(ExpectedState::Any), Some(ExpectedStreamPosition::Any(()))),
            Some(AskedPosition::StreamExists(())) => {
                (Some(ExpectedState::StreamExists), Some(ExpectedStreamPosition::StreamExists(())))
            }
        };
        let stream = options.stream_identifier.clone();
        let header = Header { stream, expected, time_limit: time_limit.min(longest) };
        (header, Draft::new(options.stream_identifier, state))
    }

    fn start(&mut self, append: Received) {
        let bytes = append.draft.as_ref().map_or(0, Draft::bytes);
        self.in_flight_bytes += bytes;
        let served = Arc::clone(&self.served);
        // Unconstrained, so that appends reach the log in order: a client may send the next event of a
        // stream before it has the answer to the previous one.
        let append = tokio::task::unconstrained(async move { (bytes, carry_out(served, append).await) });
        self.in_flight.push(Box::pin(append));
    }
}

async fn carry_out(served: Arc<ServedLog>, append: Received) -> BatchAppendResp {
    let Received { correlation, draft, header } = append;
    let mut stream_identifier = header.stream;
    let result = match draft {
        Ok(draft) => {
            stream_identifier = Some(stream_to_wire(&draft.stream));
            draft.write(&*served.log, header.time_limit).await
        }
        Err(failure) => Err(failure),
    };
    let result = match result {
        Ok(appended) => Answer::Success(Success {
            current_revision_option: Some(
                appended
                    .last_revision
                    .map_or(success::CurrentRevisionOption::NoStream(()), success::CurrentRevisionOption::CurrentRevision),
            ),
            position_option: Some(success::PositionOption::Position(position_to_wire(appended.position))),
        }),
        Err(failure) => Answer::Error(error(&failure)),
    };
    BatchAppendResp {
        correlation_id: Some(id_to_wire(correlation, IdForm::Text)),
        // Clients fail without it.
        stream_identifier: Some(stream_identifier.unwrap_or_default()),
        expected_stream_position: header.expected,
        result: Some(result),
    }
}

/// Every error has details: some clients look at nothing else.
fn error(failure: &Failure) -> WireStatus {
    let message = failure.message();
    let (code, details) = match failure {
        Failure::Conflict { expected, actual } => {
            use shared::wrong_expected_version::{
                CurrentStreamRevisionOption as Current, ExpectedStreamPositionOption as Expectation,
            };
            let wrong = shared::WrongExpectedVersion {
                current_stream_revision_option: Some(actual.map_or(Current::CurrentNoStream(()), Current::CurrentStreamRevision)),
                expected_stream_position_option: Some(match expected {
                    Expected::NoStream => Expectation::ExpectedNoStream(()),
                    Expected::Revision(revision) => Expectation::ExpectedStreamPosition(*revision),
                }),
            };
            (Code::AlreadyExists, details("WrongExpectedVersion", &wrong))
        }
        Failure::TooLarge { limit } => {
            let exceeded = shared::MaximumAppendSizeExceeded { max_append_size: u32::try_from(*limit).unwrap_or(u32::MAX) };
            (Code::InvalidArgument, details("MaximumAppendSizeExceeded", &exceeded))
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

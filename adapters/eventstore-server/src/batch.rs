//! `BatchAppend`: many concurrent appends on one call. Each is answered when it is done, under the
//! client's correlation id. A failed append doesn't affect the others.
//!
//! What has arrived goes to the log at once, and the log answers it at once: one wake-up and one frame for a group of
//! appends. The next group doesn't wait for that answer.

mod answers;

use crate::convert::id_from_wire;
use crate::deadline;
use crate::failure::Failure;
use crate::fault;
use crate::served_log::ServedLog;
use crate::wire::streams::batch_append_req::Options;
use crate::wire::streams::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition as AskedPosition};
use crate::wire::streams::batch_append_resp::ExpectedStreamPosition;
use crate::wire::streams::{BatchAppendReq, BatchAppendResp};
use crate::write::{Draft, ExpectedState, outcome};
use answers::{Heading, answer};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use lastseat_domain::ports::event_log::{Expected, LogFault, StreamWrite};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Status, Streaming};
use uuid::Uuid;

/// Appends under way on one call; further ones are not read until some are done.
const MAX_IN_FLIGHT: usize = 1024;
/// Bytes of events under way on one call, likewise.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Partly received appends on one call.
const MAX_PARTIAL: usize = 64;

/// The options of an append.
struct Header {
    heading: Heading,
    /// Since `begun`, when its first part was received.
    time_limit: Duration,
    begun: Instant,
}

/// An append as far as it has been received, or the reason why it can't be carried out.
struct Received {
    header: Header,
    draft: Result<Draft, Failure>,
}

impl Received {
    /// Whether it writes nothing and only asks for the stream's revision.
    fn is_check(&self) -> bool {
        self.draft.as_ref().is_ok_and(Draft::is_empty)
    }
}

/// Appends that go to the log together. They have the same time left.
#[derive(Default)]
struct Group {
    time_limit: Duration,
    headings: Vec<(Heading, Expected)>,
    writes: Vec<Vec<StreamWrite>>,
    bytes: usize,
}

/// What became of appends, and how much of the call's bounds they give back.
struct Done {
    answers: Vec<BatchAppendResp>,
    bytes: usize,
}

struct Session {
    served: Arc<ServedLog>,
    incoming: Streaming<BatchAppendReq>,
    /// Whether more appends are taken.
    open: bool,
    /// The error that ends the call once everything under way is done.
    ending: Option<Status>,
    partial: HashMap<Uuid, Received>,
    partial_bytes: usize,
    /// Completely received, and not yet with the log.
    arrived: VecDeque<Received>,
    /// Whether an append without events is with the log. It reads, so that a later append would overtake it.
    is_checking: bool,
    in_flight: FuturesUnordered<BoxFuture<'static, Done>>,
    answers: VecDeque<BatchAppendResp>,
    /// Appends that have arrived or are in flight, and the bytes of their events.
    appends: usize,
    bytes: usize,
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
        arrived: VecDeque::new(),
        is_checking: false,
        in_flight: FuturesUnordered::new(),
        answers: VecDeque::new(),
        appends: 0,
        bytes: 0,
        shutdown,
    };
    stream::unfold(session, Session::next).boxed()
}

impl Session {
    async fn next(mut self) -> Option<(Result<BatchAppendResp, Status>, Self)> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Some((Ok(answer), self));
            }
            if !self.open && self.in_flight.is_empty() && self.arrived.is_empty() {
                return self.ending.take().map(|status| (Err(status), self));
            }
            let accepts_more = self.open && self.appends < MAX_IN_FLIGHT && self.bytes < MAX_BYTES;
            tokio::select! {
                biased;
                // Reading goes first: the log commits in one transaction whatever is waiting.
                part = self.incoming.message(), if accepts_more => match part {
                    Ok(Some(part)) => if let Err(status) = self.receive(part) { self.end(Some(status)) },
                    Ok(None) => self.end(None),
                    Err(status) => self.end(Some(fault::unreadable(status))),
                },
                () = std::future::ready(()), if self.may_hand_over() => self.hand_over(),
                Some(done) = self.in_flight.next(), if !self.in_flight.is_empty() => self.take(done),
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

    /// Adds a part to its append, which has arrived with its last part.
    fn receive(&mut self, part: BatchAppendReq) -> Result<(), Status> {
        let correlation = id_from_wire(part.correlation_id, "the correlation id")?;
        let mut append = match (self.partial.remove(&correlation), part.options) {
            (Some(begun), _) => begun,
            (None, Some(options)) => self.begin(correlation, options),
            (None, None) => return Err(Status::invalid_argument("the first part of a batch append must have options")),
        };
        let before = append.draft.as_ref().map_or(0, Draft::bytes);
        for event in part.proposed_messages {
            let Ok(good) = &mut append.draft else { break };
            if let Err(failure) = good.push(event.id, &event.metadata, event.custom_metadata, event.data) {
                append.draft = Err(failure);
            }
        }
        let bytes = append.draft.as_ref().map_or(0, Draft::bytes);
        self.partial_bytes = self.partial_bytes.saturating_sub(before);
        if part.is_final {
            self.appends += 1;
            self.bytes += bytes;
            self.arrived.push_back(append);
            return Ok(());
        }
        self.partial_bytes += bytes;
        self.partial.insert(correlation, append);
        if self.partial.len() > MAX_PARTIAL || self.partial_bytes > MAX_BYTES {
            return Err(Status::resource_exhausted("too many unfinished appends on one call"));
        }
        Ok(())
    }

    fn begin(&self, correlation: Uuid, options: Options) -> Received {
        let longest = self.served.append_deadline;
        let time_limit = match options.deadline_option {
            None => longest,
            Some(DeadlineOption::Deadline(duration)) => deadline::from_duration(duration),
            Some(DeadlineOption::Deadline21100(date)) => deadline::from_date(date, self.served.clock.now()),
        };
        let (state, expected) = match options.expected_stream_position {
            None => (None, None),
            Some(AskedPosition::StreamPosition(revision)) => {
                (Some(ExpectedState::of_revision(revision)), Some(ExpectedStreamPosition::StreamPosition(revision)))
            }
            Some(AskedPosition::NoStream(())) => (Some(ExpectedState::NoStream), Some(ExpectedStreamPosition::NoStream(()))),
            Some(AskedPosition::Any(())) => (Some(ExpectedState::Any), Some(ExpectedStreamPosition::Any(()))),
            Some(AskedPosition::StreamExists(())) => {
                (Some(ExpectedState::StreamExists), Some(ExpectedStreamPosition::StreamExists(())))
            }
        };
        let heading = Heading { correlation, stream: options.stream_identifier.clone(), expected };
        let time_limit = deadline::in_steps(time_limit.min(longest));
        let header = Header { heading, time_limit, begun: Instant::now() };
        Received { header, draft: Draft::new(options.stream_identifier, state) }
    }

    /// What has arrived waits for an append without events, and that for everything before it: it would read what the log
    /// has by then.
    fn may_hand_over(&self) -> bool {
        let waits = |next: &Received| self.is_checking || next.is_check();
        self.arrived.front().is_some_and(|next| self.in_flight.is_empty() || !waits(next))
    }

    /// Gives the log what has arrived, in order: a client may send the next event of a stream before it has the answer to
    /// the previous one.
    fn hand_over(&mut self) {
        self.is_checking = false;
        let mut group = Group::default();
        while let Some(Received { header: Header { heading, time_limit, begun }, draft }) = self.next_arrived(&group) {
            let time_limit = deadline::left(time_limit, begun.elapsed());
            match draft {
                Err(failure) => self.take(Done { answers: vec![answer(heading, Err(failure))], bytes: 0 }),
                Ok(_) if time_limit.is_zero() => {
                    let bytes = draft.as_ref().map_or(0, Draft::bytes);
                    self.take(Done { answers: vec![answer(heading, Err(Failure::TooLate))], bytes });
                }
                Ok(draft) if draft.is_empty() => {
                    self.is_checking = true;
                    let served = Arc::clone(&self.served);
                    self.in_flight.push(Box::pin(async move {
                        let answers = vec![answer(heading, draft.write(&*served.log, time_limit).await)];
                        Done { answers, bytes: 0 }
                    }));
                }
                Ok(draft) => {
                    if group.time_limit != time_limit {
                        self.start(std::mem::replace(&mut group, Group { time_limit, ..Group::default() }));
                    }
                    group.bytes += draft.bytes();
                    group.headings.push((heading, draft.expected));
                    group.writes.push(vec![draft.into_write()]);
                }
            }
        }
        self.start(group);
    }

    /// The next append that has to wait for nothing before it.
    fn next_arrived(&mut self, group: &Group) -> Option<Received> {
        let waits = self.is_checking || (!group.writes.is_empty() && self.arrived.front().is_some_and(Received::is_check));
        if waits || !self.may_hand_over() { None } else { self.arrived.pop_front() }
    }

    fn start(&mut self, group: Group) {
        if !group.writes.is_empty() {
            // Unconstrained, so that groups reach the log in order.
            self.in_flight.push(Box::pin(tokio::task::unconstrained(carry_out(Arc::clone(&self.served), group))));
        }
    }

    fn take(&mut self, done: Done) {
        self.appends = self.appends.saturating_sub(done.answers.len());
        self.bytes = self.bytes.saturating_sub(done.bytes);
        self.answers.extend(done.answers);
    }
}

/// Nothing of it is answered before the log has answered.
async fn carry_out(served: Arc<ServedLog>, group: Group) -> Done {
    let Group { time_limit, headings, writes, bytes } = group;
    let results = tokio::time::timeout(time_limit, served.log.append_each(writes)).await;
    let answers = match results {
        Ok(results) => {
            let missing = || Err(LogFault::OutcomeUnknown("the log has no answer for the append".to_owned()));
            let results = results.into_iter().chain(std::iter::repeat_with(missing));
            let answers = headings.into_iter().zip(results);
            answers.map(|((heading, expected), result)| answer(heading, outcome(expected, result))).collect()
        }
        Err(_) => headings.into_iter().map(|(heading, _)| answer(heading, Err(Failure::TimedOut))).collect(),
    };
    Done { answers, bytes }
}

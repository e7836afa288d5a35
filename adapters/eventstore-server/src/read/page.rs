//! Finite reads: page by page, each only when the client has taken the previous one.

use super::request::{Answers, From, ReadRequest, Source};
use crate::convert::{event_to_wire, stream_to_wire};
use crate::fault;
use crate::wire::streams::ReadResp;
use crate::wire::streams::read_resp::{Content, StreamNotFound};
use futures::StreamExt;
use futures::stream;
use lastseat_domain::ports::LogFault;
use lastseat_domain::ports::event_log::{Direction, EventLog, Position, RecordedEvent};
use std::collections::VecDeque;
use std::sync::Arc;
use tonic::Status;

/// The first page is small: many reads need only a few events.
const FIRST_PAGE: usize = 32;
const LARGEST_PAGE: usize = 512;
/// Pages shrink above this size, so that large events don't fill the memory.
const PAGE_BYTES: usize = 512 * 1024;

/// Reads up to `count` events.
pub(super) fn read(log: Arc<dyn EventLog>, request: ReadRequest, count: u64) -> Answers {
    let next = first_page(&request);
    let ready = VecDeque::new();
    let reader = Reader { log, request, left: count, next, page_size: FIRST_PAGE, ready, found_any: false, last_revision: None };
    stream::try_unfold(reader, Reader::next).boxed()
}

/// Where the next page starts, as the port has it: inclusive in a stream, exclusive in the whole log.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The first event in reading order.
    First,
    From(u64),
    Done,
}

/// Where the first page starts. In the whole log, the protocol's positions are inclusive forwards and
/// exclusive backwards.
fn first_page(request: &ReadRequest) -> Next {
    match (&request.source, request.direction, request.from) {
        (_, Direction::Forwards, From::Start) | (_, Direction::Backwards, From::End) => Next::First,
        (_, Direction::Forwards, From::End) | (Source::All(_), Direction::Backwards, From::Start) => Next::Done,
        (Source::Stream(_), Direction::Backwards, From::Start) => Next::From(0),
        (Source::Stream(_), _, From::At(revision)) => Next::From(revision),
        (Source::All(_), Direction::Forwards, From::At(position)) => position.checked_sub(1).map_or(Next::First, Next::From),
        (Source::All(_), Direction::Backwards, From::At(position)) => Next::From(position),
    }
}

struct Reader {
    log: Arc<dyn EventLog>,
    request: ReadRequest,
    /// Events that may still be sent.
    left: u64,
    next: Next,
    page_size: usize,
    ready: VecDeque<ReadResp>,
    found_any: bool,
    /// The stream's last revision, if a page has shown it.
    last_revision: Option<u64>,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(ReadResp, Self)>, Status> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(Some((answer, self)));
            }
            if self.left > 0 && !matches!(self.next, Next::Done) {
                self.read_page().await?;
            } else {
                let end = self.end().await.map_err(|fault| fault::status(&fault))?;
                return Ok(end.map(|answer| (answer, self)));
            }
        }
    }

    async fn read_page(&mut self) -> Result<(), Status> {
        // A read of which nothing passes the filter would otherwise hold its thread to the log's end.
        tokio::task::consume_budget().await;
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.page_size);
        let page = self.fetch(limit).await.map_err(|fault| fault::status(&fault))?;
        self.advance(&page, limit);
        for event in &page {
            let passes = match &self.request.source {
                Source::Stream(_) => true,
                Source::All(filter) => filter.passes(event)?,
            };
            if passes {
                self.left = self.left.saturating_sub(1);
                self.ready.push_back(event_to_wire(event, self.request.id_form));
            }
        }
        Ok(())
    }

    async fn fetch(&self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let from = match self.next {
            Next::From(from) => Some(from),
            Next::First | Next::Done => None,
        };
        match &self.request.source {
            Source::Stream(stream) => self.log.read_stream(stream, from, self.request.direction, limit).await,
            Source::All(filter) => self.log.read_all(from.map(Position), self.request.direction, limit, &filter.log_filter).await,
        }
    }

    /// Sets the start and the size of the next page.
    fn advance(&mut self, page: &[Arc<RecordedEvent>], limit: usize) {
        let bytes: usize = page.iter().map(|event| event.data.get().len() + event.metadata.get().len()).sum();
        self.page_size = if bytes > PAGE_BYTES { (self.page_size / 2).max(1) } else { (self.page_size * 2).min(LARGEST_PAGE) };
        self.found_any |= !page.is_empty();
        let forwards = self.request.direction == Direction::Forwards;
        let is_stream = matches!(self.request.source, Source::Stream(_));
        if is_stream && !forwards && matches!(self.next, Next::First) {
            self.last_revision = page.first().map(|event| event.revision);
        }
        self.next = match page.last() {
            Some(last) if page.len() == limit => match (is_stream, forwards) {
                (true, true) => last.revision.checked_add(1).map_or(Next::Done, Next::From),
                (true, false) => last.revision.checked_sub(1).map_or(Next::Done, Next::From),
                (false, _) => Next::From(last.position.0),
            },
            Some(last) => {
                if is_stream && forwards {
                    self.last_revision = Some(last.revision);
                }
                Next::Done
            }
            None => Next::Done,
        };
    }

    /// The message after the last event, sent once: the stream's last position, or that it is missing.
    async fn end(&mut self) -> Result<Option<ReadResp>, LogFault> {
        let Source::Stream(stream) = &self.request.source else { return Ok(None) };
        let wants_last = std::mem::take(&mut self.request.wants_last_position);
        if self.found_any && !wants_last {
            return Ok(None);
        }
        if self.last_revision.is_none() {
            let newest = self.log.read_stream(stream, None, Direction::Backwards, 1).await?;
            self.last_revision = newest.first().map(|event| event.revision);
        }
        let content = match self.last_revision {
            None if std::mem::replace(&mut self.found_any, true) => return Ok(None),
            None => Content::StreamNotFound(StreamNotFound { stream_identifier: Some(stream_to_wire(stream)) }),
            Some(last) if wants_last => Content::LastStreamPosition(last),
            Some(_) => return Ok(None),
        };
        self.found_any = true;
        Ok(Some(ReadResp { content: Some(content) }))
    }
}

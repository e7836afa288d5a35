//! Reading what is there: page by page, each when the client has taken the one before.

use super::{Answers, From, Source, Wanted};
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

/// The first page is small: many readers want a few events only.
const FIRST_PAGE: usize = 32;
const LARGEST_PAGE: usize = 512;
/// Pages grow until they have so many bytes, so that large events don't fill the memory.
const PAGE_BYTES: usize = 512 * 1024;

/// Reads up to `count` events.
pub(super) fn read(log: Arc<dyn EventLog>, wanted: Wanted, count: u64) -> Answers {
    let next = first(&wanted);
    let reader = Reader { log, wanted, left: count, next, page_size: FIRST_PAGE, ready: VecDeque::new(), any: false, last: None };
    stream::try_unfold(reader, Reader::next).boxed()
}

/// Where the next page starts, in the port's words: of a stream inclusive, of the whole log exclusive.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// At the end that the direction starts from.
    FromItsEnd,
    From(u64),
    Nowhere,
}

/// Where the first page starts. Of the whole log, the protocol means a position inclusively when it
/// reads forwards and exclusively when it reads backwards.
fn first(wanted: &Wanted) -> Next {
    match (&wanted.source, wanted.direction, wanted.from) {
        (_, Direction::Forwards, From::Start) | (_, Direction::Backwards, From::End) => Next::FromItsEnd,
        (_, Direction::Forwards, From::End) | (Source::All(_), Direction::Backwards, From::Start) => Next::Nowhere,
        (Source::Stream(_), Direction::Backwards, From::Start) => Next::From(0),
        (Source::Stream(_), _, From::At(revision)) => Next::From(revision),
        (Source::All(_), Direction::Forwards, From::At(position)) => position.checked_sub(1).map_or(Next::FromItsEnd, Next::From),
        (Source::All(_), Direction::Backwards, From::At(position)) => Next::From(position),
    }
}

struct Reader {
    log: Arc<dyn EventLog>,
    wanted: Wanted,
    /// Events that may still be sent.
    left: u64,
    next: Next,
    page_size: usize,
    ready: VecDeque<ReadResp>,
    /// Whether anything was found.
    any: bool,
    /// Last revision of the stream, if it has been seen on the way.
    last: Option<u64>,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(ReadResp, Self)>, Status> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(Some((answer, self)));
            }
            if self.left > 0 && !matches!(self.next, Next::Nowhere) {
                self.take_page().await?;
            } else {
                let end = self.end().await.map_err(|fault| fault::status(&fault))?;
                return Ok(end.map(|answer| (answer, self)));
            }
        }
    }

    async fn take_page(&mut self) -> Result<(), Status> {
        // Where nothing passes, a read would otherwise keep its thread until the end of the log.
        tokio::task::consume_budget().await;
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.page_size);
        let page = self.ask(limit).await.map_err(|fault| fault::status(&fault))?;
        self.note(&page, limit);
        for event in &page {
            let passes = match &self.wanted.source {
                Source::Stream(_) => true,
                Source::All(sieve) => sieve.passes(event)?,
            };
            if passes {
                self.left = self.left.saturating_sub(1);
                self.ready.push_back(event_to_wire(event, self.wanted.form));
            }
        }
        Ok(())
    }

    async fn ask(&self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, LogFault> {
        let from = match self.next {
            Next::From(from) => Some(from),
            Next::FromItsEnd | Next::Nowhere => None,
        };
        match &self.wanted.source {
            Source::Stream(stream) => self.log.read_stream(stream, from, self.wanted.direction, limit).await,
            Source::All(sieve) => self.log.read_all(from.map(Position), self.wanted.direction, limit, &sieve.rough).await,
        }
    }

    /// Where it goes on behind a page, and how large the next one is.
    fn note(&mut self, page: &[Arc<RecordedEvent>], limit: usize) {
        let bytes: usize = page.iter().map(|event| event.data.get().len() + event.metadata.get().len()).sum();
        self.page_size = if bytes > PAGE_BYTES { (self.page_size / 2).max(1) } else { (self.page_size * 2).min(LARGEST_PAGE) };
        self.any |= !page.is_empty();
        let forwards = self.wanted.direction == Direction::Forwards;
        let is_stream = matches!(self.wanted.source, Source::Stream(_));
        if is_stream && !forwards && matches!(self.next, Next::FromItsEnd) {
            self.last = page.first().map(|event| event.revision);
        }
        self.next = match page.last() {
            Some(last) if page.len() == limit => match (is_stream, forwards) {
                (true, true) => last.revision.checked_add(1).map_or(Next::Nowhere, Next::From),
                (true, false) => last.revision.checked_sub(1).map_or(Next::Nowhere, Next::From),
                (false, _) => Next::From(last.position.0),
            },
            Some(last) => {
                if is_stream && forwards {
                    self.last = Some(last.revision);
                }
                Next::Nowhere
            }
            None => Next::Nowhere,
        };
    }

    /// What is said once behind the last event: that there is no such stream, or where it ends.
    async fn end(&mut self) -> Result<Option<ReadResp>, LogFault> {
        let Source::Stream(stream) = &self.wanted.source else { return Ok(None) };
        let tells_last = std::mem::take(&mut self.wanted.tells_last);
        if self.any && !tells_last {
            return Ok(None);
        }
        if self.last.is_none() {
            let newest = self.log.read_stream(stream, None, Direction::Backwards, 1).await?;
            self.last = newest.first().map(|event| event.revision);
        }
        // Said once; what follows is the end.
        let content = match self.last {
            None if std::mem::replace(&mut self.any, true) => return Ok(None),
            None => Content::StreamNotFound(StreamNotFound { stream_identifier: Some(stream_to_wire(stream)) }),
            Some(last) if tells_last => Content::LastStreamPosition(last),
            Some(_) => return Ok(None),
        };
        self.any = true;
        Ok(Some(ReadResp { content: Some(content) }))
    }
}

//! Following the log: from the file as long as there is much to catch up on, then from memory.

use super::Shared;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::ports::event_log::{Delivery, Direction, Filter, LogFault, Position};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// Most events taken at once.
const PAGE: usize = 512;

struct Subscription {
    shared: Arc<Shared>,
    head: watch::Receiver<Position>,
    filter: Filter,
    /// Everything up to here was looked at.
    cursor: Position,
    /// Looked at and not yet delivered; never more than a page.
    ready: VecDeque<Delivery>,
    /// Whether the next arrival at the head is worth telling.
    behind: bool,
    failed: bool,
}

/// Follows the log from behind `from`. Ends when the sender of `head` is gone and everything was
/// delivered.
pub(super) fn follow(
    shared: Arc<Shared>,
    head: watch::Receiver<Position>,
    from: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Delivery, LogFault>> {
    let subscription = Subscription { shared, head, filter, cursor: from, ready: VecDeque::new(), behind: true, failed: false };
    stream::unfold(subscription, Subscription::next).boxed()
}

impl Subscription {
    async fn next(mut self) -> Option<(Result<Delivery, LogFault>, Self)> {
        if self.failed {
            return None;
        }
        match self.advance().await {
            Ok(delivery) => delivery.map(|delivery| (Ok(delivery), self)),
            Err(fault) => {
                self.failed = true;
                Some((Err(fault), self))
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Delivery>, LogFault> {
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                return Ok(Some(delivery));
            }
            let head = *self.head.borrow_and_update();
            if self.cursor < head {
                self.take_page(head).await?;
            } else if self.behind {
                self.behind = false;
                return Ok(Some(Delivery::CaughtUp(self.cursor)));
            } else if self.head.changed().await.is_err() {
                // Closed. If it was not meant to, say so.
                return self.shared.check_running().map(|()| None);
            }
        }
    }

    /// Looks at what follows the cursor, up to the head.
    async fn take_page(&mut self, head: Position) -> Result<(), LogFault> {
        let in_memory = self.shared.tail.read().behind(self.cursor, PAGE);
        let (events, reached) = if let Some(events) = in_memory {
            let reached = events.last().map_or(self.cursor, |last| last.position);
            (events, reached)
        } else {
            self.behind = true;
            let (from, filter) = (self.cursor, self.filter.clone());
            let query = move |c: &rusqlite::Connection| super::readers::page(c, from, head, Direction::Forwards, PAGE, &filter);
            let page = self.shared.readers.run(query).await?;
            if page.is_last && page.reached != head {
                return Err(LogFault::Damaged(format!("the log ends at {}, not at {head}", page.reached)));
            }
            (page.events, page.reached)
        };
        if reached < head {
            self.behind = true;
        }
        let passes = |stream: &str, event_type: &str| self.filter.matches(stream, event_type);
        let passing = events.into_iter().filter(|event| passes(event.stream.as_str(), &event.event_type));
        self.ready.extend(passing.map(Delivery::Event));
        self.cursor = reached;
        let told = match self.ready.back() {
            Some(Delivery::Event(event)) => event.position,
            _ => Position::START,
        };
        if told < reached {
            self.ready.push_back(Delivery::Checkpoint(reached));
        }
        Ok(())
    }
}

//! Subscriptions: read from the file while far from the head, then from memory.

use crate::pages::{CatchingUp, PAGE};
use crate::shared::Shared;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

struct Subscription {
    shared: Arc<Shared>,
    head: watch::Receiver<Position>,
    filter: Filter,
    /// Last position scanned.
    cursor: Position,
    /// Scanned and not yet delivered; at most a page.
    ready: VecDeque<Delivery>,
    /// Whether to report "caught up" on reaching the head.
    catching_up: bool,
    /// While it reads from the file.
    reads_file: Option<CatchingUp>,
    failed: bool,
}

/// Delivers every event after `from`. Ends when the sender of `head` is gone and everything was delivered.
pub(super) fn subscribe(
    shared: Arc<Shared>,
    head: watch::Receiver<Position>,
    from: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Delivery, LogFault>> {
    let subscription = Subscription {
        shared,
        head,
        filter,
        cursor: from,
        ready: VecDeque::new(),
        catching_up: true,
        reads_file: None,
        failed: false,
    };
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
                self.read_page(head).await?;
            } else if self.catching_up {
                self.catching_up = false;
                self.reads_file = None;
                return Ok(Some(Delivery::CaughtUp(self.cursor)));
            } else if self.head.changed().await.is_err() {
                // The writer is gone. If it failed, report that.
                return self.shared.check_running().map(|()| None);
            }
        }
    }

    /// Scans the next page after the cursor, up to the head.
    async fn read_page(&mut self, head: Position) -> Result<(), LogFault> {
        let in_memory = self.shared.recent.read().after(self.cursor, PAGE);
        let (events, reached) = if let Some(events) = in_memory {
            let reached = events.last().map_or(self.cursor, |last| last.position);
            self.reads_file = None;
            (events, reached)
        } else {
            self.catching_up = true;
            self.reads_file.get_or_insert_with(|| self.shared.pages.catching_up());
            let page = self.shared.pages.after(self.cursor, head, &self.filter).await?;
            if page.is_last && page.reached < head {
                return Err(LogFault::Damaged(format!("the log ends at {}, not at {head}", page.reached)));
            }
            (page.events.clone(), page.reached)
        };
        if reached < head {
            self.catching_up = true;
        }
        let passes = |stream: &str, event_type: &str| self.filter.matches(stream, event_type);
        let passing = events.into_iter().filter(|event| passes(event.stream.as_str(), &event.event_type));
        self.ready.extend(passing.map(Delivery::Event));
        self.cursor = reached;
        let last_delivered = match self.ready.back() {
            Some(Delivery::Event(event)) => event.position,
            _ => Position::START,
        };
        if last_delivered < reached {
            self.ready.push_back(Delivery::Checkpoint(reached));
        }
        Ok(())
    }
}

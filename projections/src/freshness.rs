//! How current the views are: reads the log's head once a second, so that a lag shows even while nothing
//! is delivered.

use crate::runner::Shared;
use crate::tables::Tables;
use chrono::TimeDelta;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Filter, Position, last_position};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// How current an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// It includes everything up to this position.
    pub position: Position,
    /// Distance from the log's head, as far as it is known.
    pub lag: u64,
    /// Time since it was last known that there was nothing else in the log.
    pub age: Duration,
}

pub(crate) async fn watch_head(shared: Arc<Shared>, tables: Arc<Tables>, mut stop: watch::Receiver<bool>) {
    loop {
        let wake = shared.clock.now() + TimeDelta::seconds(1);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = shared.clock.sleep_until(wake) => {}
        }
        let asked_at = shared.clock.now();
        let Ok(head) = shared.log.head().await else { continue };
        shared.head.fetch_max(head.0, Ordering::Relaxed);
        let (map, rows) = (*shared.position.borrow(), *tables.position.borrow());
        let Some(ours) = end_of_ours(&*shared.log, head, map.min(rows)).await else { continue };
        if map >= ours {
            *shared.current_at.lock() = asked_at;
        }
        if rows >= ours {
            *tables.current_at.lock() = asked_at;
        }
    }
}

/// The last event of ours up to `head`: a shared log may end with other programs' events, which the views
/// don't see. `None` if the log can't be read.
async fn end_of_ours(log: &dyn EventLog, head: Position, folded: Position) -> Option<Position> {
    if folded >= head {
        return Some(head);
    }
    last_position(log, &Filter::our_streams()).await.ok()
}

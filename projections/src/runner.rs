//! The one task that folds the log's subscription into all views, in position order.

use crate::bookings::Bookings;
use crate::checkpoint;
use crate::error::ProjectionError;
use crate::loyalty::Loyalty;
use crate::map_bodies::MapBodies;
use crate::sales::Sales;
use crate::seat_feed::Feeds;
use crate::seat_map::SeatMap;
use crate::view::{Folded, View};
use chrono::TimeDelta;
use futures::{FutureExt, StreamExt};
use lastseat_domain::ports::event_log::{Delivery, Filter, Position, last_position};
use lastseat_domain::ports::{Clock, EventLog, LogFault};
use lastseat_domain::{Envelope, Timestamp, codec};
use parking_lot::{Mutex, RwLock};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Most deliveries folded before their position is published.
const BATCH: usize = 1024;
/// Events after which the views are stored.
const STORE_AFTER_EVENTS: u64 = 500_000;
/// Time after which they are stored if anything happened.
const STORE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// First and longest pause before the subscription to a failing log is opened again.
const FIRST_PAUSE: TimeDelta = TimeDelta::milliseconds(100);
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// State shared by the task that folds and the queries.
pub(crate) struct Shared {
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    pub dir: Option<PathBuf>,
    pub seat_map: RwLock<Folded<SeatMap>>,
    pub bookings: RwLock<Folded<Bookings>>,
    pub loyalty: RwLock<Folded<Loyalty>>,
    pub sales: RwLock<Folded<Sales>>,
    pub map_bodies: MapBodies,
    pub feeds: Feeds,
    /// Position folded by all views.
    pub position: watch::Sender<Position>,
    /// The log's head when it was last read.
    pub head: AtomicU64,
    /// When the views were last known to have everything that the log had.
    pub current_at: Mutex<Timestamp>,
    /// Why the views may differ from the log, if they do.
    pub trouble: Mutex<Trouble>,
}

#[derive(Default)]
pub(crate) struct Trouble {
    /// The log can't be read at the moment.
    pub log: Option<String>,
    /// An event could not be read and was skipped. Nothing is stored from then on, so that a version
    /// of the program that can read the event folds it.
    pub unreadable: Option<String>,
    /// The last attempt to store the views failed.
    pub store: Option<String>,
}

impl Trouble {
    pub fn text(&self) -> Option<String> {
        let all: Vec<&str> = [&self.log, &self.unreadable, &self.store].into_iter().filter_map(|t| t.as_deref()).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// A view whatever its type.
pub(crate) trait Slot: Send + Sync {
    fn name(&self) -> &'static str;
    fn position(&self) -> Position;
    fn events(&self) -> u64;
    fn fold(&self, batch: &[Envelope], until: Position);
    /// Takes what is to be stored; calling the result encodes it, with no lock held.
    fn freeze(&self) -> Box<dyn FnOnce() -> Result<Vec<u8>, ProjectionError> + Send>;
}

impl<V: View> Slot for RwLock<Folded<V>> {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn position(&self) -> Position {
        self.read().position
    }

    fn events(&self) -> u64 {
        self.read().events
    }

    fn fold(&self, batch: &[Envelope], until: Position) {
        let mut folded = self.write();
        for event in batch {
            folded.fold(event);
        }
        if let Some(event) = batch.last() {
            folded.mark(event);
        }
        folded.advance(until);
    }

    fn freeze(&self) -> Box<dyn FnOnce() -> Result<Vec<u8>, ProjectionError> + Send> {
        let frozen = self.read().freeze();
        Box::new(move || frozen.encode(V::NAME, V::SCHEMA))
    }
}

impl Shared {
    pub fn slots(&self) -> [&dyn Slot; 4] {
        [&self.seat_map, &self.bookings, &self.loyalty, &self.sales]
    }

    /// Folds a batch into all views, hands the seats' changes to the feed, then publishes.
    pub fn fold(&self, batch: &[Envelope], until: Position) {
        {
            let mut folded = self.seat_map.write();
            for event in batch {
                folded.fold_with(event, |map, event| {
                    map.states.apply(event, |show_seats, seats, to| self.feeds.push(show_seats, seats, to, event));
                });
            }
            if let Some(event) = batch.last() {
                folded.mark(event);
            }
            folded.advance(until);
        }
        self.bookings.fold(batch, until);
        self.loyalty.fold(batch, until);
        self.sales.fold(batch, until);
        let position = self.slots().iter().map(|s| s.position()).min().unwrap_or_default();
        self.head.fetch_max(position.0, Ordering::Relaxed);
        self.position.send_if_modified(|known| std::mem::replace(known, position) < position);
        self.feeds.wake();
    }

    /// Stores all views, each at its own position. Blocks: it writes and syncs files.
    fn store(&self) {
        let Some(dir) = &self.dir else { return };
        if self.trouble.lock().unreadable.is_some() {
            return;
        }
        let mut failed = None;
        for slot in self.slots() {
            let encode = slot.freeze();
            if let Err(e) = encode().and_then(|bytes| checkpoint::write(dir, slot.name(), &bytes)) {
                tracing::warn!(view = slot.name(), "the view could not be stored: {e}");
                failed = Some(e.to_string());
            }
        }
        self.trouble.lock().store = failed;
    }
}

/// Folds until `stop` is set or its sender is gone.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut runner =
        Runner { store_at: shared.clock.now() + STORE_AFTER, shared, unstored: 0, storing: None, pause: FIRST_PAUSE };
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = runner.follow() => {}
        }
        let wake = runner.shared.clock.now() + runner.pause;
        runner.pause = (runner.pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = runner.shared.clock.sleep_until(wake) => {}
        }
    }
    if let Some(storing) = runner.storing.take() {
        let _ = storing.await;
    }
    let shared = runner.shared;
    shared.feeds.close();
    let _ = tokio::task::spawn_blocking(move || shared.store()).await;
}

/// Reads the log's head once a second, so that a lag shows even while nothing is delivered.
pub(crate) async fn watch_head(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let wake = shared.clock.now() + TimeDelta::seconds(1);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = shared.clock.sleep_until(wake) => {}
        }
        let asked_at = shared.clock.now();
        let Ok(head) = shared.log.head().await else { continue };
        shared.head.fetch_max(head.0, Ordering::Relaxed);
        if has_everything(&shared, head).await {
            *shared.current_at.lock() = asked_at;
        }
    }
}

/// Whether all views have every event of ours up to `head`. A shared log may end with other programs'
/// events, which the views don't see.
async fn has_everything(shared: &Shared, head: Position) -> bool {
    let folded = *shared.position.borrow();
    if folded >= head {
        return true;
    }
    match last_position(&*shared.log, &Filter::our_streams()).await {
        Ok(ours) => folded >= ours,
        Err(_) => false,
    }
}

struct Runner {
    shared: Arc<Shared>,
    /// Events folded since the views were last stored.
    unstored: u64,
    store_at: Timestamp,
    storing: Option<tokio::task::JoinHandle<()>>,
    pause: TimeDelta,
}

impl Runner {
    /// Folds one subscription until it fails or ends.
    async fn follow(&mut self) {
        let shared = Arc::clone(&self.shared);
        let from = *shared.position.borrow();
        let mut deliveries = shared.log.subscribe(from, Filter::our_streams()).ready_chunks(BATCH);
        loop {
            let area_flush = match shared.feeds.next_area_flush(shared.clock.now()) {
                Some(at) => shared.clock.sleep_until(at),
                None => futures::future::pending().boxed(),
            };
            let batch = tokio::select! {
                batch = deliveries.next() => batch,
                () = area_flush => {
                    shared.feeds.flush_areas(&shared.seat_map.read(), shared.clock.now());
                    continue;
                }
            };
            let Some(batch) = batch else {
                self.report("the log ended its subscription".into());
                return;
            };
            if let Err(fault) = self.take(batch) {
                self.report(fault.to_string());
                return;
            }
            // A log in memory is always ready; other tasks need the thread too.
            tokio::task::yield_now().await;
        }
    }

    fn report(&self, text: String) {
        tracing::warn!("the views are not updated: {text}");
        self.shared.trouble.lock().log = Some(text);
    }

    fn take(&mut self, deliveries: Vec<Result<Delivery, LogFault>>) -> Result<(), LogFault> {
        let shared = &self.shared;
        let mut batch = Vec::with_capacity(deliveries.len());
        let mut until = Position::START;
        let mut fault = None;
        for delivery in deliveries {
            match delivery {
                Ok(Delivery::Event(recorded)) => {
                    until = until.max(recorded.position);
                    match codec::decode(&recorded) {
                        Ok(Some(envelope)) => batch.push(envelope),
                        Ok(None) => {}
                        Err(e) => leave_out(shared, recorded.position, &e.to_string()),
                    }
                }
                Ok(Delivery::Checkpoint(position)) => until = until.max(position),
                Ok(Delivery::CaughtUp(position)) => {
                    until = until.max(position);
                    shared.head.fetch_max(position.0, Ordering::Relaxed);
                }
                // The log's head shows how many events the views still lack.
                Ok(Delivery::Interrupted(_)) => {}
                Err(e) => {
                    fault = Some(e);
                    break;
                }
            }
        }
        shared.fold(&batch, until);
        let now = shared.clock.now();
        if shared.feeds.next_area_flush(now).is_some_and(|at| at <= now) {
            shared.feeds.flush_areas(&shared.seat_map.read(), now);
        }
        let count = batch.len() as u64;
        self.unstored += count;
        self.store_if_due(now);
        match fault {
            Some(fault) => Err(fault),
            None => {
                self.pause = FIRST_PAUSE;
                self.shared.trouble.lock().log = None;
                Ok(())
            }
        }
    }

    /// Stores the views from time to time, on another thread. The fold waits only while the content to
    /// store is taken.
    fn store_if_due(&mut self, now: Timestamp) {
        let due = self.unstored >= STORE_AFTER_EVENTS || (self.unstored > 0 && self.store_at <= now);
        if !due || self.shared.dir.is_none() || self.storing.as_ref().is_some_and(|s| !s.is_finished()) {
            return;
        }
        self.unstored = 0;
        self.store_at = now + STORE_AFTER;
        let shared = Arc::clone(&self.shared);
        self.storing = Some(tokio::task::spawn_blocking(move || shared.store()));
    }
}

fn leave_out(shared: &Shared, position: Position, why: &str) {
    tracing::error!(%position, "an event is skipped in the views: {why}");
    let text = format!("the event at position {position} is skipped, and no view is stored from there on: {why}");
    shared.trouble.lock().unreadable.get_or_insert(text);
}

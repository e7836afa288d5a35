//! The task that folds the log's subscription into the seat map, in position order, and hands the
//! changes to the feeds. The views in the file have a task of their own, so they never hold this one up.

use crate::batch::{Batch, Skipped};
use crate::checkpoint;
use crate::map_bodies::MapBodies;
use crate::recent_buyers::RecentBuyers;
use crate::seat_feed::Feeds;
use crate::seat_map::SeatMap;
use crate::trouble::Trouble;
use crate::view::{Folded, View};
use chrono::TimeDelta;
use futures::{FutureExt, StreamExt};
use lastseat_domain::event::Event;
use lastseat_domain::ports::event_log::{Delivery, Filter, Position};
use lastseat_domain::ports::{Clock, EventLog, LogFault};
use lastseat_domain::{Envelope, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// Most deliveries folded before their position is published.
const BATCH: usize = 1024;
/// Events after which the seat map is stored.
const STORE_AFTER_EVENTS: u64 = 500_000;
/// Time after which it is stored if anything happened.
const STORE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Time after which the memory of shows is freed to which nothing happened, and of seat maps that nobody asked for: twice as
/// long at most.
const FORGET_AFTER: TimeDelta = TimeDelta::hours(1);
/// First and longest pause before the subscription to a failing log is opened again.
const FIRST_PAUSE: TimeDelta = TimeDelta::milliseconds(100);
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// State shared by the task that folds and the queries.
pub(crate) struct Shared {
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    pub dir: Option<PathBuf>,
    pub seat_map: RwLock<Folded<SeatMap>>,
    pub map_bodies: MapBodies,
    pub feeds: Feeds,
    pub recent_buyers: RecentBuyers,
    /// Position of the seat map.
    pub position: watch::Sender<Position>,
    /// The log's head when it was last read.
    pub head: AtomicU64,
    /// When the seat map was last known to have everything that the log had.
    pub current_at: Mutex<Timestamp>,
    /// Why the seat map may differ from the log, if it does.
    pub trouble: Mutex<Trouble>,
    /// Learns of each event that buyers can see now.
    pub watcher: OnceLock<Watcher>,
}

/// Learns of events.
pub(crate) type Watcher = Box<dyn Fn(&Envelope) + Send + Sync>;

impl Shared {
    /// Folds a batch, hands the seats' changes to the feed, then publishes.
    pub fn fold(&self, batch: &[Arc<Envelope>], until: Position) {
        let position = {
            let mut folded = self.seat_map.write();
            for event in batch {
                folded.fold_with(event, |map, event| {
                    map.states.apply(event, |show_seats, changed| self.feeds.push(show_seats, changed, event));
                });
            }
            if let Some(event) = batch.last() {
                folded.mark(event);
            }
            folded.advance(until);
            folded.position
        };
        self.recent_buyers.add(batch.iter().filter_map(|event| match &event.event {
            Event::BookingOpened(e) => Some((e.booking, e.buyer.clone())),
            _ => None,
        }));
        self.head.fetch_max(position.0, Ordering::Relaxed);
        self.position.send_if_modified(|known| std::mem::replace(known, position) < position);
        self.feeds.wake();
        if let Some(watcher) = self.watcher.get() {
            batch.iter().for_each(|event| watcher(event));
        }
    }

    /// Stores the seat map. Blocks: it writes and syncs a file.
    fn store(&self) {
        let Some(dir) = &self.dir else { return };
        if self.trouble.lock().unreadable.is_some() {
            return;
        }
        // The fold waits only while the content is taken.
        let checkpoint = self.seat_map.read().checkpoint();
        let stored =
            checkpoint.encode(SeatMap::NAME, SeatMap::SCHEMA).and_then(|bytes| checkpoint::write(dir, SeatMap::NAME, &bytes));
        if let Err(e) = &stored {
            tracing::warn!(view = SeatMap::NAME, "the view could not be stored: {e}");
        }
        self.trouble.lock().store = stored.err().map(|e| e.to_string());
    }
}

/// Folds until `stop` is set or its sender is gone.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let now = shared.clock.now();
    let (store_at, forget_at) = (now + STORE_AFTER, now + FORGET_AFTER);
    let mut runner = Runner { shared, unstored: 0, store_at, forget_at, storing: None, pause: FIRST_PAUSE };
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

struct Runner {
    shared: Arc<Shared>,
    /// Events folded since the seat map was last stored.
    unstored: u64,
    store_at: Timestamp,
    forget_at: Timestamp,
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
                () = shared.clock.sleep_until(self.forget_at) => {
                    self.forget_if_due(shared.clock.now());
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
        tracing::warn!("the seat map is not updated: {text}");
        self.shared.trouble.lock().log = Some(text);
    }

    fn take(&mut self, deliveries: Vec<Result<Delivery, LogFault>>) -> Result<(), LogFault> {
        let shared = &self.shared;
        let batch = Batch::of(deliveries);
        for skipped in &batch.skipped {
            skip(shared, skipped);
        }
        shared.head.fetch_max(batch.head.0, Ordering::Relaxed);
        shared.fold(&batch.events, batch.until);
        let now = shared.clock.now();
        if shared.feeds.next_area_flush(now).is_some_and(|at| at <= now) {
            shared.feeds.flush_areas(&shared.seat_map.read(), now);
        }
        self.unstored += batch.events.len() as u64;
        self.store_if_due(now);
        self.forget_if_due(now);
        match batch.fault {
            Some(fault) => Err(fault),
            None => {
                self.pause = FIRST_PAUSE;
                self.shared.trouble.lock().log = None;
                Ok(())
            }
        }
    }

    /// Frees what nobody needs any more.
    fn forget_if_due(&mut self, now: Timestamp) {
        if now >= self.forget_at {
            self.forget_at = now + FORGET_AFTER;
            self.shared.feeds.forget_idle(&self.shared.seat_map.read());
            self.shared.map_bodies.forget_unused();
        }
    }

    /// Stores the seat map from time to time, on another thread.
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

fn skip(shared: &Shared, skipped: &Skipped) {
    let Skipped { position, why } = skipped;
    tracing::error!(%position, "an event is skipped in the seat map: {why}");
    let text = format!("the event at position {position} is skipped, and the seat map is not stored from there on: {why}");
    shared.trouble.lock().unreadable.get_or_insert(text);
}

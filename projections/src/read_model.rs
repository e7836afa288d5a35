//! The read side's public interface: opens the views, keeps them up to date, answers queries.

mod queries;

use crate::checkpoint;
use crate::error::ProjectionError;
use crate::freshness::{self, Freshness};
use crate::map_bodies::{MapBodies, MapBody, MapForm, ShowSnapshot};
use crate::recent_buyers::RecentBuyers;
use crate::runner::{self, Shared};
use crate::seat_feed::{self, Feeds};
use crate::seat_map::{SeatMap, SeatMapView, seat_map_of};
use crate::tables::{self, Tables};
use crate::trouble::Trouble;
use crate::view::View;
use bytes::Bytes;
use chrono::TimeDelta;
use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_domain::{Envelope, ShowId, Timestamp};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The name of the seat map among the views.
pub const SEAT_MAP: &str = SeatMap::NAME;

/// How far a view has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViewStatus {
    /// Which view.
    pub name: &'static str,
    /// Everything up to here is folded.
    pub position: Position,
    /// End of the log, as of about a second ago at most.
    pub head: Position,
    /// Distance of the two. Events, in a log whose positions have no gaps.
    pub lag: u64,
    /// Events folded since the beginning of the log.
    pub events_folded: u64,
    /// Why it is not what the log says, if so.
    pub error: Option<String>,
}

/// All views, kept up to date. Cheap to clone; stops by itself when the last clone is gone, but
/// completes the stored views only through [`ReadModel::stop`].
///
/// The seat map is in memory. Bookings, loyalty and sales are in a file, and may be a moment behind it.
#[derive(Clone)]
pub struct ReadModel {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    tables: Arc<Tables>,
    stop: watch::Sender<bool>,
    /// Set when one of the tasks has ended although nobody stopped it.
    failed: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl ReadModel {
    /// Opens the stored views in `dir` (`None`: nothing is kept) and starts folding
    /// from their positions. Does not wait until they have caught up: for that, see
    /// [`ReadModel::wait_for`] with the log's head.
    ///
    /// # Errors
    /// [`ProjectionError`] if the log or the folder can't be read. A stored view that is damaged is
    /// no error: it is rebuilt.
    pub async fn open(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, dir: Option<PathBuf>) -> Result<Self, ProjectionError> {
        Self::open_with(log, clock, dir, seat_feed::RING_CAPACITY).await
    }

    /// Like [`ReadModel::open`], with a ring capacity that tests choose.
    pub(crate) async fn open_with(
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        dir: Option<PathBuf>,
        ring_capacity: usize,
    ) -> Result<Self, ProjectionError> {
        let opened_at = clock.now();
        let head = log.head().await?;
        let at = dir.as_deref();
        let seat_map = checkpoint::load(at, &*log, head).await?;
        let feeder = tables::open(Arc::clone(&log), Arc::clone(&clock), at, head).await?;
        if let Some(dir) = at {
            tables::remove_old_files(dir);
        }
        let tables = feeder.tables();
        let shared = Arc::new(Shared {
            feeds: Feeds::new(&seat_map, clock.now(), ring_capacity),
            log,
            clock,
            dir,
            seat_map: RwLock::new(seat_map),
            recent_buyers: RecentBuyers::default(),
            map_bodies: MapBodies::default(),
            position: watch::Sender::new(Position::START),
            head: AtomicU64::new(head.0),
            current_at: Mutex::new(opened_at),
            trouble: Mutex::default(),
            watcher: OnceLock::new(),
        });
        // Publishes the position of the stored seat map.
        shared.fold(&[], Position::START);
        let stop = watch::Sender::new(false);
        let failed = watch::Sender::new(false);
        let tasks = vec![
            keep(runner::run(Arc::clone(&shared), stop.subscribe()), stop.subscribe(), failed.clone()),
            keep(feeder.run(stop.subscribe()), stop.subscribe(), failed.clone()),
            keep(
                freshness::watch_head(Arc::clone(&shared), Arc::clone(&tables), stop.subscribe()),
                stop.subscribe(),
                failed.clone(),
            ),
        ];
        Ok(Self { inner: Arc::new(Inner { shared, tables, stop, failed, tasks: Mutex::new(tasks) }) })
    }

    /// Has every event passed on from now on, in the order of the log, once the seat map has it and the seat streams are woken
    /// for it. `watcher` must not block: it holds up the seat map. Only the first one counts.
    pub fn watch(&self, watcher: impl Fn(&Envelope) + Send + Sync + 'static) {
        let _first_wins = self.inner.shared.watcher.set(Box::new(watcher));
    }

    /// Waits until all views have everything up to `position`; `false` if they have not within `patience`.
    pub async fn wait_for(&self, position: Position, patience: Duration) -> bool {
        let Inner { shared, tables, .. } = &*self.inner;
        let over = shared.clock.now() + to_delta(patience);
        tables.note_awaited(position);
        let reached =
            self.reaches(&shared.position, position, over).await && self.reaches(&tables.position, position, over).await;
        if !reached {
            tables.give_up(position);
        }
        reached
    }

    /// Waits until the seat map has everything up to `position`; `false` if it has not within `patience`.
    pub async fn wait_for_seats(&self, position: Position, patience: Duration) -> bool {
        let shared = &self.inner.shared;
        self.reaches(&shared.position, position, shared.clock.now() + to_delta(patience)).await
    }

    async fn reaches(&self, folded: &watch::Sender<Position>, position: Position, over: Timestamp) -> bool {
        let mut folded = folded.subscribe();
        if *folded.borrow_and_update() >= position {
            return true;
        }
        tokio::select! {
            reached = folded.wait_for(|folded| *folded >= position) => reached.is_ok(),
            () = self.inner.shared.clock.sleep_until(over) => false,
        }
    }

    /// All views have everything up to this position.
    #[must_use]
    pub fn position(&self) -> Position {
        let Inner { shared, tables, .. } = &*self.inner;
        let map = *shared.position.borrow();
        map.min(*tables.position.borrow())
    }

    /// The lists of bookings, rewards, sales and check-ins have everything up to this position.
    #[must_use]
    pub fn lists_position(&self) -> Position {
        *self.inner.tables.position.borrow()
    }

    /// How current the answers are that come from any view. Never asks the log.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        let Inner { shared, tables, .. } = &*self.inner;
        let current_at = (*shared.current_at.lock()).min(*tables.current_at.lock());
        self.as_of(self.position(), current_at)
    }

    /// How current the seat maps are. Never asks the log.
    #[must_use]
    pub fn seats_freshness(&self) -> Freshness {
        let shared = &self.inner.shared;
        self.as_of(*shared.position.borrow(), *shared.current_at.lock())
    }

    fn as_of(&self, position: Position, current_at: Timestamp) -> Freshness {
        let shared = &self.inner.shared;
        let age = (shared.clock.now() - current_at).to_std().unwrap_or_default();
        Freshness { position, lag: shared.head.load(Ordering::Relaxed).saturating_sub(position.0), age }
    }

    /// How far each view has got.
    #[must_use]
    pub fn status(&self) -> Vec<ViewStatus> {
        let Inner { shared, tables, failed, .. } = &*self.inner;
        let head = shared.head.load(Ordering::Relaxed);
        let ended = failed.borrow().then(|| "the task that updates the views has ended; restart the server".to_owned());
        let one = |name, position: Position, events_folded, trouble: &Mutex<Trouble>| ViewStatus {
            name,
            position,
            head: Position(head.max(position.0)),
            lag: head.saturating_sub(position.0),
            events_folded,
            error: ended.clone().or_else(|| trouble.lock().text()),
        };
        let (position, events) = {
            let map = shared.seat_map.read();
            (map.position, map.events)
        };
        let map = one(SeatMap::NAME, position, events, &shared.trouble);
        let (position, events) = tables.folded();
        let rows = tables::VIEWS.map(|name| one(name, position, events, &tables.trouble));
        std::iter::once(map).chain(rows).collect()
    }

    /// Whether a task that updates the views has ended although nobody stopped it.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        *self.inner.failed.borrow()
    }

    /// Completes when a task that updates the views has ended although nobody stopped it. The views stay
    /// as they are; only a new process repairs that.
    pub async fn failed(&self) {
        // Never an error: `self` has the sender.
        let _ = self.inner.failed.subscribe().wait_for(|failed| *failed).await;
    }

    /// [`ReadModel::seat_map`] as JSON, written once for all who ask at the same position. `None`
    /// if there is no such show.
    #[must_use]
    pub fn seat_map_body(&self, show: &ShowId, form: MapForm) -> Option<MapBody> {
        let (shared, kind) = (&self.inner.shared, (show.clone(), form, ""));
        let snapshot = || shared.seat_map.read().view.states.shows.get(show).map(ShowSnapshot::of);
        shared.map_bodies.get(kind, self.seats_changed_at(show)?, || snapshot()?.write(form))
    }

    /// The same in a content coding, which `compress` applies, once for all who ask at the same position.
    #[must_use]
    pub fn compressed_seat_map_body(
        &self,
        show: &ShowId,
        form: MapForm,
        coding: &'static str,
        compress: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Option<MapBody> {
        let position = self.seats_changed_at(show)?;
        self.inner.shared.map_bodies.get((show.clone(), form, coding), position, || {
            let body = self.seat_map_body(show, form)?;
            Some((body.position, compress(&body.bytes)))
        })
    }

    fn seats_changed_at(&self, show: &ShowId) -> Option<Position> {
        Some(self.inner.shared.seat_map.read().view.states.shows.get(show)?.changed_at)
    }

    /// Bytes of seat maps' bodies that are kept for slow readers only, because there is a later body of the same kind.
    #[must_use]
    pub fn superseded_bytes(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.inner.shared.map_bodies.superseded)
    }

    /// The seats of a show. `None` if there is no such show.
    #[must_use]
    pub fn seat_map(&self, show: &ShowId) -> Option<SeatMapView> {
        self.inner.shared.seat_map.read().view.states.shows.get(show).map(seat_map_of)
    }

    /// Streams the changes of a show's seats after `from` (exclusive) as server-sent events, without
    /// end. Each item is one or more whole events. Give the position of a seat map, or a client's `Last-Event-ID`.
    ///
    /// Waits for a `from` that the log has not reached yet and sends nothing from before it. Ends when
    /// the reader is too slow, when the log can't be read, and when the model stops: the client then
    /// resumes by the last id it got. `None` if there is no such show.
    #[must_use]
    pub fn seat_feed(&self, show: &ShowId, from: Position) -> Option<BoxStream<'static, Bytes>> {
        let shared = &self.inner.shared;
        let feed = shared.feeds.of(show, &shared.seat_map.read())?;
        Some(seat_feed::read(Arc::clone(shared), feed, from).boxed())
    }

    /// Whether any reader of [`seat_feed`](Self::seat_feed) may begin after `from`: little or nothing of the log has to be
    /// read for it. True if there is no such show.
    #[must_use]
    pub fn seat_feed_reaches(&self, show: &ShowId, from: Position) -> bool {
        let shared = &self.inner.shared;
        // Positions of a log that is atomic across streams have no gaps; those of the other are bytes.
        shared.feeds.reach(show, from, &shared.seat_map.read(), shared.log.atomic_across_streams())
    }

    /// Stops folding, ends all feeds, and stores the views. Queries go on to be answered as of then.
    pub async fn stop(&self) {
        self.inner.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock());
        for task in tasks {
            let _ = task.await;
        }
    }
}

fn to_delta(patience: Duration) -> TimeDelta {
    TimeDelta::from_std(patience).unwrap_or(TimeDelta::days(1))
}

/// Runs a task and reports its end, unless it was stopped, or everybody who could is gone.
fn keep(
    work: impl Future<Output = ()> + Send + 'static,
    stop: watch::Receiver<bool>,
    failed: watch::Sender<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let ended = tokio::spawn(work).await;
        if !*stop.borrow() && stop.has_changed().is_ok() {
            tracing::error!(?ended, "a task of the read model has ended");
            failed.send_replace(true);
        }
    })
}

#[cfg(test)]
mod tests;

//! One subscription at the server for all readers of a node.
//!
//! Each subscription costs the server about as much as many appends, and engine and views of a node want
//! the same events. So readers with the same filter share one: a task takes its deliveries into a short
//! list, and each reader reads that at its own speed.
//!
//! Nobody waits for a slow reader. The list keeps what the fastest reader has not taken yet and drops what is
//! older, and a reader that needs dropped deliveries gets a subscription of its own until it has caught up
//! with the list. So does one that starts at another position.

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lastseat_domain::ports::event_log::{Delivery, Filter, LogFault, Position};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Deliveries kept for readers that are a little slower.
const ROOM: usize = 8_192;
/// How often a full list looks whether anybody still reads it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Opens a subscription of the server after a position.
pub(crate) type Source = Arc<dyn Fn(Position, Filter) -> Deliveries + Send + Sync>;
type Deliveries = BoxStream<'static, Result<Delivery, LogFault>>;

/// The subscriptions of a log that are shared, by their filter.
pub(crate) struct SharedSubscriptions {
    source: Source,
    room: usize,
    open: Mutex<Vec<(Filter, Weak<Tail>)>>,
}

impl SharedSubscriptions {
    pub(crate) fn new(source: Source) -> Arc<Self> {
        Self::with_room(source, ROOM)
    }

    fn with_room(source: Source, room: usize) -> Arc<Self> {
        Arc::new(Self { source, room, open: Mutex::default() })
    }

    /// See [`EventLog::subscribe`](lastseat_domain::ports::EventLog::subscribe).
    pub(crate) fn subscribe(self: &Arc<Self>, from: Position, filter: Filter) -> Deliveries {
        let shared = Arc::clone(self);
        let start = async move {
            let place = shared.place(from, false, &filter, || (shared.source)(from, filter.clone()));
            let reader = Reader { shared, filter, cursor: from, is_caught_up: false, place };
            stream::unfold(reader, Reader::next)
        };
        futures::FutureExt::flatten_stream(start).boxed()
    }

    /// Where a reader reads on that has got to `cursor`: the shared subscription, if that has what follows;
    /// `own` alone, if it has not; and if there is none, `own` is the one that others may share.
    fn place(&self, cursor: Position, is_caught_up: bool, filter: &Filter, own: impl FnOnce() -> Deliveries) -> Place {
        let mut open = self.open.lock();
        open.retain(|(_, tail)| tail.upgrade().is_some_and(|tail| !tail.state.lock().is_over()));
        let Some(tail) = open.iter().find(|(of, _)| of == filter).and_then(|(_, tail)| tail.upgrade()) else {
            let state = State { base: cursor, end: cursor, is_caught_up, ..State::default() };
            let tail = Tail::start(own(), state, self.room);
            open.push((filter.clone(), Arc::downgrade(&tail)));
            return Place::Shared { tail, next: 0 };
        };
        match tail.join(cursor) {
            Some(next) => Place::Shared { tail, next },
            None => Place::Alone(own()),
        }
    }
}

/// The newest deliveries of a subscription, and the task that takes them.
struct Tail {
    state: Mutex<State>,
    room: usize,
    /// Counts the deliveries.
    taken_in: watch::Sender<u64>,
    /// The fastest reader has made room.
    has_room: Notify,
    /// Ends the subscription with the last reader.
    _stop: DropGuard,
}

#[derive(Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    /// Number of the first of them.
    first: u64,
    /// Number of the next one that the fastest reader will take.
    fastest: u64,
    /// All events after this one are among the deliveries, or to come.
    base: Position,
    /// Where the subscription has got to.
    end: Position,
    is_caught_up: bool,
    /// How the subscription ended: with a fault, or because the log was closed.
    over: Option<Result<(), LogFault>>,
}

impl State {
    fn is_over(&self) -> bool {
        self.over.is_some()
    }
}

enum Next {
    Delivery(Delivery),
    /// It was dropped before this reader came.
    Dropped,
    CaughtUp(Position),
    Over(Result<(), LogFault>),
    Wait,
}

impl Tail {
    fn start(deliveries: Deliveries, state: State, room: usize) -> Arc<Self> {
        let stop = CancellationToken::new();
        let tail = Arc::new(Self {
            state: Mutex::new(state),
            room,
            taken_in: watch::Sender::new(0),
            has_room: Notify::new(),
            _stop: stop.clone().drop_guard(),
        });
        let weak = Arc::downgrade(&tail);
        tokio::spawn(async move { stop.run_until_cancelled(pump(deliveries, weak)).await });
        tail
    }

    /// The number of the first delivery after `cursor`. None if it was dropped, or if the subscription is so far
    /// from the cursor that a reader would wait for it.
    fn join(&self, cursor: Position) -> Option<u64> {
        let state = self.state.lock();
        let is_reached = cursor <= state.end || state.is_caught_up;
        if state.is_over() || cursor < state.base || !is_reached {
            return None;
        }
        let after = state.deliveries.iter().rev().take_while(|d| position_of(d).is_none_or(|p| p > cursor)).count();
        Some(state.first + (state.deliveries.len() - after) as u64)
    }

    /// Whether there was room.
    fn push(&self, delivery: &Delivery) -> bool {
        let mut state = self.state.lock();
        if state.deliveries.len() >= self.room {
            if state.fastest <= state.first {
                return false;
            }
            let dropped = state.deliveries.pop_front().as_ref().and_then(position_of);
            state.base = state.base.max(dropped.unwrap_or_default());
            state.first += 1;
        }
        state.end = state.end.max(position_of(delivery).unwrap_or_default());
        state.is_caught_up = caught_up_after(delivery, state.is_caught_up);
        state.deliveries.push_back(delivery.clone());
        drop(state);
        self.taken_in.send_modify(|count| *count += 1);
        true
    }

    fn end(&self, how: Result<(), LogFault>) {
        self.state.lock().over = Some(how);
        self.taken_in.send_modify(|count| *count += 1);
    }

    /// Delivery number `next`; or that it has caught up, for a reader that does not know it yet.
    fn get(&self, next: u64, is_caught_up: bool) -> Next {
        let mut state = self.state.lock();
        let Some(index) = next.checked_sub(state.first).and_then(|index| usize::try_from(index).ok()) else {
            return Next::Dropped;
        };
        if let Some(delivery) = state.deliveries.get(index).cloned() {
            if state.fastest <= next {
                state.fastest = next + 1;
                self.has_room.notify_one();
            }
            return Next::Delivery(delivery);
        }
        match &state.over {
            Some(how) => Next::Over(how.clone()),
            None if state.is_caught_up && !is_caught_up => Next::CaughtUp(state.end),
            None => Next::Wait,
        }
    }
}

/// Takes in what the server delivers, until the subscription ends or nobody reads any more.
async fn pump(mut deliveries: Deliveries, tail: Weak<Tail>) {
    while let Some(delivery) = deliveries.next().await {
        let Some(tail) = tail.upgrade() else { return };
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(fault) => return tail.end(Err(fault)),
        };
        while !tail.push(&delivery) {
            let _ = tokio::time::timeout(LOOK_AGAIN, tail.has_room.notified()).await;
            // The last reader is gone.
            if Arc::strong_count(&tail) == 1 {
                return;
            }
        }
    }
    if let Some(tail) = tail.upgrade() {
        tail.end(Ok(()));
    }
}

/// Where a reader reads.
enum Place {
    Shared {
        tail: Arc<Tail>,
        next: u64,
    },
    Alone(Deliveries),
    /// It has failed for good.
    Over,
}

struct Reader {
    shared: Arc<SharedSubscriptions>,
    filter: Filter,
    /// Everything up to here was delivered to it.
    cursor: Position,
    is_caught_up: bool,
    place: Place,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Delivery, LogFault>, Self)> {
        loop {
            match &mut self.place {
                Place::Over => return None,
                Place::Alone(deliveries) => {
                    let delivery = deliveries.next().await?;
                    self.saw(&delivery);
                    if let Place::Alone(own) = std::mem::replace(&mut self.place, Place::Over) {
                        self.place = self.shared.place(self.cursor, self.is_caught_up, &self.filter, || own);
                    }
                    return Some((delivery, self));
                }
                Place::Shared { tail, next } => match tail.get(*next, self.is_caught_up) {
                    Next::Delivery(delivery) => {
                        *next += 1;
                        // The subscription was cut and has caught up again, of which this reader has not heard. How far it is now,
                        // it has to hear: else it would wait for the next event that passes.
                        let delivery = match delivery {
                            Delivery::CaughtUp(position) if self.is_caught_up => Delivery::Checkpoint(position),
                            delivery => delivery,
                        };
                        let is_new = match &delivery {
                            Delivery::Event(_) | Delivery::Checkpoint(_) => position_of(&delivery) > Some(self.cursor),
                            Delivery::CaughtUp(_) => !self.is_caught_up,
                            Delivery::Interrupted(_) => true,
                        };
                        if is_new {
                            let delivery = Ok(delivery);
                            self.saw(&delivery);
                            return Some((delivery, self));
                        }
                    }
                    Next::CaughtUp(end) => {
                        let delivery = Ok(Delivery::CaughtUp(end.max(self.cursor)));
                        self.saw(&delivery);
                        return Some((delivery, self));
                    }
                    Next::Dropped => {
                        self.is_caught_up = false;
                        self.place = Place::Alone((self.shared.source)(self.cursor, self.filter.clone()));
                    }
                    Next::Over(how) => {
                        self.place = Place::Over;
                        return how.err().map(|fault| (Err(fault), self));
                    }
                    Next::Wait => {
                        let mut taken_in = tail.taken_in.subscribe();
                        // What came between the two is found by looking again.
                        if matches!(tail.get(*next, self.is_caught_up), Next::Wait) {
                            let _ = taken_in.changed().await;
                        }
                    }
                },
            }
        }
    }

    fn saw(&mut self, delivery: &Result<Delivery, LogFault>) {
        match delivery {
            Ok(delivery) => {
                self.cursor = self.cursor.max(position_of(delivery).unwrap_or_default());
                self.is_caught_up = caught_up_after(delivery, self.is_caught_up);
            }
            Err(_) => self.place = Place::Over,
        }
    }
}

fn caught_up_after(delivery: &Delivery, before: bool) -> bool {
    match delivery {
        Delivery::CaughtUp(_) => true,
        Delivery::Interrupted(_) => false,
        Delivery::Event(_) | Delivery::Checkpoint(_) => before,
    }
}

/// The position that a reader has reached with it.
fn position_of(delivery: &Delivery) -> Option<Position> {
    match delivery {
        Delivery::Event(event) => Some(event.position),
        Delivery::Checkpoint(position) | Delivery::CaughtUp(position) => Some(*position),
        Delivery::Interrupted(_) => None,
    }
}

#[cfg(test)]
mod tests;

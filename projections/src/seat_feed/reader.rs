//! One reader of a feed.

use super::replay::Replay;
use super::ring::Pulled;
use super::{ShowFeed, frame};
use crate::runner::Shared;
use bytes::Bytes;
use futures::Stream;
use lastseat_domain::ports::event_log::Position;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

/// Silence after which a comment is sent.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

struct Reader {
    shared: Arc<Shared>,
    feed: Arc<ShowFeed>,
    wake: watch::Receiver<()>,
    state: State,
    heartbeat: Heartbeat,
    /// Whether anything was sent since the heartbeat was set.
    busy: bool,
}

enum State {
    /// Nothing sent yet.
    New { from: Position },
    /// Until the views have reached the position it knows already: another node may be ahead,
    /// or the client invented the position.
    Waiting { from: Position },
    /// Reading the log up to where the ring begins.
    Catching(Box<Replay>),
    /// Next: the areas as they are.
    Areas { next: u64, known: Position },
    /// In the ring.
    Live { next: u64, known: Position },
}

/// Streams everything after `from`.
pub(crate) fn read(shared: Arc<Shared>, feed: Arc<ShowFeed>, from: Position) -> impl Stream<Item = Bytes> + Send {
    let reader =
        Reader { wake: feed.wake.subscribe(), heartbeat: Heartbeat(None), shared, feed, state: State::New { from }, busy: false };
    futures::stream::unfold(reader, |mut reader| async move { reader.next().await.map(|bytes| (bytes, reader)) })
}

/// Measures silence, so it needs no clock that follows the time of day: a sleeper of the clock wakes up every second to
/// look at it. Begins when it is first waited for, on the thread that sends.
struct Heartbeat(Option<Pin<Box<Sleep>>>);

impl Heartbeat {
    /// Completes when one is due, and begins again.
    async fn due(&mut self) {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(HEARTBEAT_EVERY)));
        sleep.as_mut().await;
        sleep.as_mut().reset(Instant::now() + HEARTBEAT_EVERY);
    }
}

impl Reader {
    /// The next bytes, whole events only. `None` ends the connection.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match &mut self.state {
                State::New { from } => {
                    let from = *from;
                    self.state = State::Waiting { from };
                    return Some(frame::hello(&self.feed.show, from).into());
                }
                State::Waiting { from } => {
                    let from = *from;
                    let mut folded = self.shared.position.subscribe();
                    if *folded.borrow_and_update() >= from {
                        self.state = self.join(from);
                        continue;
                    }
                    tokio::select! {
                        reached = folded.wait_for(|folded| *folded >= from) => drop(reached.ok()?),
                        changed = self.wake.changed() => {
                            changed.ok()?;
                            if self.feed.ring.lock().is_closed() {
                                return None;
                            }
                        }
                        () = self.heartbeat.due() => {
                            return Some(Bytes::from_static(frame::HEARTBEAT));
                        }
                    }
                }
                State::Catching(replay) => {
                    let changes = match replay.next().await {
                        Ok(changes) => changes,
                        Err(fault) => {
                            tracing::warn!("a reader of the seat feed is cut: {fault}");
                            return None;
                        }
                    };
                    let position = replay.position;
                    if let Some(next) = self.feed.ring.lock().first_after(position) {
                        self.state = State::Areas { next, known: position };
                    }
                    if !changes.is_empty() {
                        self.busy = true;
                        return Some(changes);
                    }
                }
                State::Areas { next, known } => {
                    let (next, known) = (*next, *known);
                    self.state = State::Live { next, known };
                    if let Some(areas) = self.areas() {
                        return Some(areas);
                    }
                }
                State::Live { next, known } => {
                    self.wake.borrow_and_update();
                    let pulled = self.feed.ring.lock().pull(*next, *known);
                    match pulled {
                        Pulled::Chunk(bytes, to) => {
                            *next = to;
                            if !bytes.is_empty() {
                                self.busy = true;
                                return Some(bytes);
                            }
                        }
                        Pulled::Nothing => {
                            tokio::select! {
                                changed = self.wake.changed() => changed.ok()?,
                                () = self.heartbeat.due() => {
                                    if !std::mem::take(&mut self.busy) {
                                        return Some(Bytes::from_static(frame::HEARTBEAT));
                                    }
                                }
                            }
                        }
                        // Too slow, or the model stops: the client resumes by its last id.
                        Pulled::FellOff | Pulled::Closed => return None,
                    }
                }
            }
        }
    }

    fn join(&self, from: Position) -> State {
        match self.feed.ring.lock().first_after(from) {
            Some(next) => State::Areas { next, known: from },
            None => State::Catching(Box::new(Replay::new(Arc::clone(&self.shared), Arc::clone(&self.feed), from))),
        }
    }

    /// The unlabelled areas as they are now, without an id: not everything up to now was sent yet.
    fn areas(&self) -> Option<Bytes> {
        let plan = self.feed.plan();
        let unlabelled = (0_u32..).zip(&plan.areas).filter(|(_, area)| !area.labelled).map(|(index, _)| index);
        let folded = self.shared.seat_map.read();
        let show_seats = folded.view.states.shows.get(&self.feed.show)?;
        let bytes = frame::areas(show_seats, unlabelled, folded.position, None);
        (!bytes.is_empty()).then_some(bytes)
    }
}

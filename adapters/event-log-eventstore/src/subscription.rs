//! A subscription that goes on.
//!
//! It is made anew behind the last event it has whenever it is lost, for as long as it takes, so
//! that whoever follows sees no gap and no repeat. It fails only where time does not help: the
//! position is not of this log, or the credentials don't suffice.
//!
//! How far it is, where nothing passes the filter, it finds out for itself: it reads the log's last
//! event, then whether anything that passes stands between that and what it delivered. Positions of
//! the server's own checkpoints are not used. Some servers tell one that the next event will have,
//! and as only commit positions are kept, who resumed there would miss it. Nor are the positions of
//! events that the port does not see (links, other programs' events that are no JSON): the log's
//! head never gets there, and a checkpoint there would look like that of another log.

use crate::link::Link;
use crate::pump::{News, Pump};
use crate::read::{self, Sifted};
use crate::trouble::Trouble;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use lastseat_domain::ports::event_log::{Delivery, Direction, Filter, LogFault, Position, request};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How long nothing has to come before it is looked whether all there was has come.
const QUIET: Duration = Duration::from_millis(50);
/// How often it is looked whether something should have come, while nothing comes.
const WATCH: Duration = Duration::from_secs(5);
/// Pauses before it is made anew.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Events that may be left out without a word.
const SILENT: u32 = 1_000;

/// Deliveries that may wait for the reader.
const WAITING: usize = 256;

/// See [`EventLog::subscribe`](lastseat_domain::ports::EventLog::subscribe).
pub(crate) fn subscribe(link: Arc<Link>, from: Position, filter: Filter) -> BoxStream<'static, Result<Delivery, LogFault>> {
    let start = async move {
        let (sender, deliveries) = mpsc::channel(WAITING);
        let closed = link.closed().clone();
        // In a task of its own: a reader who takes his time must not keep a call half done.
        let follow = async move { Following::new(link, from, filter).run(sender).await };
        let task = tokio::spawn(async move { closed.run_until_cancelled_owned(follow).await });
        stream::unfold((deliveries, AbortOnDropHandle::new(task)), async |(mut deliveries, task)| {
            let delivery = deliveries.recv().await?;
            Some((delivery, (deliveries, task)))
        })
    };
    start.flatten_stream().boxed()
}

struct Following {
    link: Arc<Link>,
    filter: Filter,
    /// Everything up to here that passes was delivered or stands in `ready`. Always the position
    /// of an event, so that the server can start there.
    reached: Position,
    /// Where the port last sees an event up to there, or where the reader began. Only this is vouched
    /// for: the log's head is never before it.
    sure: Position,
    /// How far the reader knows.
    told: Position,
    /// What the log held when the reader fell behind; `None` while it has caught up.
    goal: Option<Position>,
    pump: Option<Pump>,
    /// The look under way.
    look: Option<BoxFuture<'static, Result<Seen, LogFault>>>,
    /// When to look.
    look_at: Instant,
    /// The event that should have come, and since when.
    missing: Option<(Position, Instant)>,
    left_out: u32,
    pause: Duration,
    ready: VecDeque<Delivery>,
}

/// What a look at the log showed.
struct Seen {
    /// The log's last event.
    head: Position,
    /// The first event behind `reached` that passes.
    next: Option<Position>,
}

enum Happened {
    News(Option<Result<News, Trouble>>),
    Looked(Result<Seen, LogFault>),
    TimeToLook,
}

impl Following {
    fn new(link: Arc<Link>, from: Position, filter: Filter) -> Self {
        Self {
            link,
            filter,
            reached: from,
            sure: from,
            told: from,
            goal: None,
            pump: None,
            look: None,
            look_at: Instant::now(),
            missing: None,
            left_out: 0,
            pause: FIRST_PAUSE,
            ready: VecDeque::new(),
        }
    }

    /// Follows until a fault that time does not heal, or until nobody reads any more.
    async fn run(mut self, sender: mpsc::Sender<Result<Delivery, LogFault>>) {
        loop {
            while let Some(delivery) = self.ready.pop_front() {
                if sender.send(Ok(delivery)).await.is_err() {
                    return;
                }
            }
            if let Err(fault) = self.step().await {
                let _ = sender.send(Err(fault)).await;
                return;
            }
        }
    }

    /// Does whatever comes next.
    ///
    /// # Errors
    /// [`LogFault`] that time does not heal.
    async fn step(&mut self) -> Result<(), LogFault> {
        let Some(pump) = &mut self.pump else { return self.start().await };
        let looking = async {
            match &mut self.look {
                Some(look) => Happened::Looked(look.await),
                None => {
                    tokio::time::sleep_until(self.look_at).await;
                    Happened::TimeToLook
                }
            }
        };
        let happened = tokio::select! {
            biased;
            news = pump.next() => Happened::News(news),
            happened = looking => happened,
        };
        match happened {
            Happened::News(Some(Ok(news))) => self.take(news),
            Happened::News(Some(Err(trouble))) => return self.lost(trouble).await,
            Happened::News(None) => return self.lost(Trouble::Lost("the subscription ended".to_owned())).await,
            Happened::Looked(seen) => {
                self.look = None;
                return self.looked(seen).await;
            }
            Happened::TimeToLook => self.look = Some(look(Arc::clone(&self.link), self.filter.clone(), self.reached).boxed()),
        }
        Ok(())
    }

    /// Subscribes behind what was delivered.
    async fn start(&mut self) -> Result<(), LogFault> {
        let head = match start_from(&self.link, self.reached).await {
            Ok(head) => head,
            Err(LogFault::Unavailable(why)) => return self.lost(Trouble::Lost(why)).await,
            Err(fault) => return Err(fault),
        };
        self.goal = Some(head);
        self.missing = None;
        self.look = None;
        self.look_at = Instant::now() + self.link.options.read_deadline;
        self.pump = Some(Pump::start(Arc::clone(&self.link), self.reached, &self.filter));
        Ok(())
    }

    fn take(&mut self, news: News) {
        match news {
            News::Confirmed => {
                self.pause = FIRST_PAUSE;
                self.look_at = Instant::now() + QUIET;
                self.reach(self.reached);
            }
            News::Event(raw) => {
                let Some(position) = raw.position().filter(|position| *position > self.reached) else { return };
                self.missing = None;
                match read::sifted(*raw, &self.filter) {
                    Sifted::Wanted(record) => {
                        (self.sure, self.told, self.left_out) = (position, position, 0);
                        self.ready.push_back(Delivery::Event(Arc::new(record)));
                    }
                    Sifted::Unwanted => {
                        self.sure = position;
                        self.leave_out();
                    }
                    Sifted::Unseen => self.leave_out(),
                }
                self.reach(position);
                // Whoever has caught up and misses nothing need not ask after every event.
                let all_told = self.goal.is_none() && self.left_out == 0;
                self.look_at = Instant::now() + if all_told { WATCH } else { QUIET };
            }
            News::Hint => self.look_at = self.look_at.min(Instant::now() + QUIET),
            News::FellBehind => {
                // How far is found out by the next look.
                self.goal.get_or_insert(Position(u64::MAX));
                self.look_at = Instant::now() + QUIET;
            }
        }
    }

    /// Says now and then how far it got where nothing passes.
    fn leave_out(&mut self) {
        self.left_out += 1;
        if self.left_out >= SILENT {
            self.left_out = 0;
            self.tell();
        }
    }

    /// Tells how far it got, if that is news.
    fn tell(&mut self) {
        if self.sure > self.told {
            self.told = self.sure;
            self.ready.push_back(Delivery::Checkpoint(self.sure));
        }
    }

    /// Notes that everything up to here was delivered, and tells if that is all there was.
    fn reach(&mut self, position: Position) {
        self.reached = self.reached.max(position);
        if let Some(goal) = self.goal.filter(|goal| *goal <= self.reached) {
            self.goal = None;
            self.sure = self.sure.max(goal);
            self.told = self.sure;
            self.ready.push_back(Delivery::CaughtUp(self.sure));
        }
    }

    async fn looked(&mut self, seen: Result<Seen, LogFault>) -> Result<(), LogFault> {
        self.look_at = Instant::now() + WATCH;
        let seen = match seen {
            Ok(seen) => seen,
            Err(LogFault::Unavailable(_)) => {
                self.look_at = Instant::now() + FIRST_PAUSE;
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        match seen.next.filter(|next| *next > self.reached) {
            // Whatever passes up to the head was delivered.
            None if seen.next.is_none() => {
                self.missing = None;
                self.goal = self.goal.map(|_| seen.head);
                self.sure = self.sure.max(seen.head);
                self.reach(seen.head);
                self.tell();
            }
            // It came in the meantime; there may be more.
            None => self.look_at = Instant::now() + QUIET,
            Some(next) => {
                self.look_at = Instant::now() + QUIET;
                let (missing, since) = *self.missing.get_or_insert((next, Instant::now()));
                if missing != next {
                    self.missing = Some((next, Instant::now()));
                } else if since.elapsed() > self.link.options.read_deadline {
                    return self.lost(Trouble::Lost(format!("the event at {next} does not come"))).await;
                }
            }
        }
        Ok(())
    }

    /// Waits, to subscribe anew.
    async fn lost(&mut self, trouble: Trouble) -> Result<(), LogFault> {
        self.pump = None;
        self.look = None;
        if let fault @ (LogFault::Refused(_) | LogFault::Damaged(_)) = trouble.clone().fault("the subscription") {
            return Err(fault);
        }
        tracing::warn!(position = %self.reached, ?trouble, "the subscription was lost and is made anew");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// The log's last event, and the first behind `reached` that passes.
async fn look(link: Arc<Link>, filter: Filter, reached: Position) -> Result<Seen, LogFault> {
    // In this order: what is written in between stands behind the head, or is found.
    let head = read::head(&link).await?;
    let next = if head > reached { read::all(&link, Some(reached), Direction::Forwards, 1, &filter).await? } else { Vec::new() };
    Ok(Seen { head, next: next.first().map(|event| event.position) })
}

/// Checks where a subscription starts, and gives the log's last event.
async fn start_from(link: &Link, from: Position) -> Result<Position, LogFault> {
    let head = read::head(link).await?;
    if from > head {
        // On a server that others use, too, the last event may have been deleted since.
        request::check_start(from, read::end(link).await?.max(head))?;
    }
    Ok(head)
}

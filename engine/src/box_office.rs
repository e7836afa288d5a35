//! The box office: the one type that the API commands.

mod orders;

pub use orders::{Hold, HoldRequest, Paid, PayRequest, Ports, SeatSelection, Settings, Status};

use crate::actors::payment::{PaymentActor, PaymentMessage};
use crate::actors::registry::Supervisor;
use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::reactors::log_follower::{self, LogFollower};
use crate::reactors::rewards;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::ports::event_log::WriteOutcome;
use lastseat_domain::show::{self, Show, ShowCommand};
use lastseat_domain::{BookingId, BuyerId, Metadata, Rejection, ShowId, StreamName, Timestamp, VoucherId, codec};
use ractor::{Actor, ActorRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Times that a decision on a show is made anew because another's append came first.
const TRIES: usize = 16;

/// The box office. Cheap to clone. When the last clone is dropped without [`BoxOffice::drain`], all
/// that it does ends where it stands, as at a power cut; recovery finishes what was begun.
#[derive(Clone)]
pub struct BoxOffice {
    core: Arc<Core>,
    life: Arc<Life>,
}

/// What runs for a box office.
struct Life {
    /// Reactors take up nothing new.
    stop: CancellationToken,
    /// Work under way ends, too.
    kill: CancellationToken,
    tasks: TaskTracker,
    supervisor: ActorRef<()>,
    core: Arc<Core>,
}

impl Life {
    /// Runs for as long as the engine. If it ends before, by a panic, the engine is not ready any
    /// more: it would go on selling with holds that never end.
    fn keep(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (running, core, stop) = (self.spawn(work), self.core.clone(), self.stop.clone());
        self.spawn(async move {
            let ended = running.await;
            if !stop.is_cancelled() {
                tracing::error!(?ended, "a reactor has ended");
                core.task_ended.store(true, Ordering::Release);
            }
        });
    }

    /// Runs beside the commands until it is done, or killed.
    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<Option<T>> {
        let kill = self.kill.clone();
        self.tasks.spawn(async move { kill.run_until_cancelled_owned(work).await })
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.stop.cancel();
        self.kill.cancel();
        self.core.seats.close();
        self.core.payments.close();
        // Its children end with it.
        self.supervisor.kill();
    }
}

impl BoxOffice {
    /// Reads the log to its end, then starts the reactors that finish what a crash left behind.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be read.
    pub async fn open(ports: Ports, settings: Settings) -> Result<Self, Fault> {
        let (supervisor, _) = Supervisor::spawn(None, Supervisor, ())
            .await
            .map_err(|e| Fault::Unavailable(format!("the actors' supervisor could not be started: {e}")))?;
        let core = Arc::new(Core::new(ports, settings, supervisor.get_cell()));
        let (stop, kill, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let life = Life { stop, kill, tasks, supervisor, core: core.clone() };
        let (rewards, missing) = mpsc::unbounded_channel();
        let mut follower = LogFollower::new(core.clone(), rewards, life.tasks.clone(), life.kill.clone());
        follower.catch_up().await?;
        life.keep(follower.run(life.stop.clone()));
        life.keep(rewards::run(core.clone(), missing, life.stop.clone()));
        life.keep(run_maintenance(core.clone(), life.stop.clone()));
        Ok(Self { core, life: Arc::new(life) })
    }

    /// All shows by id.
    #[must_use]
    pub fn shows(&self) -> Vec<Arc<Show>> {
        self.core.shows.all()
    }

    /// A show.
    #[must_use]
    pub fn show(&self, show: &ShowId) -> Option<Arc<Show>> {
        self.core.shows.get(show).map(|active_show| active_show.show.load_full())
    }

    /// Puts a show on sale. The same show again is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn schedule_show(&self, show: ShowScheduled, by: &str) -> Result<Arc<Show>, CommandError> {
        let id = show.show.clone();
        self.change_show(&id, ShowCommand::Schedule(show), by).await
    }

    /// Takes no new holds until resumed.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn pause_sales(&self, show: &ShowId, by: &str) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Pause, by).await
    }

    /// Takes holds again.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn resume_sales(&self, show: &ShowId, by: &str) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Resume, by).await
    }

    /// Takes no holds ever again. Open bookings can't be paid any more and end with their holds;
    /// confirmed ones stay until they are refunded.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel_show(&self, show: &ShowId, by: &str) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Cancel, by).await
    }

    async fn change_show(&self, id: &ShowId, command: ShowCommand, by: &str) -> Result<Arc<Show>, CommandError> {
        let _permit = self.core.holds.enter(false)?;
        for _ in 0..TRIES {
            let loaded = self.core.journal.show(id).await?;
            if let Some(state) = &loaded.state {
                // Another node may have scheduled it, and this one not have heard of it yet.
                self.core.shows.learn(id, state);
            }
            let events = show::decide(loaded.state.as_ref(), command.clone())?;
            if !events.is_empty() {
                let metadata = Metadata::new(by, self.core.now());
                let write = codec::encode(StreamName::show(id), loaded.expected, &events, &metadata).map_err(Fault::from)?;
                match self.core.journal.append(vec![write]).await?.first() {
                    Some(WriteOutcome::Written { position, .. }) => self.core.saw_position(position.0),
                    _ => continue,
                }
                for event in &events {
                    self.core.shows.apply(id, event);
                }
            }
            return self.show(id).ok_or_else(|| Fault::Unavailable("the show is not known to this node yet".into()).into());
        }
        Err(Fault::Unavailable("the show is too contended; try again".into()).into())
    }

    /// The refusals that need no waiting, which are nearly all of a flash sale: the show is not on
    /// sale, what is asked for makes no sense, or the seat table knows that it is taken. [`Self::hold`]
    /// says the same; asked first, it spares the loser the making of a booking. Not to be asked for a
    /// repeat under an idempotency key, whose seats may be taken by itself.
    ///
    /// # Errors
    /// The rejection.
    pub fn refuse_at_once(&self, show: &ShowId, selection: &SeatSelection) -> Result<(), Rejection> {
        self.core.refuse_at_once(show, selection)
    }

    /// Holds seats.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(&self, request: HoldRequest) -> Result<Hold, CommandError> {
        Box::pin(self.core.hold(request)).await
    }

    /// A booking as the log has it now; `None` if there is none, or if it was only fenced.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn booking(&self, booking: BookingId) -> Result<Option<Booking>, Fault> {
        Ok(self.core.journal.booking(booking).await?.state.filter(|b| b.opened.is_some()))
    }

    /// Prolongs a hold, once.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn extend(&self, booking: BookingId, by: &str) -> Result<Booking, CommandError> {
        command(&self.core, booking, |reply| PaymentMessage::Extend(by.to_owned(), reply)).await
    }

    /// Gives held seats back. A booking that is over already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel(&self, booking: BookingId, by: &str) -> Result<Booking, CommandError> {
        command(&self.core, booking, |reply| PaymentMessage::Cancel(by.to_owned(), reply)).await
    }

    /// Pays for a hold. The answer says what is known after `payment_patience` at most; the payment
    /// itself goes on.
    ///
    /// # Errors
    /// [`CommandError`]; a decline is `Rejection::PaymentDeclined`.
    pub async fn pay(&self, booking: BookingId, request: PayRequest) -> Result<Paid, CommandError> {
        // The core alone: a payment under way does not keep the box office alive.
        let core = self.core.clone();
        // A task of its own: it goes on when the caller is told "not known yet", or hangs up.
        let mut payment =
            self.life.spawn(async move { command(&core, booking, |reply| PaymentMessage::Pay(request.clone(), reply)).await });
        let patience = chrono::TimeDelta::from_std(self.core.settings.payment_patience).unwrap_or_default();
        tokio::select! {
            biased;
            paid = &mut payment => match paid {
                Ok(Some(paid)) => paid,
                _ => Err(Fault::OutcomeUnknown("the payment was interrupted".to_owned()).into()),
            },
            () = self.core.ports.clock.sleep_until(self.core.now() + patience) => {
                let booking = self.booking(booking).await?.ok_or(Rejection::BookingNotFound)?;
                Ok(Paid::Pending(booking))
            }
        }
    }

    /// Returns the money of a confirmed booking and frees its seats, exactly once. Refunded already
    /// is a success. If the gateway does not answer, the booking comes back still confirmed; the
    /// refund is recorded and carried out as soon as it can be.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn refund(&self, booking: BookingId, by: &str) -> Result<Booking, CommandError> {
        command(&self.core, booking, |reply| PaymentMessage::Refund(by.to_owned(), reply)).await
    }

    /// Uses a voucher of `buyer`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn redeem_voucher(&self, buyer: &BuyerId, voucher: VoucherId, by: &str) -> Result<(), CommandError> {
        let _permit = self.core.checkouts.enter(false)?;
        rewards::decide(&self.core, buyer, None, by, LoyaltyCommand::Redeem { voucher }).await
    }

    /// A hint that something about a booking may have changed outside (a webhook): look at it now.
    /// Believes nothing: it reads the log and asks the gateway.
    pub fn settle(&self, booking: BookingId) {
        let core = self.core.clone();
        self.life.spawn(async move { log_follower::settle(&core, booking, Vec::new()).await });
    }

    /// How the engine is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let core = &self.core;
        let (written, followed) = (core.written.load(Ordering::Acquire), core.followed.load(Ordering::Acquire));
        let mut degraded: Vec<String> =
            core.follower_fault.lock().iter().map(|f| format!("the event log can't be followed: {f}")).collect();
        let task_ended = core.task_ended.load(Ordering::Acquire);
        if task_ended {
            degraded.push("a reactor has ended; restart the server".to_owned());
        }
        degraded.extend(core.passed_over.lock().iter().map(|why| format!("an event was passed over: {why}")));
        let trouble = core.journal.trouble();
        let writable = trouble.is_none();
        degraded.extend(trouble.map(|why| format!("the event log can't be written: {why}")));
        let guard_trouble = core.guard_trouble();
        degraded.extend(
            guard_trouble
                .iter()
                .map(|why| format!("the seat guard does not answer ({why}); selling on without it, with fewer holds at a time")),
        );
        Status {
            ready: writable && !task_ended && !self.life.stop.is_cancelled(),
            in_flight: core.holds.inside() + core.checkouts.inside(),
            lag: written.saturating_sub(followed),
            actors: core.seats.len() + core.payments.len(),
            unfinished: core.unfinished.load(Ordering::Relaxed),
            guard_answers: guard_trouble.is_none(),
            guard_failures: core.guard_failures.load(Ordering::Relaxed),
            degraded,
        }
    }

    /// Takes no new commands, finishes those under way, stops the actors and reactors. Commands
    /// still under way after `patience` are left to recovery.
    pub async fn drain(&self, patience: Duration) {
        self.core.holds.close();
        self.core.checkouts.close();
        let deadline = self.core.now() + chrono::TimeDelta::from_std(patience).unwrap_or_default();
        tokio::select! {
            biased;
            () = async { self.core.holds.empty().await; self.core.checkouts.empty().await } => {}
            () = self.core.ports.clock.sleep_until(deadline) => tracing::warn!("commands are still under way; recovery will finish them"),
        }
        self.life.stop.cancel();
        self.life.tasks.close();
        tokio::select! {
            biased;
            () = self.life.tasks.wait() => {}
            () = self.core.ports.clock.sleep_until(deadline) => {}
        }
        self.core.seats.passivate(Timestamp::MAX_UTC);
        self.core.payments.passivate(Timestamp::MAX_UTC);
        self.life.supervisor.stop(None);
    }
}

/// Asks the actor of a booking's payment.
async fn command<T: Send + 'static>(
    core: &Arc<Core>,
    booking: BookingId,
    message: impl Fn(oneshot::Sender<Result<T, CommandError>>) -> PaymentMessage,
) -> Result<T, CommandError> {
    let _permit = core.checkouts.enter(false)?;
    core.payments.ask(&booking, core.now(), || (PaymentActor::new(booking, core), ()), message).await?
}

/// Stops idle actors and asks the guard for what it owes, every now and then.
async fn run_maintenance(core: Arc<Core>, stop: CancellationToken) {
    let idle = chrono::TimeDelta::from_std(core.settings.passivate_after).unwrap_or_default();
    loop {
        let next = core.now() + (idle / 2).max(chrono::TimeDelta::milliseconds(100));
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = core.ports.clock.sleep_until(next) => {}
        }
        core.retry_pending_releases().await;
        core.seats.passivate(core.now() - idle);
        core.payments.passivate(core.now() - idle);
    }
}

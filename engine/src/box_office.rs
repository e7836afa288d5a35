//! The box office: the one type that the API commands.

use crate::actors::payment::PaymentMessage;
use crate::actors::registry::Supervisor;
use crate::core::Core;
use crate::error::{CommandError, Fault};
use crate::hold;
use crate::payments::Payments;
use crate::ports::Ports;
use crate::reactors::log_follower::LogFollower;
use crate::reactors::progress::FollowerProgress;
use crate::reactors::rewards;
use crate::requests::{Hold, HoldRequest, Paid, PayRequest, SeatSelection, Status};
use crate::settings::Settings;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::show::{Show, ShowCommand};
use lastseat_domain::{BookingId, BuyerId, Metadata, Rejection, ShowId, Timestamp, VoucherId};
use ractor::{Actor, ActorRef};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The box office. Cheap to clone. When the last clone is dropped without [`BoxOffice::drain`], all
/// that it does ends where it stands, as at a power cut; recovery finishes what was begun.
#[derive(Clone)]
pub struct BoxOffice {
    core: Arc<Core>,
    payments: Arc<Payments>,
    progress: Arc<FollowerProgress>,
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
    payments: Arc<Payments>,
    /// A task that should run as long as the engine has ended by itself: a defect.
    task_ended: Arc<AtomicBool>,
}

impl Life {
    /// Runs for as long as the engine. If it ends before, by a panic, the engine is not ready any
    /// more: it would go on selling with holds that never end.
    fn keep(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (running, task_ended, stop) = (self.spawn(work), self.task_ended.clone(), self.stop.clone());
        self.spawn(async move {
            let ended = running.await;
            if !stop.is_cancelled() {
                tracing::error!(?ended, "a reactor has ended");
                task_ended.store(true, Ordering::Release);
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
        self.payments.close();
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
        let payments = Arc::new(Payments::new(core.clone(), supervisor.get_cell()));
        let progress = Arc::new(FollowerProgress::default());
        let task_ended = Arc::default();
        let life = Life { stop, kill, tasks, supervisor, core: core.clone(), payments: payments.clone(), task_ended };
        let (rewards, missing) = mpsc::unbounded_channel();
        let mut follower =
            LogFollower::new(core.clone(), payments.clone(), progress.clone(), rewards, life.tasks.clone(), life.kill.clone());
        follower.catch_up().await?;
        life.keep(follower.run(life.stop.clone()));
        life.keep(rewards::run(core.clone(), missing, life.stop.clone()));
        life.keep(run_maintenance(core.clone(), payments.clone(), life.stop.clone()));
        Ok(Self { core, payments, progress, life: Arc::new(life) })
    }

    /// All shows by id.
    #[must_use]
    pub fn shows(&self) -> Vec<Arc<Show>> {
        self.core.shows.all()
    }

    /// A show.
    #[must_use]
    pub fn show(&self, show: &ShowId) -> Option<Arc<Show>> {
        self.core.shows.get(show).map(|active| active.show.load_full())
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
        let metadata = Metadata::new(by, self.core.now());
        let executed = self.core.journal.execute::<Show>(id, &command, &metadata).await?;
        let Some(state) = &executed.loaded.state else { return Err(Rejection::ShowNotFound.into()) };
        // Without waiting for the log's subscription: the caller expects to find what it did.
        self.core.shows.learn(id, state);
        for event in &executed.events {
            self.core.shows.apply(id, event);
        }
        self.show(id).ok_or_else(|| Rejection::ShowNotFound.into())
    }

    /// The refusals that need no waiting, which are nearly all of a flash sale: the show is not on
    /// sale, what is asked for makes no sense, or the seat table knows that it is taken. [`Self::hold`]
    /// says the same; asked first, it spares the loser the making of a booking. Not to be asked for a
    /// repeat under an idempotency key, whose seats may be taken by itself.
    ///
    /// # Errors
    /// The rejection.
    pub fn refuse_at_once(&self, show: &ShowId, selection: &SeatSelection) -> Result<(), Rejection> {
        hold::refuse_at_once(&self.core, show, selection)
    }

    /// Holds seats.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(&self, request: HoldRequest) -> Result<Hold, CommandError> {
        Box::pin(hold::hold(&self.core, &request)).await
    }

    /// A booking as the log has it now; `None` if there is none, or if it was only fenced.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn booking(&self, booking: BookingId) -> Result<Option<Booking>, Fault> {
        Ok(self.core.journal.load::<Booking>(&booking).await?.state.filter(|b| b.opened.is_some()))
    }

    /// Prolongs a hold, once.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn extend(&self, booking: BookingId, by: &str) -> Result<Booking, CommandError> {
        self.payments.command(booking, |reply| PaymentMessage::Extend(by.to_owned(), reply)).await
    }

    /// Gives held seats back. A booking that is over already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel(&self, booking: BookingId, by: &str) -> Result<Booking, CommandError> {
        self.payments.command(booking, |reply| PaymentMessage::Cancel(by.to_owned(), reply)).await
    }

    /// Pays for a hold. The answer says what is known after `payment_patience` at most; the payment
    /// itself goes on.
    ///
    /// # Errors
    /// [`CommandError`]; a decline is `Rejection::PaymentDeclined`.
    pub async fn pay(&self, booking: BookingId, request: PayRequest) -> Result<Paid, CommandError> {
        // Without the box office itself, which a payment under way does not keep alive.
        let payments = self.payments.clone();
        // A task of its own: it goes on when the caller is told "not known yet", or hangs up.
        let mut payment =
            self.life.spawn(async move { payments.command(booking, |reply| PaymentMessage::Pay(request.clone(), reply)).await });
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
        self.payments.command(booking, |reply| PaymentMessage::Refund(by.to_owned(), reply)).await
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
        let payments = self.payments.clone();
        self.life.spawn(async move { payments.settle(booking, Vec::new()).await });
    }

    /// How the engine is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let core = &self.core;
        let mut degraded = self.progress.troubles();
        let task_ended = self.life.task_ended.load(Ordering::Acquire);
        if task_ended {
            degraded.push("a background task has ended; restart the server".to_owned());
        }
        let trouble = core.journal.trouble();
        let writable = trouble.is_none();
        degraded.extend(trouble.map(|why| format!("the event log can't be written: {why}")));
        let guard_trouble = core.guard.trouble();
        degraded.extend(
            guard_trouble
                .iter()
                .map(|why| format!("the seat guard does not answer ({why}); selling on without it, with fewer holds at a time")),
        );
        Status {
            ready: writable && !task_ended && !self.life.stop.is_cancelled(),
            in_flight: core.holds.inside() + core.checkouts.inside(),
            lag: core.journal.written().0.saturating_sub(self.progress.position().0),
            actors: core.seats.awake() + self.payments.awake(),
            unfinished: self.progress.unfinished(),
            guard_answers: guard_trouble.is_none(),
            guard_failures: core.guard.failures(),
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
        self.payments.passivate(Timestamp::MAX_UTC);
        self.life.supervisor.stop(None);
    }
}

/// Stops idle actors and tries pending releases of the guard again, every now and then.
async fn run_maintenance(core: Arc<Core>, payments: Arc<Payments>, stop: CancellationToken) {
    let idle = chrono::TimeDelta::from_std(core.settings.passivate_after).unwrap_or_default();
    loop {
        let next = core.now() + (idle / 2).max(chrono::TimeDelta::milliseconds(100));
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = core.ports.clock.sleep_until(next) => {}
        }
        core.guard.retry_pending_releases().await;
        core.seats.passivate(core.now() - idle);
        payments.passivate(core.now() - idle);
    }
}

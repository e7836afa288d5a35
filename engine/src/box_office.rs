//! The box office: every command of the write side starts here.

use crate::actors::registry::Supervisor;
use crate::error::{CommandError, Fault};
use crate::hold;
use crate::maintenance::{report_uncaptured, run_maintenance};
use crate::origin::{Context, Origin};
use crate::payment::{Leftovers, PaymentMessage, Payments, Reach};
use crate::ports::Ports;
use crate::reactors::log_follower::{LogFollower, SnapshotRequest};
use crate::reactors::rewards;
use crate::requests::{Hold, HoldRequest, Paid, PartialRefundRequest, PayRequest, PriceTypeChoice, ReviewRequest, SeatSelection};
use crate::services::Services;
use crate::settings::Settings;
use crate::snapshot::CheckedSnapshot;
use crate::status::{Messages, RecoverySummary, Status};
use futures::FutureExt;
use lastseat_domain::block::Access;
use lastseat_domain::booking::Booking;
use lastseat_domain::loyalty::{Account, LoyaltyCommand};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, Rejection, ShowId, Timestamp, VoucherId};
use ractor::{Actor, ActorRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// The box office. Cheap to clone. When the last clone is dropped without [`BoxOffice::drain`], its
/// work stops at once, as in a power cut; recovery finishes what was begun.
#[derive(Clone)]
pub struct BoxOffice {
    services: Arc<Services>,
    payments: Payments,
    /// To the log's follower.
    snapshots: mpsc::Sender<SnapshotRequest>,
    tasks: Arc<Tasks>,
}

/// The tasks and actors of a box office.
struct Tasks {
    /// Nothing new is started.
    stop: CancellationToken,
    /// Work in progress ends, too.
    kill: CancellationToken,
    running: TaskTracker,
    supervisor: ActorRef<()>,
    services: Arc<Services>,
    payments: Payments,
}

impl Tasks {
    /// Runs for as long as the engine. If it ends before, by a panic, the engine is not ready any more
    /// and [`BoxOffice::failed`] completes: it would go on selling with holds that never end.
    fn keep(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (running, services, stop) = (self.spawn(work), self.services.clone(), self.stop.clone());
        self.spawn(async move {
            let ended = running.await;
            if !stop.is_cancelled() {
                tracing::error!(?ended, "a task of the engine has ended");
                services.health.task_ended.cancel();
            }
        });
    }

    /// Runs until it is done, or killed.
    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<Option<T>> {
        // What tokio does with a task is compiled for each type of future: here there is one for all.
        let (kill, work) = (self.kill.clone(), work.boxed());
        self.running.spawn(async move { kill.run_until_cancelled_owned(work).await }.in_current_span())
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
        self.kill.cancel();
        self.services.seats.close();
        self.payments.close();
        // Its children end with it.
        self.supervisor.kill();
    }
}

impl BoxOffice {
    /// Reads the log to its end, then starts the tasks that finish what a crash has left unfinished.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be read.
    pub async fn open(ports: Ports, settings: Settings) -> Result<Self, Fault> {
        Self::open_from(ports, settings, None).await
    }

    /// Like [`open`](Self::open), but reads only what the log has after the snapshot, if there is one.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be read.
    pub async fn open_from(ports: Ports, settings: Settings, snapshot: Option<CheckedSnapshot>) -> Result<Self, Fault> {
        let (supervisor, supervising) = Supervisor::spawn(None, Supervisor, ())
            .await
            .map_err(|e| Fault::Unavailable(format!("the actors' supervisor could not be started: {e}")))?;
        let services = Arc::new(Services::new(ports, settings, supervisor.get_cell()));
        let payments = Payments::new(services.clone(), supervisor.get_cell());
        let (stop, kill, running) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let tasks = Tasks { stop, kill, running, supervisor, services: services.clone(), payments: payments.clone() };
        let (snapshots, requests) = mpsc::channel(1);
        let (running, kill) = (tasks.running.clone(), tasks.kill.clone());
        let (mut follower, rewards) = LogFollower::new(services.clone(), payments.clone(), requests, running, kill);
        if let Some(snapshot) = snapshot {
            follower.start_from(snapshot);
        }
        follower.catch_up().await?;
        // Its actors end with it, and no command is carried out any more.
        let stopping = tasks.stop.clone();
        tasks.keep(async move { drop(stopping.run_until_cancelled_owned(supervising).await) });
        tasks.keep(follower.run(tasks.stop.clone()));
        tasks.keep(rewards::run(services.clone(), rewards, tasks.stop.clone()));
        tasks.keep(report_uncaptured(services.clone(), tasks.stop.clone()));
        tasks.keep(run_maintenance(services.clone(), payments.clone(), tasks.stop.clone()));
        Ok(Self { services, payments, snapshots, tasks: Arc::new(tasks) })
    }

    /// What is recorded of a caller's command. One context for all tries of the command.
    fn command(&self, by: impl Into<Origin>) -> Context {
        Context::command(by.into(), || self.services.ports.ids.uuid())
    }

    /// The refusals that need no waiting, which are nearly all of a flash sale: the show is not on sale,
    /// the selection does not fit its plan, or the seat table knows that the seats are taken.
    /// [`Self::hold`] refuses the same; called before it, this saves the loser the cost of a hold.
    /// `keyed`: the booking of a request with an idempotency key; not refused here if it may exist.
    ///
    /// # Errors
    /// The rejection.
    pub fn refuse_at_once(
        &self,
        show: &ShowId,
        selection: &SeatSelection,
        price_types: &PriceTypeChoice,
        keyed: Option<BookingId>,
    ) -> Result<(), Rejection> {
        hold::refuse_at_once(&self.services, show, selection, price_types, keyed)
    }

    /// Holds seats.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(&self, request: HoldRequest) -> Result<Hold, CommandError> {
        self.hold_with_access(request, Access::default()).await
    }

    /// Holds seats, those of blocks included that `access` opens.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold_with_access(&self, request: HoldRequest, access: Access) -> Result<Hold, CommandError> {
        let sender = request.buyer.as_str().to_owned();
        self.hold_for_buyer(request, access, &sender).await
    }

    /// Likewise, sent by a seller: the booking is the buyer's, and the log names the seller as who did it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold_for_buyer(&self, request: HoldRequest, access: Access, seller: &str) -> Result<Hold, CommandError> {
        match request.voucher.clone() {
            None => hold::hold(&self.services, &request, &access, seller).await,
            Some(voucher) => Box::pin(self.hold_with_voucher(&request, access, seller, &voucher)).await,
        }
    }

    /// The hold that an earlier request under the same idempotency key got, if there was one. `sender`: the buyer, or a seller.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn repeated_hold(&self, request: &HoldRequest, sender: &str) -> Result<Option<Hold>, CommandError> {
        match (Box::pin(hold::find_repeated(&self.services, request, sender)).await?, &request.voucher) {
            (Some(hold), Some(voucher)) => Ok(Some(self.with_its_voucher(hold, voucher, sender).await?)),
            (found, _) => Ok(found),
        }
    }

    /// Holds seats for several buyers, sent by one seller. Each hold is decided on its own, as by
    /// [`Self::hold`]; of those that want the same seat, the first in the order of the requests gets it.
    /// The answers have the order of the requests. All that the holds append is committed together, as far
    /// as the log and the limit on commands in flight allow.
    pub async fn hold_all(&self, requests: &[HoldRequest], seller: &str) -> Vec<Result<Hold, CommandError>> {
        hold::hold_all(&self.services, requests, seller).await
    }

    /// For each request of a batch what [`Self::repeated_hold`] gives.
    pub async fn repeated_holds(&self, requests: &[HoldRequest], seller: &str) -> Vec<Result<Option<Hold>, CommandError>> {
        Box::pin(hold::find_all_repeated(&self.services, requests, seller)).await
    }

    /// A booking as the log has it now; `None` if there is none, or if it was only fenced.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn booking(&self, booking: BookingId) -> Result<Option<Booking>, Fault> {
        Ok(self.services.journal.load::<Booking>(&booking).await?.state.filter(|b| b.opened.is_some()))
    }

    /// Extends a hold, once.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn extend(&self, booking: BookingId, by: impl Into<Origin>) -> Result<Booking, CommandError> {
        let context = self.command(by);
        self.payments.command(booking, |reply| PaymentMessage::Extend(context.clone(), reply)).await
    }

    /// Gives held seats back. A booking that is over already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel(&self, booking: BookingId, by: impl Into<Origin>) -> Result<Booking, CommandError> {
        let context = self.command(by);
        self.payments.command(booking, |reply| PaymentMessage::Cancel(context.clone(), reply)).await
    }

    /// Pays for a hold. The answer comes after `payment_patience` at most, with what is known then; the
    /// payment itself goes on.
    ///
    /// # Errors
    /// [`CommandError`]; a decline is `Rejection::PaymentDeclined`.
    pub async fn pay(&self, booking: BookingId, request: PayRequest) -> Result<Paid, CommandError> {
        // Without `Tasks`: a payment in progress does not keep the box office alive.
        let (payments, context) = (self.payments.clone(), self.command(request.origin.clone()));
        let bearer = request.origin.bearer;
        // A task of its own: it goes on when the caller has its answer, or hangs up.
        let mut payment = self.tasks.spawn(async move {
            payments.command(booking, |reply| PaymentMessage::Pay(context.clone(), request.clone(), reply)).await
        });
        let services = &self.services;
        let patience = chrono::TimeDelta::from_std(services.settings.payment_patience).unwrap_or_default();
        tokio::select! {
            biased;
            paid = &mut payment => match paid {
                Ok(Some(paid)) => paid,
                _ => Err(Fault::OutcomeUnknown("the payment was interrupted".to_owned()).into()),
            },
            () = services.ports.clock.sleep_until(services.now() + patience) => {
                let booking = self.booking(booking).await?.filter(|booking| !bearer || booking.transferred_to.is_none());
                Ok(Paid::Pending(booking.ok_or(Rejection::BookingNotFound)?))
            }
        }
    }

    /// Returns the money of a confirmed booking and frees its seats, exactly once. Refunded already is a
    /// success. If the gateway does not answer, the booking is returned still confirmed; the refund is
    /// recorded and carried out as soon as possible.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn refund(&self, booking: BookingId, by: impl Into<Origin>) -> Result<Booking, CommandError> {
        let context = self.command(by);
        self.payments.command(booking, |reply| PaymentMessage::Refund(context.clone(), reply)).await
    }

    /// Returns a part of the money of a confirmed booking, and frees the seats that it gives up for it. If the gateway
    /// does not answer, the refund is returned under way; it is carried out as soon as possible.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn refund_part(&self, booking: BookingId, request: PartialRefundRequest) -> Result<Booking, CommandError> {
        let context = self.command(request.origin.clone());
        self.payments.command(booking, |reply| PaymentMessage::RefundPart(context.clone(), request.clone(), reply)).await
    }

    /// Records what a person found out about a flagged payment, and lets its booking go on.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn review(&self, booking: BookingId, request: ReviewRequest) -> Result<Booking, CommandError> {
        let context = self.command(request.origin.clone());
        self.payments.command(booking, |reply| PaymentMessage::Review(context.clone(), request.clone(), reply)).await
    }

    /// Uses a voucher of `buyer`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn redeem_voucher(&self, buyer: &BuyerId, voucher: VoucherId, by: impl Into<Origin>) -> Result<(), CommandError> {
        let _permit = self.services.checkouts.enter(false)?;
        let (command, context) = (LoyaltyCommand::Redeem { voucher }, self.command(by));
        self.services.journal.execute::<Account>(buyer, command, &context, &mut None).await?;
        Ok(())
    }

    /// A hint that something about a booking may have changed outside: look at it now.
    /// Believes nothing: it reads the log and asks the gateway.
    pub fn settle(&self, booking: BookingId) {
        let payments = self.payments.clone();
        self.tasks.spawn(async move { payments.settle(booking, Leftovers::default(), Reach::Gateway).await });
    }

    /// Like [`settle`](Self::settle), and completes when nothing is left to do for now: for callers that look at
    /// many bookings, one after the other.
    pub async fn look_at(&self, booking: BookingId) {
        self.payments.settle(booking, Leftovers::default(), Reach::Gateway).await;
    }

    /// Highest position that an answer of this node may rest on: of what it has written since it started,
    /// and of what it has read to decide a command, which another node may have written. A read model
    /// that has it shows a caller the effect of every command that this node has answered.
    #[must_use]
    pub fn last_written(&self) -> Position {
        Position(self.services.journal.reported())
    }

    #[must_use]
    pub fn status(&self) -> Status {
        let (services, health) = (&self.services, &self.services.health);
        let task_ended = health.task_ended.is_cancelled();
        let (log_trouble, guard_trouble) = (services.journal.trouble(), services.guard.trouble());
        let mut degraded = Vec::new();
        degraded.extend(health.follower_fault.lock().iter().map(|why| format!("the event log can't be followed: {why}")));
        degraded.extend(task_ended.then(|| "a task of the engine has ended; restart the server".to_owned()));
        degraded.extend(health.skipped_event.lock().iter().map(|why| format!("an event was skipped: {why}")));
        degraded.extend(health.foreign_campaigns.lock().iter().map(|campaign| {
            format!(
                "campaign {campaign} can't be finished: its codes follow from another token key than this server's; start a \
                 node with the key that the campaign was started with, until it is finished"
            )
        }));
        degraded.extend(log_trouble.iter().map(|why| format!("the event log can't be written: {why}")));
        degraded.extend(guard_trouble.iter().map(|why| {
            format!("the seat guard does not answer ({why}); the sale goes on without it, with fewer holds at a time")
        }));
        Status {
            ready: log_trouble.is_none() && !task_ended && !self.tasks.stop.is_cancelled(),
            in_flight: services.holds.inside() + services.checkouts.inside(),
            lag: services.journal.written().saturating_sub(health.followed.load(Ordering::Acquire)),
            actors: services.seats.awake() + self.payments.awake(),
            messages: Messages {
                seats: services.seats.messages(),
                payments: self.payments.messages(),
                rewards: services.rewards.depth(),
            },
            unfinished: health.unfinished.load(Ordering::Relaxed),
            uncaptured: services.uncaptured.ending(services.now()).len(),
            guard_answers: guard_trouble.is_none(),
            guard_failures: services.guard.failures(),
            log: services.ports.log.report(),
            degraded,
        }
    }

    /// Completes when a part of the engine has ended that should run as long as the engine. Nothing in
    /// this process repairs that: end it, and start a new one, which recovers from the log.
    pub async fn failed(&self) {
        self.services.health.task_ended.cancelled().await;
    }

    /// What recovery did after the start; `None` while it is still at work.
    #[must_use]
    pub fn recovery(&self) -> Option<RecoverySummary> {
        *self.services.health.recovery.lock()
    }

    /// Accepts no new commands, finishes those in flight, stops the actors and tasks. Commands still in
    /// flight after `patience` are left to recovery.
    pub async fn drain(&self, patience: Duration) {
        let (services, tasks) = (&self.services, &self.tasks);
        services.holds.close();
        services.checkouts.close();
        let deadline = services.now() + chrono::TimeDelta::from_std(patience).unwrap_or_default();
        tokio::select! {
            biased;
            () = async { services.holds.empty().await; services.checkouts.empty().await } => {}
            () = services.ports.clock.sleep_until(deadline) => {
                tracing::warn!("commands are still in flight; recovery will finish them");
            }
        }
        tasks.stop.cancel();
        tasks.running.close();
        tokio::select! {
            biased;
            () = tasks.running.wait() => {}
            () = services.ports.clock.sleep_until(deadline) => {}
        }
        services.seats.passivate(Timestamp::MAX_UTC);
        self.payments.passivate(Timestamp::MAX_UTC);
        tasks.supervisor.stop(None);
    }
}

mod after_sales;
mod blocks;
pub(crate) mod checkins;
mod deliveries;
pub(crate) mod offline_scans;
pub(crate) mod pictures;
mod plans;
mod shows;
mod snapshots;
#[cfg(test)]
mod tests;
pub(crate) mod tickets;
mod vouchers;

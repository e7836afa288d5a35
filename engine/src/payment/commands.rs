//! The commands on an open booking: pay, extend, cancel, refund, settle.

use super::gateway::{Reply, call};
use super::process::{Reach, run_until_blocked};
use super::session::BookingSession;
use super::steps::Stop;
use super::vouchers::{self, ReservedVoucher};
use crate::error::{CommandError, Fault};
use crate::guard_service::LEASE_MARGIN;
use crate::requests::{BuyerAction, Paid, PartialRefundRequest, PayRequest, PayWith};
use lastseat_domain::booking::{Attempt, Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, PaymentStarted, RequestFingerprint, Tender};
use lastseat_domain::ports::payments::UNKNOWN_PAYMENT_METHOD;
use lastseat_domain::seat::{SeatCommand, SeatKey};
use lastseat_domain::show::SaleState;
use lastseat_domain::{BuyerId, Rejection, SeatId, Secret, ShowId, Timestamp};

/// What there is left to do for a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing, for good.
    Done,
    /// Nothing before this moment.
    Waiting(Timestamp),
    /// Something that could not be done now.
    Later,
    /// Something that calls the gateway, as of this time.
    AtGateway(Timestamp),
}

/// The payment method of a booking that costs nothing and named none.
const NO_METHOD: &str = "none";

/// What the log's subscription saw to be a booking's and not yet given back.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// Seats that are locked for it; needed if it never opened.
    pub locked: Vec<(ShowId, SeatId)>,
    /// Vouchers that are reserved for it.
    pub vouchers: Vec<ReservedVoucher>,
}

pub(super) async fn pay(mut session: BookingSession, request: PayRequest) -> Result<Paid, CommandError> {
    if start_unread(&mut session, &request).await? {
        let attempt = session.booking().await?.attempt();
        follow_up(&mut session).await?;
        return report(&mut session, attempt).await;
    }
    let booking = session.booking().await?;
    // The same request may have been sent before, perhaps to another process: its attempt answers.
    if let Some(earlier) = earlier_attempt(&booking, request.fingerprint.as_ref())? {
        let attempt = earlier.started.attempt;
        follow_up(&mut session).await?;
        return report(&mut session, attempt).await;
    }
    // An attempt whose outcome is unknown comes first, or the buyer could pay twice.
    let booking = if matches!(booking.phase, Phase::Held) {
        booking
    } else {
        follow_up(&mut session).await?;
        session.booking().await?
    };
    if booking.is_undecided() && is_cancelled(&session, &booking) {
        session.step(BookingCommand::Cancel { reason: AbortReason::ShowCancelled }).await?;
        follow_up(&mut session).await?;
        return report(&mut session, 0).await;
    }
    let waits_for_buyer = matches!(booking.phase, Phase::ActionRequired { .. });
    let way = match Way::named_by(&request) {
        Some(way) => way,
        // Nothing is to be paid, so no method is needed.
        None if is_free(&booking) && booking.phase == Phase::Held && booking.attempts.is_empty() => {
            Way::Gateway { method: Some(NO_METHOD.to_owned()), return_url: None }
        }
        None => return report_last(&mut session).await,
    };
    if let Way::Gateway { method, return_url } = &way {
        // A repeat while the buyer still has to act: the same answer again.
        let is_same = |started: &PaymentStarted| started.payment_method == *method && started.return_url == *return_url;
        if waits_for_buyer && booking.attempts.last().is_some_and(|attempt| is_same(&attempt.started)) {
            return report(&mut session, 0).await;
        }
        check_queue(&session, &booking)?;
    }
    start_payment(&mut session, &way, request.fingerprint).await?;
    let attempt = session.booking().await?.attempt();
    follow_up(&mut session).await?;
    report(&mut session, attempt).await
}

/// Where a payment is begun.
enum Way {
    /// At the gateway, with this method; `None` if the buyer chooses one in the gateway's own form.
    Gateway {
        method: Option<String>,
        return_url: Option<String>,
    },
    Till(Tender),
}

impl Way {
    /// `None` if the request names none, but asks what has become of the last one.
    fn named_by(request: &PayRequest) -> Option<Self> {
        match &request.pay_with {
            PayWith::Method(method) => {
                Some(Self::Gateway { method: Some(method.clone()), return_url: request.return_url.clone() })
            }
            PayWith::ClientSide => Some(Self::Gateway { method: None, return_url: None }),
            PayWith::AtTill(tender) => Some(Self::Till(*tender)),
            PayWith::Continue => None,
        }
    }

    fn command(&self, now: Timestamp, request: Option<RequestFingerprint>) -> BookingCommand {
        match self {
            Self::Gateway { method, return_url } => {
                BookingCommand::StartPayment { now, payment_method: method.clone(), return_url: return_url.clone(), request }
            }
            Self::Till(tender) => BookingCommand::PayAtTill { now, tender: *tender, request },
        }
    }
}

fn is_free(booking: &Booking) -> bool {
    booking.amount().is_some_and(|amount| amount.value == 0)
}

/// A payment whose turn at the gateway comes after the hold's end is refused now, not when the hold is over.
fn check_queue(session: &BookingSession, booking: &Booking) -> Result<(), Fault> {
    let delay = session.services.ports.payments.queue_delay();
    let left = booking.expires_at.and_then(|end| (end - session.now()).to_std().ok());
    match left {
        Some(left) if booking.is_undecided() && !is_free(booking) && delay > left => Err(Fault::PaymentQueueFull { wait: delay }),
        _ => Ok(()),
    }
}

/// Records that the payment of a hold begins which nothing is known to have followed, without reading it. Returns whether it was
/// appended. If not, nothing was done: whatever speaks against it has to be decided on what the log has.
async fn start_unread(session: &mut BookingSession, request: &PayRequest) -> Result<bool, CommandError> {
    let Some(way) = Way::named_by(request) else { return Ok(false) };
    let Some(hold) = session.begin_with_open_hold() else { return Ok(false) };
    let is_payable = !is_cancelled(session, &hold)
        && (matches!(way, Way::Till(_)) || check_queue(session, &hold).is_ok())
        && owns_its_seats(session, &hold).await?;
    if is_payable && session.try_execute(way.command(session.now(), request.fingerprint.clone())).await? {
        return Ok(true);
    }
    session.forget();
    Ok(false)
}

/// Records that the payment begins. The seats are checked after the booking's revision
/// was read, and again whenever it has changed: so the append finds an abort in between.
async fn start_payment(session: &mut BookingSession, way: &Way, request: Option<RequestFingerprint>) -> Result<(), CommandError> {
    loop {
        let booking = session.booking().await?;
        if earlier_attempt(&booking, request.as_ref())?.is_some() {
            // The same request, on another node: its attempt is this one's.
            return Ok(());
        }
        check_seats(session, &booking).await?;
        match session.try_execute(way.command(session.now(), request.clone())).await {
            Ok(true) => return Ok(()),
            // Each time another writer's append has succeeded, and a booking takes only so many.
            Ok(false) => {}
            // Overdue: end it now instead of when its deadline is next checked.
            Err(CommandError::Rejected(rejection @ Rejection::BookingOver { .. })) => {
                follow_up(session).await?;
                return Err(rejection.into());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Runs the process after a decision. What is decided will be done, so a log that fails now leaves the
/// outcome open; "nothing was done" would be wrong.
pub(super) async fn follow_up(session: &mut BookingSession) -> Result<Stop, CommandError> {
    run_until_blocked(session, Reach::Gateway).await.map_err(CommandError::begun)
}

fn is_cancelled(session: &BookingSession, booking: &Booking) -> bool {
    let show = booking.show().and_then(|show| session.services.shows.get(show));
    show.is_some_and(|active| active.show().sale == SaleState::Cancelled)
}

/// Every seat has to be this booking's before money is requested.
async fn check_seats(session: &mut BookingSession, booking: &Booking) -> Result<(), CommandError> {
    if !booking.is_undecided() || owns_its_seats(session, booking).await? {
        return Ok(());
    }
    session.step(BookingCommand::Cancel { reason: AbortReason::SeatLost }).await?;
    follow_up(session).await?;
    Err(Rejection::BookingOver { reason: AbortReason::SeatLost }.into())
}

async fn owns_its_seats(session: &BookingSession, booking: &Booking) -> Result<bool, Fault> {
    let Some((show, seats)) = BookingSession::show_and_seats(booking) else { return Ok(true) };
    for seat in &seats {
        if !session.services.seats.is_owner(&show, seat, session.id).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How long its hold lasts without an extension. The show's hold time may be another by now.
fn hold_seconds(booking: &Booking) -> u32 {
    let opened = booking.opened.as_ref().zip(booking.opened_at);
    let lasts = opened.map_or(0, |(opened, at)| (opened.expires_at - at).num_seconds());
    u32::try_from(lasts).unwrap_or_default()
}

pub(super) async fn extend(mut session: BookingSession) -> Result<Booking, CommandError> {
    let booking = session.booking().await?;
    let Some((show, seats)) = BookingSession::show_and_seats(&booking) else { return Err(Rejection::BookingNotFound.into()) };
    let seconds = hold_seconds(&booking);
    let refusable = !session.is_repeat() && booking.is_undecided() && !booking.is_overdue(session.now());
    if refusable && is_cancelled(&session, &booking) {
        return Err(Rejection::ShowCancelled { show }.into());
    }
    session.execute(BookingCommand::Extend { now: session.now(), seconds }).await?;
    let booking = session.booking().await?;
    let left = booking.expires_at.and_then(|t| (t - session.now()).to_std().ok()).unwrap_or_default();
    session.services.guard.extend(&show, &seats, session.id, left + LEASE_MARGIN).await;
    Ok(booking)
}

pub(super) async fn cancel(mut session: BookingSession) -> Result<Booking, CommandError> {
    session.booking().await?;
    session.execute(BookingCommand::Cancel { reason: AbortReason::Cancelled }).await?;
    follow_up(&mut session).await?;
    session.booking().await
}

pub(super) async fn refund(mut session: BookingSession) -> Result<Booking, CommandError> {
    if session.booking().await?.exchange.is_some() {
        // Its seats are in motion. It is decided first, one way or the other.
        follow_up(&mut session).await?;
    }
    let by = session.by().to_owned();
    session.execute(BookingCommand::RequestRefund { by }).await?;
    follow_up(&mut session).await?;
    session.booking().await
}

/// Refunds a booking because its show is refunded, unless its money is staff's to return: they refund it when they have
/// handed that over, and until then it must not be reported as returned.
pub(super) async fn refund_for_show(mut session: BookingSession) -> Result<(), CommandError> {
    if session.booking().await?.is_repaid_by_staff() {
        return Ok(());
    }
    refund(session).await.map(drop)
}

pub(super) async fn transfer(mut session: BookingSession, buyer: BuyerId) -> Result<Booking, CommandError> {
    session.booking().await?;
    let by = session.by().to_owned();
    session.execute(BookingCommand::Transfer { buyer, by }).await?;
    session.booking().await
}

/// Returns a part of the money. A repeat of the command asks for nothing new, and goes on with what it began.
pub(super) async fn refund_part(mut session: BookingSession, request: PartialRefundRequest) -> Result<Booking, CommandError> {
    session.booking().await?;
    let by = session.by().to_owned();
    let PartialRefundRequest { seats, amount, .. } = request;
    session.execute(BookingCommand::RequestPartialRefund { seats, amount, by }).await?;
    follow_up(&mut session).await?;
    session.booking().await
}

pub(super) async fn settle(mut session: BookingSession, leftovers: Leftovers, reach: Reach) -> Result<Settled, CommandError> {
    let Leftovers { locked, vouchers } = leftovers;
    // What becomes of a voucher that is reserved for it depends on all that the log has.
    if vouchers.is_empty() {
        session.begin_with_overdue_hold();
    }
    if let (None, Some((show, seat))) = (session.find().await?, locked.first()) {
        session.fence(&SeatKey { show: show.clone(), seat: seat.clone() }).await?;
    }
    let stop = run_until_blocked(&mut session, reach).await?;
    if let Some(booking) = session.find().await?.filter(|b| !b.is_undecided()) {
        release_strays(&session, &booking, &locked).await?;
    }
    vouchers::finish(&mut session, &vouchers).await?;
    Ok(match stop {
        Stop::Finished => Settled::Done,
        Stop::Until(deadline) => Settled::Waiting(deadline),
        Stop::TryLater => Settled::Later,
        Stop::AtGateway(at) => Settled::AtGateway(at),
    })
}

/// Releases locks on seats that the booking does not name: of a fenced booking, or of a repeated hold
/// on an area that had picked other units.
async fn release_strays(session: &BookingSession, booking: &Booking, locked: &[(ShowId, SeatId)]) -> Result<(), CommandError> {
    let reason = match booking.phase {
        Phase::Aborted { reason } => reason,
        _ => AbortReason::SeatLost,
    };
    // Locks for exchanges are not strays: what becomes of them their exchange says. One that is committed as far as this node
    // has read may have been moved since.
    let release = match booking.phase {
        Phase::Aborted { .. } | Phase::Refunded => SeatCommand::Release { booking: session.id, reason },
        _ => SeatCommand::GiveUp { booking: session.id, reason, by: (0, 0) },
    };
    for (show, seat) in locked.iter().filter(|(_, seat)| !booking.seats().iter().any(|p| p.seat == *seat)) {
        session.services.seats.execute(show, std::slice::from_ref(seat), &release, &session.metadata()).await?;
    }
    Ok(())
}

/// The attempt that an idempotent request led to before.
fn earlier_attempt<'a>(booking: &'a Booking, request: Option<&RequestFingerprint>) -> Result<Option<&'a Attempt>, Rejection> {
    let Some(request) = request else { return Ok(None) };
    let same_key = |attempt: &&Attempt| attempt.started.request.as_ref().is_some_and(|r| r.key == request.key);
    match booking.attempts.iter().find(same_key) {
        Some(attempt) if attempt.started.request.as_ref() == Some(request) => Ok(Some(attempt)),
        Some(_) => Err(Rejection::IdempotencyKeyReused),
        None => Ok(None),
    }
}

/// What the buyer's browser confirms the intent with; `None` if the gateway does not answer.
async fn client_secret(session: &mut BookingSession, booking: &Booking) -> Option<Secret> {
    if session.client_secret.is_none() {
        let intent = booking.intent.as_ref()?;
        if let Reply::Answer(answer) = call(session, || session.services.ports.payments.retrieve(intent)).await {
            session.client_secret = answer.client_secret;
        }
    }
    session.client_secret.clone()
}

/// Answers a request without a payment method: the buyer comes back from their bank.
async fn report_last(session: &mut BookingSession) -> Result<Paid, CommandError> {
    let booking = session.booking().await?;
    match &booking.phase {
        Phase::Held if booking.attempts.is_empty() => Err(Rejection::PaymentMethodMissing.into()),
        _ => report(session, booking.attempt()).await,
    }
}

/// The state of the booking as an answer to the request of `attempt`.
async fn report(session: &mut BookingSession, attempt: u32) -> Result<Paid, CommandError> {
    let booking = session.booking().await?;
    let declined = |number: u32| booking.attempts.iter().find(|a| a.started.attempt == number).and_then(|a| a.declined.clone());
    match &booking.phase {
        Phase::Confirmed { .. } => Ok(Paid::Confirmed(booking)),
        Phase::ActionRequired { url: Some(url) } => {
            Ok(Paid::ActionRequired { action: BuyerAction::Redirect { url: url.clone() }, booking })
        }
        Phase::ActionRequired { url: None } => Ok(match client_secret(session, &booking).await {
            Some(client_secret) => Paid::ActionRequired { action: BuyerAction::ConfirmClientSide { client_secret }, booking },
            None => Paid::Pending(booking),
        }),
        Phase::Held => match declined(attempt) {
            Some(code) if code == UNKNOWN_PAYMENT_METHOD => {
                Err(Rejection::InvalidPaymentMethod { why: "the gateway does not know it".to_owned() }.into())
            }
            Some(decline) => Err(Rejection::PaymentDeclined { decline }.into()),
            None => Err(Rejection::PaymentMethodMissing.into()),
        },
        Phase::Paying | Phase::Authorised | Phase::Committed => Ok(Paid::Pending(booking)),
        Phase::Aborted { reason: AbortReason::CaptureFailed } => Err(Rejection::CaptureFailed.into()),
        Phase::Aborted { reason } => Err(Rejection::BookingOver { reason: *reason }.into()),
        Phase::Refunded => Err(Rejection::AlreadyRefunded.into()),
    }
}

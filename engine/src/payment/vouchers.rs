//! The voucher of a booking: reserved on its own stream, then applied to the booking; freed after the booking's stream
//! says so, used up after the payment. What a crash leaves is finished as seats are, by whichever node looks at the
//! booking.

use super::session::BookingSession;
use crate::error::{CommandError, Fault};
use crate::origin::Context;
use crate::vouchers::LoadedVoucher;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::show::SaleState;
use lastseat_domain::voucher::{VoucherCommand, VoucherStep, next_step};
use lastseat_domain::{Money, Rejection, ShowId, VoucherHash};

/// A voucher that is reserved for this application to a booking.
pub(crate) type ReservedVoucher = (VoucherHash, u32);

/// Times that a booking is looked at again because another writer was faster.
const TRIES: usize = 16;

/// Lowers a booking's amount by a voucher. Applied already is a success.
pub(super) async fn apply(session: &mut BookingSession, voucher: &VoucherHash) -> Result<Booking, CommandError> {
    let mut reserved = None;
    let applied = try_to_apply(session, voucher, &mut reserved).await;
    if let (Err(_), Some(application)) = (&applied, reserved) {
        session.forget();
        if let Err(error) = finish(session, &[(voucher.clone(), application)]).await {
            tracing::warn!(booking = %session.id, %error, "a voucher is freed later");
        }
    }
    applied
}

async fn try_to_apply(
    session: &mut BookingSession,
    voucher: &VoucherHash,
    reserved: &mut Option<u32>,
) -> Result<Booking, CommandError> {
    for _ in 0..TRIES {
        let booking = session.booking().await?;
        // Of a booking that is over it says nothing that it once had the voucher.
        let has_it = booking.is_undecided() && booking.voucher.as_ref().is_some_and(|has| has.voucher == *voucher);
        if session.is_repeat() || has_it {
            return Ok(booking);
        }
        booking.check_takes_voucher(session.now())?;
        let application = booking.voucher_applications + 1;
        // One node's commands on a voucher run one after the other. Between nodes the voucher's revision decides.
        let guard = session.services.vouchers_in_hand.wait(voucher).await;
        let mut known = session.services.vouchers.load(voucher).await?;
        let discount = discount(session, &booking, &known)?;
        let claim = known.state.as_ref().and_then(|voucher| voucher.claims.get(&session.id));
        if let Some(before) = claim.map(|claim| claim.application).filter(|before| *before != application) {
            // Of an earlier application, which has ended.
            finish(session, &[(voucher.clone(), before)]).await?;
            known = session.services.vouchers.load(voucher).await?;
        }
        let reserve = VoucherCommand::Reserve { now: session.now(), booking: session.id, application };
        let context = context(session);
        let executed = session.services.vouchers.execute(voucher, reserve, &context, Some(known)).await;
        drop(guard);
        // After a fault it may be reserved or not.
        *reserved = (!matches!(executed, Err(CommandError::Rejected(_)))).then_some(application);
        executed?;
        let (now, voucher) = (session.now(), voucher.clone());
        if session.try_execute(BookingCommand::ApplyVoucher { now, voucher, application, discount }).await? {
            return session.booking().await;
        }
    }
    Err(Fault::Unavailable("the booking is too contended; try again".to_owned()).into())
}

/// What the voucher takes off the booking, if its terms allow that and the gateway charges the rest.
fn discount(session: &BookingSession, booking: &Booking, voucher: &LoadedVoucher) -> Result<i64, Rejection> {
    let voucher = voucher.state.as_ref().ok_or(Rejection::UnknownVoucher)?;
    let show = booking.show().and_then(|show| session.services.shows.get(show)).ok_or(Rejection::ShowNotFound)?.show();
    if show.sale == SaleState::Cancelled {
        return Err(Rejection::ShowCancelled { show: show.facts.show.clone() });
    }
    let category_of = |seat: &_| show.category_of(seat).map(|category| category.category.clone());
    let discount = voucher.created.terms.discount_of(booking, category_of)?;
    let whole = booking.amount().ok_or(Rejection::BookingNotFound)?;
    let amount = Money { value: whole.value.saturating_sub(discount), ..whole };
    if amount.value > 0 && !(session.services.settings.can_charge)(amount) {
        return Err(Rejection::AmountTooSmall { amount });
    }
    Ok(discount)
}

/// Takes the voucher off a booking that is not paid yet. None there is a success.
pub(super) async fn remove(mut session: BookingSession) -> Result<Booking, CommandError> {
    let before = session.booking().await?.voucher;
    session.execute(BookingCommand::RemoveVoucher { now: session.now() }).await?;
    if let Some(applied) = before {
        // What it does not get done is completed from the log.
        finish(&mut session, &[(applied.voucher, applied.application)]).await.map_err(CommandError::begun)?;
    }
    session.booking().await
}

/// Does what is to be done for these vouchers, which are reserved for the booking, and for the one that it has.
///
/// # Errors
/// Faults. What is left to be done is in the log.
pub(super) async fn finish(session: &mut BookingSession, reserved: &[ReservedVoucher]) -> Result<(), CommandError> {
    let Some(booking) = session.find().await? else { return Ok(()) };
    let own = booking.voucher.map(|applied| (applied.voucher, applied.application));
    let others = reserved.iter().filter(|reserved| Some(*reserved) != own.as_ref());
    for (voucher, application) in others.chain(&own) {
        finish_one(session, voucher, *application).await?;
    }
    Ok(())
}

async fn finish_one(session: &mut BookingSession, voucher: &VoucherHash, application: u32) -> Result<(), CommandError> {
    for _ in 0..TRIES {
        let Some(booking) = session.find().await? else { return Ok(()) };
        let returns = match booking.show() {
            Some(show) => returns_vouchers(session, show)?,
            None => false,
        };
        let command = match next_step(&booking, voucher, application, returns) {
            VoucherStep::Keep => return Ok(()),
            VoucherStep::Fence => {
                session.step(BookingCommand::FenceVoucher { voucher: voucher.clone(), application }).await?;
                continue;
            }
            VoucherStep::Free => VoucherCommand::Free { booking: session.id, application },
            VoucherStep::UseUp => VoucherCommand::Use { booking: session.id, application },
        };
        let context = context(session);
        return session.services.vouchers.execute(voucher, command, &context, None).await;
    }
    Err(Fault::Unavailable("the booking is too contended; try again".to_owned()).into())
}

/// Whether refunds of a show return vouchers.
fn returns_vouchers(session: &BookingSession, show: &ShowId) -> Result<bool, Fault> {
    let unknown = || Fault::Unavailable("the show is not known to this node yet".to_owned());
    Ok(session.services.shows.get(show).ok_or_else(unknown)?.show().facts.vouchers_return)
}

/// Of an event of the voucher's stream: caused by the booking's last event.
fn context(session: &BookingSession) -> Context {
    let metadata = session.metadata();
    let cause = metadata.causation.unwrap_or(session.id.0);
    Context::following(&metadata.actor, metadata.trace, cause, session.id.0)
}

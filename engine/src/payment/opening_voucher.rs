//! The voucher that has opened seats to a hold: applied right after the hold, or the hold is given up. A crash in between
//! leaves a booking that can't be paid for, until the hold is repeated or ends.

use super::commands::follow_up;
use super::session::BookingSession;
use super::vouchers;
use crate::error::{CommandError, Fault};
use lastseat_domain::VoucherHash;
use lastseat_domain::booking::{Booking, BookingCommand};
use lastseat_domain::event::AbortReason;

/// Times that a booking is looked at again because another writer was faster.
const TRIES: usize = 16;

/// Applies the voucher to a booking that was opened with it. A rejection ends the booking, unless it has the voucher by then.
pub(super) async fn apply_or_cancel(mut session: BookingSession, voucher: VoucherHash) -> Result<Booking, CommandError> {
    // Of a hold that is repeated: whatever has become of it since.
    let booking = session.booking().await?;
    if booking.has_applied(&voucher) {
        return Ok(booking);
    }
    match vouchers::apply(&mut session, &voucher).await {
        Err(refused @ (CommandError::Rejected(_) | CommandError::Contended(_))) => {
            give_up(&mut session, &voucher).await?.ok_or(refused)
        }
        applied => applied,
    }
}

/// `None`: the booking is over. Otherwise the same hold, repeated on another node, has got it the voucher.
async fn give_up(session: &mut BookingSession, voucher: &VoucherHash) -> Result<Option<Booking>, CommandError> {
    for _ in 0..TRIES {
        session.forget();
        let booking = session.booking().await?;
        if booking.has_applied(voucher) {
            return Ok(Some(booking));
        }
        let cancel = BookingCommand::Cancel { reason: AbortReason::Cancelled };
        if !booking.is_undecided() || session.try_step(cancel).await? {
            if let Err(error) = follow_up(session).await {
                tracing::warn!(booking = %session.id, %error, "the seats of a refused hold are released later");
            }
            return Ok(None);
        }
    }
    Err(Fault::Unavailable("the booking is too contended; try again".to_owned()).into())
}

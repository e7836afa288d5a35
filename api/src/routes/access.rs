//! Whose booking it is. Whoever may not know of one is told that there is none.

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use lastseat_domain::booking::Booking;
use lastseat_domain::{BookingId, BuyerId, Rejection};

/// Whether being an admin is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admins {
    /// Admins may do it to any booking.
    Too,
    /// Only the buyer may.
    No,
}

/// The booking, if the caller may have to do with it.
///
/// # Errors
/// 401 without a token, 404 if there is none or it is another's.
pub async fn booking(app: &App, caller: &Caller, booking: BookingId, admins: Admins) -> Result<Booking, Problem> {
    if *caller == Caller::Guest {
        return Err(Problem::authentication_required());
    }
    if matches!(caller, Caller::Booking(own) if *own != booking) {
        return Err(Rejection::BookingNotFound.into());
    }
    let found = app.box_office().booking(booking).await?.ok_or(Rejection::BookingNotFound)?;
    let allowed = match caller {
        Caller::Guest => false,
        Caller::Booking(own) => *own == booking,
        Caller::Token { sub, .. } => found.buyer() == Some(sub) || (admins == Admins::Too && caller.is_admin()),
    };
    if allowed { Ok(found) } else { Err(Rejection::BookingNotFound.into()) }
}

/// Checks that the caller may command the booking. A booking's own token says so by itself, and the
/// command will find out whether there is a booking: one look at the log less on the way to a sale.
///
/// # Errors
/// 401 without a token, 404 if there is none or it is another's.
pub async fn check(app: &App, caller: &Caller, id: BookingId, admins: Admins) -> Result<(), Problem> {
    if matches!(caller, Caller::Booking(own) if *own == id) {
        return Ok(());
    }
    booking(app, caller, id, admins).await.map(|_| ())
}

/// The buyer that the caller is, or acts for.
///
/// # Errors
/// 401 without a token, 404 if the token's booking is gone.
pub async fn buyer(app: &App, caller: &Caller) -> Result<BuyerId, Problem> {
    match caller {
        Caller::Guest => Err(Problem::authentication_required()),
        Caller::Token { sub, .. } => Ok(sub.clone()),
        Caller::Booking(own) => {
            let booking = app.box_office().booking(*own).await?;
            Ok(booking.as_ref().and_then(Booking::buyer).cloned().ok_or(Rejection::BookingNotFound)?)
        }
    }
}

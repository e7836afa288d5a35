//! Who may read and command a booking. To all others it does not exist (404).

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lastseat_domain::booking::Booking;
use lastseat_domain::{BookingId, BuyerId, Rejection};

/// The permission with which other people's bookings may be acted on; `None` if only the buyer may.
pub type Others = Option<Permission>;

/// A layer for operations that need no token: refuses one that is sent and is not valid, because its
/// sender believes to be signed in. Sessions don't matter here: browsers send their cookies by themselves.
pub async fn check_token(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.caller_by_token(request.headers()).await {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The booking, if the caller may read it.
///
/// # Errors
/// 401 without a token, 404 if it does not exist or is another's.
pub async fn booking(app: &App, caller: &Caller, booking: BookingId, others: Others) -> Result<Booking, Problem> {
    if *caller == Caller::Guest {
        return Err(Problem::authentication_required());
    }
    if matches!(caller, Caller::Booking(own) if *own != booking) {
        return Err(Rejection::BookingNotFound.into());
    }
    let found = app.box_office().booking(booking).await?.ok_or(Rejection::BookingNotFound)?;
    let allowed = match caller {
        Caller::Guest => false,
        // The buyer who had it before a transfer still has its token.
        Caller::Booking(own) => *own == booking && found.transferred_to.is_none(),
        Caller::Token { sub, .. } => found.buyer() == Some(sub) || others.is_some_and(|permission| caller.has(permission)),
    };
    if allowed { Ok(found) } else { Err(Rejection::BookingNotFound.into()) }
}

/// Checks that the caller may command the booking. The booking's own token is proof enough, and the
/// command finds out whether the booking exists, and whether a transfer has ended the token: that saves one read of the log
/// per sale.
///
/// # Errors
/// 401 without a token, 404 if it does not exist or is another's.
pub async fn check(app: &App, caller: &Caller, id: BookingId, others: Others) -> Result<(), Problem> {
    if matches!(caller, Caller::Booking(own) if *own == id) {
        return Ok(());
    }
    booking(app, caller, id, others).await.map(|_| ())
}

/// What `/v1/me` is about for a caller.
pub struct Mine {
    pub buyer: BuyerId,
    /// With a booking's token: only this booking and what it earned, not the buyer's other bookings.
    pub only: Option<BookingId>,
}

/// The buyer that the caller is, or whose booking token it has.
///
/// # Errors
/// 401 without a token, 404 if the token's booking does not exist.
pub async fn mine(app: &App, caller: &Caller) -> Result<Mine, Problem> {
    match caller {
        Caller::Guest => Err(Problem::authentication_required()),
        Caller::Token { sub, .. } => Ok(Mine { buyer: sub.clone(), only: None }),
        Caller::Booking(own) => Ok(Mine { buyer: app.buyer_with_token(*own).await?, only: Some(*own) }),
    }
}

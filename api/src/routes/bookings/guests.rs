//! The bounds on what guests of one address hold and cancel.

use crate::app::App;
use crate::auth::Caller;
use crate::challenges;
use crate::limits::{Client, GuestRefusal, GuestUnit};
use crate::problem::{Code, Problem};
use crate::routes::command::Command;
use crate::routes::freshness;
use crate::routes::sender::Holder;
use lastseat_domain::booking::Phase;
use lastseat_domain::{BookingId, Rejection};
use lastseat_engine::{CommandError, Hold, HoldRequest, Paid, SeatSelection};
use lastseat_projections::{BookingStatus, ProjectionError};

/// Bookings of an address that are looked up in the log in one second, while the views can't be read.
const LOG_LOOK_UPS: usize = 16;

/// Why a guest may hold nothing now.
pub enum NotNow {
    /// A bound is reached.
    Refused(GuestRefusal),
    /// A challenge is not solved.
    Unsolved(Problem),
    /// Neither views nor log can be read, so it is unknown whether the seats of this address are paid for.
    Unknown(ProjectionError),
}

impl NotNow {
    /// The answer, unless the request is a repeat.
    pub fn into_problem(self, app: &App) -> Problem {
        match self {
            Self::Refused(refusal) => app.limits().refuse_guest(refusal, app.now(), app.metrics()),
            Self::Unsolved(problem) => problem,
            Self::Unknown(fault) => fault.into(),
        }
    }
}

/// What a guest uses up for a hold. Dropped, it is given back.
pub struct GuestHold {
    unit: GuestUnit,
    solution: Option<challenges::Use>,
}

/// Takes what a guest needs for a hold: the use of a solved challenge, where one is asked for, and a unit of the bounds of
/// its address. Keep it until the hold is decided.
///
/// # Errors
/// [`NotNow`]. A repeat of an earlier request gets its answer all the same.
pub async fn may_hold(app: &App, command: &Command<Holder>, request: &HoldRequest) -> Result<GuestHold, NotNow> {
    // First what is given back when the hold is refused later: nobody beyond the bounds of an address uses up what is free for all.
    let unit = unit_of_address(app, command.client, request.booking, &request.selection).await?;
    let asked = app.box_office().show(&request.show).is_some_and(|show| show.facts.guest_challenge);
    let checked = app.parts().challenges.check(&request.show, asked, command.solution(), request.booking, app.now());
    let solution = checked.map_err(NotNow::Unsolved)?;
    Ok(GuestHold { unit, solution })
}

async fn unit_of_address(app: &App, client: Client, booking: BookingId, selection: &SeatSelection) -> Result<GuestUnit, NotNow> {
    let seats = u32::try_from(selection.quantity()).unwrap_or(u32::MAX);
    let guests = app.limits().guests();
    let taken = guests.hold(client, booking, seats, app.now());
    if !matches!(taken, Err(GuestRefusal::TooManySeats { .. })) {
        return taken.map_err(NotNow::Refused);
    }
    let unpaid = guests.due_look_ups(client, app.now());
    if unpaid.is_empty() {
        // Looked up a moment ago.
        return taken.map_err(NotNow::Refused);
    }
    look_up(app, client, unpaid).await.map_err(NotNow::Unknown)?;
    guests.hold(client, booking, seats, app.now()).map_err(NotNow::Refused)
}

/// Finds out which of these bookings of an address are paid or over. While the views can't be read, the log is asked for a few
/// of them: a sale needs no list.
async fn look_up(app: &App, client: Client, unpaid: Vec<BookingId>) -> Result<(), ProjectionError> {
    let (guests, now) = (app.limits().guests(), app.now());
    // A hold may have ended a moment ago, on this node.
    freshness::wait_for_own_writes(app).await;
    match app.read_model().statuses_of(unpaid.clone()).await {
        // A booking that the views don't have yet was opened a moment ago.
        Ok(statuses) => {
            use BookingStatus as B;
            for (booking, status) in statuses {
                let is_over = matches!(status, Some(B::Confirmed | B::Aborted | B::Refunded));
                guests.looked_up(client, booking, is_over, now);
            }
        }
        Err(fault) => {
            for booking in unpaid.into_iter().take(LOG_LOOK_UPS) {
                let Ok(known) = app.box_office().booking(booking).await else { return Err(fault) };
                let is_over = |phase| matches!(phase, Phase::Confirmed { .. } | Phase::Aborted { .. } | Phase::Refunded);
                guests.looked_up(client, booking, known.is_some_and(|known| is_over(known.phase)), now);
            }
        }
    }
    Ok(())
}

/// Counts a guest's hold.
pub async fn has_held(app: &App, client: Client, used: GuestHold, hold: &Hold) {
    used.solution.into_iter().for_each(challenges::Use::spend);
    let booking = &hold.booking;
    let seats = u32::try_from(booking.seats().len()).unwrap_or(u32::MAX);
    let ends = booking.expires_at.unwrap_or_else(|| app.now());
    let counted = used.unit.held(booking.id, seats, ends, app.now(), hold.replayed);
    app.limits().count_guest(client, counted, &*app.parts().clock, app.metrics()).await;
}

/// Takes a unit for a cancel, if the caller is a guest.
///
/// # Errors
/// 429.
pub async fn may_cancel(app: &App, caller: &Caller, client: Client) -> Result<Option<GuestUnit>, Problem> {
    if !is_guest(app, caller).await? {
        return Ok(None);
    }
    let taken = app.limits().guests().cancel(client, app.now());
    taken.map(Some).map_err(|refusal| app.limits().refuse_guest(refusal, app.now(), app.metrics()))
}

/// Counts the cancel of a booking, if a guest sent it. The seats count no more in either case.
pub async fn has_cancelled(app: &App, client: Client, booking: BookingId, unit: Option<GuestUnit>) {
    app.limits().guests().is_over(client, booking);
    let counted = unit.and_then(GuestUnit::spend);
    app.limits().count_guest(client, counted, &*app.parts().clock, app.metrics()).await;
}

/// Whether the caller may try to pay, and whether it is a guest, whose attempts are counted.
///
/// # Errors
/// 429.
pub async fn may_pay(app: &App, caller: &Caller, client: Client, booking: BookingId) -> Result<bool, Problem> {
    if app.limits().guests().rules().declines.is_none() || !is_guest(app, caller).await? {
        return Ok(false);
    }
    let Err(refusal) = app.limits().guests().may_pay(client, app.now()) else { return Ok(true) };
    // Who asks again after a payment that succeeded, or that is under way, gets its answer: that is no attempt.
    let known = app.box_office().booking(booking).await?;
    if known.is_some_and(|known| !matches!(known.phase, Phase::Held | Phase::ActionRequired { .. })) {
        return Ok(true);
    }
    Err(app.limits().refuse_guest(refusal, app.now(), app.metrics()))
}

/// Counts a guest's attempt to pay: one that was declined, and one that was not the booking's first and is not paid yet, or
/// somebody could go from card to card whenever the bank asks. The seats of a booking that is paid count no more.
pub async fn has_tried_to_pay(app: &App, client: Client, booking: BookingId, is_guest: bool, paid: &Result<Paid, CommandError>) {
    let is_counted = match paid {
        Ok(Paid::Confirmed(_)) => {
            app.limits().guests().is_over(client, booking);
            false
        }
        Ok(Paid::ActionRequired { booking, .. } | Paid::Pending(booking)) => booking.attempt() > 1,
        Err(CommandError::Rejected(rejection)) => {
            matches!(rejection, Rejection::PaymentDeclined { .. } | Rejection::InvalidPaymentMethod { .. })
        }
        Err(_) => false,
    };
    if !(is_guest && is_counted) {
        return;
    }
    let counted = app.limits().guests().declined(client, app.now());
    app.limits().count_guest(client, counted, &*app.parts().clock, app.metrics()).await;
}

/// Refuses guests who want more time, unless the operator allows it.
///
/// # Errors
/// 403.
pub async fn may_extend(app: &App, caller: &Caller) -> Result<(), Problem> {
    if app.limits().guests().rules().extend || !is_guest(app, caller).await? {
        return Ok(());
    }
    Err(Problem::new(
        Code::NotForGuests,
        "A guest's hold can't be extended here. Pay before it ends, or hold with a token of your own next time.",
    ))
}

async fn is_guest(app: &App, caller: &Caller) -> Result<bool, Problem> {
    match caller {
        Caller::Booking(own) => Ok(app.buyer_of(*own).await?.is_guest()),
        Caller::Guest | Caller::Token { .. } => Ok(false),
    }
}

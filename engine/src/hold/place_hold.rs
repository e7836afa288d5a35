//! Places a hold: refuses at once what can be refused at once, then tries seats until the log says
//! yes.

use super::append_group::Member;
use super::append_hold::{HoldOutcome, append_hold};
use super::choice::Choice;
use super::hold_in_progress::HoldInProgress;
use super::lock_seats::SeatLocker;
use super::open_strategy::OpenStrategy;
use super::replay::replay;
use super::target::HoldTarget;
use crate::buyers::Reservation;
use crate::error::{BusyCause, CommandError, Fault};
use crate::requests::{Hold, HoldRequest, PriceTypeChoice, SeatSelection};
use crate::services::Services;
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::block::Access;
use lastseat_domain::{BookingId, Rejection, ShowId};
use std::time::Duration;

/// Times that other seats are chosen after the chosen ones were lost, where the buyer left the choice
/// to the box office.
const CHOICES: u32 = 200;

/// The refusals that need no waiting: nearly all of a flash sale. Apart from [`hold`] so that they
/// avoid allocating the hold's future. `booking_of_key`: the booking of a request with an idempotency key.
pub(crate) fn refuse_at_once(
    services: &Services,
    show: &ShowId,
    selection: &SeatSelection,
    price_types: &PriceTypeChoice,
    booking_of_key: Option<BookingId>,
) -> Result<(), Rejection> {
    match check_table(&HoldTarget::find(services, show, selection, price_types)?) {
        Err(rejection) if booking_of_key.is_some_and(|booking| may_be_repeat(services, booking, &rejection)) => Ok(()),
        checked => checked,
    }
}

/// Whether an earlier request under the same idempotency key may have opened the booking, so that only
/// the log can tell the answer.
fn may_be_repeat(services: &Services, booking: BookingId, rejection: &Rejection) -> bool {
    // The seat table shows a seat as taken only after this node has read the event that took it, and by
    // then it has read any earlier request's booking too. The end of a sale is different: the node learns
    // of it from the clock or from its own command, perhaps before it has read that booking. So is the lift of a block.
    // And so are the show's prices, limits and sale window, and the seats beside the chosen ones, which may have been others for that booking.
    let sales_ended = matches!(
        rejection,
        Rejection::SaleClosed { .. } | Rejection::SalesPaused { .. } | Rejection::ShowCancelled { .. } | Rejection::NoSuchAccess
    );
    let differed = matches!(
        rejection,
        Rejection::UnknownPriceType { .. }
            | Rejection::LeavesSingleSeat { .. }
            | Rejection::TooManySeats { .. }
            | Rejection::SaleNotOpen { .. }
    );
    // A node that can't follow the log does not know what other nodes have opened.
    let log_unknown = services.health.follower_fault.lock().is_some();
    sales_ended || differed || log_unknown || services.known_bookings.may_contain(booking)
}

/// Places a hold that `sender` sends: its buyer, or a seller. No `async fn`, which would be compiled again by each crate that
/// holds seats.
pub(crate) fn hold<'a>(
    services: &'a Services,
    request: &'a HoldRequest,
    access: &'a Access,
    sender: &'a str,
) -> BoxFuture<'a, Result<Hold, CommandError>> {
    place(services, request, access, sender, None).boxed()
}

/// Places a hold, alone or as one of those that append together.
pub(super) async fn place(
    services: &Services,
    request: &HoldRequest,
    access: &Access,
    sender: &str,
    member: Option<&Member<'_>>,
) -> Result<Hold, CommandError> {
    let mut target = HoldTarget::of(services, request)?.with_access(access);
    let mut admission = None;
    if check_table(&target).is_ok() {
        admission = Some(services.holds.enter(services.guard.is_distrusted())?);
        // Nothing has begun yet, so this is where a hold waits if the log has much to do, or is refused.
        let busy = |retry_after| Fault::Busy { retry_after, cause: BusyCause::NewHold };
        services.ports.log.wait_for_capacity(appends_of(&request.selection)).await.map_err(busy)?;
        // The show, and the moment from which the hold is counted, are those after the wait.
        target = HoldTarget::of(services, request)?.with_access(access);
    }
    let strategy = OpenStrategy::of(&*services.ports.log);
    let hold = HoldInProgress { services, target, request, sender, member };
    let has_key = request.fingerprint.is_some();
    let result = match check_table(&hold.target) {
        Ok(()) => try_seats(&hold, strategy).await,
        // Not the answer yet: the log is asked below for that of the first request.
        Err(rejection) if has_key && may_be_repeat(services, request.booking, &rejection) => Err(rejection.into()),
        Err(rejection) => return Err(rejection.into()),
    };
    match result {
        // An earlier try of the same request may have got the very seats that are taken now.
        Err(CommandError::Rejected(ref rejection) | CommandError::Contended(ref rejection)) if has_key => {
            match replay(services, strategy, request, sender).await? {
                Some(hold) => Ok(hold),
                None if strategy.is_own_leftover(services, request, rejection).await? => {
                    if admission.is_none() {
                        admission = Some(services.holds.enter(services.guard.is_distrusted())?);
                    }
                    let held = try_seats(&hold, strategy).await;
                    drop(admission);
                    held
                }
                None => result,
            }
        }
        other => other,
    }
}

/// The booking that the same request of this sender opened before, for a caller who is refused another.
pub(crate) async fn find_repeated(
    services: &Services,
    request: &HoldRequest,
    sender: &str,
) -> Result<Option<Hold>, CommandError> {
    let log_unknown = services.health.follower_fault.lock().is_some();
    if request.fingerprint.is_none() || !(log_unknown || services.known_bookings.may_contain(request.booking)) {
        return Ok(None);
    }
    replay(services, OpenStrategy::of(&*services.ports.log), request, sender).await
}

fn check_table(target: &HoldTarget<'_>) -> Result<(), Rejection> {
    target.show.check_on_sale(target.now)?;
    target.access.check()?;
    let choice = Choice::of(target)?;
    target.check_price_types()?;
    choice.refuse_what_is_taken(target)?;
    choice.refuse_single_seats(target)
}

/// Its booking and its seats have a stream each.
fn appends_of(selection: &SeatSelection) -> usize {
    usize::try_from(selection.quantity()).unwrap_or(usize::MAX).saturating_add(1)
}

/// Tries seats until the log has accepted some, or none are left to try.
async fn try_seats(hold: &HoldInProgress<'_>, strategy: OpenStrategy) -> Result<Hold, CommandError> {
    hold.target.show.check_on_sale(hold.target.now)?;
    hold.target.access.check()?;
    hold.target.show.check_buyer(&hold.request.buyer, hold.target.access.channel().as_ref())?;
    let choice = Choice::of(&hold.target)?;
    let _share = reserve_share(hold, choice.quantity())?;
    let mut locker = SeatLocker::new(hold);
    for _ in 0..CHOICES {
        let chosen = locker.lock(&choice).await?;
        match append_hold(hold, strategy, &chosen.seats, choice.any_seats_will_do()).await {
            Ok(HoldOutcome::Open(hold)) => return Ok(*hold),
            Ok(HoldOutcome::Lost { seat, rejection }) => {
                locker.unlock(&chosen).await;
                if !choice.any_seats_will_do() {
                    return Err(rejection.into());
                }
                locker.avoid(&seat);
            }
            // Also if the outcome is unknown: whether the seats are this booking's is in the log. Once another node has
            // released them there, a lock left in this node's guard would keep them from being sold until its lease ends.
            Err(error) => {
                locker.unlock(&chosen).await;
                return Err(error);
            }
        }
    }
    Err(Fault::Busy { retry_after: Duration::from_secs(1), cause: BusyCause::Seats }.into())
}

/// Counts the seats against the buyer's limit while they are being appended.
fn reserve_share(hold: &HoldInProgress<'_>, seats: u32) -> Result<Option<Reservation>, Rejection> {
    let request = hold.request;
    match hold.target.show.facts.max_seats_per_buyer {
        Some(most) if !request.buyer.is_guest() => {
            hold.services.buyers.reserve(&request.show, &request.buyer, request.booking, seats, most).map(Some)
        }
        _ => Ok(None),
    }
}

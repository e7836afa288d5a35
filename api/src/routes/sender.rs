//! Who may send which command. Checked before the body is read: what is refused here takes no memory.

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::body;
use crate::problem::{Code, Problem};

/// A kind of command, by who may send it.
pub trait Sender: Send + Sync + 'static {
    /// Most bytes of the body.
    const MAX_BODY: usize = body::SMALL;
    /// Whether it counts as a command of its caller, who may send only so many. Scans at the entrance don't: ten gates may share
    /// one login, and people are waiting.
    const IS_COUNTED: bool = true;
    /// Whether it depends on the query of its address, too. A repeat under a key must have the same then.
    const HAS_QUERY: bool = false;
    /// Whether the session of the browser counts.
    const IS_SIGNED_IN: bool = true;

    /// Refuses callers that may never send such a command. Whose booking it is about, the command
    /// finds out itself.
    ///
    /// # Errors
    /// 401 or 403.
    fn check(caller: &Caller, app: &App) -> Result<(), Problem>;
}

macro_rules! with_permission {
    ($($(#[$doc:meta])* $name:ident: $permission:ident, $most:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Sender for $name {
            const MAX_BODY: usize = $most;

            fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
                caller.needs(Permission::$permission)
            }
        }
    )*};
}

with_permission! {
    /// Batches of holds, sent for buyers.
    HoldForBuyers: HoldForBuyers, body::LARGE;
    /// Exchanges of seats.
    ChangeBookings: ChangeBookings, body::SMALL;
    /// Refunds of single bookings.
    RefundBookings: RefundBookings, body::SMALL;
    /// What a person found out about a flagged payment.
    ReviewPayments: ReviewPayments, body::SMALL;
    /// Plans, which may have 100,000 seats.
    DrawPlans: RunShows, body::PLAN;
    /// Campaigns of vouchers.
    IssueVouchers: IssueVouchers, body::SMALL;
    /// What endpoints are sent again.
    ManageEndpoints: ManageEndpoints, body::SMALL;
    /// What the server logs.
    OperateServer: OperateServer, body::SMALL;
    /// Roles of accounts.
    ManageAccounts: ManageAccounts, body::SMALL;
    /// Goods of vouchers.
    RedeemVouchers: RedeemVouchers, body::SMALL;
    /// Commands on a whole show.
    RunShows: RunShows, body::SMALL;
    /// A whole show with its plan.
    RunShowsWithPlan: RunShows, body::LARGE;
}

/// Pictures of shows. Of a file, more may come than is kept; what is to be seen on it is in the query.
pub struct SetPictures;

impl Sender for SetPictures {
    const MAX_BODY: usize = body::LARGE;
    const HAS_QUERY: bool = true;

    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        caller.needs(Permission::RunShows)
    }
}

/// Scans of tickets.
pub struct CheckIn;

impl Sender for CheckIn {
    const IS_COUNTED: bool = false;

    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        caller.needs(Permission::CheckIn)
    }
}

/// Scans that were made offline, many at a time.
pub struct CheckInLater;

impl Sender for CheckInLater {
    const MAX_BODY: usize = body::LARGE;
    const IS_COUNTED: bool = false;

    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        caller.needs(Permission::CheckIn)
    }
}

/// Commands that need no token.
pub struct Anyone;

/// Signing up and signing in.
pub struct Newcomer;

/// Commands on one's own account: of those who are signed in here.
pub struct AccountOwner;

/// Holds: of everybody who may buy, and of guests where they are welcome.
pub struct Holder;

/// Commands on a booking or on its vouchers: of its buyer, or with the booking's own token.
pub struct Owner;

impl Sender for Anyone {
    fn check(_: &Caller, _: &App) -> Result<(), Problem> {
        Ok(())
    }
}

impl Sender for Newcomer {
    const IS_SIGNED_IN: bool = false;

    fn check(_: &Caller, _: &App) -> Result<(), Problem> {
        Ok(())
    }
}

impl Sender for AccountOwner {
    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        match caller {
            Caller::Guest => Err(Problem::authentication_required()),
            // Only a session has such a subject.
            Caller::Token { sub, .. } if sub.is_account() => Ok(()),
            Caller::Token { .. } | Caller::Booking(_) => Err(Problem::session_required()),
        }
    }
}

impl Sender for Holder {
    fn check(caller: &Caller, app: &App) -> Result<(), Problem> {
        match caller {
            Caller::Guest if app.parts().guests => Ok(()),
            // Each hold returns a token: with those, one buyer could be counted as many.
            Caller::Booking(_) => Err(Problem::new(
                Code::BookingTokenOnly,
                "A booking's own token acts on that booking only. To hold seats, send your own token, or none as a guest.",
            )),
            Caller::Guest | Caller::Token { .. } => caller.needs(Permission::HoldSeats),
        }
    }
}

impl Sender for Owner {
    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        match caller {
            Caller::Booking(_) => Ok(()),
            Caller::Guest | Caller::Token { .. } => caller.needs(Permission::CommandOwn),
        }
    }
}

//! Who may send which command. Checked before the body is read: what is refused here takes no memory.

use crate::app::App;
use crate::auth::{Caller, Role};
use crate::body;
use crate::problem::{Code, Problem};

/// A kind of command, by who may send it.
pub trait Sender: Send + Sync + 'static {
    /// Most bytes of the body.
    const MAX_BODY: usize = body::SMALL;

    /// Refuses callers that may never send such a command. Whose booking it is about, the command
    /// finds out itself.
    ///
    /// # Errors
    /// 401 or 403.
    fn check(caller: &Caller, app: &App) -> Result<(), Problem>;
}

/// Commands that need no token.
pub struct Anyone;

/// Commands of admins.
pub struct Admin;

/// A show with its plan, sent by an admin.
pub struct AdminWithPlan;

/// Holds: of buyers and admins, and of guests where they are welcome.
pub struct Holder;

/// Batches of holds: of admins, who send them for buyers.
pub struct Seller;

/// Commands on a booking or on its vouchers: of its buyer, or with the booking's own token.
pub struct Owner;

impl Sender for Anyone {
    fn check(_: &Caller, _: &App) -> Result<(), Problem> {
        Ok(())
    }
}

impl Sender for Admin {
    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        caller.needs(Role::Admin)
    }
}

impl Sender for AdminWithPlan {
    const MAX_BODY: usize = body::LARGE;

    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        caller.needs(Role::Admin)
    }
}

impl Sender for Holder {
    fn check(caller: &Caller, app: &App) -> Result<(), Problem> {
        match caller {
            Caller::Guest if app.parts().guests => Ok(()),
            Caller::Guest => Err(Problem::authentication_required()),
            // Each hold returns a token: with those, one buyer could be counted as many.
            Caller::Booking(_) => Err(Problem::new(
                Code::BookingTokenOnly,
                "A booking's own token acts on that booking only. To hold seats, send your own token, or none as a guest.",
            )),
            Caller::Token { .. } => caller.may_command(),
        }
    }
}

impl Sender for Seller {
    const MAX_BODY: usize = body::LARGE;

    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        caller.needs(Role::Admin)
    }
}

impl Sender for Owner {
    fn check(caller: &Caller, _: &App) -> Result<(), Problem> {
        match caller {
            Caller::Guest => Err(Problem::authentication_required()),
            Caller::Booking(_) => Ok(()),
            Caller::Token { .. } => caller.may_command(),
        }
    }
}

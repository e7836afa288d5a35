//! A voucher: a code that lowers what a booking costs, opens blocks to it, or that goods are handed over for.
//!
//! A booking has a voucher as it has a seat. The voucher's own stream reserves it for one application to the booking,
//! at an exact revision; and it is freed only after the booking's stream says that this application, or the whole
//! booking, has ended. So a voucher is never used more often than its terms say, and what a crash has left is
//! completed from the log by any node.

use crate::Timestamp;
use crate::booking::{Booking, Phase};
use crate::decider::Decider;
use crate::event::{
    Discount, Event, GoodsHandedOver, VoucherCreated, VoucherFreed, VoucherReserved, VoucherSource, VoucherUsed, VoucherWithdrawn,
};
use crate::ids::{BookingId, VoucherHash};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use std::collections::BTreeMap;

mod terms;

pub use terms::{MAX_GOODS, MAX_NAMES, MAX_USES};

/// A voucher, as its events describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// How it was created.
    pub created: VoucherCreated,
    /// The bookings that have it.
    pub claims: BTreeMap<BookingId, Claim>,
    /// How often its goods were handed over.
    pub handed_over: u32,
    /// How it was found when it was withdrawn.
    pub withdrawn: Option<Withdrawn>,
}

/// How a voucher was found when it was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// Nobody had used it.
    Unused,
    /// It was paid with, or its goods were handed over.
    Used,
}

/// A use of a voucher by a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Number of the application to the booking.
    pub application: u32,
    /// Whether the booking was paid.
    pub used: bool,
}

impl Voucher {
    /// How often it can still be used.
    #[must_use]
    pub fn left(&self) -> u32 {
        let claims = u32::try_from(self.claims.len()).unwrap_or(u32::MAX);
        self.created.terms.uses.saturating_sub(claims).saturating_sub(self.handed_over)
    }

    /// How often it was used: by bookings that were paid, or to hand over its goods.
    #[must_use]
    pub fn used(&self) -> u32 {
        let paid = self.claims.values().filter(|claim| claim.used).count();
        u32::try_from(paid).unwrap_or(u32::MAX).saturating_add(self.handed_over)
    }

    /// How many bookings have it that are not paid.
    #[must_use]
    pub fn reserved(&self) -> u32 {
        let unpaid = self.claims.values().filter(|claim| !claim.used).count();
        u32::try_from(unpaid).unwrap_or(u32::MAX)
    }

    /// Whether it can be used now, for what it is for.
    ///
    /// # Errors
    /// The [`Rejection`] that says why not.
    pub fn check_usable(&self, now: Timestamp) -> Result<(), Rejection> {
        if self.withdrawn.is_some() {
            return Err(Rejection::VoucherWithdrawn);
        }
        self.created.terms.check_valid_at(now)?;
        if self.left() == 0 { Err(Rejection::VoucherUsedUp) } else { Ok(()) }
    }
}

/// What can be requested of a voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoucherCommand {
    /// Let there be one.
    Create(VoucherCreated),
    /// Keep a use of it for a booking.
    Reserve {
        /// The current time.
        now: Timestamp,
        /// The booking.
        booking: BookingId,
        /// Number of the application to the booking.
        application: u32,
    },
    /// Give the booking's use back. The booking's stream has said that the application has ended.
    Free {
        /// The booking.
        booking: BookingId,
        /// Number of the application.
        application: u32,
    },
    /// The booking was paid.
    Use {
        /// The booking.
        booking: BookingId,
        /// Number of the application.
        application: u32,
    },
    /// The booking that earned it was refunded.
    Withdraw {
        /// That booking.
        booking: BookingId,
    },
    /// Hand over its goods.
    HandOver {
        /// The current time.
        now: Timestamp,
        /// Subject of the caller's token.
        by: String,
    },
}

impl Decider for Voucher {
    type Id = VoucherHash;
    type State = Option<Self>;
    type Command = VoucherCommand;

    fn stream(id: &VoucherHash) -> StreamName {
        StreamName::voucher(id)
    }

    fn initial() -> Option<Self> {
        None
    }

    fn decide(id: &VoucherHash, state: &Option<Self>, command: VoucherCommand) -> Result<Vec<Event>, Rejection> {
        decide(id, state.as_ref(), command)
    }

    fn not_before(mut command: VoucherCommand, last: Timestamp) -> VoucherCommand {
        if let VoucherCommand::Reserve { now, .. } | VoucherCommand::HandOver { now, .. } = &mut command {
            *now = last.max(*now);
        }
        command
    }

    fn evolve(state: Option<Self>, event: &Event, _at: Timestamp) -> Option<Self> {
        evolve(state, event)
    }
}

/// See [`Decider::decide`]. `None` is a voucher without events.
///
/// # Errors
/// The [`Rejection`] that says why the command is refused.
pub fn decide(id: &VoucherHash, state: Option<&Voucher>, command: VoucherCommand) -> Result<Vec<Event>, Rejection> {
    let voucher = || id.clone();
    let Some(state) = state else {
        return match command {
            VoucherCommand::Create(created) => {
                created.terms.check()?;
                Ok(vec![created.into()])
            }
            VoucherCommand::Free { .. } => Ok(vec![]),
            _ => Err(Rejection::UnknownVoucher),
        };
    };
    match command {
        VoucherCommand::Create(created) if created == state.created => Ok(vec![]),
        VoucherCommand::Create(_) => Err(Rejection::OutOfOrder { step: "Creating the voucher again" }),
        VoucherCommand::Reserve { now, booking, application } => match state.claims.get(&booking) {
            Some(claim) if claim.application == application => Ok(vec![]),
            // Its use by an application that has ended is not freed yet.
            Some(_) => Err(Rejection::VoucherUsedUp),
            None => {
                state.check_usable(now)?;
                Ok(vec![VoucherReserved { voucher: voucher(), booking, application }.into()])
            }
        },
        VoucherCommand::Free { booking, application } => match state.claims.get(&booking) {
            Some(claim) if claim.application == application => {
                Ok(vec![VoucherFreed { voucher: voucher(), booking, application }.into()])
            }
            _ => Ok(vec![]),
        },
        VoucherCommand::Use { booking, application } => match state.claims.get(&booking) {
            Some(claim) if claim.application == application && claim.used => Ok(vec![]),
            Some(claim) if claim.application == application => {
                Ok(vec![VoucherUsed { voucher: voucher(), booking, application }.into()])
            }
            _ => Err(Rejection::OutOfOrder { step: "Using up a voucher that is not reserved" }),
        },
        VoucherCommand::Withdraw { .. } if state.withdrawn.is_some() => Ok(vec![]),
        VoucherCommand::Withdraw { booking } => match state.created.source {
            // A booking that has it keeps it. One that was used is withdrawn, too: a refund may give that use back later.
            VoucherSource::Reward { .. } => Ok(vec![VoucherWithdrawn { voucher: voucher(), booking }.into()]),
            VoucherSource::Campaign { .. } => Err(Rejection::OutOfOrder { step: "Withdrawing a voucher that no booking earned" }),
        },
        VoucherCommand::HandOver { now, by } => {
            let Discount::Goods(_) = state.created.terms.discount else {
                let why = "it lowers what a booking costs; apply it to the booking before it is paid".to_owned();
                return Err(Rejection::VoucherNotUsable { why });
            };
            state.check_usable(now)?;
            Ok(vec![GoodsHandedOver { voucher: voucher(), by }.into()])
        }
    }
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Option<Voucher>, event: &Event) -> Option<Voucher> {
    if let Event::VoucherCreated(e) = event {
        return state.or_else(|| Some(Voucher { created: e.clone(), claims: BTreeMap::new(), handed_over: 0, withdrawn: None }));
    }
    let mut voucher = state?;
    match event {
        Event::VoucherReserved(e) => {
            voucher.claims.insert(e.booking, Claim { application: e.application, used: false });
        }
        Event::VoucherUsed(e) => {
            voucher.claims.insert(e.booking, Claim { application: e.application, used: true });
        }
        Event::VoucherFreed(e) => {
            voucher.claims.remove(&e.booking);
        }
        Event::VoucherWithdrawn(_) => {
            let found = if voucher.used() > 0 { Withdrawn::Used } else { Withdrawn::Unused };
            voucher.withdrawn.get_or_insert(found);
        }
        Event::GoodsHandedOver(_) => voucher.handed_over += 1,
        _ => {}
    }
    Some(voucher)
}

/// What is to be done with a voucher that is reserved for a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoucherStep {
    /// Nothing now: the booking is neither paid nor over.
    Keep,
    /// Keep it from being applied, then free it.
    Fence,
    /// Free it.
    Free,
    /// Use it up.
    UseUp,
}

/// What is to be done with a voucher that is reserved for this application to `booking`. `returns`: whether refunds of
/// the booking's show return vouchers.
#[must_use]
pub fn next_step(booking: &Booking, voucher: &VoucherHash, application: u32, returns: bool) -> VoucherStep {
    let applied = booking.has_voucher(voucher, application);
    match booking.phase {
        Phase::Aborted { .. } => VoucherStep::Free,
        Phase::Refunded if applied && !returns => VoucherStep::UseUp,
        Phase::Refunded => VoucherStep::Free,
        _ if !applied && application > booking.voucher_applications => VoucherStep::Fence,
        _ if !applied => VoucherStep::Free,
        Phase::Confirmed { .. } => VoucherStep::UseUp,
        _ => VoucherStep::Keep,
    }
}

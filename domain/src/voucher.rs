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
    Discount, Event, GoodsHandedOver, VoucherCreated, VoucherFreed, VoucherReserved, VoucherSource, VoucherUsed,
    VoucherWithdrawn, Withdrawal,
};
use crate::ids::{BookingId, VoucherHash};
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use std::collections::BTreeMap;

mod terms;

pub use terms::{MAX_GOODS, MAX_NAMES, MAX_USES};

/// Most bytes of a reason for withdrawing a voucher or ending a campaign.
pub const MAX_REASON: usize = 200;

/// A voucher, as its events describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// How it was created.
    pub created: VoucherCreated,
    /// The bookings that have it.
    pub claims: BTreeMap<BookingId, Claim>,
    /// How often its goods were handed over.
    pub handed_over: u32,
    /// Whether it was withdrawn, for whatever cause: nobody can use it any more, and bookings that have it keep it.
    pub withdrawn: bool,
    /// Whether it was withdrawn because its campaign has ended.
    pub withdrawn_at_end: bool,
    /// How it was found when it was withdrawn because the booking that earned it was refunded.
    pub found_at_refund: Option<Withdrawn>,
}

/// How a voucher was found when it was withdrawn for a refund.
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
        if self.withdrawn {
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
    /// Let nobody use it any more. Bookings that have it keep it, and may be paid with it.
    Withdraw(Withdrawal),
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
        VoucherCommand::Withdraw(cause) => withdraw(id, state, cause),
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

/// A booking that has it keeps it. One that was used is withdrawn, too: a refund may give that use back later.
fn withdraw(id: &VoucherHash, state: &Voucher, cause: Withdrawal) -> Result<Vec<Event>, Rejection> {
    let is_done = match (&cause, &state.created.source) {
        // Staff may have withdrawn it before. Whether the refund takes anything back depends on how it is found now.
        (Withdrawal::Refund { .. }, VoucherSource::Reward { .. }) => state.found_at_refund.is_some(),
        (Withdrawal::CampaignEnd { campaign }, VoucherSource::Campaign { campaign: own, .. }) if campaign == own => {
            state.withdrawn
        }
        (Withdrawal::Staff { reason, .. }, _) => {
            check_reason(reason.as_deref())?;
            state.withdrawn
        }
        _ => return Err(Rejection::OutOfOrder { step: "Withdrawing a voucher for what does not concern it" }),
    };
    Ok(if is_done { vec![] } else { vec![VoucherWithdrawn { voucher: id.clone(), cause }.into()] })
}

/// Why staff withdraw a voucher or end a campaign, in their words: one line of at most [`MAX_REASON`] bytes.
///
/// # Errors
/// `InvalidVoucher`.
pub(crate) fn check_reason(reason: Option<&str>) -> Result<(), Rejection> {
    let is_line = |reason: &str| !reason.trim().is_empty() && reason.len() <= MAX_REASON && !reason.chars().any(char::is_control);
    if reason.is_none_or(is_line) {
        return Ok(());
    }
    let why = format!("`reason` must be 1 to {MAX_REASON} bytes on one line, or absent");
    Err(Rejection::InvalidVoucher { field: "reason", why })
}

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Option<Voucher>, event: &Event) -> Option<Voucher> {
    if let Event::VoucherCreated(e) = event {
        let (created, claims) = (e.clone(), BTreeMap::new());
        return state.or(Some(Voucher {
            created,
            claims,
            handed_over: 0,
            withdrawn: false,
            withdrawn_at_end: false,
            found_at_refund: None,
        }));
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
        Event::VoucherWithdrawn(e) => {
            voucher.withdrawn = true;
            voucher.withdrawn_at_end |= matches!(e.cause, Withdrawal::CampaignEnd { .. });
            if matches!(e.cause, Withdrawal::Refund { .. }) {
                let found = if voucher.used() > 0 { Withdrawn::Used } else { Withdrawn::Unused };
                voucher.found_at_refund.get_or_insert(found);
            }
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

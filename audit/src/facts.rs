//! What the audit knows of shows, seats, bookings and loyalty accounts, folded from the log. The rules
//! that judge it are in `bookings`, `seats` and `loyalty`.

mod account;
mod book;
mod delivery;
mod seat;
mod show;
mod ticket;
mod voucher;

use super::report::Place;
use chrono::TimeDelta;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{SeatId, ShowId, StreamName};
use std::collections::HashMap;

pub(super) use account::{Account, Rewards, Voucher};
pub(super) use book::{Applied, Book, Decision, Exchange, Moved, Opened, Part, PartState, Pay};
pub(super) use delivery::DeliveryFact;
pub(super) use seat::{BlockFact, BlockTerms, Blocked, Owner, SeatFact};
pub(super) use show::{Edition, ShowFacts};
pub(super) use ticket::{ScanFact, TicketFact};
pub(super) use voucher::{CampaignFact, Claim, CodeOfReward, VoucherFact, WithdrawnAs};

/// The channel of staff: it needs no access code.
pub(super) const TILL: &str = "till";

/// How long something may stay unfinished before it is wrong, by the times in the log.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

/// The seats by the plan's index; `None` for one that the show does not have.
pub(super) fn seats_by_index(shows: &HashMap<ShowId, ShowFacts>, opened: Option<&Opened>, seats: &[SeatId]) -> Vec<Option<u32>> {
    let plan = opened.and_then(|opened| shows.get(&opened.show)).map(|show| &show.latest().plan);
    seats.iter().map(|seat| plan.and_then(|plan| plan.index_of(seat))).collect()
}

/// The place of a finding that shows at the end of the log, not at one of its events.
pub(super) fn at_the_end(position: Position, stream: &StreamName) -> Place {
    Place { position, stream: stream.clone(), revision: None }
}

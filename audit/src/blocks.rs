//! Which seats are in which block, and who may buy from it, as the log says.

use super::code::Code;
use super::facts::{BlockFact, BlockTerms, Blocked, Book, SeatFact, TILL, VoucherFact, at_the_end};
use super::report::{Findings, Place};
use super::state::Audit;
use lastseat_domain::event::{BlockLifted, BlockOpened, Event, LiftReason, SeatBooked};
use lastseat_domain::{BlockId, BookingId, Envelope, StreamName, Timestamp, VoucherHash};
use std::collections::HashMap;

impl Audit {
    pub(super) fn take_block(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let (Event::BlockOpened(BlockOpened { block, .. }) | Event::BlockLifted(BlockLifted { block, .. })) = &envelope.event
        else {
            return;
        };
        let own = envelope.stream.as_block() == Some(*block);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about block {block}"));
        match &envelope.event {
            Event::BlockOpened(e) => self.open_block(e, &place),
            Event::BlockLifted(e) => {
                let fact = self.blocks.entry(e.block).or_default();
                let in_order = fact.lifted_at.is_none() && (fact.opened.is_some() || e.reason == LiftReason::Fenced);
                self.findings.check(Code::LiftedTwice, in_order, &place, || {
                    format!("block {} was lifted before, or never opened", e.block)
                });
                fact.lifted_at = fact.lifted_at.or(Some(envelope.metadata.at));
            }
            _ => {}
        }
    }

    fn open_block(&mut self, e: &BlockOpened, place: &Place) {
        let new = !self.blocks.contains_key(&e.block);
        self.findings.check(Code::OpenedTwice, new, place, || format!("block {} is there already", e.block));
        let Some(show) = self.shows.get(&e.show) else {
            return self.findings.wrong(Code::SeatNotInPlan, place, || format!("there is no show {}", e.show));
        };
        let mut seats = Vec::with_capacity(e.seats.len());
        for seat in &e.seats {
            let index = show.latest().plan.index_of(seat);
            self.findings.check(Code::SeatNotInPlan, index.is_some(), place, || format!("the show has no seat {seat}"));
            let Some(index) = index else { continue };
            let blocked = show.seats.get(index as usize).and_then(|seat| seat.blocked);
            let has = blocked.is_some_and(|blocked| blocked.block == e.block);
            self.findings.check(Code::BlockWithoutSeats, has, place, || format!("block {} does not have seat {seat}", e.block));
            seats.push(index);
        }
        if new {
            seats.sort_unstable();
            let (channel, access_code) = (e.channel.clone(), e.access_code.clone());
            let terms = BlockTerms { show: e.show.clone(), seats: seats.into(), channel, access_code };
            self.blocks.insert(e.block, BlockFact { opened: Some(terms), lifted_at: None });
        }
    }

    /// No seat stays in a block that was lifted, or that never opened.
    pub(super) fn finish_blocks(&mut self, until: Timestamp) {
        for (show_id, show) in &self.shows {
            for (index, seat) in (0_u32..).zip(&show.seats) {
                let (Some(blocked), Some(id)) = (seat.blocked, show.latest().plan.id_of(index)) else { continue };
                let fact = self.blocks.get(&blocked.block);
                let kept = fact.filter(|fact| fact.lifted_at.is_none()).and_then(|fact| fact.opened.as_ref());
                if kept.is_some_and(|terms| terms.show == *show_id && terms.seats.binary_search(&index).is_ok()) {
                    continue;
                }
                let due = fact.and_then(|fact| fact.lifted_at).unwrap_or(blocked.since).max(blocked.since);
                let stream = StreamName::seat(show_id, &id);
                let late = (until - due).num_seconds();
                let text = format!("block {} is not open with it, and still has it {late} s later", blocked.block);
                if self.activity.is_late(due) {
                    self.findings.wrong(Code::StuckSeat, &at_the_end(blocked.position, &stream), || text);
                } else {
                    self.findings.pending(stream, text);
                }
            }
        }
    }
}

/// What decides who may buy from a block.
pub(super) struct Access<'a> {
    pub blocks: &'a HashMap<BlockId, BlockFact>,
    pub vouchers: &'a HashMap<VoucherHash, VoucherFact>,
    pub bookings: &'a HashMap<BookingId, Book>,
}

impl Access<'_> {
    /// Whether the booking may buy the seat from the block.
    fn allows(&self, block: BlockId, e: &SeatBooked, index: u32) -> bool {
        let book = self.bookings.get(&e.booking);
        let own = book.and_then(|book| book.opened.as_ref()?.voucher.as_ref()).and_then(|own| self.vouchers.get(own));
        let by_voucher = own.is_some_and(|voucher| voucher.terms.opens.contains(&block));
        self.blocks.get(&block).is_some_and(|fact| may_sell(fact, book, index, e.exchange, by_voucher))
    }
}

/// Judges what an event of a seat says of blocks, and notes which block has the seat afterwards. The owner is still that
/// of before the event.
pub(super) fn judge_block(
    seat: &mut SeatFact,
    envelope: &Envelope,
    index: u32,
    access: &Access<'_>,
    findings: &mut Findings,
    place: &Place,
) {
    let blocked = |block| Blocked { block, since: envelope.metadata.at, position: envelope.position };
    let name = |block: Option<BlockId>| block.map_or_else(|| "no block".to_owned(), |block| format!("block {block}"));
    match &envelope.event {
        Event::SeatLocked(e) => {
            let has = seat.blocked.map(|blocked| blocked.block);
            let again = seat.owner.is_some_and(|owner| owner.booking == e.booking && owner.block == e.block);
            findings.check(Code::SoldOutOfBlock, again || has == e.block, place, || {
                format!("booking {} takes it from {}, and {} has it", e.booking, name(e.block), name(has))
            });
            seat.blocked = None;
        }
        Event::SeatBooked(e) => {
            let from = seat.owner.filter(|owner| owner.booking == e.booking).and_then(|owner| owner.block);
            findings.check(Code::LeftBlock, seat.owner.is_none() || from == e.block, place, || {
                format!("booking {} took it from {}, and not from {}", e.booking, name(from), name(e.block))
            });
            let allowed = e.block.is_none_or(|block| access.allows(block, e, index));
            findings.check(Code::SoldWithoutAccess, allowed, place, || {
                format!("booking {} has no access to {}", e.booking, name(e.block))
            });
        }
        Event::SeatReleased(e) => {
            let from = seat.owner.filter(|owner| owner.booking == e.booking).and_then(|owner| owner.block);
            findings.check(Code::LeftBlock, seat.owner.is_none() || from == e.block, place, || {
                format!("booking {} took it from {}, and it returns to {}", e.booking, name(from), name(e.block))
            });
            seat.blocked = e.block.map(blocked);
        }
        Event::SeatBlocked(e) => {
            let other = seat.blocked.map(|blocked| blocked.block);
            let free = seat.owner.is_none() && other.is_none();
            findings.check(Code::BlockedWhileTaken, free, place, || match seat.owner {
                Some(owner) => format!("block {} takes it while booking {} has it", e.block, owner.booking),
                None => format!("block {} takes it while {} has it", e.block, name(other)),
            });
            seat.blocked = Some(blocked(e.block));
        }
        Event::SeatUnblocked(e) => {
            let has = seat.blocked.is_some_and(|blocked| blocked.block == e.block);
            let fact = access.blocks.get(&e.block);
            let kept = |fact: &BlockFact| {
                fact.lifted_at.is_none() && fact.opened.as_ref().is_none_or(|terms| terms.seats.binary_search(&index).is_ok())
            };
            let due = fact.is_some_and(|fact| !kept(fact));
            findings.check(Code::UnblockedEarly, has && due, place, || {
                format!("block {} frees it, and was not lifted, or did not have it", e.block)
            });
            seat.blocked = None;
        }
        _ => {}
    }
}

/// Whether a booking may buy a seat of this block: with a voucher that opens it, with its code, or at the till if the block
/// is the till's. Exchanges are made there, wherever the booking was sold.
fn may_sell(fact: &BlockFact, book: Option<&Book>, index: u32, exchange: u32, by_voucher: bool) -> bool {
    let (Some(terms), Some(opened)) = (&fact.opened, book.and_then(|book| book.opened.as_ref())) else { return false };
    let by_code = terms.access_code.is_some() && terms.access_code == opened.access_code;
    let at_till = terms.channel.as_ref().is_some_and(|channel| channel.as_str() == TILL)
        && (exchange > 0 || terms.channel == opened.channel);
    // An exchange takes nothing by the voucher of the hold.
    let by_voucher = by_voucher && exchange == 0;
    terms.show == opened.show && terms.seats.binary_search(&index).is_ok() && (by_code || at_till || by_voucher)
}

//! Every interleaving of a block of two seats, a booking that wants one of them, somebody who lifts the block, and
//! a node that completes what is left undone; driven by the real deciders of seats and blocks.
//!
//! The block's appends land in any order, late or never: its opener may die at any moment. What a booking may do is
//! explored elsewhere; here it is held, sold, over or refunded.

use crate::support::*;
use lastseat_domain::block::{self, Block, BlockCommand};
use lastseat_domain::event::{AbortReason, BlockOpened, Event};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use std::collections::{BTreeSet, HashMap};

/// The protocol as designed, or one of its failing twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    None,
    BlindAppendOnSeat,
    UnblockWithoutFence,
    UnblockBeforeTheLift,
    ReleaseForgetsTheBlock,
    NobodyCompletes,
}

/// An append to a seat's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Message {
    Unsent,
    /// Under way, decided on the seat at this revision; whether it was seen in the block.
    Flying(u8, bool),
    Landed,
    Conflict,
}

/// What the block's stream says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Decision {
    None,
    Open,
    Lifted,
    Fenced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Booking {
    Unsent,
    Held,
    Sold,
    /// Aborted or refunded.
    Over(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum SeatIs {
    Free,
    Locked(bool),
    Booked(bool),
    Blocked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    /// Revision and state; `true`: from the block.
    seats: [(u8, SeatIs); 2],
    decision: Decision,
    /// The opener is gone.
    dead: bool,
    blocks: [Message; 2],
    booking: Booking,
    lock: Message,
}

enum Next {
    Progress(World),
    /// May happen, must not be needed.
    Crash(World),
    Violation(&'static str),
}

fn seat_of(state: SeatIs) -> Seat {
    let from = |is_from: bool| is_from.then(|| block(1));
    match state {
        SeatIs::Free => Seat::Free,
        SeatIs::Locked(b) => Seat::Locked { booking: booking(1), expires_at: minute(10), block: from(b), exchange: 0 },
        SeatIs::Booked(b) => Seat::Booked { booking: booking(1), block: from(b), exchange: 0 },
        SeatIs::Blocked => Seat::Blocked { block: block(1) },
    }
}

fn state_of(seat: &Seat) -> SeatIs {
    match seat {
        Seat::Free => SeatIs::Free,
        Seat::Locked { block, .. } => SeatIs::Locked(block.is_some()),
        Seat::Booked { block, .. } => SeatIs::Booked(block.is_some()),
        Seat::Blocked { .. } => SeatIs::Blocked,
    }
}

fn opened() -> BlockOpened {
    block_opened()
}

/// The stream of the block, as the real rules have it.
fn block_of(decision: Decision) -> Option<Block> {
    let opened = matches!(decision, Decision::Open | Decision::Lifted).then(opened);
    let lifted_at = matches!(decision, Decision::Lifted | Decision::Fenced).then(|| minute(1));
    (decision != Decision::None).then(|| Block { opened_at: opened.as_ref().map(|_| minute(0)), opened, lifted_at })
}

fn after(decision: Decision, command: BlockCommand) -> Option<Decision> {
    let events = block::decide(block(1), block_of(decision).as_ref(), command).ok()?;
    let state = events.iter().fold(block_of(decision), |state, event| block::evolve(state, event, minute(1)))?;
    Some(match (state.opened.is_some(), state.lifted_at.is_some()) {
        (true, false) => Decision::Open,
        (true, true) => Decision::Lifted,
        (false, _) => Decision::Fenced,
    })
}

fn fence() -> BlockCommand {
    BlockCommand::Fence { show: show(), by: "settle".to_owned() }
}

impl World {
    fn initial() -> Self {
        Self {
            seats: [(0, SeatIs::Free); 2],
            decision: Decision::None,
            dead: false,
            blocks: [Message::Unsent; 2],
            booking: Booking::Unsent,
            lock: Message::Unsent,
        }
    }

    /// Decides on what was `seen`, appends to what is there. They differ only where the log does not compare revisions.
    fn append(mut self, n: usize, seen: SeatIs, command: SeatCommand, twin: Twin) -> Result<Option<Self>, &'static str> {
        let Ok(mut events) = seat::decide(&seat(1), &seat_of(seen), command) else { return Ok(None) };
        if let (Twin::ReleaseForgetsTheBlock, [Event::SeatReleased(e)]) = (twin, events.as_mut_slice()) {
            e.block = None;
        }
        let (mut revision, mut state) = self.seats[n];
        for event in &events {
            let legal = match (event, state) {
                (Event::SeatLocked(e), SeatIs::Free) => e.block.is_none(),
                (Event::SeatLocked(e), SeatIs::Blocked) => e.block.is_some(),
                (Event::SeatBlocked(_), state) => state == SeatIs::Free,
                (Event::SeatUnblocked(_), state) => state == SeatIs::Blocked,
                (Event::SeatBooked(_), state) => matches!(state, SeatIs::Locked(_)),
                (Event::SeatReleased(_), state) => matches!(state, SeatIs::Locked(_) | SeatIs::Booked(_)),
                _ => false,
            };
            if !legal {
                return Err("a block and a booking both have a seat");
            }
            revision += 1;
            state = state_of(&seat::evolve(seat_of(state), event));
        }
        self.seats[n] = (revision, state);
        Ok((!events.is_empty()).then_some(self))
    }

    fn apply(self, n: usize, command: SeatCommand, twin: Twin, out: &mut Vec<Next>) {
        match self.append(n, self.seats[n].1, command, twin) {
            Ok(Some(next)) => out.push(Next::Progress(next)),
            Ok(None) => {}
            Err(why) => out.push(Next::Violation(why)),
        }
    }

    fn successors(&self, twin: Twin, out: &mut Vec<Next>) {
        self.opener(twin, out);
        self.buyer(twin, out);
        let lift = BlockCommand::Lift { by: "admin".to_owned() };
        if let Some(decision) = after(self.decision, lift).filter(|next| *next != self.decision) {
            out.push(Next::Crash(Self { decision, ..*self }));
            if twin == Twin::UnblockBeforeTheLift {
                self.apply(1, SeatCommand::Unblock { block: block(1) }, twin, out);
            }
        }
        if twin != Twin::NobodyCompletes {
            self.completer(twin, out);
        }
    }

    fn opener(&self, twin: Twin, out: &mut Vec<Next>) {
        if self.blocks[0] == Message::Unsent {
            let free = |n: usize| self.seats[n].1 == SeatIs::Free;
            if !self.dead && free(0) && free(1) {
                let blocks = [Message::Flying(self.seats[0].0, false), Message::Flying(self.seats[1].0, false)];
                out.push(Next::Progress(Self { blocks, ..*self }));
            }
            return;
        }
        if !self.dead {
            out.push(Next::Crash(Self { dead: true, ..*self }));
        }
        for n in 0..2 {
            let Message::Flying(seen, _) = self.blocks[n] else { continue };
            let mut next = *self;
            if self.seats[n].0 == seen || twin == Twin::BlindAppendOnSeat {
                next.blocks[n] = Message::Landed;
                next.apply(n, SeatCommand::Block { block: block(1) }, twin, out);
                if twin == Twin::BlindAppendOnSeat {
                    match next.append(n, SeatIs::Free, SeatCommand::Block { block: block(1) }, twin) {
                        Err(why) => out.push(Next::Violation(why)),
                        Ok(blind) => out.extend(blind.map(Next::Progress)),
                    }
                }
            } else {
                next.blocks[n] = Message::Conflict;
                out.push(Next::Progress(next));
            }
        }
        let command = match self.blocks {
            [Message::Landed, Message::Landed] => BlockCommand::Open(opened()),
            [Message::Conflict, Message::Landed | Message::Conflict] | [Message::Landed, Message::Conflict] => fence(),
            _ => return,
        };
        // At no stream: a block that was fenced meanwhile does not open.
        if let (false, Decision::None, Some(decision)) = (self.dead, self.decision, after(self.decision, command)) {
            out.push(Next::Progress(Self { decision, ..*self }));
        }
    }

    fn buyer(&self, twin: Twin, out: &mut Vec<Next>) {
        // They have the block's code, which opens it from when it is open until it is lifted.
        let lock = |has_access: bool| SeatCommand::Lock {
            booking: booking(1),
            buyer: buyer(1),
            price: 8500,
            expires_at: minute(10),
            blocks: if has_access { vec![block(1)] } else { vec![] },
        };
        let (revision, state) = self.seats[0];
        match (self.booking, self.lock) {
            (Booking::Unsent, _) => {
                let has_access = self.decision == Decision::Open;
                if seat::decide(&seat(1), &seat_of(state), lock(has_access)).is_ok() {
                    let lock = Message::Flying(revision, state == SeatIs::Blocked);
                    out.push(Next::Progress(Self { booking: Booking::Held, lock, ..*self }));
                }
            }
            (_, Message::Flying(seen, is_from_block)) => {
                let mut next = *self;
                if revision == seen || twin == Twin::BlindAppendOnSeat {
                    next.lock = Message::Landed;
                    let decided_on = if is_from_block { SeatIs::Blocked } else { SeatIs::Free };
                    match next.append(0, decided_on, lock(is_from_block), twin) {
                        Ok(next) => out.extend(next.map(Next::Progress)),
                        Err(why) => out.push(Next::Violation(why)),
                    }
                } else {
                    next.lock = Message::Conflict;
                    next.booking = Booking::Over(false);
                    out.push(Next::Progress(next));
                }
            }
            _ => {}
        }
        let release = |reason| SeatCommand::Release { booking: booking(1), reason };
        match self.booking {
            // Expired or cancelled, perhaps before its lock lands.
            Booking::Held => {
                out.push(Next::Progress(Self { booking: Booking::Over(false), ..*self }));
                if matches!(state, SeatIs::Locked(_)) {
                    match self.append(0, state, SeatCommand::Book { booking: booking(1) }, twin) {
                        Ok(next) => out.extend(next.map(|next| Next::Progress(Self { booking: Booking::Sold, ..next }))),
                        Err(why) => out.push(Next::Violation(why)),
                    }
                }
            }
            Booking::Sold => out.push(Next::Crash(Self { booking: Booking::Over(true), ..*self })),
            Booking::Over(true) => self.apply(0, release(AbortReason::Refunded), twin, out),
            Booking::Over(false) => self.apply(0, release(AbortReason::Expired), twin, out),
            Booking::Unsent => {}
        }
    }

    /// Any node, from the log alone.
    fn completer(&self, twin: Twin, out: &mut Vec<Next>) {
        for n in 0..2 {
            if self.seats[n].1 != SeatIs::Blocked {
                continue;
            }
            let may_go = match self.decision {
                Decision::None if twin == Twin::UnblockWithoutFence => true,
                Decision::None => {
                    if let Some(decision) = after(self.decision, fence()) {
                        out.push(Next::Progress(Self { decision, ..*self }));
                    }
                    false
                }
                Decision::Open => false,
                Decision::Lifted | Decision::Fenced => true,
            };
            if may_go {
                self.apply(n, SeatCommand::Unblock { block: block(1) }, twin, out);
            }
        }
    }

    /// What must never be.
    fn violation(&self) -> Option<&'static str> {
        let kept = |state| matches!(state, SeatIs::Blocked | SeatIs::Locked(true) | SeatIs::Booked(true));
        let is_open = self.decision == Decision::Open;
        (is_open && !self.seats.iter().all(|(_, state)| kept(*state))).then_some("an open block has lost a seat")
    }

    /// Nothing is left to do: no seat is in a block that is not open, or a booking's that is over.
    fn is_resolved(&self) -> bool {
        let has = |wanted: fn(SeatIs) -> bool| self.seats.iter().any(|(_, state)| wanted(*state));
        let flies = |message: Message| matches!(message, Message::Flying(..));
        let booking_is_done = match self.booking {
            Booking::Over(_) => !has(|state| matches!(state, SeatIs::Locked(_) | SeatIs::Booked(_))),
            Booking::Held => false,
            Booking::Sold | Booking::Unsent => true,
        };
        let blocks_are_done = self.decision == Decision::Open || !has(|state| state == SeatIs::Blocked);
        booking_is_done && blocks_are_done && !self.blocks.iter().copied().any(flies) && !flies(self.lock)
    }

    /// What an exploration has to get to, or it shows nothing.
    fn way(&self) -> Option<&'static str> {
        match (self.decision, self.booking, self.seats[0].1) {
            (Decision::Open, Booking::Sold, SeatIs::Booked(true)) => Some("sold from the block"),
            (Decision::Open, Booking::Over(_), SeatIs::Blocked) => Some("returned to the block"),
            (Decision::Lifted, Booking::Over(true), SeatIs::Blocked) => Some("returned after the lift"),
            (Decision::Lifted, Booking::Over(true), SeatIs::Free) => Some("free after the lift"),
            (Decision::Lifted, Booking::Held, SeatIs::Locked(false)) => Some("held after the lift"),
            (Decision::Fenced, _, SeatIs::Locked(false)) => Some("lost to a hold"),
            _ => None,
        }
    }
}

struct Found {
    states: usize,
    violation: Option<&'static str>,
    stuck: usize,
    ways: BTreeSet<&'static str>,
}

fn explore(twin: Twin) -> Found {
    let mut ids: HashMap<World, usize> = HashMap::from([(World::initial(), 0)]);
    let mut worlds = vec![World::initial()];
    let mut back: Vec<Vec<usize>> = vec![vec![]];
    let mut found = Found { states: 0, violation: None, stuck: 0, ways: BTreeSet::new() };
    let (mut at, mut out) = (0, Vec::new());
    while let Some(world) = worlds.get(at).copied() {
        found.states = worlds.len();
        found.violation = world.violation();
        found.ways.extend(world.way());
        world.successors(twin, &mut out);
        for next in out.drain(..) {
            let (next, is_progress) = match next {
                Next::Progress(next) => (next, true),
                Next::Crash(next) => (next, false),
                Next::Violation(why) => {
                    found.violation = Some(why);
                    break;
                }
            };
            let fresh = worlds.len();
            let id = *ids.entry(next).or_insert(fresh);
            if id == fresh {
                worlds.push(next);
                back.push(vec![]);
            }
            if is_progress {
                back[id].push(at);
            }
        }
        if found.violation.is_some() {
            return found;
        }
        at += 1;
    }
    let mut reaches: Vec<bool> = worlds.iter().map(World::is_resolved).collect();
    let mut todo: Vec<usize> = (0..worlds.len()).filter(|id| reaches[*id]).collect();
    while let Some(id) = todo.pop() {
        for from in std::mem::take(&mut back[id]) {
            if !std::mem::replace(&mut reaches[from], true) {
                todo.push(from);
            }
        }
    }
    found.stuck = reaches.iter().filter(|reaches| !**reaches).count();
    found
}

#[test]
fn a_block_a_booking_and_a_lift() {
    let found = explore(Twin::None);
    println!("block: {} states", found.states);
    assert_eq!((found.violation, found.stuck), (None, 0));
    let all = [
        "free after the lift",
        "held after the lift",
        "lost to a hold",
        "returned after the lift",
        "returned to the block",
        "sold from the block",
    ];
    assert_eq!(found.ways.into_iter().collect::<Vec<_>>(), all);
}

fn assert_caught(twin: Twin, why: Option<&str>) {
    let found = explore(twin);
    println!("{twin:?}: {:?}, {} stuck, after {} states", found.violation, found.stuck, found.states);
    assert_eq!((found.violation, found.stuck > 0), (why, why.is_none()), "{twin:?}");
}

#[test]
fn a_blind_append_on_a_seat_of_a_block_is_caught() {
    assert_caught(Twin::BlindAppendOnSeat, Some("a block and a booking both have a seat"));
}

#[test]
fn unblocking_without_a_fence_is_caught() {
    assert_caught(Twin::UnblockWithoutFence, Some("an open block has lost a seat"));
}

#[test]
fn unblocking_before_the_lift_is_caught() {
    assert_caught(Twin::UnblockBeforeTheLift, Some("an open block has lost a seat"));
}

#[test]
fn a_release_that_forgets_the_block_is_caught() {
    assert_caught(Twin::ReleaseForgetsTheBlock, Some("an open block has lost a seat"));
}

#[test]
fn seats_that_nobody_puts_back_on_sale_are_caught() {
    assert_caught(Twin::NobodyCompletes, None);
}

//! Every interleaving of the exchanges of one sold booking between two seats: there, and back again. Two nodes work on it, a
//! rival wants the new seat, and staff may refund it; driven by the real deciders and `settle::next_step`.
//!
//! A worker reads the booking, then a seat, and appends later, if it has not died: whatever it has read may be old by then.
//! Another may have read the booking before it was sold, and come to a seat long after: to sell the seat of the hold, or to free
//! the other, which was none of the booking's.

use crate::support::*;
use lastseat_domain::Decider;
use lastseat_domain::booking::{self, Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, Event, PricedSeat};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::settle::{Step, next_step};
use std::collections::{BTreeSet, HashMap};

/// The protocol as designed, or one of its failing twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    None,
    BlindAppendOnSeat,
    BlindAppendOnBooking,
    ReleaseBeforeTheDecision,
    DecideWithoutLocks,
    LockWithoutRequest,
    AnyLockWillDo,
    GiveUpWhateverItHas,
    /// A late sale sells any lock of the booking.
    SellWhateverItHas,
    /// A lock that is none of the booking's seats, as it was read, is released, whatever it is for.
    ReleaseStrays,
    NobodyFinishes,
}

/// A stream: its length and what its events come to. Index into a table.
type Stream = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rival {
    Unsent,
    Flying(Stream),
    Has,
    Over,
}

/// A worker that read the booking before it was sold: it has not come to its seat, has read it, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Late {
    Coming,
    Read(Stream),
    Gone,
}

/// What a worker wants of the booking's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ask {
    /// Move from this seat to the other.
    Exchange(u8),
    Decide(u32),
    Abandon(u32),
    RequestRefund,
    RecordRefund,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    /// About to append to the booking, as it was read.
    Append(Stream, Ask),
    /// About to read the seat of the `nth` thing that the booking, as it was read, asks for.
    Read(Stream, u8),
    /// About to append to that seat, as it was read.
    Write(Stream, u8, Stream),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    booking: Stream,
    seats: [Stream; 2],
    workers: [Worker; 2],
    /// By the seat that they come to: [`Tables::late_command`].
    late: [Late; 2],
    rival: Rival,
    requests: u8,
}

enum Next {
    Progress(World),
    /// May happen, must not be needed.
    Chance(World),
    Violation(&'static str),
}

/// One thing that a worker does to a seat, and what it concludes if the seat refuses.
struct Task {
    seat: usize,
    command: SeatCommand,
}

struct Tables {
    twin: Twin,
    bookings: Vec<(usize, Booking)>,
    seats: Vec<(usize, Seat)>,
}

const AT: [u32; 2] = [1, 2];

fn price() -> i64 {
    8500
}

/// Sold with the first seat.
fn sold() -> Booking {
    let opened = lastseat_domain::event::BookingOpened {
        seats: vec![PricedSeat::new(seat(AT[0]), price())],
        amount: eur(price()),
        ..opened()
    };
    let (booking, intent, amount) = (booking(1), intent(1), eur(price()));
    let events: Vec<Event> = vec![
        opened.into(),
        started(1),
        lastseat_domain::event::PaymentAuthorised { booking, attempt: 1, intent: intent.clone(), amount, capture_before: None }
            .into(),
        lastseat_domain::event::BookingCommitted { booking }.into(),
        lastseat_domain::event::PaymentCaptured { booking, intent, amount, draw: Some(draw()) }.into(),
    ];
    events.iter().fold(None, |state, event| booking::evolve(state, event, minute(1))).unwrap()
}

impl Tables {
    /// With a late worker at this seat, if any; then two exchanges and no rival suffice.
    fn new(twin: Twin, late: Option<usize>) -> (Self, World) {
        let booked = Seat::Booked { booking: booking(1), block: None, exchange: 0 };
        let tables = Self { twin, bookings: vec![(0, sold())], seats: vec![(0, booked), (0, Seat::Free)] };
        let world = World {
            booking: 0,
            seats: [0, 1],
            workers: [Worker::Idle; 2],
            late: [Late::Gone; 2],
            rival: Rival::Unsent,
            requests: 0,
        };
        let world = late.map_or(world, |seat| World { requests: 1, rival: Rival::Over, ..world.with_late(seat) });
        (tables, world)
    }

    fn booking(&self, stream: Stream) -> &Booking {
        &self.bookings[usize::from(stream)].1
    }

    fn seat(&self, stream: Stream) -> Seat {
        self.seats[usize::from(stream)].1
    }

    /// What the booking, as it was read, asks of the seats, in the order of the engine.
    fn tasks(&self, stream: Stream) -> Vec<Task> {
        let found = self.booking(stream);
        let id = found.id;
        let place = |name: &lastseat_domain::SeatId| AT.iter().position(|n| seat(*n) == *name).unwrap();
        let give_up = |name, reason, by| Task { seat: place(name), command: SeatCommand::GiveUp { booking: id, reason, by } };
        match next_step(found, minute(2)) {
            Step::Exchange => {
                let requested = found.exchange.as_ref().unwrap();
                let take = |taken: &PricedSeat| Task { seat: place(&taken.seat), command: self.take(requested.exchange) };
                let mut tasks: Vec<Task> = requested.takes.iter().map(take).collect();
                if self.twin == Twin::ReleaseBeforeTheDecision {
                    let by = (0, requested.exchange - 1);
                    tasks.extend(requested.leaves.iter().map(|name| give_up(name, AbortReason::Exchanged, by)));
                }
                if self.twin == Twin::DecideWithoutLocks { vec![] } else { tasks }
            }
            Step::FinishExchanges if self.twin == Twin::NobodyFinishes => vec![],
            Step::FinishExchanges => {
                let mut tasks = vec![];
                for past in &found.past_exchanges {
                    let exchange = past.requested.exchange;
                    if past.made {
                        let book = SeatCommand::BookTaken { booking: id, exchange };
                        tasks.extend(past.kept(found).map(|name| Task { seat: place(name), command: book.clone() }));
                        let leaves = past.requested.leaves.iter();
                        tasks.extend(leaves.map(|name| give_up(name, AbortReason::Exchanged, (0, exchange - 1))));
                    } else {
                        let takes = past.requested.takes.iter();
                        tasks.extend(takes.map(|taken| give_up(&taken.seat, AbortReason::SeatLost, (exchange, exchange))));
                    }
                }
                tasks
            }
            Step::ReleaseSeats(reason) => {
                let release = SeatCommand::Release { booking: id, reason };
                (0..2).map(|seat| Task { seat, command: release.clone() }).collect()
            }
            _ => vec![],
        }
    }

    fn take(&self, exchange: u32) -> SeatCommand {
        let (booking, buyer) = (booking(1), buyer(1));
        SeatCommand::Take { booking, buyer, price: price(), expires_at: minute(10), blocks: vec![], exchange }
    }

    /// Sells the seat that the booking was opened with; frees the other, which the booking has no right to as it was then.
    fn late_command(&self, seat: usize) -> SeatCommand {
        let (booking, reason) = (booking(1), AbortReason::SeatLost);
        match seat {
            0 => SeatCommand::Book { booking },
            _ if self.twin == Twin::ReleaseStrays => SeatCommand::Release { booking, reason },
            _ => SeatCommand::GiveUp { booking, reason, by: (0, 0) },
        }
    }

    fn decide_seat(&self, state: Seat, command: SeatCommand) -> Result<Vec<Event>, lastseat_domain::Rejection> {
        let is_own = state.owner() == Some(booking(1));
        match (self.twin, &command) {
            (Twin::AnyLockWillDo, SeatCommand::Take { .. } | SeatCommand::BookTaken { .. }) if is_own => Ok(vec![]),
            (Twin::SellWhateverItHas, SeatCommand::Book { booking }) => match state {
                Seat::Locked { block, exchange, .. } if is_own => {
                    Ok(vec![lastseat_domain::event::SeatBooked { booking: *booking, block, exchange }.into()])
                }
                _ => seat::decide(&seat(1), &state, command),
            },
            (Twin::GiveUpWhateverItHas, SeatCommand::GiveUp { reason, .. }) => {
                let command = SeatCommand::GiveUp { booking: booking(1), reason: *reason, by: (0, u32::MAX) };
                seat::decide(&seat(1), &state, command)
            }
            _ => seat::decide(&seat(1), &state, command),
        }
    }

    fn append_seat(&mut self, now: Stream, events: &[Event], by: u8) -> Result<Stream, &'static str> {
        let (mut revision, mut state) = self.seats[usize::from(now)];
        for event in events {
            let owner = state.owner();
            let legal = match event {
                Event::SeatLocked(_) => owner.is_none(),
                Event::SeatBooked(_) | Event::SeatReleased(_) => owner == Some(booking(by)),
                _ => false,
            };
            if !legal {
                return Err("a seat has two live owners");
            }
            revision += 1;
            state = seat::evolve(state, event);
        }
        Ok(intern(&mut self.seats, (revision, state)))
    }

    fn command(&self, ask: Ask) -> BookingCommand {
        match ask {
            Ask::Exchange(from) => BookingCommand::RequestExchange {
                leaves: vec![seat(AT[usize::from(from)])],
                takes: vec![PricedSeat::new(seat(AT[1 - usize::from(from)]), price())],
                show_revision: 0,
                by: "staff-1".to_owned(),
            },
            Ask::Decide(exchange) => BookingCommand::DecideExchange { exchange },
            Ask::Abandon(exchange) => BookingCommand::AbandonExchange { exchange },
            Ask::RequestRefund => BookingCommand::RequestRefund { by: "admin".to_owned() },
            Ask::RecordRefund => BookingCommand::RecordRefund { intent: intent(1), amount: eur(price()) },
        }
    }

    fn decide_booking(&self, seen: Stream, ask: Ask) -> Vec<Event> {
        let state = self.booking(seen).clone();
        Booking::decide(&state.id.clone(), &Some(state), self.command(ask)).unwrap_or_default()
    }

    fn append_booking(&mut self, now: Stream, events: &[Event]) -> Stream {
        let (revision, state) = self.bookings[usize::from(now)].clone();
        let next = events.iter().try_fold(state, |state, event| booking::evolve(Some(state), event, minute(1)));
        intern(&mut self.bookings, (revision + events.len(), next.unwrap()))
    }
}

fn intern<T: PartialEq>(table: &mut Vec<T>, content: T) -> Stream {
    let found = table.iter().position(|known| *known == content);
    let index = found.unwrap_or_else(|| {
        table.push(content);
        table.len() - 1
    });
    Stream::try_from(index).unwrap()
}

impl World {
    fn successors(&self, tables: &mut Tables, out: &mut Vec<Next>) {
        self.rival(tables, out);
        self.staff(tables, out);
        for w in 0..2 {
            if self.workers[w] != Worker::Idle {
                out.push(Next::Chance(self.worker(w, Worker::Idle)));
            }
            self.work(w, tables, out);
        }
        for seat in 0..2 {
            self.come_late(seat, tables, out);
        }
    }

    fn come_late(&self, seat: usize, tables: &mut Tables, out: &mut Vec<Next>) {
        let mut next = *self;
        match self.late[seat] {
            Late::Coming => {
                next.late[seat] = Late::Read(self.seats[seat]);
                out.push(Next::Chance(next));
            }
            Late::Read(seen) => {
                next.late[seat] = Late::Gone;
                out.push(Next::Progress(next));
                let events = tables.decide_seat(tables.seat(seen), tables.late_command(seat)).unwrap_or_default();
                if seen == self.seats[seat] && !events.is_empty() {
                    match tables.append_seat(seen, &events, 1) {
                        Ok(stream) => next.seats[seat] = stream,
                        Err(why) => return out.push(Next::Violation(why)),
                    }
                    out.push(Next::Chance(next));
                }
            }
            Late::Gone => {}
        }
    }

    fn with_late(mut self, seat: usize) -> Self {
        self.late[seat] = Late::Coming;
        self
    }

    fn worker(mut self, w: usize, worker: Worker) -> Self {
        self.workers[w] = worker;
        self
    }

    /// Somebody holds the second seat, and gives it up some time.
    fn rival(&self, tables: &mut Tables, out: &mut Vec<Next>) {
        let seats = |stream| [self.seats[0], stream];
        let (id, buyer) = (booking(2), buyer(2));
        match self.rival {
            Rival::Unsent if tables.seat(self.seats[1]) == Seat::Free => {
                out.push(Next::Chance(Self { rival: Rival::Flying(self.seats[1]), ..*self }));
            }
            Rival::Unsent | Rival::Over => {}
            Rival::Flying(seen) => {
                if seen != self.seats[1] && tables.twin != Twin::BlindAppendOnSeat {
                    return out.push(Next::Progress(Self { rival: Rival::Over, ..*self }));
                }
                let lock = SeatCommand::Lock { booking: id, buyer, price: price(), expires_at: minute(10), blocks: vec![] };
                let events = seat::decide(&seat(2), &tables.seat(seen), lock).unwrap();
                out.push(match tables.append_seat(self.seats[1], &events, 2) {
                    Ok(stream) => Next::Progress(Self { seats: seats(stream), rival: Rival::Has, ..*self }),
                    Err(why) => Next::Violation(why),
                });
            }
            Rival::Has => {
                let release = SeatCommand::Release { booking: id, reason: AbortReason::Expired };
                let events = seat::decide(&seat(2), &tables.seat(self.seats[1]), release).unwrap();
                let stream = tables.append_seat(self.seats[1], &events, 2).unwrap();
                out.push(Next::Progress(Self { seats: seats(stream), rival: Rival::Over, ..*self }));
            }
        }
    }

    /// Requests of staff: up to three exchanges, and a refund.
    fn staff(&self, tables: &mut Tables, out: &mut Vec<Next>) {
        let mut ask = |ask, requests| {
            let events = tables.decide_booking(self.booking, ask);
            if !events.is_empty() {
                let booking = tables.append_booking(self.booking, &events);
                out.push(Next::Chance(Self { booking, requests, ..*self }));
            }
        };
        if self.requests < 3 {
            ask(Ask::Exchange(0), self.requests + 1);
            ask(Ask::Exchange(1), self.requests + 1);
        }
        ask(Ask::RequestRefund, self.requests);
        if tables.twin == Twin::LockWithoutRequest && self.requests < 3 {
            // It locks the seat first, and dies before it says why.
            if let Ok(events) = tables.decide_seat(tables.seat(self.seats[1]), tables.take(self.requests.into()))
                && let Ok(stream) = tables.append_seat(self.seats[1], &events, 1)
            {
                out.push(Next::Chance(Self { seats: [self.seats[0], stream], requests: 3, ..*self }));
            }
        }
    }

    fn work(&self, w: usize, tables: &mut Tables, out: &mut Vec<Next>) {
        let go = |worker| Next::Progress(self.worker(w, worker));
        match self.workers[w] {
            Worker::Idle => {
                let found = tables.booking(self.booking);
                match next_step(found, minute(2)) {
                    Step::Exchange | Step::FinishExchanges | Step::ReleaseSeats(_) => out.push(go(Worker::Read(self.booking, 0))),
                    Step::Refund => out.push(go(Worker::Append(self.booking, Ask::RecordRefund))),
                    _ => {}
                }
            }
            Worker::Read(seen, nth) => match tables.tasks(seen).get(usize::from(nth)) {
                Some(task) => out.push(go(Worker::Write(seen, nth, self.seats[task.seat]))),
                // All seats of an exchange are there.
                None => out.push(go(match &tables.booking(seen).exchange {
                    Some(requested) if matches!(tables.booking(seen).phase, Phase::Confirmed { .. }) => {
                        Worker::Append(seen, Ask::Decide(requested.exchange))
                    }
                    _ => Worker::Idle,
                })),
            },
            Worker::Write(seen, nth, seat_seen) => self.write(w, (seen, nth, seat_seen), tables, out),
            Worker::Append(seen, ask) => {
                if seen != self.booking && tables.twin != Twin::BlindAppendOnBooking {
                    // Decided again on what is there now.
                    return out.push(go(Worker::Append(self.booking, ask)));
                }
                let events = tables.decide_booking(seen, ask);
                let booking = if events.is_empty() { self.booking } else { tables.append_booking(self.booking, &events) };
                out.push(Next::Progress(Self { booking, ..self.worker(w, Worker::Idle) }));
            }
        }
    }

    fn write(&self, w: usize, (seen, nth, seat_seen): (Stream, u8, Stream), tables: &mut Tables, out: &mut Vec<Next>) {
        let go = |worker| Next::Progress(self.worker(w, worker));
        let Some(Task { seat, command }) = tables.tasks(seen).into_iter().nth(usize::from(nth)) else { return };
        let is_take = matches!(command, SeatCommand::Take { .. });
        match tables.decide_seat(tables.seat(seat_seen), command) {
            Err(_) if is_take => {
                let exchange = tables.booking(seen).exchange.as_ref().unwrap().exchange;
                out.push(go(Worker::Append(seen, Ask::Abandon(exchange))));
            }
            // The booking has moved on since it was read.
            Err(_) => out.push(go(Worker::Idle)),
            Ok(events) if events.is_empty() => out.push(go(Worker::Read(seen, nth + 1))),
            Ok(_) if self.seats[seat] != seat_seen && tables.twin != Twin::BlindAppendOnSeat => {
                out.push(go(Worker::Read(seen, nth)));
            }
            Ok(events) => match tables.append_seat(self.seats[seat], &events, 1) {
                Ok(stream) => {
                    let mut next = self.worker(w, Worker::Read(seen, nth + 1));
                    next.seats[seat] = stream;
                    out.push(Next::Progress(next));
                }
                Err(why) => out.push(Next::Violation(why)),
            },
        }
    }

    /// What must never be.
    fn violation(&self, tables: &Tables) -> Option<&'static str> {
        let found = tables.booking(self.booking);
        let owns = |n: u32| tables.seat(self.seats[AT.iter().position(|at| *at == n).unwrap()]).owner() == Some(found.id);
        let has_all = AT.into_iter().filter(|n| found.seats().iter().any(|own| own.seat == seat(*n))).all(owns);
        let is_sold = matches!(found.phase, Phase::Confirmed { .. });
        (is_sold && !has_all).then_some("a sold booking has fewer seats than it paid for")
    }

    /// Nothing is left to do: the booking has its seats, sold, and no other; and the rival is gone.
    fn is_resolved(&self, tables: &Tables) -> bool {
        let found = tables.booking(self.booking);
        let is_sold = found.phase == Phase::Confirmed { refund_requested: false };
        let fits = |place: usize| {
            let state = tables.seat(self.seats[place]);
            let own = is_sold && found.seats().iter().any(|own| own.seat == seat(AT[place]));
            if own { matches!(state, Seat::Booked { booking, .. } if booking == found.id) } else { state == Seat::Free }
        };
        let idle = self.workers == [Worker::Idle; 2] && !self.late.iter().any(|late| matches!(late, Late::Read(_)));
        let no_rival = matches!(self.rival, Rival::Unsent | Rival::Over);
        idle && no_rival && found.exchange.is_none() && (is_sold || found.phase == Phase::Refunded) && fits(0) && fits(1)
    }

    /// What an exploration has to get to, or it shows nothing.
    fn way(&self, tables: &Tables) -> Option<&'static str> {
        let found = tables.booking(self.booking);
        let made = found.past_exchanges.iter().filter(|past| past.made).count();
        let resolved = self.is_resolved(tables);
        match (made, found.past_exchanges.len() - made, &found.phase) {
            (1, 0, Phase::Confirmed { .. }) if resolved => Some("moved"),
            (2, 0, Phase::Confirmed { .. }) if resolved => Some("moved, and back again"),
            (0, 1, Phase::Confirmed { .. }) if resolved => Some("lost to a rival"),
            (1, 1, Phase::Confirmed { .. }) if resolved => Some("moved at the second try"),
            (1, 0, Phase::Refunded) if resolved => Some("moved and refunded"),
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

fn explore(twin: Twin, late: Option<usize>) -> Found {
    let (mut tables, first) = Tables::new(twin, late);
    let mut ids: HashMap<World, usize> = HashMap::from([(first, 0)]);
    let mut worlds = vec![first];
    let mut back: Vec<Vec<usize>> = vec![vec![]];
    let mut found = Found { states: 0, violation: None, stuck: 0, ways: BTreeSet::new() };
    let (mut at, mut out) = (0, Vec::new());
    while let Some(world) = worlds.get(at).copied() {
        found.states = worlds.len();
        found.violation = world.violation(&tables);
        found.ways.extend(world.way(&tables));
        world.successors(&mut tables, &mut out);
        for next in out.drain(..) {
            let (next, is_progress) = match next {
                Next::Progress(next) => (next, true),
                Next::Chance(next) => (next, false),
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
    let mut reaches: Vec<bool> = worlds.iter().map(|world| world.is_resolved(&tables)).collect();
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
fn exchanges_there_and_back_with_a_rival_and_a_refund() {
    let found = explore(Twin::None, None);
    println!("exchanges: {} states", found.states);
    assert_eq!((found.violation, found.stuck), (None, 0));
    let all = ["lost to a rival", "moved", "moved and refunded", "moved at the second try", "moved, and back again"];
    assert_eq!(found.ways.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn exchanges_there_and_back_with_a_worker_that_is_late() {
    for seat in 0..2 {
        let found = explore(Twin::None, Some(seat));
        println!("exchanges and one late at seat {seat}: {} states", found.states);
        assert_eq!((found.violation, found.stuck), (None, 0));
        assert!(found.ways.contains("moved, and back again"), "{:?}", found.ways);
    }
}

const FEWER: &str = "a sold booking has fewer seats than it paid for";
const TWO_OWNERS: &str = "a seat has two live owners";

/// `why`: the violation; none if seats are stuck instead.
#[track_caller]
fn assert_caught(twin: Twin, why: Option<&str>) {
    let late = match twin {
        Twin::SellWhateverItHas => Some(0),
        Twin::ReleaseStrays => Some(1),
        _ => None,
    };
    let found = explore(twin, late);
    println!("{twin:?}: {:?}, {} stuck, after {} states", found.violation, found.stuck, found.states);
    assert_eq!((found.violation, found.stuck > 0), (why, why.is_none()), "{twin:?}");
}

#[test]
fn a_blind_append_on_a_seat_of_an_exchange_is_caught() {
    assert_caught(Twin::BlindAppendOnSeat, Some(TWO_OWNERS));
}

#[test]
fn a_blind_append_on_a_booking_that_is_exchanged_is_caught() {
    assert_caught(Twin::BlindAppendOnBooking, Some(FEWER));
}

#[test]
fn a_release_before_the_decision_is_caught() {
    assert_caught(Twin::ReleaseBeforeTheDecision, Some(FEWER));
}

#[test]
fn a_decision_without_locks_is_caught() {
    assert_caught(Twin::DecideWithoutLocks, Some(FEWER));
}

#[test]
fn a_lock_without_a_request_is_caught() {
    assert_caught(Twin::LockWithoutRequest, None);
}

#[test]
fn a_lock_of_an_earlier_exchange_that_passes_for_a_new_one_is_caught() {
    assert_caught(Twin::AnyLockWillDo, Some(FEWER));
}

#[test]
fn a_slow_worker_that_gives_up_whatever_the_booking_has_is_caught() {
    assert_caught(Twin::GiveUpWhateverItHas, Some(FEWER));
}

#[test]
fn a_late_sale_of_the_hold_that_sells_a_seat_of_an_exchange_is_caught() {
    assert_caught(Twin::SellWhateverItHas, None);
}

#[test]
fn a_late_release_of_a_stray_lock_that_frees_a_seat_of_an_exchange_is_caught() {
    assert_caught(Twin::ReleaseStrays, Some(FEWER));
}

#[test]
fn exchanges_that_nobody_finishes_are_caught() {
    assert_caught(Twin::NobodyFinishes, None);
}

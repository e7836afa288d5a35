//! Every interleaving of the exchanges of one sold booking between two seats: there, and back again. Two nodes work on it, a
//! rival wants the new seat, and staff may refund it; driven by the real deciders and `settle::next_step`.
//!
//! A worker reads the booking, then a seat, and appends later, if it has not died: whatever it has read may be old by then.
//! Another may have read the booking before it was sold, and come to a seat long after: to sell the seat of the hold, or to free
//! the other, which was none of the booking's.

mod steps;
mod streams;

use crate::support::*;
use lastseat_domain::Decider;
use lastseat_domain::booking::{self, Booking, BookingCommand, Phase};
use lastseat_domain::event::{AbortReason, Event, PricedSeat};
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::settle::{Step, next_step};
use std::collections::{BTreeSet, HashMap};
use streams::price;

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

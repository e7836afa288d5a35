//! Breadth first through every state of a scope: what must hold in each, and that each can still
//! be resolved.

use crate::scope::{Scope, Twin};
use crate::streams::Streams;
use crate::world::{Intent, Next, Worker, World};
use lastseat_domain::booking::Phase;
use lastseat_domain::seat::{self, Seat, SeatCommand};
use lastseat_domain::settle::{Step, next_step};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// What an exploration found.
#[derive(Debug)]
pub struct Found {
    pub states: usize,
    pub steps: usize,
    pub violation: Option<&'static str>,
    /// States from which no resolution can be reached without a crash.
    pub stuck: usize,
    /// How bookings stood in some state: an exploration that never gets there shows nothing.
    pub ways: BTreeSet<String>,
}

pub fn explore(scope: &Scope) -> Found {
    let decide_seat = if scope.twin == Twin::ReleaseOfAnothersLock { release_anyones } else { crate::streams::real_seat };
    let mut streams = Streams::new(scope.wants.clone(), scope.clock, scope.deadline, decide_seat);
    let mut ids: HashMap<World, u32, BuildHasherDefault<Mixer>> = HashMap::default();
    let mut worlds = vec![World::initial()];
    ids.insert(World::initial(), 0);
    let (mut back, mut steps, mut out) = (Back::default(), 0, Vec::new());

    let mut done = 0;
    while let Some(world) = worlds.get(done).copied() {
        if let Some(violation) = violation(&world, scope, &streams) {
            return Found { states: worlds.len(), steps, violation: Some(violation), stuck: 0, ways: streams.ways() };
        }
        world.successors(scope, &mut streams, &mut out);
        for next in out.drain(..) {
            steps += 1;
            let (next, is_progress) = match next {
                Next::Progress(next) => (next, true),
                Next::Crash(next) => (next, false),
                Next::Violation(why) => {
                    return Found { states: worlds.len(), steps, violation: Some(why), stuck: 0, ways: streams.ways() };
                }
            };
            let next = same_for_all_workers(next, scope);
            let fresh = u32::try_from(worlds.len()).unwrap();
            let id = *ids.entry(next).or_insert_with(|| {
                worlds.push(next);
                fresh
            });
            if is_progress {
                back.add(id, u32::try_from(done).unwrap());
            }
        }
        done += 1;
    }
    let resolved: Vec<bool> = worlds.iter().map(|world| is_resolved(world, scope, &streams)).collect();
    let stuck = back.count_stuck(resolved);
    Found { states: worlds.len(), steps, violation: None, stuck, ways: streams.ways() }
}

/// The workers of one booking are alike: only the first two can be on the same one.
fn same_for_all_workers(mut world: World, scope: &Scope) -> World {
    if let [first, second, ..] = scope.workers.as_slice()
        && first == second
        && world.workers[0] > world.workers[1]
    {
        world.workers.swap(0, 1);
    }
    world
}

/// What must never be.
fn violation(world: &World, scope: &Scope, streams: &Streams) -> Option<&'static str> {
    for b in 0..2_u8 {
        let at = usize::from(b);
        if scope.wants[at].is_empty() {
            continue;
        }
        let phase = streams.booking(world.bookings[at]).map(|booking| &booking.phase);
        // A seat that it gave up for money that is back may be anybody's.
        let given_up = streams.booking(world.bookings[at]).is_some_and(|booking| !booking.given_up().is_empty());
        let is_back = given_up && matches!(world.intents[at], Intent::PartRefunded | Intent::Refunded);
        let its = |s: &usize| !(is_back && *s == 0);
        let has_seats = streams.wants(b).iter().filter(|s| its(s)).all(|s| streams.owns(world.seats[*s], b));
        let bought = |s: &usize| matches!(streams.seat(world.seats[*s]), Seat::Booked { .. });
        let has_bought = streams.wants(b).iter().filter(|s| its(s)).all(bought);
        match phase {
            Some(Phase::Committed) if !has_seats => return Some("a committed booking has lost a seat"),
            Some(Phase::Confirmed { .. }) if !has_seats || !has_bought => return Some("a confirmed booking has lost a seat"),
            _ => {}
        }
        let decided = matches!(phase, Some(Phase::Committed | Phase::Confirmed { .. }));
        if matches!(world.intents[at], Intent::Captured | Intent::PartRefunded) && !(decided && has_bought) {
            return Some("charged without commit and seats");
        }
        if world.intents[at] == Intent::Refunded && !matches!(phase, Some(Phase::Confirmed { .. } | Phase::Refunded)) {
            return Some("refunded what was not sold");
        }
    }
    None
}

/// Nothing is left to do: who paid has the seats, who has not paid has none, and no money is
/// reserved without need.
fn is_resolved(world: &World, scope: &Scope, streams: &Streams) -> bool {
    (0..2_u8).filter(|b| !scope.wants[usize::from(*b)].is_empty()).all(|b| {
        let at = usize::from(b);
        let owns_none = !world.seats.iter().any(|s| streams.owns(*s, b));
        let idle = world.workers.iter().all(|w| *w == Worker::Idle);
        idle && match streams.booking(world.bookings[at]) {
            None => owns_none && world.intents[at] == Intent::None,
            Some(booking) => match next_step(booking, streams.now(world.clock[at])) {
                Step::Done => world.intents[at] == Intent::Captured,
                Step::ReleaseGivenUp => !streams.owns(world.seats[0], b) && world.intents[at] == Intent::PartRefunded,
                Step::ReleaseSeats(_) => owns_none && (booking.flagged || world.intents[at] != Intent::Authorised),
                _ => false,
            },
        }
    })
}

/// Where each state can be reached from: for each the last way in, for each way the one before.
#[derive(Default)]
struct Back {
    last_way: Vec<Option<u32>>,
    ways: Vec<(u32, Option<u32>)>,
}

impl Back {
    fn add(&mut self, to: u32, from: u32) {
        let to = to as usize;
        if self.last_way.len() <= to {
            self.last_way.resize(to + 1, None);
        }
        let way = u32::try_from(self.ways.len()).unwrap();
        self.ways.push((from, self.last_way[to].replace(way)));
    }

    /// How many states can't reach a resolved one.
    fn count_stuck(&self, mut reaches: Vec<bool>) -> usize {
        let mut todo: Vec<usize> = (0..reaches.len()).filter(|id| reaches[*id]).collect();
        while let Some(id) = todo.pop() {
            let mut way = self.last_way.get(id).copied().flatten();
            while let Some(at) = way {
                let (from, before) = self.ways[at as usize];
                if !std::mem::replace(&mut reaches[from as usize], true) {
                    todo.push(from as usize);
                }
                way = before;
            }
        }
        reaches.iter().filter(|reaches| !**reaches).count()
    }
}

/// The twin of the seat decider that does not look whose lock it releases.
fn release_anyones(state: &Seat, command: SeatCommand) -> Result<Vec<lastseat_domain::Event>, lastseat_domain::Rejection> {
    let command = match (state.owner(), command) {
        (Some(booking), SeatCommand::Release { reason, .. }) => SeatCommand::Release { booking, reason },
        (_, command) => command,
    };
    seat::decide(&crate::support::seat(1), state, command)
}

/// A plain hash: the default one is proof against attackers, who are not expected here.
#[derive(Default)]
pub struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.write_u64(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_isize(&mut self, n: isize) {
        self.write_u64(n.unsigned_abs() as u64);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

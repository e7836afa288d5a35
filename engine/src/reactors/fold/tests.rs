//! A node that starts from a snapshot knows what one knows that has read the whole log.

use super::*;
use crate::snapshot::{Landmark, Snapshot};
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::show::Show;
use lastseat_domain::{BookingId, codec};
use lastseat_testkit::history::{Step, finish, history, steps};
use lastseat_testkit::world::{World, epoch, plan};
use proptest::prelude::*;

struct Node {
    knowledge: Knowledge,
    pending: PendingBookings,
}

impl Node {
    fn new(atomic: bool) -> Self {
        let knowledge = Knowledge::empty(atomic, Duration::from_secs(10));
        Self { knowledge, pending: PendingBookings::default() }
    }

    fn apply(&mut self, log: &[Envelope]) {
        for envelope in log {
            self.knowledge.apply(envelope, &mut self.pending);
        }
    }

    /// The snapshot of this node. `ahead`: a node that has read more; shows and filter are copied there, as from a node
    /// that goes on while its snapshot is taken.
    fn freeze(&self, last: &Envelope, ahead: &Self) -> Snapshot {
        let (stream, position) = (last.stream.clone(), last.position);
        Snapshot {
            position,
            landmark: Landmark { position, stream, revision: last.revision, id: last.id },
            taken_at: epoch(),
            atomic: self.knowledge.atomic,
            shows: ahead.knowledge.shows.freeze(),
            known_bookings: ahead.knowledge.known_bookings.freeze(),
            state: self.knowledge.freeze(&self.pending),
        }
    }

    fn start_from(snapshot: Snapshot) -> Self {
        let mut node = Self::new(snapshot.atomic);
        node.pending = node.knowledge.thaw(snapshot.consistent().unwrap(), epoch());
        node
    }

    fn assert_same(&self, other: &Self, what: &str) {
        assert_eq!(self.difference(other), None, "{what}");
    }

    /// What this node knows and the other does not, or the other way round.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let (a, b) = (&self.knowledge, &other.knowledge);
        let free = |knowledge: &Knowledge| -> Vec<u32> {
            let shows = knowledge.shows.all();
            let areas = |show: &Arc<Show>| 0..u32::try_from(show.plan.areas.len()).unwrap();
            let seats = |show: &Arc<Show>| knowledge.shows.get(&show.facts.show).unwrap().seats.clone();
            shows.iter().flat_map(|show| areas(show).map(|area| seats(show).available(area)).collect::<Vec<_>>()).collect()
        };
        [
            (a.shows.freeze() != b.shows.freeze(), "shows and seats"),
            (free(a) != free(b), "free seats of areas"),
            (a.buyers.all() != b.buyers.all(), "buyers"),
            (a.known_bookings.all() != b.known_bookings.all(), "known bookings"),
            (a.uncaptured.freeze() != b.uncaptured.freeze(), "uncaptured payments"),
        ]
        .into_iter()
        .find_map(|(differs, part)| differs.then_some(part))
        .or_else(|| self.pending.difference(&other.pending))
    }
}

/// As the file has it.
fn stored(snapshot: &Snapshot) -> Snapshot {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(snapshot).unwrap()).unwrap()
}

/// The log, with what no step of the model writes: limits, keys, and authorisations that end.
fn log_of(events: &[Arc<RecordedEvent>]) -> Vec<Envelope> {
    let decode = |recorded: &Arc<RecordedEvent>| {
        let mut envelope = codec::decode(recorded).unwrap().unwrap();
        match &mut envelope.event {
            Event::ShowScheduled(e) if e.show.as_str() != "rave" => e.max_seats_per_buyer = Some(50),
            Event::BookingOpened(e) if e.booking.0.as_u128() % 3 > 0 => {
                e.request = Some(RequestFingerprint { key: e.booking.to_string(), body: "hash".to_owned() });
            }
            Event::PaymentAuthorised(e) => e.capture_before = Some(envelope.metadata.at + chrono::TimeDelta::days(7)),
            _ => {}
        }
        envelope
    };
    events.iter().map(decode).collect()
}

/// Random steps, which rarely sell anything, then sales: of one or two seats by one of four buyers, some refunded.
fn world_of(steps: &[Step], stride: u64, sales: &[u8]) -> World {
    let mut world = history(steps, stride);
    world.schedule(plan("long", 1, 40, 0));
    let mut sold = Vec::new();
    for (n, dice) in sales.iter().enumerate() {
        let seats = [format!("A-{}", 2 * n + 1), format!("A-{}", 2 * n + 2)];
        let seats: Vec<&str> = seats.iter().map(String::as_str).take(1 + usize::from(dice & 1)).collect();
        let id = world.hold(&format!("buyer-{}", dice >> 6), "long", &seats);
        if dice & 2 > 0 {
            world.pay(id);
            sold.push((id, dice & 4 > 0));
        }
        if dice & 8 > 0
            && let Some((id, true)) = sold.pop()
        {
            world.refund(id);
        }
    }
    world
}

/// Freezes after each event, with seats that are up to `lead` events newer, and reads the rest.
fn starts_anywhere(log: &[Envelope], atomic: bool, lead: usize) {
    let mut whole = Node::new(atomic);
    whole.apply(log);
    let mut node = Node::new(atomic);
    for cut in 1..log.len() {
        node.apply(&log[cut - 1..cut]);
        let mut ahead = Node::new(atomic);
        ahead.apply(&log[..log.len().min(cut + lead)]);
        let snapshot = stored(&node.freeze(&log[cut - 1], &ahead));
        let mut started = Node::start_from(snapshot);
        if lead == 0 {
            started.assert_same(&node, &format!("started after {cut} events"));
        }
        started.apply(&log[cut..]);
        started.assert_same(&whole, &format!("started after {cut} events, {lead} ahead, and read the rest"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_start_from_a_snapshot_of_any_moment_is_a_start_from_the_whole_log(
        steps in steps(50), stride in 1_u64..4, sales in proptest::collection::vec(any::<u8>(), 0..12),
        atomic in any::<bool>(), lead in 0_usize..12, ends in any::<bool>(),
    ) {
        let mut world = world_of(&steps, stride, &sales);
        if ends {
            finish(&mut world);
        }
        starts_anywhere(&log_of(&world.log), atomic, lead);
    }
}

/// Histories in which every part of a snapshot has something at some moment.
fn histories() -> Vec<Vec<Envelope>> {
    let mut state = 7_u64;
    let mut dice = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 48) as u16
    };
    let mut history_of = |_| {
        let steps: Vec<Step> = (0..20).map(|_| (dice() as u8, dice() as u8, dice())).collect();
        let sales: Vec<u8> = (0..12).map(|_| dice() as u8).collect();
        log_of(&world_of(&steps, 1, &sales).log)
    };
    (0..10).map(&mut history_of).collect()
}

/// Whether a snapshot without one part starts another node than the one that it was taken of.
fn is_missed(part: &str, log: &[Envelope]) -> bool {
    let mut node = Node::new(false);
    (1..log.len()).any(|cut| {
        node.apply(&log[cut - 1..cut]);
        let mut snapshot = node.freeze(&log[cut - 1], &node);
        match part {
            "nothing" => {}
            "sold" => snapshot.state.sold.clear(),
            "uncaptured" => snapshot.state.uncaptured.clear(),
            "known" => snapshot.known_bookings = KnownBookings::default().freeze(),
            "shows" => snapshot.shows.clear(),
            part => snapshot.state.pending.forget(part),
        }
        Node::start_from(snapshot).difference(&node).is_some()
    })
}

#[test]
fn a_snapshot_that_forgets_one_part_is_caught() {
    let histories = histories();
    let parts = ["open", "credits", "revokes", "confirmed", "to_free", "locked", "sold", "uncaptured", "known", "shows"];
    let unnoticed: Vec<_> = parts.iter().filter(|part| !histories.iter().any(|log| is_missed(part, log))).collect();
    let whole = histories.iter().all(|log| !is_missed("nothing", log));
    assert!(whole, "a whole snapshot starts the same node");
    assert!(unnoticed.is_empty(), "nothing notices that these are missing: {unnoticed:?}");
}

/// A booking needs at most so much when it is sold and rewarded: the table's slot, and a part of the filter.
#[test]
fn a_sold_booking_leaves_little_in_memory() {
    let id = |n: u128| BookingId::from_key("caller", &n.to_string());
    let frozen = |bookings: u128| {
        let mut pending = PendingBookings::default();
        (0..bookings).for_each(|n| pending.sell(id(n)));
        rmp_serde::to_vec_named(&pending.freeze()).unwrap().len()
    };
    let (few, many) = (frozen(1_000), frozen(11_000));
    let each = (many - few) / 10_000;
    assert!(each <= 24, "{each} bytes of a snapshot for each booking");
}

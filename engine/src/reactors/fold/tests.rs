//! A node that starts from a snapshot knows what one knows that has read the whole log.

use super::*;
use crate::snapshot::Snapshot;
use lastseat_domain::booking::{self, Booking, BookingCommand};
use lastseat_domain::event::{Discount, RequestFingerprint, ShowScheduled};
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::show::Show;
use lastseat_domain::{BookingId, codec};
use lastseat_testkit::history::{Step, every_event, finish, history, steps};
use lastseat_testkit::world::{World, epoch, plan, terms};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

mod golden;

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
            self.knowledge.apply(envelope, true, &mut self.pending);
        }
    }

    /// The snapshot of this node. `ahead`: a node that has read more; shows and filter are copied there, as from a node
    /// that goes on while its snapshot is taken.
    fn take_snapshot(&self, last: &Envelope, ahead: &Self) -> Snapshot {
        Snapshot {
            position: last.position,
            landmark: last.into(),
            taken_at: epoch(),
            atomic: self.knowledge.atomic,
            shows: ahead.knowledge.shows.take_snapshot(),
            plans: ahead.knowledge.shows.plans_snapshot(),
            pictures: ahead.knowledge.shows.pictures_snapshot(),
            known_bookings: ahead.knowledge.known_bookings.take_snapshot(),
            state: self.knowledge.take_snapshot(&self.pending),
        }
    }

    fn start_from(snapshot: Snapshot) -> Self {
        let mut node = Self::new(snapshot.atomic);
        node.pending = node.knowledge.restore(snapshot.consistent().unwrap(), epoch());
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
            let seats = |show: &Arc<Show>| knowledge.shows.get(&show.facts.show).unwrap().now().seats.clone();
            shows.iter().flat_map(|show| areas(show).map(|area| seats(show).available(area)).collect::<Vec<_>>()).collect()
        };
        [
            (a.shows.take_snapshot() != b.shows.take_snapshot(), "shows and seats"),
            (a.shows.plans_snapshot() != b.shows.plans_snapshot(), "plans"),
            (a.shows.pictures_snapshot() != b.shows.pictures_snapshot(), "pictures"),
            (free(a) != free(b), "free seats of areas"),
            (a.buyers.all() != b.buyers.all(), "buyers"),
            (a.known_bookings.all() != b.known_bookings.all(), "known bookings"),
            (a.uncaptured.take_snapshot() != b.uncaptured.take_snapshot(), "uncaptured payments"),
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
        let mut envelope = codec::decode(recorded).unwrap().unwrap().as_ref().clone();
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

/// Random steps, which rarely sell anything, then sales: of one or two seats by one of three buyers or a guest, some
/// refunded. Of guests' bookings some are counted in an account, as by earlier versions.
fn world_of(steps: &[Step], stride: u64, sales: &[u8]) -> World {
    let mut world = history(steps, stride);
    world.schedule(plan("long", 1, 40, 0));
    let mut sold = Vec::new();
    for (n, dice) in sales.iter().enumerate() {
        let seats = [format!("A-{}", 2 * n + 1), format!("A-{}", 2 * n + 2)];
        let seats: Vec<&str> = seats.iter().map(String::as_str).take(1 + usize::from(dice & 1)).collect();
        let guest = dice >> 6 == 3;
        let id = world.hold(&if guest { format!("guest:{n}") } else { format!("buyer-{}", dice >> 6) }, "long", &seats);
        if dice & 2 > 0 {
            assert!(world.start_payment(id) && world.commit(id));
            world.book_seats(id);
            assert!(world.capture(id));
            if !guest || dice & 16 > 0 {
                world.credit(id);
            }
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

/// Takes a snapshot after each event, with seats that are up to `lead` events newer, and reads the rest.
fn starts_anywhere(log: &[Envelope], atomic: bool, lead: usize) {
    let mut whole = Node::new(atomic);
    whole.apply(log);
    let mut node = Node::new(atomic);
    for cut in 1..log.len() {
        node.apply(&log[cut - 1..cut]);
        let mut ahead = Node::new(atomic);
        ahead.apply(&log[..log.len().min(cut + lead)]);
        let snapshot = stored(&node.take_snapshot(&log[cut - 1], &ahead));
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
        atomic in any::<bool>(), lead in 0_usize..12, ends in any::<bool>(), every in any::<bool>(),
    ) {
        let mut world = world_of(&steps, stride, &sales);
        if every {
            every_event(&mut world);
        }
        if ends {
            finish(&mut world);
        }
        starts_anywhere(&log_of(&world.log), atomic, lead);
    }
}

/// The holds that nothing has followed, as their streams have them.
fn unfollowed(log: &[Envelope]) -> BTreeMap<BookingId, (Booking, Uuid)> {
    let mut holds = BTreeMap::new();
    for envelope in log {
        let Some(booking) = envelope.stream.as_booking() else { continue };
        holds.remove(&booking);
        if let (0, Event::BookingOpened(_)) = (envelope.revision, &envelope.event) {
            let opened = booking::evolve(None, &envelope.event, envelope.metadata.at).expect("it opens");
            holds.insert(booking, (opened, envelope.id));
        }
    }
    holds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_open_holds_are_those_that_nothing_has_followed(
        steps in steps(50), stride in 1_u64..4, sales in proptest::collection::vec(any::<u8>(), 0..12), atomic in any::<bool>(),
    ) {
        let mut world = world_of(&steps, stride, &sales);
        finish(&mut world);
        let log = log_of(&world.log);
        let mut node = Node::new(atomic);
        for (n, envelope) in log.iter().enumerate() {
            node.apply(std::slice::from_ref(envelope));
            let so_far = log.get(..=n).unwrap_or_default();
            prop_assert_eq!(node.knowledge.open_holds.known(), unfollowed(so_far));
        }
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
        let mut bytes = || dice().to_le_bytes();
        let mut step = |_| {
            let ([what, small], [low, high]) = (bytes(), bytes());
            (what, small, u16::from_le_bytes([low, high]))
        };
        let steps: Vec<Step> = (0..20).map(&mut step).collect();
        let sales: Vec<u8> = (0..6).flat_map(|_| bytes()).collect();
        log_of(&world_of(&steps, 1, &sales).log)
    };
    (0..10).map(&mut history_of).chain([history_of_vouchers()]).collect()
}

/// A voucher that its booking's refund returns, and one that is reserved only.
fn history_of_vouchers() -> Vec<Envelope> {
    let mut world = World::new(1);
    world.schedule(ShowScheduled { vouchers_return: true, ..plan("long", 1, 40, 0) });
    let vouchers = world.campaign(&terms(Discount::Percent(50)), 2);
    let [refunded, held] = ["A-1", "A-2"].map(|seat| world.hold("ann", "long", &[seat]));
    assert!(world.apply_voucher(refunded, &vouchers[0]) && world.reserve_voucher(held, &vouchers[1]).is_some());
    world.pay(refunded);
    assert!(world.settle_voucher(refunded));
    world.refund(refunded);
    assert!(world.settle_voucher(refunded));
    assert_eq!(world.vouchers[&vouchers[0]].left(), 1);
    log_of(&world.log)
}

/// Whether a snapshot without one part starts another node than the one that it was taken of.
fn is_missed(part: &str, log: &[Envelope]) -> bool {
    let mut node = Node::new(false);
    (1..log.len()).any(|cut| {
        node.apply(&log[cut - 1..cut]);
        let mut snapshot = node.take_snapshot(&log[cut - 1], &node);
        match part {
            "nothing" => {}
            "sold" => snapshot.state.sold.clear(),
            "uncaptured" => snapshot.state.uncaptured.clear(),
            "known" => snapshot.known_bookings = KnownBookings::default().take_snapshot(),
            "shows" => snapshot.shows.clear(),
            part => snapshot.state.pending.forget(part),
        }
        Node::start_from(snapshot).difference(&node).is_some()
    })
}

#[test]
fn a_snapshot_that_forgets_one_part_is_caught() {
    let histories = histories();
    let parts = [
        "open",
        "credits",
        "revokes",
        "confirmed",
        "counted",
        "to_free",
        "blocks",
        "locked",
        "vouchers",
        "returning",
        "to_return",
        "campaigns",
        "sold",
        "uncaptured",
        "known",
        "shows",
    ];
    let unnoticed: Vec<_> = parts.iter().filter(|part| !histories.iter().any(|log| is_missed(part, log))).collect();
    let whole = histories.iter().all(|log| !is_missed("nothing", log));
    assert!(whole, "a whole snapshot starts the same node");
    assert!(unnoticed.is_empty(), "nothing notices that these are missing: {unnoticed:?}");
}

/// The booking's own stream names its buyer, and so does the account in which its points are taken back.
#[test]
fn a_buyers_limit_is_given_back_once_whichever_stream_is_read_first() {
    let mut world = world_of(&[], 1, &[]);
    let [kept, returned] = [&["A-1"][..], &["A-2", "A-3"][..]].map(|seats| {
        let id = world.hold("ann", "long", seats);
        world.pay(id);
        id
    });
    assert!(world.booking(returned, BookingCommand::RequestRefund { by: "admin".into() }));
    world.return_money(returned);
    let before = world.log.len();
    world.revoke(returned);
    let log = log_of(&world.log);
    let seats = |node: &Node| node.knowledge.buyers.all().values().map(|(sold, _)| *sold).sum::<u32>();
    let mut node = Node::new(true);
    node.apply(&log[..before]);
    assert_eq!(seats(&node), 3);
    let mut late = Node::start_from(stored(&node.take_snapshot(&log[before - 1], &node)));
    let whole = |booking| Refunded { booking, part: None, buyer: "ann".parse().unwrap() };
    for _ in 0..2 {
        node.knowledge.give_back(&whole(returned), &mut node.pending);
        node.knowledge.give_back(&whole(kept), &mut node.pending);
        assert_eq!(seats(&node), 1);
    }
    let started = Node::start_from(stored(&node.take_snapshot(&log[before - 1], &node)));
    started.assert_same(&node, "a snapshot after it was given back");
    late.apply(&log[before..]);
    late.knowledge.give_back(&whole(returned), &mut late.pending);
    for mut node in [node, started] {
        node.apply(&log[before..]);
        node.assert_same(&late, "after the account was read, too");
        assert_eq!(seats(&node), 1);
    }
}

/// Compares a golden log with its snapshot; writes both, if they are to be written.
fn compare_golden(log_file: &str, snapshot_file: &str, world: impl FnOnce() -> World) -> Vec<Envelope> {
    let (log_file, snapshot_file) = (golden::path(log_file), golden::path(&format!("{snapshot_file}.v{}", Snapshot::SCHEMA)));
    if std::env::var_os("LASTSEAT_WRITE_GOLDEN").is_some() {
        let world = world();
        let lines: Vec<String> = world.log.iter().map(|event| golden::line(event) + "\n").collect();
        std::fs::write(&log_file, lines.concat()).unwrap();
        let log = log_of(&world.log);
        let mut node = Node::new(false);
        node.apply(&log);
        let snapshot = node.take_snapshot(log.last().unwrap(), &node);
        std::fs::write(&snapshot_file, rmp_serde::to_vec_named(&snapshot).unwrap()).unwrap();
    }
    let log: Vec<_> = std::fs::read_to_string(log_file).unwrap().lines().map(golden::event).collect();
    let log = log_of(&log);
    let snapshot: Snapshot = rmp_serde::from_slice(&std::fs::read(snapshot_file).unwrap()).unwrap();
    let mut node = Node::new(false);
    node.apply(&log);
    assert!(node.pending.schedule.len() > 0 && !node.pending.missing_rewards().is_empty(), "there is something of everything");
    Node::start_from(snapshot).assert_same(&node, "the golden snapshot");
    log
}

/// If this fails, an older snapshot would not be what a start from the log is: raise `Snapshot::SCHEMA`, and write the
/// golden files again with `LASTSEAT_WRITE_GOLDEN=1`.
#[test]
fn the_golden_snapshot_means_what_its_log_means() {
    compare_golden("log.ndjson", "snapshot", || {
        let steps: Vec<Step> = (0..30_u16).map(|n| ((n % 11) as u8, (n * 37 % 251) as u8, n * 77)).collect();
        let mut world = world_of(&steps, 1, &[2, 7, 78, 15, 131, 0, 71, 14, 6]);
        // One whose reward is missing, and one that is held.
        let id = world.hold("ann", "long", &["A-39", "A-40"]);
        assert!(world.start_payment(id) && world.commit(id));
        world.book_seats(id);
        assert!(world.capture(id));
        world.hold("ann", "long", &["A-38"]);
        world
    });
}

/// The same, of a log that has every event; and a start from any of its prefixes.
#[test]
fn a_snapshot_of_a_log_with_every_event_means_what_the_log_means() {
    let log = compare_golden("log_of_every_event.ndjson", "snapshot_of_every_event", || {
        let mut world = World::new(1);
        every_event(&mut world);
        world
    });
    let names: BTreeSet<_> = log.iter().map(|envelope| envelope.event.name()).collect();
    // Their commands are not built yet.
    let to_come = ["PartialRefundRequested", "PaymentPartlyRefunded"];
    let missing: Vec<_> = Event::NAMES.iter().filter(|name| !names.contains(*name) && !to_come.contains(*name)).collect();
    assert!(missing.is_empty(), "the golden log has no {missing:?}");
    for (atomic, lead) in [(false, 0), (true, 0), (false, 5), (true, 40)] {
        starts_anywhere(&log, atomic, lead);
    }
}

/// Times of the parts of a snapshot with a million seats and a million sold bookings. Run it alone, optimised:
/// `cargo test --release --lib -- --ignored --nocapture a_million`
#[test]
#[ignore = "prints times, and says nothing of a debug build"]
fn a_million_seats_and_a_million_bookings() {
    const SHOWS: u32 = 5;
    const SEATS: u32 = 200_000;
    let timed = |what: &str, since: std::time::Instant| println!("{what}: {:?}", since.elapsed());
    let mut node = Node::new(true);
    let mut world = World::new(1);
    for n in 0..SHOWS {
        let show = plan(&format!("show-{n}"), 0, 0, SEATS);
        world.schedule(show);
    }
    node.apply(&log_of(&world.log));
    let mut position = u64::from(SHOWS);
    for show in node.knowledge.shows.all() {
        let active = node.knowledge.shows.get(&show.facts.show).unwrap();
        for seat in 0..SEATS {
            position += 9;
            let at = lastseat_domain::ports::event_log::Position(position);
            active.now().seats.set(seat, 0, lastseat_domain::seat_state::SeatState::Booked, at, None);
            let id = BookingId::from_key("caller", &position.to_string());
            node.pending.sell(id);
            node.knowledge.known_bookings.insert(id);
        }
    }
    let mut last = log_of(&world.log).pop().unwrap();
    last.position.0 = position;
    let start = std::time::Instant::now();
    drop(node.knowledge.take_snapshot(&node.pending));
    timed("the follower pauses", start);
    let start = std::time::Instant::now();
    let snapshot = node.take_snapshot(&last, &node);
    timed("take, seats and filter included", start);
    let start = std::time::Instant::now();
    let bytes = rmp_serde::to_vec_named(&snapshot).unwrap();
    timed("encode", start);
    println!("{} bytes", bytes.len());
    let whole = std::time::Instant::now();
    let decoded: Snapshot = rmp_serde::from_slice(&bytes).unwrap();
    timed("decode", whole);
    let start = std::time::Instant::now();
    let started = Node::start_from(decoded);
    timed("restore", start);
    timed("load in all, without reading the file and its checksum", whole);
    assert_eq!(started.knowledge.shows.all().len(), SHOWS as usize);
}

/// A booking needs at most so much when it is sold and rewarded: the table's slot, and a part of the filter.
#[test]
fn a_sold_booking_leaves_little_in_memory() {
    let id = |n: u128| BookingId::from_key("caller", &n.to_string());
    let size = |bookings: u128| {
        let mut pending = PendingBookings::default();
        (0..bookings).for_each(|n| pending.sell(id(n)));
        rmp_serde::to_vec_named(&pending.take_snapshot()).unwrap().len()
    };
    let (few, many) = (size(1_000), size(11_000));
    let each = (many - few) / 10_000;
    assert!(each <= 24, "{each} bytes of a snapshot for each booking");
}

//! Compares the views with the model world whose log they fold, and with themselves at every cut.

use crate::map_bodies::ShowSnapshot;
use crate::seat_map::SeatMap;
use crate::view::{Folded, View};
use crate::{MapBody, MapForm, ReadModel, StoredView, rebuild, seats_at, stored_status};
use lastseat_domain::booking::Phase;
use lastseat_domain::event::{PlanDrawn, SeatLocked, ShowScheduled};
use lastseat_domain::plan::{Drawing, DrawnArea, DrawnRow, DrawnSeat, PlanOfShow, Point, RowSeats};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Position, RecordedEvent};
use lastseat_domain::seat::Seat;
use lastseat_domain::seat_state::SeatState;
use lastseat_domain::{AreaId, BuyerId, CategoryId, Envelope, PlanId, SeatId, ShowId, StreamName, codec};
use lastseat_testkit::history::{SHOWS, finish, history, steps};
use lastseat_testkit::scripted_log::{ScriptedLog, TokioClock};
use lastseat_testkit::world::{World, epoch, plan, show_id};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

mod stored;

const PATIENCE: Duration = Duration::from_secs(20);

fn bytes<V: View>(folded: &Folded<V>) -> Vec<u8> {
    folded.checkpoint().encode(V::NAME, V::SCHEMA).unwrap()
}

fn fold<V: View>(folded: &mut Folded<V>, event: &Envelope) {
    folded.fold(event);
    folded.mark(event);
}

/// A view that is stored and read again after any event goes on as if nothing had happened.
fn resumes_anywhere<V: View>(log: &[Arc<Envelope>]) {
    let mut stored = vec![bytes(&Folded::<V>::default())];
    let mut from_nothing = Folded::<V>::default();
    for event in log {
        fold(&mut from_nothing, event);
        stored.push(bytes(&from_nothing));
    }
    let end = stored.last().unwrap();
    for (cut, at_cut) in stored.iter().enumerate() {
        let mut resumed = Folded::<V>::restore(at_cut).unwrap();
        assert_eq!(bytes(&resumed), *at_cut, "{} after {cut} events", V::NAME);
        for event in log.iter().skip(cut) {
            fold(&mut resumed, event);
        }
        assert!(bytes(&resumed) == *end, "{} cut after {cut} events", V::NAME);
    }
}

fn decoded(log: &[Arc<RecordedEvent>]) -> Vec<Arc<Envelope>> {
    log.iter().map(|e| codec::decode(e).unwrap().unwrap()).collect()
}

fn expected_state(world: &World, show: &ShowId, seat: &SeatId) -> SeatState {
    match world.seats.get(&(show.clone(), seat.clone())) {
        None | Some(Seat::Free) => SeatState::Available,
        Some(Seat::Booked { .. }) => SeatState::Booked,
        Some(Seat::Blocked { .. }) => SeatState::Unavailable,
        Some(Seat::Locked { booking, .. }) => {
            let booking = world.bookings.get(booking);
            // Once paying, always in process: until a decline, or the seat's own next event.
            let last = booking.and_then(|b| b.attempts.last());
            if last.is_some_and(|a| a.declined.is_none()) { SeatState::InProcess } else { SeatState::Locked }
        }
    }
}

async fn follow(log: &Arc<ScriptedLog>, dir: Option<&Path>) -> ReadModel {
    let model =
        ReadModel::open(Arc::clone(log) as Arc<dyn EventLog>, TokioClock::new(epoch()), dir.map(Into::into)).await.unwrap();
    assert!(model.wait_for(log.end(), PATIENCE).await);
    model
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A map of rows, written out as one of seats.
fn from_rows(body: &[u8]) -> Value {
    let mut map: Value = serde_json::from_slice(body).unwrap();
    let mut seats = Vec::new();
    for area in map["areas"].as_array_mut().unwrap() {
        let rows = area.as_object_mut().unwrap().remove("rows");
        assert_eq!(rows.is_some(), area["labelled"] == true);
        for row in rows.iter().flat_map(|rows| rows.as_array().unwrap()) {
            for (number, letter) in (1..).zip(row["seats"].as_str().unwrap().chars()) {
                let state = match letter {
                    'a' => "available",
                    'l' => "locked",
                    'i' => "in_process",
                    'b' => "booked",
                    'u' => "unavailable",
                    other => panic!("{other}"),
                };
                let seat = format!("{}-{number}", row["row"].as_str().unwrap());
                seats.push(json!({"seat": seat, "area": area["area"], "state": state, "price": area["price"]}));
            }
        }
    }
    map["seats"] = seats.into();
    map
}

/// What the model answers is what the world is like.
async fn assert_matches_world(model: &ReadModel, world: &World) {
    for (id, show) in &world.shows {
        let map = model.seat_map(id).unwrap();
        assert_eq!(model.seat_map_body(id, MapForm::Seats).unwrap().bytes, serde_json::to_vec(&map).unwrap());
        assert_eq!(from_rows(&model.seat_map_body(id, MapForm::Rows).unwrap().bytes), serde_json::to_value(&map).unwrap());
        let state = |seat: &SeatId| expected_state(world, id, seat);
        for seat in &map.seats {
            assert_eq!(seat.state, state(&seat.seat), "{} of {id}", seat.seat);
            assert_eq!(seat.price, world.price(id, &seat.seat));
        }
        let units = show.plan.areas.iter().filter(|a| !a.labelled).map(|a| a.capacity as usize).sum::<usize>();
        assert_eq!(map.seats.len() + units, show.plan.len() as usize);
        for (area, planned) in map.areas.iter().zip(&show.plan.areas) {
            let seats = planned.seats().filter_map(|index| show.plan.id_of(index));
            let free = seats.filter(|id| state(id) == SeatState::Available).count();
            assert_eq!((area.available as usize, area.capacity, area.labelled), (free, planned.capacity, planned.labelled));
        }
        let sales = model.sales(id).await.unwrap().unwrap();
        let count = |state_counted| show.plan.seats().fold(0_u32, |n, (id, _)| n + u32::from(state(&id) == state_counted));
        assert_eq!(sales.seats.available, count(SeatState::Available));
        assert_eq!(sales.seats.held, count(SeatState::Locked));
        assert_eq!(sales.seats.in_process, count(SeatState::InProcess));
        assert_eq!(sales.seats.booked, count(SeatState::Booked));
        assert_eq!(sales.seats.unavailable, count(SeatState::Unavailable));
        assert_eq!(sales.categories.iter().map(|c| c.seats.booked).sum::<u32>(), sales.seats.booked);
        let of_show = || world.bookings.values().filter(|b| b.show() == Some(id));
        let by_status = serde_json::to_value(sales.bookings).unwrap();
        for (status, n) in by_status.as_object().unwrap() {
            assert_eq!(n.as_u64(), Some(of_show().filter(|b| b.status() == status).count() as u64), "{status} of {id}");
        }
        let paid = of_show().filter(|b| matches!(b.phase, Phase::Confirmed { .. } | Phase::Refunded));
        assert_eq!(sales.captured.value, paid.map(|b| b.amount().unwrap().value).sum::<i64>());
        // Of a booking that goes on, parts may have been returned.
        let returned = of_show().map(|b| match b.phase {
            Phase::Refunded => b.amount().unwrap().value,
            _ => b.partly_refunded(),
        });
        assert_eq!(sales.refunded.value, returned.sum::<i64>());
    }
    for buyer in ["buyer-0", "buyer-1", "buyer-2"].map(|b| BuyerId::new(b).unwrap()) {
        let of_buyer: Vec<_> = world.bookings.values().filter(|b| b.buyer() == Some(&buyer)).collect();
        let (mut listed, mut cursor) = (vec![], None);
        loop {
            let page = model.bookings_of(&buyer, cursor, 2).await.unwrap();
            cursor = page.data.last().map(|b| b.booking);
            listed.extend(page.data);
            if !page.has_more {
                break;
            }
        }
        // Bookings are numbered in the order in which they came up; newest first.
        assert_eq!(listed.iter().rev().map(|b| b.booking).collect::<Vec<_>>(), of_buyer.iter().map(|b| b.id).collect::<Vec<_>>());
        for (listed, booking) in listed.iter().rev().zip(of_buyer) {
            assert_eq!(serde_json::to_value(listed).unwrap()["status"], booking.status());
            assert_eq!(Some(listed.expires_at), booking.expires_at);
            assert_eq!(listed.seats, booking.seats());
            assert_eq!(listed.attempts, booking.attempt());
            assert_eq!(listed.last_decline, booking.attempts.last().and_then(|a| a.declined.clone()));
            assert_eq!(listed.refund_requested, matches!(booking.phase, Phase::Confirmed { refund_requested: true }));
        }
        let rewards = model.rewards_of(&buyer).await.unwrap();
        let account = world.accounts.get(&buyer).cloned().unwrap_or_default();
        assert_eq!((rewards.seats, rewards.points), (account.seats, account.points));
        assert_eq!(rewards.vouchers.len(), account.vouchers.len());
        for voucher in rewards.vouchers {
            assert_eq!(voucher.state, account.vouchers[&voucher.voucher].state);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_seat_map_resumes_at_every_cut(steps in steps(80), stride in 1_u64..5) {
        let mut world = history(&steps, stride);
        finish(&mut world);
        let log = decoded(&world.log);
        let mut map = Folded::<SeatMap>::default();
        log.iter().for_each(|event| map.fold(event));
        let open: Vec<_> = world.bookings.values().filter(|b| b.is_undecided()).map(|b| b.id).collect();
        assert_eq!(map.view.states.holds.into_keys().collect::<Vec<_>>(), open, "what is decided is forgotten");
        resumes_anywhere::<SeatMap>(&log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn views_match_the_world(steps in steps(150)) {
        let world = history(&steps, 3);
        paused().block_on(async {
            let model = follow(&ScriptedLog::of(&world.log), None).await;
            assert_matches_world(&model, &world).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Through files: a model that is stopped and opened again in the middle stores the same bytes
    /// as one that saw it all, and as a rebuild.
    #[test]
    fn files_are_the_same_whichever_way(steps in steps(120), cut in any::<usize>()) {
        let world = history(&steps, 1);
        let cut = cut % (world.log.len() + 1);
        let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        paused().block_on(async {
            let log = ScriptedLog::of(&world.log);
            follow(&log, Some(whole.path())).await.stop().await;
            let growing = ScriptedLog::of(&world.log[..cut]);
            follow(&growing, Some(halves.path())).await.stop().await;
            let middle = stored_status(halves.path()).unwrap();
            assert!(middle.iter().all(|v| v.position == growing.end() && v.problem.is_none()), "{middle:?}");
            growing.push(&world.log[cut..]);
            let resumed = follow(&growing, Some(halves.path())).await;
            assert_matches_world(&resumed, &world).await;
            resumed.stop().await;
            let (a, b) = (stored_status(whole.path()).unwrap(), stored_status(halves.path()).unwrap());
            assert_eq!(a, b);
            assert_eq!(a.len(), 6);
            let report = rebuild(log, TokioClock::new(epoch()), Some(whole.path().into()), |_, _| {}).await.unwrap();
            assert!(report.views.iter().all(|v| v.identical == Some(true)), "{report:?}");
            assert_eq!(stored_status(whole.path()).unwrap(), b);
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Read from the log, every show is at every position as the seat map was when it had come there.
    #[test]
    fn seats_at_a_position_are_those_that_the_map_had(steps in steps(120), stride in 1_u64..4) {
        let mut world = history(&steps, stride);
        finish(&mut world);
        let log = ScriptedLog::of(&world.log);
        let mut map = Folded::<SeatMap>::default();
        paused().block_on(async {
            for event in decoded(&world.log) {
                fold(&mut map, &event);
                for show in SHOWS.map(show_id) {
                    let at = seats_at(&*log, &show, event.position, MapForm::Seats).await.unwrap();
                    let live = map.view.states.shows.get(&show).and_then(|seats| ShowSnapshot::of(seats).write(MapForm::Seats));
                    let live = live.map(|(position, bytes)| MapBody { position, bytes: bytes.into() });
                    assert_eq!(at, live, "{show} at {}", event.position);
                }
            }
        });
    }
}

fn some_world() -> World {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let id = world.hold("buyer-1", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(id);
    world.hold("buyer-2", "gala", &["B-1", "floor:3"]);
    world
}

/// A plan in two parts, a show on it, a seat that is taken, and the first part of a further revision.
fn on_a_plan() -> World {
    let seat =
        |id: &str| DrawnSeat { seat: SeatId::new(id).unwrap(), label: "1 \"a\"".into(), at: Some(Point { x: 150, y: -25 }) };
    let listed =
        DrawnRow { row: "„A“".into(), seats: RowSeats::Listed(Arc::new([seat("a"), seat("b")])), gaps_after: vec![] };
    let counted = DrawnRow { row: "B".into(), seats: RowSeats::Count(3), gaps_after: vec![] };
    let part = |revision, part, rows| PlanDrawn {
        plan: PlanId::new("house").unwrap(),
        revision,
        part,
        parts: 2,
        fingerprint: revision.to_string(),
        drawing: Drawing {
            areas: vec![DrawnArea {
                area: AreaId::new("stalls").unwrap(),
                section: Some("Parkett".into()),
                category: CategoryId::new("first").unwrap(),
                rows,
                capacity: None,
            }],
            ..Drawing::default()
        },
    };
    let mut world = World::new(1);
    let stream = StreamName::plan(&PlanId::new("house").unwrap());
    for drawn in [part(1, 1, vec![listed.clone()]), part(1, 2, vec![counted.clone()]), part(2, 1, vec![listed])] {
        world.append(stream.clone(), &[drawn.into()]);
    }
    let on = PlanOfShow { plan: PlanId::new("house").unwrap(), revision: 1, drawn: None };
    let show = ShowScheduled { areas: vec![], plan: Some(on), ..plan("gala", 2, 6, 9) };
    world.append(StreamName::show(&show_id("gala")), &[show.into()]);
    let (booking, buyer, expires_at) = (world.new_booking(), BuyerId::new("ann").unwrap(), world.now);
    let lock = SeatLocked { booking, buyer, price: 8500, expires_at, block: None, exchange: 0 };
    world.append(StreamName::seat(&show_id("gala"), &SeatId::new("b").unwrap()), &[lock.into()]);
    world.append(stream, &[part(2, 2, vec![counted]).into()]);
    world
}

#[test]
fn a_show_on_a_plan_has_its_seats_after_every_cut_and_every_restart() {
    let world = on_a_plan();
    resumes_anywhere::<SeatMap>(&decoded(&world.log));
    for cut in 0..=world.log.len() {
        paused().block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let log = ScriptedLog::of(&world.log[..cut]);
            follow(&log, Some(dir.path())).await.stop().await;
            log.push(&world.log[cut..]);
            let model = follow(&log, Some(dir.path())).await;
            let rows = model.seat_map_body(&show_id("gala"), MapForm::Rows).unwrap().bytes;
            let rows: Value = serde_json::from_slice(&rows).unwrap();
            assert_eq!(rows["plan"], json!({"plan": "house", "revision": 1}), "{cut}");
            assert_eq!(rows["areas"][0]["rows"], json!([{"row": "„A“", "seats": "al"}, {"row": "B", "seats": "aaa"}]), "{cut}");
            let seats = model.seat_map_body(&show_id("gala"), MapForm::Seats).unwrap().bytes;
            let seats: Value = serde_json::from_slice(&seats).unwrap();
            let map = serde_json::to_value(model.seat_map(&show_id("gala")).unwrap()).unwrap();
            assert_eq!((&seats["seats"], &seats["areas"], &seats["plan"]), (&map["seats"], &map["areas"], &map["plan"]), "{cut}");
            let printed = json!({
                "seat": "b", "area": "stalls", "state": "locked", "price": 8500,
                "section": "Parkett", "row": "„A“", "label": "1 \"a\"", "x": 1.5, "y": -0.25,
            });
            assert_eq!(seats["seats"][1], printed, "{cut}");
            let sales = model.sales(&show_id("gala")).await.unwrap().unwrap();
            assert_eq!((sales.seats.available, sales.seats.held), (4, 1), "{cut}");
            model.stop().await;
        });
    }
}

#[test]
fn an_unreadable_event_is_skipped_and_the_views_say_so() {
    paused().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let world = some_world();
        let mut log = world.log.clone();
        let mut newer = (*log[5]).clone();
        newer.metadata = serde_json::value::RawValue::from_string(newer.metadata.get().replace("\"v\":1", "\"v\":9")).unwrap();
        log[5] = Arc::new(newer);
        let model = follow(&ScriptedLog::of(&log), Some(dir.path())).await;
        let status = model.status();
        assert!(status.iter().all(|s| s.lag == 0 && s.error.as_ref().is_some_and(|e| e.contains("version 9"))), "{status:?}");
        model.stop().await;
        let skipped = |stored: &StoredView| stored.problem.as_ref().is_some_and(|why| why.contains("version 9"));
        let stored = stored_status(dir.path()).unwrap();
        assert!(stored.len() == 5 && stored.iter().all(skipped), "without the seat map: {stored:?}");
        let model = follow(&ScriptedLog::of(&log), Some(dir.path())).await;
        assert!(model.status().iter().all(|s| s.error.as_ref().is_some_and(|e| e.contains("version 9"))), "{:?}", model.status());
        model.stop().await;
        let rebuilt = rebuild(ScriptedLog::of(&log), TokioClock::new(epoch()), Some(dir.path().into()), |_, _| {}).await;
        assert!(rebuilt.unwrap_err().to_string().contains("version 9"));
        assert_eq!(stored_status(dir.path()).unwrap(), stored);
        // A version that can read it folds everything again.
        let model = follow(&ScriptedLog::of(&world.log), Some(dir.path())).await;
        assert_matches_world(&model, &world).await;
        assert!(model.status().iter().all(|s| s.error.is_none()), "{:?}", model.status());
    });
}

#[test]
fn waiting_ends_when_it_is_reached_or_in_time() {
    paused().block_on(async {
        let world = some_world();
        let log = ScriptedLog::of(&world.log[..3]);
        let model = follow(&log, None).await;
        assert_eq!(model.position(), Position(3));
        assert!(!model.wait_for(Position(4), Duration::from_secs(2)).await);
        let waiting = tokio::spawn({
            let model = model.clone();
            async move { model.wait_for(Position(5), PATIENCE).await }
        });
        tokio::task::yield_now().await;
        log.push(&world.log[3..]);
        assert!(waiting.await.unwrap());
        assert!(model.wait_for(log.end(), PATIENCE).await);
        let status = model.status();
        assert!(status.iter().all(|s| s.position == log.end() && s.events_folded == world.log.len() as u64), "{status:?}");
        assert_eq!(status.len(), 6);
        let nobody = BuyerId::new("nobody").unwrap();
        assert!(model.bookings_of(&nobody, None, 5).await.unwrap().data.is_empty());
        let someone = *world.bookings.keys().next().unwrap();
        assert!(model.bookings_of(&nobody, Some(someone), 5).await.is_err());
        assert!(SHOWS.iter().skip(1).all(|show| model.seat_map_body(&show_id(show), MapForm::Seats).is_none()));
    });
}

#[test]
fn a_failing_log_is_tried_again() {
    paused().block_on(async {
        let world = some_world();
        let log = ScriptedLog::of(&world.log[..3]);
        let model = follow(&log, None).await;
        log.break_down(Some("gone fishing"));
        log.push(&world.log[3..]);
        assert!(!model.wait_for(log.end(), Duration::from_secs(60)).await);
        let status = model.status();
        assert!(status.iter().all(|s| s.position == Position(3) && s.head == log.end() && s.lag > 0), "{status:?}");
        assert!(status.iter().all(|s| s.error.as_ref().is_some_and(|e| e.contains("gone fishing"))), "{status:?}");
        log.break_down(None);
        assert!(model.wait_for(log.end(), Duration::from_secs(6)).await, "it is asked every five seconds");
        assert!(model.status().iter().all(|s| s.lag == 0 && s.error.is_none()));
        assert_matches_world(&model, &world).await;
        model.stop().await;
    });
}

//! The feed against the map: nothing missing, nothing twice, wherever a reader is cut.

use crate::ReadModel;
use crate::seat_map::SeatMapView;
use bytes::Bytes;
use client::Client;
use futures::StreamExt;
use futures::stream::BoxStream;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{AreaId, SeatId, ShowId};
use lastseat_testkit::history::{SHOWS, Step, finish, history, steps};
use lastseat_testkit::scripted_log::{ScriptedLog, TokioClock};
use lastseat_testkit::world::{World, epoch, plan, show_id};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

mod client;

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

async fn open(log: &Arc<ScriptedLog>, ring: usize) -> ReadModel {
    let log = Arc::clone(log);
    let model = ReadModel::open_with(Arc::clone(&log) as Arc<dyn EventLog>, TokioClock::new(epoch()), None, ring).await.unwrap();
    assert!(model.wait_for(log.end(), Duration::from_secs(20)).await);
    model
}

fn states(map: &SeatMapView) -> BTreeMap<SeatId, String> {
    map.seats.iter().map(|s| (s.seat.clone(), s.state.name().to_owned())).collect()
}

fn unlabelled(map: &SeatMapView) -> BTreeMap<String, u64> {
    let areas = map.areas.iter().filter(|a| !a.labelled);
    areas.map(|a| (AreaId::as_str(&a.area).to_owned(), u64::from(a.available))).collect()
}

/// The next bytes, unless nothing comes for a second.
async fn next(feed: &mut BoxStream<'static, Bytes>) -> Option<Bytes> {
    tokio::time::timeout(Duration::from_secs(1), feed.next()).await.ok().flatten()
}

/// Reads until nothing more comes, resuming as a browser does if it is cut for being slow.
async fn read_all(model: &ReadModel, show: &ShowId, from: Position) -> Client {
    let mut client = Client::default();
    'connections: loop {
        let from = client.last_id.map_or(from, |id| Position(id).max(from));
        let mut feed = model.seat_feed(show, from).unwrap();
        while let Ok(next) = tokio::time::timeout(Duration::from_secs(1), feed.next()).await {
            match next {
                Some(bytes) => client.take(&bytes),
                None => {
                    client.cut();
                    continue 'connections;
                }
            }
        }
        return client;
    }
}

/// The log grows in parts; a reader who starts from a map is cut wherever `cuts` says.
async fn follow_with_cuts(world: &World, show: &ShowId, parts: &[usize], cuts: &[usize], ring: usize) {
    let mut parts: Vec<_> = parts.iter().map(|p| p % (world.log.len() + 1)).collect();
    parts.push(world.log.len());
    parts.sort_unstable();
    let log = ScriptedLog::of(&world.log[..parts[0]]);
    let model = open(&log, ring).await;
    let Some(start) = model.seat_map(show) else { return };
    let mut client = Client::default();
    let mut cuts = cuts.iter().cycle();
    for pair in parts.windows(2) {
        let from = client.last_id.map_or(start.position, |id| Position(id).max(start.position));
        let mut feed = model.seat_feed(show, from).unwrap();
        let mut budget = *cuts.next().unwrap();
        log.push(&world.log[pair[0]..pair[1]]);
        while let Some(bytes) = next(&mut feed).await {
            let part = bytes.slice(..bytes.len().min(budget));
            client.take(&part);
            budget -= part.len();
            if budget == 0 {
                break;
            }
        }
        client.cut();
    }
    // From here on it is left alone.
    let from = client.last_id.map_or(start.position, |id| Position(id).max(start.position));
    let rest = read_all(&model, show, from).await;
    client.changes.extend(rest.changes);
    let end = model.seat_map(show).unwrap();
    assert_eq!(client.brought_forward(&start, &end), states(&end));
    assert_eq!(rest.areas, unlabelled(&end));
    // The same, change by change, as one who was never cut, out of a ring that holds everything.
    let calm = open(&ScriptedLog::of(&world.log), 1 << 20).await;
    assert_eq!(client.changes, read_all(&calm, show, start.position).await.changes);
    // And as one who reads it all from the log.
    let late = open(&ScriptedLog::of(&world.log), 1).await;
    assert_eq!(client.changes, read_all(&late, show, start.position).await.changes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_cut_anywhere_misses_nothing_and_gets_nothing_twice(
        steps in steps(150),
        parts in proptest::collection::vec(any::<usize>(), 1..8),
        cuts in proptest::collection::vec(1_usize..1500, 1..8),
        ring in prop_oneof![1_usize..12, Just(1 << 16)],
        show in 0_usize..3,
        stride in 1_u64..4,
    ) {
        let mut world = history(&steps, stride);
        finish(&mut world);
        paused().block_on(follow_with_cuts(&world, &show_id(SHOWS[show]), &parts, &cuts, ring));
    }

    /// A map at any position, and the changes after it, make the map at the end.
    #[test]
    fn a_map_and_what_follows_make_a_later_map(steps in steps(60), ring in 1_usize..40) {
        let world = history(&steps, 2);
        paused().block_on(async {
            let show = show_id("gala");
            let log = ScriptedLog::of(&[]);
            let model = open(&log, ring).await;
            let mut maps = vec![];
            for event in &world.log {
                log.push(std::slice::from_ref(event));
                assert!(model.wait_for(log.end(), Duration::from_secs(20)).await);
                maps.extend(model.seat_map(&show));
            }
            let end = model.seat_map(&show).unwrap();
            for map in maps {
                let client = read_all(&model, &show, map.position).await;
                assert_eq!(client.brought_forward(&map, &end), states(&end));
                assert_eq!(client.areas, unlabelled(&end));
                assert!(client.changes.iter().all(|(position, ..)| *position > map.position.0));
            }
        });
    }
}

#[test]
fn the_bytes_are_these() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 1, 6, 9));
    let id = world.hold("alice", "gala", &["A-1", "A-2", "floor:1"]);
    world.start_payment(id);
    paused().block_on(async {
        let log = ScriptedLog::of(&world.log[..1]);
        let model = open(&log, 100).await;
        let mut feed = model.seat_feed(&show_id("gala"), Position(1)).unwrap();
        let mut text = String::new();
        for _ in 0..2 {
            text.push_str(std::str::from_utf8(&next(&mut feed).await.unwrap()).unwrap());
        }
        log.push(&world.log[1..]);
        while let Some(bytes) = next(&mut feed).await {
            text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        let expected = "\
retry: 1000
: seats of gala after position 1

event: area_availability
data: {\"area\":\"floor\",\"available\":9,\"position\":1}

id: 3
event: seat_locked
data: {\"seat\":\"A-1\",\"state\":\"locked\",\"position\":3,\"at\":\"2030-03-17T17:46:40Z\"}

id: 4
event: seat_locked
data: {\"seat\":\"A-2\",\"state\":\"locked\",\"position\":4,\"at\":\"2030-03-17T17:46:40Z\"}

event: seat_processing
data: {\"seat\":\"A-1\",\"state\":\"in_process\",\"position\":6,\"at\":\"2030-03-17T17:46:40Z\"}

id: 6
event: seat_processing
data: {\"seat\":\"A-2\",\"state\":\"in_process\",\"position\":6,\"at\":\"2030-03-17T17:46:40Z\"}

id: 6
event: area_availability
data: {\"area\":\"floor\",\"available\":8,\"position\":6}

";
        assert_eq!(text, expected);
    });
}

#[test]
fn a_burst_on_an_area_is_summed_up() {
    let mut world = World::new(1);
    world.schedule(plan("rave", 0, 0, 400));
    for n in 1..=300 {
        world.hold("alice", "rave", &[&format!("floor:{n}")]);
    }
    paused().block_on(async {
        let log = ScriptedLog::of(&world.log[..1]);
        let model = open(&log, 100).await;
        let mut client = Client::default();
        let mut feed = model.seat_feed(&show_id("rave"), Position(1)).unwrap();
        for event in &world.log[1..] {
            log.push(std::slice::from_ref(event));
            // 600 events in 0.6 s, and so 6 paces.
            if let Ok(Some(bytes)) = tokio::time::timeout(Duration::from_millis(1), feed.next()).await {
                client.take(&bytes);
            }
        }
        while let Some(bytes) = next(&mut feed).await {
            client.take(&bytes);
        }
        assert_eq!(client.areas["floor"], 100);
        assert!((4..=10).contains(&client.area_events), "{}", client.area_events);
        assert_eq!(client.last_id, Some(log.end().0));
    });
}

#[test]
fn a_position_that_is_not_reached_yet_is_waited_for() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 1, 6, 2));
    world.hold("alice", "gala", &["A-1", "A-2", "floor:1"]);
    world.hold("alice", "gala", &["A-3"]);
    paused().block_on(async {
        let log = ScriptedLog::of(&world.log[..1]);
        let model = open(&log, 100).await;
        let mut feed = model.seat_feed(&show_id("gala"), Position(4)).unwrap();
        let mut client = Client::default();
        client.take(&feed.next().await.unwrap());
        // Until then it says that it lives.
        assert_eq!(feed.next().await.unwrap(), super::frame::HEARTBEAT);
        log.push(&world.log[1..]);
        while let Some(bytes) = next(&mut feed).await {
            client.take(&bytes);
        }
        let seats: Vec<_> = client.changes.iter().map(|(position, _, data)| (*position, data["seat"].clone())).collect();
        assert_eq!(seats, [(7, Value::from("A-3"))]);
        assert_eq!(client.areas["floor"], 1);
    });
}

#[test]
fn silence_is_filled_and_only_silence() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 1, 6, 0));
    world.hold("alice", "gala", &["A-1"]);
    paused().block_on(async {
        let log = ScriptedLog::of(&world.log[..1]);
        let model = open(&log, 100).await;
        let mut feed = model.seat_feed(&show_id("gala"), Position(1)).unwrap();
        feed.next().await.unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(feed.next().await.unwrap(), super::frame::HEARTBEAT);
        assert_eq!(start.elapsed().as_secs(), 15);
        log.push(&world.log[1..]);
        feed.next().await.unwrap();
        assert_eq!(feed.next().await.unwrap(), super::frame::HEARTBEAT);
        assert_eq!(start.elapsed().as_secs(), 45, "the one at 30 s was not due: something had been sent since 15 s");
    });
}

#[test]
fn the_slow_are_cut_and_all_are_cut_at_the_end() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 1, 6, 0));
    for seat in ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6"] {
        world.hold("alice", "gala", &[seat]);
    }
    paused().block_on(async {
        let log = ScriptedLog::of(&world.log[..1]);
        let model = open(&log, 3).await;
        let show = show_id("gala");
        let mut slow = model.seat_feed(&show, Position(1)).unwrap();
        slow.next().await.unwrap();
        // It is in the ring now, and does not read.
        assert!(next(&mut slow).await.is_none());
        let mut waiting = model.seat_feed(&show, Position(1)).unwrap();
        waiting.next().await.unwrap();
        log.push(&world.log[1..]);
        assert!(model.wait_for(log.end(), Duration::from_secs(1)).await);
        assert_eq!(tokio::time::timeout(Duration::from_secs(1), slow.next()).await.unwrap(), None, "it fell off");
        assert_eq!(read_all(&model, &show, Position(1)).await.changes.len(), 6, "and may come back");
        let mut live = model.seat_feed(&show, log.end()).unwrap();
        live.next().await.unwrap();
        model.stop().await;
        assert_eq!(live.next().await, None);
        assert!(model.seat_map(&show).is_some());
    });
}

#[test]
fn a_thousand_readers_of_a_fast_sale() {
    let steps: Vec<Step> = (0..600_u16).map(|n| ((n % 10) as u8, ((n * 7) % 12) as u8 & 0xfc, n.wrapping_mul(7919))).collect();
    let world = history(&steps, 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let log = ScriptedLog::of(&world.log[..2]);
        let model = open(&log, 1 << 16).await;
        let show = show_id("gala");
        let start = model.seat_map(&show).unwrap();
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                let (model, show) = (model.clone(), show.clone());
                tokio::spawn(async move { read_all(&model, &show, Position(1)).await })
            })
            .collect();
        for events in world.log[2..].chunks(7) {
            log.push(events);
            tokio::task::yield_now().await;
        }
        assert!(model.wait_for(log.end(), Duration::from_secs(20)).await);
        let end = model.seat_map(&show).unwrap();
        let expected = states(&end);
        let mut count = None;
        for reader in readers {
            let client = reader.await.unwrap();
            assert_eq!(client.brought_forward(&start, &end), expected);
            assert!(client.changes.len() > 30, "{}", client.changes.len());
            assert_eq!(*count.get_or_insert(client.changes.len()), client.changes.len());
        }
    });
}

#[test]
fn what_is_missed_may_fill_many_pages() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 20, 250, 0));
    for row in 'A'..='T' {
        for number in 1..=250 {
            world.hold("alice", "gala", &[&format!("{row}-{number}")]);
        }
    }
    paused().block_on(async {
        let model = open(&ScriptedLog::of(&world.log), 1).await;
        let show = show_id("gala");
        let client = read_all(&model, &show, Position(1)).await;
        assert_eq!(client.changes.len(), 5000);
        let map = model.seat_map(&show).unwrap();
        assert_eq!(client.brought_forward(&map, &map), states(&map));
    });
}

#[test]
fn a_reader_of_a_log_ahead_of_the_views_still_gets_the_areas() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 1, 6, 10));
    world.hold("alice", "gala", &["A-1", "A-2", "A-4", "A-5"]);
    world.hold("alice", "gala", &["floor:1"]);
    let known = world.log.len();
    world.hold("alice", "gala", &["A-3", "floor:2"]);
    paused().block_on(async {
        let log = ScriptedLog::of(&world.log[..known]);
        let model = open(&log, 2).await;
        log.break_down(Some("only the subscriptions"));
        log.push(&world.log[known..]);
        let mut feed = model.seat_feed(&show_id("gala"), Position(1)).unwrap();
        let mut client = Client::default();
        while let Some(bytes) = next(&mut feed).await {
            client.take(&bytes);
        }
        assert_eq!(client.areas["floor"], 9);
        log.break_down(None);
        assert!(model.wait_for(log.end(), Duration::from_secs(20)).await);
        while let Some(bytes) = next(&mut feed).await {
            client.take(&bytes);
        }
        assert_eq!(client.areas["floor"], 8);
        assert_eq!(client.changes.len(), 5);
    });
}

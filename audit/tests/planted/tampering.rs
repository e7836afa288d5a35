//! Logs that were changed, cut or damaged, and events of others in them.

use crate::planting::*;
use lastseat_domain::event::*;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::RecordedEvent;
use lastseat_domain::{CommandId, Metadata, StreamName, codec};
use lastseat_testkit::world::{World, plan, show_id};
use std::sync::Arc;

/// Changes the last event of a valid log.
#[track_caller]
fn tamper(codes: &[&str], change: impl FnOnce(&mut RecordedEvent, &[Arc<RecordedEvent>])) {
    let (world, _) = world_with_sale();
    let mut log = world.log;
    let mut last = (*log.pop().unwrap()).clone();
    change(&mut last, &log);
    log.push(Arc::new(last));
    expect(&log, codes);
}

#[test]
fn a_log_that_is_damaged() {
    let changed = "event_id_differs";
    tamper(&["event_id_twice", changed, "metadata_differs"], |event, before| event.id = before[3].id);
    tamper(&["revision_gap", changed], |event, _| event.revision += 1);
    tamper(&["position_order"], |event, before| event.position = before.last().unwrap().position);
    tamper(&["position_order"], |event, _| event.position = Position(1));
    tamper(&["position_gap"], |event, _| event.position.0 += 1);
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    tamper(&["unreadable", changed], |event, _| event.data = raw("[]"));
    tamper(&["unreadable"], |event, _| event.metadata = raw("{}"));
    let replaced = |event: &mut RecordedEvent, from: &str, to: &str| {
        assert!(event.metadata.get().contains(from), "{from} is not in {}", event.metadata);
        event.metadata = raw(&event.metadata.get().replace(from, to));
    };
    tamper(&["unknown_version", "metadata_differs"], |event, _| replaced(event, "\"v\":1", "\"v\":2"));
    tamper(&["unknown_version"], |event, _| replaced(event, "\"id_rule\":3", "\"id_rule\":4"));
    tamper(&["wrong_stream", "revision_gap", changed], |event, _| event.stream = StreamName::from_log("seat-gala.A-1"));
    tamper(&["wrong_stream", changed], |event, _| event.stream = StreamName::from_log("loyaltyalice"));
    // The type that is stored, so that the event would pass for another program's.
    tamper(&["unknown_version", changed], |event, _| event.event_type.push('X'));
}

/// A body that makes sense and keeps every rule, metadata that do, and an event that is taken over by
/// the older rule, which covers less.
#[test]
fn an_event_that_was_changed() {
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    let change = |event: &mut RecordedEvent, from: &str, to: &str| {
        assert!(event.metadata.get().contains(from), "{from} is not in {}", event.metadata);
        event.metadata = raw(&event.metadata.get().replace(from, to));
    };
    tamper(&["event_id_differs"], |event, _| event.data = raw(&event.data.get().replace('{', "{ ")));
    tamper(&["metadata_differs"], |event, _| change(event, "\"actor\":\"test\"", "\"actor\":\"root\""));
    tamper(&["metadata_differs"], |event, _| change(event, "\"v\":1,", "\"v\":1,\"trace\":\"x\","));
    tamper(&["metadata_differs"], |event, _| change(event, ",\"hash\":\"", ",\"hush\":\""));
    tamper(&["event_id_differs"], |event, _| change(event, ",\"id_rule\":3", ""));
    tamper(&["event_id_differs", "metadata_differs", "cause_unknown"], |event, _| {
        change(event, "{", "{\"$causationId\":\"00000000-0000-5000-8000-000000000007\",");
    });
}

#[test]
fn the_first_bad_event_is_named() {
    let (world, _) = world_with_sale();
    let mut log = world.log;
    for index in [4, 6, 9] {
        let mut event = (*log[index]).clone();
        event.id = uuid::Uuid::from_u128(index as u128);
        log[index] = Arc::new(event);
    }
    let report = audit(&log);
    let first = report.first_bad().unwrap();
    assert_eq!((first.position, &first.stream, first.revision), (log[4].position, &log[4].stream, Some(log[4].revision)));
    let line =
        format!("first of all: event_id_differs at {} in {}, revision {}: ", first.position, first.stream, log[4].revision);
    assert!(report.to_string().contains(&line), "{report}");
}

/// What a log can't show by itself is not ticked.
#[test]
fn a_cut_tail_is_not_called_proven() {
    let (world, _) = world_with_sale();
    let report = audit(&world.log[..5]);
    assert!(report.holds(), "{report}");
    let provable: Vec<u8> = report.guarantees.iter().filter(|g| g.provable).map(|g| g.number).collect();
    assert_eq!(provable, [1, 2, 4, 5, 6]);
    let text = report.to_string();
    assert!(text.contains("– 3  A booking acknowledged as confirmed") && !text.contains("✓ 3"), "{text}");
    assert!(text.contains("not shown by the log alone") && report.not_shown.len() == 2, "{text}");
}

#[test]
fn an_event_that_is_missing() {
    for index in [0, 1, 5, 9] {
        let (mut world, _) = world_with_sale();
        world.log.remove(index);
        let report = audit(&world.log);
        assert!(report.violations.iter().any(|v| v.code.name() == "position_gap"), "{index}: {report}");
    }
}

/// Events with ids of their own that a wrong writer wrote.
#[test]
fn causes_times_and_commands_that_do_not_fit() {
    let command = |n: u128| Some(CommandId::new(n.to_be_bytes()).uuid());
    let show = || StreamName::show(&show_id("gala"));
    let (paused, resumed) = (|| SalesPaused { show: show_id("gala") }.into(), || SalesResumed { show: show_id("gala") }.into());
    let with = |world: &World, causation| Metadata { causation, ..Metadata::new("admin", world.now) };

    let (world, id) = world_with_hold();
    plant(world, &["cause_unknown"], |world| {
        // It names an event that comes later.
        let later = world.log[0].id.as_u128() ^ 1;
        let metadata = with(world, Some(uuid::Uuid::from_u128(later)));
        world.append_as(
            StreamName::booking(id),
            &[BookingAborted { booking: id, reason: AbortReason::Cancelled }.into()],
            &metadata,
        );
    });
    let (world, _) = world_with_hold();
    plant(world, &["time_back"], |world| {
        let metadata = Metadata::new("admin", world.now - chrono::TimeDelta::milliseconds(1));
        world.append_as(show(), &[paused()], &metadata);
    });
    let (world, id) = world_with_hold();
    plant(world, &["correlation_differs"], |world| {
        let other = world.new_booking();
        let metadata = Metadata::of_booking(other, "alice", world.now);
        world.append_as(
            StreamName::booking(id),
            &[BookingAborted { booking: id, reason: AbortReason::Cancelled }.into()],
            &metadata,
        );
    });
    // The same command once more, after it was undone; and in another stream.
    let (world, _) = world_with_hold();
    plant(world, &["command_twice"], |world| {
        for (event, cause) in [(paused(), command(1)), (resumed(), command(2)), (paused(), command(1))] {
            let metadata = with(world, cause);
            world.append_as(show(), &[event], &metadata);
        }
    });
    let (mut world, id) = world_with_sale();
    let metadata = with(&world, command(1));
    world.append_as(show(), &[paused()], &metadata);
    plant(world, &["command_twice"], |world| {
        let metadata = with(world, command(1));
        world.append_as(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()], &metadata);
    });
    // Two events of one append are one execution.
    let (mut world, _) = world_with_hold();
    let metadata = with(&world, command(1));
    world.append_as(show(), &[paused(), resumed()], &metadata);
    assert!(audit(&world.log).holds());
}

/// Logs from before ids covered the cause are read by the rule of their time.
#[test]
fn events_of_the_first_rule_are_checked_by_it() {
    let (world, _) = world_with_sale();
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    let old: Vec<Arc<RecordedEvent>> = world
        .log
        .iter()
        .map(|event| {
            let event_type = &event.event_type;
            let id = codec::event_id(&event.stream, event.revision, event_type, event.data.get(), codec::IdRule::Body);
            let (metadata, _) = event.metadata.get().split_once(",\"id_rule\"").unwrap();
            Arc::new(RecordedEvent { id, metadata: raw(&format!("{metadata}}}")), ..(**event).clone() })
        })
        .collect();
    assert!(audit(&old).holds(), "{}", audit(&old));
    let mut changed = old.clone();
    let event = (**changed.last().unwrap()).clone();
    *changed.last_mut().unwrap() = Arc::new(RecordedEvent { data: raw(&event.data.get().replace('{', "{ ")), ..event });
    expect(&changed, &["event_id_differs"]);
    // Half of it by the new rule.
    let mixed = [&old[..5], &world.log[5..]].concat();
    assert!(audit(&mixed).holds(), "{}", audit(&mixed));
}

#[test]
fn others_in_the_same_log_are_left_alone() {
    let (world, _) = world_with_sale();
    let mut foreign = (*world.log[0]).clone();
    foreign.position = Position(1000);
    foreign.event_type = "OrderShipped".into();
    foreign.stream = StreamName::from_log("order-1");
    foreign.revision = 17;
    let mut log = world.log;
    log.push(Arc::new(foreign));
    let report = audit(&log);
    assert!(report.holds(), "{report}");
    assert_eq!((report.foreign_events, report.position), (1, Position(1000)));
}

#[test]
fn the_report_counts() {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let sold = world.hold("alice", "gala", &["A-1", "A-2", "A-3"]);
    world.pay(sold);
    let back = world.hold("bob", "gala", &["floor:1"]);
    world.pay(back);
    world.refund(back);
    world.hold("carol", "gala", &["B-1"]);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["bookings"], serde_json::json!({"confirmed": 1, "held": 1, "refunded": 1}));
    assert_eq!(json["seats"], serde_json::json!({"available": 17, "booked": 3, "locked": 1, "unavailable": 0}));
    assert_eq!(json["money"], serde_json::json!({"EUR": {"captured": 29500, "refunded": 4000, "returned_elsewhere": 0}}));
    assert_eq!(json["vouchers"], serde_json::json!({"issued": 1, "redeemed": 0, "revoked": 0}));
    let text = report.to_string();
    assert!(text.contains("✓ 1  A seat never has two live owners."), "{text}");
    assert!(text.contains("captured 295.00 EUR   refunded 40.00 EUR\n"), "{text}");
}

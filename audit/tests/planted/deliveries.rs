//! Deliveries to endpoints: those that keep the rules are found valid, and each planted fault is found under its code.

use crate::planting::{audit, plant};
use chrono::TimeDelta;
use lastseat_domain::deliveries::{Deliveries, DeliveriesCommand};
use lastseat_domain::event::*;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Decider, EndpointId, StreamName};
use lastseat_testkit::world::{World, plan, show_id};
use uuid::Uuid;

fn shop() -> EndpointId {
    EndpointId::new("shop").unwrap()
}

fn node(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn checkpoint(world: &World, sender: u128, position: u64, seconds: i64) -> Event {
    let until = world.now + TimeDelta::seconds(seconds);
    DeliveriesCheckpointed {
        endpoint: shop(),
        position: Position(position),
        pending: vec![],
        sender: node(sender),
        until,
        replayed_at: None,
    }
    .into()
}

fn append(world: &mut World, event: Event) {
    world.append(StreamName::webhook(&shop()), &[event]);
}

/// A show and a sale, and a node that sends what was up to position 3.
fn claimed() -> World {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let id = world.hold("alice", "gala", &["A-1"]);
    world.pay(id);
    let event = checkpoint(&world, 1, 3, 30);
    append(&mut world, event);
    world
}

#[test]
fn a_sender_that_goes_on_one_that_takes_over_and_a_replay_are_valid() {
    let mut world = claimed();
    let (now, until) = (world.now, world.now + TimeDelta::seconds(30));
    let (sender, position) = (node(1), Position(5));
    let state = Deliveries { position: Some(Position(3)), sender: Some((sender, until)), ..Deliveries::default() };
    let event = Pending { stream: StreamName::show(&show_id("gala")), revision: 0 };
    let given_up =
        DeliveriesCommand::Abandon { sender, message: node(9), event, position, tries: 9, reason: "answered 500".into() };
    for command in [given_up, DeliveriesCommand::Checkpoint { sender, position, pending: vec![], until }] {
        for event in Deliveries::decide(&shop(), &state, command).unwrap() {
            append(&mut world, event);
        }
    }
    world.now = now + TimeDelta::seconds(30);
    let event = checkpoint(&world, 2, 6, 30);
    append(&mut world, event);
    append(
        &mut world,
        DeliveriesReplayed { endpoint: shop(), position: Position(1), pending: vec![], by: "maria".into() }.into(),
    );
    let event = checkpoint(&world, 1, 2, 30);
    append(&mut world, event);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
}

#[test]
fn two_that_send_at_the_same_time() {
    plant(claimed(), &["deliveries_overlap"], |world| {
        world.now += TimeDelta::seconds(29);
        let event = checkpoint(world, 2, 4, 30);
        append(world, event);
    });
    let mut unclaimed = World::new(1);
    unclaimed.schedule(plan("gala", 2, 6, 9));
    plant(unclaimed, &["deliveries_overlap", "deliveries_back"], |world| {
        let abandoned = DeliveryAbandoned {
            endpoint: shop(),
            message: node(9),
            position: Position(1),
            tries: 1,
            reason: "answered 500".into(),
        };
        append(world, abandoned.into());
    });
}

#[test]
fn a_checkpoint_that_goes_back_or_is_ahead_of_the_log() {
    plant(claimed(), &["deliveries_back"], |world| {
        let event = checkpoint(world, 1, 2, 30);
        append(world, event);
    });
    plant(claimed(), &["deliveries_back"], |world| {
        let event = checkpoint(world, 1, 1_000, 30);
        append(world, event);
    });
}

#[test]
fn another_endpoints_checkpoint() {
    plant(claimed(), &["wrong_stream"], |world| {
        let event = checkpoint(world, 1, 4, 30);
        world.append(StreamName::webhook(&EndpointId::new("other").unwrap()), &[event]);
    });
}

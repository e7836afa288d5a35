//! Guests in a show that is not sold to them.

use crate::planting::{audit, plant};
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::show::{ShowChanges, ShowCommand};
use lastseat_domain::{BookingId, BuyerId, ChannelId, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};

fn world(guests: bool) -> World {
    let mut world = World::new(1);
    world.schedule(ShowScheduled { guests, ..plan("gala", 2, 6, 9) });
    world
}

/// A guest holds B-1.
fn open(world: &mut World, show_revision: u64, channel: Option<&str>) {
    let id: BookingId = world.new_booking();
    let mut opened = world.opening(id, &BuyerId::guest(id), &show_id("gala"), &[seat_id("B-1")]);
    opened.show_revision = show_revision;
    opened.channel = channel.map(|channel| ChannelId::new(channel).unwrap());
    world.append(StreamName::booking(id), &[opened.into()]);
}

#[test]
fn a_guest_of_a_show_that_wants_none() {
    plant(world(false), &["guest_refused"], |world| open(world, 0, None));
    let mut at_till = world(false);
    open(&mut at_till, 0, Some("till"));
    assert!(audit(&at_till.log).holds(), "{}", audit(&at_till.log));
}

#[test]
fn the_show_as_it_was_at_the_revision_that_the_booking_names_counts() {
    let refuse = |world: &mut World| {
        let changes = ShowChanges { guests: Some(false), ..ShowChanges::default() };
        world.command_show(&show_id("gala"), ShowCommand::Revise { changes: Box::new(changes), expected: None });
    };
    let mut before = world(true);
    refuse(&mut before);
    open(&mut before, 0, None);
    assert!(audit(&before.log).holds(), "{}", audit(&before.log));
    let mut after = world(true);
    refuse(&mut after);
    plant(after, &["guest_refused"], |world| open(world, 1, None));
}

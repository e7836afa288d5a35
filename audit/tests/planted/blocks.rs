//! Blocks of seats, opened, sold from and lifted wrongly.

use crate::planting::*;
use lastseat_domain::block::BlockCommand;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::{AccessCodeHash, BlockId, BookingId, BuyerId, ChannelId, Event, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};

/// A world with a block of B-1 and B-2, and a booking that has bought B-1 from it.
fn world_with_block() -> (World, BlockId, BookingId) {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let block = world.block("gala", &["B-1", "B-2"]);
    let id = world.hold_from(block, "alice", "gala", "B-1");
    world.pay(id);
    (world, block, id)
}

#[test]
fn a_seat_blocked_and_owned_at_once() {
    let (world, block, _) = world_with_block();
    let blocked = |block| -> Event { SeatBlocked { block }.into() };
    plant(world, &["blocked_while_taken"], |world| world.append(seat_stream("B-1"), &[blocked(block)]));
    let (world, _, _) = world_with_block();
    plant(world, &["blocked_while_taken"], |world| {
        world.append(seat_stream("B-2"), &[blocked(BlockId(uuid::Uuid::from_u128(9)))]);
    });
    // Locked without naming its block, and from a block that does not have it.
    for (seat, from_block) in [("B-2", false), ("A-1", true)] {
        let (world, block, _) = world_with_block();
        plant(world, &["sold_out_of_block"], |world| {
            let id = world.new_booking();
            let buyer = BuyerId::new("mallory").unwrap();
            let opened = world.opening(id, &buyer, &show_id("gala"), &[seat_id(seat)]);
            world.booking(id, BookingCommand::Open(opened));
            let Event::SeatLocked(lock) = locked(world, id, 8500) else { panic!("not a lock") };
            let lock = SeatLocked { block: from_block.then_some(block), ..lock };
            world.append(seat_stream(seat), &[lock.into()]);
        });
    }
}

#[test]
fn a_seat_of_a_block_sold_without_access() {
    let wrong_code = |opened: &mut BookingOpened| opened.access_code = Some(AccessCodeHash("guess".to_owned()));
    let at_the_till = |opened: &mut BookingOpened| {
        opened.access_code = None;
        opened.channel = Some(ChannelId::new("till").unwrap());
    };
    let none = |opened: &mut BookingOpened| opened.access_code = None;
    for show_access in [wrong_code, at_the_till, none] {
        let (world, block, _) = world_with_block();
        plant(world, &["sold_without_access"], |world| {
            let (id, buyer) = (world.new_booking(), BuyerId::new("mallory").unwrap());
            let mut opened = world.opening(id, &buyer, &show_id("gala"), &[seat_id("B-2")]);
            show_access(&mut opened);
            world.booking(id, BookingCommand::Open(opened));
            let Event::SeatLocked(lock) = locked(world, id, 8500) else { panic!("not a lock") };
            let lock = SeatLocked { block: Some(block), buyer, ..lock };
            world.append(seat_stream("B-2"), &[lock.into()]);
            world.start_payment(id);
            world.commit(id);
            world.append(seat_stream("B-2"), &[SeatBooked { booking: id, block: Some(block), exchange: 0 }.into()]);
            world.capture(id);
        });
    }
}

#[test]
fn a_seat_that_does_not_return_to_its_block() {
    let (world, _, id) = world_with_block();
    plant(world, &["left_block"], |world| {
        assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
        world.return_money(id);
        let reason = AbortReason::Refunded;
        world.append(seat_stream("B-1"), &[SeatReleased { booking: id, reason, block: None }.into()]);
        world.revoke(id);
    });
}

#[test]
fn a_seat_unblocked_before_the_lift_or_left_blocked_after_it() {
    let (world, block, _) = world_with_block();
    let unblocked: Event = SeatUnblocked { block }.into();
    plant(world, &["unblocked_early"], |world| world.append(seat_stream("B-2"), std::slice::from_ref(&unblocked)));
    // Once is right, twice is not.
    let (mut world, block, _) = world_with_block();
    world.lift(block);
    plant(world, &["unblocked_early"], |world| world.append(seat_stream("B-2"), &[unblocked]));
    // Lifted, and its seat is not put back on sale; and blocked for a block that never opens.
    for is_lifted in [true, false] {
        let (mut world, block, _) = world_with_block();
        if is_lifted {
            assert!(world.command_block(block, BlockCommand::Lift { by: "admin".into() }));
        } else {
            world.append(seat_stream("A-1"), &[SeatBlocked { block: BlockId(uuid::Uuid::from_u128(9)) }.into()]);
        }
        world.pass(40);
        world.schedule(plan("other-1", 1, 1, 0));
        let report = audit(&world.log);
        assert!(report.holds() && report.pending.len() == 1, "{report}");
        plant(world, &["stuck_seat"], |world| {
            for n in 2..5 {
                world.pass(40);
                world.schedule(plan(&format!("other-{n}"), 1, 1, 0));
            }
        });
    }
}

#[test]
fn a_block_opened_or_lifted_twice_or_without_its_seats() {
    let opened = |world: &World, block: BlockId| world.blocks[&block].opened.clone().unwrap();
    let (world, block, _) = world_with_block();
    plant(world, &["opened_twice", "block_without_seats"], |world| {
        let again = opened(world, block);
        world.append(StreamName::block(block), &[again.into()]);
    });
    let (world, block, _) = world_with_block();
    plant(world, &["block_without_seats"], |world| {
        let other = BlockId(uuid::Uuid::from_u128(9));
        let empty = BlockOpened { block: other, seats: vec![seat_id("A-1")], ..opened(world, block) };
        world.append(StreamName::block(other), &[empty.into()]);
    });
    let (mut world, block, _) = world_with_block();
    world.lift(block);
    let (reason, by) = (LiftReason::Requested, "admin".to_owned());
    plant(world, &["lifted_twice"], |world| {
        world.append(StreamName::block(block), &[BlockLifted { block, show: show_id("gala"), reason, by }.into()]);
    });
}

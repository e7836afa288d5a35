//! A sale that leaves no type of event to chance.

use super::moves::give_up_exchange;
use crate::pictures::png;
use crate::world::{World, plan, seat_id, show_id, terms};
use chrono::TimeDelta;
use lastseat_domain::Decider;
use lastseat_domain::booking::{BookingCommand, Review};
use lastseat_domain::deliveries::{Deliveries, DeliveriesCommand};
use lastseat_domain::event::{AbortReason, Discount, LossAccepted, Pending, PlanDrawn, Reward, Withdrawal};
use lastseat_domain::loyalty::LoyaltyCommand;
use lastseat_domain::picture::{CheckedPicture, PictureCommand, ShowPicture};
use lastseat_domain::plan::{Category, Drawing, DrawnArea, PlanCategory};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::show::{ShowChanges, ShowCommand};
use lastseat_domain::ticket::{ScanId, Ticket, TicketCommand, TicketFacts};
use lastseat_domain::voucher::VoucherCommand;
use lastseat_domain::{
    AreaId, BookingId, BuyerId, CategoryId, DeviceId, EndpointId, GateId, PlanId, ScanKind, SeatId, ShowId, StreamName,
};
use std::sync::Arc;
use uuid::Uuid;

/// A plan of five places, which no show is on.
fn draw_plan(world: &mut World) {
    let (area, category) = (AreaId::new("floor").unwrap(), CategoryId::new("floor").unwrap());
    let drawing = Drawing {
        name: "House".into(),
        categories: vec![PlanCategory { category: category.clone(), name: None, color: None }],
        shapes: vec![],
        areas: vec![DrawnArea { area, section: None, category, rows: vec![], capacity: Some(5) }],
    };
    let (plan, fingerprint) = (PlanId::new("house").unwrap(), drawing.fingerprint());
    let stream = StreamName::plan(&plan);
    world.append(stream, &[PlanDrawn { plan, revision: 1, part: 1, parts: 1, fingerprint, drawing }.into()]);
}

/// The show gets a picture, another one, and none.
fn picture(world: &mut World, show: &ShowId) {
    let mut state = ShowPicture::default();
    let checked = |seed| Arc::new(CheckedPicture::new(&png(3, 2, seed), Some("image/png")).unwrap());
    let set = |seed| PictureCommand::Set { picture: checked(seed), alt: Some("A mask".to_owned()) };
    for command in [set(1), set(2), PictureCommand::Remove] {
        let events = ShowPicture::decide(show, &state, command).unwrap();
        world.append(StreamName::picture(show), &events);
        state = events.iter().fold(state, |state, event| ShowPicture::evolve(state, event, world.now));
    }
}

/// A scan that was made offline so many seconds ago.
fn scanned_offline(world: &World, code: &TicketFacts, kind: ScanKind, n: u128, ago: i64) -> TicketCommand {
    TicketCommand::Record {
        code: code.clone(),
        kind,
        gate: GateId::new("south").unwrap(),
        device: DeviceId::new("hand-1").unwrap(),
        scan: Uuid::from_u128(n),
        scanned_at: world.now - TimeDelta::seconds(ago),
        now: world.now,
        void: None,
        by: "staff-1".to_owned(),
    }
}

/// A ticket is issued again, and admits; its bearer leaves. Then a device sends what it scanned offline since: somebody came in
/// again, and in once more; that they had gone out in between is sent last.
pub fn use_ticket(world: &mut World, booking: BookingId, seat: &str) {
    let seat = seat_id(seat);
    let Ok(code) = world.bookings[&booking].ticket(&seat) else { return };
    let (ticket, mut state) = (code.ticket(), Ticket::default());
    let (code, gate) = (TicketFacts { issue: 1, ..code }, GateId::new("north").unwrap());
    let by = || "staff-1".to_owned();
    let scan = |n| ScanId { device: None, scan: Uuid::from_u128(n) };
    let mut command = |world: &mut World, command| {
        let events = Ticket::decide(&ticket, &state, command).unwrap();
        world.append(StreamName::ticket(ticket), &events);
        state = events.iter().fold(std::mem::take(&mut state), |state, event| Ticket::evolve(state, event, world.now));
    };
    command(world, TicketCommand::Reissue { booking, seat, voids: 0, by: by() });
    command(world, TicketCommand::Admit { code: code.clone(), gate: gate.clone(), scan: scan(1), by: by() });
    command(world, TicketCommand::Leave { code: code.clone(), gate, scan: scan(2), by: by() });
    world.pass(10);
    for (n, kind, ago) in [(3, ScanKind::Entry, 5), (4, ScanKind::Entry, 1), (5, ScanKind::Exit, 3)] {
        let scanned = scanned_offline(world, &code, kind, n, ago);
        command(world, scanned);
    }
}

/// Adds a show whose sale has an event of every type, so that none is left to chance.
pub fn every_event(world: &mut World) {
    let show = show_id("opera");
    draw_plan(world);
    world.schedule(plan("opera", 1, 30, 0));
    picture(world, &show);
    world.command_show(&show, ShowCommand::Pause);
    world.command_show(&show, ShowCommand::Resume);
    let other_price = world.shows[&show].facts.categories.iter().map(|c| Category { price: c.price + 500, ..c.clone() });
    let changes = ShowChanges { categories: Some(other_price.collect()), ..ShowChanges::default() };
    world.command_show(&show, ShowCommand::Revise { changes: Box::new(changes), expected: Some(0) });

    // Sold in the end, and used.
    let sold = world.hold("buyer-1", "opera", &["A-1", "A-2", "A-3"]);
    let intent = world.intent(sold);
    let now = world.now;
    assert!(world.booking(sold, BookingCommand::Extend { now, seconds: 2 * crate::world::HOLD_SECONDS }));
    assert!(world.start_payment(sold));
    let decline = BookingCommand::Decline { attempt: 1, intent: Some(intent.clone()), code: "card_declined".into() };
    assert!(world.booking(sold, decline));
    assert!(world.start_payment(sold));
    let url = Some("https://bank.example".into());
    assert!(world.booking(sold, BookingCommand::RequireAction { attempt: 2, intent, url }));
    assert!(world.commit(sold));
    world.book_seats(sold);
    assert!(world.capture(sold));
    world.credit(sold);
    let buyer = BuyerId::new("buyer-1").unwrap();
    let voucher = world.accounts[&buyer].vouchers.keys().next_back().copied().unwrap();
    assert!(world.loyalty(&buyer, LoyaltyCommand::Redeem { voucher }));

    use_ticket(world, sold, "A-1");

    // Refunded, by the gateway and by hand.
    let refunded = world.hold("buyer-8", "opera", &["A-4", "A-5", "A-6"]);
    world.pay(refunded);
    world.refund(refunded);
    let returned = world.hold("buyer-9", "opera", &["A-7"]);
    world.pay(returned);
    assert!(world.booking(returned, BookingCommand::RequestRefund { by: "admin".into() }));
    review_as(world, returned, Review::ReturnedElsewhere);
    world.release(returned, AbortReason::Refunded);
    world.revoke(returned);

    // Refunded, and with it the code that it has earned.
    let mut soiree = plan("soiree", 0, 0, 9);
    soiree.rewards = vec![Reward { reward: "Half price".into(), weight: 1, discount: Some(Discount::Percent(50)) }];
    world.schedule(soiree);
    let earning = world.hold("buyer-7", "soiree", &["floor:1", "floor:2", "floor:3"]);
    world.pay(earning);
    world.refund(earning);

    // Given back in parts: a seat, an amount, a seat whose money went another way, one that is kept; the last under way.
    let parts = world.hold("buyer-8", "opera", &["A-20", "A-21", "A-22"]);
    world.pay(parts);
    world.refund_part(parts, &["A-20"], None);
    world.refund_part(parts, &[], Some(100));
    for outcome in [Review::Abandoned, Review::ReturnedElsewhere] {
        assert!(world.request_part(parts, &[SeatId::new("A-21").unwrap()], Some(50)));
        review_as(world, parts, outcome);
        world.finish_part(parts);
    }
    assert!(world.request_part(parts, &[], Some(7)));

    // Given up during the payment: its intent is cancelled, or a person sees to it.
    for (seat, by_hand) in [("A-8", false), ("A-9", true)] {
        let aborted = world.hold("buyer-9", "opera", &[seat]);
        assert!(world.start_payment(aborted));
        assert!(world.booking(aborted, BookingCommand::Cancel { reason: AbortReason::Cancelled }));
        world.release(aborted, AbortReason::Cancelled);
        let intent = world.intent(aborted);
        if by_hand {
            review_as(world, aborted, Review::Settled);
        } else {
            assert!(world.booking(aborted, BookingCommand::RecordVoid { intent }));
        }
    }

    // Left as they are: flagged, released by a person, not rewarded, held.
    for (seat, is_reviewed) in [("A-10", false), ("A-11", true)] {
        let flagged = world.hold("buyer-9", "opera", &[seat]);
        assert!(world.start_payment(flagged));
        if is_reviewed {
            review_as(world, flagged, Review::Continue);
        } else {
            assert!(world.booking(flagged, BookingCommand::Flag { reason: "the gateway does not say".into() }));
        }
    }
    // Two vouchers: one is taken off again, one paid with; a third is for goods.
    let vouchers = world.campaign(&terms(Discount::Percent(50)), 2);
    let discounted = world.hold("buyer-9", "opera", &["A-18"]);
    assert!(world.apply_voucher(discounted, &vouchers[0]));
    let now = world.now;
    assert!(world.booking(discounted, BookingCommand::RemoveVoucher { now }));
    assert!(world.settle_voucher(discounted) && world.apply_voucher(discounted, &vouchers[1]));
    world.pay(discounted);
    assert!(world.settle_voucher(discounted));
    let goods = world.campaign(&terms(Discount::Goods("A drink".into())), 3);
    assert!(world.voucher(&goods[0], VoucherCommand::HandOver { now, by: "staff".into() }));
    let by_staff = Withdrawal::Staff { by: "manager".into(), reason: None };
    assert!(world.voucher(&goods[1], VoucherCommand::Withdraw(by_staff)));
    world.end_campaign(&goods);

    // Moved to another seat, and given to another buyer.
    let moved = world.hold("buyer-9", "opera", &["A-23"]);
    world.pay(moved);
    world.exchange(moved, &["A-23"], &["A-24"]);
    assert!(world.request_exchange(moved, &[seat_id("A-24")], &[seat_id("A-25")]));
    give_up_exchange(world, moved);
    let to = BuyerId::new("buyer-8").unwrap();
    assert!(world.booking(moved, BookingCommand::Transfer { buyer: to, by: "admin".into() }));
    // Kept for sponsors: one seat is sold, one comes back before the block is lifted, one after.
    let block = world.block("opera", &["A-14", "A-15", "A-16"]);
    let [bought, early, late] = ["A-14", "A-15", "A-16"].map(|seat| world.hold_from(block, "buyer-9", "opera", seat));
    world.pay(bought);
    for (booking, is_lifted) in [(early, false), (late, true)] {
        if is_lifted {
            world.lift(block);
        }
        assert!(world.booking(booking, BookingCommand::Cancel { reason: AbortReason::Cancelled }));
        world.release(booking, AbortReason::Cancelled);
    }
    world.unblock_lifted();
    world.block("opera", &["A-17"]);
    let unrewarded = world.hold("buyer-9", "opera", &["A-12"]);
    assert!(world.start_payment(unrewarded) && world.commit(unrewarded));
    world.book_seats(unrewarded);
    assert!(world.capture(unrewarded));
    world.hold("buyer-9", "opera", &["A-13"]);
    world.command_show(&show, ShowCommand::Cancel);
    world.command_show(&show, ShowCommand::RequestRefunds { by: "manager".into() });
    let (shop, sender) = (EndpointId::new("shop").unwrap(), Uuid::from_u128(0xa));
    let (now, until) = (world.now, world.now + TimeDelta::seconds(30));
    let reached = |world: &World| world.log.last().map_or(Position::START, |event| event.position);
    for command in [
        DeliveriesCommand::Claim { sender, now, until, begin: Position::START },
        DeliveriesCommand::Abandon {
            sender,
            message: sender,
            event: Pending { stream: StreamName::show(&show), revision: 0 },
            position: reached(world),
            tries: 10,
            reason: "answered 500".into(),
        },
        DeliveriesCommand::Checkpoint { sender, position: reached(world), pending: vec![], until },
        DeliveriesCommand::Replay { position: Position(1), by: "manager".into() },
    ] {
        let events = Deliveries::decide(&shop, &world.deliveries, command).unwrap();
        world.append(StreamName::webhook(&shop), &events);
        let before = std::mem::take(&mut world.deliveries);
        world.deliveries = events.iter().fold(before, |state, event| Deliveries::evolve(state, event, now));
    }
    let found_position = world.log.last().map_or(0, |event| event.position.0);
    let loss = LossAccepted { expected_position: None, found_position, reason: "planted".into(), by: "admin".into() };
    world.append(StreamName::operations(), &[loss.into()]);
}

fn review_as(world: &mut World, id: BookingId, outcome: Review) {
    assert!(world.booking(id, BookingCommand::Flag { reason: "the gateway does not say".into() }));
    assert!(world.booking(id, BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() }));
}

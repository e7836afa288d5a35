//! Partial refunds: valid ones are found valid, and each planted fault is found under its code.

use lastseat_audit::{Audit, Report};
use lastseat_domain::booking::{BookingCommand, Review};
use lastseat_domain::event::*;
use lastseat_domain::show::ShowCommand;
use lastseat_domain::{BookingId, BuyerId, Currency, Event, Money, StreamName};
use lastseat_testkit::world::{World, plan, seat_id, show_id};
use std::collections::BTreeSet;

fn audit(world: &World) -> Report {
    let mut audit = Audit::new();
    world.log.iter().for_each(|event| audit.observe(event));
    audit.finish()
}

/// A sale of four seats, 340.00.
fn sold() -> (World, BookingId) {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let id = world.hold("alice", "gala", &["A-1", "A-2", "A-3", "A-4"]);
    world.pay(id);
    (world, id)
}

/// Likewise, and the refund of A-1 is requested.
fn requested() -> (World, BookingId) {
    let (mut world, id) = sold();
    assert!(world.request_part(id, &[seat_id("A-1")], None));
    (world, id)
}

fn eur(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

#[track_caller]
fn plant(mut world: World, codes: &[&str], fault: impl FnOnce(&mut World)) {
    let before = audit(&world);
    assert!(before.holds(), "before the fault: {before}");
    fault(&mut world);
    let report = audit(&world);
    let found: BTreeSet<&str> = report.violations.iter().map(|v| v.code.name()).collect();
    assert_eq!(found, codes.iter().copied().collect(), "{report}");
}

fn on_booking(world: &mut World, id: BookingId, event: impl Into<Event>) {
    world.append(StreamName::booking(id), &[event.into()]);
}

fn request(id: BookingId, refund: u32, seats: &[&str], amount: i64) -> PartialRefundRequested {
    let seats = seats.iter().map(|seat| seat_id(seat)).collect();
    PartialRefundRequested { booking: id, refund, seats, amount: eur(amount), by: "staff".into() }
}

fn made(world: &World, id: BookingId, refund: u32, amount: i64) -> PaymentPartlyRefunded {
    PaymentPartlyRefunded { booking: id, refund, intent: world.intent(id), amount: eur(amount) }
}

#[test]
fn parts_and_then_all_are_valid() {
    let (mut world, id) = sold();
    world.refund_part(id, &["A-1"], None);
    world.refund_part(id, &[], Some(250));
    world.refund_part(id, &["A-2"], Some(0));
    for outcome in [Review::Abandoned, Review::ReturnedElsewhere] {
        assert!(world.request_part(id, &[], Some(40)));
        assert!(world.booking(id, BookingCommand::Flag { reason: "refused".into() }));
        let review = BookingCommand::Review { outcome, kept: None, reason: "seen".into(), by: "admin".into() };
        assert!(world.booking(id, review));
    }
    let report = audit(&world);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
    world.refund(id);
    let report = audit(&world);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
    let money = report.money.values().next().unwrap();
    assert_eq!((money.captured, money.refunded, money.returned_elsewhere), (34_000, 34_000, 40));
}

#[test]
fn refunds_that_exceed_what_was_taken() {
    let (world, id) = sold();
    plant(world, &["refund_exceeds"], |world| on_booking(world, id, request(id, 1, &["A-1"], 34_000)));
    let (mut world, id) = sold();
    world.refund_part(id, &[], Some(30_000));
    plant(world, &["refund_exceeds"], |world| on_booking(world, id, request(id, 2, &[], 4_000)));
    // The whole refund returns only what is left.
    let (mut world, id) = sold();
    world.refund_part(id, &["A-1"], None);
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    plant(world, &["refunded_amount"], |world| {
        let all = PaymentRefunded { booking: id, intent: world.intent(id), amount: eur(34_000) };
        on_booking(world, id, all);
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
}

#[test]
fn a_part_is_made_as_it_was_requested_and_once() {
    let (world, id) = sold();
    plant(world, &["refund_without_request"], |world| on_booking(world, id, made(world, id, 1, 8_500)));
    let (world, id) = requested();
    plant(world, &["refunded_amount"], |world| on_booking(world, id, made(world, id, 1, 8_501)));
    let (mut world, id) = requested();
    world.return_part(id);
    plant(world, &["refunded_twice"], |world| on_booking(world, id, made(world, id, 1, 8_500)));
    // Two refunds under one number.
    let (mut world, id) = requested();
    world.return_part(id);
    world.finish_part(id);
    plant(world, &["refund_out_of_turn"], |world| on_booking(world, id, request(id, 1, &[], 100)));
    // Beside another one, partial or whole.
    let (world, id) = requested();
    plant(world, &["refund_out_of_turn"], |world| on_booking(world, id, request(id, 2, &[], 100)));
    let (world, id) = requested();
    plant(world, &["refund_out_of_turn"], |world| {
        on_booking(world, id, RefundRequested { booking: id, by: "admin".into() });
    });
    // Of a seat that it never had, that it gave up, or of all.
    for seats in [&["B-1"][..], &["A-1"], &["A-2", "A-3", "A-4"]] {
        let (mut world, id) = sold();
        world.refund_part(id, &["A-1"], None);
        plant(world, &["refund_out_of_turn"], |world| on_booking(world, id, request(id, 2, seats, 100)));
    }
    // Before anything was paid.
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    let id = world.hold("alice", "gala", &["A-1", "A-2"]);
    plant(world, &["refund_without_capture"], |world| on_booking(world, id, request(id, 1, &["A-1"], 100)));
}

#[test]
fn a_seat_is_released_only_after_its_money_is_back() {
    let stream = || StreamName::seat(&show_id("gala"), &seat_id("A-1"));
    let (world, id) = requested();
    plant(world, &["charged_without_seats"], |world| {
        world.append(stream(), &[SeatReleased { booking: id, reason: AbortReason::Refunded, block: None }.into()]);
    });
    // And not kept for ever afterwards.
    let (mut world, id) = requested();
    world.return_part(id);
    world.revoke_parts(id);
    plant(world, &["stuck_seat"], |world| {
        world.pass(300);
        world.hold("bob", "gala", &["B-6"]);
    });
}

#[test]
fn a_part_that_a_person_ends_had_been_refused() {
    let (world, id) = requested();
    plant(world, &["returned_unasked"], |world| {
        let (amount, reason, by) = (eur(8_500), "?".to_owned(), "admin".to_owned());
        on_booking(world, id, PaymentReturnedElsewhere { booking: id, amount, refund: Some(1), reason, by });
        world.append(
            StreamName::seat(&show_id("gala"), &seat_id("A-1")),
            &[SeatReleased { booking: id, reason: AbortReason::Refunded, block: None }.into()],
        );
    });
    let (mut world, id) = sold();
    on_booking(&mut world, id, PaymentFlagged { booking: id, reason: "?".into() });
    plant(world, &["reviewed_unasked"], |world| {
        let outcome = ReviewOutcome::Abandoned;
        on_booking(world, id, PaymentReviewed { booking: id, outcome, reason: "?".into(), by: "admin".into() });
    });
}

#[test]
fn points_of_a_part_are_taken_back_once_and_only_after_it() {
    let account = || StreamName::loyalty(&BuyerId::new("alice").unwrap());
    let revoked = |id, refund, seats| PointsRevoked { booking: id, seats, points: seats * 10, refund: Some(refund) };
    let (world, id) = requested();
    plant(world, &["revoked_without_refund"], |world| world.append(account(), &[revoked(id, 1, 1).into()]));
    let (mut world, id) = sold();
    world.refund_part(id, &["A-1"], None);
    plant(world, &["points_twice"], |world| world.append(account(), &[revoked(id, 1, 1).into()]));
    let (mut world, id) = requested();
    world.return_part(id);
    plant(world, &["points_differ"], |world| world.append(account(), &[revoked(id, 1, 2).into()]));
    let (mut world, id) = requested();
    world.return_part(id);
    let key = seat_id("A-1");
    assert!(world.seat(
        &show_id("gala"),
        &key,
        lastseat_domain::seat::SeatCommand::Release { booking: id, reason: AbortReason::Refunded }
    ));
    plant(world, &["points_kept"], |world| {
        world.pass(300);
        world.hold("bob", "gala", &["B-6"]);
    });
}

#[test]
fn a_show_is_refunded_after_it_was_cancelled_and_all_of_it() {
    let refunds = || ShowRefundsRequested { show: show_id("gala"), by: "mary".into() };
    let (world, _) = sold();
    plant(world, &["refund_out_of_turn"], |world| world.append(StreamName::show(&show_id("gala")), &[refunds().into()]));
    let (mut world, id) = sold();
    world.command_show(&show_id("gala"), ShowCommand::Cancel);
    world.command_show(&show_id("gala"), ShowCommand::RequestRefunds { by: "mary".into() });
    let report = audit(&world);
    assert!(report.holds() && report.pending.len() == 1, "{report}");
    world.schedule(plan("other", 1, 6, 0));
    plant(world, &["refund_missing"], |world| {
        world.pass(300);
        world.hold("bob", "other", &["A-6"]);
    });
    let (mut world, other) = sold();
    assert_eq!(id, other);
    world.command_show(&show_id("gala"), ShowCommand::Cancel);
    world.command_show(&show_id("gala"), ShowCommand::RequestRefunds { by: "mary".into() });
    world.refund(other);
    let report = audit(&world);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
}

#[test]
fn cash_and_bills_of_a_refunded_show_are_left_to_staff_and_gifts_are_not() {
    for (tender, missing) in [(Tender::Cash, 0), (Tender::Invoice, 0), (Tender::Complimentary, 1)] {
        let mut world = World::new(1);
        world.schedule(plan("gala", 2, 6, 9));
        let id = world.hold("alice", "gala", &["A-1"]);
        assert!(world.start_at_till(id, tender) && world.commit(id));
        world.book_seats(id);
        assert!(world.capture(id));
        world.command_show(&show_id("gala"), ShowCommand::Cancel);
        world.command_show(&show_id("gala"), ShowCommand::RequestRefunds { by: "mary".into() });
        let report = audit(&world);
        let refunds = report.pending.iter().filter(|pending| pending.text.contains("its own refund is not requested"));
        assert!(report.holds() && refunds.count() == missing, "{tender:?}: {report}");
    }
}

#[test]
fn a_part_that_failed_later_went_another_way_once() {
    let made_part = || {
        let (mut world, id) = requested();
        world.return_part(id);
        world.finish_part(id);
        (world, id)
    };
    let amount = |world: &World, id: BookingId| world.bookings[&id].partial_refunds[0].requested.amount;
    let elsewhere = |world: &World, id| {
        let (reason, by) = ("transferred".to_owned(), "root".to_owned());
        PaymentReturnedElsewhere { booking: id, amount: amount(world, id), refund: Some(1), reason, by }
    };
    let (mut world, id) = made_part();
    let left = world.bookings[&id].left().unwrap();
    let kept = Some(eur(left.value + amount(&world, id).value));
    let (outcome, reason, by) = (Review::ReturnedElsewhere, "transferred".to_owned(), "root".to_owned());
    assert!(world.booking(id, BookingCommand::Review { outcome, kept, reason, by }));
    let report = audit(&world);
    assert!(report.holds() && report.pending.is_empty(), "{report}");
    // Without the gateway's word, and a second time.
    plant(world, &["refunded_twice", "returned_unasked"], |world| {
        let event = elsewhere(world, id);
        on_booking(world, id, event);
    });
    let (world, id) = made_part();
    plant(world, &["refunded_twice", "returned_unasked"], |world| {
        let event = elsewhere(world, id);
        on_booking(world, id, event);
    });
}

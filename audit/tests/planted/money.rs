//! Payments at the till, money that came back by another way, reviews, accounts and transfers.

use crate::planting::*;
use lastseat_domain::booking::BookingCommand;
use lastseat_domain::event::*;
use lastseat_domain::{BookingId, BuyerId, Currency, Event, Money, StreamName};
use lastseat_testkit::world::{World, plan, show_id};

#[test]
fn a_review_that_nobody_asked_for() {
    let review =
        |booking, outcome| -> Event { PaymentReviewed { booking, outcome, reason: "looked".into(), by: "admin".into() }.into() };
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["reviewed_unasked"], |world| {
        world.append(StreamName::booking(id), &[review(id, ReviewOutcome::Continue)]);
    });
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["reviewed_unasked"], |world| {
        let flagged = PaymentFlagged { booking: id, reason: "?".into() };
        world.append(StreamName::booking(id), &[flagged.into(), review(id, ReviewOutcome::Settled)]);
    });
}

/// A sale whose refund was requested, refused and flagged.
fn world_with_flagged_refund() -> (World, BookingId, Event) {
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    world.append(StreamName::booking(id), &[PaymentFlagged { booking: id, reason: "charge_disputed".into() }.into()]);
    let amount = world.bookings[&id].amount().unwrap();
    let returned =
        PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "dispute lost".into(), by: "admin".into() };
    (world, id, returned.into())
}

#[test]
fn money_that_came_back_by_another_way_without_a_refund_that_waited_or_with_a_refund() {
    let (mut world, id, returned) = world_with_flagged_refund();
    world.append(StreamName::booking(id), std::slice::from_ref(&returned));
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let (money, text) = (report.money.values().next().unwrap(), report.to_string());
    assert_eq!((money.refunded, money.returned_elsewhere), (money.captured, money.captured));
    assert!(text.contains(" EUR returned elsewhere (an admin's word)\n"), "{text}");
    let refunded = PaymentRefunded { booking: id, intent: world.intent(id), amount: world.bookings[&id].amount().unwrap() };
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[refunded.into()]));

    // The seats go, and nobody says that the money is back.
    let (world, id, _) = world_with_flagged_refund();
    plant(world, &["charged_without_seats"], |world| world.release(id, AbortReason::Refunded));

    // Nobody asked for the refund; nothing kept it from being made; nothing was ever paid.
    let (world, id) = world_with_sale();
    plant(world, &["returned_unasked"], |world| {
        let flagged = PaymentFlagged { booking: id, reason: "?".into() };
        world.append(StreamName::booking(id), &[flagged.into(), returned.clone()]);
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    plant(world, &["returned_unasked"], |world| {
        world.append(StreamName::booking(id), std::slice::from_ref(&returned));
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    // The flag was about the payment, not the refund: the gateway was never asked for that.
    let (mut world, id) = world_with_sale();
    world.append(StreamName::booking(id), &[PaymentFlagged { booking: id, reason: "?".into() }.into()]);
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    plant(world, &["returned_unasked"], |world| {
        world.append(StreamName::booking(id), std::slice::from_ref(&returned));
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    // Another amount; twice.
    let (world, id, _) = world_with_flagged_refund();
    let other = |value| {
        let amount = Money { value, currency: Currency::new("EUR").unwrap() };
        Event::from(PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "?".into(), by: "admin".into() })
    };
    plant(world, &["refunded_amount"], |world| {
        world.append(StreamName::booking(id), &[other(1)]);
        world.release(id, AbortReason::Refunded);
        world.revoke(id);
    });
    let (mut world, id, returned) = world_with_flagged_refund();
    world.append(StreamName::booking(id), std::slice::from_ref(&returned));
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[returned]));
}

/// The bank refuses a refund days after the gateway has accepted it, and the money goes another way.
#[test]
fn money_that_came_back_by_another_way_after_a_refund_that_stands() {
    let refunded_world = || {
        let (mut world, id) = world_with_sale();
        world.refund(id);
        let amount = world.bookings[&id].amount().unwrap();
        let returned =
            PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "transferred".into(), by: "admin".into() };
        let failed = PaymentFlagged { booking: id, reason: "the bank refused it".into() };
        (world, id, Event::from(failed), Event::from(returned))
    };
    let (mut world, id, failed, returned) = refunded_world();
    world.append(StreamName::booking(id), &[failed.clone(), returned.clone()]);
    let report = audit(&world.log);
    assert!(report.holds(), "{report}");
    let money = report.money.values().next().unwrap();
    assert_eq!((money.refunded, money.returned_elsewhere), (money.captured, money.captured), "it went back once");
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[failed, returned]));

    // Nothing says that the gateway's refund has failed.
    let (world, id, _, returned) = refunded_world();
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[returned]));
    // What was flagged before the refund was made says nothing of it.
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    world.append(StreamName::booking(id), &[PaymentFlagged { booking: id, reason: "a slow worker".into() }.into()]);
    world.return_money(id);
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    let (.., returned) = refunded_world();
    plant(world, &["refunded_twice"], |world| world.append(StreamName::booking(id), &[returned]));
    // Another amount.
    let (world, id, failed, _) = refunded_world();
    plant(world, &["refunded_amount"], |world| {
        let amount = Money { value: 1, currency: Currency::new("EUR").unwrap() };
        let other = PaymentReturnedElsewhere { booking: id, amount, refund: None, reason: "?".into(), by: "admin".into() };
        world.append(StreamName::booking(id), &[failed, other.into()]);
    });
}

#[test]
fn what_cannot_follow() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    plant(world, &["committed_twice", "authorised_unasked"], |world| {
        world.append(StreamName::booking(id), &[BookingCommitted { booking: id }.into()]);
        let authorised = PaymentAuthorised {
            booking: id,
            attempt: 1,
            intent: world.intent(id),
            amount: world.bookings[&id].amount().unwrap(),
            capture_before: None,
        };
        world.append(StreamName::booking(id), &[authorised.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["after_the_end"], |world| {
        let declined = PaymentDeclined { booking: id, attempt: 1, intent: None, code: "card_declined".into() };
        world.append(StreamName::booking(id), &[declined.into()]);
    });
    let (world, _) = world_with_hold();
    plant(world, &["after_the_end"], |world| {
        let other = world.new_booking();
        let flagged = PaymentFlagged { booking: other, reason: "?".into() };
        world.append(StreamName::booking(other), &[flagged.into()]);
    });
    let (world, id) = world_with_hold();
    plant(world, &["refund_without_capture"], |world| {
        world.append(StreamName::booking(id), &[RefundRequested { booking: id, by: "admin".into() }.into()]);
    });
    let (world, id) = world_with_sale();
    plant(world, &["captured_after_void"], |world| {
        world.append(StreamName::booking(id), &[PaymentVoided { booking: id, intent: world.intent(id) }.into()]);
    });
    let (mut world, id) = world_with_sale();
    world.booking(id, BookingCommand::RequestRefund { by: "admin".into() });
    world.return_money(id);
    world.release(id, AbortReason::Refunded);
    world.revoke(id);
    plant(world, &["committed_twice"], |world| {
        world.append(StreamName::booking(id), &[BookingAborted { booking: id, reason: AbortReason::Expired }.into()]);
    });
}

#[test]
fn a_captured_booking_whose_points_are_another_buyers() {
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    world.commit(id);
    world.book_seats(id);
    world.capture(id);
    plant(world, &["points_differ"], |world| {
        let earned = PointsEarned { booking: id, show: show_id("gala"), seats: 2, points: 20 };
        world.append(StreamName::loyalty(&BuyerId::new("mallory").unwrap()), &[earned.into()]);
    });
}

/// Since guests' bookings are counted only with a voucher, most have no account. Earlier versions counted all of them.
#[test]
fn a_guests_booking_is_valid_with_an_account_and_without_one() {
    for counted in [true, false] {
        let mut world = World::new(1);
        world.schedule(plan("gala", 2, 6, 9));
        let guest = BuyerId::guest(world.hold("alice", "gala", &["A-6"]));
        let id = world.hold(guest.as_str(), "gala", &["A-1", "A-2"]);
        assert!(world.start_payment(id) && world.commit(id));
        world.book_seats(id);
        assert!(world.capture(id));
        if counted {
            world.credit(id);
        }
        let sold = audit(&world.log);
        assert!(sold.holds(), "{sold}");
        assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
        world.return_money(id);
        world.release(id, AbortReason::Refunded);
        if counted {
            world.revoke(id);
        }
        let returned = audit(&world.log);
        assert!(returned.holds() && !returned.pending.iter().any(|it| it.text.contains("points")), "{returned}");
    }
}

/// A world with a show and a hold of, which is being paid in cash.
fn world_with_payment_at_the_till() -> (World, BookingId) {
    let (mut world, id) = world_with_hold();
    assert!(world.start_at_till(id, Tender::Cash));
    (world, id)
}

#[test]
fn a_payment_at_the_till_and_at_the_gateway() {
    let till = |attempt, id| -> Event {
        PaymentStarted { booking: id, attempt, payment_method: None, tender: Some(Tender::Cash), return_url: None, request: None }
            .into()
    };
    let gateway = |attempt, id| -> Event {
        PaymentStarted { booking: id, attempt, payment_method: Some("pm".into()), tender: None, return_url: None, request: None }
            .into()
    };
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    plant(world, &["paid_twice"], |world| world.append(StreamName::booking(id), &[till(2, id)]));
    let (mut world, id) = world_with_hold();
    world.start_payment(id);
    let intent = world.intent(id);
    world.booking(id, BookingCommand::Decline { attempt: 1, intent: Some(intent), code: "card_declined".into() });
    plant(world, &["paid_twice"], |world| world.append(StreamName::booking(id), &[till(2, id)]));
    let (world, id) = world_with_payment_at_the_till();
    plant(world, &["paid_twice"], |world| world.append(StreamName::booking(id), &[gateway(2, id)]));
    let (world, id) = world_with_payment_at_the_till();
    plant(world, &["paid_twice"], |world| {
        let (intent, amount) = ("pi_1".parse().unwrap(), world.bookings[&id].amount().unwrap());
        let authorised = PaymentAuthorised { booking: id, attempt: 1, intent, amount, capture_before: None };
        world.append(StreamName::booking(id), &[authorised.into()]);
    });
}

#[test]
fn what_is_given_away_is_not_charged() {
    let (mut world, id) = world_with_hold();
    let whole = world.bookings[&id].amount().unwrap();
    assert!(world.start_at_till(id, Tender::Complimentary));
    world.commit(id);
    world.book_seats(id);
    let mut sold = world;
    let mut free = audit(&sold.log);
    assert!(free.holds(), "{free}");
    let intent = sold.intent(id);
    sold.append(StreamName::booking(id), &[PaymentCaptured { booking: id, intent, amount: whole, draw: None }.into()]);
    free = audit(&sold.log);
    assert_eq!(free.violations.iter().map(|v| v.code.name()).collect::<Vec<_>>(), ["captured_amount"], "{free}");
}

#[test]
fn a_transfer_of_what_is_not_sold() {
    let transferred =
        |id| -> Event { BookingTransferred { booking: id, buyer: BuyerId::new("bob").unwrap(), by: "alice".into() }.into() };
    let (world, id) = world_with_hold();
    plant(world, &["transferred_unsold"], |world| world.append(StreamName::booking(id), &[transferred(id)]));
    let (mut world, id) = world_with_sale();
    assert!(world.booking(id, BookingCommand::RequestRefund { by: "admin".into() }));
    plant(world, &["transferred_unsold"], |world| world.append(StreamName::booking(id), &[transferred(id)]));
    let (mut world, id) = world_with_sale();
    world.refund(id);
    plant(world, &["transferred_unsold"], |world| world.append(StreamName::booking(id), &[transferred(id)]));
    let (mut world, id) = world_with_sale();
    assert!(world.booking(id, BookingCommand::Transfer { buyer: BuyerId::new("bob").unwrap(), by: "alice".into() }));
    assert!(audit(&world.log).holds());
}

//! Several nodes over one log, guard and gateway. Reads and appends take time here, and appends
//! fall apart into their streams where the log allows it, so that nodes really cross each other.

use crate::common;

use common::checker::{assert_safe, assert_settled, flagged};
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_domain::event::RequestFingerprint;
use lastseat_domain::show::ShowChanges;
use lastseat_domain::{BookingId, BuyerId, CommandId};
use lastseat_engine::{BoxOffice, CommandError, HoldRequest, Origin, Paid, PayRequest};
use lastseat_testkit::GuardFault;
use std::time::Duration;

/// Runs a scenario for both logs, 2 and 4 nodes, a guard that works and one that lies, and several
/// throws of the random.
macro_rules! scenario {
    ($name:ident, $bench:ident, $nodes:ident, $what:ident, $body:block) => {
        #[test]
        fn $name() {
            for (seed, count) in [(1, 2), (2, 4), (3, 4)] {
                for (atomic, fault) in [
                    (true, GuardFault::None),
                    (false, GuardFault::None),
                    (true, GuardFault::SaysYes),
                    (false, GuardFault::SaysYes),
                ] {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
                    runtime.block_on(async {
                        let $what = format!("seed {seed}, {count} nodes, atomic: {atomic}, guard: {fault:?}");
                        let $bench = TestBench::new(atomic);
                        $bench.open().await.drain(Duration::from_secs(1)).await;
                        let (outside, guard) = with_random_faults(&$bench, &SeededRandom::new(seed), &FaultRate::default());
                        guard.set(fault);
                        let mut $nodes: Vec<BoxOffice> = Vec::new();
                        for _ in 0..count {
                            $nodes.push(outside.node().await);
                        }
                        later(1).await;
                        $body
                        assert_safe(&$bench, &$what).await;
                        later(3000).await;
                        assert_settled(&$bench, &$what).await;
                        assert_eq!(flagged(&$bench).await, 0, "{}", $what);
                    });
                }
            }
        }
    };
}

/// A hold that takes no number of the bench: `n` is the buyer.
async fn hold_of(
    office: &BoxOffice,
    n: u128,
    selection: lastseat_engine::SeatSelection,
) -> Result<lastseat_engine::Hold, CommandError> {
    let booking = BookingId(uuid::Uuid::from_u128(n << 64));
    office.hold(HoldRequest::new(booking, show(), selection, BuyerId::guest(booking))).await
}

fn count_ok<T, E>(results: &[Result<T, E>]) -> usize {
    results.iter().filter(|r| r.is_ok()).count()
}

scenario!(of_500_buyers_of_one_seat_one_wins, bench, nodes, what, {
    let holds = join_all((1..=500).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, seats(&["A-1"])))).await;
    assert_eq!(count_ok(&holds), 1, "{what}");
    assert!(holds.into_iter().filter(Result::is_err).all(|h| code(h) == "seat_unavailable"), "{what}");
});

scenario!(crossing_pairs_of_seats_are_all_or_nothing, bench, nodes, what, {
    let pairs = [["A-1", "A-2"], ["A-2", "A-3"], ["A-3", "A-1"]];
    let holds = join_all((1..=60).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, seats(&pairs[n as usize % 3])))).await;
    assert!(count_ok(&holds) <= 1, "{what}");
    for held in holds.iter().flatten() {
        assert_eq!(held.booking.status(), "held", "{what}");
    }
});

scenario!(a_price_that_changes_during_a_rush_is_never_mixed_with_the_old_one, bench, nodes, what, {
    let dearer = |n: i64| ShowChanges { categories: Some(prices(5_000 + n, 2_000 + n)), ..ShowChanges::default() };
    let change = async {
        for (n, node) in (1..=5).zip(nodes.iter().cycle()) {
            node.revise_show(&show(), dearer(n), None, "admin").await.unwrap();
        }
    };
    let holds =
        join_all((1..=50).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, if n % 2 == 0 { floor(2) } else { best(2) })));
    let ((), holds) = tokio::join!(change, holds);
    let of_floor = |held: &&lastseat_engine::Hold| held.booking.seats()[0].seat.as_str().starts_with("floor");
    // Holds of two may keep each other from the last ones.
    assert!(holds.iter().flatten().filter(of_floor).count() >= 8 && count_ok(&holds) >= 12, "{what}");
    for held in holds.iter().flatten() {
        let opened = held.booking.opened.as_ref().unwrap();
        let base = if of_floor(&held) { 2_000 } else { 5_000 };
        let expected = base + i64::try_from(opened.show_revision).unwrap();
        assert!(opened.seats.iter().all(|seat| seat.price == expected), "{what}: {opened:?}");
    }
    // Once every node has read the changes, holds have the last price.
    later(60).await;
    let given_back = holds.iter().flatten().find(of_floor).unwrap();
    nodes[0].cancel(given_back.booking.id, "buyer").await.unwrap();
    later(60).await;
    for (n, node) in (100..).zip(&nodes).take(2) {
        let opened = hold_of(node, n, floor(1)).await.unwrap().booking.opened.unwrap();
        assert_eq!((opened.show_revision, opened.seats[0].price), (5, 2_005), "{what}");
    }
});

scenario!(seats_that_are_added_during_a_sale_are_sold_on_every_node_and_once, bench, nodes, what, {
    let before = join_all((1..=20).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, floor(1)))).await;
    assert_eq!(count_ok(&before), 20, "{what}");
    assert_eq!(code(hold_of(&nodes[1], 21, seats(&["C-1"])).await), "unknown_seat", "{what}");
    let id = show();
    let changes = join_all(nodes.iter().map(|node| node.revise_show(&id, larger_and_dearer(), None, "admin"))).await;
    assert!(changes.iter().all(Result::is_ok), "{what}: {changes:?}");
    later(60).await;
    let rows = join_all((30..=60).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, seats(&["C-1"])))).await;
    assert_eq!(count_ok(&rows), 1, "{what}");
    let after = join_all((70..=110).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, floor(1)))).await;
    assert_eq!(count_ok(&after), 10, "{what}");
    for held in rows.iter().chain(&after).flatten() {
        let price = held.booking.seats()[0].price;
        assert!(price == 10_000 || price == 4_000, "{what}: {held:?}");
    }
    let late = bench.node().await;
    assert_eq!(code(hold_of(&late, 200, floor(1)).await), "sold_out", "{what}");
    assert_eq!(late.show(&show()).unwrap().plan.len(), 60, "{what}");
    hold_of(&late, 201, seats(&["C-2"])).await.unwrap();
    let revised = bench.history().await.iter().filter(|e| e.event.name() == "ShowRevised").count();
    assert_eq!(revised, 1, "{what}: the same change of several nodes is one");
});

scenario!(an_area_is_never_oversold, bench, nodes, what, {
    let holds = join_all((1..=60).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, floor(1)))).await;
    assert_eq!(count_ok(&holds), 20, "{what}");
    assert!(holds.iter().flatten().all(|h| h.booking.status() == "held"), "{what}: what is called a hold is one");
    let paid =
        join_all(holds.iter().flatten().enumerate().map(|(n, h)| pay(&nodes[n % nodes.len()], &h.booking, "pm_card_visa"))).await;
    assert!(paid.iter().all(|p| matches!(p, Ok(Paid::Confirmed(_)))), "{what}: {paid:?}");
    assert_eq!(bench.taken(), 20 * 2_000, "{what}");
});

scenario!(the_best_seats_go_to_the_first_who_asks, bench, nodes, what, {
    let holds = join_all((1..=12).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, best(3)))).await;
    assert!(count_ok(&holds) >= 4, "{what}: {holds:?}");
    assert!(holds.iter().flatten().all(|h| h.booking.status() == "held"), "{what}");
});

scenario!(a_seat_sold_on_one_node_is_refused_on_another, bench, nodes, what, {
    let held = hold_of(&nodes[0], 1, seats(&["A-1"])).await.unwrap().booking;
    assert!(matches!(pay(&nodes[0], &held, "pm_card_visa").await, Ok(Paid::Confirmed(_))), "{what}");
    for (n, node) in (2..).zip(&nodes) {
        assert_eq!(code(hold_of(node, n, seats(&["A-1"])).await), "seat_unavailable", "{what}");
    }
});

scenario!(opened_here_paid_there_cancelled_elsewhere, bench, nodes, what, {
    let (a, b, c) = (&nodes[0], &nodes[1], &nodes[nodes.len() - 1]);
    let first = hold_of(a, 1, seats(&["A-1"])).await.unwrap().booking;
    let second = hold_of(a, 2, seats(&["A-2"])).await.unwrap().booking;
    assert!(matches!(pay(b, &first, "pm_card_visa").await, Ok(Paid::Confirmed(_))), "{what}");
    assert_eq!(code(c.cancel(first.id, "buyer").await), "already_confirmed", "{what}");
    assert_eq!(c.cancel(second.id, "buyer").await.unwrap().status(), "aborted", "{what}");
    assert_eq!(code(pay(b, &second, "pm_card_visa").await), "booking_over", "{what}");
    later(1).await;
    assert!(hold_of(b, 3, seats(&["A-2"])).await.is_ok(), "{what}");
});

scenario!(the_same_hold_on_all_nodes_at_once_is_one_booking, bench, nodes, what, {
    for (n, selection) in [seats(&["A-1", "A-2", "A-3"]), floor(3), best(2)].into_iter().enumerate() {
        let key = format!("key-{n}");
        let booking = BookingId::from_key("ann", &key);
        let fingerprint = Some(RequestFingerprint { key, body: "body".to_owned() });
        let request = HoldRequest { fingerprint, ..HoldRequest::new(booking, show(), selection, BuyerId::new("ann").unwrap()) };
        // Once a node: each repeat makes the guard set other units of an area aside for a moment.
        // A few milliseconds apart, so that their events differ.
        let holds = join_all(nodes.iter().enumerate().map(async |(n, node)| {
            tokio::time::sleep(Duration::from_millis(3 * n as u64)).await;
            node.hold(request.clone()).await
        }))
        .await;
        let first = holds[0].as_ref().unwrap_or_else(|e| panic!("{what}: {e}")).booking.opened.clone();
        for hold in &holds {
            assert_eq!(hold.as_ref().unwrap_or_else(|e| panic!("{what}: {e}")).booking.opened, first, "{what}");
        }
        // What was called held can be paid.
        let booking = &holds[0].as_ref().unwrap().booking;
        assert!(matches!(pay(&nodes[1], booking, "pm_card_visa").await, Ok(Paid::Confirmed(_))), "{what}");
    }
    later(30).await;
    let office = bench.node().await;
    let rest = hold_of(&office, 9, floor(6)).await;
    assert!(rest.is_ok(), "{what}: repeats left nothing locked {rest:?}");
});

scenario!(the_same_payment_on_all_nodes_at_once_is_one_charge, bench, nodes, what, {
    for keyed in [true, false] {
        let held = hold_of(&nodes[0], 1 + u128::from(keyed), seats(&[if keyed { "A-1" } else { "A-2" }])).await.unwrap().booking;
        let request = || PayRequest {
            pay_with: Some("pm_card_visa".to_owned()).into(),
            return_url: None,
            fingerprint: keyed.then(|| RequestFingerprint { key: "k".to_owned(), body: "b".to_owned() }),
            // A key makes the command's id, so that all these are one command.
            origin: Origin::from("buyer").repeatable(keyed.then(|| CommandId::new([7; 16]))),
        };
        let paid = join_all(nodes.iter().chain(&nodes).map(|node| node.pay(held.id, request()))).await;
        assert!(paid.iter().any(|p| matches!(p, Ok(Paid::Confirmed(_)))), "{what}: {paid:?}");
        let is_fine = |p: &Result<Paid, CommandError>| match p {
            Ok(Paid::Confirmed(_)) => true,
            Err(CommandError::Rejected(rejection)) => !keyed && rejection.code() == "payment_in_progress",
            _ => false,
        };
        assert!(paid.iter().all(is_fine), "{what}: {paid:?}");
        later(20).await;
        assert_eq!(bench.story(held.id).await.iter().filter(|e| **e == "PaymentStarted").count(), 1, "{what}");
    }
    assert_eq!(bench.taken(), 10_000, "{what}");
});

scenario!(a_hold_expires_once_however_many_look, bench, nodes, what, {
    let held = hold_of(&nodes[0], 1, seats(&["A-1", "A-2"])).await.unwrap().booking;
    later(640).await;
    assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"], "{what}");
    let released = bench.history().await.iter().filter(|e| e.event.name() == "SeatReleased").count();
    assert_eq!(released, 2, "{what}");
    for (n, node) in (2..).zip(&nodes) {
        let held = hold_of(node, n, seats(&["A-1"])).await.unwrap_or_else(|e| panic!("{what}: {e}")).booking;
        node.cancel(held.id, "buyer").await.unwrap();
        later(1).await;
    }
});

scenario!(confirm_against_expire_at_the_very_deadline, bench, nodes, what, {
    // Each buyer pays a little later than the one before; the gateway takes up to 200 ms a call.
    let holds = join_all((1..=10).map(|n| hold_of(&nodes[n as usize % nodes.len()], n, seats(&[&format!("A-{n}")])))).await;
    let paid = join_all(holds.iter().enumerate().map(|(n, held)| {
        let (held, node) = (held.as_ref().unwrap().booking.clone(), &nodes[(n + 1) % nodes.len()]);
        let left = (held.expires_at.unwrap() - bench.clock.now()).to_std().unwrap();
        async move {
            tokio::time::sleep(left - Duration::from_millis(700 - 60 * n as u64)).await;
            (held.clone(), pay(node, &held, "pm_card_visa").await)
        }
    }))
    .await;
    later(60).await;
    let mut sold = 0;
    for (held, paid) in &paid {
        let story = bench.story(held.id).await;
        let decisions = story.iter().filter(|e| matches!(**e, "BookingCommitted" | "BookingAborted")).count();
        assert_eq!(decisions, 1, "{what}: {story:?}");
        match paid {
            Ok(Paid::Confirmed(_)) => sold += 1,
            other => assert!(matches!(other, Err(CommandError::Rejected(_))), "{what}: {other:?}"),
        }
    }
    assert_eq!(bench.taken(), sold * 5_000, "{what}");
});

scenario!(a_refund_on_all_nodes_at_once_is_one_refund, bench, nodes, what, {
    let held = hold_of(&nodes[0], 1, seats(&["A-1"])).await.unwrap().booking;
    pay(&nodes[0], &held, "pm_card_visa").await.unwrap();
    let refunds = join_all(nodes.iter().chain(&nodes).map(|node| node.refund(held.id, "admin"))).await;
    assert!(refunds.iter().all(|r| r.as_ref().is_ok_and(|b| b.status() == "refunded")), "{what}: {refunds:?}");
    assert_eq!(bench.taken(), 0, "{what}");
    later(1).await;
    assert!(hold_of(&nodes[1], 2, seats(&["A-1"])).await.is_ok(), "{what}");
});

scenario!(rewards_are_given_once_by_all_nodes, bench, nodes, what, {
    for n in 0..3_u32 {
        let office = &nodes[n as usize % nodes.len()];
        let held = hold_as(&bench, office, "ann", floor(2)).await.unwrap().booking;
        pay(office, &held, "pm_card_visa").await.unwrap();
    }
    later(30).await;
    let events: Vec<_> =
        bench.history().await.iter().filter(|e| e.stream.category() == "loyalty").map(|e| e.event.name()).collect();
    assert_eq!(events, ["PointsEarned"; 3], "{what}");
});

/// A lost seat does not count against the buyer's limit.
#[test]
fn lost_holds_do_not_count_against_the_buyers_limit() {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            bench.open().await.drain(Duration::from_secs(1)).await;
            let (outside, guard) = with_random_faults(&bench, &SeededRandom::new(7), &FaultRate::default());
            guard.set(GuardFault::SaysYes);
            let nodes = [outside.node().await, outside.node().await];
            for n in 1..=9 {
                let label = format!("A-{n}");
                let (first, second) = tokio::join!(
                    hold_as(&bench, &nodes[0], "ann", seats(&[&label])),
                    hold_as(&bench, &nodes[1], "bob", seats(&[&label]))
                );
                for (office, held) in [(&nodes[0], first), (&nodes[1], second)] {
                    match held {
                        Ok(held) => drop(office.cancel(held.booking.id, "buyer").await.unwrap()),
                        Err(error) => assert_eq!(code(Err::<(), _>(error)), "seat_unavailable", "atomic: {atomic}, {label}"),
                    }
                }
                later(1).await;
            }
            for (buyer, office) in [("ann", &nodes[1]), ("bob", &nodes[0])] {
                later(1).await;
                let all = hold_as(&bench, office, buyer, floor(6)).await;
                assert!(all.is_ok(), "atomic: {atomic}, {buyer}: {all:?}");
            }
        });
    }
}

#[test]
fn a_show_that_two_nodes_schedule_at_once_is_one() {
    for atomic in [true, false] {
        for seed in 1..=8 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let bench = TestBench::new(atomic);
                let (outside, _) = with_random_faults(&bench, &SeededRandom::new(seed), &FaultRate::default());
                let nodes = [outside.node().await, outside.node().await, outside.node().await];
                let scheduled = join_all(nodes.iter().map(|node| node.schedule_show(test_show(), "admin"))).await;
                let failed: Vec<_> = scheduled.into_iter().filter_map(Result::err).collect();
                assert!(failed.is_empty(), "seed {seed}: {failed:?}");
                for node in &nodes {
                    node.pause_sales(&show(), "admin").await.unwrap();
                    node.resume_sales(&show(), "admin").await.unwrap();
                }
                assert_eq!(bench.history().await.len(), 7, "seed {seed}");
            });
        }
    }
}

//! A rival and a retry are different things. Two commands that wish for the same compete, and the loser
//! gets its answer; one command that is sent twice has the effect of one, and gets its first answer.

use crate::common;

use common::fault_injection::{AppendFate, FaultPlan};
use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_domain::event::{Event, VoucherCause};
use lastseat_domain::{BookingId, BuyerId, CommandId, VoucherId};
use lastseat_engine::{BoxOffice, CommandError, Origin};
use std::collections::HashSet;
use std::fmt::Debug;
use std::time::Duration;

const RIVALS: usize = 20;

/// Runs a scenario for both logs, on one node and on two, for several orders of what they do.
fn on_one_and_two_nodes(test: impl AsyncFn(&TestBench, &[BoxOffice], &str)) {
    for (atomic, count) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        for seed in 1..=3 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let bench = TestBench::new(atomic);
                bench.open().await.drain(Duration::from_secs(1)).await;
                // Reads and appends take time here, so that the rivals cross each other. None fails.
                let (slow, _guard) = with_random_faults(&bench, &SeededRandom::new(seed), &FaultRate::default());
                let mut nodes = Vec::new();
                for _ in 0..count {
                    nodes.push(slow.node().await);
                }
                test(&bench, &nodes, &format!("atomic: {atomic}, {count} nodes, seed {seed}")).await;
            });
        }
    }
}

/// The same wish by rivals without keys, all at once, spread over the nodes.
async fn rivals<T>(
    nodes: &[BoxOffice],
    wish: impl AsyncFn(&BoxOffice) -> Result<T, CommandError>,
) -> Vec<Result<T, CommandError>> {
    join_all((0..RIVALS).map(|n| wish(&nodes[n % nodes.len()]))).await
}

/// One of them succeeded, and the others were refused for this reason.
fn assert_one_won<T: Debug>(results: Vec<Result<T, CommandError>>, refusal: &str, what: &str) {
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{what}: {results:?}");
    assert!(results.into_iter().filter(Result::is_err).all(|r| code(r) == refusal), "{what}");
}

async fn count(bench: &TestBench, name: &str) -> usize {
    bench.history().await.iter().filter(|e| e.event.name() == name).count()
}

fn ann() -> BuyerId {
    BuyerId::new("ann").unwrap()
}

/// A command that is sent again and again under one idempotency key.
fn keyed(key: u8) -> Origin {
    Origin::from("ann").repeatable(Some(CommandId::new([key; 16])))
}

/// A confirmed booking of ann's, and the voucher that it earned.
async fn paid_with_voucher(bench: &TestBench, office: &BoxOffice) -> (BookingId, VoucherId) {
    let held = hold_as(bench, office, "ann", seats(&["A-1", "A-2", "A-3"])).await.unwrap().booking;
    pay(office, &held, "pm_card_visa").await.unwrap();
    later(5).await;
    let history = bench.history().await;
    let voucher = history.iter().find_map(|e| match &e.event {
        Event::VoucherIssued(e) if e.cause == VoucherCause::Booking => Some(e.voucher),
        _ => None,
    });
    (held.id, voucher.unwrap())
}

#[test]
fn of_20_who_redeem_one_voucher_one_succeeds() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (_, voucher) = paid_with_voucher(bench, &nodes[0]).await;
        let redeemed = rivals(nodes, async |node| node.redeem_voucher(&ann(), voucher, "ann").await).await;
        assert_one_won(redeemed, "voucher_redeemed", what);
        assert_eq!(count(bench, "VoucherRedeemed").await, 1, "{what}");
    });
}

#[test]
fn of_20_who_extend_one_hold_one_succeeds() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let held = hold(bench, &nodes[0], seats(&["A-1"])).await.unwrap().booking;
        later(1).await;
        let extended = rivals(nodes, async |node| node.extend(held.id, "ann").await).await;
        assert_one_won(extended, "already_extended", what);
        assert_eq!(count(bench, "HoldExtended").await, 1, "{what}");
    });
}

/// These state how things are to be: the second caller finds it done, and succeeds.
#[test]
fn rivals_for_a_state_all_find_it_and_one_event_says_so() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (paid, _) = paid_with_voucher(bench, &nodes[0]).await;
        let held = hold(bench, &nodes[0], seats(&["B-1"])).await.unwrap().booking;
        later(1).await;
        let admin = "admin";
        assert!(rivals(nodes, async |node| node.cancel(held.id, "ann").await).await.iter().all(Result::is_ok), "{what}");
        assert!(rivals(nodes, async |node| node.refund(paid, admin).await).await.iter().all(Result::is_ok), "{what}");
        assert!(rivals(nodes, async |node| node.pause_sales(&show(), admin).await).await.iter().all(Result::is_ok), "{what}");
        assert!(rivals(nodes, async |node| node.resume_sales(&show(), admin).await).await.iter().all(Result::is_ok), "{what}");
        assert!(rivals(nodes, async |node| node.cancel_show(&show(), admin).await).await.iter().all(Result::is_ok), "{what}");
        later(30).await;
        for (name, expected) in [
            ("BookingAborted", 1),
            ("RefundRequested", 1),
            ("PaymentRefunded", 1),
            ("SalesPaused", 1),
            ("SalesResumed", 1),
            ("ShowCancelled", 1),
            ("SeatReleased", 4),
        ] {
            assert_eq!(count(bench, name).await, expected, "{what}: {name}");
        }
        assert_eq!(bench.taken(), 0, "{what}");
    });
}

/// On the same node, on another, and on one that has just started and remembers nothing.
#[test]
fn a_command_that_is_repeated_gets_its_first_answer() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (paid, voucher) = paid_with_voucher(bench, &nodes[0]).await;
        let held = hold(bench, &nodes[0], seats(&["B-1"])).await.unwrap().booking;
        let fresh = bench.node().await;
        later(1).await;
        for node in nodes.iter().chain(nodes).chain([&fresh]) {
            node.redeem_voucher(&ann(), voucher, keyed(1)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
            node.extend(held.id, keyed(2)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
            node.refund(paid, keyed(3)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        }
        // Even if it would be refused by now.
        nodes[0].cancel_show(&show(), "admin").await.unwrap();
        later(1).await;
        fresh.extend(held.id, keyed(2)).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        // Another key is another command.
        assert_eq!(code(fresh.redeem_voucher(&ann(), voucher, keyed(4)).await), "voucher_redeemed", "{what}");
        assert_eq!(code(fresh.extend(held.id, keyed(5)).await), "show_cancelled", "{what}");
        assert_eq!((count(bench, "VoucherRedeemed").await, count(bench, "HoldExtended").await), (1, 1), "{what}");
    });
}

/// An impatient client, over a load balancer.
#[test]
fn a_command_that_is_sent_many_times_at_once_is_executed_once() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (_, voucher) = paid_with_voucher(bench, &nodes[0]).await;
        let held = hold(bench, &nodes[0], seats(&["B-1"])).await.unwrap().booking;
        later(1).await;
        let redeemed = rivals(nodes, async |node| node.redeem_voucher(&ann(), voucher, keyed(1)).await).await;
        assert!(redeemed.iter().all(Result::is_ok), "{what}: {redeemed:?}");
        let extended = rivals(nodes, async |node| node.extend(held.id, keyed(2)).await).await;
        assert!(extended.iter().all(Result::is_ok), "{what}: {extended:?}");
        assert_eq!((count(bench, "VoucherRedeemed").await, count(bench, "HoldExtended").await), (1, 1), "{what}");
    });
}

/// A repeat says what was done. It does not do it again, even if that has been undone since.
#[test]
fn a_repeated_pause_does_not_pause_what_was_resumed() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let last = nodes.len() - 1;
        nodes[0].pause_sales(&show(), keyed(1)).await.unwrap();
        nodes[last].resume_sales(&show(), keyed(2)).await.unwrap();
        later(1).await;
        nodes[last].pause_sales(&show(), keyed(1)).await.unwrap();
        assert_eq!((count(bench, "SalesPaused").await, count(bench, "SalesResumed").await), (1, 1), "{what}");
    });
}

/// The answer of the append is lost, or its node never learns whether it was written: the same command
/// again finds out.
#[test]
fn a_command_of_unknown_outcome_is_not_its_own_rival() {
    for fate in [AppendFate::AnswerLost, AppendFate::RequestLost] {
        on_one_and_two_nodes(async |bench, nodes, what| {
            let (_, voucher) = paid_with_voucher(bench, &nodes[0]).await;
            let (plan, unsure) = FaultPlan::around(bench);
            let node = unsure.node().await;
            plan.append(0, fate);
            node.redeem_voucher(&ann(), voucher, "ann").await.unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(plan.all_struck(), "{what}");
            assert_eq!(count(bench, "VoucherRedeemed").await, 1, "{what}");
            assert_eq!(code(node.redeem_voucher(&ann(), voucher, "ann").await), "voucher_redeemed", "{what}");
        });
    }
}

/// A step of the booking process is one command, whichever node runs it: two that expire a hold write
/// the same events, with the same causes.
#[test]
fn workers_on_one_booking_are_no_rivals() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let held = hold(bench, &nodes[0], seats(&["A-1", "A-2"])).await.unwrap().booking;
        later(700).await;
        assert_eq!(bench.story(held.id).await, ["BookingOpened", "BookingAborted"], "{what}");
        let history = bench.history().await;
        let of = |name: &str| history.iter().filter(|e| e.event.name() == name).collect::<Vec<_>>();
        let (opened, aborted, released) = (of("BookingOpened"), of("BookingAborted"), of("SeatReleased"));
        assert_eq!(aborted[0].metadata.causation, Some(opened[0].id), "{what}");
        assert_eq!(released.len(), 2, "{what}");
        assert!(released.iter().all(|e| e.metadata.causation == Some(aborted[0].id)), "{what}");
        let ids: HashSet<_> = history.iter().map(|e| e.id).collect();
        assert_eq!(ids.len(), history.len(), "{what}");
    });
}

/// The read model of a node that found something done has to wait for the event that did it.
#[test]
fn an_answer_about_what_another_node_did_names_its_position() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let held = hold(bench, &nodes[0], seats(&["A-1"])).await.unwrap().booking;
        let late = bench.node().await;
        nodes[0].cancel(held.id, "ann").await.unwrap();
        nodes[0].pause_sales(&show(), "admin").await.unwrap();
        let position_of = async |name: &str| bench.history().await.iter().find(|e| e.event.name() == name).unwrap().position;
        late.cancel(held.id, "ann").await.unwrap();
        assert!(late.last_written() >= position_of("BookingAborted").await, "{what}");
        late.pause_sales(&show(), "admin").await.unwrap();
        assert!(late.last_written() >= position_of("SalesPaused").await, "{what}");
    });
}

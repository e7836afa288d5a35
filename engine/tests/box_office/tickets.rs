//! Tickets at the entrance: of many gates at once, one admits.

use crate::common;

use common::random_faults::{FaultRate, SeededRandom, with_random_faults};
use common::*;
use futures::future::join_all;
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{ExchangeRequested, PricedSeat};
use lastseat_domain::ports::event_log::{Direction, Expected};
use lastseat_domain::ticket::TicketFacts;
use lastseat_domain::{
    BuyerId, CommandId, DeviceId, GateId, Metadata, Rejection, ScanKind, SeatId, StreamName, VoidTicket, codec,
};
use lastseat_engine::{BoxOffice, CommandError, Origin, ScanRequest, Scanned};
use std::time::Duration;
use uuid::Uuid;

const GATES: usize = 50;

fn gate(n: usize) -> GateId {
    GateId::new(&format!("gate-{n}")).unwrap()
}

/// A confirmed booking of seat A-1, and what its code says.
async fn sold(bench: &TestBench, office: &BoxOffice) -> (Booking, TicketFacts) {
    let held = hold_as(bench, office, "ann", seats(&["A-1"])).await.unwrap().booking;
    pay(office, &held, "pm_card_visa").await.unwrap();
    later(2).await;
    let booking = office.booking(held.id).await.unwrap().unwrap();
    let code = office.ticket(&booking, &SeatId::new("A-1").unwrap()).await.unwrap();
    (booking, code)
}

fn scan(code: &TicketFacts, kind: ScanKind, at: usize) -> ScanRequest {
    ScanRequest { code: code.clone(), kind, gate: gate(at), scan: None }
}

async fn enter(office: &BoxOffice, code: &TicketFacts, at: usize) -> Result<Scanned, CommandError> {
    office.check_in(scan(code, ScanKind::Entry, at), "stan").await
}

async fn leave(office: &BoxOffice, code: &TicketFacts, at: usize) -> Result<Scanned, CommandError> {
    office.check_in(scan(code, ScanKind::Exit, at), "stan").await
}

async fn count(bench: &TestBench, name: &str) -> usize {
    bench.history().await.iter().filter(|e| e.event.name() == name).count()
}

/// On both logs, on one node and on two, where reads and appends take time, so that the gates cross each other.
fn on_one_and_two_nodes(test: impl AsyncFn(&TestBench, &[BoxOffice], &str)) {
    for (atomic, nodes) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = TestBench::new(atomic);
            bench.open().await.drain(Duration::from_secs(1)).await;
            let (slow, _guard) = with_random_faults(&bench, &SeededRandom::new(7), &FaultRate::default());
            let mut offices = Vec::new();
            for _ in 0..nodes {
                offices.push(slow.node().await);
            }
            test(&bench, &offices, &format!("atomic: {atomic}, {nodes} nodes")).await;
        });
    }
}

fn admitted(answers: &[Result<Scanned, CommandError>]) -> usize {
    answers.iter().filter(|answer| answer.is_ok()).count()
}

#[test]
fn of_50_gates_at_once_one_admits() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (_, ticket) = sold(bench, &nodes[0]).await;
        let node = |n: usize| &nodes[n % nodes.len()];
        let answers = join_all((0..GATES).map(|n| enter(node(n), &ticket, n))).await;
        assert_eq!(admitted(&answers), 1, "{what}: {answers:?}");
        let (by, first) = answers.iter().enumerate().find_map(|(n, answer)| Some((n, answer.as_ref().ok()?.clone()))).unwrap();
        assert_eq!((first.gate.clone(), first.entries), (gate(by), 1), "{what}");
        for refused in answers.into_iter().filter_map(Result::err) {
            // The others learn when and where.
            let CommandError::Rejected(Rejection::AlreadyAdmitted { at, gate }) = refused else { panic!("{what}: {refused:?}") };
            assert_eq!((at, gate), (first.at, first.gate.clone()), "{what}");
        }
        assert_eq!(count(bench, "TicketAdmitted").await, 1, "{what}");
        // Of as many exits at once, one lets out, and then one gate admits once more.
        let answers = join_all((0..GATES).map(|n| leave(node(n), &ticket, n))).await;
        assert_eq!(admitted(&answers), 1, "{what}: {answers:?}");
        let answers = join_all((0..GATES).map(|n| enter(node(n), &ticket, n))).await;
        assert_eq!(admitted(&answers), 1, "{what}: {answers:?}");
        assert_eq!((count(bench, "TicketAdmitted").await, count(bench, "TicketLeft").await), (2, 1), "{what}");
    });
}

#[test]
fn a_scan_that_is_sent_again_is_the_same_scan() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (booking, ticket) = sold(bench, &nodes[0]).await;
        let scanner = DeviceId::new("scanner-7").unwrap();
        // By the key of the request, and by the device's own id of the scan.
        let by_key = Origin::from("stan").repeatable(Some(CommandId::new([3; 16])));
        let by_id = ScanRequest { scan: Some((scanner, Uuid::from_u128(7))), ..scan(&ticket, ScanKind::Exit, 0) };
        let ways = [(scan(&ticket, ScanKind::Entry, 0), by_key), (by_id, Origin::from("stan"))];
        let mut first = Vec::new();
        for (request, origin) in &ways {
            let at = |n: usize| nodes[n % nodes.len()].check_in(request.clone(), origin.clone());
            let answers = join_all((0..20).map(at)).await;
            assert_eq!(admitted(&answers), 20, "{what}: {answers:?}");
            first.push(answers.into_iter().next().unwrap().unwrap());
        }
        assert_eq!((count(bench, "TicketAdmitted").await, count(bench, "TicketLeft").await), (1, 1), "{what}");
        enter(&nodes[0], &ticket, 5).await.unwrap();
        // Also after other scans, and after the booking became another's; another scan is not admitted then.
        nodes[0].transfer(booking.id, BuyerId::new("bob").unwrap(), "stan").await.unwrap();
        for (node, ((request, origin), first)) in nodes.iter().cycle().zip(ways.into_iter().zip(first)) {
            assert_eq!(node.check_in(request, origin).await.unwrap(), first, "{what}");
        }
        leave(&nodes[0], &ticket, 1).await.unwrap();
        assert_eq!(code(enter(&nodes[0], &ticket, 1).await), "ticket_void", "{what}");
    });
}

#[test]
fn a_void_code_admits_nobody_on_any_node() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (booking, first) = sold(bench, &nodes[0]).await;
        let other = nodes.last().unwrap();
        let refused = async |ticket: &TicketFacts, why| match enter(other, ticket, 1).await {
            Err(CommandError::Rejected(rejection)) => assert_eq!(rejection, Rejection::TicketVoid { why }, "{what}"),
            answer => panic!("{what}: {answer:?}"),
        };
        let second = nodes[0].reissue_ticket(&booking, &first.seat, "ann").await.unwrap();
        refused(&first, VoidTicket::Reissued).await;
        exchange(&nodes[0], booking.id, &["A-1"], &["A-9"]).await.unwrap();
        refused(&second, VoidTicket::Exchanged).await;
        exchange(&nodes[0], booking.id, &["A-9"], &["A-1"]).await.unwrap();
        refused(&second, VoidTicket::Exchanged).await;
        let booking = nodes[0].booking(booking.id).await.unwrap().unwrap();
        let third = nodes[0].ticket(&booking, &first.seat).await.unwrap();
        assert_eq!(enter(other, &third, 1).await.unwrap().entries, 1, "{what}");
        nodes[0].refund(booking.id, "stan").await.unwrap();
        // Who is inside gets out, also with a void code.
        leave(other, &first, 1).await.unwrap();
        refused(&third, VoidTicket::Refunded).await;
        assert_eq!(count(bench, "TicketAdmitted").await, 1, "{what}");
    });
}

#[test]
fn nobody_moves_to_another_seat_while_somebody_is_inside_with_the_ticket() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (booking, ticket) = sold(bench, &nodes[0]).await;
        let other = nodes.last().unwrap();
        let inside = enter(&nodes[0], &ticket, 3).await.unwrap();
        match exchange(other, booking.id, &["A-1"], &["A-9"]).await {
            Err(CommandError::Rejected(Rejection::SomebodyInside { seat, at, gate })) => {
                assert_eq!((seat, at, gate), (ticket.seat.clone(), inside.at, inside.gate), "{what}");
            }
            answer => panic!("{what}: {answer:?}"),
        }
        assert_eq!(count(bench, "ExchangeRequested").await, 0, "{what}: nothing is written");
        hold_as(bench, other, "bob", seats(&["A-9"])).await.expect("what was refused is kept from nobody");
        // Who has left has used the old ticket; the new one is for the next one.
        leave(other, &ticket, 3).await.unwrap();
        let moved = exchange(other, booking.id, &["A-1"], &["A-8"]).await.unwrap();
        let next = nodes[0].ticket(&moved, &SeatId::new("A-8").unwrap()).await.unwrap();
        assert_eq!(enter(other, &next, 4).await.unwrap().entries, 1, "{what}");
        assert_eq!(code(enter(&nodes[0], &ticket, 4).await), "ticket_void", "{what}");
        // Staff may refund somebody who is inside.
        assert_eq!(nodes[0].refund(booking.id, "stan").await.unwrap().status(), "refunded", "{what}");
    });
}

/// A node requested the exchange and crashed; before another goes on with it, somebody comes in.
#[test]
fn an_exchange_that_is_found_later_is_given_up_if_somebody_came_in_meanwhile() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (booking, ticket) = sold(bench, &nodes[0]).await;
        enter(&nodes[0], &ticket, 3).await.unwrap();
        let stream = StreamName::booking(booking.id);
        let last = bench.log.read_stream(&stream, None, Direction::Backwards, 1).await.unwrap().remove(0);
        let takes = vec![PricedSeat { seat: SeatId::new("A-9").unwrap(), ..booking.seats()[0].clone() }];
        let show_revision = booking.opened.as_ref().unwrap().show_revision;
        let (leaves, by) = (vec![ticket.seat.clone()], "stan".to_owned());
        let requested = ExchangeRequested { booking: booking.id, exchange: 1, show_revision, leaves, takes, by }.into();
        let metadata = Metadata::of_booking(booking.id, "test", bench.clock.now());
        let write = codec::encode(stream, Expected::Revision(last.revision), &[requested], &metadata).unwrap();
        bench.log.append(vec![write]).await.unwrap();
        nodes.last().unwrap().look_at(booking.id).await;
        assert_eq!((count(bench, "ExchangeAbandoned").await, count(bench, "BookingExchanged").await), (1, 0), "{what}");
        let left = nodes[0].booking(booking.id).await.unwrap().unwrap();
        assert_eq!(left.seats(), booking.seats(), "{what}");
        later(1).await;
        hold_as(bench, &nodes[0], "bob", seats(&["A-9"])).await.expect("it was given back");
    });
}

mod offline;

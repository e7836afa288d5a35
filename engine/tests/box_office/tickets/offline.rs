//! Scans that were made offline: each is recorded once, whichever node it is sent to, and what does not fit is found.

use super::{count, enter, gate, leave, on_one_and_two_nodes, sold};
use crate::common::checker::assert_safe;
use crate::common::*;
use chrono::TimeDelta;
use futures::future::join_all;
use lastseat_domain::ticket::TicketFacts;
use lastseat_domain::{BookingId, DeviceId, Rejection, ScanConflict, ScanKind, Timestamp, VoidTicket};
use lastseat_engine::{BoxOffice, CommandError, OfflineScan, RecordedScan};
use uuid::Uuid;

use ScanKind::{Entry, Exit};

fn device(n: usize) -> DeviceId {
    DeviceId::new(&format!("hand-{n}")).unwrap()
}

fn made(code: &TicketFacts, kind: ScanKind, by: usize, n: u128, scanned_at: Timestamp) -> OfflineScan {
    OfflineScan { code: code.clone(), kind, gate: gate(by), device: device(by), scan: Uuid::from_u128(n), scanned_at }
}

async fn send(office: &BoxOffice, scans: &[OfflineScan]) -> Vec<RecordedScan> {
    let answers = office.record_scans(scans.to_vec(), "stan").await.unwrap();
    answers.into_iter().map(|answer| answer.unwrap()).collect()
}

fn is_double(conflict: &ScanConflict) -> bool {
    matches!(conflict, ScanConflict::DoubleEntry { .. })
}

#[test]
fn devices_that_send_the_same_ticket_at_once_name_every_double_entry() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (_, ticket) = sold(bench, &nodes[0]).await;
        later(60).await;
        let at = |n: usize| bench.clock.now() - TimeDelta::seconds(20 - n as i64);
        let scans: Vec<_> = (0..10).map(|n| made(&ticket, Entry, n, n as u128, at(n))).collect();
        // Each twice, by both nodes at the same time.
        let sent = join_all((0..20).map(|n| send(&nodes[n % nodes.len()], std::slice::from_ref(&scans[n / 2])))).await;
        assert_eq!(count(bench, "TicketScannedOffline").await, 10, "{what}");
        let answers: Vec<&RecordedScan> = sent.iter().flatten().collect();
        for pair in answers.chunks(2) {
            assert_eq!((&pair[0].at, &pair[0].conflicts), (&pair[1].at, &pair[1].conflicts), "{what}: one scan, one answer");
        }
        let mut named = std::collections::BTreeSet::new();
        for (n, answer) in answers.iter().step_by(2).enumerate() {
            for conflict in &answer.conflicts {
                let ScanConflict::DoubleEntry { scan, .. } = conflict else { panic!("{what}: {conflict:?}") };
                let other = usize::try_from(scan.as_u128()).unwrap();
                named.insert((n.min(other), n.max(other)));
            }
        }
        for n in 0..9 {
            assert!(named.contains(&(n, n + 1)), "{what}: {named:?}");
        }
        assert_safe(bench, what).await;
    });
}

#[test]
fn a_batch_is_recorded_in_its_order_and_a_repeat_of_it_changes_nothing() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let (_, ticket) = sold(bench, &nodes[0]).await;
        later(60).await;
        let at = |ago: i64| bench.clock.now() - TimeDelta::seconds(ago);
        let lost = TicketFacts { booking: BookingId(Uuid::from_u128(7)), ..ticket.clone() };
        let scans = [
            made(&ticket, Entry, 1, 1, at(30)),
            made(&lost, Entry, 1, 2, at(29)),
            made(&ticket, Exit, 1, 3, at(28)),
            made(&ticket, Entry, 1, 4, at(27)),
        ];
        let first = nodes[0].record_scans(scans.to_vec(), "stan").await.unwrap();
        assert_eq!(first[1], Err(CommandError::Rejected(Rejection::BookingNotFound)), "{what}");
        for n in [0, 2, 3] {
            let recorded = first[n].as_ref().unwrap();
            assert_eq!((recorded.is_repeat, recorded.at, recorded.conflicts.len()), (false, scans[n].scanned_at, 0), "{what}");
        }
        let before = bench.history().await.len();
        let again = nodes.last().unwrap().record_scans(scans.to_vec(), "stella").await.unwrap();
        for n in [0, 2, 3] {
            let first = first[n].clone().unwrap();
            assert_eq!(again[n], Ok(RecordedScan { is_repeat: true, ..first }), "{what}");
        }
        assert_eq!(bench.history().await.len(), before, "{what}");
        // Who is inside is inside for the gates, too.
        assert_eq!(code(enter(&nodes[0], &ticket, 5).await), "already_admitted", "{what}");
        assert_eq!(leave(nodes.last().unwrap(), &ticket, 5).await.unwrap().entries, 2, "{what}");
    });
}

#[test]
fn a_booking_is_judged_as_it_was_at_the_time_of_the_scan() {
    on_one_and_two_nodes(async |bench, nodes, what| {
        let before = bench.clock.now();
        let (booking, ticket) = sold(bench, &nodes[0]).await;
        later(60).await;
        let sold_at = bench.clock.now();
        later(60).await;
        exchange(&nodes[0], booking.id, &["A-1"], &["A-9"]).await.unwrap();
        later(60).await;
        let exchanged = bench.clock.now();
        later(1).await;
        nodes[0].refund(booking.id, "stan").await.unwrap();
        later(60).await;
        let now = bench.clock.now();
        let new = TicketFacts { seat: "A-9".parse().unwrap(), exchange: 1, ..ticket.clone() };
        let void = |reason| vec![ScanConflict::Void { reason }];
        for (n, code, at, conflicts) in [
            (1, &ticket, before - TimeDelta::hours(3), void(VoidTicket::NotConfirmed)),
            (2, &ticket, sold_at, vec![]),
            (3, &ticket, exchanged, void(VoidTicket::Exchanged)),
            (4, &new, sold_at, void(VoidTicket::Exchanged)),
            (5, &new, exchanged, vec![]),
            (6, &new, now, void(VoidTicket::Refunded)),
        ] {
            let scans = [made(code, Entry, 1, n, at), made(code, Exit, 1, 100 + n, at)];
            let recorded = send(nodes.last().unwrap(), &scans).await;
            assert_eq!(recorded[0].conflicts, conflicts, "{what}: scan {n}");
            assert!(recorded[1].conflicts.is_empty(), "{what}: any code lets its bearer out");
        }
        // A day ahead: it counts as made now.
        let ahead = send(&nodes[0], &[made(&new, Entry, 1, 50, now + TimeDelta::days(1))]).await;
        assert_eq!(ahead[0].conflicts, [void(VoidTicket::Refunded), vec![ScanConflict::ClockAhead]].concat(), "{what}");
        assert!(ahead[0].at < now + TimeDelta::minutes(1), "{what}");
        assert!(!ahead[0].conflicts.iter().any(is_double), "{what}");
    });
}

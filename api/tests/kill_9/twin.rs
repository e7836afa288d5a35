//! The failing twin: the checks of the kill test on logs from which something was removed.

use crate::buyers::{Fact, Ledger, Market, Rng};
use crate::check::{books_against_gateway, false_answers};
use crate::damage::position_to_accept;
use crate::put_on_sale;
use crate::support::process::{Server, token, verify};
use crate::support::surgery::{close_the_gaps, copy, take_out};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// The findings of the checks on a server that is started on this data.
async fn findings(data: &Path, facts: &BTreeMap<String, Fact>) -> Vec<String> {
    // Whatever the log's high-water mark says.
    let server = match position_to_accept(data) {
        Some(position) => Server::start_with(data, &["--accept-loss", &position]).await,
        None => Server::start(data).await,
    };
    let wrong = false_answers(&server.client, facts.clone()).await;
    server.kill();
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_notice_a_confirmation_that_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let admin = token(&data, "root", "admin");
    let server = Server::start(&data).await;
    put_on_sale(&server.client, &admin, "show-0").await;
    let market = Market {
        clients: vec![server.client.clone()],
        outages: false,
        admin,
        show: "show-0".to_owned(),
        ledger: Mutex::new(Ledger::default()),
        stop: AtomicBool::new(false),
        numbers: AtomicU64::new(0),
        seed: 7,
    };
    // Buyers with a fixed seed, until a few have their tickets.
    let (mut seed, enough) = (0, |ledger: &Ledger| ledger.count(|fact| fact.confirmed && !fact.refund_sent) >= 5);
    while !enough(&market.ledger.lock()) {
        assert!(seed < 1000, "nobody buys");
        let _some_time = tokio::time::timeout(Duration::from_secs(2), market.buy(Rng(seed))).await;
        seed += 1;
    }
    server.kill();
    let ledger = market.ledger.into_inner();
    let (victim, _) = ledger.facts.iter().find(|(_, fact)| fact.confirmed && !fact.refund_sent).unwrap();

    // The unchanged log has no findings, so those below come from the edits.
    let whole = copy(&data, &dir.path().join("whole"));
    assert_eq!(verify(&whole).0, 0);
    assert_eq!(findings(&whole, &ledger.facts).await, Vec::<String>::new());

    // Rows deleted from the middle: the log itself is broken.
    let torn = copy(&data, &dir.path().join("torn"));
    let of_victim = format!("stream = 'booking-{victim}' OR (stream LIKE 'seat-%' AND data LIKE '%{victim}%')");
    assert!(take_out(&torn, &of_victim) > 4);
    let (code, report) = verify(&torn);
    assert_eq!(code, 3, "{report:#}");

    // A log that ends before the confirmation, as a disk that lied about a sync would leave it: consistent
    // in itself. Only the recorded answers and the gateway show the loss.
    let older = copy(&data, &dir.path().join("older"));
    take_out(&older, &of_victim);
    close_the_gaps(&older);
    let wrong = findings(&older, &ledger.facts).await;
    assert!(wrong.iter().any(|line| line.contains(victim) && line.contains("is lost")), "{wrong:#?}");
    let (_, wrong) = books_against_gateway(&older).await;
    assert!(wrong.iter().any(|line| line.contains(victim) && line.contains("the log does not")), "{wrong:#?}");

    // A confirmation whose seat was never sold: the log alone shows it.
    let unsold = copy(&data, &dir.path().join("unsold"));
    let sale = format!("type = 'SeatBooked' AND data LIKE '%{victim}%'");
    assert!(take_out(&unsold, &sale) > 0);
    close_the_gaps(&unsold);
    let (code, report) = verify(&unsold);
    assert_eq!(code, 1, "{report:#}");
    let codes: Vec<_> = report["report"]["violations"].as_array().unwrap().iter().map(|v| v["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"captured_before_seats"), "{codes:?}");
    let (_, wrong) = books_against_gateway(&unsold).await;
    assert!(wrong.iter().any(|line| line.contains(victim) && line.contains("has 0 of its")), "{wrong:#?}");

    // A confirmation that is gone from a booking which is still there.
    let forgotten = copy(&data, &dir.path().join("forgotten"));
    let from_commit = format!(
        "(stream = 'booking-{victim}' AND type IN ('PaymentStarted', 'PaymentAuthorised', 'BookingCommitted', 'PaymentCaptured')) OR ({sale})"
    );
    assert!(take_out(&forgotten, &from_commit) > 3);
    close_the_gaps(&forgotten);
    let wrong = findings(&forgotten, &ledger.facts).await;
    assert!(wrong.iter().any(|line| line.contains(victim)), "{wrong:#?}");
}

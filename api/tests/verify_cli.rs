//! `lastseat verify` on the log of a real sale, whole and tampered with: what it finds, and the exit
//! status that says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use lastseat::auth::Role;
use lastseat_domain::event::{
    AbortReason, BookingCommitted, PaymentCaptured, SalesPaused, SalesResumed, SeatBooked, SeatLocked, SeatReleased,
    VoucherCause, VoucherIssued,
};
use lastseat_domain::ports::Clock;
use lastseat_domain::{BookingId, BuyerId, Currency, Event, IntentId, Money, SeatId, ShowId, StreamName, VoucherId};
use lastseat_in_process::SystemClock;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::process::{Server, run, token, verify};
use support::surgery::{copy, plant, sql, take_out};
use support::test_server::{GALA, TestServer};
use support::text;
use tempfile::TempDir;
use uuid::Uuid;

/// A sale that is over: Ann has A-1, Bob has, Carl held B-1 and let it go; Dora holds
/// B-2 for ten minutes; Eve was refunded.
struct Sale {
    dir: TempDir,
    data: PathBuf,
    ann: BookingId,
    dora: BookingId,
}

impl Sale {
    async fn hold() -> Self {
        let server = TestServer::open(600).await;
        let mut bookings = Vec::new();
        for (buyer, seats) in
            [("ann", &["A-1"][..]), ("bob", &["A-2", "A-3"]), ("carl", &["B-1"]), ("dora", &["B-2"]), ("eve", &["C-1"])]
        {
            let call = server.client.post("/v1/shows/gala/bookings").bearer(&server.token(buyer, Role::Buyer));
            bookings.push(call.json(&json!({"seats": seats})).send().await.ok(201));
        }
        for paid in [0, 1, 4] {
            server.pay(&bookings[paid], "pm_card_visa").await.ok(200);
        }
        server.cancel(&bookings[2]).await.ok(200);
        server.refund(&bookings[4]).await.ok(200);
        let id = |n: usize| text(&bookings[n], "id").parse().unwrap();
        let (ann, dora) = (id(0), id(3));
        let dir = tempfile::tempdir().unwrap();
        let running = server.data().to_owned();
        // The last reward may still be on its way into the log.
        support::eventually("the sale is at rest", async || {
            let (report, _) = support::books::read(&running).await;
            (report.pending_total == 0).then_some(())
        })
        .await;
        let data = copy(&running, &dir.path().join("sale"));
        server.close().await;
        Self { dir, data, ann, dora }
    }

    fn copy(&self, name: &str) -> PathBuf {
        copy(&self.data, &self.dir.path().join(name))
    }

    /// The codes found after these events were appended to a copy.
    async fn with(&self, name: &str, planted: &[(StreamName, Vec<Event>)]) -> Vec<String> {
        let data = self.copy(name);
        for (stream, events) in planted {
            plant(&data, stream.clone(), events, chrono::TimeDelta::zero()).await;
        }
        violations(&data)
    }
}

/// The codes of the violations; the exit status has to be 1.
fn violations(data: &Path) -> Vec<String> {
    let (code, report) = verify(data);
    assert_eq!((code, &report["clean"]), (1, &json!(false)), "{report:#}");
    let found = report["report"]["violations"].as_array().unwrap();
    assert_eq!(report["report"]["violations_total"], found.len());
    // For people the same, in the same words.
    let output = run(&["verify"], data);
    assert_eq!(output.code, 1, "{output:?}");
    for violation in found {
        assert!(output.out.contains(text(violation, "text")), "{violation} is missing in {}", output.out);
    }
    found.iter().map(|violation| text(violation, "code").to_owned()).collect()
}

fn seat(label: &str) -> StreamName {
    StreamName::seat(&ShowId::new(GALA).unwrap(), &SeatId::new(label).unwrap())
}

fn somebody(n: u128) -> BookingId {
    BookingId(Uuid::from_u128(n))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_sale_is_clean_stopped_running_or_killed() {
    let sale = Sale::hold().await;
    let (code, report) = verify(&sale.data);
    assert_eq!((code, &report["clean"]), (0, &json!(true)), "{report:#}");
    let found = &report["report"];
    assert_eq!(found["bookings"], json!({"aborted": 1, "confirmed": 2, "held": 1, "refunded": 1}));
    assert_eq!((&found["seats"]["booked"], &found["seats"]["locked"]), (&json!(3), &json!(1)));
    assert_eq!(found["money"]["EUR"], json!({"captured": 4 * 4500, "refunded": 4500, "returned_elsewhere": 0}));
    let output = run(&["verify"], &sale.data);
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    assert!(output.out.contains("No violation found."), "{}", output.out);

    // While a server runs on it and sells.
    let data = sale.copy("running");
    let server = Server::start(&data).await;
    let client = server.client.clone();
    let selling = tokio::spawn(async move {
        let mut sold = 0;
        while let Ok(held) =
            client.post("/v1/shows/gala/bookings").json(&json!({"area": "floor", "quantity": 1})).try_send().await
        {
            if held.status != 201 {
                break;
            }
            let booking: Value = held.json();
            let pay = client.post(&format!("/v1/bookings/{}/payment", text(&booking, "id"))).bearer(text(&booking, "token"));
            if pay.json(&json!({"payment_method": "pm_card_visa"})).try_send().await.is_ok() {
                sold += 1;
            }
        }
        sold
    });
    let buyer = token(&data, "ann", "buyer");
    for _ in 0..3 {
        let while_running = verify(&data);
        assert_eq!(while_running.0, 0, "{:#}", while_running.1);
    }
    let sold = selling.await.unwrap();
    assert_eq!(sold, 20);
    let events = server.client.get("/v1/audit/events?limit=1").bearer(&buyer).send().await;
    assert_eq!(events.status, 403, "a buyer is no auditor");
    server.kill();
    let (code, killed) = verify(&data);
    assert_eq!(code, 0, "{killed:#}");
    assert_eq!(killed["report"]["seats"]["booked"], 23);
    // Looking changes nothing: the next look finds the same, and the server starts on it.
    assert_eq!(verify(&data).1, killed);
    Server::start(&data).await.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_double_sale_is_found() {
    let sale = Sale::hold().await;
    let now = SystemClock.now();
    let lock = |booking: BookingId| {
        Event::from(SeatLocked {
            booking,
            buyer: BuyerId::new("mallory").unwrap(),
            price: 4500,
            expires_at: now + chrono::TimeDelta::minutes(10),
            block: None,
            exchange: 0,
        })
    };
    let thief = somebody(7);
    // On a seat that is sold, on one that is held, and sold without ever having been locked.
    let found = sale.with("sold", &[(seat("A-1"), vec![lock(thief)])]).await;
    assert!(found.contains(&"seat_two_owners".to_owned()), "{found:?}");
    let found = sale
        .with("held", &[(seat("B-2"), vec![lock(thief), SeatBooked { booking: thief, block: None, exchange: 0 }.into()])])
        .await;
    assert!(found.contains(&"seat_two_owners".to_owned()) && found.contains(&"booked_without_commit".to_owned()), "{found:?}");
    let found =
        sale.with("stolen", &[(seat("A-1"), vec![SeatBooked { booking: sale.dora, block: None, exchange: 0 }.into()])]).await;
    assert!(found.contains(&"booked_by_non_owner".to_owned()), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_charge_without_seats_is_found() {
    let sale = Sale::hold().await;
    let amount = Money { value: 4500, currency: Currency::new("EUR").unwrap() };
    let capture =
        |booking: BookingId| Event::from(PaymentCaptured { booking, intent: IntentId::new("pi_1").unwrap(), amount, draw: None });
    // A paid seat that is given away again, and money for a booking that was never decided.
    let release = SeatReleased { booking: sale.ann, reason: AbortReason::Cancelled, block: None };
    let found = sale.with("freed", &[(seat("A-1"), vec![release.into()])]).await;
    assert!(found.contains(&"charged_without_seats".to_owned()), "{found:?}");
    let found = sale.with("undecided", &[(StreamName::booking(sale.dora), vec![capture(sale.dora)])]).await;
    assert!(found.contains(&"captured_without_commit".to_owned()), "{found:?}");
    let committed = vec![BookingCommitted { booking: sale.dora }.into(), capture(sale.dora)];
    let found = sale.with("unsold", &[(StreamName::booking(sale.dora), committed)]).await;
    assert!(found.contains(&"captured_before_seats".to_owned()), "{found:?}");
    let found = sale.with("twice", &[(StreamName::booking(sale.ann), vec![capture(sale.ann)])]).await;
    assert!(found.contains(&"captured_twice".to_owned()), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_voucher_without_payment_is_found() {
    let sale = Sale::hold().await;
    let dora = BuyerId::new("dora").unwrap();
    let voucher = VoucherIssued {
        voucher: VoucherId(Uuid::from_u128(9)),
        booking: sale.dora,
        buyer: dora.clone(),
        cause: VoucherCause::Booking,
        reward: "One drink".to_owned(),
        code: None,
    };
    let found = sale.with("voucher", &[(StreamName::loyalty(&dora), vec![voucher.into()])]).await;
    assert!(found.contains(&"voucher_without_payment".to_owned()), "{found:?}");
}

/// A seat that stays taken long after its hold, by the log's own time: Dora's ten minutes are over,
/// the log goes on for two hours and more, and nobody has noticed.
#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_stuck_is_found() {
    let sale = Sale::hold().await;
    let show = ShowId::new(GALA).unwrap();
    let pause = |name| (sale.copy(name), StreamName::show(&show), [Event::from(SalesPaused { show: show.clone() })]);
    let (data, stream, events) = pause("in time");
    plant(&data, stream, &events, chrono::TimeDelta::minutes(9)).await;
    assert_eq!(verify(&data).0, 0);
    // Two hours of silence may be a server that was down; it has a minute to clear away.
    let (data, stream, events) = pause("stuck");
    plant(&data, stream.clone(), &events, chrono::TimeDelta::hours(2)).await;
    assert_eq!(verify(&data).0, 0);
    plant(&data, stream, &[SalesResumed { show: show.clone() }.into()], chrono::TimeDelta::minutes(2)).await;
    assert_eq!(violations(&data), ["stuck_seat"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_log_or_a_broken_one_is_exit_3() {
    let sale = Sale::hold().await;
    let unreadable = |data: &Path, what: &str| {
        let (code, report) = verify(data);
        assert_eq!((code, &report["clean"]), (3, &json!(false)), "{what}: {report:#}");
        assert!(!text(&report, "error").is_empty());
        let output = run(&["verify"], data);
        assert_eq!((output.code, output.out.as_str(), output.err.lines().count()), (3, "", 1), "{what}: {output:?}");
    };
    unreadable(&sale.dir.path().join("nowhere"), "no directory");
    assert!(!sale.dir.path().join("nowhere").exists());

    let foreign = sale.dir.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    unreadable(&foreign, "an empty directory");
    std::fs::write(foreign.join("events.db"), "no database at all, though long enough to be one".repeat(200)).unwrap();
    unreadable(&foreign, "a text file");
    std::fs::remove_file(foreign.join("events.db")).unwrap();
    sql(&foreign, "CREATE TABLE events (position INTEGER PRIMARY KEY)");
    unreadable(&foreign, "another program's database");

    let newer = sale.copy("newer");
    sql(&newer, "PRAGMA user_version = 99");
    unreadable(&newer, "a log of a later version");

    let torn = sale.copy("torn");
    assert_eq!(take_out(&torn, "position = 5"), 1);
    unreadable(&torn, "an event in the middle is gone");

    let orphan = sale.copy("orphan");
    sql(&orphan, "DELETE FROM streams WHERE id = 1");
    unreadable(&orphan, "a stream's name is gone");

    // Everything in one file, then a page of it overwritten.
    let scribbled = sale.copy("scribbled");
    sql(&scribbled, "PRAGMA journal_mode = DELETE");
    let file = scribbled.join("events.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096 + 100..2 * 4096].fill(0xA5);
    std::fs::write(&file, &bytes).unwrap();
    unreadable(&scribbled, "a page is overwritten");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    unreadable(&scribbled, "half of it is missing");

    // The same log, untouched, is still clean: none of this was the fault of copying.
    assert_eq!(verify(&sale.copy("again")).0, 0);
}

/// An event that a later version wrote, or nobody: it is not skipped in silence.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_a_violation() {
    let sale = Sale::hold().await;
    for (name, change, code) in [
        ("body", "SET data = '{\"nothing\":1}'", "unreadable"),
        ("version", "SET metadata = json_set(metadata, '$.v', 99)", "unknown_version"),
    ] {
        let data = sale.copy(name);
        sql(
            &data,
            &format!(
                "UPDATE events {change} WHERE type = 'SeatBooked' AND position = (SELECT max(position) FROM events WHERE type = 'SeatBooked')"
            ),
        );
        let found = violations(&data);
        assert!(found.contains(&code.to_owned()), "{name}: {found:?}");
    }
}

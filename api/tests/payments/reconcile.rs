//! `lastseat payments reconcile` and `lastseat payments show`, with the real binary over the sandbox of a directory.

use crate::support::test_server::TestServer;
use crate::support::text;
use crate::{flag, id};
use lastseat_domain::ports::PaymentGateway;
use lastseat_domain::{BookingId, Currency, IntentId, Money, Timestamp};
use lastseat_payments_sandbox::SandboxGateway;
use lastseat_testkit::payments::order;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Status, and the lines on stdout.
fn payments(data: &Path, arguments: &[&str]) -> (i32, Vec<Value>) {
    payments_with(data, arguments, &[])
}

/// Likewise, in an environment.
pub fn payments_with(data: &Path, arguments: &[&str], environment: &[(&str, String)]) -> (i32, Vec<Value>) {
    let (code, out) = run_with(data, &[&["payments"], arguments].concat(), environment);
    let values = serde_json::Deserializer::from_str(&out).into_iter().map(|value| value.unwrap_or_else(|_| panic!("{out}")));
    (code, values.collect())
}

fn run(data: &Path, arguments: &[&str]) -> (i32, String) {
    run_with(data, arguments, &[])
}

pub fn run_with(data: &Path, arguments: &[&str], environment: &[(&str, String)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastseat"));
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .current_dir(data);
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let code = output.status.code().unwrap_or(-1);
    assert!(!out.is_empty(), "{code}: {err}");
    (code, out)
}

/// The kinds of differences, with what became of each, in order of the kind's name.
pub fn kinds(lines: &[Value]) -> Vec<(String, String)> {
    let mut kinds: Vec<_> = lines
        .iter()
        .filter(|line| line["kind"].is_string())
        .map(|line| (text(line, "kind").to_owned(), text(&line["applied"], "outcome").to_owned()))
        .collect();
    kinds.sort();
    kinds
}

fn pairs(kinds: &[(&str, &str)]) -> Vec<(String, String)> {
    kinds.iter().map(|(kind, outcome)| ((*kind).to_owned(), (*outcome).to_owned())).collect()
}

fn euros(value: i64) -> Money {
    Money { value, currency: Currency::new("EUR").unwrap() }
}

/// Money reserved at the gateway for a booking, by nobody of ours.
async fn reserve(sandbox: &SandboxGateway, booking: BookingId, amount: i64) -> IntentId {
    let intent = sandbox.create(&order(booking, euros(amount))).await.unwrap().id;
    sandbox.confirm(&intent, booking, 1, "pm_card_visa").await.unwrap();
    intent
}

/// A sale, and what people and other programs did at the gateway: a refund of a confirmed booking, a charge for a
/// booking that is not in the log, a reservation for one that is over.
async fn disturbed(server: &TestServer) -> (Value, BookingId) {
    let sandbox = server.running().sandbox.clone().unwrap();
    for seat in ["A-1", "A-2"] {
        server.pay(&server.hold_seat(seat).await, "pm_card_visa").await.ok(200);
    }
    let returned = server.hold_seat("B-1").await;
    server.pay(&returned, "pm_card_visa").await.ok(200);
    let intent = sandbox.intents().iter().find(|record| record.booking == id(&returned)).unwrap().id.clone();
    sandbox.refund(&intent, id(&returned), 9, euros(4500)).await.unwrap();

    let unknown: BookingId = "11112222-3333-4444-8555-666677770001".parse().unwrap();
    let charged = reserve(&sandbox, unknown, 700).await;
    sandbox.capture(&charged, unknown).await.unwrap();

    let over = server.hold_seat("B-2").await;
    server.cancel(&over).await.ok(200);
    reserve(&sandbox, id(&over), 4500).await;
    (returned, unknown)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_by_hand_is_found_and_repaired_only_when_asked() {
    let server = TestServer::open(600).await;
    let (returned, _) = disturbed(&server).await;
    let data = server.data().to_owned();

    // A server runs, and nothing is changed.
    let found = ["aborted_authorised", "returned_by_hand", "unknown_booking_charged"].map(|kind| (kind, "not_asked"));
    for _ in 0..2 {
        let (code, lines) = payments(&data, &["reconcile", "--json"]);
        assert_eq!((code, kinds(&lines)), (1, pairs(&found)), "{lines:#?}");
        let summary = lines.last().unwrap();
        assert_eq!((&summary["payments"], &summary["wrong"], &summary["clean"]), (&5.into(), &3.into(), &false.into()));
    }

    // The server has log and sandbox: what the log records goes over HTTP, the rest has to wait.
    let url = format!("http://{}", server.running().addr);
    let (code, lines) = payments(&data, &["reconcile", "--json", "--apply", "--url", &url]);
    let expected = [("aborted_authorised", "not_done"), ("returned_by_hand", "done"), ("unknown_booking_charged", "not_done")];
    assert_eq!((code, kinds(&lines)), (1, pairs(&expected)), "{lines:#?}");
    server.wait_for_status(&returned, "refunded").await;
    assert_eq!(server.state("B-1").await, "available");

    // No server: this process has both. Another shop's payments are left alone unless that is said.
    let dir = server.stop_and_keep().await;
    let (code, lines) = payments(&data, &["reconcile", "--json", "--apply"]);
    let expected = [("aborted_authorised", "done"), ("unknown_booking_charged", "not_done")];
    assert_eq!((code, kinds(&lines)), (1, pairs(&expected)), "{lines:#?}");
    let (code, lines) = payments(&data, &["reconcile", "--json", "--apply", "--unknown-bookings"]);
    assert_eq!((code, kinds(&lines)), (0, pairs(&[("unknown_booking_charged", "done")])), "{lines:#?}");
    let (code, lines) = payments(&data, &["reconcile", "--json"]);
    assert_eq!((code, kinds(&lines)), (0, vec![]));
    let (code, out) = run(&data, &["verify"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("the payment gateway agrees with the log (5 payments)"), "{out}");
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_money_history_of_a_booking_is_in_order_with_both_sides() {
    let server = TestServer::open(600).await;
    let booking = server.hold_seat("A-1").await;
    server.pay(&booking, "pm_card_chargeDeclined").await.problem(402, "payment_declined");
    server.pay(&booking, "pm_card_visa").await.ok(200);
    let shown = |code: i32| {
        let (status, out) = run(server.data(), &["payments", "show", text(&booking, "id"), "--json"]);
        assert_eq!(status, code, "{out}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let history = shown(0);
    assert_eq!((&history["status"], &history["amount"]["value"]), (&"confirmed".into(), &4500.into()));
    let entries = history["history"].as_array().unwrap();
    // Not as text: a whole second has no decimals.
    let at = |entry: &Value| text(entry, "at").parse::<Timestamp>().unwrap();
    assert!(entries.is_sorted_by_key(at), "{entries:#?}");
    let of = |source: &str| entries.iter().filter(|entry| entry["source"] == source).map(|entry| text(entry, "what")).collect();
    let (log, gateway): (Vec<_>, Vec<_>) = (of("log"), of("gateway"));
    let expected = ["45.00 EUR held for", "attempt 1 with", "attempt 1 declined", "attempt 2 with", "45.00 EUR reserved"];
    for (line, start) in log.iter().zip(expected) {
        assert!(line.starts_with(start), "{log:#?}");
    }
    assert!(log.last().unwrap().starts_with("45.00 EUR taken"), "{log:#?}");
    assert!(gateway.len() == 1 && gateway[0].starts_with("intent pi_") && gateway[0].ends_with("now taken"), "{gateway:#?}");

    flag(&server, id(&booking), "looked odd").await;
    let people = run(server.data(), &["payments", "show", text(&booking, "id")]).1;
    assert!(people.contains("flagged for a person: looked odd") && people.contains("! its payment is flagged"), "{people}");
    let (code, out) = run(server.data(), &["payments", "show", "11112222-3333-4444-8555-666677770009"]);
    assert!(code == 1 && out.starts_with("Neither log nor gateway know"), "{code} {out}");
    server.stop_and_keep().await;
}

//! Tickets, over real HTTP: who gets them, in which forms, and what makes their codes void.

use crate::support;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use lastseat::auth::Role;
use lastseat::tickets::TicketKey;
use lastseat_domain::ticket::TicketFacts;
use serde_json::{Value, json};
use std::collections::HashSet;
use support::client::{Answer, Call};
use support::test_server::TestServer;
use support::text;
use uuid::Uuid;

async fn sold(server: &TestServer, seats: &[&str]) -> Value {
    let held = server.hold(&json!({"seats": seats})).await;
    server.pay(&held, "pm_card_visa").await.ok(200);
    held
}

fn path(booking: &Value, more: &str) -> String {
    format!("/v1/bookings/{}/tickets{more}", text(booking, "id"))
}

fn get(server: &TestServer, booking: &Value, more: &str) -> Call {
    server.client.get(&path(booking, more)).bearer(text(booking, "token"))
}

/// The codes of a booking, by seat.
async fn codes(server: &TestServer, booking: &Value, token: &str) -> Vec<(String, String)> {
    let found = server.client.get(&path(booking, "")).bearer(token).send().await.ok(200);
    let both = |ticket: &Value| (text(ticket, "seat").to_owned(), text(ticket, "ticket").to_owned());
    found["tickets"].as_array().unwrap().iter().map(both).collect()
}

fn key_of(server: &TestServer) -> TicketKey {
    TicketKey::new(&std::fs::read(server.data().join("ticket.key")).unwrap()).unwrap()
}

fn read(server: &TestServer, code: &str) -> TicketFacts {
    key_of(server).read(code).unwrap()
}

fn reissue(server: &TestServer, booking: &Value, seat: &str) -> Call {
    server.client.post(&path(booking, &format!("/{seat}/reissue"))).bearer(text(booking, "token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_booking_has_a_ticket_for_each_seat() {
    let server = TestServer::open(600).await;
    let held = server.hold(&json!({"seats": ["A-1", "A-2"]})).await;
    get(&server, &held, "").send().await.problem(409, "no_tickets");
    reissue(&server, &held, "A-1").key("early").send().await.problem(409, "no_tickets");
    server.pay(&held, "pm_card_visa").await.ok(200);
    // What was refused before it was paid is not refused for ever.
    assert_eq!(reissue(&server, &held, "A-1").key("early").send().await.ok(200)["issue"], 1);
    let answer = get(&server, &held, "").send().await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let found = answer.ok(200);
    assert_eq!((&found["booking"], text(&found, "show")), (&held["id"], "gala"));
    let tickets = found["tickets"].as_array().unwrap();
    assert_eq!(tickets.iter().map(|ticket| text(ticket, "seat")).collect::<Vec<_>>(), ["A-1", "A-2"]);
    for ticket in tickets {
        let facts = read(&server, text(ticket, "ticket"));
        assert_eq!(facts.booking.to_string(), text(&held, "id"));
        assert_eq!((facts.show.as_str(), facts.seat.as_str()), ("gala", text(ticket, "seat")));
        assert_eq!(facts.ticket().to_string(), text(ticket, "id"));
        assert!(!text(ticket, "area").is_empty() && !text(ticket, "category").is_empty(), "{ticket}");
    }
    get(&server, &held, "/Z-9").send().await.problem(404, "ticket_not_found");
    get(&server, &held, "/no%20seat").send().await.problem(404, "ticket_not_found");
    reissue(&server, &held, "Z-9").send().await.problem(404, "ticket_not_found");
    server.refund(&held).await.ok(200);
    get(&server, &held, "").send().await.problem(409, "no_tickets");
    reissue(&server, &held, "A-1").send().await.problem(409, "no_tickets");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_can_check_a_ticket_with_the_public_key_and_nobody_can_change_one() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let jwk = server.client.get("/v1/tickets/key").send().await.ok(200);
    assert_eq!((text(&jwk, "kty"), text(&jwk, "crv"), text(&jwk, "alg"), text(&jwk, "use")), ("OKP", "Ed25519", "EdDSA", "sig"));
    let public = URL_SAFE_NO_PAD.decode(text(&jwk, "x")).unwrap();
    let code = codes(&server, &booking, text(&booking, "token")).await[0].1.clone();
    let bytes = BASE32_NOPAD.decode(code.as_bytes()).unwrap();
    let (payload, signature) = bytes.split_at(bytes.len() - 64);
    let is_valid = |payload: &[u8]| UnparsedPublicKey::new(&ED25519, &public).verify(payload, signature).is_ok();
    assert!(is_valid(payload) && payload.ends_with(b"\x04galaA-1"), "{payload:?}");
    for bit in 0..payload.len() * 8 {
        let mut changed = payload.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_valid(&changed), "bit {bit}");
    }
    // Another node has the same key only if it has the same file; a restart keeps it.
    let server = server.restart().await;
    assert_eq!(server.client.get("/v1/tickets/key").send().await.ok(200), jwk);
    assert_eq!(codes(&server, &booking, text(&booking, "token")).await[0].1, code);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reissue_is_made_once_for_each_key() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1", "A-2"]).await;
    let token = text(&booking, "token").to_owned();
    let before = codes(&server, &booking, &token).await;
    let first = reissue(&server, &booking, "A-1").key("lost").send().await.ok(200);
    assert_eq!((first["issue"].as_u64(), text(&first, "seat")), (Some(1), "A-1"));
    let again = reissue(&server, &booking, "A-1").key("lost").send().await;
    assert_eq!((again.header("idempotent-replayed"), again.ok(200)), (Some("true"), first.clone()));
    let now = codes(&server, &booking, &token).await;
    assert_eq!((&now[0].1, &now[1]), (&text(&first, "ticket").to_owned(), &before[1]), "the other seat's is as it was");
    assert_ne!(now[0], before[0]);
    reissue(&server, &booking, "A-2").key("lost").send().await.ok(200);
    // The answers are forgotten with the process, and the log has the command.
    let server = server.restart().await;
    let repeated = reissue(&server, &booking, "A-1").key("lost").send().await.ok(200);
    assert_eq!(repeated, first);
    reissue(&server, &booking, "A-1").json(&json!({"issue": 7})).send().await.problem(422, "invalid_request");
    assert_eq!(reissue(&server, &booking, "A-1").send().await.ok(200)["issue"], 2);
    // Many at once: each is one, or is content with another's.
    let crowd = (0..8).map(|_| reissue(&server, &booking, "A-1").send());
    let issues: HashSet<u64> =
        futures::future::join_all(crowd).await.iter().map(|answer| answer.ok(200)["issue"].as_u64().unwrap()).collect();
    let last = get(&server, &booking, "/A-1").send().await.ok(200)["issue"].as_u64().unwrap();
    assert!(issues.iter().all(|issue| (3..=last).contains(issue)) && last <= 10, "{issues:?}, {last}");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_an_exchange_and_a_refund_leave_no_old_code_in_force() {
    let server = TestServer::open(600).await;
    let staff = server.token("stan", Role::Staff);
    let booking = sold(&server, &["A-1", "A-2", "A-3"]).await;
    let old = codes(&server, &booking, &staff).await;
    let post = |what: &str, body: Value| {
        server.client.post(&format!("/v1/bookings/{}/{what}", text(&booking, "id"))).bearer(&staff).json(&body)
    };
    post("exchange", json!({"leaves": ["A-1"], "takes": ["A-9"]})).send().await.ok(200);
    let moved = codes(&server, &booking, &staff).await;
    assert_eq!((moved[0].clone(), moved[1].clone(), moved[2].0.as_str()), (old[1].clone(), old[2].clone(), "A-9"));
    get(&server, &booking, "/A-1").send().await.problem(404, "ticket_not_found");
    post("exchange", json!({"leaves": ["A-9"], "takes": ["A-1"]})).send().await.ok(200);
    let back = codes(&server, &booking, &staff).await;
    assert_eq!((back[0].0.as_str(), &back[1..]), ("A-1", &old[1..]));
    assert_ne!(back[0], old[0], "the seat left the booking and came back");
    post("refund", json!({"seats": ["A-3"]})).send().await.ok(200);
    assert_eq!(codes(&server, &booking, &staff).await, back[..2]);
    post("transfer", json!({"buyer": "bob"})).send().await.ok(200);
    get(&server, &booking, "").send().await.problem(404, "booking_not_found");
    reissue(&server, &booking, "A-1").send().await.problem(404, "booking_not_found");
    let bobs = codes(&server, &booking, &server.token("bob", Role::Buyer)).await;
    assert!(bobs.len() == 2 && bobs.iter().all(|code| !back.contains(code)), "{bobs:?}");
    post("transfer", json!({"buyer": "anna"})).send().await.ok(200);
    let annas = codes(&server, &booking, &server.token("anna", Role::Buyer)).await;
    assert!(annas.iter().all(|code| !back.contains(code) && !bobs.contains(code)));
    // The books of the other tests know no refund of a part.
    server.stop_and_keep().await;
}

fn kind(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("content-type").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_drawn_as_codes_on_a_page_and_in_a_pdf() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1", "A-2"]).await;
    let code = codes(&server, &booking, text(&booking, "token")).await[0].1.clone();
    let svg = get(&server, &booking, "/A-1?format=svg").send().await;
    assert_eq!(kind(&svg), "image/svg+xml");
    assert!(svg.body.starts_with(b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 49 49\""), "version 6 and its margin");
    let png = get(&server, &booking, "/A-1").header("accept", "image/png").send().await;
    assert_eq!(kind(&png), "image/png");
    assert!(png.body.starts_with(b"\x89PNG\r\n"));
    let page = get(&server, &booking, "").header("accept", "text/html,*/*;q=0.8").send().await;
    assert_eq!(kind(&page), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert_eq!((html.matches("<svg ").count(), html.contains("style="), html.contains(&code)), (2, false, true));
    assert_eq!(kind(&server.client.get("/assets/tickets.css").send().await), "text/css; charset=utf-8");
    let pdf = get(&server, &booking, "?format=pdf").send().await;
    assert_eq!(kind(&pdf), "application/pdf");
    let text_of_pdf = String::from_utf8_lossy(&pdf.body).into_owned();
    assert!(pdf.body.starts_with(b"%PDF-1.7") && text_of_pdf.trim_end().ends_with("%%EOF"));
    assert_eq!(text_of_pdf.matches("/Type /Page\n").count(), 2, "{text_of_pdf}");
    get(&server, &booking, "?format=png").send().await.problem(400, "invalid_parameter");
    get(&server, &booking, "/A-1?format=gif").send().await.problem(400, "invalid_parameter");
    server.close().await;
}

async fn scan(server: &TestServer, body: &Value) -> Answer {
    server.client.post("/v1/checkins").bearer(&server.token("stan", Role::Staff)).json(body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_admits_once_and_a_void_or_forged_one_never() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1", "A-2"]).await;
    let token = text(&booking, "token").to_owned();
    let tickets = codes(&server, &booking, &token).await;
    let entry = |code: &str, gate: &str| json!({"ticket": code, "gate": gate});
    let first = entry(&tickets[0].1, "north");
    let buyer = server.token("anna", Role::Buyer);
    server.client.post("/v1/checkins").bearer(&buyer).json(&first).send().await.problem(403, "forbidden");
    server.client.post("/v1/checkins").bearer(&token).json(&first).send().await.problem(403, "forbidden");
    server.client.post("/v1/checkins").json(&first).send().await.problem(401, "authentication_required");
    let other_show = json!({"ticket": tickets[0].1, "gate": "north", "show": "opera"});
    assert_eq!(scan(&server, &other_show).await.problem(409, "ticket_of_other_show")["show"], "gala");
    let admitted = scan(&server, &json!({"ticket": tickets[0].1, "gate": "north", "show": "gala"})).await.ok(200);
    assert_eq!((text(&admitted, "seat"), text(&admitted, "gate"), &admitted["entries"]), ("A-1", "north", &json!(1)));
    let refused = scan(&server, &entry(&tickets[0].1, "south")).await.problem(409, "already_admitted");
    assert_eq!((&refused["gate"], &refused["admitted_at"]), (&json!("north"), &admitted["at"]));
    // Out for a while, and in again by another gate.
    let exit = json!({"ticket": tickets[0].1, "gate": "north", "type": "exit"});
    assert_eq!(scan(&server, &exit).await.ok(200)["type"], "exit");
    scan(&server, &exit).await.problem(409, "not_admitted");
    assert_eq!(scan(&server, &entry(&tickets[0].1, "south")).await.ok(200)["entries"], 2);
    // Issued again: the old code is void, and the new one is good once.
    let new = reissue(&server, &booking, "A-2").send().await.ok(200);
    assert_eq!(scan(&server, &entry(&tickets[1].1, "north")).await.problem(409, "ticket_void")["reason"], "reissued");
    scan(&server, &entry(text(&new, "ticket"), "north")).await.ok(200);
    server.refund(&booking).await.ok(200);
    let over = scan(&server, &entry(&tickets[0].1, "north")).await.problem(409, "ticket_void");
    assert_eq!(over["reason"], "refunded");
    let foreign = TicketKey::new(&[9; 32]).unwrap().sign(&read(&server, &tickets[0].1));
    scan(&server, &entry(&foreign, "north")).await.problem(422, "ticket_forged");
    scan(&server, &entry("https://tickets.example/17", "north")).await.problem(422, "not_a_ticket");
    scan(&server, &entry(&tickets[0].1, "North Gate")).await.problem(422, "invalid_request");
    for wrong in [json!({"type": "sideways"}), json!({"device": "scanner-7"}), json!({"scan": Uuid::nil()})] {
        let mut body = entry(&tickets[0].1, "north");
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        scan(&server, &body).await.problem(422, "invalid_request");
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tickets_of_a_cancelled_show_admit_nobody() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let code = codes(&server, &booking, text(&booking, "token")).await[0].1.clone();
    let manager = server.token("mary", Role::Manager);
    server.client.post("/v1/shows/gala/cancel").bearer(&manager).send().await.ok(200);
    scan(&server, &json!({"ticket": code, "gate": "north"})).await.problem(410, "show_cancelled");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_50_gates_one_admits_over_http_and_a_repeat_of_its_scan_is_admitted_again() {
    let server = TestServer::open(600).await;
    let booking = sold(&server, &["A-1"]).await;
    let code = codes(&server, &booking, text(&booking, "token")).await[0].1.clone();
    let at = |server: &TestServer, n: usize| {
        let body = json!({"ticket": code, "gate": format!("gate-{n}")});
        server.client.post("/v1/checkins").bearer(&server.token("stan", Role::Staff)).key(&format!("scan-{n}")).json(&body)
    };
    let answers = futures::future::join_all((0..50).map(|n| at(&server, n).send())).await;
    let admitted: Vec<usize> = (0..50).filter(|n| answers[*n].status == 200).collect();
    let [by] = admitted[..] else { panic!("{admitted:?} admit") };
    // By a scan of its own, and with the same id twice.
    let exit = json!({"ticket": code, "gate": "north", "type": "exit", "device": "scanner-7", "scan": Uuid::from_u128(7)});
    let left = scan(&server, &exit).await.ok(200);
    let in_again = scan(&server, &json!({"ticket": code, "gate": "south"})).await.ok(200);
    assert_eq!((&left["entries"], &in_again["entries"]), (&json!(1), &json!(2)));
    // After a restart the log alone knows the scans. Each gets the answer that it had.
    let server = server.restart().await;
    assert_eq!(at(&server, by).send().await.ok(200), answers[by].clone().ok(200));
    assert_eq!(scan(&server, &exit).await.ok(200), left);
    for n in (0..50).filter(|n| *n != by) {
        at(&server, n).send().await.problem(409, "already_admitted");
    }
    server.close().await;
}

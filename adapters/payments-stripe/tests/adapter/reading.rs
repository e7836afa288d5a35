//! What is read from Stripe's answers, and what is sent.

use crate::server::{Request, Server, error, ok};
use crate::support::{booking, captured, eur, gateway, intent, order, pi};
use lastseat_domain::ports::payments::{Dispute, GatewayFault, IntentStatus, NextAction};
use lastseat_domain::ports::{PaymentGateway, PaymentRecords};
use lastseat_domain::{BookingId, Timestamp};
use serde_json::{Value, json};

async fn read(body: Value) -> lastseat_domain::ports::payments::Intent {
    let server = Server::start(move |_| ok(body.clone())).await;
    gateway(&server.url).retrieve(&pi()).await.unwrap()
}

fn with_charge(status: &str, charge: Value) -> Value {
    let mut body = intent(status);
    body["latest_charge"] = charge;
    body
}

#[tokio::test]
async fn statuses() {
    for (status, expected) in [
        ("requires_payment_method", IntentStatus::RequiresPaymentMethod),
        ("requires_confirmation", IntentStatus::RequiresPaymentMethod),
        ("processing", IntentStatus::Processing),
        ("requires_capture", IntentStatus::RequiresCapture),
        ("succeeded", IntentStatus::Succeeded),
        ("canceled", IntentStatus::Canceled),
        ("requires_action", IntentStatus::RequiresAction(NextAction::ConfirmClientSide)),
    ] {
        assert_eq!(read(intent(status)).await.status, expected, "{status}");
    }
}

#[tokio::test]
async fn the_banks_page_is_a_redirect_and_the_rest_is_stripe_js() {
    let mut body = intent("requires_action");
    body["next_action"] = json!({ "type": "redirect_to_url", "redirect_to_url": { "url": "https://bank.example/1" } });
    let url = "https://bank.example/1".to_owned();
    assert_eq!(read(body.clone()).await.status, IntentStatus::RequiresAction(NextAction::Redirect { url }));
    body["next_action"] = json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} });
    assert_eq!(read(body).await.status, IntentStatus::RequiresAction(NextAction::ConfirmClientSide));
}

#[tokio::test]
async fn an_authorisation_says_until_when_it_can_be_captured() {
    let charge = json!({ "id": "ch_1", "amount_captured": 0, "amount_refunded": 0,
        "payment_method_details": { "card": { "capture_before": 1_790_600_000 } } });
    let intent = read(with_charge("requires_capture", charge)).await;
    assert_eq!(intent.capture_before, Timestamp::from_timestamp(1_790_600_000, 0));
    assert_eq!((intent.captured, intent.refunded), (0, 0));
    assert_eq!(read(captured(0)).await.capture_before, None);
}

#[tokio::test]
async fn money_moved_only_if_it_was_captured() {
    let intent = read(captured(1_000)).await;
    assert_eq!((intent.captured, intent.refunded), (4_250, 1_000));
    // Stripe's charge of a cancelled authorisation.
    let released = json!({ "id": "ch_1", "amount": 4250, "amount_captured": 0, "amount_refunded": 4250, "refunded": true });
    let intent = read(with_charge("canceled", released)).await;
    assert_eq!((intent.captured, intent.refunded), (0, 0));
}

#[tokio::test]
async fn a_charge_that_is_an_id_only() {
    let intent = read(with_charge("requires_payment_method", json!("ch_1"))).await;
    assert_eq!((intent.captured, intent.refunded, intent.capture_before), (0, 0, None));
}

/// People clear metadata in Stripe's dashboard. The intent's id comes from the log, so that is no contradiction.
#[tokio::test]
async fn an_intent_without_metadata_is_read_by_every_step() {
    for metadata in [json!({}), json!(null), json!({ "lastseat_booking": "" })] {
        let mut body = captured(0);
        body["metadata"] = metadata;
        let server = Server::start(move |_| ok(body.clone())).await;
        let gateway = gateway(&server.url);
        for answer in [
            gateway.retrieve(&pi()).await,
            gateway.confirm(&pi(), booking(), 1, "pm_card_visa").await,
            gateway.capture(&pi(), booking()).await,
            gateway.cancel(&pi(), booking()).await,
            gateway.refund(&pi(), booking(), 1, eur(4_250)).await,
        ] {
            let intent = answer.unwrap();
            assert_eq!((intent.booking, intent.captured, intent.fits(booking())), (None, 4_250, true));
        }
    }
}

#[tokio::test]
async fn an_intent_that_names_another_booking_does_not_fit() {
    let another = BookingId::from_key("stripe", "another");
    let mut body = intent("succeeded");
    body["metadata"]["lastseat_booking"] = json!(another.to_string());
    let intent = read(body).await;
    assert_eq!((intent.booking, intent.fits(booking()), intent.fits(another)), (Some(another), false, true));
}

#[tokio::test]
async fn declines_have_the_reason_that_says_most() {
    for (body, reason) in [
        (json!({ "code": "card_declined", "decline_code": "insufficient_funds" }), "insufficient_funds"),
        (json!({ "code": "card_declined", "decline_code": "generic_decline" }), "card_declined"),
        (json!({ "code": "expired_card" }), "expired_card"),
        (json!({ "type": "card_error" }), "card_declined"),
    ] {
        let mut body = body;
        body["payment_intent"] = intent("requires_payment_method");
        let server = Server::start(move |_| error(402, body.clone())).await;
        let intent = gateway(&server.url).confirm(&pi(), booking(), 1, "pm_card").await.unwrap();
        assert_eq!(intent.last_decline.as_deref(), Some(reason));
    }
}

#[tokio::test]
async fn lists_page_by_page_with_intents_of_others() {
    let script = |request: &Request| {
        let mut disputed = captured(0);
        disputed["latest_charge"]["disputed"] = json!(true);
        disputed["id"] = json!("pi_2");
        let mut others = intent("canceled");
        others["metadata"] = json!({ "shop": "another" });
        others["id"] = json!("pi_3");
        let first = !request.target.contains("starting_after=");
        ok(json!({ "object": "list", "has_more": first, "data": if first { vec![disputed] } else { vec![others] } }))
    };
    let server = Server::start(script).await;
    let gateway = gateway(&server.url);
    let first = gateway.list(None).await.unwrap();
    assert!(first.next.is_some() && first.records[0].dispute == Dispute::Open && first.records[0].booking == Some(booking()));
    let second = gateway.list(first.next.as_ref()).await.unwrap();
    assert!(second.next.is_none() && second.records[0].booking.is_none());
    let targets: Vec<String> = server.seen().into_iter().map(|request| request.target).collect();
    assert!(targets[0].contains("limit=100") && targets[0].contains("data.latest_charge"), "{targets:?}");
    assert!(targets[1].contains("starting_after=pi_2"), "{targets:?}");
}

/// Stripe adds statuses, and currencies, and people's programs write into metadata.
#[tokio::test]
async fn an_odd_intent_is_reported_by_its_id_and_the_rest_is_listed() {
    let with = |id: &str, member: &str, value: Value| {
        let mut body = captured(0);
        body["id"] = json!(id);
        body[member] = value;
        body
    };
    let data = json!([
        with("pi_1", "status", json!("succeeded")),
        with("pi_2", "status", json!("requires_patience")),
        with("pi_3", "currency", json!("??")),
        with("pi_4", "amount", json!("a lot")),
        with("pi_5", "metadata", json!(["S3cret"])),
        with("pi_6", "id", json!(7)),
        with("pi_7", "status", json!("succeeded")),
        with("pi_8", "status", json!(null)),
    ]);
    let body = move |data: Value| ok(json!({ "object": "list", "has_more": true, "data": data }));
    let all = data.clone();
    let server = Server::start(move |_| body(all.clone())).await;
    let page = gateway(&server.url).list(None).await.unwrap();
    let listed: Vec<&str> = page.records.iter().map(|record| record.intent.as_str()).collect();
    assert_eq!(listed, ["pi_1", "pi_7"]);
    let odd: Vec<&str> = page.unreadable.iter().map(|record| record.name()).collect();
    assert_eq!(odd, ["pi_2", "pi_3", "pi_4", "pi_5", "(no id)", "pi_8"]);
    let whys: Vec<&str> = page.unreadable.iter().map(|record| record.why.as_str()).collect();
    assert_eq!((whys[0], whys[2]), ("an unknown status, requires_patience", "no `amount` that can be read"));
    assert!(!whys.concat().contains("S3cret"), "{whys:?}");
    let bookings: Vec<bool> = page.unreadable.iter().map(|record| record.booking == Some(booking())).collect();
    assert_eq!(bookings, [true, true, true, false, true, true]);
    assert_eq!(page.next.as_ref().map(|id| id.as_str()), Some("pi_8"), "the next page follows the odd one");

    let nameless = json!([data[5]]);
    let server = Server::start(move |_| body(nameless.clone())).await;
    assert!(gateway(&server.url).list(None).await.is_err(), "it would be read for ever");
}

#[tokio::test]
async fn requests_name_key_version_and_booking() {
    let server = Server::start(|_| ok(intent("requires_payment_method"))).await;
    let gateway = gateway(&server.url);
    gateway.create(&order()).await.unwrap();
    gateway.confirm(&pi(), booking(), 3, "pm_card_visa").await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), Some(format!("Bearer {}", crate::support::KEY).as_str()));
    assert_eq!(seen[0].header("stripe-version"), Some("2026-09-30.endive"));
    assert_eq!(seen[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    for part in [
        "amount=4250".to_owned(),
        "currency=eur".to_owned(),
        "capture_method=manual".to_owned(),
        "allowed_payment_method_types[0]=card".to_owned(),
        format!("metadata[lastseat_booking]={}", booking()),
    ] {
        assert!(seen[0].body.contains(&part), "{part} is not in {}", seen[0].body);
    }
    assert_eq!(seen[1].target, "/v1/payment_intents/pi_1/confirm");
    let page = format!("return_url=https://shop.example/?booking={}", booking());
    let body = seen[1].body.replace("%3A", ":").replace("%2F", "/").replace("%3F", "?").replace("%3D", "=");
    assert!(body.contains("payment_method=pm_card_visa") && body.contains(&page) && !body.contains("token"), "{body}");
    assert_eq!(seen[1].key(), Some(format!("confirm-pi_1-{}-3", booking()).as_str()));
}

#[tokio::test]
async fn the_bank_leads_back_to_the_page_that_the_payment_names() {
    let server = Server::start(|_: &Request| ok(captured(0))).await;
    let page = "https://shop.example/thanks?order=4711";
    let confirmed = gateway(&server.url).confirm_returning_to(&pi(), booking(), 1, "pm_card_visa", page).await;
    confirmed.unwrap();
    let seen = server.seen();
    let body = seen[0].body.replace("%3A", ":").replace("%2F", "/").replace("%3F", "?").replace("%3D", "=");
    assert!(body.contains(&format!("return_url={page}")), "{body}");
    assert_eq!(seen[0].key(), Some(format!("confirm-pi_1-{}-1", booking()).as_str()));
}

#[tokio::test]
async fn refunds_are_numbered_and_show_the_sum() {
    let script = |request: &Request| match request.method.as_str() {
        "POST" => ok(json!({ "id": "re_1", "object": "refund", "status": "succeeded" })),
        _ => ok(captured(1_500)),
    };
    let server = Server::start(script).await;
    let intent = gateway(&server.url).refund(&pi(), booking(), 2, eur(500)).await.unwrap();
    assert_eq!(intent.refunded, 1_500);
    let seen = server.seen();
    assert_eq!(seen[0].key(), Some(format!("refund-{}-2-1", booking()).as_str()));
    for part in ["amount=500", "payment_intent=pi_1", "metadata[lastseat_refund]=2"] {
        assert!(seen[0].body.contains(part), "{part} is not in {}", seen[0].body);
    }
}

#[tokio::test]
async fn refunds_on_record_have_their_numbers_and_whether_they_failed() {
    let refund = |status: &str, number: Option<&str>| {
        let metadata = number.map_or(json!({}), |number| json!({ "lastseat_refund": number }));
        json!({ "id": "re_1", "status": status, "metadata": metadata })
    };
    let listed = [refund("succeeded", None), refund("failed", Some("2")), refund("pending", Some("1"))];
    let server = Server::start(move |_| ok(json!({ "data": listed, "has_more": false }))).await;
    let found = gateway(&server.url).refunds(&pi()).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|refund| (refund.number, refund.failed)).collect();
    assert_eq!(found, [(None, false), (Some(2), true), (Some(1), false)]);
    assert!(server.seen()[0].target.contains("payment_intent=pi_1"), "{:?}", server.lines());
}

#[tokio::test]
async fn a_dispute_is_open_until_it_is_won_or_lost() {
    for (statuses, stands) in [
        (&[][..], Dispute::None),
        (&["needs_response"], Dispute::Open),
        (&["warning_under_review"], Dispute::Open),
        (&["a_new_status"], Dispute::Open),
        (&["won"], Dispute::None),
        (&["won", "under_review"], Dispute::Open),
        (&["lost", "warning_closed"], Dispute::Lost),
        (&["lost", "under_review"], Dispute::Lost),
    ] {
        let data: Vec<_> = statuses.iter().map(|status| json!({ "id": "dp_1", "status": status })).collect();
        let server = Server::start(move |_| ok(json!({ "data": data, "has_more": false }))).await;
        assert_eq!(gateway(&server.url).dispute(&pi()).await, Ok(stands), "{statuses:?}");
        let target = server.seen()[0].target.clone();
        assert!(target.starts_with("/v1/disputes?") && target.contains("payment_intent=pi_1"), "{target}");
    }
}

#[tokio::test]
async fn a_refund_that_the_bank_refuses_is_refused() {
    let failed = json!({ "id": "re_1", "status": "failed", "failure_reason": "lost_or_stolen_card" });
    let server = Server::start(move |_| ok(failed.clone())).await;
    let answer = gateway(&server.url).refund(&pi(), booking(), 1, eur(500)).await;
    assert!(matches!(&answer, Err(GatewayFault::Refused { code, .. }) if code == "lost_or_stolen_card"), "{answer:?}");
}

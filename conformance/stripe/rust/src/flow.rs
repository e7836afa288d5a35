//! What a shop does with payments.

use crate::hook::header;
use futures_util::TryStreamExt;
use std::collections::{BTreeSet, HashMap};
use stripe::{Client, IdempotencyKey, RequestStrategy, StripeError, StripeRequest};
use stripe_core::payment_intent::{
    CancelPaymentIntent, CancelPaymentIntentCancellationReason, CapturePaymentIntent, ConfirmPaymentIntent, CreatePaymentIntent,
    ListPaymentIntent, RetrievePaymentIntent,
};
use stripe_core::refund::{CreateRefund, ListRefund, RetrieveRefund};
use stripe_shared::{
    ApiErrors, PaymentIntent, PaymentIntentAllowedPaymentMethodTypes, PaymentIntentCaptureMethod, PaymentIntentStatus as Status,
};
use stripe_types::{Currency, Expandable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn new(amount: i64) -> CreatePaymentIntent {
    CreatePaymentIntent::new(amount, Currency::EUR)
        .capture_method(PaymentIntentCaptureMethod::Manual)
        .allowed_payment_method_types(vec![PaymentIntentAllowedPaymentMethodTypes::Card])
        .description("one seat")
        .metadata(HashMap::from([("lastseat_show".to_owned(), "demo".to_owned())]))
}

/// The error that Stripe reports, with its status.
fn refused<T>(answer: Result<T, StripeError>) -> (u16, Box<ApiErrors>) {
    match answer {
        Err(StripeError::Stripe(error, status)) => (status, error),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

fn code(error: &ApiErrors) -> Option<&str> {
    error.code.as_ref().map(|code| code.as_str())
}

pub async fn idempotency(client: &Client) {
    let keyed = |amount| {
        let key = IdempotencyKey::new("a").unwrap();
        new(amount).customize().request_strategy(RequestStrategy::Idempotent(key))
    };
    let first = keyed(1200).send(client).await.unwrap();
    assert_eq!(keyed(1200).send(client).await.unwrap().id, first.id);
    let (status, error) = refused(keyed(1300).send(client).await);
    assert_eq!((status, error.type_.as_str()), (400, "idempotency_error"));
    // The client's own repeats have a key as well.
    let repeated = new(1200).customize().request_strategy(RequestStrategy::ExponentialBackoff(3));
    assert_ne!(repeated.send(client).await.unwrap().id, first.id);
    let listed = ListPaymentIntent::new().send(client).await.unwrap();
    assert_eq!(listed.data.len(), 2);
}

/// A decline, then a success, the capture, a part of the money back, and the rest.
pub async fn payment_and_refunds(client: &Client) {
    let made = new(1200).send(client).await.unwrap();
    assert_eq!((made.status, made.metadata["lastseat_show"].as_str()), (Status::RequiresPaymentMethod, "demo"));
    let confirm = |method: &str| ConfirmPaymentIntent::new(made.id.clone()).payment_method(method);
    let (status, error) = refused(confirm("pm_card_chargeDeclinedInsufficientFunds").send(client).await);
    assert_eq!((status, error.type_.as_str(), code(&error)), (402, "card_error", Some("card_declined")));
    assert_eq!(error.decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(error.payment_intent.unwrap().status, Status::RequiresPaymentMethod);

    let confirmed = confirm("pm_card_visa").expand(vec!["latest_charge".to_owned()]).send(client).await.unwrap();
    assert_eq!((confirmed.status, confirmed.amount_capturable), (Status::RequiresCapture, 1200));
    let shown = RetrievePaymentIntent::new(made.id.clone()).expand(vec!["latest_charge".to_owned()]).send(client).await.unwrap();
    let Some(Expandable::Object(charge)) = shown.latest_charge else { panic!("the charge is not expanded") };
    let card = charge.payment_method_details.as_ref().and_then(|details| details.card.as_ref()).unwrap();
    assert!(card.capture_before.unwrap() > charge.created + 6 * 24 * 3600);
    let captured = CapturePaymentIntent::new(made.id.clone()).send(client).await.unwrap();
    assert_eq!((captured.status, captured.amount_received), (Status::Succeeded, 1200));
    let (status, error) = refused(CapturePaymentIntent::new(made.id.clone()).send(client).await);
    assert_eq!((status, code(&error)), (400, Some("payment_intent_unexpected_state")));

    let part = CreateRefund::new().payment_intent(made.id.as_str()).amount(200).send(client).await.unwrap();
    assert_eq!((part.amount, part.status.as_deref()), (200, Some("succeeded")));
    assert_eq!(RetrieveRefund::new(part.id).send(client).await.unwrap().amount, 200);
    assert_eq!(CreateRefund::new().charge(charge.id.as_str()).send(client).await.unwrap().amount, 1000);
    let (_, error) = refused(CreateRefund::new().charge(charge.id.as_str()).send(client).await);
    assert_eq!(code(&error), Some("charge_already_refunded"));
    assert_eq!(ListRefund::new().payment_intent(made.id.as_str()).send(client).await.unwrap().data.len(), 2);
}

/// A card that has to authenticate; then the buyer does not want the seat any more.
pub async fn bank(client: &Client) {
    let made: PaymentIntent = new(1200)
        .payment_method("pm_card_authenticationRequired")
        .confirm(true)
        .return_url("http://127.0.0.1:9/shop")
        .send(client)
        .await
        .unwrap();
    assert_eq!(made.status, Status::RequiresAction);
    let page = made.next_action.and_then(|action| action.redirect_to_url).and_then(|redirect| redirect.url).unwrap();
    let location = answer_page(&page).await;
    assert!(location.contains("redirect_status=succeeded"), "{location}");
    let shown = RetrievePaymentIntent::new(made.id.clone()).send(client).await.unwrap();
    assert_eq!(shown.status, Status::RequiresCapture);
    let reason = CancelPaymentIntentCancellationReason::Abandoned;
    let cancelled = CancelPaymentIntent::new(made.id).cancellation_reason(reason).send(client).await.unwrap();
    assert_eq!(cancelled.status, Status::Canceled);
}

/// Sends the form of the bank's page; returns where it leads to.
async fn answer_page(page: &str) -> String {
    let (host, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 15\r\n\r\nresult=complete"
    );
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    header(&answer, "location").to_owned()
}

/// Page by page; and what a list does not have.
pub async fn lists(client: &Client) {
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(new(1200).send(client).await.unwrap().id.to_string());
    }
    let pages = ListPaymentIntent::new().limit(2).paginate().stream(client);
    let listed: Vec<String> = pages.map_ok(|intent| intent.id.to_string()).try_collect().await.unwrap();
    let distinct: BTreeSet<String> = listed.iter().cloned().collect();
    assert!(listed.len() == 9 && distinct.len() == 9 && made.is_subset(&distinct), "{listed:?}");
    let (status, error) = refused(RetrievePaymentIntent::new("pi_none").send(client).await);
    assert_eq!((status, code(&error)), (404, Some("resource_missing")));
    let (status, error) = refused(new(10).send(client).await);
    assert_eq!((status, code(&error)), (400, Some("amount_too_small")));
}

pub async fn refuses_live_keys(client: &Client) {
    let (status, _) = refused(ListPaymentIntent::new().send(client).await);
    assert_eq!(status, 401);
}

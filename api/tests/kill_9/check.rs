//! Checks that every recorded answer is still true.

use crate::buyers::Fact;
use crate::support::books::{self, Books, End};
use crate::support::client::Client;
use crate::support::seats_of;
use futures::StreamExt;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::Clock;
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::StoredPayments;
use serde_json::Value;
use std::path::Path;

/// Reads every one of these bookings from the server and lists those that differ from the answers.
pub async fn false_answers(client: &Client, facts: impl IntoIterator<Item = (String, Fact)>) -> Vec<String> {
    let asked = futures::stream::iter(facts).map(async |(id, fact)| {
        let answer = client.get(&format!("/v1/bookings/{id}")).bearer(&fact.token).send().await;
        let now = SystemClock.now();
        match answer.status {
            200 => differs(&fact, &answer.json(), now).map(|why| format!("booking {id} {why}; answered: {fact:?}")),
            _ => Some(format!("booking {id} is lost ({}); answered: {fact:?}", answer.status)),
        }
    });
    asked.buffer_unordered(8).filter_map(async |wrong| wrong).collect().await
}

fn differs(fact: &Fact, booking: &Value, now: Timestamp) -> Option<String> {
    let status = booking["status"].as_str().unwrap_or_default();
    if seats_of(booking) != fact.seats || booking["amount"]["value"] != fact.amount {
        return Some(format!("has other seats or another price: {booking}"));
    }
    let wrong = if fact.refunded {
        status != "refunded"
    } else if fact.confirmed {
        status != "confirmed" && !(fact.refund_sent && status == "refunded")
    } else if fact.cancelled {
        status != "aborted"
    } else {
        // Only its deadline may end a hold that nobody touched.
        !fact.pay_sent && !fact.cancel_sent && now < fact.deadline && status != "held"
    };
    wrong.then(|| format!("is {status}"))
}

/// Books of a directory, against its gateway's payments. The server may be running.
pub async fn books_against_gateway(data: &Path) -> (Books, Vec<String>) {
    let (_, books) = books::read(data).await;
    let intents = StoredPayments::open(&data.join("sandbox.db")).unwrap().all().unwrap();
    let mut wrong = books.compare_with_gateway(&intents);
    let taken: i64 = intents.iter().map(|intent| intent.kept()).sum();
    if taken != books.revenue() {
        wrong.push(format!("the gateway has {taken}, the confirmed bookings come to {}", books.revenue()));
    }
    let open = books.bookings.values().filter(|book| book.end == End::Open).count();
    if open > 0 {
        wrong.push(format!("{open} bookings have not ended"));
    }
    (books, wrong)
}

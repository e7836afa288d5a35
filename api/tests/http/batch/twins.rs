//! Twins that must fail: keys of holds that leave out the place in the batch, or the batch's content. A seller who
//! compares its answers with what it asked for has to notice.

use crate::common::start_for_test;
use http::HeaderMap;
use lastseat::auth::{Caller, Role};
use lastseat::idempotency::Keyed;
use lastseat::routes::bookings::batch::keys;
use lastseat_domain::{BuyerId, SeatId, ShowId};
use lastseat_engine::{Hold, HoldRequest, SeatSelection};
use std::collections::BTreeSet;

type KeyOf = fn(&Keyed, usize) -> Keyed;

/// A batch of holds of one seat each, under the key `k`, as the route sends it to the engine.
fn requests(server: &crate::common::TestServer, holds: &[(&str, &str)], key_of: KeyOf) -> Vec<HoldRequest> {
    let (show, caller) = (ShowId::new("demo").unwrap(), Caller::Token { sub: BuyerId::new("root").unwrap(), role: Role::Admin });
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", "k".parse().unwrap());
    let batch = Keyed::read(&headers, &caller, "POST", super::BATCH, format!("{holds:?}").as_bytes()).unwrap().unwrap();
    let request = |(place, (buyer, seat)): (usize, &(&str, &str))| {
        let key = key_of(&batch, place);
        let booking = keys::booking_of(&server.auth, &caller, &show, &key);
        let seats = SeatSelection::Seats(vec![SeatId::new(seat).unwrap()]);
        let buyer = BuyerId::new(buyer).unwrap();
        HoldRequest { fingerprint: Some(key.fingerprint()), ..HoldRequest::new(booking, show.clone(), seats, buyer) }
    };
    holds.iter().enumerate().map(request).collect()
}

/// What a seller finds wrong with its answers: to a batch, its repeat, and another batch under the same key.
async fn complaints(key_of: KeyOf) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let mut wrong = Vec::new();
    let batch = [("bob", "A-1"), ("eve", "A-2"), ("eve", "A-3")];
    let other = [("dan", "B-1"), ("zoe", "B-2"), ("eve", "A-3")];
    let mut first = BTreeSet::new();
    for (name, holds) in [("first", batch), ("repeat", batch), ("other", other)] {
        let answers = server.box_office.hold_all(&requests(&server, &holds, key_of), "root").await;
        let held: Vec<Option<Hold>> = answers.into_iter().map(Result::ok).collect();
        for ((buyer, seat), hold) in holds.iter().zip(&held) {
            let Some(booking) = hold.as_ref().map(|hold| &hold.booking) else { continue };
            let (whose, which) = (booking.buyer().unwrap().as_str(), booking.seats()[0].seat.as_str());
            if (whose, which) != (*buyer, *seat) {
                wrong.push(format!("{name}: {buyer} asked for {seat} and got {which} of {whose}"));
            }
        }
        let bookings: BTreeSet<_> = held.iter().flatten().map(|hold| hold.booking.id).collect();
        match name {
            "first" => first = bookings,
            "repeat" if bookings != first => wrong.push("the repeat has other bookings".to_owned()),
            "other" if held.iter().any(Option::is_some) => wrong.push("another batch under the key was not refused".to_owned()),
            _ => {}
        }
        if name == "first" && held.iter().flatten().count() != 3 {
            wrong.push("a hold of a free seat was not held".to_owned());
        }
    }
    server.stop().await;
    wrong
}

#[tokio::test]
async fn keys_of_place_and_content_give_each_hold_its_own_booking() {
    assert_eq!(complaints(keys::of_place).await, Vec::<String>::new());
}

#[tokio::test]
async fn keys_without_the_place_are_noticed() {
    let wrong = complaints(|batch, _| keys::of_place(batch, 0)).await;
    assert!(!wrong.is_empty());
}

#[tokio::test]
async fn keys_without_the_content_are_noticed() {
    let wrong = complaints(|batch, place| Keyed { body: [0; 32], ..keys::of_place(batch, place) }).await;
    assert!(wrong.iter().any(|complaint| complaint.starts_with("other: dan asked for B-1 and got A-1 of bob")), "{wrong:?}");
}

/// Content in the booking's id instead: the changed batch does not meet the first one's bookings.
#[tokio::test]
async fn keys_whose_bookings_depend_on_the_content_are_noticed() {
    let wrong = complaints(|batch, place| {
        let keyed = keys::of_place(batch, place);
        let content = keyed.fingerprint().body;
        Keyed { key: format!("{content}|{}", keyed.key), ..keyed }
    })
    .await;
    assert!(wrong.iter().any(|complaint| complaint == "another batch under the key was not refused"), "{wrong:?}");
}

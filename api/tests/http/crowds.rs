//! Crowds over real HTTP: everybody at once, and exactly as many winners as there are seats.

use crate::support;

use lastseat::config::Config;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::client::{Answer, Client};
use support::test_server::{GALA, TestServer};
use support::{seats_of, show, text};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

/// Buyers who have a connection at the same time: both of its ends are this process's, and a usual
/// limit is 20,000 files. The others follow at once.
const SIDE_BY_SIDE: usize = 2_000;

/// All buyers ask at the same moment. Returns the answers in the order of the buyers.
async fn crowd(client: &Client, show: &str, buyers: usize, selection: impl Fn(usize) -> Value) -> Vec<Answer> {
    let _best_effort = rlimit::increase_nofile_limit(1 << 20);
    let at_once = buyers.min(SIDE_BY_SIDE);
    client.warm_up(at_once).await;
    let path = format!("/v1/shows/{show}/bookings");
    let room = std::sync::Arc::new(Semaphore::new(at_once));
    let start = std::sync::Arc::new(Barrier::new(buyers));
    let mut tasks = JoinSet::new();
    for buyer in 0..buyers {
        let (call, room, start) = (client.post(&path).json(&selection(buyer)), room.clone(), start.clone());
        tasks.spawn(async move {
            start.wait().await;
            let _place = room.acquire_owned().await.unwrap();
            (buyer, call.send().await)
        });
    }
    let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
    while let Some(answer) = tasks.join_next().await {
        let (buyer, answer) = answer.unwrap();
        answers.insert(buyer, answer);
    }
    answers.into_values().collect()
}

/// How many answers there are of each status and code.
fn tally(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    answers.iter().fold(BTreeMap::new(), |mut tally, answer| {
        *tally.entry((answer.status, answer.code())).or_default() += 1;
        tally
    })
}

fn expected(counts: &[(u16, &str, usize)]) -> BTreeMap<(u16, String), usize> {
    counts.iter().map(|(status, code, count)| ((*status, (*code).to_owned()), *count)).collect()
}

/// The bookings that were won. No seat is in two of them, whatever the server thinks of itself.
fn won(answers: &[Answer]) -> Vec<Value> {
    let won: Vec<Value> = answers.iter().filter(|answer| answer.status == 201).map(Answer::json).collect();
    let mut owned = BTreeSet::new();
    for seat in won.iter().flat_map(seats_of) {
        assert!(owned.insert(seat.clone()), "{seat} was given to two buyers");
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_buyers_of_one_seat() {
    let server = TestServer::open(600).await;
    let answers = crowd(&server.client, GALA, 500, |_| json!({"seats": ["B-7"]})).await;
    assert_eq!(tally(&answers), expected(&[(201, "", 1), (409, "seat_unavailable", 499)]));
    for loser in answers.iter().filter(|answer| answer.status == 409) {
        let problem = loser.json();
        assert_eq!((text(&problem, "seat"), text(&problem, "state")), ("B-7", "locked"), "{problem}");
    }
    let won = won(&answers);
    assert_eq!(seats_of(&won[0]), ["B-7"]);
    assert_eq!(server.state("B-7").await, "locked");
    server.pay(&won[0], "pm_card_visa").await.ok(200);
    assert_eq!(server.state("B-7").await, "booked");
    let books = server.close().await;
    assert_eq!((books.bookings.len(), books.seats.len(), books.revenue()), (1, 1, 4500));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_buyers_of_a_thousand_places() {
    let server = TestServer::open_with(Config::default()).await;
    server.put_on_sale(&show("phones", 600, 1000)).await;
    let answers = crowd(&server.client, "phones", 10_000, |_| json!({"area": "floor", "quantity": 1})).await;
    assert_eq!(tally(&answers), expected(&[(201, "", 1_000), (410, "sold_out", 9_000)]));
    assert_eq!(won(&answers).len(), 1_000);
    let map = server.map("phones").await;
    assert_eq!(map["areas"][1]["available"], 0, "{}", map["areas"]);
    let books = server.close().await;
    assert_eq!((books.bookings.len(), books.seats.len()), (1_000, 1_000));
}

/// Nobody names a seat, so everybody is led to the same best ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_wants_the_best_seats() {
    let server = TestServer::open(600).await;
    // 30 seats in rows of 10 side by side: 15 pairs, whichever way they are given out, or fewer if
    // single seats are left between them.
    let answers = crowd(&server.client, GALA, 200, |_| json!({"best_available": {"quantity": 2, "category": "stalls"}})).await;
    let won = won(&answers);
    for pair in &won {
        let seats = seats_of(pair);
        let place =
            |seat: &str| seat.split_once('-').map(|(row, number)| (row.to_owned(), number.parse::<i32>().unwrap())).unwrap();
        let (left, right) = (place(&seats[0]), place(&seats[1]));
        assert!(left.0 == right.0 && (left.1 - right.1).abs() == 1, "{seats:?} are not side by side");
    }
    for loser in answers.iter().filter(|answer| answer.status != 201) {
        assert!([(409, "seat_unavailable"), (410, "sold_out")].contains(&(loser.status, loser.code().as_str())), "{loser:?}");
    }
    // A pair is refused only where no pair is left.
    let map = server.map(GALA).await;
    let free: Vec<bool> = map["seats"].as_array().unwrap().iter().map(|seat| seat["state"] == "available").collect();
    for row in free.chunks(10) {
        assert!(!row.windows(2).any(|pair| pair == [true, true]), "a pair was left over: {free:?}");
    }
    assert_eq!(free.iter().filter(|free| !**free).count(), won.len() * 2);
    let books = server.close().await;
    assert_eq!(books.seats.len(), won.len() * 2);
}

/// Overlapping wishes of three seats, in both orders, besides single ones: each gets all or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn bookings_of_three_seats_get_all_or_nothing() {
    let server = TestServer::open(600).await;
    let seat = |n: usize| format!("{}-{}", ["A", "B", "C"][n / 10], n % 10 + 1);
    let answers = crowd(&server.client, GALA, 400, |buyer| {
        let first = buyer * 7 % 28;
        let mut three = vec![seat(first), seat(first + 1), seat(first + 2)];
        match buyer % 4 {
            0 => json!({"seats": [seat(first)]}),
            1 => {
                three.reverse();
                json!({"seats": three})
            }
            _ => json!({"seats": three}),
        }
    })
    .await;
    let tally = tally(&answers);
    assert!(
        tally.keys().all(|(status, code)| *status == 201 || (*status, code.as_str()) == (409, "seat_unavailable")),
        "{tally:?}"
    );
    let won = won(&answers);
    assert!(won.iter().any(|booking| seats_of(booking).len() == 3), "no three seats were sold together");
    let owned: BTreeSet<String> = won.iter().flat_map(seats_of).collect();
    let map = server.map(GALA).await;
    let locked = map["seats"].as_array().unwrap().iter().filter(|s| s["state"] == "locked").map(|s| text(s, "seat").to_owned());
    assert_eq!(locked.collect::<BTreeSet<_>>(), owned, "a loser has left a seat locked, or a winner has none");
    // What a loser touched on the way is free again: the seats nobody won can be had.
    for free in map["seats"].as_array().unwrap().iter().filter(|s| s["state"] == "available") {
        server.hold_seat(text(free, "seat")).await;
    }
    let books = server.close().await;
    assert_eq!(books.seats.len(), 30);
}

/// Buyers of three and of one, for a number that three does not divide.
#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_crowd_for_a_few_places() {
    let server = TestServer::open(600).await;
    let answers =
        crowd(&server.client, GALA, 300, |buyer| json!({"area": "floor", "quantity": if buyer % 2 == 0 { 3 } else { 1 }})).await;
    let won = won(&answers);
    for booking in &won {
        assert!([1, 3].contains(&seats_of(booking).len()), "{booking}");
        assert_eq!(booking["amount"]["value"], 3000 * seats_of(booking).len());
    }
    let mut sold: usize = won.iter().map(|booking| seats_of(booking).len()).sum();
    assert!(answers.iter().all(|answer| [201, 409, 410].contains(&answer.status)), "{:?}", tally(&answers));
    // Whatever the crowd left over can be had, and not one more.
    while server.try_hold(&json!({"area": "floor", "quantity": 1})).await.status == 201 {
        sold += 1;
    }
    assert_eq!(sold, 20);
    assert_eq!(server.floor().await, 0);
    assert_eq!(server.close().await.seats.len(), 20);
}

/// With admission for four commands, the surplus is answered 503 with Retry-After. All who retry are served.
#[tokio::test(flavor = "multi_thread")]
async fn a_surplus_is_told_when_to_come_back_and_loses_nothing() {
    let server = TestServer::open_with(Config { max_in_flight: 4, ..Config::default() }).await;
    server.put_on_sale(&show("narrow", 600, 300)).await;
    let selection = json!({"area": "floor", "quantity": 1});
    let mut held = 0;
    let mut turned_away = 0;
    let mut waiting = 300;
    for round in 0.. {
        assert!(round < 1000, "{waiting} buyers are never let in");
        let answers = crowd(&server.client, "narrow", waiting, |_| selection.clone()).await;
        held += won(&answers).len();
        let busy: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 201).collect();
        for answer in &busy {
            let problem = answer.problem(503, "busy");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds) && problem["retry_after"] == seconds, "{problem}");
        }
        turned_away += busy.len();
        waiting = busy.len();
        if waiting == 0 {
            break;
        }
        // The test need not wait as long as a buyer is asked to.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(turned_away > 0, "the surplus was never turned away");
    assert_eq!(held, 300);
    let books = server.close().await;
    assert_eq!((books.bookings.len(), books.seats.len()), (300, 300), "a hold answered 503 exists all the same");
}

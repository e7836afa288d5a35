//! Batches of holds, and what became of them.

use super::*;
use lastseat_domain::event::RequestFingerprint;

pub fn in_virtual_time(test: impl AsyncFn(bool)) {
    for atomic in [true, false] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test(atomic));
    }
}

pub fn request(bench: &TestBench, buyer: &str, selection: SeatSelection) -> HoldRequest {
    let buyer = BuyerId::new(buyer).unwrap();
    HoldRequest::new(bench.new_booking(), show(), selection, buyer)
}

/// A hold under an idempotency key.
pub fn keyed(key: &str, buyer: &str, selection: SeatSelection) -> HoldRequest {
    let booking = BookingId::from_key("seller", key);
    let fingerprint = Some(RequestFingerprint { key: key.to_owned(), body: format!("{buyer} {selection:?}") });
    HoldRequest { fingerprint, ..HoldRequest::new(booking, show(), selection, BuyerId::new(buyer).unwrap()) }
}

pub async fn send(office: &BoxOffice, requests: &[HoldRequest]) -> Vec<Result<Hold, CommandError>> {
    let answers = office.hold_all(requests, "seller").await;
    assert_eq!(answers.len(), requests.len());
    answers
}

/// What each hold got: its seats, or why not.
pub fn outcomes(answers: &[Result<Hold, CommandError>]) -> Vec<String> {
    let seats = |hold: &Hold| hold.booking.seats().iter().map(|s| s.seat.to_string()).collect::<Vec<_>>().join(" ");
    let outcome = |answer: &Result<Hold, CommandError>| match answer {
        Ok(hold) => seats(hold),
        Err(CommandError::Rejected(rejection) | CommandError::Contended(rejection)) => rejection.code().to_owned(),
        Err(CommandError::Failed(fault)) => format!("{fault:?}"),
    };
    answers.iter().map(outcome).collect()
}

/// A show with a floor for a thousand buyers.
pub async fn open_large(bench: &TestBench, settings: Settings) -> BoxOffice {
    let mut large = test_show();
    large.areas[1].capacity = Some(2000);
    let office = bench.node_with(settings).await;
    office.schedule_show(large, "admin").await.unwrap();
    office
}

pub fn thousand(bench: &TestBench) -> Vec<HoldRequest> {
    (0..1000).map(|n| request(bench, &format!("buyer-{n}"), floor(1))).collect()
}

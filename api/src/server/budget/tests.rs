use super::*;

fn budget(max: usize) -> (Arc<Budget>, Arc<AtomicUsize>) {
    let shared = Arc::new(AtomicUsize::new(0));
    (Budget::new(max, Arc::clone(&shared)), shared)
}

fn slow_reader(budget: &Arc<Budget>, bytes: usize, shared: usize) -> Arc<Ledger> {
    let ledger = budget.open();
    ledger.begin();
    ledger.answer();
    ledger.handed_out(bytes, 0, shared);
    ledger.wait();
    ledger
}

fn is_closed(ledger: &Ledger) -> bool {
    ledger.charge.lock().is_closed
}

#[test]
fn who_is_read_at_once_is_not_charged() {
    let (budget, _) = budget(100);
    let ledger = budget.open();
    for _ in 0..10 {
        ledger.received(90);
        ledger.begin();
        ledger.answer();
        ledger.handed_out(90, 0, 0);
        ledger.left(0);
        ledger.wait();
    }
    assert_eq!((budget.used(), budget.closed()), (0, 0));
}

#[test]
fn a_full_budget_closes_who_keeps_most_and_of_those_the_oldest() {
    let (budget, _) = budget(100);
    let (first, second) = (slow_reader(&budget, 30, 0), slow_reader(&budget, 30, 0));
    let small = slow_reader(&budget, 20, 0);
    let third = slow_reader(&budget, 25, 0);
    assert_eq!([&first, &second, &third, &small].map(|l| is_closed(l)), [true, false, false, false]);
    assert_eq!((budget.used(), budget.closed()), (75, 1));
    third.left(0);
    third.end();
    assert_eq!(budget.used(), 50);
}

/// Bodies that were sent by half closed honest readers of seat streams.
#[test]
fn large_requests_do_not_close_small_streams() {
    let (budget, _) = budget(100);
    let streams = [slow_reader(&budget, 10, 0), slow_reader(&budget, 10, 0)];
    let requests = [0; 20].map(|_| {
        let request = budget.open();
        request.begin();
        request.handed_in(30);
        request.wait();
        request
    });
    assert_eq!(streams.iter().filter(|stream| is_closed(stream)).count(), 0);
    assert_eq!(requests.iter().filter(|request| is_closed(request)).count(), 18);
}

#[test]
fn a_body_that_is_dropped_is_not_charged() {
    let (budget, _) = budget(100);
    let request = budget.open();
    request.begin();
    request.handed_in(60);
    request.wait();
    assert_eq!(budget.used(), 60);
    request.drop_body();
    assert_eq!(budget.used(), 0);
    request.received(60);
    request.handed_in(60);
    request.wait();
    assert_eq!((budget.used(), budget.closed()), (0, 0));
    // The next request of the connection is another matter.
    request.begin();
    request.handed_in(60);
    request.wait();
    assert_eq!(budget.used(), 60);
}

#[test]
fn shared_bytes_cost_their_readers_only_and_one_at_a_time() {
    let (budget, shared) = budget(100);
    let streams = [slow_reader(&budget, 20, 0), slow_reader(&budget, 20, 0)];
    let small = slow_reader(&budget, 10, 20);
    let large = [slow_reader(&budget, 10, 150), slow_reader(&budget, 10, 160)];
    shared.store(200, Relaxed);
    let next = slow_reader(&budget, 10, 0);
    assert_eq!([&large[0], &large[1], &small, &next].map(|l| is_closed(l)), [true, false, false, false]);
    for _ in 0..5 {
        slow_reader(&budget, 1, 0);
    }
    assert!(large.iter().all(|l| is_closed(l)) && is_closed(&small));
    assert!(!streams.iter().any(|l| is_closed(l)) && !is_closed(&next));
}

#[test]
fn a_connection_that_was_closed_is_charged_no_more() {
    let (budget, _) = budget(10);
    let reader = slow_reader(&budget, 20, 0);
    assert!(is_closed(&reader));
    reader.handed_out(20, 0, 0);
    reader.wait();
    reader.end();
    assert_eq!((budget.used(), budget.closed()), (0, 1));
}

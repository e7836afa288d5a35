//! Who waits for whom, and for how long.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Passes all queues, as the transport does; each queue is passed in the order of arrival.
fn sent(buckets: &mut Buckets, arrivals: Vec<(Endpoint, Duration)>) -> Vec<(Endpoint, Duration)> {
    Queue::FIRST.into_iter().fold(arrivals, |mut arrived, queue| {
        arrived.sort_by_key(|(_, at)| *at);
        arrived.into_iter().map(|(endpoint, at)| (endpoint, at + buckets.take(queue, endpoint, at))).collect()
    })
}

fn at_once(endpoint: Endpoint, count: usize) -> Vec<(Endpoint, Duration)> {
    vec![(endpoint, Duration::ZERO); count]
}

fn within(times: &[(Endpoint, Duration)], end: Duration) -> usize {
    times.iter().filter(|(_, at)| *at < end).count()
}

#[test]
fn no_limit_no_wait() {
    let mut buckets = Buckets::new(None, 1.0);
    assert_eq!(within(&sent(&mut buckets, at_once(Endpoint::Create, 1_000)), Duration::from_nanos(1)), 1_000);
    assert_eq!(buckets.wait(Endpoint::Create, Duration::ZERO), Duration::ZERO);
}

#[test]
fn payments_use_four_fifths() {
    let mut buckets = Buckets::new(Some(Limits::LIVE), 1.0);
    let in_ten_seconds = within(&sent(&mut buckets, at_once(Endpoint::Create, 1_000)), 10 * SECOND);
    assert!((200..=203).contains(&in_ten_seconds), "{in_ten_seconds}");
}

#[test]
fn a_capture_passes_a_thousand_payments() {
    let mut buckets = Buckets::new(Some(Limits { endpoint: 1_000_000, total: 100 }), 1.0);
    for _ in 0..1_000 {
        buckets.take(Queue::SmallerOfAll, Endpoint::Create, Duration::ZERO);
    }
    assert!(buckets.wait(Endpoint::Create, Duration::ZERO) > 12 * SECOND);
    assert_eq!(buckets.wait(Endpoint::Capture, Duration::ZERO), Duration::ZERO);
    assert_eq!(sent(&mut buckets, at_once(Endpoint::Capture, 1)), at_once(Endpoint::Capture, 1));
}

/// In test mode the limit of all is that of one endpoint.
#[test]
fn a_capture_passes_a_thousand_looks() {
    let mut buckets = Buckets::new(Some(Limits::TEST), 1.0);
    let mut arrivals = at_once(Endpoint::Retrieve, 1_000);
    arrivals.extend((1..=20).map(|second| (Endpoint::Capture, SECOND * second)));
    let times = sent(&mut buckets, arrivals.clone());
    for (endpoint, asked) in arrivals.iter().filter(|(endpoint, _)| *endpoint == Endpoint::Capture) {
        let soon = *asked..=*asked + SECOND / 2;
        assert!(times.iter().any(|(sent, at)| sent == endpoint && soon.contains(at)), "a capture of {asked:?} waits");
    }
    assert!(buckets.wait(Endpoint::Retrieve, Duration::ZERO) > 40 * SECOND, "looks wait for their own turn");
}

/// Four nodes with a quarter each send no more than one node with all.
#[test]
fn shares_of_nodes_add_up_to_the_limits() {
    let mut sent_by_all = Vec::new();
    for _ in 0..4 {
        let mut buckets = Buckets::new(Some(Limits::LIVE), 0.25);
        let mut arrivals = at_once(Endpoint::Create, 500);
        arrivals.extend(at_once(Endpoint::Retrieve, 500));
        arrivals.extend(at_once(Endpoint::Capture, 500));
        let times = sent(&mut buckets, arrivals);
        let captures = times.iter().filter(|(endpoint, at)| *endpoint == Endpoint::Capture && *at < 10 * SECOND).count();
        assert!((60..=64).contains(&captures), "a quarter of 25 a second: {captures}");
        sent_by_all.extend(times);
    }
    let in_ten_seconds = within(&sent_by_all, 10 * SECOND);
    assert!(in_ten_seconds <= 700 + 40, "20 + 25 + 25 a second: {in_ten_seconds}");
}

#[test]
fn no_second_has_more_requests_than_allowed() {
    let mut buckets = Buckets::new(Some(Limits { endpoint: 25, total: 40 }), 1.0);
    let mut arrivals = at_once(Endpoint::Capture, 100);
    arrivals.extend(at_once(Endpoint::Cancel, 100));
    arrivals.extend(at_once(Endpoint::Create, 100));
    let times = sent(&mut buckets, arrivals);
    for start in 0..100 {
        let start = SECOND * start / 10;
        let during = within(&times, start + SECOND) - within(&times, start);
        assert!(during <= 40 + 5, "{during} within a second from {start:?}");
    }
    let last = times.iter().map(|(_, at)| *at).max().unwrap();
    assert!(last < 9 * SECOND, "300 requests at 40 a second took {last:?}");
}

#[test]
fn a_quiet_time_fills_the_bucket_and_no_more() {
    let mut bucket = Bucket::new(10, 1.0, 100);
    for _ in 0..20 {
        bucket.take(Duration::ZERO);
    }
    let later = 100 * SECOND;
    assert_eq!(bucket.wait(later), Duration::ZERO);
    let waits: Vec<Duration> = (0..4).map(|_| bucket.take(later)).collect();
    assert_eq!(waits, [Duration::ZERO, Duration::ZERO, SECOND / 10, SECOND / 5]);
}

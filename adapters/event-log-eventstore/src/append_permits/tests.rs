use super::*;
use futures::FutureExt;
use futures::future::join_all;
use std::sync::Arc;

/// Permits of a store that answers so slowly that the limit has come down to the least.
fn scarce() -> AppendPermits {
    let permits = AppendPermits::new();
    let mut limit = permits.limit.lock();
    for n in 0..40 {
        let at = Instant::now() + Duration::from_secs(n);
        limit.rule.too_slow(at, at);
    }
    permits.adjust(&mut limit);
    drop(limit);
    permits
}

#[tokio::test(start_paused = true)]
async fn appends_wait_for_their_turn_in_their_order() {
    let permits = scarce();
    let mut taken: Vec<_> = join_all((0..8).map(|_| permits.take())).await;
    assert_eq!(permits.in_flight(), (8, 8));
    let (mut first, mut second) = (Box::pin(permits.take()), Box::pin(permits.take()));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    assert_eq!(permits.waiting(), 2);
    taken.pop();
    assert!(second.as_mut().now_or_never().is_none(), "the first is first");
    let _first = first.await;
    taken.pop();
    let _second = second.await;
    assert_eq!((permits.waiting(), permits.in_flight()), (0, (8, 8)));
}

#[tokio::test(start_paused = true)]
async fn fewer_turns_take_effect_as_they_are_given_back() {
    let permits = AppendPermits::new();
    let mut taken: Vec<_> = join_all((0..64).map(|_| permits.take())).await;
    permits.unanswered(Instant::now());
    assert_eq!(permits.in_flight(), (51, 64));
    assert!(permits.take().now_or_never().is_none());
    taken.truncate(51);
    assert_eq!(permits.in_flight(), (51, 51));
    assert!(permits.take().now_or_never().is_none());
    taken.pop();
    assert!(permits.take().now_or_never().is_some());
    // A cancelled one gives its place back as well.
    drop(taken);
    assert_eq!((permits.in_flight(), permits.waiting()), ((51, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn new_work_is_let_in_only_while_no_append_waits() {
    let permits = Arc::new(scarce());
    let mut taken: Vec<_> = join_all((0..8).map(|_| permits.take())).await;
    let new_work = tokio::spawn({
        let permits = Arc::clone(&permits);
        async move { permits.wait_for(1).await }
    });
    let mut begun = Box::pin(permits.take());
    assert!(begun.as_mut().now_or_never().is_none());
    tokio::time::sleep(Duration::from_secs(1)).await;
    taken.pop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!new_work.is_finished(), "the append that waited has the permit");
    drop(begun.await);
    assert_eq!(new_work.await.expect("it ends"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn new_work_is_refused_early_if_it_can_not_begin() {
    let permits = scarce();
    let _taken: Vec<_> = join_all((0..8).map(|_| permits.take())).await;
    let start = Instant::now();
    let refused = join_all((0..1000).map(|_| permits.wait_for(1))).await;
    assert!(refused.iter().all(|refused| *refused == Err(RETRY_AFTER)));
    assert_eq!(start.elapsed(), PATIENCE);
}

/// The store answers a hundred appends a second. A thousand buyers come at once, and make so many appends at once when they are
/// let in. Returns how many were, and how many appends waited at most.
async fn rush(appends: usize) -> (usize, usize) {
    let permits = Arc::new(scarce());
    let most_waiting = Arc::new(AtomicUsize::new(0));
    let store = Arc::new(tokio::sync::Mutex::new(()));
    let buyers = (0..1000).map(|_| {
        let (permits, store, most_waiting) = (Arc::clone(&permits), Arc::clone(&store), Arc::clone(&most_waiting));
        tokio::spawn(async move {
            permits.wait_for(appends).await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            let appends = (0..appends).map(async |_| {
                let permit = permits.take();
                most_waiting.fetch_max(permits.waiting(), Ordering::Relaxed);
                let _permit = permit.await;
                let sent = Instant::now();
                let _answer = store.lock().await;
                tokio::time::sleep(Duration::from_millis(10)).await;
                permits.answered(sent);
            });
            join_all(appends).await;
            Ok::<(), Duration>(())
        })
    });
    let outcomes: Vec<Result<(), Duration>> = join_all(buyers).await.into_iter().map(|ended| ended.expect("it ends")).collect();
    let served = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    (served, most_waiting.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_rush_waits_in_front_and_not_in_the_store() {
    for appends in [1, 2, 4, 8, 20] {
        let (served, most_waiting) = rush(appends).await;
        assert!((250..450).contains(&(served * appends)), "{served} with {appends}");
        assert!(most_waiting <= appends.max(16), "{most_waiting} waited, {appends} at once");
    }
}

/// A store that answers at once is never the reason to wait, however many appends new work makes: what it has made is not
/// expected any more.
#[tokio::test(start_paused = true)]
async fn new_work_never_waits_for_a_fast_store() {
    const ANSWER: Duration = Duration::from_millis(2);
    let permits = Arc::new(AppendPermits::new());
    let start = Instant::now();
    let buyers = (0..16).map(|_| {
        let permits = Arc::clone(&permits);
        tokio::spawn(async move {
            for _ in 0..500 {
                permits.wait_for(2).await.expect("there is room");
                let _two = (permits.take().await, permits.take().await);
                let sent = Instant::now();
                tokio::time::sleep(ANSWER).await;
                permits.answered(sent);
            }
        })
    });
    for buyer in join_all(buyers).await {
        buyer.expect("it ends");
    }
    // Each waits for its own answers, and for nothing else.
    assert_eq!(start.elapsed(), 500 * ANSWER);
}

use super::*;
use lastseat_domain::StreamName;
use lastseat_domain::ports::event_log::{Decoded, RecordedEvent};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// A log whose events are numbers: its subscriptions deliver what it has, say that they have caught up, and go on.
struct Numbers {
    head: watch::Sender<u64>,
    open: AtomicUsize,
    most: AtomicUsize,
}

struct Counted(Arc<Numbers>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn event(position: u64) -> Delivery {
    let empty = || RawValue::from_string("{}".to_owned()).unwrap();
    Delivery::Event(Arc::new(RecordedEvent {
        position: Position(position),
        stream: StreamName::from_log("s-1"),
        revision: position - 1,
        id: uuid::Uuid::from_u128(position.into()),
        event_type: "Number".to_owned(),
        data: empty(),
        metadata: empty(),
        recorded_at: chrono::DateTime::UNIX_EPOCH,
        decoded: Decoded::default(),
    }))
}

impl Numbers {
    fn start(head: u64) -> Arc<Self> {
        Arc::new(Self { head: watch::Sender::new(head), open: AtomicUsize::new(0), most: AtomicUsize::new(0) })
    }

    fn write(&self, events: u64) {
        self.head.send_modify(|head| *head += events);
    }

    fn source(self: &Arc<Self>) -> Source {
        let numbers = Arc::clone(self);
        Arc::new(move |from, _| {
            let open = numbers.open.fetch_add(1, Ordering::SeqCst) + 1;
            numbers.most.fetch_max(open, Ordering::SeqCst);
            let state = (Counted(Arc::clone(&numbers)), numbers.head.subscribe(), from.0, false);
            stream::unfold(state, async |(counted, mut head, at, caught_up)| {
                loop {
                    let last = *head.borrow_and_update();
                    if at < last {
                        return Some((Ok(event(at + 1)), (counted, head, at + 1, caught_up)));
                    }
                    if !caught_up {
                        return Some((Ok(Delivery::CaughtUp(Position(at))), (counted, head, at, true)));
                    }
                    head.changed().await.ok()?;
                }
            })
            .boxed()
        })
    }
}

/// Reads to `last`; fails at a gap, a repeat, or if "caught up" is said more than once or not at all.
async fn read(mut deliveries: Deliveries, from: u64, last: u64, pause: Option<Duration>) -> Deliveries {
    let (mut at, mut caught_up) = (from, 0);
    while at < last || caught_up == 0 {
        match tokio::time::timeout(Duration::from_secs(600), deliveries.next()).await.expect("it goes on") {
            Some(Ok(Delivery::Event(event))) => {
                assert_eq!(event.position.0, at + 1);
                at += 1;
            }
            Some(Ok(Delivery::CaughtUp(position))) => {
                assert!(position.0 >= at);
                caught_up += 1;
            }
            other => panic!("{other:?}"),
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    deliveries
}

fn in_virtual_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

fn settle() -> tokio::time::Sleep {
    tokio::time::sleep(Duration::from_secs(1))
}

#[test]
fn readers_at_one_place_share_a_subscription_and_its_end() {
    in_virtual_time(async {
        let numbers = Numbers::start(100);
        let shared = SharedSubscriptions::new(numbers.source());
        let readers = [(); 5].map(|()| shared.subscribe(Position(100), Filter::our_streams()));
        let readers = futures::future::join_all(readers.map(|r| read(r, 100, 100, None))).await;
        numbers.write(50);
        let readers = futures::future::join_all(readers.into_iter().map(|r| shared_read(r, 100, 150))).await;
        assert_eq!(numbers.most.load(Ordering::SeqCst), 1);
        drop(readers);
        settle().await;
        assert_eq!(numbers.open.load(Ordering::SeqCst), 0, "it ends with the last reader");
    });
}

/// Reads events only, as a reader that knows that it has caught up.
async fn shared_read(mut deliveries: Deliveries, from: u64, last: u64) -> Deliveries {
    for number in from..last {
        match deliveries.next().await {
            Some(Ok(Delivery::Event(event))) => assert_eq!(event.position.0, number + 1),
            other => panic!("{other:?}"),
        }
    }
    deliveries
}

#[test]
fn who_starts_earlier_catches_up_alone_and_joins() {
    in_virtual_time(async {
        let numbers = Numbers::start(1_000);
        let shared = SharedSubscriptions::new(numbers.source());
        let first = read(shared.subscribe(Position(1_000), Filter::our_streams()), 1_000, 1_000, None).await;
        let early = read(shared.subscribe(Position(3), Filter::our_streams()), 3, 1_000, None).await;
        let other = read(shared.subscribe(Position(3), Filter::all()), 3, 1_000, None).await;
        settle().await;
        assert_eq!(numbers.open.load(Ordering::SeqCst), 2, "another filter has its own");
        numbers.write(10);
        drop((shared_read(first, 1_000, 1_010).await, shared_read(early, 1_000, 1_010).await));
        drop(shared_read(other, 1_000, 1_010).await);
    });
}

/// Nobody waits for the slow one, and it misses nothing.
#[test]
fn a_slow_reader_falls_behind_and_comes_back() {
    in_virtual_time(async {
        let numbers = Numbers::start(0);
        let shared = SharedSubscriptions::with_room(numbers.source(), 16);
        let fast = read(shared.subscribe(Position::START, Filter::all()), 0, 0, None).await;
        let mut slow = read(shared.subscribe(Position::START, Filter::all()), 0, 0, None).await;
        let reader = tokio::spawn(async move { shared_read(fast, 0, 500).await });
        for _ in 0..50 {
            numbers.write(10);
            settle().await;
        }
        // The fast one has everything while the slow one has read nothing.
        let fast = tokio::time::timeout(Duration::from_secs(1), reader).await.expect("it did not wait").unwrap();
        let mut at = 0;
        while at < 500 {
            match slow.next().await {
                Some(Ok(Delivery::Event(event))) => {
                    assert_eq!(event.position.0, at + 1);
                    at += 1;
                }
                Some(Ok(Delivery::CaughtUp(_))) => {}
                other => panic!("{other:?}"),
            }
        }
        numbers.write(1);
        let mut both = [fast, slow];
        for reader in &mut both {
            while !matches!(reader.next().await, Some(Ok(Delivery::Event(event))) if event.position.0 == 501) {}
        }
        settle().await;
        assert_eq!(numbers.open.load(Ordering::SeqCst), 1, "it shares again");
    });
}

/// When the one whose subscription it was is gone, the others go on.
#[test]
fn the_first_reader_may_leave() {
    in_virtual_time(async {
        let numbers = Numbers::start(10);
        let shared = SharedSubscriptions::with_room(numbers.source(), 4);
        let first = read(shared.subscribe(Position(10), Filter::all()), 10, 10, None).await;
        let second = read(shared.subscribe(Position(2), Filter::all()), 2, 10, Some(Duration::from_millis(30))).await;
        drop(first);
        numbers.write(40);
        let second = shared_read(second, 10, 50).await;
        let third = read(shared.subscribe(Position(0), Filter::all()), 0, 50, None).await;
        numbers.write(5);
        drop((shared_read(second, 50, 55).await, shared_read(third, 50, 55).await));
    });
}

#[test]
fn a_fault_reaches_every_reader_and_the_next_one_starts_anew() {
    in_virtual_time(async {
        let calls = Arc::new(Mutex::new(0));
        let count = Arc::clone(&calls);
        let source: Source = Arc::new(move |_, _| {
            *count.lock() += 1;
            stream::iter([Ok(event(1)), Err(LogFault::Damaged("it ends".to_owned()))]).boxed()
        });
        let shared = SharedSubscriptions::new(source);
        let readers = [(); 2].map(|()| shared.subscribe(Position::START, Filter::all()));
        for mut reader in readers {
            assert!(matches!(reader.next().await, Some(Ok(Delivery::Event(_)))));
            assert!(matches!(reader.next().await, Some(Err(LogFault::Damaged(_)))));
            assert!(reader.next().await.is_none());
        }
        let mut next = shared.subscribe(Position::START, Filter::all());
        assert!(matches!(next.next().await, Some(Ok(Delivery::Event(_)))));
        assert!(*calls.lock() >= 2);
    });
}

/// A subscription that was cut has caught up again without an event that passes: its reader has to hear how far it is.
#[tokio::test]
async fn a_reader_hears_of_progress_that_a_second_catching_up_has_brought() {
    let source: Source = Arc::new(|_, _| {
        let twice = [5, 9].map(|position| Ok(Delivery::CaughtUp(Position(position))));
        stream::iter(twice).chain(stream::pending()).boxed()
    });
    let mut reader = SharedSubscriptions::new(source).subscribe(Position::START, Filter::all());
    for expected in [Delivery::CaughtUp(Position(5)), Delivery::Checkpoint(Position(9))] {
        let next = tokio::time::timeout(Duration::from_secs(60), reader.next()).await.expect("it goes on");
        assert_eq!(format!("{:?}", next.unwrap().unwrap()), format!("{expected:?}"));
    }
}

//! Rules of subscriptions: order, completeness, and what is delivered besides events.

use super::subject::{Follower, Subject, fill, must_write, names, positions};
use futures::future::{join, join_all};
use lastseat_domain::ports::event_log::{Delivery, Direction, Expected, Filter, Position, StreamWrite};

/// What was there before comes first, in position order.
pub async fn a_subscription_from_the_start_delivers_everything_in_order(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-start"));
    let mut expected = fill(&log, &place, "a", 10).await;
    expected.extend(fill(&log, &place, "b", 10).await);
    let events = Follower::new(&log, Position::START, place.filter()).events(20).await;
    assert_eq!(positions(&events), expected);
    let read = log.read_all(None, Direction::Forwards, 100, &place.filter()).await.unwrap();
    assert_eq!(names(&events), names(&read));
}

/// The start is exclusive, as a stored checkpoint needs it.
pub async fn a_subscription_starts_behind_its_position(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-behind"));
    let at = fill(&log, &place, "a", 10).await;
    let events = Follower::new(&log, at[4], place.filter()).events(5).await;
    assert_eq!(positions(&events), at[5..]);
    // From the last event on, only what is new.
    let mut follower = Follower::new(&log, at[9], place.filter());
    let (nothing, _) = follower.until_caught_up().await;
    assert!(nothing.is_empty());
    let next = must_write(&log, place.write("b", Expected::NoStream, &["new"])).await;
    assert_eq!(positions(&follower.events(1).await), [next]);
}

/// A subscription does not end at the head.
pub async fn a_subscription_goes_on_to_what_comes(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-live"));
    fill(&log, &place, "a", 3).await;
    let mut follower = Follower::new(&log, Position::START, place.filter());
    assert_eq!(names(&follower.events(3).await), ["a-0", "a-1", "a-2"]);
    for n in 0..20 {
        let key = format!("live-{n}");
        must_write(&log, place.write(&key, Expected::NoStream, &[&key])).await;
        assert_eq!(names(&follower.events(1).await), [key]);
    }
}

/// Subscribers that start anywhere while others write see exactly what is read afterwards.
pub async fn a_subscription_has_no_gap_and_no_repeat_under_concurrent_appends(subject: &Subject) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 60;
    let (log, place) = (subject.log().await, subject.place("sub-race"));
    let start = log.head().await.unwrap();
    let write = async |writer: u64| {
        for n in 0..EACH {
            let (key, name) = (writer.to_string(), format!("{writer}-{n}"));
            must_write(&log, place.write(&key, Expected::after(n), &[&name])).await;
        }
    };
    let follow = async |from: Position| {
        // Starts at `from`; how much there is to come is known from the count of all.
        let before = log.read_all(None, Direction::Forwards, usize::MAX, &place.filter()).await.unwrap();
        let before = before.iter().filter(|event| event.position <= from).count() as u64;
        let rest = usize::try_from(WRITERS * EACH - before).unwrap();
        Follower::new(&log, from, place.filter()).events(rest).await
    };
    let late = async || {
        // Starts somewhere in the middle, at whatever the head is then.
        let mut early = Follower::new(&log, start, place.filter());
        let some = early.events(100).await;
        follow(some[99].position).await
    };
    let writers = join_all((0..WRITERS).map(write));
    let followers = join_all([start, start].map(follow));
    let (_, (followed, late)) = join(writers, join(followers, late())).await;

    let all = log.read_all(Some(start), Direction::Forwards, usize::MAX, &place.filter()).await.unwrap();
    assert_eq!(all.len() as u64, WRITERS * EACH);
    for events in followed {
        assert_eq!(positions(&events), positions(&all));
    }
    assert_eq!(positions(&late), positions(&all)[100..]);
}

/// Only what passes the filter, by stream and by type, before the head and after it.
pub async fn a_subscription_filters(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-filter"));
    let wanted = |key: &str| place.stream(key).as_str().to_owned();
    let filter = Filter { stream_prefixes: vec![wanted("x")], type_prefixes: vec!["Rare".to_owned()] };
    let mut follower = Follower::new(&log, Position::START, filter);
    for round in 0..2 {
        let mut expected = Vec::new();
        for n in 0..40 {
            let (key, kind) = (if n % 2 == 0 { "x" } else { "y" }, if n % 5 == 0 { "Rare" } else { "Frequent" });
            let name = format!("{key}-{kind}-{round}-{n}");
            if key == "x" && kind == "Rare" {
                expected.push(name.clone());
            }
            let stream = place.stream(&format!("{key}{round}{n}"));
            let events = vec![place.typed(kind, &name)];
            must_write(&log, StreamWrite { stream, expected: Expected::NoStream, events }).await;
        }
        assert_eq!(names(&follower.events(expected.len()).await), expected);
    }
}

/// A consumer that wants little learns all the same how far it got, so that it need not read all of it
/// again after a restart.
pub async fn a_subscription_tells_how_far_it_is_where_nothing_passes(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-gap"));
    must_write(&log, place.write("x", Expected::NoStream, &["wanted"])).await;
    let last = fill(&log, &place, "y", 50).await[49];
    let filter = Filter::streams(&[place.stream("x").as_str()]);
    let mut follower = Follower::new(&log, Position::START, filter);
    assert_eq!(follower.events(1).await.len(), 1);
    while follower.reached < last {
        let delivery = follower.next().await;
        assert!(!matches!(delivery, Delivery::Event(_)), "{delivery:?}");
    }
    // Also after the head. How often is up to the adapter, but "never" is wrong.
    let floods = (0..20).map(|n| {
        let names: Vec<String> = (0..100).map(|m| format!("flood {n}-{m}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        place.write(&format!("z{n}"), Expected::NoStream, &names)
    });
    let outcomes = join_all(floods.map(|write| must_write(&log, write))).await;
    let first = outcomes.into_iter().min().unwrap();
    while follower.reached < first {
        let delivery = follower.next().await;
        assert!(!matches!(delivery, Delivery::Event(_)), "{delivery:?}");
    }
}

/// Sent once all existing events are delivered; immediately if there are none.
pub async fn a_subscription_tells_when_it_has_caught_up(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-caught"));
    let head = log.head().await.unwrap();
    let (events, at) = Follower::new(&log, head, place.filter()).until_caught_up().await;
    assert!(events.is_empty() && at >= head);

    let written = fill(&log, &place, "a", 30).await;
    let (events, at) = Follower::new(&log, Position::START, place.filter()).until_caught_up().await;
    assert_eq!(positions(&events), written);
    assert!(at >= written[29]);
}

/// Each has its own place and filter, and one that is dropped is gone.
pub async fn subscriptions_do_not_disturb_each_other(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("sub-many"));
    let at = fill(&log, &place, "a", 20).await;
    let mut whole = Follower::new(&log, Position::START, place.filter());
    let mut late = Follower::new(&log, at[9], place.filter());
    let mut other = Follower::new(&log, Position::START, Filter::streams(&[place.stream("b").as_str()]));
    drop(Follower::new(&log, Position::START, place.filter()));
    assert_eq!(positions(&whole.events(5).await), at[..5]);
    assert_eq!(positions(&late.events(10).await), at[10..]);
    let b = must_write(&log, place.write("b", Expected::NoStream, &["b"])).await;
    assert_eq!(positions(&other.events(1).await), [b]);
    assert_eq!(positions(&late.events(1).await), [b]);
    drop(late);
    assert_eq!(positions(&whole.events(15).await), at[5..]);
    assert_eq!(positions(&whole.events(1).await), [b]);
}

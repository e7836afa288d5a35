//! Rules of appending: exact revisions, repeats, atomicity.

use super::subject::{Subject, append_one, fill, json, must_write, names, revision_of, revisions};
use futures::future::join_all;
use lastseat_domain::ports::event_log::{Direction, Expected, LogFault, NewEvent, StreamWrite, WriteOutcome};

/// `NoStream` creates a stream, whose first event has revision 0.
pub async fn a_new_stream_starts_at_revision_zero(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("new"));
    assert_eq!(revision_of(append_one(&log, place.write("a", Expected::NoStream, &["one"])).await), 0);
    assert_eq!(revision_of(append_one(&log, place.write("b", Expected::NoStream, &["x", "y", "z"])).await), 2);
    let events = log.read_stream(&place.stream("b"), None, Direction::Forwards, 10).await.unwrap();
    assert_eq!((revisions(&events), names(&events)), (vec![0, 1, 2], vec!["x".into(), "y".into(), "z".into()]));
}

/// `Revision(n)` appends after event n.
pub async fn a_stream_grows_at_its_exact_revision(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("grow"));
    must_write(&log, place.write("a", Expected::NoStream, &["0", "1"])).await;
    assert_eq!(revision_of(append_one(&log, place.write("a", Expected::Revision(1), &["2", "3"])).await), 3);
    assert_eq!(revision_of(append_one(&log, place.write("a", Expected::Revision(3), &["4"])).await), 4);
    let events = log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap();
    assert_eq!(revisions(&events), [0, 1, 2, 3, 4]);
}

/// A revision that the stream has passed is a conflict that names the actual one.
pub async fn a_wrong_revision_is_a_conflict_and_writes_nothing(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("stale"));
    fill(&log, &place, "a", 3).await;
    let outcome = append_one(&log, place.write("a", Expected::Revision(1), &["late"])).await;
    assert_eq!(outcome, WriteOutcome::Conflict { actual: Some(2) });
    let events = log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap();
    assert_eq!(names(&events), ["a-0", "a-1", "a-2"]);
}

/// `NoStream` on a stream with events is a conflict.
pub async fn a_stream_that_exists_is_not_new(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("exists"));
    fill(&log, &place, "a", 1).await;
    let outcome = append_one(&log, place.write("a", Expected::NoStream, &["another"])).await;
    assert_eq!(outcome, WriteOutcome::Conflict { actual: Some(0) });
}

/// Any revision of a stream without events is a conflict.
pub async fn a_stream_that_does_not_exist_has_no_revision(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("absent"));
    let outcome = append_one(&log, place.write("a", Expected::Revision(0), &["first"])).await;
    assert_eq!(outcome, WriteOutcome::Conflict { actual: None });
    let events = log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap();
    assert!(events.is_empty());
}

/// A revision that the stream has not reached is a conflict.
pub async fn a_revision_ahead_of_the_stream_is_a_conflict(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("ahead"));
    fill(&log, &place, "a", 2).await;
    let outcome = append_one(&log, place.write("a", Expected::Revision(7), &["early"])).await;
    assert_eq!(outcome, WriteOutcome::Conflict { actual: Some(1) });
}

/// No revision, however great, upsets the log.
pub async fn the_greatest_revision_is_a_conflict_like_any_other(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("greatest"));
    fill(&log, &place, "a", 1).await;
    for revision in [u64::MAX, u64::MAX - 1, u64::try_from(i64::MAX).unwrap()] {
        let outcome = append_one(&log, place.write("a", Expected::Revision(revision), &["late", "later"])).await;
        assert_eq!(outcome, WriteOutcome::Conflict { actual: Some(0) }, "at {revision}");
    }
}

/// The same event at the same revision: written once, answered alike.
pub async fn a_repeat_of_one_event_is_answered_as_the_first_time(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("repeat"));
    for (expected, name) in [(Expected::NoStream, "first"), (Expected::Revision(0), "second")] {
        let first = append_one(&log, place.write("a", expected, &[name])).await;
        let again = append_one(&log, place.write("a", expected, &[name])).await;
        assert!(first.is_written());
        assert_eq!(first, again);
    }
    let events = log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap();
    assert_eq!(names(&events), ["first", "second"]);
}

/// So is a batch.
pub async fn a_repeat_of_many_events_is_answered_as_the_first_time(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("repeats"));
    fill(&log, &place, "a", 1).await;
    let write = place.write("a", Expected::Revision(0), &["x", "y", "z"]);
    let first = append_one(&log, write.clone()).await;
    assert_eq!(append_one(&log, write).await, first);
    assert_eq!(revision_of(first), 3);
    let events = log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap();
    assert_eq!(names(&events), ["a-0", "x", "y", "z"]);
}

/// Even if other events followed in the meantime.
pub async fn a_repeat_is_recognised_after_the_stream_went_on(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("late"));
    let write = place.write("a", Expected::NoStream, &["x", "y"]);
    let first = append_one(&log, write.clone()).await;
    must_write(&log, place.write("a", Expected::Revision(1), &["z"])).await;
    must_write(&log, place.write("b", Expected::NoStream, &["elsewhere"])).await;
    assert_eq!(append_one(&log, write).await, first);
}

/// So is an append of several streams.
pub async fn a_repeat_of_many_streams_is_answered_as_the_first_time(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("wide"));
    fill(&log, &place, "b", 2).await;
    let writes = vec![
        place.write("a", Expected::NoStream, &["opened"]),
        place.write("b", Expected::Revision(1), &["locked", "again"]),
        place.write("c", Expected::NoStream, &["locked too"]),
    ];
    let first = log.append(writes.clone()).await.unwrap();
    assert!(first.iter().all(|outcome| outcome.is_written()), "{first:?}");
    assert_eq!(first.iter().map(|o| revision_of(*o)).collect::<Vec<_>>(), [0, 3, 0], "in the order of the writes");
    assert_eq!(log.append(writes).await.unwrap(), first);
    assert_eq!(log.read_stream(&place.stream("b"), None, Direction::Forwards, 10).await.unwrap().len(), 4);
}

/// A batch of which only a part was written is not a repeat.
pub async fn a_partly_repeated_batch_is_a_conflict(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("partly"));
    must_write(&log, place.write("a", Expected::NoStream, &["x", "y"])).await;
    for names in [&["x", "y", "z"][..], &["x", "z"], &["z", "y"], &["y"], &["y", "x"]] {
        let outcome = append_one(&log, place.write("a", Expected::NoStream, names)).await;
        assert_eq!(outcome, WriteOutcome::Conflict { actual: Some(1) }, "{names:?}");
    }
    // A whole batch of which the stream holds more is one: these two did land at this revision.
    assert!(append_one(&log, place.write("a", Expected::NoStream, &["x"])).await.is_written());
}

/// Another id at a taken revision is a conflict, be the content the same.
pub async fn another_event_at_a_taken_revision_is_a_conflict(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("other"));
    must_write(&log, place.write("a", Expected::NoStream, &["x"])).await;
    let twin = NewEvent { id: place.event("other id").id, ..place.event("x") };
    let write = StreamWrite { stream: place.stream("a"), expected: Expected::NoStream, events: vec![twin] };
    assert_eq!(append_one(&log, write).await, WriteOutcome::Conflict { actual: Some(0) });
}

/// Only the slot makes a repeat: the same id at the correct next revision is another event.
pub async fn an_event_id_may_return_at_the_next_revision(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("returns"));
    must_write(&log, place.write("a", Expected::NoStream, &["x"])).await;
    assert_eq!(revision_of(append_one(&log, place.write("a", Expected::Revision(0), &["x"])).await), 1);
}

/// All or nothing, where the adapter says so.
pub async fn one_conflict_withholds_the_rest_where_appends_are_atomic(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("atomic"));
    if !log.atomic_across_streams() {
        return;
    }
    fill(&log, &place, "b", 1).await;
    let writes = vec![
        place.write("a", Expected::NoStream, &["opened"]),
        place.write("b", Expected::NoStream, &["locked"]),
        place.write("c", Expected::NoStream, &["locked too"]),
    ];
    let outcomes = log.append(writes).await.unwrap();
    let conflict = WriteOutcome::Conflict { actual: Some(0) };
    assert_eq!(outcomes, [WriteOutcome::Withheld, conflict, WriteOutcome::Withheld]);
    for key in ["a", "c"] {
        let events = log.read_stream(&place.stream(key), None, Direction::Forwards, 10).await.unwrap();
        assert!(events.is_empty(), "{key} holds {events:?}");
    }
    // What was withheld can still be written.
    must_write(&log, place.write("a", Expected::NoStream, &["opened"])).await;
}

/// Each for itself, where the adapter says so.
pub async fn streams_stand_alone_where_appends_are_not_atomic(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("alone"));
    if log.atomic_across_streams() {
        return;
    }
    fill(&log, &place, "b", 1).await;
    let writes = vec![
        place.write("a", Expected::NoStream, &["opened"]),
        place.write("b", Expected::NoStream, &["locked"]),
        place.write("c", Expected::NoStream, &["locked too"]),
    ];
    let outcomes = log.append(writes).await.unwrap();
    assert!(outcomes[0].is_written() && outcomes[2].is_written(), "{outcomes:?}");
    assert_eq!(outcomes[1], WriteOutcome::Conflict { actual: Some(0) });
    assert_eq!(log.read_stream(&place.stream("c"), None, Direction::Forwards, 10).await.unwrap().len(), 1);
}

/// A conflict never denies what is in the log.
pub async fn what_stands_already_is_written_even_beside_a_conflict(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("beside"));
    fill(&log, &place, "b", 1).await;
    let standing = place.write("a", Expected::NoStream, &["opened"]);
    let first = append_one(&log, standing.clone()).await;
    let outcomes = log.append(vec![standing, place.write("b", Expected::NoStream, &["locked"])]).await.unwrap();
    assert_eq!(outcomes, [first, WriteOutcome::Conflict { actual: Some(0) }]);
}

/// Each has an answer of its own, in the order of the appends, and neither a conflict nor a refusal concerns the others.
pub async fn appends_that_are_handed_over_together_are_decided_one_by_one(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("together"));
    fill(&log, &place, "old", 2).await;
    fill(&log, &place, "other", 1).await;
    let appends = vec![
        vec![place.write("a", Expected::NoStream, &["a0", "a1"])],
        vec![place.write("old", Expected::NoStream, &["late"])],
        vec![place.write("hollow", Expected::NoStream, &[])],
        Vec::new(),
        vec![place.write("b", Expected::NoStream, &["b0"])],
        vec![place.write("other", Expected::Revision(0), &["next"])],
    ];
    let answers = log.append_each(appends).await;
    let first: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(|outcomes| outcomes.first().copied())).collect();
    assert!(
        matches!(
            first[..],
            [
                Ok(Some(WriteOutcome::Written { last_revision: 1, .. })),
                Ok(Some(WriteOutcome::Conflict { actual: Some(1) })),
                Err(LogFault::Refused(_)),
                Ok(None),
                Ok(Some(WriteOutcome::Written { last_revision: 0, .. })),
                Ok(Some(WriteOutcome::Written { last_revision: 1, .. })),
            ]
        ),
        "{answers:?}"
    );
    let streams = [
        ("a", &["a0", "a1"][..]),
        ("old", &["old-0", "old-1"]),
        ("hollow", &[]),
        ("b", &["b0"]),
        ("other", &["other-0", "next"]),
    ];
    for (stream, expected) in streams {
        let events = log.read_stream(&place.stream(stream), None, Direction::Forwards, 10).await.unwrap();
        assert_eq!(names(&events), expected, "{stream}");
    }
}

/// No writes, no outcomes.
pub async fn an_append_of_nothing_is_nothing(subject: &Subject) {
    assert_eq!(subject.log().await.append(Vec::new()).await, Ok(Vec::new()));
}

/// A write has at least one event.
pub async fn a_write_without_events_is_refused(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("hollow"));
    let writes = vec![place.write("a", Expected::NoStream, &["x"]), place.write("b", Expected::NoStream, &[])];
    assert!(matches!(log.append(writes).await, Err(LogFault::Refused(_))));
    assert!(log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap().is_empty());
}

/// One append names a stream once.
pub async fn a_stream_twice_in_one_append_is_refused(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("twice"));
    let writes = vec![place.write("a", Expected::NoStream, &["x"]), place.write("a", Expected::Revision(0), &["y"])];
    assert!(matches!(log.append(writes).await, Err(LogFault::Refused(_))));
    assert!(log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap().is_empty());
}

/// An event of more than a mebibyte is refused; one of half of it is not.
pub async fn an_oversized_event_is_refused_and_harms_nothing(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("large"));
    let of_size = |bytes: usize| StreamWrite {
        stream: place.stream("a"),
        expected: Expected::NoStream,
        events: vec![NewEvent { data: json(&format!("\"{}\"", "x".repeat(bytes))), ..place.event("large") }],
    };
    let answer = log.append(vec![of_size(1024 * 1024 + 1)]).await;
    assert!(matches!(answer, Err(LogFault::Refused(_))), "{answer:?}");
    must_write(&log, of_size(512 * 1024)).await;
    let events = log.read_stream(&place.stream("a"), None, Direction::Forwards, 10).await.unwrap();
    assert_eq!(events[0].data.get().len(), 512 * 1024 + 2);
}

/// The rule that sells a seat once.
pub async fn one_of_many_concurrent_appends_at_one_revision_wins(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("race"));
    for (round, expected) in (0..5).map(|round| (round, Expected::after(round))) {
        let names: Vec<String> = (0..32).map(|n| format!("round {round} racer {n}")).collect();
        let race = names.iter().map(|name| append_one(&log, place.write("a", expected, &[name])));
        let outcomes = join_all(race).await;
        let winners: Vec<_> = (0..).zip(&outcomes).filter(|(_, outcome)| outcome.is_written()).collect();
        assert_eq!(winners.len(), 1, "exactly one wins: {outcomes:?}");
        let lost = outcomes.iter().filter(|o| **o == WriteOutcome::Conflict { actual: Some(round) }).count();
        assert_eq!(lost, 31, "the others get a conflict: {outcomes:?}");
        let stands = log.read_stream(&place.stream("a"), Some(round), Direction::Forwards, 1).await.unwrap();
        let winner: usize = winners[0].0;
        assert_eq!(super::subject::names(&stands), [names[winner].clone()], "the winner was written");
    }
}

/// Appends that have nothing to do with each other do not hinder each other.
pub async fn concurrent_appends_to_many_streams_all_land(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("many"));
    let one = |n: u64| {
        let (log, place) = (&log, &place);
        async move {
            let key = n.to_string();
            // Every seventh is a conflict, and must not disturb its neighbours.
            if n.is_multiple_of(7) {
                let outcome = append_one(log, place.write(&key, Expected::Revision(3), &["stray"])).await;
                assert_eq!(outcome, WriteOutcome::Conflict { actual: None });
            }
            let first = format!("{n}-first");
            must_write(log, place.write(&key, Expected::NoStream, &[&first])).await;
            let (second, third) = (format!("{n}-second"), format!("{n}-third"));
            must_write(log, place.write(&key, Expected::Revision(0), &[&second, &third])).await;
        }
    };
    join_all((0..100).map(one)).await;
    for n in 0..100 {
        let events = log.read_stream(&place.stream(&n.to_string()), None, Direction::Forwards, 10).await.unwrap();
        assert_eq!(names(&events), [format!("{n}-first"), format!("{n}-second"), format!("{n}-third")]);
    }
}

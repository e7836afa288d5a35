//! Rules of reading: fidelity, directions, bounds, filters.

use super::subject::{Place, Subject, append_one, fill, json, must_write, names, positions, revisions};
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Direction, Expected, Filter, NewEvent, Position, StreamWrite, WriteOutcome};
use std::sync::Arc;

/// Spaces, key order, duplicate keys, number forms, escapes and code points stay as they were.
pub async fn what_was_written_is_read_back_byte_for_byte(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("bytes"));
    let texts = [
        "{}",
        "null",
        "[]",
        "\"\"",
        "{ \"b\" : 1 ,\n\t\"a\":2 }",
        r#"{"a":1,"a":2}"#,
        r#"{"n":[0,-0,-0.0,1e400,1E+2,0.10,12345678901234567890123,1.000000000000000000001]}"#,
        r#""\u0000 \ud83d\ude00 \u00e9 \/ \b""#,
        "{\"Grüße\":\"日本語 🎟️ e\u{301} \u{feff} \u{202e}rtl \u{7f} \u{2028}\"}",
        "\"' -- ; DROP TABLE events; % _ \\\\ ? :name @x $y\"",
    ];
    let events: Vec<NewEvent> = (0..)
        .zip(&texts)
        .map(|(n, text)| NewEvent { data: json(text), metadata: json(text), ..place.event(&format!("{n}")) })
        .collect();
    let write = StreamWrite { stream: place.stream("a"), expected: Expected::NoStream, events: events.clone() };
    must_write(&log, write).await;

    let by_stream = log.read_stream(&place.stream("a"), None, Direction::Forwards, 100).await.unwrap();
    let by_log = log.read_all(None, Direction::Forwards, 100, &place.filter()).await.unwrap();
    for read in [by_stream, by_log] {
        assert_eq!(read.len(), events.len());
        for (sent, got) in events.iter().zip(&read) {
            assert_eq!(got.stream, place.stream("a"));
            assert_eq!((got.id, &got.event_type), (sent.id, &sent.event_type));
            assert_eq!(got.data.get(), sent.data.get());
            assert_eq!(got.metadata.get(), sent.metadata.get());
        }
    }
}

/// Names are text, not patterns and not identifiers.
pub async fn strange_stream_names_and_types_are_kept(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("names"));
    let keys = ["%", "_", "a'b\"c", "a b", "A", "a", "é", "e\u{301}", "日本🎟️", "a-b-c", "*[x]?", "\\"];
    for key in keys {
        let event = NewEvent { event_type: format!("Type {key}"), ..place.event(key) };
        let write = StreamWrite { stream: place.stream(key), expected: Expected::NoStream, events: vec![event] };
        must_write(&log, write).await;
    }
    for key in keys {
        let events = log.read_stream(&place.stream(key), None, Direction::Forwards, 10).await.unwrap();
        assert_eq!(events.len(), 1, "{key}");
        assert_eq!(events[0].stream, place.stream(key));
        assert_eq!(events[0].event_type, format!("Type {key}"));
        let filter = Filter { type_prefixes: vec![format!("Type {key}")], ..place.filter() };
        let found = log.read_all(None, Direction::Forwards, 10, &filter).await.unwrap();
        let expected = keys.iter().filter(|other| other.starts_with(key)).count();
        assert_eq!(found.len(), expected, "{key}");
    }
}

/// No stream, no events, no fault.
pub async fn a_missing_stream_is_empty(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("missing"));
    fill(&log, &place, "missing-not", 1).await;
    for direction in [Direction::Forwards, Direction::Backwards] {
        for from in [None, Some(0), Some(5)] {
            assert!(log.read_stream(&place.stream("missing"), from, direction, 10).await.unwrap().is_empty());
        }
    }
}

/// Oldest first, the given revision included.
pub async fn a_stream_is_read_forwards_from_a_revision_inclusive(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("forwards"));
    fill(&log, &place, "a", 6).await;
    let read =
        async |from, limit| revisions(&log.read_stream(&place.stream("a"), from, Direction::Forwards, limit).await.unwrap());
    assert_eq!(read(None, 100).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(read(None, 2).await, [0, 1]);
    assert_eq!(read(Some(0), 1).await, [0]);
    assert_eq!(read(Some(4), 100).await, [4, 5]);
    assert_eq!(read(Some(2), 3).await, [2, 3, 4]);
    assert_eq!(read(Some(6), 100).await, [0; 0]);
    assert_eq!(read(None, 0).await, [0; 0]);
}

/// Newest first, the given revision included; beyond the end means from the end.
pub async fn a_stream_is_read_backwards_from_a_revision_inclusive(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("backwards"));
    fill(&log, &place, "a", 6).await;
    let read =
        async |from, limit| revisions(&log.read_stream(&place.stream("a"), from, Direction::Backwards, limit).await.unwrap());
    assert_eq!(read(None, 100).await, [5, 4, 3, 2, 1, 0]);
    assert_eq!(read(None, 1).await, [5]);
    assert_eq!(read(Some(4), 2).await, [4, 3]);
    assert_eq!(read(Some(0), 100).await, [0]);
    assert_eq!(read(Some(99), 2).await, [5, 4]);
    assert_eq!(read(None, 0).await, [0; 0]);
}

/// Five events in two streams, in turn.
async fn interleaved(log: &Arc<dyn EventLog>, place: &Place) -> Vec<Position> {
    let mut positions = Vec::new();
    for (n, key) in (0..).zip(["a", "b", "a", "b", "a"]) {
        let name = n.to_string();
        positions.push(must_write(log, place.write(key, Expected::after(n / 2), &[&name])).await);
    }
    positions
}

/// Across streams oldest first, the given position excluded.
pub async fn the_log_is_read_forwards_from_a_position_exclusive(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("all-forwards"));
    let at = interleaved(&log, &place).await;
    let read = async |from, limit| positions(&log.read_all(from, Direction::Forwards, limit, &place.filter()).await.unwrap());
    assert_eq!(read(None, 100).await, at);
    assert_eq!(read(Some(Position::START), 100).await, at);
    assert_eq!(read(Some(at[1]), 100).await, at[2..]);
    assert_eq!(read(Some(at[0]), 2).await, at[1..3]);
    assert_eq!(read(Some(at[4]), 100).await, [Position::START; 0]);
    assert_eq!(read(None, 0).await, [Position::START; 0]);
}

/// Across streams newest first, the given position excluded.
pub async fn the_log_is_read_backwards_from_a_position_exclusive(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("all-backwards"));
    let at = interleaved(&log, &place).await;
    let read = async |from, limit| positions(&log.read_all(from, Direction::Backwards, limit, &place.filter()).await.unwrap());
    let back: Vec<_> = at.iter().rev().copied().collect();
    assert_eq!(read(None, 100).await, back);
    assert_eq!(read(None, 2).await, back[..2]);
    assert_eq!(read(Some(at[4]), 100).await, back[1..]);
    assert_eq!(read(Some(at[2]), 1).await, [at[1]]);
    assert_eq!(read(Some(at[0]), 100).await, [Position::START; 0]);
    assert_eq!(read(Some(Position::START), 100).await, [Position::START; 0]);
}

/// A stream prefix is compared byte for byte, case and all.
pub async fn the_log_is_filtered_by_stream_prefix(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("by-stream"));
    for key in ["x.1", "X.1", "x.2", "xy.1", "y.1"] {
        must_write(&log, place.write(key, Expected::NoStream, &[key])).await;
    }
    let read = async |keys: &[&str]| {
        let prefixes: Vec<StreamName> = keys.iter().map(|key| place.stream(key)).collect();
        let filter = Filter::streams(&prefixes.iter().map(StreamName::as_str).collect::<Vec<_>>());
        names(&log.read_all(None, Direction::Forwards, 100, &filter).await.unwrap())
    };
    assert_eq!(read(&["x."]).await, ["x.1", "x.2"]);
    assert_eq!(read(&["x"]).await, ["x.1", "x.2", "xy.1"]);
    assert_eq!(read(&["x.1"]).await, ["x.1"]);
    assert_eq!(read(&["y", "X"]).await, ["X.1", "y.1"]);
    assert_eq!(read(&["z"]).await, [""; 0]);
}

/// Types alike.
pub async fn the_log_is_filtered_by_type_prefix(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("by-type"));
    for (n, kind) in (0..).zip(["SeatLocked", "SeatReleased", "PaymentStarted", "seatLocked"]) {
        let events = vec![place.typed(kind, kind)];
        must_write(&log, StreamWrite { stream: place.stream("a"), expected: Expected::after(n), events }).await;
    }
    let read = async |types: &[&str], direction| {
        let type_prefixes = types.iter().map(|t| (*t).to_owned()).collect();
        let filter = Filter { type_prefixes, ..place.filter() };
        names(&log.read_all(None, direction, 100, &filter).await.unwrap())
    };
    assert_eq!(read(&["Seat"], Direction::Forwards).await, ["SeatLocked", "SeatReleased"]);
    assert_eq!(read(&["Seat"], Direction::Backwards).await, ["SeatReleased", "SeatLocked"]);
    assert_eq!(read(&["SeatR", "Payment"], Direction::Forwards).await, ["SeatReleased", "PaymentStarted"]);
    assert_eq!(read(&["Nothing"], Direction::Forwards).await, [""; 0]);
}

/// Prefixes of a kind are alternatives; the two kinds are conditions.
pub async fn a_filter_takes_any_prefix_of_each_kind_and_both_kinds(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("both"));
    for key in ["a", "b", "c"] {
        let events = vec![place.typed("One", &format!("{key} one")), place.typed("Two", &format!("{key} two"))];
        must_write(&log, StreamWrite { stream: place.stream(key), expected: Expected::NoStream, events }).await;
    }
    let stream_prefixes = ["a", "c"].iter().map(|key| place.stream(key).as_str().to_owned()).collect();
    let filter = Filter { stream_prefixes, type_prefixes: vec!["Tw".to_owned()] };
    let found = log.read_all(None, Direction::Forwards, 100, &filter).await.unwrap();
    assert_eq!(names(&found), ["a two", "c two"]);
}

/// What is filtered away does not count.
pub async fn a_limit_counts_events_that_pass(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("limit"));
    for n in 0..30 {
        let kind = if n % 10 == 9 { "Rare" } else { "Frequent" };
        let events = vec![place.typed(kind, &n.to_string())];
        must_write(&log, StreamWrite { stream: place.stream("a"), expected: Expected::after(n), events }).await;
    }
    let filter = Filter { type_prefixes: vec!["Rare".to_owned()], ..place.filter() };
    let two = log.read_all(None, Direction::Forwards, 2, &filter).await.unwrap();
    assert_eq!(names(&two), ["9", "19"]);
    let rest = log.read_all(Some(two[1].position), Direction::Forwards, 2, &filter).await.unwrap();
    assert_eq!(names(&rest), ["29"]);
    let last = log.read_all(None, Direction::Backwards, 2, &filter).await.unwrap();
    assert_eq!(names(&last), ["29", "19"]);
}

/// An append that is sent after another was answered is after it in the log; an outcome's position is
/// that of the write's last event.
pub async fn positions_follow_the_order_of_answers(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("order"));
    let mut last = Position::START;
    for n in 0..10 {
        let key = n.to_string();
        let (x, y) = (format!("{n}x"), format!("{n}y"));
        let outcome = append_one(&log, place.write(&key, Expected::NoStream, &[&x, &y])).await;
        let WriteOutcome::Written { position, .. } = outcome else { panic!("{outcome:?}") };
        let events = log.read_stream(&place.stream(&key), None, Direction::Forwards, 10).await.unwrap();
        assert!(last < events[0].position && events[0].position < events[1].position);
        assert_eq!(events[1].position, position);
        last = position;
    }
}

/// The head has reached whatever was answered or read.
pub async fn the_head_is_at_or_behind_no_answered_append(subject: &Subject) {
    let (log, place) = (subject.log().await, subject.place("head"));
    let before = log.head().await.unwrap();
    let mut last = before;
    for n in 0..10 {
        let position = must_write(&log, place.write(&n.to_string(), Expected::NoStream, &[&n.to_string()])).await;
        assert!(position > last);
        last = log.head().await.unwrap();
        assert!(last >= position, "the head {last} is before the answer {position}");
    }
    let after = log.read_all(Some(before), Direction::Forwards, 100, &place.filter()).await.unwrap();
    assert_eq!(after.len(), 10);
}

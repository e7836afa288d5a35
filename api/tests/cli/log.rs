//! The verbs that read the log's file: no server runs.

use crate::binary::{Place, Run};
use lastseat::demo;
use lastseat_domain::codec::{Metadata, encode};
use lastseat_domain::event::{SalesPaused, SalesResumed};
use lastseat_domain::ports::event_log::{EventLog, Expected};
use lastseat_domain::{Event, ShowId, StreamName};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::SystemClock;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// A data directory `d` with a log of `pauses` + 1 events, whose server is gone.
pub fn place_with_log(pauses: u64) -> Place {
    let place = Place::new();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("events.db");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let log = SqliteLog::open(&file, Arc::new(SystemClock)).unwrap();
        let show = ShowId::new(demo::SHOW).unwrap();
        let mut events: Vec<Event> =
            vec![demo::show(Duration::from_secs(600), "2026-01-01T00:00:00Z".parse().unwrap()).unwrap().into()];
        for pause in 0..pauses {
            let show = show.clone();
            events.push(if pause % 2 == 0 { SalesPaused { show }.into() } else { SalesResumed { show }.into() });
        }
        let metadata = Metadata::new("test", "2026-01-01T00:00:00Z".parse().unwrap());
        let write = encode(StreamName::show(&show), Expected::NoStream, &events, &metadata).unwrap();
        assert!(log.append(vec![write]).await.unwrap().iter().all(|outcome| outcome.is_written()));
        log.close().await.unwrap();
    });
    // Copied, because a process that another test is just starting has this one's locks until it
    // has become the binary.
    std::fs::create_dir(place.path().join("d")).unwrap();
    std::fs::copy(file.with_extension("mark"), place.path().join("d/events.mark")).unwrap();
    std::fs::copy(file, place.path().join("d/events.db")).unwrap();
    place
}

const READERS: [&[&str]; 4] = [&["verify"], &["audit", "export"], &["projections", "status"], &["projections", "rebuild"]];

#[test]
fn a_log_that_is_not_there_is_missed_but_not_made() {
    let place = Place::new();
    for verb in READERS {
        let run = place.run(&[verb, &["--data", "nowhere"]].concat());
        assert_eq!(run.one_line(3), "there is no directory nowhere; name the data directory of a server with --data");
    }
    std::fs::create_dir(place.path().join("empty")).unwrap();
    for verb in READERS {
        let run = place.run(&[verb, &["--data", "empty"]].concat());
        assert!(run.one_line(3).starts_with("there is no event log (events.db) in empty; "));
    }
    assert_eq!(std::fs::read_dir(place.path().join("empty")).unwrap().count(), 0);
}

#[test]
fn a_log_that_is_none_is_refused() {
    let place = place_with_log(0);
    std::fs::write(place.path().join("d/events.db"), "not a database, but long enough to be looked at".repeat(100)).unwrap();
    for verb in [&["verify"][..], &["audit", "export"]] {
        let run = place.run(&[verb, &["--data", "d"]].concat());
        assert!(run.one_line(3).contains("events.db"), "{run:?}");
    }
    let run = place.run(&["verify", "--data", "d", "--json"]);
    assert_eq!((run.code, &run.json()["clean"]), (3, &serde_json::json!(false)));
}

#[test]
fn a_clean_log_is_verified_for_people_and_machines() {
    let place = place_with_log(4);
    let run = place.run(&["verify", "--data", "d"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    assert!(run.out.contains("1 stream, file intact") && run.out.contains("No violation found."), "{}", run.out);
    let run = place.run(&["verify", "--data", "d", "--json"]);
    let outcome = run.json();
    assert_eq!((run.code, &outcome["clean"], &outcome["events"]), (0, &true.into(), &5.into()), "{outcome}");
    assert!(outcome["report"]["violations"].as_array().unwrap().is_empty());
}

fn lines(run: &Run) -> Vec<serde_json::Value> {
    run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_history_comes_whole_and_in_order() {
    let place = place_with_log(2500);
    let all = place.run(&["audit", "export", "--data", "d"]);
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    let all = lines(&all);
    assert_eq!(all.len(), 2501);
    assert!(all.iter().zip(1..).all(|(line, position)| line["position"] == position));
    let keys: Vec<_> = all[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["data", "id", "metadata", "position", "recorded_at", "revision", "stream", "type"]);
    assert_eq!((&all[0]["type"], &all[0]["stream"]), (&"ShowScheduled".into(), &"show-demo".into()));

    let export = |arguments: &[&str]| lines(&place.run(&[&["audit", "export", "--data", "d"], arguments].concat()));
    assert_eq!(export(&["--from", "2400", "--limit", "10"]), all[2400..2410]);
    assert_eq!(export(&["--stream", "show-demo", "--from", "1400", "--limit", "1050"]), all[1400..2450]);
    assert_eq!(export(&["--stream", "show-*", "--limit", "7"]), all[..7]);
    assert!(export(&["--stream", "seat-*"]).is_empty());
    assert!(export(&["--stream", "show"]).is_empty(), "a stream's name is whole, not a prefix");
    assert!(export(&["--from", "2501"]).is_empty());
    assert!(export(&["--limit", "0"]).is_empty());
}

#[test]
fn a_reader_of_only_the_first_line_gets_no_error() {
    let place = place_with_log(5000);
    let mut command = place.command(&["audit", "export", "--data", "d"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("ShowScheduled"));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn views_are_built_from_nothing_and_come_out_the_same_again() {
    let place = place_with_log(4);
    let rebuild = || place.run(&["projections", "rebuild", "--data", "d", "--json"]);
    let (first, second) = (rebuild().json(), rebuild().json());
    assert_eq!(first["position"], 5);
    let hashes = |report: &serde_json::Value| -> Vec<String> {
        report["views"].as_array().unwrap().iter().map(|view| view["sha256"].to_string()).collect()
    };
    assert_eq!(hashes(&first), hashes(&second));
    assert!(second["views"].as_array().unwrap().iter().all(|view| view["identical"] == true), "{second}");
    let status = place.run(&["projections", "status", "--data", "d"]);
    assert_eq!(status.code, 0);
    assert!(status.out.lines().all(|line| line.contains("up to position")), "{}", status.out);
    assert!(place.run(&["projections", "rebuild", "--data", "d"]).out.contains("same bytes as the stored one"));
}

#[test]
fn a_log_in_use_can_be_verified_but_its_views_not_rebuilt() {
    let place = place_with_log(4);
    let log = SqliteLog::open(place.path().join("d/events.db"), Arc::new(SystemClock)).unwrap();
    assert_eq!(place.run(&["verify", "--data", "d"]).code, 0);
    assert_eq!(place.run(&["audit", "export", "--data", "d"]).out.lines().count(), 5);
    let run = place.run(&["projections", "rebuild", "--data", "d"]);
    let line = run.one_line(3);
    assert!(line.contains(&format!("by process {}", std::process::id())), "{line}");
    assert!(line.ends_with("this can only be done while no server has the log open"), "{line}");
    drop(log);
}

#[test]
fn a_token_comes_alone_and_its_key_stays() {
    let place = Place::new();
    let token = |role: &str| {
        let run = place.run(&["token", "--sub", "ann", "--role", role, "--data", "d"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        assert_eq!(run.out.lines().count(), 1);
        run.out.trim_end().to_owned()
    };
    assert_eq!(token("buyer").split('.').count(), 3, "a JWT");
    let key = std::fs::read(place.path().join("d/token.key")).unwrap();
    assert_ne!(token("admin"), token("buyer"));
    assert_eq!(std::fs::read(place.path().join("d/token.key")).unwrap(), key);
    std::fs::write(place.path().join("file"), "").unwrap();
    let run = place.run(&["token", "--sub", "ann", "--role", "buyer", "--data", "file"]);
    assert!(run.one_line(2).starts_with("the data directory file can't be used: "));
}

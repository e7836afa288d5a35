//! Log lines that nobody takes: on a full disk, in a pipe whose reader is gone, in a pipe that is never
//! read. The sale goes on, and SIGTERM ends the server.

use crate::binary::Place;
use crate::http::{get, post, say_nonsense};
use crate::serve::Server;
use serde_json::json;
use std::fs::File;
use std::io::{PipeReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Connections that each lead to a log line. Together the lines are longer than a pipe takes.
const NONSENSE: usize = 1_000;

/// A server that logs all it can to `stderr`, the end of each actor among it.
fn talkative(place: &Place, stderr: impl Into<Stdio>) -> Server {
    let arguments = ["--listen", "127.0.0.1:0", "--log-level", "trace", "--passivate-seconds", "1", "--drain-seconds", "2"];
    Server::spawn(place.command(&[&["serve"], &arguments[..]].concat()).stderr(stderr))
}

/// A pipe of `stderr`, its other end, and the command's own copies closed.
fn pipe() -> (PipeReader, Stdio) {
    let (reader, writer) = std::io::pipe().unwrap();
    (reader, writer.into())
}

/// Sells, looks at the server from outside, and checks that it ends in time.
fn sells_and_ends(mut server: Server) {
    for _ in 0..NONSENSE {
        assert_eq!(say_nonsense(&server.url), 400);
    }
    // For longer than actors live.
    for seat in 1..=10 {
        std::thread::sleep(Duration::from_millis(300));
        let seats = json!({ "seats": [format!("A-{seat}")] });
        let (status, hold) = post(&server.url, "/v1/shows/demo/bookings", None, &seats);
        assert_eq!(status, 201, "hold {seat}: {hold}");
        assert_eq!(get(&server.url, "/health/live").0, 200);
    }
    assert_eq!(get(&server.url, "/health/ready").0, 200);
    let (status, metrics) = get(&server.url, "/metrics");
    assert!(status == 200 && metrics.contains("\nlastseat_log_lines_dropped_total "), "{status}: {metrics}");
    server.signal("TERM");
    let given_up = Instant::now() + Duration::from_secs(10);
    while server.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < given_up, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

fn dropped_lines(server: &Server) -> u64 {
    let metrics = get(&server.url, "/metrics").1;
    let line = metrics.lines().find_map(|line| line.strip_prefix("lastseat_log_lines_dropped_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[test]
fn a_full_disk_takes_no_log_lines_and_the_sale_goes_on() {
    let place = Place::new();
    let server = talkative(&place, File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(say_nonsense(&server.url), 400);
    let given_up = Instant::now() + Duration::from_secs(10);
    while dropped_lines(&server) == 0 {
        assert!(Instant::now() < given_up, "no line was dropped");
        std::thread::sleep(Duration::from_millis(20));
    }
    sells_and_ends(server);
    assert_eq!(place.run(&["verify"]).code, 0);
}

#[test]
fn nobody_reads_the_log_lines_any_more_and_the_sale_goes_on() {
    let place = Place::new();
    let (reader, writer) = pipe();
    let server = talkative(&place, writer);
    drop(reader);
    sells_and_ends(server);
    assert_eq!(place.run(&["verify"]).code, 0);
}

#[test]
fn a_reader_that_stops_reading_log_lines_stops_nothing_else() {
    let place = Place::new();
    let (mut reader, writer) = pipe();
    sells_and_ends(talkative(&place, writer));
    let mut taken = Vec::new();
    reader.read_to_end(&mut taken).unwrap();
    // A pipe takes 64 KiB, a little less in lines.
    assert!(taken.len() >= 60_000, "the pipe was never full: {}", taken.len());
    assert_eq!(place.run(&["verify"]).code, 0);
}

#[test]
fn a_start_that_fails_ends_whatever_becomes_of_its_reason() {
    let place = Place::new();
    let wrong = ["serve", "--listen", "192.0.2.1:80"];
    let run = |command: &mut Command| command.status().unwrap().code();
    assert_eq!(run(place.command(&wrong).stderr(File::options().write(true).open("/dev/full").unwrap())), Some(2));
    assert!(place.run(&wrong).one_line(2).contains("does not have that address"));
}

//! The server as a process: how it greets, how it ends, what it says when it can't start.

use crate::binary::{Place, Run};
use crate::http::post;
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server on a port of its own. Killed if a test fails before it stops.
pub struct Server {
    pub child: Child,
    pub url: String,
    greeting: String,
}

impl Server {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        Self::spawn(place.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()).stderr(Stdio::piped()))
    }

    /// Starts a `serve` and reads its greeting.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (mut greeting, mut lines) = (String::new(), BufReader::new(child.stdout.take().unwrap()).lines());
        for line in lines.by_ref() {
            let line = line.unwrap();
            greeting.push_str(&line);
            greeting.push('\n');
            if line.contains("Ctrl-C") {
                break;
            }
        }
        let url = greeting.lines().find_map(|line| line.trim().strip_prefix("Seat map")).unwrap_or_else(|| {
            let mut error = String::new();
            let _elsewhere = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut error));
            panic!("no greeting: {error}")
        });
        let url = url.trim().trim_end_matches('/').to_owned();
        Self { child, url, greeting }
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub fn end(mut self) -> (i32, String) {
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), error)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn it_greets_within_a_second_and_drains_on_sigterm() {
    let place = Place::new();
    let started = Instant::now();
    let server = Server::start(&place, &[]);
    // Generous: the machine may be building something else.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    for part in ["not for production money", "./lastseat-data", "/docs", r#"{"seats":["A-1"]}"#, "pm_card_visa", "curl -N "] {
        assert!(server.greeting.contains(part), "{part} is missing in {}", server.greeting);
    }
    server.signal("TERM");
    let (code, error) = server.end();
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("SIGTERM: finishing what is in progress") && error.contains("nothing is lost"), "{error}");
    assert!(place.path().join("lastseat-data/events.db").exists());
    assert_eq!(place.run(&["verify"]).code, 0);
}

#[test]
fn what_the_greeting_gives_to_copy_works() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: there is no curl");
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let commands: Vec<&str> = server
        .greeting
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        // The stream never ends.
        .filter(|line| !line.starts_with("curl -N"))
        .collect();
    let script = commands.join("\n");
    let run = Run::of(Command::new("sh").args(["-ec", &script]).current_dir(place.path()));
    assert_eq!(run.code, 0, "{script}\n{run:?}");
    for part in [
        r#""status":"held""#,
        r#""status":"confirmed""#,
        "500 buyers at once, all for seat A-2",
        "verified: ",
        "No violation found.",
    ] {
        assert!(run.out.contains(part), "{part} is missing: {script}\n{run:?}");
    }
}

/// A payment that the gateway takes three seconds to answer.
fn pay_slowly(server: &Server) -> std::thread::JoinHandle<(u16, serde_json::Value)> {
    let (status, hold) = post(&server.url, "/v1/shows/demo/bookings", None, &json!({ "seats": ["A-1"] }));
    assert_eq!(status, 201, "{hold}");
    let (url, path) = (server.url.clone(), format!("/v1/bookings/{}/payment", hold["id"].as_str().unwrap()));
    let token = hold["token"].as_str().unwrap().to_owned();
    let paying = std::thread::spawn(move || post(&url, &path, Some(&token), &json!({ "payment_method": "pm_lastseat_slow" })));
    std::thread::sleep(Duration::from_millis(500));
    paying
}

#[test]
fn what_is_under_way_is_finished_first() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let paying = pay_slowly(&server);
    server.signal("INT");
    let (status, booking) = paying.join().unwrap();
    assert_eq!((status, &booking["status"]), (200, &"confirmed".into()), "{booking}");
    let (code, error) = server.end();
    assert_eq!(code, 0, "{error}");
    assert!(place.run(&["verify"]).out.contains("confirmed 1"));
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_next_start_goes_on() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let paying = pay_slowly(&server);
    server.signal("INT");
    std::thread::sleep(Duration::from_millis(200));
    server.signal("INT");
    let (code, error) = server.end();
    assert_eq!(code, 130, "{error}");
    assert_eq!(paying.join().unwrap().0, 0, "no answer");
    let server = Server::start(&place, &["--settle-seconds", "1"]);
    let given_up = Instant::now() + Duration::from_secs(20);
    while !place.run(&["verify"]).out.contains("confirmed 1") {
        assert!(Instant::now() < given_up, "{}", place.run(&["verify"]).out);
        std::thread::sleep(Duration::from_millis(100));
    }
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
}

#[test]
fn it_starts_again_on_what_it_left_whatever_way_it_ended() {
    let place = Place::new();
    for signal in ["INT", "KILL", "TERM"] {
        let server = Server::start(&place, &["--data", "d"]);
        let run = place.run(&["load", "--url", &server.url, "--buyers", "10", "--data", "d", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        let report = run.json();
        assert_eq!((&report["won"], &report["taken"], &report["paid"]), (&1.into(), &9.into(), &1.into()), "{report}");
        assert_eq!(report["verdict"]["unverified"], serde_json::json!([]), "{report}");
        server.signal(signal);
        server.end();
        assert_eq!(place.run(&["verify", "--data", "d"]).code, 0);
    }
}

#[test]
fn what_is_in_use_is_named() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = place.run(&["serve", "--listen", &address, "--data", "d"]);
    let line = run.one_line(2);
    assert!(line.starts_with(&format!("{address} can't be listened on: another program listens there already")), "{line}");
    assert!(line.contains("--listen"), "{line}");

    let server = Server::start(&place, &["--data", "d"]);
    let run = place.run(&["serve", "--listen", "127.0.0.1:0", "--data", "d"]);
    let line = run.one_line(3);
    assert!(line.contains(&format!("is in use by process {}", server.child.id())), "{line}");
}

#[test]
fn a_data_directory_that_is_a_file_is_named() {
    let place = Place::new();
    std::fs::write(place.path().join("file"), "").unwrap();
    let run = place.run(&["serve", "--listen", "127.0.0.1:0", "--data", "file"]);
    assert!(run.one_line(2).starts_with("the data directory file can't be used: "));
}

#[test]
fn log_lines_may_be_json() {
    let place = Place::new();
    let server = Server::start(&place, &["--log-format", "json", "--log-level", "debug"]);
    server.signal("INT");
    let (code, error) = server.end();
    assert_eq!(code, 0, "{error}");
    // Besides the two lines for people at the end.
    for line in error.lines().filter(|line| !line.starts_with("lastseat: ")) {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn the_description_of_the_api_needs_no_server() {
    let run: Run = Place::new().run(&["openapi"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.json()["openapi"], "3.1.0");
}

#[test]
fn a_steady_load_is_verified_and_its_shows_are_cancelled() {
    let place = Place::new();
    let server = Server::start(&place, &["--data", "d"]);
    let arguments = ["load", "--url", &server.url, "--data", "d", "--seconds", "1", "--scenario", "book", "--concurrency", "4"];
    let run = place.run(&arguments);
    assert_eq!(run.code, 0, "{run:?}");
    for part in [" confirmed bookings: ", "note: cancelled 1 show made for the load", "finds no violation"] {
        assert!(run.out.contains(part), "{part} is missing: {run:?}");
    }
    let history = place.run(&["audit", "export", "--data", "d", "--stream", "show-*"]).out;
    assert_eq!(history.matches("ShowCancelled").count(), 1, "{history}");
}

#[test]
fn a_load_whose_server_dies_reports_what_it_counted() {
    let place = Place::new();
    for steady in [false, true] {
        let server = Server::start(&place, &["--data", "d"]);
        let mut arguments = vec!["load", "--url", &server.url, "--data", "d", "--json"];
        if steady {
            arguments.extend(["--seconds", "60"]);
        } else {
            arguments.extend(["--buyers", "1000000", "--connections", "4", "--seat", "A-1"]);
        }
        let load = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(4));
        server.signal("KILL");
        let output = load.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["server_gone"], true, "{report}");
        assert!(report["statuses"]["409"].as_u64().unwrap() > 0, "{report}");
    }
}

#[test]
fn the_kill_demo_loses_nothing() {
    let place = Place::new();
    let run = place.run(&["kill-demo", "--bookings", "40", "--connections", "8", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let outcome = run.json();
    assert!(outcome["acknowledged_bookings"].as_u64().unwrap() >= 40, "{outcome}");
    assert!(outcome["events"].as_u64().unwrap() >= 7 * 40, "{outcome}");
    assert_eq!((&outcome["lost"], &outcome["violations"]), (&json!([]), &json!([])), "{outcome}");
    let run = place.run(&["kill-demo", "--bookings", "5", "--connections", "2"]);
    assert!(run.code == 0 && run.out.contains("Nothing was lost.") && run.out.contains("with SIGKILL"), "{run:?}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "it leaves nothing");
}

/// A log host accepts a loss where it is served: `serve` on its directory would sell.
#[test]
fn a_loss_is_accepted_by_the_program_that_was_refused() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
    std::fs::remove_file(place.path().join("lastseat-data/events.mark")).unwrap();
    let host = ["eventstore-server", "--listen", "127.0.0.1:0"];
    let refused = place.run(&host);
    let said = refused.one_line(3);
    let (_, position) = said.split_once(": `lastseat eventstore-server --write --accept-loss ").unwrap();
    let position = position.trim_end_matches('`');
    let with = |more: &[&str]| place.command(&[&host, more].concat());
    assert!(place.run(&["serve", "--listen", "127.0.0.1:0"]).err.contains(&format!("`lastseat serve --accept-loss {position}`")));
    assert!(Run::of(&mut with(&["--accept-loss", position])).one_line(2).contains("needs --write"));
    let other = Run::of(&mut with(&["--write", "--accept-loss", "99"]));
    assert!(other.one_line(3).contains("`--accept-loss 99` accepts another loss"), "{other:?}");

    let mut accepting = with(&["--write", "--accept-loss", position]).stdout(Stdio::piped()).spawn().unwrap();
    let greeted = BufReader::new(accepting.stdout.take().unwrap()).lines().any(|line| line.unwrap().contains("Ctrl-C"));
    accepting.kill().unwrap();
    accepting.wait().unwrap();
    assert!(greeted);
    let left = Run::of(&mut with(&["--write", "--accept-loss", position]));
    assert!(left.one_line(2).contains("remove `--accept-loss`"), "{left:?}");
}

//! The live view of a sale: over the real server, in a real terminal, and as lines for programs.

use crate::binary::{Place, Run};
use crate::http::post;
use crate::serve::Server;
use crate::terminal::Terminal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

fn serve(place: &Place, listen: &str) -> Server {
    let flags = ["serve", "--listen", listen, "--guest-seats-per-address", "off", "--rate-limit-guest-holds", "off"];
    Server::spawn(place.command(&flags).stderr(Stdio::null()))
}

fn hold(url: &str, seat: &str) -> Value {
    let (status, booking) = post(url, "/v1/shows/demo/bookings", None, &json!({ "seats": [seat] }));
    assert_eq!(status, 201, "{booking}");
    booking
}

fn book(url: &str, seat: &str) {
    let booking = hold(url, seat);
    let path = format!("/v1/bookings/{}/payment", booking["id"].as_str().unwrap());
    let (status, paid) = post(url, &path, booking["token"].as_str(), &json!({ "payment_method": "pm_card_visa" }));
    assert_eq!((status, &paid["status"]), (200, &json!("confirmed")), "{paid}");
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}

#[test]
fn one_line_has_what_was_sold_and_how_fast() {
    let place = Place::new();
    let server = serve(&place, "127.0.0.1:0");
    book(&server.url, "A-1");
    let arguments = ["top", "--once", "--interval", "2", "--show", "demo", "--url", &server.url];
    let mut top = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Buyers come for as long as it takes.
    let mut booked = 1;
    while top.try_wait().unwrap().is_none() {
        booked += 1;
        book(&server.url, &format!("B-{booked}"));
        let (status, _) = post(&server.url, "/v1/shows/demo/bookings", None, &json!({ "seats": ["A-1"] }));
        assert_eq!(status, 409);
        std::thread::sleep(Duration::from_millis(200));
    }
    let output = top.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(0), 1), "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    for figure in ["holds_per_second", "payments_per_second", "refusals_per_second"] {
        assert!(line["sale"][figure].as_f64().unwrap() > 0.0, "{figure} in {line}");
    }
    assert!(line["sale"]["refusals"]["seat_unavailable"].as_f64().unwrap() > 0.0, "{line}");
    assert!(line["latency"]["appends"]["p99_ms"].as_f64().unwrap() > 0.0, "{line}");
    assert_eq!((&line["server"]["ready"], &line["log"]["up"], &line["shows"][1]), (&json!(true), &json!(true), &Value::Null));
    let seats = &line["shows"][0]["seats"];
    assert!((1..=booked).contains(&seats["sold"].as_u64().unwrap()), "{line}");
}

#[test]
fn without_a_terminal_there_is_a_line_each_time() {
    let place = Place::new();
    let server = serve(&place, "127.0.0.1:0");
    let mut top = place.command(&["top", "--interval", "1", "--url", &server.url]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines();
    let sold = |line: Option<Result<String, std::io::Error>>| {
        let line: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        line["shows"][0]["seats"]["sold"].as_u64().unwrap()
    };
    assert_eq!(sold(lines.next()), 0);
    book(&server.url, "A-1");
    assert!((0..10).any(|_| sold(lines.next()) == 1));
    signal(top.id(), "TERM");
    assert_eq!(top.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_or_show_that_is_not_there_is_named() {
    let place = Place::new();
    let line = |arguments: &[&str]| place.run(&[&["top", "--once", "--interval", "1"], arguments].concat());
    assert!(line(&["--url", "http://127.0.0.1:1"]).one_line(3).contains("lastseat serve"));
    assert!(line(&["--url", "127.0.0.1:8080"]).one_line(2).contains("must be an address"));
    let server = serve(&place, "127.0.0.1:0");
    assert!(line(&["--url", &server.url, "--show", "opera"]).one_line(2).ends_with("has no show opera"));
    let elsewhere =
        Run::of(&mut place.command(&["top", "--once", "--url", &server.url, "--metrics-url", "http://127.0.0.1:1/metrics"]));
    assert_eq!(elsewhere.code, 3, "{elsewhere:?}");
}

#[test]
fn a_sale_is_watched_through_a_restart_of_the_server() {
    let place = Place::new();
    let server = serve(&place, "127.0.0.1:0");
    let (url, address) = (server.url.clone(), server.url.trim_start_matches("http://").to_owned());
    let mut terminal = Terminal::start(&place, &["top", "--interval", "1", "--url", &url], &[]);
    terminal.wait_for(&["   READY", "lastseat top", "Shows (1)", "demo", "on sale", "pending   0 bookings"]);
    assert!(terminal.is_taken() && terminal.has_colours());

    // Enter shows where the seats are, and esc the list again, which has their number.
    terminal.press("\r");
    terminal.wait_for(&["Last changes", "stalls"]);
    terminal.press("\x1b");
    terminal.wait_for(&["Shows (1)"]);
    book(&url, "A-1");
    terminal.wait_for(&["sold 1"]);
    terminal.press("\r");
    terminal.wait_for(&["Last changes", "█ sold    A-1"]);
    hold(&url, "A-2");
    terminal.wait_for(&["░ held    A-2"]);

    // A wider window has room for both.
    terminal.resize(160, 50);
    terminal.wait_for(&["Shows (1)", "Last changes", "A-2"]);
    terminal.press("?");
    terminal.wait_for(&["any key closes this"]);
    terminal.press("x");

    server.signal("TERM");
    drop(server);
    terminal.wait_for(&["NO CONNECTION for", "old values", "A-2"]);
    let server = serve(&place, &address);
    // Not `NOT READY`.
    terminal.wait_for(&["   READY"]);
    hold(&server.url, "A-3");
    let text = terminal.wait_for(&["held    A-3", "A-2"]);
    assert!(!text.contains("NO CONNECTION"), "{text}");

    // The picture stops, also where it is drawn again after another view has shown what is new, and goes on with all that
    // has happened.
    let mut other = Terminal::start(&place, &["top", "--interval", "1", "--url", &url], &[]);
    other.wait_for(&["Shows (1)", "sold 1"]);
    other.press("\r");
    other.wait_for(&["Last changes"]);
    terminal.press("p");
    terminal.wait_for(&["PAUSED", "A-3"]);
    hold(&server.url, "A-4");
    other.wait_for(&["held    A-4"]);
    other.press("q");
    assert_eq!(other.end(), 0);
    terminal.press("?");
    terminal.wait_for(&["any key closes this"]);
    terminal.press("x");
    let text = terminal.wait_without("any key closes this");
    assert!(text.contains("PAUSED") && text.contains("A-3") && !text.contains("A-4"), "{text}");
    terminal.press("p");
    terminal.wait_for(&["held    A-4"]);

    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn ctrl_c_and_sigterm_leave_the_terminal_as_it_was() {
    let place = Place::new();
    for is_signal in [false, true] {
        // There is no server: the view waits for one, and says so.
        let environment = [("NO_COLOR", "1"), ("LANG", "C")];
        let mut terminal = Terminal::start(&place, &["top", "--url", "http://127.0.0.1:1"], &environment);
        let text = terminal.wait_for(&["NO CONNECTION", "refused", "q quit"]);
        assert!(terminal.is_taken() && !terminal.has_colours() && text.is_ascii(), "{text}");
        if is_signal {
            signal(terminal.process(), "TERM");
        } else {
            terminal.press("\x03");
        }
        assert_eq!(terminal.end(), 0);
    }
}

/// What the other tests look at is there to be seen.
#[test]
fn a_killed_view_leaves_the_terminal_taken() {
    let mut terminal = Terminal::start(&Place::new(), &["top", "--url", "http://127.0.0.1:1"], &[]);
    terminal.wait_for(&["NO CONNECTION"]);
    signal(terminal.process(), "KILL");
    terminal.wait();
    assert!(terminal.is_taken());
}

//! Pictures of the screen, as text.

use super::{Look, Scene, frame};
use crate::cli::top::figures::Figures;
use crate::cli::top::model::{Check, Health, Model, Show, Source, Update};
use crate::cli::top::scrape::Scrape;
use crate::cli::top::seat_map::{Aisles, Message, SeatList, SeatMap};
use crate::cli::top::seats::{Counts, SeatState};
use crate::cli::top::view::{Extents, Focus, View};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;
use std::fmt::Write;
use std::time::Duration;

const LETTERS: [&str; 14] = ["A", "B", "C", "D", "E", "F", "G", "H", "J", "K", "L", "M", "N", "P"];
const URL: &str = "http://127.0.0.1:8080";

/// A picture with its extents, without the lines' ends that are empty.
fn picture(model: &Model, view: &View, look: Look, seconds: u64, size: (u16, u16)) -> (String, Extents) {
    let figures = Figures::of(model);
    let scene = Scene { model, figures: &figures, view, look, url: URL, now: Duration::from_secs(seconds) };
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let mut extents = Extents::default();
    terminal.draw(|drawn| extents = frame(drawn.buffer_mut(), &scene)).unwrap();
    (terminal.backend().to_string(), extents)
}

fn text(model: &Model, view: &View, seconds: u64, size: (u16, u16)) -> String {
    picture(model, view, Look::new(false, true), seconds, size).0
}

/// Metrics as a server writes them, after so many steps of a rush.
fn metrics(step: u64) -> String {
    let mut text = String::from("lastseat_build_info{version=\"1.2.3\"} 1\nlastseat_ready 1\nlastseat_event_log_up 1\n");
    for (name, value) in [
        ("lastseat_commands_total{command=\"hold\",outcome=\"ok\"}", step * 840),
        ("lastseat_commands_total{command=\"pay\",outcome=\"ok\"}", step * step * 6),
        ("lastseat_refusals_total{code=\"seat_unavailable\"}", step * 24_000),
        ("lastseat_refusals_total{code=\"sold_out\"}", step * 31),
        ("lastseat_log_appends_waiting", 3),
        ("lastseat_read_model_lag", 17),
        ("lastseat_seat_guard_up", 1),
        ("lastseat_unfinished_bookings", 1234),
        ("lastseat_captures_due", 2),
        ("lastseat_stream_clients", 5120),
        ("lastseat_commands_in_flight", 64),
        ("lastseat_webhook_messages_waiting{endpoint=\"shop\"}", 7),
        ("lastseat_webhook_tries_failed_total{endpoint=\"shop\"}", step * 3),
        ("process_resident_memory_bytes", 187_000_000),
        ("process_cpu_seconds_total", step * 3),
    ] {
        writeln!(text, "{name} {value}").unwrap();
    }
    let histograms = [
        ("lastseat_command_seconds_bucket{command=\"hold\"", 840),
        ("lastseat_command_seconds_bucket{command=\"pay\"", 60),
        ("lastseat_dependency_call_seconds_bucket{dependency=\"event_log\",call=\"append\",outcome=\"ok\"", 900),
        ("lastseat_dependency_call_seconds_bucket{dependency=\"payment_gateway\",call=\"confirm\",outcome=\"ok\"", 60),
    ];
    for (series, many) in histograms {
        for (bound, share) in [("0.005", 0), ("0.01", 60), ("0.05", 98), ("0.2", 100), ("+Inf", 100)] {
            writeln!(text, "{series},le=\"{bound}\"}} {}", step * many * share / 100).unwrap();
        }
        let count = series.replacen("_bucket", "_count", 1);
        writeln!(text, "{count}}} {}", step * many).unwrap();
    }
    writeln!(
        text,
        "lastseat_dependency_call_seconds_count{{dependency=\"payment_gateway\",call=\"confirm\",outcome=\"fault\"}} {step}"
    )
    .unwrap();
    text
}

fn seats(rows: usize, long: usize) -> SeatList {
    let states = ["available", "booked", "booked", "locked", "available", "in_process", "booked", "unavailable"];
    let seats: Vec<_> = LETTERS
        .iter()
        .take(rows)
        .enumerate()
        .flat_map(|(row, letter)| (1..=long).map(move |seat| (row, letter, seat)))
        .map(|(row, letter, seat)| {
            let area = if row < 8 { "stalls" } else { "circle" };
            // Rows are sold from the middle.
            let state =
                if seat.abs_diff(long / 2) < 9 - row.min(9) { "booked" } else { states[(row * 5 + seat * seat) % states.len()] };
            json!({ "seat": format!("{letter}-{seat}"), "area": area, "state": state })
        })
        .collect();
    let areas = json!([{ "area": "floor", "labelled": false, "capacity": 1000, "available": 412 }]);
    serde_json::from_value(json!({ "position": 1, "seats": seats, "areas": areas })).unwrap()
}

fn aisles() -> Aisles {
    let row = |row: &str| json!({ "row": row, "gaps_after": [10, 30] });
    let rows: Vec<_> = LETTERS.iter().map(|letter| row(letter)).collect();
    serde_json::from_value(json!({ "areas": [{ "area": "stalls", "rows": rows }] })).unwrap()
}

fn show(id: &str, title: &str, status: &str) -> Show {
    Show { id: id.into(), title: title.into(), status: status.into() }
}

/// A sale in its sixth step of ten seconds.
fn busy() -> Model {
    let mut model = Model::default();
    for step in 0..6 {
        let at = Duration::from_secs(step * 10);
        model.apply(at, Update::Metrics(Scrape::read(at, &metrics(step)).unwrap()));
    }
    let now = Duration::from_secs(50);
    model.apply(now, Update::Health(Health::default()));
    let shows = vec![
        show("gala", "The last night", "on_sale"),
        show("matinee-of-the-season", "Matinée", "not_open"),
        show("demo", "Demo night", "on_sale"),
    ];
    model.apply(now, Update::Shows(shows));
    model.apply(now, Update::Map("gala".into(), SeatMap::new(seats(14, 40), &aisles())));
    let counts = Counts { available: 9000, sold: 12_345, held: 120, in_payment: 14, ..Counts::default() };
    model.apply(now, Update::Seats("demo".into(), counts));
    model.apply(now, Update::Following("gala".into()));
    for (seat, state, second) in
        [("A-1", SeatState::Locked, 40), ("A-2", SeatState::Booked, 49), ("B-2", SeatState::Available, 50)]
    {
        let at = format!("2026-11-20T03:07:{second}.123Z");
        model.apply(Duration::from_secs(second), Update::Message("gala".into(), Message::Seat { seat: seat.into(), state, at }));
    }
    model.apply(now, Update::Message("gala".into(), Message::Area { area: "floor".into(), available: 410 }));
    model
}

fn view(focus: Focus) -> View {
    View { focus, ..View::of(Some("gala".into())) }
}

#[test]
fn nothing_is_known_yet() {
    insta::assert_snapshot!(text(&Model::default(), &View::default(), 0, (80, 24)));
}

#[test]
fn a_server_without_endpoints_says_so() {
    let without: Vec<_> = metrics(1).lines().filter(|line| !line.contains("lastseat_webhook_")).map(str::to_owned).collect();
    let mut model = Model::default();
    model.apply(Duration::ZERO, Update::Metrics(Scrape::read(Duration::ZERO, &without.join("\n")).unwrap()));
    let drawn = text(&model, &View::default(), 0, (80, 24));
    assert!(
        drawn.contains("webhooks  no endpoints ") && !text(&busy(), &View::default(), 0, (80, 24)).contains("no endpoints"),
        "{drawn}"
    );
}

#[test]
fn a_rush() {
    insta::assert_snapshot!(text(&busy(), &view(Focus::Shows), 51, (80, 24)));
}

#[test]
fn a_rush_on_a_wide_screen() {
    insta::assert_snapshot!(text(&busy(), &view(Focus::Map), 51, (160, 50)));
}

#[test]
fn the_seats_of_a_show() {
    insta::assert_snapshot!(text(&busy(), &view(Focus::Map), 51, (80, 24)));
}

#[test]
fn the_connection_is_lost() {
    let mut model = busy();
    let refused = || "Connection refused (os error 111)".to_owned();
    model.apply(Duration::from_secs(60), Update::Lost(Source::Metrics, refused()));
    model.apply(Duration::from_secs(60), Update::Lost(Source::Stream, refused()));
    insta::assert_snapshot!(text(&model, &view(Focus::Shows), 72, (80, 24)));
}

#[test]
fn something_is_wrong_on_a_terminal_of_letters() {
    let mut model = busy();
    let at = Duration::from_secs(60);
    let worse = metrics(6).replace("guard_up 1", "guard_up 0").replace("log_up 1", "log_up 0").replace("ready 1", "ready 0");
    model.apply(at, Update::Metrics(Scrape::read(at, &worse).unwrap()));
    let check = |name: &str, ok, detail: &str| Check { name: name.into(), ok, detail: detail.into() };
    let checks = vec![
        check("event_log", false, "does not answer in time"),
        check("engine", true, "0 positions behind"),
        check("degraded", false, "the seat guard does not answer"),
    ];
    model.apply(at, Update::Health(Health { checks }));
    insta::assert_snapshot!(picture(&model, &view(Focus::Shows), Look::new(false, false), 61, (80, 24)).0);
    let drawn = picture(&model, &view(Focus::Map), Look::new(false, false), 61, (160, 50)).0;
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn the_help_is_over_a_stopped_picture() {
    let stopped = View { helps: true, is_paused: true, ..view(Focus::Shows) };
    insta::assert_snapshot!(text(&busy(), &stopped, 51, (80, 24)));
}

#[test]
fn old_values_are_dim() {
    let mut model = busy();
    let is_dim = |model: &Model| {
        let figures = Figures::of(model);
        let (view, look) = (view(Focus::Shows), Look::new(true, true));
        let scene = Scene { model, figures: &figures, view: &view, look, url: URL, now: Duration::from_secs(70) };
        let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 24));
        frame(&mut buffer, &scene);
        let digit = buffer.content.iter().skip(80 * 2).find(|cell| cell.symbol() == "8").unwrap();
        digit.modifier.contains(ratatui::style::Modifier::DIM)
    };
    assert!(!is_dim(&model));
    model.apply(Duration::from_secs(60), Update::Lost(Source::Metrics, "refused".into()));
    assert!(is_dim(&model));
}

#[test]
fn a_map_is_scrolled_to_its_end_and_no_further() {
    let (model, look) = (busy(), Look::new(false, true));
    let far = View { map_offset: 10_000, ..view(Focus::Map) };
    let (drawn, extents) = picture(&model, &far, look, 51, (80, 24));
    assert!(drawn.contains("410 of 1,000 free") && !drawn.contains("stalls"), "{drawn}");
    assert_eq!((extents.map, extents.changes), (2, 1));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    assert!(text(&busy(), &view(Focus::Shows), 51, (30, 5)).contains("make it larger: 40 x 10"));
}

proptest! {
    #[test]
    fn every_size_is_drawn(width in 1_u16..220, height in 1_u16..70, focus in 0..3_usize, helps: bool, offset: usize) {
        let focus = [Focus::Shows, Focus::Map, Focus::Changes][focus];
        let view = View { focus, helps, map_offset: offset, changes_offset: offset, ..View::of(Some("gala".into())) };
        text(&busy(), &view, 51, (width, height));
    }
}

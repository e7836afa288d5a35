//! `lastseat plan import`: a seating plan out of a file, onto a running server.

use crate::binary::Place;
use crate::http;
use crate::serve::Server;
use std::process::Stdio;

const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/house.pretix.json");

#[test]
fn a_house_is_imported_once_and_what_was_understood_is_printed() {
    let place = Place::new();
    let server = Server::spawn(place.command(&["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()));
    let import = |file: &str, more: &[&str]| {
        place.run(&[&["plan", "import", file, "--url", &server.url, "--data", "lastseat-data"], more].concat())
    };
    let run = import(HOUSE, &["--plan", "house"]);
    assert_eq!(run.code, 0, "{run:?}");
    for line in [
        "Théâtre du Parc revision 1 of plan house, drawn",
        "  sections    Stalls, Balcony",
        "  rows        30",
        "  seats       1,000",
        "  category    category-1  180  Category 1",
        "  category    category-2  540  Category 2",
        "  category    category-3  280  Category 3",
        "    `radius` of seats (1000 times)",
    ] {
        assert!(run.out.lines().any(|printed| printed == line), "{line}: {}", run.out);
    }
    let again = import(HOUSE, &["--plan", "house"]);
    assert!(again.out.starts_with("Théâtre du Parc revision 1 of plan house, there already"), "{again:?}");
    let json = import(HOUSE, &["--plan", "house", "--json"]).json();
    assert_eq!((&json["plan"], &json["revision"], &json["seats"]), (&"house".into(), &1.into(), &1000.into()));
    assert_eq!(http::get(&server.url, "/v1/plans/house/revisions/1").0, 200);

    let file = |name: &str, text: &str| {
        std::fs::write(place.path().join(name), text).unwrap();
        name.to_owned()
    };
    assert!(import("missing.json", &[]).one_line(2).contains("missing.json can't be read"));
    assert!(import(&file("empty.json", ""), &[]).one_line(2).contains("is empty"));
    assert!(import(&file("broken.json", "{"), &[]).one_line(2).contains("invalid_json"));
    let twice = r#"{"name":"x","areas":[{"area":"a","category":"c","rows":[{"row":"A","seats":1},{"row":"A","seats":1}]}]}"#;
    assert!(import(&file("twice.json", twice), &[]).one_line(2).contains("row `A` of area `a` appears twice"));
    assert!(place.run(&["plan", "import", HOUSE, "--url", "http://127.0.0.1:9"]).one_line(3).contains("no connection"));
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
    assert_eq!(place.run(&["verify"]).code, 0);
}

//! `lastseat snapshot`: what is stored, and how one is carried to another node.

use crate::binary::Place;
use crate::serve::Server;
use std::process::Stdio;

/// A directory whose server has run and stopped.
fn sold() -> Place {
    let place = Place::new();
    let server = start(&place);
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
    place
}

fn start(place: &Place) -> Server {
    Server::spawn(place.command(&["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()))
}

#[test]
fn an_orderly_stop_leaves_one_and_the_next_start_says_that_it_used_it() {
    let place = sold();
    let shown = place.run(&["snapshot", "show", "--json"]).json();
    assert_eq!((&shown[0]["position"], &shown[0]["shows"], &shown[0]["problem"]), (&1.into(), &1.into(), &().into()), "{shown}");
    let text = place.run(&["snapshot", "show"]).out;
    assert!(text.contains("engine.snapshot  up to position 1, of 20"), "{text}");
    let server = start(&place);
    server.signal("TERM");
    let (_, log) = server.end();
    let line = log.lines().find(|line| line.contains("the write side has caught up with the log")).unwrap();
    assert!(line.contains("snapshot=1") && line.contains("events=0") && line.contains("load_ms="), "{line}");
}

#[test]
fn without_any_it_says_when_there_will_be_one() {
    let place = Place::new();
    assert!(place.run(&["snapshot", "show"]).out.starts_with("No snapshot is stored yet."));
    assert!(place.run(&["snapshot", "export", "f"]).one_line(3).starts_with("there is no directory"));
}

#[test]
fn an_exported_one_is_imported_if_the_log_confirms_it() {
    let place = sold();
    let exported = place.run(&["snapshot", "export", "now.snapshot"]);
    assert!(exported.out.starts_with("now.snapshot: up to position 1, "), "{exported:?}");
    std::fs::remove_dir_all(place.path().join("lastseat-data/snapshots")).unwrap();
    let imported = place.run(&["snapshot", "import", "now.snapshot"]);
    assert_eq!((imported.code, imported.out.trim()), (0, "The next start reads what the log has after position 1."));
    assert_eq!(place.run(&["snapshot", "show", "--json"]).json()[0]["position"], 1);

    // The demo show of another directory was put on sale at another moment.
    let other = sold();
    let file = place.path().join("now.snapshot").display().to_string();
    let before = other.run(&["snapshot", "show"]).out;
    let line = other.run(&["snapshot", "import", &file]);
    let line = line.one_line(3);
    assert!(line.contains("is not imported: the log does not have its landmark"), "{line}");
    assert_eq!(other.run(&["snapshot", "show"]).out, before);
}

#[test]
fn a_file_that_is_not_a_snapshot_is_refused() {
    let place = sold();
    std::fs::write(place.path().join("f"), "{}").unwrap();
    let line = place.run(&["snapshot", "import", "f"]);
    assert_eq!(line.one_line(3), "f is not imported: it is not a snapshot");
}

#[test]
fn export_works_beside_a_server_and_import_does_not() {
    let place = Place::new();
    let server = start(&place);
    assert_eq!(place.run(&["snapshot", "export", "now.snapshot"]).code, 0);
    let line = place.run(&["snapshot", "import", "now.snapshot"]);
    assert!(line.one_line(3).contains("no server has the log open"), "{line:?}");
    server.signal("TERM");
    server.end();
}

//! What `--help` says, and what wrong use is answered. A change shows in review.

use crate::binary::Place;

fn help(arguments: &[&str]) -> String {
    let run = Place::new().run(arguments);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    run.out
}

fn wrong(arguments: &[&str]) -> String {
    let run = Place::new().run(arguments);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    run.err
}

#[test]
fn of_the_program() {
    insta::assert_snapshot!(help(&["--help"]));
}

#[test]
fn of_serve() {
    insta::assert_snapshot!(help(&["serve", "--help"]));
}

#[test]
fn of_load() {
    insta::assert_snapshot!(help(&["load", "--help"]));
}

#[test]
fn of_top() {
    insta::assert_snapshot!(help(&["top", "--help"]));
}

#[test]
fn of_verify() {
    insta::assert_snapshot!(help(&["verify", "--help"]));
}

#[test]
fn of_audit_export() {
    insta::assert_snapshot!(help(&["audit", "export", "--help"]));
}

#[test]
fn of_token() {
    insta::assert_snapshot!(help(&["token", "--help"]));
}

#[test]
fn of_sandbox() {
    insta::assert_snapshot!(help(&["sandbox", "--help"]));
}

#[test]
fn of_projections() {
    insta::assert_snapshot!(help(&["projections", "--help"]));
}

#[test]
fn of_payments_reconcile() {
    insta::assert_snapshot!(help(&["payments", "reconcile", "--help"]));
}

#[test]
fn wrong_use() {
    let all: Vec<String> = [
        &["sell"][..],
        &["serve", "--port", "80"],
        &["serve", "--listen"],
        &["load", "--seat", "A-1", "--area", "floor"],
        &["load", "--buyers", "0"],
        &["load", "--scenario", "hold"],
        &["top", "--interval", "0"],
        &["top", "--show", "No Show"],
        &["token", "--role", "king", "--sub", "ann"],
        &["token", "--role", "buyer", "--sub", "guest:1"],
        &["token", "--role", "buyer", "--sub", "ann", "--ttl", "soon"],
        &["audit"],
        &["completions", "cmd"],
    ]
    .into_iter()
    .map(|arguments| format!("$ lastseat {}\n{}", arguments.join(" "), wrong(arguments)))
    .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn completions_come_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(help(&["completions", shell]).contains("projections"), "{shell}");
    }
}

#[test]
fn every_verb_has_a_manual_page() {
    let place = Place::new();
    let run = place.run(&["man", "man1"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    let page = |name: &str| std::fs::read_to_string(place.path().join(format!("man1/{name}.1"))).unwrap();
    assert!(page("lastseat").contains("lastseat\\-verify(1)"), "{}", page("lastseat"));
    assert!(page("lastseat-serve").contains("\\-\\-listen"));
    assert!(page("lastseat-audit-export").contains("history"));
    std::fs::write(place.path().join("file"), "").unwrap();
    let refused = place.run(&["man", "file/man1"]);
    assert!(refused.code == 3 && refused.err.contains("can't be written"), "{}", refused.err);
}

#[test]
fn the_version_is_one_line() {
    assert_eq!(help(&["--version"]), concat!("lastseat ", env!("CARGO_PKG_VERSION"), "\n"));
}

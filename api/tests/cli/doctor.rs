//! `lastseat doctor`, and what a node does about what a doctor would say.

use crate::binary::{Place, Run};
use crate::serve::Server;
use lastseat_redis_testkit::{RedisServer, ServerOptions};
use serde_json::Value;
use std::process::Stdio;

/// Findings that are marked so, as "of: text".
fn marked(run: &Run, mark: &str) -> Vec<String> {
    let findings = run.json()["findings"].as_array().unwrap().clone();
    let marked = findings.iter().filter(|finding| finding["mark"] == mark);
    marked.map(|finding| format!("{}: {}", finding["of"].as_str().unwrap(), finding["text"].as_str().unwrap())).collect()
}

#[test]
fn a_fresh_machine_is_well_and_stays_as_it_was() {
    let place = Place::new();
    let run = place.run(&["doctor", "--json", "--listen", "127.0.0.1:0"]);
    assert_eq!((run.code, &run.json()["can_sell"]), (0, &Value::Bool(true)), "{run:?}");
    assert_eq!(marked(&run, "wrong"), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "a doctor makes nothing");
    let run = place.run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert!(run.code == 0 && run.out.contains("✓ event log"), "{run:?}");
}

#[test]
fn what_does_not_answer_is_said_with_what_to_do_and_without_passwords() {
    let place = Place::new();
    // Port 1: nobody listens there.
    let run = place.run(&[
        "doctor",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--eventstore",
        "esdb://ann:s3cret@127.0.0.1:1?tls=false",
        "--redis",
        "redis://:s3cret@127.0.0.1:1",
        "--stripe-url",
        "http://127.0.0.1:1",
        "--stripe-key",
        "sk_test_s3cret",
    ]);
    assert_eq!((run.code, &run.json()["can_sell"]), (3, &Value::Bool(false)), "{run:?}");
    let wrong = marked(&run, "wrong");
    for of in ["event log: ", "seat guard: ", "payments: "] {
        assert_eq!(wrong.iter().filter(|line| line.starts_with(of)).count(), 1, "{of}{wrong:#?}");
    }
    assert!(marked(&run, "warning").iter().any(|line| line.contains("--token-key")), "{run:?}");
    assert!(!run.out.contains("s3cret") && !run.err.contains("s3cret"), "{run:?}");
    let place = Place::new();
    let verify = place.run(&["verify", "--eventstore", "esdb://ann:s3cret@127.0.0.1:1?tls=false"]);
    assert!(verify.one_line(3).contains("127.0.0.1:1") && !verify.err.contains("s3cret"), "{verify:?}");
}

#[test]
fn a_node_on_a_shared_log_is_told_to_share_the_gateway() {
    let place = Place::new();
    let doctor = |more: &[&str]| place.run(&[&["doctor", "--json", "--listen", "127.0.0.1:0"], more].concat());
    let is_told =
        |run: &Run| marked(run, "warning").iter().any(|line| line.contains("--stripe-url") && line.contains("lastseat sandbox"));
    let cluster = ["--eventstore", "esdb://127.0.0.1:1?tls=false"];
    assert!(is_told(&doctor(&cluster)) && !is_told(&doctor(&[])));
    let shared = ["--stripe-url", "http://127.0.0.1:1", "--stripe-key", "sk_test_1"];
    assert!(!is_told(&doctor(&[&cluster[..], &shared].concat())));
}

#[test]
fn a_redis_that_evicts_locks_is_refused() {
    let options = ServerOptions {
        config: ["maxmemory 100mb", "maxmemory-policy allkeys-lru"].map(str::to_owned).to_vec(),
        ..ServerOptions::default()
    };
    let Some(server) = RedisServer::start_with(options) else { return };
    let place = Place::new();
    let run = place.run(&["doctor", "--json", "--listen", "127.0.0.1:0", "--redis", &server.url()]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(marked(&run, "wrong").iter().any(|line| line.contains("allkeys-lru") && line.contains("noeviction")), "{run:?}");
    let serve = place.run(&["serve", "--listen", "127.0.0.1:0", "--data", "d", "--redis", &server.url()]);
    let line = serve.one_line(2);
    assert!(line.starts_with("Redis can't guard the seats: ") && line.contains("allkeys-lru"), "{line}");
}

#[test]
#[cfg(unix)]
fn a_token_key_that_others_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    assert_eq!(place.run(&["token", "--sub", "ann", "--role", "buyer", "--data", "d"]).code, 0);
    let doctor = || place.run(&["doctor", "--json", "--listen", "127.0.0.1:0", "--data", "d"]);
    let warned =
        |run: &Run| marked(run, "warning").iter().any(|line| line.starts_with("token key: ") && line.contains("chmod 600"));
    assert!(!warned(&doctor()));
    let key = place.path().join("d/token.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(warned(&doctor()), "{:?}", doctor());
    let server = Server::spawn(place.command(&["serve", "--listen", "127.0.0.1:0", "--data", "d"]).stderr(Stdio::piped()));
    server.signal("TERM");
    let (code, lines) = server.end();
    assert!(code == 0 && lines.contains("every user of this machine (mode 644)"), "{lines}");
}

//! Credentials, permissions, certificates. A refusal comes with advice, and doesn't open the circuit.

use crate::support;

use futures::StreamExt;
use lastseat_domain::StreamName;
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{Delivery, Direction, Expected, Filter, LogFault, Position};
use lastseat_event_log_eventstore::{CircuitState, EventStoreLog};
use lastseat_eventstore_server::{Secret, ServerSettings, Tls};
use std::path::Path;
use std::sync::Arc;
use support::{Server, append_one, bounded, impatient, memory, settings, write};

async fn guarded(settings: ServerSettings) -> Server {
    Server::start_with(Arc::new(memory()), "127.0.0.1:0".parse().unwrap(), settings).await
}

fn open(server: &Server, credentials: &str) -> EventStoreLog {
    EventStoreLog::open(&format!("esdb://{credentials}{}?tls=false", server.address), impatient()).unwrap()
}

#[tokio::test]
async fn a_password_with_special_characters_works() {
    let server = guarded(ServerSettings { reader_token: Secret::new("s@cret/:1"), ..settings() }).await;
    let log = open(&server, "ann:s%40cret%2F%3A1@");
    assert!(append_one(&log, write("seat-1", Expected::NoStream, "x")).await.unwrap().is_written());
    let stream = StreamName::from_log("seat-1");
    assert_eq!(log.read_stream(&stream, None, Direction::Forwards, 10).await.unwrap().len(), 1);
    let first = bounded("the subscription", log.subscribe(Position::START, Filter::all()).next()).await;
    assert!(matches!(first, Some(Ok(Delivery::Event(_)))));
    assert!(log.check().await.is_well());
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_advice() {
    let server = guarded(ServerSettings { reader_token: Secret::new("right"), ..settings() }).await;
    let log = open(&server, "ann:wrong@");
    for _ in 0..10 {
        let refused = [
            append_one(&log, write("seat-1", Expected::NoStream, "x")).await.err(),
            log.head().await.err(),
            bounded("the subscription", log.subscribe(Position::START, Filter::all()).next()).await.unwrap().err(),
        ];
        for fault in refused {
            assert!(matches!(&fault, Some(LogFault::Refused(why)) if why.contains("user and password")), "{fault:?}");
        }
    }
    assert_eq!(log.health().circuit, CircuitState::Closed, "the store is well");
    let found = log.check().await;
    assert!(found.reachable && !found.is_well() && !found.readable && !found.writable, "{found:?}");
}

#[tokio::test]
async fn the_check_finds_a_read_only_server_not_writable() {
    let server = guarded(ServerSettings { write: false, ..settings() }).await;
    server.log.append(vec![write("seat-1", Expected::NoStream, "x")]).await.unwrap();
    let log = open(&server, "");
    assert!(log.head().await.unwrap() > Position::START);
    let refused = append_one(&log, write("seat-2", Expected::NoStream, "x")).await;
    assert!(matches!(refused, Err(LogFault::Refused(_))), "{refused:?}");
    let found = log.check().await;
    assert!(found.readable && !found.writable && !found.is_well(), "{found:?}");
}

fn over_tls(server: &Server, trusted: &Path) -> EventStoreLog {
    let (port, trusted) = (server.address.port(), trusted.display());
    EventStoreLog::open(&format!("esdb://localhost:{port}?tls=true&tlsCaFile={trusted}"), impatient()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_only_a_trusted_certificate_is_accepted() {
    let made = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (ours, foreign) = (made(), made());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let tls = Tls::from_pem(ours.cert.pem().as_bytes(), ours.signing_key.serialize_pem().as_bytes()).unwrap();
    let server = guarded(ServerSettings { tls: Some(tls), ..settings() }).await;

    let log = over_tls(&server, &file("ours.pem", ours.cert.pem()));
    assert!(append_one(&log, write("seat-1", Expected::NoStream, "x")).await.unwrap().is_written());
    assert!(log.check().await.is_well());

    for stranger in [over_tls(&server, &file("foreign.pem", foreign.cert.pem())), open(&server, "")] {
        let refused = append_one(&stranger, write("seat-2", Expected::NoStream, "x")).await;
        assert!(matches!(refused, Err(LogFault::Unavailable(_) | LogFault::OutcomeUnknown(_))), "{refused:?}");
        let found = bounded("checkup", stranger.check()).await;
        assert!(!found.reachable && found.findings[0].text.contains("TLS"), "{found:?}");
    }
    for broken in [folder.path().join("missing.pem"), file("broken.pem", "-----BEGIN CERTIFICATE-----\n%".to_owned())] {
        let refused = append_one(&over_tls(&server, &broken), write("seat-2", Expected::NoStream, "x")).await;
        assert!(matches!(&refused, Err(LogFault::Refused(why)) if why.contains("the client can't be created")), "{refused:?}");
    }
    let second = StreamName::from_log("seat-2");
    assert!(server.log.read_stream(&second, None, Direction::Forwards, 1).await.unwrap().is_empty());
}

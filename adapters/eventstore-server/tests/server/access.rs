//! Access: tokens, read-only servers, TLS.

use crate::common;

use common::{TestServer, all, at, event, fill, memory, soon, writing};
use eventstore::{
    Authentication, Client, DeleteStreamOptions, Error, ReadAllOptions, ReadStreamOptions, StreamState, SubscribeToAllOptions,
    TombstoneStreamOptions,
};
use lastseat_eventstore_server::{Secret, ServerSettings, Tls};

async fn reads(client: &Client) -> bool {
    let read = async { all(client.read_stream("seat-1", &ReadStreamOptions::default()).await?).await };
    allowed(soon(read).await)
}

async fn appends(client: &Client, stream: &str) -> bool {
    allowed(soon(client.append_to_stream(stream, &at(StreamState::NoStream), event("a"))).await)
}

fn allowed<T>(result: eventstore::Result<T>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::AccessDenied) => false,
        Err(other) => panic!("neither allowed nor denied: {other:?}"),
    }
}

#[tokio::test]
async fn a_token_allows_what_it_is_for() {
    let settings = ServerSettings { reader_token: Secret::new("read-me"), writer_token: Secret::new("write-me"), ..writing() };
    let server = TestServer::new(memory(), settings).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    for (n, (credentials, may_read, may_append)) in [
        ("", false, false),
        ("auditor:wrong@", false, false),
        ("auditor:read@", false, false),
        ("read-me:wrong@", false, false),
        ("auditor:read-me@", true, false),
        ("anybody:read-me@", true, false),
        ("auditor:write-me@", true, true),
    ]
    .into_iter()
    .enumerate()
    {
        let client = server.client_as(credentials);
        assert_eq!(reads(&client).await, may_read, "reading as {credentials:?}");
        assert_eq!(appends(&client, &format!("seat-by-{n}")).await, may_append, "appending as {credentials:?}");
        let whole = async { all(client.read_all(&ReadAllOptions::default()).await?).await };
        assert_eq!(allowed(soon(whole).await), may_read);
        let mut followed = client.subscribe_to_all(&SubscribeToAllOptions::default()).await;
        assert_eq!(allowed(soon(followed.next_subscription_event()).await), may_read);
        let batch = client.batch_append(&Default::default()).await.unwrap();
        let batched = soon(batch.append_to_stream(format!("seat-of-{n}"), StreamState::NoStream, vec![event("b")])).await;
        assert_eq!(allowed(batched), may_append, "batches as {credentials:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_bearer_token_is_as_good_as_a_password() {
    let server = TestServer::new(memory(), ServerSettings { reader_token: Secret::new("read-me"), ..writing() }).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    let client = server.client();
    for (token, opens) in [("read-me", true), ("read-you", false), ("read-me-too", false), ("", false)] {
        let options = ReadStreamOptions::default().authenticated(Authentication::bearer(token));
        let read = async { all(client.read_stream("seat-1", &options).await?).await };
        assert_eq!(allowed(soon(read).await), opens, "{token:?}");
    }
    server.stop().await;
}

/// A single token allows both; no token allows appends to a read-only server.
#[tokio::test]
async fn no_token_allows_appends_to_a_read_only_server() {
    let one = || ServerSettings { reader_token: Secret::new("token"), ..writing() };
    for (settings, credentials, may_append) in [
        (one(), "u:token@", true),
        (ServerSettings { write: false, ..one() }, "u:token@", false),
        (ServerSettings { write: false, writer_token: Secret::new("token"), reader_token: None, ..one() }, "u:token@", false),
        (ServerSettings { write: false, ..writing() }, "", false),
        (writing(), "", true),
        (writing(), "any:body@", true),
    ] {
        let case = format!("{settings:?}");
        let server = TestServer::new(memory(), settings).await;
        fill(&server.log, "seat-1", "A", 0..1).await;
        let client = server.client_as(credentials);
        assert!(reads(&client).await, "{case}");
        assert_eq!(appends(&client, "seat-2").await, may_append, "{case}");
        assert_eq!(server.log.head().await.unwrap().0, if may_append { 2 } else { 1 });
        server.stop().await;
    }
}

#[tokio::test]
async fn streams_can_not_be_deleted() {
    let server = TestServer::new(memory(), writing()).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    let client = server.client();
    let delete = DeleteStreamOptions::default().stream_state(StreamState::StreamRevision(0));
    assert!(!allowed(soon(client.delete_stream("seat-1", &delete)).await));
    let tombstone = TombstoneStreamOptions::default().stream_state(StreamState::StreamRevision(0));
    assert!(!allowed(soon(client.tombstone_stream("seat-1", &tombstone)).await));
    assert!(reads(&client).await);
    server.stop().await;
}

/// Only clients that trust the certificate can connect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_only_clients_that_trust_the_certificate_connect() {
    let made = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (ours, foreign) = (made(), made());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let trusted = file("ours.pem", ours.cert.pem());
    let distrusted = file("foreign.pem", foreign.cert.pem());
    let tls = Tls::from_pem(ours.cert.pem().as_bytes(), ours.signing_key.serialize_pem().as_bytes()).unwrap();
    let settings = ServerSettings { tls: Some(tls), reader_token: Secret::new("read-me"), ..writing() };
    let server = TestServer::new(memory(), settings).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    assert!(reads(&server.client_over_tls("auditor:read-me@", &trusted)).await);
    assert!(!reads(&server.client_over_tls("auditor:wrong@", &trusted)).await);
    for stranger in [server.client_over_tls("auditor:read-me@", &distrusted), server.client_as("auditor:read-me@")] {
        let refused = soon(stranger.read_stream("seat-1", &ReadStreamOptions::default())).await.err();
        assert!(matches!(refused, Some(Error::GrpcConnectionError(_) | Error::ServerError(_))), "{refused:?}");
    }
    server.stop().await;
}

#[test]
fn an_unusable_certificate_is_refused_with_the_reason() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (certificate, key, why) in [
        ("", &*key, "no certificate"),
        ("nonsense", &key, "no certificate"),
        (&certificate, "", "private key can't be read"),
        (&certificate, &other.signing_key.serialize_pem(), "can't be used"),
    ] {
        let refused = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn without_a_token_only_loopback_addresses_are_allowed() {
    let open = writing();
    let guarded = ServerSettings { reader_token: Secret::new("token"), ..writing() };
    for (address, may) in
        [("127.0.0.1:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("192.168.1.5:1", false), ("[::]:1", false)]
    {
        let address = address.parse().unwrap();
        assert_eq!(open.may_listen_on(address).is_ok(), may, "{address}");
        assert!(guarded.may_listen_on(address).is_ok(), "{address}");
    }
    assert!(Secret::new("").is_none(), "an empty token is no token");
    assert!(!format!("{guarded:?}").contains("token\""), "a token is never printed");
}

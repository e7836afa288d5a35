//! Strangers without a token can't keep clients out, whatever they hold open.

use crate::common;

use bytes::Bytes;
use common::{TestServer, all, fill, memory, soon, writing};
use eventstore::ReadStreamOptions;
use futures::future::join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lastseat_eventstore_server::{Secret, ServerSettings};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const FEATURES: &str = "/event_store.client.server_features.ServerFeatures/GetSupportedMethods";
const READ: &str = "/event_store.client.streams.Streams/Read";

/// A raw HTTP/2 connection. Its task acknowledges the server's pings, and ends with it.
struct Connection {
    requests: SendRequest<http_body_util::Full<Bytes>>,
    task: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    async fn open(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { requests, task: tokio::spawn(connection) }
    }

    /// Makes a call and returns its gRPC status; `None` if the connection is closed before the answer.
    async fn call(&mut self, path: &str, token: Option<&str>) -> Option<String> {
        let mut request = http::Request::post(format!("http://server{path}")).header(CONTENT_TYPE, "application/grpc");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        // An empty message.
        let body = http_body_util::Full::new(Bytes::from_static(&[0; 5]));
        self.requests.ready().await.ok()?;
        let answer = self.requests.send_request(request.body(body).unwrap()).await.ok()?;
        let status = answer.headers().get("grpc-status").map_or("0", |status| status.to_str().unwrap());
        Some(status.to_owned())
    }
}

fn guarded() -> ServerSettings {
    ServerSettings { reader_token: Secret::new("read-me"), ..writing() }
}

async fn reads(server: &TestServer) {
    let client = server.client_as("auditor:read-me@");
    let options = ReadStreamOptions::default();
    let read = async { all(client.read_stream("seat-1", &options).await.unwrap()).await.unwrap() };
    assert_eq!(soon(read).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_have_proven_nothing_keep_no_client_out() {
    let server = TestServer::new(memory(), guarded()).await;
    fill(&server.log, "seat-1", "A", 0..1).await;
    let strangers = join_all((0..300).map(|n| {
        let server = &server;
        async move {
            let mut stranger = Connection::open(server).await;
            let status = stranger.call(if n % 2 == 0 { READ } else { FEATURES }, None).await;
            // 16: unauthenticated.
            assert!(status.is_none_or(|status| status == if n % 2 == 0 { "16" } else { "0" }));
            stranger
        }
    }));
    let strangers = soon(strangers).await;
    reads(&server).await;
    let holding = strangers.iter().filter(|stranger| !stranger.task.is_finished()).count();
    assert!(holding <= guarded().max_unproven_connections, "{holding} of them still have a place");
    server.stop().await;
}

/// After the server was restarted, all nodes connect at once, and each call takes its time on a busy machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_connect_at_once_displace_nobody() {
    for (settings, token, at_once) in [(guarded(), Some("read-me"), 200), (ServerSettings::new(guarded().clock), None, 400)] {
        let server = TestServer::new(memory(), settings).await;
        let mut clients = soon(join_all((0..at_once).map(|_| Connection::open(&server)))).await;
        let mut answers = Vec::new();
        for client in &mut clients {
            answers.push(client.call(READ, token).await);
        }
        assert!(answers.iter().all(|answer| answer.as_deref() == Some("3")), "{answers:?}");
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_makes_no_allowed_call_is_closed_although_it_answers_pings() {
    let server = TestServer::new(memory(), guarded()).await;
    let (mut refused, mut curious, mut client) =
        (Connection::open(&server).await, Connection::open(&server).await, Connection::open(&server).await);
    assert_eq!(refused.call(READ, Some("read-you")).await.as_deref(), Some("16"));
    assert_eq!(curious.call(FEATURES, None).await.as_deref(), Some("0"));
    // 3: allowed, although the message says nothing.
    assert_eq!(client.call(READ, Some("read-me")).await.as_deref(), Some("3"));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(refused.task.is_finished() && curious.task.is_finished() && !client.task.is_finished());
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(client.call(READ, Some("read-me")).await.as_deref(), Some("3"), "it stays");
    server.stop().await;
}

#[tokio::test]
async fn calls_on_connections_over_the_limit_are_refused_until_one_is_free() {
    let server = TestServer::new(memory(), ServerSettings { max_connections: 1, ..guarded() }).await;
    let (mut first, mut second) = (Connection::open(&server).await, Connection::open(&server).await);
    assert_eq!(first.call(READ, Some("read-me")).await.as_deref(), Some("3"));
    // 14: unavailable.
    assert_eq!(second.call(READ, Some("read-me")).await.as_deref(), Some("14"));
    drop(first);
    let is_let_in = async {
        while second.call(READ, Some("read-me")).await.as_deref() != Some("3") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(is_let_in).await;
    server.stop().await;
}

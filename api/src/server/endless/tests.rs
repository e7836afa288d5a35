use super::*;
use crate::server::{Budget, Capacity, serve};
use axum::Router;
use axum::routing::get;
use futures::stream;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The items of the next stream, and whether it is still there.
type Items = mpsc::UnboundedReceiver<Bytes>;

struct Server {
    address: SocketAddr,
    budget: Arc<Budget>,
    items: mpsc::UnboundedSender<Bytes>,
    stop: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

/// `/stream` is answered with what is sent to `items`, the first time that it is asked for; `/fast` at once.
async fn start() -> Server {
    let (items, received) = mpsc::unbounded_channel();
    let received: Arc<Mutex<Option<Items>>> = Arc::new(Mutex::new(Some(received)));
    let answer = move || async move {
        let received = received.lock().take().expect("asked once");
        Endless::answer(stream::unfold(received, |mut items| async move { Some((items.recv().await?, items)) }).boxed())
    };
    let router = Router::new().route("/stream", get(answer)).route("/fast", get(|| async { "Z".repeat(100_000) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (budget, capacity, stop) = (Budget::new(1 << 20, Arc::default()), Arc::new(Capacity::new(100)), CancellationToken::new());
    let serving =
        tokio::spawn(serve(listener, router, None, Arc::clone(&budget), capacity, stop.clone(), Duration::from_millis(200)));
    Server { address, budget, items, stop, serving }
}

impl Server {
    async fn ask(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.serving).await.expect("stops").unwrap().unwrap();
    }
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = String::new();
    while !all.ends_with(end) {
        let mut space = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut space)).await.expect("more").unwrap();
        assert!(read > 0, "closed after {all:?}");
        all.push_str(std::str::from_utf8(&space[..read]).unwrap());
    }
    all
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut all = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut all)).await.expect("an end").unwrap();
    all
}

const ASK: &str = "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn a_stream_is_a_chunked_answer_with_the_headers_of_every_answer() {
    let server = start().await;
    server.items.send(Bytes::from_static(b"first")).unwrap();
    let mut client = server.ask(ASK).await;
    let text = read_until(&mut client, "first\r\n").await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut names: Vec<_> = headers.lines().map(|line| line.split_once(": ").unwrap().0).collect();
    names.sort_unstable();
    assert_eq!(line, "HTTP/1.1 200 OK");
    let expected = ["connection", "content-security-policy", "date", "referrer-policy", "transfer-encoding"];
    assert_eq!(names, [&expected[..], &["x-content-type-options", "x-frame-options", "x-request-id"]].concat());
    assert_eq!(body, "5\r\nfirst\r\n");
    server.items.send(Bytes::new()).unwrap();
    server.items.send(Bytes::from("Z".repeat(300))).unwrap();
    assert_eq!(read_until(&mut client, "Z\r\n").await, format!("12c\r\n{}\r\n", "Z".repeat(300)));
    // The end of the stream is the end of the answer, and of the connection.
    let Server { items, stop, serving, .. } = server;
    drop(items);
    assert_eq!(rest(&mut client).await, "0\r\n\r\n");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// Answers that hyper still has when the stream is ready come first, also if their client does not read.
#[tokio::test]
async fn a_stream_waits_for_the_answers_before_it() {
    let server = start().await;
    server.items.send(Bytes::from_static(b"first")).unwrap();
    let before = "GET /fast HTTP/1.1\r\nhost: a\r\n\r\n".repeat(20);
    let mut client = server.ask(&format!("{before}{ASK}GET /fast HTTP/1.1\r\nhost: a\r\n\r\n")).await;
    let text = read_until(&mut client, "first\r\n").await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 21);
    assert_eq!(text.matches('Z').count(), 2_000_000);
    assert!(text.ends_with("\r\n\r\n5\r\nfirst\r\n"), "the stream is the last");
    server.items.send(Bytes::from_static(b"second")).unwrap();
    assert_eq!(read_until(&mut client, "second\r\n").await, "6\r\nsecond\r\n");
    server.stop().await;
    assert_eq!(rest(&mut client).await, "", "cut after the time to drain");
}

#[tokio::test]
async fn a_stream_ends_when_its_client_hangs_up() {
    let server = start().await;
    server.items.send(Bytes::from_static(b"first")).unwrap();
    let mut client = server.ask(ASK).await;
    read_until(&mut client, "first\r\n").await;
    // What it sends meanwhile is of no use.
    client.write_all(b"GET /fast HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    server.items.send(Bytes::from_static(b"second")).unwrap();
    assert_eq!(read_until(&mut client, "second\r\n").await, "6\r\nsecond\r\n");
    drop(client);
    tokio::time::timeout(Duration::from_secs(10), server.items.closed()).await.expect("the stream is dropped");
    server.stop().await;
}

#[tokio::test]
async fn what_a_client_does_not_read_is_charged_and_closes_it_when_it_is_too_much() {
    let server = start().await;
    // Connections made before the server has set the listener up have larger buffers in the system.
    rest(&mut server.ask("GET /fast HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 << 10).unwrap();
    let mut client = socket.connect(server.address).await.unwrap();
    client.write_all(ASK.as_bytes()).await.unwrap();
    server.items.send(Bytes::from("Z".repeat(900_000))).unwrap();
    // The system takes a part of it and no more.
    let charged = async {
        while !(1..900_000).contains(&server.budget.used()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), charged).await.expect("a part of it is charged");
    let text = read_until(&mut client, "Z\r\n").await;
    assert_eq!(text.matches('Z').count(), 900_000);
    while server.budget.used() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.budget.closed(), 0);
    // Twice the budget.
    server.items.send(Bytes::from("Z".repeat(2 << 20))).unwrap();
    tokio::time::timeout(Duration::from_secs(10), server.items.closed()).await.expect("the stream is dropped");
    assert_eq!((server.budget.used(), server.budget.closed()), (0, 1));
    server.stop().await;
}

/// hyper goes on with what a listener can't have: no chunks in HTTP/1.0, no body for HEAD.
#[tokio::test]
async fn the_router_answers_who_gets_no_chunks() {
    for (request, expected) in [
        ("GET /stream HTTP/1.0\r\nhost: a\r\n\r\n", "first"),
        ("HEAD /stream HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", ""),
    ] {
        let server = start().await;
        server.items.send(Bytes::from_static(b"first")).unwrap();
        let mut client = server.ask(request).await;
        let Server { items, stop, serving, .. } = server;
        drop(items);
        let text = rest(&mut client).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 OK"), "{head}");
        assert_eq!(body, expected, "{request}");
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}

#[test]
fn a_chunk_is_made_once_for_an_item_and_never_taken_for_anothers() {
    let item = Bytes::from_static(b"shared");
    let first = chunk(item.clone());
    assert_eq!(first, "6\r\nshared\r\n");
    assert_eq!(chunk(item).as_ptr(), first.as_ptr());
    // The next item may be where one that is gone was.
    for number in 0..100 {
        let text = format!("{number:06}");
        assert_eq!(chunk(Bytes::from(text.clone())), format!("6\r\n{text}\r\n"));
    }
}

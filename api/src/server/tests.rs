use super::*;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn start(
    router: Router,
    patience: Duration,
) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, router, shutdown.clone(), patience));
    (address, shutdown, serving)
}

fn slow() -> Router {
    Router::new()
        .route("/fast", get(|| async { "fast" }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                "slow"
            }),
        )
        .route(
            "/never",
            get(|| async {
                std::future::pending::<()>().await;
                "never"
            }),
        )
}

async fn send(address: std::net::SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (address, shutdown, serving) = start(slow(), Duration::from_secs(5)).await;
    let stream = send(
        address,
        "GET /fast HTTP/1.1\r\nhost: x\r\n\r\nGET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    let text = rest(stream).await;
    let bodies: Vec<_> = text.split("\r\n\r\n").skip(1).map(|part| part.get(..4).unwrap()).collect();
    assert_eq!(bodies, ["fast", "slow", "fast"]);
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

/// What stands behind a request must not keep its answer back.
#[tokio::test]
async fn an_answer_does_not_wait_for_what_comes_after_its_request() {
    let (address, shutdown, serving) = start(slow(), Duration::from_secs(5)).await;
    let request = "GET /fast HTTP/1.1\r\nhost: x\r\n\r\n";
    for behind in ["", "\r\n", "GET /fa", "GET /never HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = send(address, &format!("{request}{behind}")).await;
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut answer)).await.expect(behind).unwrap();
        assert!(answer.get(..read).unwrap().ends_with(b"fast"), "{behind:?}");
    }
    let nonsense = rest(send(address, "nonsense\r\n\r\n").await).await;
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense:?}");
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_under_way_finishes_and_idle_connections_are_closed() {
    let (address, shutdown, serving) = start(slow(), Duration::from_secs(5)).await;
    let busy = send(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let idle = send(address, "").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    shutdown.cancel();
    assert!(rest(busy).await.ends_with("slow"));
    assert_eq!(rest(idle).await, "");
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let (address, shutdown, serving) = start(slow(), Duration::from_millis(50)).await;
    let stuck = send(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(2), serving).await.expect("stopped").unwrap().unwrap();
    assert_eq!(rest(stuck).await, "");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_let_go_and_who_is_being_answered_is_not() {
    let (address, shutdown, serving) = start(slow(), Duration::from_millis(50)).await;
    let begun = tokio::time::Instant::now();
    let silent = tokio::spawn(rest(send(address, "").await));
    let half = tokio::spawn(rest(send(address, "GET /fast HTTP/1.1\r\nhost").await));
    let done = tokio::spawn(rest(send(address, "GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await));
    let listening = tokio::spawn(rest(send(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await));
    assert_eq!(silent.await.unwrap(), "");
    assert_eq!(half.await.unwrap(), "");
    assert!(done.await.unwrap().ends_with("fast"));
    assert!((75..=151).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(!listening.is_finished());
    shutdown.cancel();
    serving.await.unwrap().unwrap();
    assert_eq!(listening.await.unwrap(), "");
}

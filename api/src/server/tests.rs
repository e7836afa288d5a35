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
    let (budget, capacity) = (Budget::new(1 << 20, Arc::default()), Arc::new(Capacity::new(100)));
    let serving = tokio::spawn(serve(listener, router, None, budget, capacity, shutdown.clone(), patience));
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

async fn read_to_end(mut stream: TcpStream) -> String {
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
    let text = read_to_end(stream).await;
    let bodies: Vec<_> = text.split("\r\n\r\n").skip(1).map(|part| part.get(..4).unwrap()).collect();
    assert_eq!(bodies, ["fast", "slow", "fast"]);
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_does_not_wait_for_what_comes_after_its_request() {
    let (address, shutdown, serving) = start(slow(), Duration::from_secs(5)).await;
    let request = "GET /fast HTTP/1.1\r\nhost: x\r\n\r\n";
    for after in ["", "\r\n", "GET /fa", "GET /never HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = send(address, &format!("{request}{after}")).await;
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut answer)).await.expect(after).unwrap();
        assert!(answer.get(..read).unwrap().ends_with(b"fast"), "{after:?}");
    }
    let nonsense = read_to_end(send(address, "nonsense\r\n\r\n").await).await;
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense:?}");
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish_and_closes_idle_connections() {
    let (address, shutdown, serving) = start(slow(), Duration::from_secs(5)).await;
    let busy = send(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let idle = send(address, "").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    shutdown.cancel();
    assert!(read_to_end(busy).await.ends_with("slow"));
    assert_eq!(read_to_end(idle).await, "");
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_finish_in_time_is_cut_off() {
    let (address, shutdown, serving) = start(slow(), Duration::from_millis(50)).await;
    let stuck = send(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(2), serving).await.expect("stopped").unwrap().unwrap();
    assert_eq!(read_to_end(stuck).await, "");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_and_running_answers_are_not() {
    let (address, shutdown, serving) = start(slow(), Duration::from_millis(50)).await;
    let begun = tokio::time::Instant::now();
    let silent = tokio::spawn(read_to_end(send(address, "").await));
    let half = tokio::spawn(read_to_end(send(address, "GET /fast HTTP/1.1\r\nhost").await));
    let done = tokio::spawn(read_to_end(send(address, "GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await));
    let listening = tokio::spawn(read_to_end(send(address, "GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await));
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

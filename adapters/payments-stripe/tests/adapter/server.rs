//! A server that answers as a test says: with a status, with half an answer, or not at all.

use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn key(&self) -> Option<&str> {
        self.header("idempotency-key")
    }

    /// `POST /v1/refunds`, without the query.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target.split('?').next().unwrap())
    }
}

/// What the server does with a request.
pub enum Reply {
    Json(u16, Vec<(&'static str, String)>, Value),
    Raw(u16, &'static str),
    /// The headers and a part of the body.
    Half,
    Close,
    Hang,
}

pub fn ok(body: Value) -> Reply {
    Reply::Json(200, Vec::new(), body)
}

/// Stripe's error object.
pub fn error(status: u16, body: Value) -> Reply {
    Reply::Json(status, Vec::new(), json!({ "error": body }))
}

type Script = Box<dyn FnMut(&Request) -> Reply + Send>;

pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let record = Arc::clone(&seen);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&record)));
            }
        });
        Self { url, seen, connections }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().clone()
    }

    /// The keys of the requests that had one.
    pub fn keys(&self) -> Vec<String> {
        self.seen().iter().filter_map(|request| request.key().map(str::to_owned)).collect()
    }

    pub fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Request::line).collect()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>, seen: Arc<Mutex<Vec<Request>>>) {
    while let Some(request) = read(&mut stream).await {
        seen.lock().push(request.clone());
        let reply = (script.lock())(&request);
        let text = match reply {
            Reply::Json(status, headers, body) => answer(status, &headers, &body.to_string()),
            Reply::Raw(status, body) => answer(status, &[], body),
            Reply::Half => {
                let text = answer(200, &[], &"x".repeat(100));
                stream.write_all(&text.as_bytes()[..text.len() - 50]).await.unwrap();
                return;
            }
            Reply::Close => return,
            Reply::Hang => return tokio::time::sleep(Duration::from_secs(60)).await,
        };
        stream.write_all(text.as_bytes()).await.unwrap();
    }
}

fn answer(status: u16, headers: &[(&'static str, String)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let mut first = lines.next()?.split(' ');
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
            if body.len() >= length {
                let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
                return Some(Request { method, target, headers, body: body.to_owned() });
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}

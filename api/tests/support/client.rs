//! A plain HTTP/1.1 client: connections are kept, nothing is repeated.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Who does not answer within this time never will.
const PATIENCE: Duration = Duration::from_secs(60);

type Connection = SendRequest<Full<Bytes>>;

/// Talks to one server. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Client {
    addr: SocketAddr,
    host: String,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// A request in the making.
pub struct Call {
    client: Client,
    request: http::request::Builder,
    body: Bytes,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, host: addr.to_string(), idle: Arc::default() }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same connections, for requests to another name of the server.
    pub fn at_host(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    /// Sees to it that so many connections are open, so that a crowd does not queue for them.
    pub async fn warm_up(&self, connections: usize) {
        let there = self.idle.lock().len();
        for _ in there..connections {
            let connection = self.connect().await.unwrap();
            self.idle.lock().push(connection);
        }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        let request = Request::builder().method(method).uri(path).header("host", &self.host);
        Call { client: self.clone(), request, body: Bytes::new() }
    }

    async fn connect(&self) -> Result<Connection, String> {
        let stream = TcpStream::connect(self.addr).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // Ends with the sender; its error reaches the request that was under way.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn connection(&self) -> Result<Connection, String> {
        loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(mut kept) if !kept.is_closed() => {
                    if kept.ready().await.is_ok() {
                        return Ok(kept);
                    }
                }
                Some(_) => {}
                None => return self.connect().await,
            }
        }
    }
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A key by a short name. A guest's must be long, so all are.
    pub fn key(self, name: &str) -> Self {
        self.header("idempotency-key", &format!("{name}-3f0a61c2-9d4e-4b58-8c71-e2"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// A body as it is, with the media type of JSON.
    pub fn text(mut self, body: &str) -> Self {
        self.body = Bytes::copy_from_slice(body.as_bytes());
        self.header("content-type", "application/json")
    }

    /// A body as it is, of whatever kind the headers say.
    pub fn bytes(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// A form, as Stripe's API takes it.
    pub fn form(mut self, body: &str) -> Self {
        self.body = Bytes::copy_from_slice(body.as_bytes());
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Sends; there has to be an answer.
    pub async fn send(self) -> Answer {
        self.try_send().await.unwrap()
    }

    /// Sends. Without an answer it is not known whether it was done.
    pub async fn try_send(self) -> Result<Answer, String> {
        let client = self.client.clone();
        let exchange = async move {
            let mut connection = client.connection().await?;
            let request = self.request.body(Full::new(self.body)).map_err(|error| error.to_string())?;
            let response = connection.send_request(request).await.map_err(|error| error.to_string())?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            client.idle.lock().push(connection);
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// Sends, and leaves the body to be read as it comes. The connection is its own.
    pub async fn open(self) -> (http::response::Parts, Incoming, Connection) {
        let mut connection = self.client.connect().await.unwrap();
        let request = self.request.body(Full::new(self.body)).unwrap();
        let (parts, body) = connection.send_request(request).await.unwrap().into_parts();
        (parts, body, connection)
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of a problem; empty if it is none.
    pub fn code(&self) -> String {
        let body = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Checks the status and returns the body.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Checks that it is this problem and returns it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }
}

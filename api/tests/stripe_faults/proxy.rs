//! Sits between a server and the gateway, and disturbs one call: the server is killed, or the request or its
//! answer gets lost.

use crate::support::client::{Answer, Client};
use crate::support::process::Server;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The server is killed before the gateway learns of the call.
    KilledBefore,
    /// The gateway carries it out, and the server is killed before it learns of that.
    KilledAfter,
    /// The connection breaks before the gateway learns of the call.
    RequestLost,
    /// The gateway carries it out, and the connection breaks.
    AnswerLost,
}

pub const FATES: [Fate; 4] = [Fate::KilledBefore, Fate::KilledAfter, Fate::RequestLost, Fate::AnswerLost];

/// The proxy. The calls of which it takes note are those that change something, and reads of an intent.
pub struct Proxy {
    pub url: String,
    state: Arc<State>,
}

struct State {
    gateway: Client,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    seen: Vec<String>,
    /// The call to be disturbed, counted from 0.
    disturbed: Option<(usize, Fate)>,
    server: Option<Server>,
    done: bool,
}

impl Proxy {
    pub async fn to(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { gateway: Client::new(gateway), calls: Mutex::default() });
        tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { url, state }
    }

    /// Disturbs the `nth` call from now on. `server` is the one to be killed.
    pub fn disturb(&self, nth: usize, fate: Fate, server: Server) {
        *self.state.calls.lock() = Calls { seen: Vec::new(), disturbed: Some((nth, fate)), server: Some(server), done: false };
    }

    /// The calls so far, such as `POST capture`, and whether the disturbed one was among them.
    pub fn seen(&self) -> (Vec<String>, bool) {
        let calls = self.state.calls.lock();
        (calls.seen.clone(), calls.done)
    }

    pub fn was_killed(&self) -> bool {
        self.state.calls.lock().server.is_none()
    }

    /// Disturbs nothing any more. Returns the server, unless it was killed.
    pub fn rest(&self) -> Option<Server> {
        let mut calls = self.state.calls.lock();
        calls.disturbed = None;
        calls.server.take()
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| pass_on(Arc::clone(&state), request));
            // An error is what this is for: it closes the connection without an answer.
            let _closed = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is closed instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("lost")]
struct Lost;

async fn pass_on(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Lost> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let fate = state.calls.lock().note(&format!("{} {}", head.method, name(head.uri.path())));
    match fate {
        Some(Fate::KilledBefore) => {
            state.kill();
            return Err(Lost);
        }
        Some(Fate::RequestLost) => return Err(Lost),
        _ => {}
    }
    let answer = forward(&state.gateway, head.method.as_str(), &path, &head.headers, body).await?;
    match fate {
        Some(Fate::KilledAfter) => {
            state.kill();
            Err(Lost)
        }
        Some(Fate::AnswerLost) => Err(Lost),
        _ => {
            let mut response = Response::new(Full::new(answer.body));
            *response.status_mut() = http::StatusCode::from_u16(answer.status).map_err(|_| Lost)?;
            *response.headers_mut() = answer.headers;
            Ok(response)
        }
    }
}

async fn forward(gateway: &Client, method: &str, path: &str, headers: &HeaderMap, body: Bytes) -> Result<Answer, Lost> {
    let mut call = gateway.call(method, path).bytes(body);
    for (name, value) in headers {
        if name != http::header::HOST
            && let Ok(value) = value.to_str()
        {
            call = call.header(name.as_str(), value);
        }
    }
    call.try_send().await.map_err(|_| Lost)
}

/// The last word of a path; that of an intent is `intent`.
fn name(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit('/').next() {
        Some(word) if word.starts_with("pi_") => "intent",
        word => word.unwrap_or(path),
    }
}

impl Calls {
    fn note(&mut self, call: &str) -> Option<Fate> {
        self.seen.push(call.to_owned());
        let (nth, fate) = self.disturbed?;
        let hit = self.seen.len() == nth + 1 && !self.done;
        self.done |= hit;
        hit.then_some(fate)
    }
}

impl State {
    fn kill(&self) {
        if let Some(server) = self.calls.lock().server.take() {
            server.kill();
        }
    }
}

//! A server with limits on a clock that the test sets, and a limiter that several servers share.

use super::common::{Reply, TestServer, start_limited};
use async_trait::async_trait;
use lastseat::auth::Role;
use lastseat::limits::{GuestRules, Limits, Proxies, Quotas};
use lastseat_domain::ports::rate_limit::{LimitKey, RateLimiter, RateLimiterUnavailable};
use lastseat_domain::{Allowance, Quota};
use lastseat_in_process::InProcessLimiter;
use lastseat_testkit::SteppingClock;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::TempDir;

pub const HOLD: &str = "/v1/shows/demo/bookings";
pub const OFF: Quotas = Quotas {
    caller: None,
    address: None,
    reads: None,
    streams: None,
    guests: GuestRules::OFF,
    sign_ins: None,
    sign_ups: None,
    mails: None,
};

/// A server, the time of its own limits, and its directory. With the show `demo`.
pub struct Node {
    pub server: TestServer,
    pub clock: SteppingClock,
    _dir: TempDir,
}

pub fn quota(text: &str) -> Option<Quota> {
    Some(text.parse().unwrap())
}

/// With these limits.
pub async fn limited(quotas: Quotas, proxies: Proxies, shared: Option<Arc<dyn RateLimiter>>) -> Node {
    let (dir, clock) = (tempfile::tempdir().unwrap(), SteppingClock::default());
    let local = Arc::new(InProcessLimiter::new(Arc::new(clock.clone())));
    let server = start_limited(dir.path(), true, Limits::new(quotas, proxies, local, shared)).await;
    Node { server, clock, _dir: dir }
}

/// With a limit on callers, of this node or shared.
pub async fn callers(text: &str, shared: Option<Arc<dyn RateLimiter>>) -> Node {
    limited(Quotas { caller: quota(text), ..OFF }, Proxies::default(), shared).await
}

impl Node {
    pub fn buyer(&self, name: &str) -> String {
        self.server.token(name, Role::Buyer)
    }

    pub async fn hold(&self, token: &str, seat: &str) -> Reply {
        self.server.post(HOLD).bearer(token).json(json!({"seats": [seat]})).send().await
    }

    /// A command that reads the log and changes nothing.
    pub async fn nothing(&self, token: &str) -> Reply {
        self.server.post("/v1/bookings/00000000-0000-4000-8000-000000000000/extend").bearer(token).send().await
    }

    /// A hold of a guest, with headers.
    pub async fn guest(&self, headers: &[(&str, &str)]) -> Reply {
        let call = self.server.post(HOLD).json(json!({"seats": ["A-1"]}));
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
    }

    pub async fn metric(&self, series: &str) -> u64 {
        let text = String::from_utf8(self.server.get("/metrics").send().await.body.to_vec()).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
    }
}

/// Both fields of an answer.
pub fn fields(reply: &Reply) -> (&str, &str) {
    (reply.header("ratelimit-policy"), reply.header("ratelimit"))
}

/// A limiter that several servers share. It can fail, and counts its calls.
pub struct Watched {
    pub limiter: InProcessLimiter,
    pub clock: SteppingClock,
    pub down: AtomicBool,
    pub calls: AtomicUsize,
}

impl Watched {
    pub fn new() -> Arc<Self> {
        let clock = SteppingClock::default();
        let limiter = InProcessLimiter::new(Arc::new(clock.clone()));
        Arc::new(Self { limiter, clock, down: AtomicBool::new(false), calls: AtomicUsize::new(0) })
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl RateLimiter for Watched {
    async fn take(&self, key: &LimitKey, quota: Quota) -> Result<Allowance, RateLimiterUnavailable> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(RateLimiterUnavailable("down on purpose".to_owned()));
        }
        self.limiter.take(key, quota).await
    }
}

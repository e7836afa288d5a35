//! How much one caller, and one address, may do in a time.
//!
//! Every limit is asked twice at the most. First **this node**, in its memory, for each command as it
//! comes in: whoever is too much for one node is too much for all. Then, where nodes share a Redis,
//! **all nodes**, but only in front of work that is shared, too: a seat that the board refuses costs
//! neither a disk nor a network, and must not begin to. If Redis does not answer, what this node
//! said holds.
//!
//! [`address`] says where a request comes from, [`fields`] how limits look in an answer, [`reads`]
//! how questions are limited, for those who want that.

pub mod address;
pub mod fields;
pub mod reads;
mod shared;

pub use address::{Network, Proxies, ProxyHeader};

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use http::request::Parts;
use lastseat_domain::ports::RateLimiter;
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::{Allowance, Quota};
use parking_lot::Mutex;
use shared::Shared;
use std::sync::Arc;

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Commands of one caller: the subject of a token, or a booking by its own token.
    Caller,
    /// Commands from one address.
    Address,
    /// Questions of one caller, or from one address where there is no token.
    Reads,
    /// Seat streams opened, counted as questions are.
    Streams,
}

impl Policy {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Caller, Self::Address, Self::Reads, Self::Streams];

    /// Its name in headers, problems and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
            Self::Reads => "reads",
            Self::Streams => "streams",
        }
    }
}

/// The quota of each policy; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Of [`Policy::Caller`]. By default 60 in 10 seconds: far more than a person can click.
    pub caller: Option<Quota>,
    /// Of [`Policy::Address`]. None by default: thousands of buyers may sit behind one address.
    pub address: Option<Quota>,
    /// Of [`Policy::Reads`]. None by default, for the same reason.
    pub reads: Option<Quota>,
    /// Of [`Policy::Streams`]. None by default, for the same reason.
    pub streams: Option<Quota>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { caller: Quota::new(60, 10).ok(), address: None, reads: None, streams: None }
    }
}

/// The limits of a server.
pub struct Limits {
    quotas: Quotas,
    proxies: Proxies,
    local: Arc<dyn RateLimiter>,
    shared: Option<Shared>,
}

/// What a request was counted under; empty if nothing limits it. Clones share what is in it.
#[derive(Clone, Default)]
pub struct Pass(Option<Arc<Mutex<Vec<Count>>>>);

/// One count of a request.
#[derive(Clone)]
pub struct Count {
    /// The limit.
    pub policy: Policy,
    /// Its quota.
    pub quota: Quota,
    /// What is left of it, as far as is known: the tighter of what this node and all nodes say.
    pub allowance: Allowance,
    key: LimitKey,
}

impl Limits {
    /// Limits for this node (`local`, which must never be unavailable), and, if there is one, for all
    /// nodes that share the other limiter.
    #[must_use]
    pub fn new(quotas: Quotas, proxies: Proxies, local: Arc<dyn RateLimiter>, shared: Option<Arc<dyn RateLimiter>>) -> Self {
        Self { quotas, proxies, local, shared: shared.map(Shared::new) }
    }

    /// Whether questions are limited at all.
    #[must_use]
    pub fn has_reads(&self) -> bool {
        self.quotas.reads.is_some() || self.quotas.streams.is_some()
    }

    /// What a command is counted under. An admin is no caller to be limited: giving the money back
    /// for a show that is cancelled is thousands of commands.
    fn of_command(&self, parts: &Parts, caller: &Caller) -> impl Iterator<Item = (Policy, Quota, LimitKey)> {
        let of_caller = self.quotas.caller.filter(|_| !matches!(caller, Caller::Guest) && !caller.is_admin());
        let of_caller = of_caller.map(|quota| (Policy::Caller, quota, caller.scope()));
        let of_address = self.quotas.address.map(|quota| (Policy::Address, quota, self.proxies.client(parts).to_string()));
        of_address.into_iter().chain(of_caller).map(|(policy, quota, who)| (policy, quota, LimitKey::new(policy.name(), &who)))
    }
}

/// Counts a command, on this node. Nothing waits here.
///
/// # Errors
/// 429 if it is too much.
pub async fn check_node_limits(app: &App, parts: &Parts, caller: &Caller) -> Result<Pass, Problem> {
    let mut counts = Vec::new();
    for (policy, quota, key) in app.limits().of_command(parts, caller) {
        counts.push(count(app, policy, quota, key).await?);
    }
    Ok(Pass::of(counts))
}

/// Counts what was let in on all nodes, in front of work that they share.
///
/// # Errors
/// 429 if it is too much. Never because they can't be asked.
pub async fn check_shared_limits(app: &App, pass: &Pass) -> Result<(), Problem> {
    let (Some(counts), Some(shared)) = (&pass.0, &app.limits().shared) else { return Ok(()) };
    let asked = counts.lock().clone();
    for (at, count) in asked.into_iter().enumerate() {
        // Whoever did not answer about the one is not asked about the next.
        let Some(allowance) = shared.take(app, &count.key, count.quota).await else { return Ok(()) };
        if !allowance.allowed {
            return Err(refuse(app, count.policy, count.quota, allowance));
        }
        if let Some(count) = counts.lock().get_mut(at)
            && allowance.remaining < count.allowance.remaining
        {
            count.allowance = allowance;
        }
    }
    Ok(())
}

async fn count(app: &App, policy: Policy, quota: Quota, key: LimitKey) -> Result<Count, Problem> {
    let allowance = match app.limits().local.take(&key, quota).await {
        Ok(allowance) => allowance,
        Err(error) => {
            // Not from a limiter in memory. Whoever wires another one here hears of it.
            tracing::error!(%error, "this node's rate limiter");
            Allowance { allowed: true, remaining: 0, more_in: std::time::Duration::ZERO }
        }
    };
    if allowance.allowed { Ok(Count { policy, quota, allowance, key }) } else { Err(refuse(app, policy, quota, allowance)) }
}

fn refuse(app: &App, policy: Policy, quota: Quota, allowance: Allowance) -> Problem {
    app.metrics().limited(policy);
    fields::problem(policy, quota, allowance)
}

impl Pass {
    fn of(counts: Vec<Count>) -> Self {
        Self((!counts.is_empty()).then(|| Arc::new(Mutex::new(counts))))
    }

    /// What stands in it now.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        self.0.as_ref().map(|counts| counts.lock().clone()).unwrap_or_default()
    }
}

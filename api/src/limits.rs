//! How much one caller, and one address, may do in a time.
//!
//! A request is counted twice at most. First on **this node**, in memory, for each command as it
//! arrives: what is too much for one node is too much for all. Then, where nodes share a Redis, on
//! **all nodes**, but only before work that is shared, too: a refusal from the seat table needs
//! neither disk nor network, and must stay that cheap. If Redis is unavailable, the count of this
//! node holds.
//!
//! What guests may do from one address is counted where it is done ([`Guests`]).
//!
//! [`address`] finds out where a request comes from, [`fields`] writes limits into an answer,
//! [`reads`] limits reads.

pub mod address;
mod applied;
pub mod fields;
mod guests;
pub mod policy;
pub mod reads;
mod shared;
mod wrong_codes;

pub use address::{Client, Network, Proxies, ProxyHeader};
pub use applied::{AppliedLimit, AppliedLimits};
pub use guests::{GuestRefusal, GuestUnit, Guests};
pub use policy::{GuestRules, Policy, Quotas};
pub use wrong_codes::{Guess, WrongCodes};

use crate::metrics::Metrics;
use crate::problem::{Code, Problem};
use http::HeaderMap;
use http::request::Parts;
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::ports::{Clock, RateLimiter};
use lastseat_domain::{Allowance, Quota, Timestamp};
use shared::SharedLimiter;
use std::net::IpAddr;
use std::sync::Arc;

/// Who a caller counts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// A guest, whom only the address distinguishes from others.
    Nobody,
    /// One who may exceed the limits of a caller.
    Unlimited,
    /// The caller with this name.
    As(String),
}

pub struct Limits {
    quotas: Quotas,
    proxies: Proxies,
    local: Arc<dyn RateLimiter>,
    shared: Option<SharedLimiter>,
    guests: Guests,
    codes: Arc<WrongCodes>,
    sign_ins: Arc<WrongCodes>,
    sign_ups: Arc<WrongCodes>,
    mails: Arc<WrongCodes>,
}

impl Limits {
    /// `local` limits this node and must never be unavailable; `shared` limits all nodes that have it.
    #[must_use]
    pub fn new(quotas: Quotas, proxies: Proxies, local: Arc<dyn RateLimiter>, shared: Option<Arc<dyn RateLimiter>>) -> Self {
        Self {
            quotas,
            proxies,
            local,
            shared: shared.map(SharedLimiter::new),
            guests: Guests::new(quotas.guests),
            codes: Arc::default(),
            sign_ins: Arc::new(WrongCodes::with(quotas.sign_ins)),
            sign_ups: Arc::new(WrongCodes::with(quotas.sign_ups)),
            mails: Arc::new(WrongCodes::with(quotas.mails)),
        }
    }

    /// Whether reads are limited at all.
    #[must_use]
    pub fn has_reads(&self) -> bool {
        self.quotas.reads.is_some() || self.quotas.streams.is_some()
    }

    /// Where a request comes from.
    #[must_use]
    pub fn client(&self, parts: &Parts) -> Client {
        self.proxies.client(parts)
    }

    /// Where a request with these headers comes from that `peer` has sent.
    #[must_use]
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        self.proxies.client_of(peer, headers)
    }

    /// What guests have done here.
    #[must_use]
    pub fn guests(&self) -> &Guests {
        &self.guests
    }

    /// Counts an access code against its sender, until it has turned out to be right.
    ///
    /// # Errors
    /// 429.
    pub fn guess(&self, sender: String, now: Timestamp, metrics: &Metrics) -> Result<Guess, Problem> {
        let guess = self.codes.guess(sender, now);
        guess.map_err(|(quota, allowance)| refuse(Policy::AccessCodes, quota, allowance, metrics))
    }

    /// Counts a password against its address, until it has turned out to be right.
    ///
    /// # Errors
    /// 429.
    pub fn sign_in(&self, client: Client, now: Timestamp, metrics: &Metrics) -> Result<Guess, Problem> {
        let guess = self.sign_ins.guess(client.to_string(), now);
        guess.map_err(|(quota, allowance)| refuse(Policy::SignIns, quota, allowance, metrics))
    }

    /// Counts a new account against its address.
    ///
    /// # Errors
    /// 429.
    pub fn sign_up(&self, client: Client, now: Timestamp, metrics: &Metrics) -> Result<(), Problem> {
        let counted = self.sign_ups.guess(client.to_string(), now);
        counted.map(Guess::was_wrong).map_err(|(quota, allowance)| refuse(Policy::SignUps, quota, allowance, metrics))
    }

    /// Counts a mail against the address that asks for it.
    ///
    /// # Errors
    /// 429.
    pub fn mail(&self, client: Client, now: Timestamp, metrics: &Metrics) -> Result<(), Problem> {
        let counted = self.mails.guess(client.to_string(), now);
        counted.map(Guess::was_wrong).map_err(|(quota, allowance)| refuse(Policy::Mails, quota, allowance, metrics))
    }

    /// Counts on all nodes what a guest has done. The command is done: only the next one is refused.
    pub async fn count_guest(&self, client: Client, counted: Option<(Policy, Quota)>, clock: &dyn Clock, metrics: &Metrics) {
        let (Some((policy, quota)), Some(shared)) = (counted, &self.shared) else { return };
        let allowance = shared.take(&guests::key(policy, client), quota, clock, metrics).await;
        if let Some(Allowance { allowed: false, more_in, .. }) = allowance {
            self.guests.used_up(client, policy, quota, more_in, clock.now());
        }
    }

    /// The refusal of a guest, counted.
    pub fn refuse_guest(&self, refusal: GuestRefusal, now: Timestamp, metrics: &Metrics) -> Problem {
        match refusal {
            GuestRefusal::TooManyRequests { policy, quota, allowance } => refuse(policy, quota, allowance, metrics),
            GuestRefusal::TooManySeats { most, have, more_at } => {
                let detail = "Guests from your address hold too many seats that are not paid for. Pay for some or give them \
                              back, wait until a hold ends, or send a token of your own.";
                let problem = Problem::new(Code::GuestLimit, detail).fact("most", most).fact("have", have);
                let wait = more_at.and_then(|at| (at - now).to_std().ok());
                wait.into_iter().fold(problem, Problem::retry_after)
            }
        }
    }

    /// Counts a command on this node. Nothing waits here.
    ///
    /// # Errors
    /// 429.
    pub async fn check_node(&self, client: Client, caller: Counted, metrics: &Metrics) -> Result<AppliedLimits, Problem> {
        let mut applied = Vec::new();
        for (policy, quota, key) in self.of_command(client, caller) {
            applied.push(self.count(policy, quota, key, metrics).await?);
        }
        Ok(AppliedLimits::new(applied))
    }

    /// Counts on all nodes what this node has counted.
    ///
    /// # Errors
    /// 429; never because the shared limiter is unavailable.
    pub async fn check_shared(&self, applied: &AppliedLimits, clock: &dyn Clock, metrics: &Metrics) -> Result<(), Problem> {
        let Some(shared) = &self.shared else { return Ok(()) };
        for (index, limit) in applied.list().into_iter().enumerate() {
            // A limiter that failed once is not called for the next limit.
            let Some(allowance) = shared.take(&limit.key, limit.quota, clock, metrics).await else { return Ok(()) };
            if !allowance.allowed {
                return Err(refuse(limit.policy, limit.quota, allowance, metrics));
            }
            applied.lower(index, allowance);
        }
        Ok(())
    }

    async fn count(&self, policy: Policy, quota: Quota, key: LimitKey, metrics: &Metrics) -> Result<AppliedLimit, Problem> {
        let allowance = match self.local.take(&key, quota).await {
            Ok(allowance) => allowance,
            Err(error) => {
                // Can't happen with the limiter in memory, which is the one that the program wires.
                tracing::error!(%error, "this node's rate limiter failed");
                Allowance { allowed: true, remaining: 0, more_in: std::time::Duration::ZERO }
            }
        };
        if allowance.allowed {
            Ok(AppliedLimit { policy, quota, allowance, key })
        } else {
            Err(refuse(policy, quota, allowance, metrics))
        }
    }

    /// What a command is counted under. Managers and admins are not limited as callers: refunding a
    /// cancelled show takes thousands of commands.
    fn of_command(&self, client: Client, caller: Counted) -> impl Iterator<Item = (Policy, Quota, LimitKey)> {
        let of_caller = match caller {
            Counted::As(name) => self.quotas.caller.map(|quota| (Policy::Caller, quota, name)),
            Counted::Nobody | Counted::Unlimited => None,
        };
        let of_address = self.quotas.address.map(|quota| (Policy::Address, quota, client.to_string()));
        of_address.into_iter().chain(of_caller).map(|(policy, quota, who)| (policy, quota, LimitKey::new(policy.name(), &who)))
    }
}

fn refuse(policy: Policy, quota: Quota, allowance: Allowance, metrics: &Metrics) -> Problem {
    metrics.limited(policy);
    fields::problem(policy, quota, allowance)
}

//! Whether this Redis will do, and what to change if not.

mod facts;
mod judgement;

use crate::connection::{NoAnswer, Redis};
use crate::guard::Operations;
use crate::limiter;
use facts::ServerFacts;
use lastseat_domain::BookingId;
use redis::{Cmd, Value};
use std::fmt;
use tokio::time::Instant;

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, and could surprise.
    Warn,
    /// Not to be used like this.
    Refuse,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at, in a word or two.
    pub subject: &'static str,
    /// How it is and, unless that is as it should be, what to do.
    pub text: String,
}

impl Finding {
    fn new(severity: Severity, subject: &'static str, text: impl Into<String>) -> Self {
        Self { severity, subject, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.text)
    }
}

/// What [`Redis::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// The worst that was found.
    #[must_use]
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
    }
}

/// Redis could not be looked at. Says why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CheckFailed(pub String);

impl Redis {
    /// Looks at the server, or at each master of a cluster: version, role, memory and what happens
    /// when it is full, slots, scripts, clock. Takes and gives back one lock, of a show that is none.
    /// It is more patient than other calls, for it also waits for the connection.
    ///
    /// # Errors
    /// [`CheckFailed`] if it can't be reached or does not tell.
    pub async fn check(&self) -> Result<Checkup, CheckFailed> {
        let options = self.options();
        let deadline = Instant::now() + options.connect_timeout * 4 + options.response_timeout;
        let told = self.request(&redis::cmd("INFO"), deadline).await.map_err(|why| self.not_told(&why))?;
        let servers = facts::servers(&told);
        if servers.is_empty() {
            return Err(self.not_told(&NoAnswer::new("INFO comes back empty")));
        }
        let now = options.clock.as_ref().map(|clock| clock.now());
        let mut findings: Vec<_> =
            servers.iter().flat_map(|server| judgement::of_server(server, self.is_cluster(), now)).collect();
        if self.is_cluster() {
            let info = self.request(redis::cmd("CLUSTER").arg("INFO"), deadline).await;
            findings.push(judgement::of_slots(info.map(|info| facts::text(&info))));
        }
        findings.push(self.try_scripts(&servers).await);
        Ok(Checkup { findings })
    }

    fn not_told(&self, why: &NoAnswer) -> CheckFailed {
        CheckFailed(format!(
            "Redis at {} can't be asked: {why}. Is it running, are host, port, user and password right, and does it let this machine in?",
            self.address()
        ))
    }

    /// Loads every script, and runs two.
    async fn try_scripts(&self, servers: &[ServerFacts]) -> Finding {
        match self.run_scripts().await {
            Ok(()) => Finding::new(Severity::Ok, "scripts", "known, and allowed"),
            Err(why) => {
                // A replica says READONLY, and that is what was said of its role already.
                let is_told = servers.iter().any(|server| !server.is_master());
                let severity = if is_told { Severity::Warn } else { Severity::Refuse };
                let advice =
                    "a user of an ACL needs: ~seat:* ~limit:* +@read +@write +@scripting +@connection +info +time +cluster";
                Finding::new(severity, "scripts", format!("they can't be run: {why}. If that is a matter of rights, {advice}"))
            }
        }
    }

    async fn run_scripts(&self) -> Result<(), NoAnswer> {
        let operations = Operations::new();
        for script in operations.all() {
            let mut load = Cmd::new();
            load.arg("SCRIPT").arg("LOAD").arg(script.source);
            self.request(&load, self.deadline()).await.map_err(|why| why.during(script.name))?;
        }
        // Of nobody's booking, at a show of a name that no plan can have by chance.
        let owner = BookingId::from_key("lastseat", "check").to_string();
        let key = [String::from("seat:{lastseat-check}:none")];
        let locked = operations.lock_seats.call(self, &key, &[&owner, "1000"]).await?;
        let released = operations.release_seats.call(self, &key, &[&owner]).await?;
        if !matches!((&locked, &released), (Value::Array(_), Value::Int(1))) {
            let replies = format!("a lock was taken and given back, and the replies were {locked:?} and {released:?}");
            return Err(NoAnswer::new(replies));
        }
        // One of nobody's commands, and forgotten again.
        let key = "limit:{lastseat-check}";
        let counted = limiter::script().call(self, &[key.to_owned()], &["1000", "1"]).await?;
        self.request(redis::cmd("DEL").arg(key), self.deadline()).await.map_err(|why| why.during("DEL"))?;
        match counted {
            Value::Array(_) => Ok(()),
            other => Err(NoAnswer::new(format!("a command was counted, and the reply was {other:?}"))),
        }
    }
}

#[cfg(test)]
mod tests;

//! Checks whether this Redis is fit to guard seats, and what to change if it isn't.

mod facts;
mod judgement;

use crate::connection::{NoAnswer, Redis};
use crate::guard::Operations;
use crate::limiter;
use facts::ServerFacts;
use lastseat_domain::BookingId;
use lastseat_domain::ports::{Finding, Severity};
use redis::{Cmd, Value};
use tokio::time::Instant;

/// What [`Redis::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// One finding for each thing that was checked.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// The worst severity that was found.
    #[must_use]
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
    }
}

/// Redis could not be checked. `Display` says why and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CheckFailed(pub String);

impl Redis {
    /// Checks the server, or each master of a cluster: version, role, memory and what happens
    /// when it is full, slots, scripts, clock. Takes and releases one lock, of a show that does not exist.
    /// It may take longer than other calls, because it also waits for the connection.
    ///
    /// # Errors
    /// [`CheckFailed`] if it can't be reached or refuses INFO.
    pub async fn check(&self) -> Result<Checkup, CheckFailed> {
        let options = self.options();
        let deadline = Instant::now() + options.connect_timeout * 4 + options.response_timeout;
        let info = self.request(&redis::cmd("INFO"), deadline).await.map_err(|why| self.cannot_check(&why))?;
        let servers = facts::servers(&info);
        if servers.is_empty() {
            return Err(self.cannot_check(&NoAnswer::new("INFO comes back empty")));
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

    fn cannot_check(&self, why: &NoAnswer) -> CheckFailed {
        CheckFailed(format!(
            "Redis at {} can't be checked: {why}. Is it running, are host, port, user and password right, and may this machine connect?",
            self.address()
        ))
    }

    /// Loads every script, and runs two.
    async fn try_scripts(&self, servers: &[ServerFacts]) -> Finding {
        match self.run_scripts().await {
            Ok(()) => Finding::new(Severity::Ok, "scripts", "loaded, and allowed to run"),
            Err(why) => {
                // A replica answers READONLY; the finding about its role already says so.
                let is_reported = servers.iter().any(|server| !server.is_master());
                let severity = if is_reported { Severity::Warn } else { Severity::Refuse };
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
        // For a booking that does not exist, at a show whose name no plan can have by chance.
        let owner = BookingId::from_key("lastseat", "check").to_string();
        let key = [String::from("seat:{lastseat-check}:none")];
        let locked = operations.lock_seats.call(self, &key, &[&owner, "1000"]).await?;
        let released = operations.release_seats.call(self, &key, &[&owner]).await?;
        if !matches!((&locked, &released), (Value::Array(_), Value::Int(1))) {
            let replies = format!("a lock was taken and released, and the replies were {locked:?} and {released:?}");
            return Err(NoAnswer::new(replies));
        }
        // Counts one command for a client that does not exist, and deletes the counter.
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

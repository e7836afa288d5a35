//! Judges the facts. No I/O.

use super::facts::ServerFacts;
use crate::connection::NoAnswer;
use lastseat_domain::Timestamp;
use lastseat_domain::ports::{Finding, Severity};

/// The oldest version that has all commands of the scripts.
const OLDEST: (u64, u64) = (6, 2);
/// Clocks may differ by this much without a warning.
const CLOSE_MS: i64 = 2_000;

/// All findings about one server.
pub(super) fn of_server(server: &ServerFacts, by_cluster_url: bool, now: Option<Timestamp>) -> Vec<Finding> {
    let mut findings = vec![of_version(server), of_role(server, by_cluster_url), of_memory(server)];
    findings.extend(now.and_then(|now| of_clock(server, now)));
    if let Some(name) = &server.name {
        for finding in &mut findings {
            finding.text = format!("{name}: {}", finding.text);
        }
    }
    findings
}

fn of_version(server: &ServerFacts) -> Finding {
    // Valkey also reports the Redis version that it is compatible with.
    let name = if server.get("valkey_version").is_some() { "Valkey" } else { "Redis" };
    let own = server.get("valkey_version").or(server.get("redis_version")).unwrap_or("of unknown version");
    let version = server.get("redis_version").and_then(|text| {
        let mut parts = text.split('.');
        Some((parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?))
    });
    match version {
        Some(version) if version >= OLDEST => Finding::new(Severity::Ok, "version", format!("{name} {own}")),
        Some(_) => Finding::new(Severity::Refuse, "version", format!("{name} {own} is too old; use 6.2 or newer, or Valkey")),
        None => Finding::new(Severity::Warn, "version", format!("{name} {own}; 6.2 or newer is needed")),
    }
}

fn of_role(server: &ServerFacts, by_cluster_url: bool) -> Finding {
    if !server.is_master() {
        return Finding::new(
            Severity::Refuse,
            "role",
            "a replica, which takes no locks; name the master, or let the Sentinels name it: redis+sentinel://host:26379/master-name",
        );
    }
    match (server.number("cluster_enabled") == Some(1), by_cluster_url) {
        (true, false) => Finding::new(
            Severity::Refuse,
            "role",
            "a node of a cluster that is addressed as a single server: it lacks most shows; use redis+cluster://",
        ),
        (true, true) => Finding::new(Severity::Ok, "role", "a master of a cluster"),
        (false, _) => Finding::new(Severity::Ok, "role", "a master"),
    }
}

/// A policy that evicts removes the locks of live bookings without a word. The log still sells each seat
/// once, but then losers reach the log, which the guard is there to prevent. Without a limit such a policy
/// does nothing yet. It is refused all the same: setting `maxmemory` later gives no warning.
fn of_memory(server: &ServerFacts) -> Finding {
    const SUBJECT: &str = "memory";
    const REMEDY: &str = "CONFIG SET maxmemory-policy noeviction, in redis.conf too; if other programs need another policy, \
                          run a Redis of its own for lastseat";
    match (server.number("maxmemory"), server.get("maxmemory_policy")) {
        (_, None) => Finding::new(
            Severity::Warn,
            SUBJECT,
            "it does not report its maxmemory-policy; make sure that it is noeviction, or a full Redis evicts locks",
        ),
        (Some(0), Some("noeviction")) => Finding::new(Severity::Ok, SUBJECT, "no limit, and nothing is evicted"),
        (Some(limit), Some("noeviction")) => {
            Finding::new(Severity::Ok, SUBJECT, format!("{limit} bytes at most, and nothing is evicted"))
        }
        (Some(0), Some(policy)) => {
            let text = format!(
                "maxmemory-policy is {policy}: nothing is evicted while maxmemory is 0, but as soon as it is set, a full Redis evicts locks of seats. {REMEDY}"
            );
            Finding::new(Severity::Refuse, SUBJECT, text)
        }
        (_, Some(policy)) => {
            let text = format!("maxmemory-policy is {policy}: a full Redis evicts locks of seats. {REMEDY}");
            Finding::new(Severity::Refuse, SUBJECT, text)
        }
    }
}

/// The server alone counts leases, so a difference matters only to people who compare logs.
fn of_clock(server: &ServerFacts, now: Timestamp) -> Option<Finding> {
    let server_ms = server.number("server_time_usec")? / 1_000;
    let apart = server_ms.saturating_sub(now.timestamp_millis());
    Some(if apart.abs() <= CLOSE_MS {
        Finding::new(Severity::Ok, "clock", format!("{apart} ms from ours"))
    } else {
        let text = format!("{apart} ms from ours; leases are not affected, but times in logs differ: check NTP on both machines");
        Finding::new(Severity::Warn, "clock", text)
    })
}

/// Of a cluster: whether all slots are served.
pub(super) fn of_slots(info: Result<String, NoAnswer>) -> Finding {
    let info = match info {
        Ok(info) => ServerFacts::of(None, &info),
        Err(why) => return Finding::new(Severity::Warn, "slots", format!("the cluster does not report its state: {why}")),
    };
    let served = info.number("cluster_slots_ok").unwrap_or(0);
    if info.get("cluster_state") == Some("ok") && served == 16_384 {
        Finding::new(Severity::Ok, "slots", "all 16384 are served")
    } else {
        let text = format!("{served} of 16384 are served; shows in the others have no guard: run redis-cli --cluster check");
        Finding::new(Severity::Refuse, "slots", text)
    }
}

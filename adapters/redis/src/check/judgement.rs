//! What the facts mean. No I/O.

use super::facts::ServerFacts;
use super::{Finding, Severity};
use crate::connection::NoAnswer;
use lastseat_domain::Timestamp;

/// The oldest that knows all that the scripts use.
const OLDEST: (u64, u64) = (6, 2);
/// Clocks may be this far apart without anybody noticing.
const CLOSE_MS: i64 = 2_000;

/// All that is to be said of one server.
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
    // Valkey calls itself by the Redis version that it stands in for, too.
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
            "a node of a cluster, and asked as if it were alone: most shows would be elsewhere; use redis+cluster://",
        ),
        (true, true) => Finding::new(Severity::Ok, "role", "a master of a cluster"),
        (false, _) => Finding::new(Severity::Ok, "role", "a master"),
    }
}

/// A policy that evicts takes locks away from live bookings, silently: the log still sells each seat
/// once, but losers get as far as the log, and that is what the guard is for.
fn of_memory(server: &ServerFacts) -> Finding {
    let (limit, policy) = (server.number("maxmemory"), server.get("maxmemory_policy"));
    match (limit, policy) {
        (_, None) => Finding::new(
            Severity::Warn,
            "memory",
            "it does not tell its maxmemory-policy; make sure that it is noeviction, or locks are thrown away when it is full",
        ),
        (Some(0), Some("noeviction")) => Finding::new(Severity::Ok, "memory", "no limit, and nothing is evicted"),
        (Some(limit), Some("noeviction")) => {
            Finding::new(Severity::Ok, "memory", format!("{limit} bytes at most, and nothing is evicted"))
        }
        (Some(0), Some(policy)) => Finding::new(
            Severity::Warn,
            "memory",
            format!(
                "maxmemory-policy is {policy}; it does nothing without a limit (maxmemory 0), but would throw away locks with one: CONFIG SET maxmemory-policy noeviction"
            ),
        ),
        (_, Some(policy)) => Finding::new(
            Severity::Refuse,
            "memory",
            format!(
                "maxmemory-policy is {policy}: when it is full it throws away locks of seats. CONFIG SET maxmemory-policy noeviction, in redis.conf too, and a Redis of its own if others need it otherwise"
            ),
        ),
    }
}

/// Leases are counted by the server alone, so the distance matters to people who compare logs.
fn of_clock(server: &ServerFacts, now: Timestamp) -> Option<Finding> {
    let server_ms = server.number("server_time_usec")? / 1_000;
    let apart = server_ms.saturating_sub(now.timestamp_millis());
    Some(if apart.abs() <= CLOSE_MS {
        Finding::new(Severity::Ok, "clock", format!("{apart} ms from ours"))
    } else {
        let text =
            format!("{apart} ms from ours; leases don't suffer, but times in logs don't match: look at NTP on both machines");
        Finding::new(Severity::Warn, "clock", text)
    })
}

/// Of a cluster: whether all slots are served.
pub(super) fn of_slots(info: Result<String, NoAnswer>) -> Finding {
    let info = match info {
        Ok(info) => ServerFacts::of(None, &info),
        Err(why) => return Finding::new(Severity::Warn, "slots", format!("the cluster does not tell its state: {why}")),
    };
    let served = info.number("cluster_slots_ok").unwrap_or(0);
    if info.get("cluster_state") == Some("ok") && served == 16_384 {
        Finding::new(Severity::Ok, "slots", "all 16384 are served")
    } else {
        let text = format!("{served} of 16384 are served; shows in the others have no guard: look at redis-cli --cluster check");
        Finding::new(Severity::Refuse, "slots", text)
    }
}

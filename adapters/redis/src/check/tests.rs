use super::facts::ServerFacts;
use super::*;
use lastseat_domain::Timestamp;

const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nserver_time_usec:1800000000000000\r\nrole:master\r\ncluster_enabled:0\r\n\
                    maxmemory:1000\r\nmaxmemory_policy:noeviction\r\n";

/// What is found if a line is another.
fn found(subject: &str, changes: &[(&str, &str)], by_cluster_url: bool) -> Finding {
    let info = changes.iter().fold(GOOD.to_owned(), |info, (from, to)| info.replace(from, to));
    let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
    let findings = judgement::of_server(&ServerFacts::of(None, &info), by_cluster_url, Some(now));
    findings.into_iter().find(|finding| finding.subject == subject).expect("it was looked at")
}

#[test]
fn a_good_server_is_good_in_everything() {
    for subject in ["version", "role", "memory", "clock"] {
        assert_eq!(found(subject, &[], false).severity, Severity::Ok);
    }
}

#[test]
fn a_policy_that_evicts_locks_is_refused_with_its_reason() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl", "volatile-random"] {
        let finding = found("memory", &[("noeviction", policy)], false);
        assert_eq!(finding.severity, Severity::Refuse);
        assert!(finding.text.contains(policy) && finding.text.contains("noeviction"), "{finding}");
        let unlimited = found("memory", &[("noeviction", policy), ("maxmemory:1000", "maxmemory:0")], false);
        assert_eq!(unlimited.severity, Severity::Refuse, "a limit that is set later would evict locks");
        assert!(unlimited.text.contains("maxmemory is 0") && unlimited.text.contains("noeviction"), "{unlimited}");
    }
    assert_eq!(found("memory", &[("maxmemory:1000", "maxmemory:0")], false).severity, Severity::Ok);
    assert_eq!(found("memory", &[("maxmemory_policy", "something_else")], false).severity, Severity::Warn);
}

#[test]
fn an_old_server_is_refused_and_valkey_is_not() {
    for (version, severity) in [
        ("6.0.16", Severity::Refuse),
        ("5.0.7", Severity::Refuse),
        ("6.2.0", Severity::Ok),
        ("10.1", Severity::Ok),
        ("x", Severity::Warn),
    ] {
        assert_eq!(found("version", &[("7.0.15", version)], false).severity, severity, "{version}");
    }
    let valkey = found("version", &[("7.0.15", "7.2.4\r\nvalkey_version:8.1.0")], false);
    assert_eq!((valkey.severity, valkey.text.as_str()), (Severity::Ok, "Valkey 8.1.0"));
}

#[test]
fn replicas_and_nodes_asked_alone_are_refused() {
    assert_eq!(found("role", &[("role:master", "role:slave")], false).severity, Severity::Refuse);
    assert_eq!(found("role", &[("cluster_enabled:0", "cluster_enabled:1")], false).severity, Severity::Refuse);
    assert_eq!(found("role", &[("cluster_enabled:0", "cluster_enabled:1")], true).severity, Severity::Ok);
}

#[test]
fn clocks_apart_are_told_in_either_direction() {
    for time in ["1800000003000000", "1799999997000000"] {
        assert_eq!(found("clock", &[("1800000000000000", time)], false).severity, Severity::Warn);
    }
}

#[test]
fn a_cluster_with_holes_is_refused() {
    let slots = |info: &str| judgement::of_slots(Ok(info.to_owned())).severity;
    assert_eq!(slots("cluster_state:ok\r\ncluster_slots_ok:16384\r\n"), Severity::Ok);
    assert_eq!(slots("cluster_state:fail\r\ncluster_slots_ok:16384\r\n"), Severity::Refuse);
    assert_eq!(slots("cluster_state:ok\r\ncluster_slots_ok:10923\r\n"), Severity::Refuse);
}

//! What the check finds on real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use lastseat_in_process::SystemClock;
use lastseat_redis::{Checkup, Redis, RedisOptions, Severity};
use lastseat_redis_testkit::{RedisCluster, RedisServer, Sentinel};
use std::sync::Arc;
use std::time::Duration;

fn patient() -> RedisOptions {
    RedisOptions {
        response_timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        clock: Some(Arc::new(SystemClock)),
        ..RedisOptions::default()
    }
}

async fn check(url: &str) -> Checkup {
    Redis::open(url, patient()).unwrap().check().await.unwrap()
}

/// Subjects that are worse than they should be.
fn troubles(checkup: &Checkup, severity: Severity) -> Vec<&'static str> {
    checkup.findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.subject).collect()
}

#[tokio::test]
async fn a_default_server_is_accepted_and_an_evicting_one_refused_even_without_a_limit() {
    let Some(server) = RedisServer::start() else { return };
    let redis = Redis::open(&server.url(), patient()).unwrap();
    let checkup = redis.check().await.unwrap();
    assert_eq!(checkup.worst(), Severity::Ok, "{checkup:?}");
    let subjects: Vec<_> = checkup.findings.iter().map(|finding| finding.subject).collect();
    assert_eq!(subjects, ["version", "role", "memory", "clock", "scripts"]);
    assert_eq!(server.must(&["DBSIZE"]), redis::Value::Int(0), "the check leaves no key");

    server.must(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let unlimited = redis.check().await.unwrap();
    assert_eq!(troubles(&unlimited, Severity::Refuse), ["memory"]);
    assert!(unlimited.findings.iter().any(|finding| finding.text.contains("maxmemory is 0")), "{unlimited:?}");
    server.must(&["CONFIG", "SET", "maxmemory", "100mb"]);
    assert_eq!(troubles(&redis.check().await.unwrap(), Severity::Refuse), ["memory"]);
}

#[tokio::test]
async fn a_user_without_rights_learns_which_are_missing() {
    let Some(server) = RedisServer::start() else { return };
    server.must(&["ACL", "SETUSER", "poor", "on", ">pw", "~*", "+@all", "-@scripting", "-config"]);
    server.must(&["ACL", "SETUSER", "managed", "on", ">pw", "~*", "+@all", "-config"]);
    let url = |user: &str| format!("redis://{user}:pw@127.0.0.1:{}", server.port());
    let checkup = check(&url("poor")).await;
    assert_eq!(troubles(&checkup, Severity::Refuse), ["scripts"]);
    assert!(checkup.findings.iter().any(|finding| finding.text.contains("+@scripting")), "{checkup:?}");
    assert_eq!(check(&url("managed")).await.worst(), Severity::Ok, "CONFIG is not needed");
    // What the advice names is enough.
    let advised = [
        "ACL",
        "SETUSER",
        "good",
        "on",
        ">pw",
        "~seat:*",
        "~limit:*",
        "+@read",
        "+@write",
        "+@scripting",
        "+@connection",
        "+info",
        "+time",
        "+cluster",
    ];
    server.must(&advised);
    assert_eq!(check(&url("good")).await.worst(), Severity::Ok);
    // And less is not: a limiter that can't read the clock would never answer.
    server.must(&["ACL", "SETUSER", "good", "-time"]);
    assert_eq!(troubles(&check(&url("good")).await, Severity::Refuse), ["scripts"]);
}

#[tokio::test]
async fn a_cluster_is_checked_node_by_node() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let checkup = check(&cluster.url()).await;
    assert_eq!(checkup.worst(), Severity::Ok, "{checkup:?}");
    assert_eq!(checkup.findings.iter().filter(|finding| finding.subject == "version").count(), 3);
    assert_eq!(troubles(&check(&cluster.node(0).url()).await, Severity::Refuse)[0], "role", "a node asked alone");
    cluster.node(1).must(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    cluster.node(1).must(&["CONFIG", "SET", "maxmemory", "100mb"]);
    let checkup = check(&cluster.url()).await;
    let named = format!("127.0.0.1:{}", cluster.node(1).port());
    assert!(checkup.findings.iter().any(|f| f.severity == Severity::Refuse && f.text.starts_with(&named)), "{checkup:?}");
    cluster.node_mut(2).kill();
    let redis = Redis::open(&cluster.url(), patient()).unwrap();
    match redis.check().await {
        Ok(checkup) => assert_eq!(checkup.worst(), Severity::Refuse, "{checkup:?}"),
        Err(failed) => assert!(failed.to_string().contains("redis+cluster://"), "{failed}"),
    }
}

#[tokio::test]
async fn through_sentinel_the_master_is_checked() {
    let Some(sentinel) = Sentinel::start() else { return };
    let checkup = check(&sentinel.url()).await;
    assert_eq!(checkup.worst(), Severity::Ok, "{checkup:?}");
    let checkup = check(&sentinel.servers()[1].url()).await;
    assert_eq!(troubles(&checkup, Severity::Refuse), ["role"], "{checkup:?}");
}

#[tokio::test]
async fn an_unreachable_server_is_reported_with_what_to_check() {
    // A port without a server.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let redis = Redis::open(&format!("redis://ann:s3cret@127.0.0.1:{port}"), patient()).unwrap();
    let failed = redis.check().await.unwrap_err().to_string();
    assert!(failed.contains("Is it running") && failed.contains(&port.to_string()), "{failed}");
    assert!(!failed.contains("s3cret"), "{failed}");
}

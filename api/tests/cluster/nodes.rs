//! The fixture: a process that serves log and sandbox, nodes that use it, and optionally Redis.

use crate::check;
use crate::support::client::Client;
use crate::support::process::{LogServer, Server, command, token_with, verify};
use crate::support::{PATIENCE, books, text};
use lastseat_redis_testkit::RedisServer;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct Cluster {
    pub nodes: Vec<Server>,
    pub log_server: Option<LogServer>,
    pub redis: Option<RedisServer>,
    pub admin: String,
    /// Of each node, besides what all tests need.
    flags: Vec<String>,
    dir: TempDir,
}

impl Cluster {
    /// `None` if the test needs Redis and it is not installed.
    pub async fn start(nodes: usize, with_redis: bool) -> Option<Self> {
        Self::start_disturbed(nodes, with_redis, &[]).await
    }

    /// Likewise, with a log whose server disturbs its clients as these flags say.
    pub async fn start_disturbed(nodes: usize, with_redis: bool, disturbances: &[&str]) -> Option<Self> {
        Self::start_all(tempfile::tempdir().unwrap(), nodes, with_redis, disturbances, &[]).await
    }

    /// Likewise, beside the build: on a disk, also where the place for temporary files is in memory.
    pub async fn start_on_disk(nodes: usize, with_redis: bool, disturbances: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self::start_all(dir, nodes, with_redis, disturbances, &[]).await
    }

    /// Likewise, calm, with more flags for each node.
    pub async fn start_with(nodes: usize, with_redis: bool, flags: &[String]) -> Option<Self> {
        Self::start_all(tempfile::tempdir().unwrap(), nodes, with_redis, &[], flags).await
    }

    async fn start_all(dir: TempDir, nodes: usize, with_redis: bool, disturbances: &[&str], flags: &[String]) -> Option<Self> {
        let redis = if with_redis { Some(RedisServer::start()?) } else { None };
        let log_server = LogServer::start_disturbed(&dir.path().join("log"), disturbances);
        let admin = token_with(&dir.path().join("token.key"), &dir.path().join("node-0"), "root", "admin");
        let mut cluster = Self { nodes: Vec::new(), log_server: Some(log_server), redis, admin, flags: flags.to_vec(), dir };
        for number in 0..nodes {
            let node = cluster.node(number).await;
            cluster.nodes.push(node);
        }
        Some(cluster)
    }

    /// A figure of all nodes together.
    pub async fn metric(&self, name: &str) -> u64 {
        let mut sum = 0;
        for node in &self.nodes {
            let answer = node.client.get("/metrics").send().await;
            let text = String::from_utf8(answer.body.to_vec()).unwrap();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            sum += value.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<u64>().unwrap();
        }
        sum
    }

    /// Starts or restarts a node.
    pub async fn node(&self, number: usize) -> Server {
        let log_server = self.log_server.as_ref().unwrap();
        let key = self.dir.path().join("token.key").display().to_string();
        let mut flags = vec!["--eventstore", &log_server.eventstore, "--token-key", &key];
        flags.extend(["--stripe-url", &log_server.sandbox, "--stripe-key", "sk_test_cluster"]);
        let redis = self.redis.as_ref().map(RedisServer::url);
        if let Some(redis) = &redis {
            flags.extend(["--redis", redis]);
        }
        flags.extend(self.flags.iter().map(String::as_str));
        Server::start_with(&self.dir.path().join(format!("node-{number}")), &flags).await
    }

    /// Kills the log's process and restarts it on the same data and address.
    pub fn kill_the_log(&mut self) {
        let log = self.log_dir();
        self.log_server = Some(self.log_server.take().unwrap().kill_and_restart(&log));
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub fn clients(&self) -> Vec<Client> {
        self.nodes.iter().map(|node| node.client.clone()).collect()
    }

    /// Schedules a show on the first node, and waits until all have it.
    pub async fn put_on_sale(&self, show: &Value) {
        let answer = self.nodes[0].client.post("/v1/shows").bearer(&self.admin).json(show).send().await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        let path = format!("/v1/shows/{}", text(show, "id"));
        for node in &self.nodes {
            crate::support::eventually("the node has the show", async || {
                node.client.get(&path).try_send().await.ok().filter(|answer| answer.status == 200)
            })
            .await;
        }
    }

    /// Waits until nothing is in progress: the books agree with the gateway and with every node's seat
    /// map. Verifies the log by its file and through the server. Returns the books.
    pub async fn at_rest(&self, shows: &[&str]) -> books::Books {
        let given_up = Instant::now() + 2 * PATIENCE;
        let books = loop {
            let (books, mut open) = check::books_against_gateway(&self.log_dir()).await;
            for node in &self.nodes {
                for show in shows {
                    let map = node.client.get(&format!("/v1/shows/{show}/seats")).send().await.ok(200);
                    open.extend(books.compare_with_seat_map(&map));
                }
            }
            if open.is_empty() {
                break books;
            }
            open.truncate(10);
            assert!(Instant::now() < given_up, "something stays pending: {open:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let log_server = self.log_server.as_ref().unwrap();
        // Rewards are written asynchronously, so the log may still grow.
        crate::support::eventually("the proof is the same by file and through the server", async || {
            let (code, report) = verify(&self.log_dir());
            assert_eq!((code, &report["clean"]), (0, &json!(true)), "{report:#}");
            let through =
                command(&["verify", "--json", "--eventstore", &log_server.eventstore], &self.log_dir()).output().unwrap();
            assert!(through.status.success(), "{through:?}");
            let through: Value = serde_json::from_slice(&through.stdout).unwrap();
            (through["report"] == report["report"]).then_some(())
        })
        .await;
        books
    }

    /// Every key in Redis expires by itself.
    pub fn assert_nothing_stays_in_redis(&self) {
        if let Some(redis) = &self.redis {
            assert_eq!(redis.keys_without_end(), Vec::<String>::new());
        }
    }
}

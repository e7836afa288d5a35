//! The fixture: two deployments of two nodes, and nginx in front of them.

use crate::nginx;
use crate::proxy::Proxy;
use crate::support::books::{self, Books, End};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::process::{LogServer, Server, token_with, verify};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The host that routes by show.
pub const COMMON: &str = "tickets.example";

/// Two deployments behind one proxy.
pub struct Deployments {
    pub north: Deployment,
    pub south: Deployment,
    /// An admin's token: one key signs for both.
    pub admin: String,
    nginx: Proxy,
    _dir: TempDir,
}

/// A store, and the nodes that share it.
pub struct Deployment {
    pub name: &'static str,
    pub nodes: Vec<Server>,
    store: Option<LogServer>,
    /// Where the nodes listen, killed or not.
    addrs: Vec<SocketAddr>,
    dir: PathBuf,
    key: PathBuf,
}

impl Deployments {
    /// `None` if nginx is not installed.
    pub async fn start() -> Option<Self> {
        let program = nginx::program()?;
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("token.key");
        let admin = token_with(&key, &dir.path().join("nobody"), "root", "admin");
        let (north, south) =
            tokio::join!(Deployment::start("north", dir.path(), &key), Deployment::start("south", dir.path(), &key));
        let nginx = nginx::start(program, [north.addrs[0], north.addrs[1], south.addrs[0], south.addrs[1]]);
        Some(Self { north, south, admin, nginx, _dir: dir })
    }

    /// A client of nginx that asks for this host.
    pub fn client(&self, host: &str) -> Client {
        Client::new(self.nginx.addr).at_host(host)
    }

    /// Schedules a show at its deployment, as an operator does, and waits until the common host has it from
    /// every node.
    pub async fn put_on_sale(&self, deployment: &Deployment, show: &Value) {
        let own = self.client(&deployment.host());
        own.post("/v1/shows").bearer(&self.admin).json(show).send().await.ok(201);
        let path = deployment.has_show(show).await;
        self.client(COMMON).get(&path).send().await.ok(200);
    }
}

impl Deployment {
    pub async fn start(name: &'static str, parent: &Path, key: &Path) -> Self {
        let dir = parent.join(name);
        std::fs::create_dir(&dir).unwrap();
        let store = Some(LogServer::start(&dir.join("log")));
        let mut deployment = Self { name, nodes: Vec::new(), store, addrs: Vec::new(), dir, key: key.to_owned() };
        for number in 0..2 {
            let node = deployment.node(number, "127.0.0.1:0").await;
            deployment.addrs.push(node.client.addr());
            deployment.nodes.push(node);
        }
        deployment
    }

    async fn node(&self, number: usize, listen: &str) -> Server {
        let store = self.store.as_ref().unwrap();
        let key = self.key.display().to_string();
        let flags = ["--listen", listen, "--token-key", &key, "--trusted-proxies", "127.0.0.1"];
        let shared = ["--eventstore", &store.eventstore, "--stripe-url", &store.sandbox, "--stripe-key", "sk_test_deployment"];
        Server::start_with(&self.dir.join(format!("node-{number}")), &[&flags[..], &shared].concat()).await
    }

    /// Where its two nodes listen.
    pub fn addrs(&self) -> [SocketAddr; 2] {
        [self.addrs[0], self.addrs[1]]
    }

    /// Waits until every node has a show; its path.
    pub async fn has_show(&self, show: &Value) -> String {
        let path = format!("/v1/shows/{}", show["id"].as_str().unwrap());
        for node in &self.nodes {
            eventually("the node has the show", async || {
                node.client.get(&path).try_send().await.ok().filter(|answer| answer.status == 200)
            })
            .await;
        }
        path
    }

    /// The host that has all of it.
    pub fn host(&self) -> String {
        format!("{}.{COMMON}", self.name)
    }

    /// `kill -9` of the store.
    pub fn kill_store(&mut self) {
        self.store.as_mut().unwrap().kill();
    }

    /// Starts the killed store again.
    pub fn restart_store(&mut self) {
        self.store = Some(self.store.take().unwrap().restart(&self.dir.join("log")));
    }

    /// `kill -9` of one node.
    pub fn kill_a_node(&mut self) {
        self.nodes.remove(0).kill();
    }

    /// `kill -9` of all nodes.
    pub fn kill_nodes(&mut self) {
        self.nodes.drain(..).for_each(Server::kill);
    }

    /// Starts the killed nodes again, where nginx expects them.
    pub async fn restart_nodes(&mut self) {
        for (number, addr) in self.addrs.clone().into_iter().enumerate() {
            let node = self.node(number, &addr.to_string()).await;
            self.nodes.push(node);
        }
    }

    /// Waits until no booking is in progress, the log proves clean, and every node's seat map agrees with it.
    pub async fn at_rest(&self, show: &str) -> Books {
        eventually("the deployment is at rest", async || {
            let (_, books) = books::read(&self.dir.join("log")).await;
            if books.count(End::Open) + books.count(End::Committed) > 0 {
                return None;
            }
            for node in &self.nodes {
                let map = node.client.get(&format!("/v1/shows/{show}/seats")).send().await.ok(200);
                if !books.compare_with_seat_map(&map).is_empty() {
                    return None;
                }
            }
            let (code, report) = verify(&self.dir.join("log"));
            assert_eq!((code, &report["clean"]), (0, &json!(true)), "{report:#}");
            Some(books)
        })
        .await
    }
}

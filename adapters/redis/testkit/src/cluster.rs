//! A cluster of three masters.

use super::program::{self, Process};
use super::server::{RedisServer, ServerOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

/// Three Redis servers that share the slots. Ended when dropped.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts one, and waits until it is whole. `None` if the program is not installed and need not be.
    #[must_use]
    pub fn start() -> Option<Self> {
        let config = ["cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000"];
        let options = ServerOptions { config: config.map(str::to_owned).to_vec(), ..ServerOptions::default() };
        let nodes = (0..3).map(|_| RedisServer::start_on(port_with_bus, options.clone())).collect::<Option<Vec<_>>>()?;
        let mut join = Command::new("redis-cli");
        join.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
        let mut joining = Process::start(join.arg("--cluster-yes"));
        program::wait_until("the nodes join", || joining.has_ended());
        let cluster = Self { nodes };
        program::wait_until("the cluster is whole", || (0..3).all(|n| cluster.is_whole_at(n)));
        Some(cluster)
    }

    /// `redis+cluster://` with all three nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// One of the nodes.
    #[must_use]
    pub fn node(&self, n: usize) -> &RedisServer {
        &self.nodes[n]
    }

    /// One of the nodes, to be stopped and started.
    pub fn node_mut(&mut self, n: usize) -> &mut RedisServer {
        &mut self.nodes[n]
    }

    /// The node that has the slot of `key`.
    #[must_use]
    pub fn node_of(&self, key: &str) -> usize {
        // Only the node itself answers for it; the others point elsewhere.
        (0..3).find(|n| self.nodes[*n].ask(&["EXISTS", key]).is_ok()).expect("one node has it")
    }

    /// Gives the slot of `key`, which has to be empty, to node `to`. Clients learn of it when they ask.
    pub fn move_slot(&self, key: &str, to: usize) {
        let text = |value| redis::from_redis_value::<String>(value).expect("a text");
        let slot = redis::from_redis_value::<u16>(self.nodes[0].must(&["CLUSTER", "KEYSLOT", key])).expect("a slot").to_string();
        let target = text(self.nodes[to].must(&["CLUSTER", "MYID"]));
        // The new owner first, so that the slot always has an owner.
        for n in [to, 0, 1, 2] {
            self.nodes[n].must(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
        }
    }

    /// Whether a node sees all slots served.
    #[must_use]
    pub fn is_whole_at(&self, n: usize) -> bool {
        let info = self.nodes[n].ask(&["CLUSTER", "INFO"]).ok().and_then(|info| redis::from_redis_value::<String>(info).ok());
        info.is_some_and(|info| info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384"))
    }
}

/// A free port, the one of the cluster bus 10,000 above it being free as well.
fn port_with_bus() -> u16 {
    loop {
        let port = program::free_port();
        let bus = port.checked_add(10_000);
        if bus.is_some_and(|bus| TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok()) {
            return port;
        }
    }
}

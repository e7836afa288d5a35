//! A master with a replica, watched by three Sentinels.

use super::program::{self, Process};
use super::server::{RedisServer, ServerOptions};
use std::process::Command;
use tempfile::TempDir;

/// What the Sentinels call the master.
const NAME: &str = "lastseat";
/// How many Sentinels.
const WATCHERS: usize = 3;

/// A master, a replica, and three Sentinels that make the replica the master about two seconds after
/// the master is gone. Ended when dropped.
pub struct Sentinel {
    servers: [RedisServer; 2],
    watchers: Vec<Watcher>,
}

struct Watcher {
    port: u16,
    _dir: TempDir,
    _process: Process,
}

impl Sentinel {
    /// Starts one, and waits until all know of each other. `None` if the program is not installed and
    /// need not be.
    #[must_use]
    pub fn start() -> Option<Self> {
        let master = RedisServer::start()?;
        let options = |line: String| ServerOptions { config: vec![line], ..ServerOptions::default() };
        let replica = RedisServer::start_with(options(format!("replicaof 127.0.0.1 {}", master.port())))?;
        let watchers = (0..WATCHERS).map(|_| Watcher::of(master.port())).collect();
        let sentinel = Self { servers: [master, replica], watchers };
        program::wait_until("the Sentinels know of each other and of the replica", || {
            sentinel.watchers.iter().all(|watcher| watcher.knows_all())
        });
        sentinel.wait_for_follower(1);
        Some(sentinel)
    }

    /// `redis+sentinel://` with all Sentinels.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.watchers.iter().map(|watcher| format!("127.0.0.1:{}", watcher.port)).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// Both servers. The first was the master at the start.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer; 2] {
        &self.servers
    }

    /// Both servers, to be stopped and started.
    pub fn servers_mut(&mut self) -> &mut [RedisServer; 2] {
        &mut self.servers
    }

    /// Which of the servers the Sentinels call the master, once all of them agree.
    #[must_use]
    pub fn master(&self) -> usize {
        let mut agreed = None;
        program::wait_until("the Sentinels agree on a master", || {
            let named: Vec<_> = self.watchers.iter().map(Watcher::master_port).collect();
            agreed = self.servers.iter().position(|server| named.iter().all(|port| *port == Some(server.port())));
            agreed.is_some()
        });
        agreed.expect("they agreed")
    }

    /// Waits until this server is the master, by the Sentinels' word and by its own.
    pub fn wait_for_master(&self, n: usize) {
        program::wait_until("the failover", || self.master() == n && self.role_of(n) == "master");
    }

    /// The second server no longer gets what is written to the first: what is written from now on is lost
    /// when the first one dies.
    pub fn stop_replication(&self) {
        // Replication is asynchronous: wait until the replica has what was written before.
        program::wait_until("the replica has what the master has", || {
            self.servers[0].must(&["DBSIZE"]) == self.servers[1].must(&["DBSIZE"])
        });
        // The master knows no password, and refuses a client that sends one.
        self.servers[1].must(&["CONFIG", "SET", "masterauth", "wrong"]);
        self.servers[0].must(&["CLIENT", "KILL", "TYPE", "replica"]);
        program::wait_until("the replica is cut off", || self.info(1).contains("master_link_status:down"));
    }

    /// Has servers and Sentinels ask for this password from now on. They don't tell it each other, so
    /// there is no failover any more.
    pub fn set_password(&self, password: &str) {
        for watcher in &self.watchers {
            let only = ["ACL", "SETUSER", "default", "resetpass", &format!(">{password}")];
            watcher.ask(&only).expect("a password can be set");
        }
        self.servers[0].must(&["CONFIG", "SET", "requirepass", password]);
    }

    /// Has the Sentinels swap master and replica in good order.
    pub fn fail_over(&self) {
        self.watchers[0].ask(&["SENTINEL", "FAILOVER", NAME]).expect("a failover can be ordered");
    }

    /// Waits until this server is a replica and hears the master.
    pub fn wait_for_follower(&self, n: usize) {
        program::wait_until("the replica follows", || self.info(n).contains("master_link_status:up"));
    }

    fn role_of(&self, n: usize) -> &'static str {
        if self.info(n).contains("role:master") { "master" } else { "replica" }
    }

    fn info(&self, n: usize) -> String {
        let info = self.servers[n].ask(&["INFO", "replication"]).ok();
        info.and_then(|info| redis::from_redis_value(info).ok()).unwrap_or_default()
    }
}

impl Watcher {
    fn of(master: u16) -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a directory"), program::free_port());
        let config = format!(
            "port {port}\nbind 127.0.0.1\ndaemonize no\nprotected-mode no\nlogfile sentinel.log\n\
             sentinel monitor {NAME} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 4000\n"
        );
        std::fs::write(dir.path().join("sentinel.conf"), config).expect("a configuration");
        let mut command = Command::new("redis-server");
        let process = Process::start(command.current_dir(dir.path()).args(["sentinel.conf", "--sentinel"]));
        program::wait_until("a Sentinel answers", || program::ask(port, &["PING"]).is_ok());
        Self { port, _dir: dir, _process: process }
    }

    fn ask(&self, command: &[&str]) -> Result<redis::Value, redis::RedisError> {
        program::ask(self.port, command)
    }

    fn knows_all(&self) -> bool {
        let Ok(state) = self.ask(&["SENTINEL", "MASTER", NAME]) else { return false };
        let Ok(state) = redis::from_redis_value::<std::collections::HashMap<String, String>>(state) else { return false };
        let is = |name: &str, count: usize| state.get(name).is_some_and(|value| *value == count.to_string());
        is("num-other-sentinels", WATCHERS - 1) && is("num-slaves", 1) && state.get("flags").is_some_and(|f| f == "master")
    }

    fn master_port(&self) -> Option<u16> {
        let named = self.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).ok()?;
        redis::from_redis_value::<(String, u16)>(named).ok().map(|(_, port)| port)
    }
}

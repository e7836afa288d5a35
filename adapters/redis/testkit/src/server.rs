//! One Redis server.

use super::program::{self, Process};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// How a [`RedisServer`] is started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Keeps what it has in an append-only file, so that a restart finds it again.
    pub persistent: bool,
    /// More lines of `redis.conf`, for example `maxmemory 2mb`.
    pub config: Vec<String>,
}

/// A Redis server on a free loopback port, in a directory of its own. Ended when dropped.
pub struct RedisServer {
    port: u16,
    dir: TempDir,
    options: ServerOptions,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk. `None` if the program is not installed and need not be;
    /// the test steps aside then.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(ServerOptions::default())
    }

    /// Starts one.
    #[must_use]
    pub fn start_with(options: ServerOptions) -> Option<Self> {
        Self::start_on(program::free_port, options)
    }

    /// Starts one on a port that is found like this.
    pub(super) fn start_on(port: impl Fn() -> u16, options: ServerOptions) -> Option<Self> {
        if !program::is_installed() {
            return None;
        }
        // A port may be lost between its being found and being taken.
        for _ in 0..10 {
            let dir = tempfile::tempdir().expect("a directory for the server");
            let mut server = Self { port: port(), dir, options: options.clone(), process: None };
            if server.run() {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends it in good order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM");
            program::wait_until("the server ends", || process.has_ended());
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// SIGSTOP: it is there, and does nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        self.process.as_ref().expect("the server runs").signal(signal);
    }

    /// Starts it again on the same port, after [`Self::stop`] or [`Self::kill`].
    pub fn restart(&mut self) {
        self.process = None;
        // The port may be taken for a moment by a connection that is just ending.
        program::wait_until("the server starts again", || self.run());
    }

    /// One command over a connection of its own. Blocks the thread.
    ///
    /// # Errors
    /// What the server answers, or that it can't be reached.
    pub fn ask(&self, command: &[&str]) -> Result<redis::Value, redis::RedisError> {
        program::ask(self.port, command)
    }

    /// As [`Self::ask`], where nothing can go wrong. Panics if it does.
    pub fn must(&self, command: &[&str]) -> redis::Value {
        self.ask(command).unwrap_or_else(|why| panic!("{command:?}: {why}"))
    }

    /// Its keys without an expiry.
    #[must_use]
    pub fn keys_without_end(&self) -> Vec<String> {
        let all: Vec<String> = redis::from_redis_value(self.must(&["KEYS", "*"])).expect("names of keys");
        all.into_iter().filter(|key| self.must(&["PTTL", key]) == redis::Value::Int(-1)).collect()
    }

    /// How many scripts it has run.
    #[must_use]
    pub fn scripts_run(&self) -> u64 {
        let stats: String = redis::from_redis_value(self.must(&["INFO", "commandstats"])).expect("a text");
        let calls = |line: &str| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok();
        stats.lines().filter(|line| line.starts_with("cmdstat_eval")).filter_map(calls).sum()
    }

    /// Starts the process and waits until it answers; whether it does.
    fn run(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.current_dir(self.dir.path());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.args(["--appendonly", if self.options.persistent { "yes" } else { "no" }]);
        command.args(["--enable-debug-command", "yes", "--protected-mode", "no", "--logfile", "redis.log"]);
        for line in &self.options.config {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            command.arg(format!("--{name}")).args(value.split(' '));
        }
        let mut process = Process::start(&mut command);
        let mut answers = false;
        program::wait_until("the server answers", || {
            // That it is ours that answers, and not another on the port: it has not ended.
            answers = program::listens(self.port) && program::ask(self.port, &["PING"]).is_ok();
            answers || process.has_ended()
        });
        answers &= !process.has_ended();
        self.process = answers.then_some(process);
        answers
    }
}

//! Programs of Redis: found or not, started, signalled, ended.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to do what it was asked to.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// Whether `redis-server` is installed. If it isn't, the running test is skipped; with
/// `LASTSEAT_REQUIRE_SERVICES=1` it fails.
pub(super) fn is_installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        let missing = "redis-server: install the package redis-server, or valkey-server with its redis names";
        lastseat_testkit::skipped::skip(missing, "LASTSEAT_REQUIRE_SERVICES");
    }
    found
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A process of ours. Killed when dropped.
pub(super) struct Process(Child);

impl Process {
    pub(super) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.expect("the program can be started"))
    }

    pub(super) fn signal(&self, signal: &str) {
        let done = Command::new("kill").arg(format!("-{signal}")).arg(self.0.id().to_string()).status();
        assert!(done.expect("kill is there").success(), "kill -{signal} {}", self.0.id());
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child of ours").is_some()
    }

    /// kill -9, and waits for its end.
    pub(super) fn kill(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Polls until `is_so`. Panics with `what` if that takes too long.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One command over a connection of its own; the server has to be there. Blocks the thread.
pub(super) fn ask(port: u16, command: &[&str]) -> Result<redis::Value, redis::RedisError> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
    let mut connection = client.get_connection_with_timeout(LONG)?;
    connection.set_read_timeout(Some(LONG))?;
    connection.set_write_timeout(Some(LONG))?;
    let Some((name, arguments)) = command.split_first() else { panic!("an empty command") };
    redis::cmd(name).arg(arguments).query(&mut connection)
}

/// Whether a server listens on the port.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

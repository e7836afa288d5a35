//! A proxy's program on a free loopback port, in a directory of its own.

use crate::support::PATIENCE;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running proxy: one process. Killed when dropped.
pub struct Proxy {
    child: Child,
    pub addr: SocketAddr,
    dir: TempDir,
}

/// The first of these programs that runs. `None`, and the test is skipped, if the package is not installed.
pub fn installed(package: &str, programs: &[&'static str], version: &str) -> Option<&'static str> {
    let runs = |program: &&str| {
        let mut command = Command::new(program);
        command.arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let found = programs.iter().copied().find(runs);
    if found.is_none() {
        lastseat_testkit::skipped::skip(&format!("{package}: install the package {package}"), "LASTSEAT_REQUIRE_SERVICES");
    }
    found
}

impl Proxy {
    /// Starts it. `configure` writes its files into a directory, for a port, and says how it is called.
    pub fn start(configure: impl Fn(&Path, u16) -> Command) -> Self {
        // Each buyer has a connection, and the proxy one more for each.
        let _as_many_as_allowed = rlimit::increase_nofile_limit(16_384);
        // A port may be lost between its being found and being taken.
        for _ in 0..10 {
            let dir = tempfile::tempdir().unwrap();
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let mut command = configure(dir.path(), port);
            let output = File::create(dir.path().join("output")).unwrap();
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).spawn().unwrap();
            let mut proxy = Self { child, addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), dir };
            if proxy.listens() {
                return proxy;
            }
            let complaint = std::fs::read_to_string(proxy.dir.path().join("output")).unwrap();
            assert!(complaint.to_lowercase().contains("address already in use"), "the example is refused: {complaint}");
        }
        panic!("no port for the proxy");
    }

    /// Whether it comes to listen, or ends.
    fn listens(&mut self) -> bool {
        let given_up = Instant::now() + PATIENCE;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.addr).is_ok() {
                // Not another program on this port: that one would have ended the proxy.
                return self.child.try_wait().unwrap().is_none();
            }
            assert!(Instant::now() < given_up, "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

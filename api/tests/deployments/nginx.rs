//! nginx with the committed example, on a free loopback port, in a directory of its own.

use crate::support::PATIENCE;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../../deploy/nginx/lastseat.conf");
const INCLUDED: [(&str, &str); 2] = [
    ("lastseat-proxy.conf", include_str!("../../../deploy/nginx/lastseat-proxy.conf")),
    ("lastseat-shows.map", include_str!("../../../deploy/nginx/lastseat-shows.map")),
];

/// What is around the example. Nothing is outside of the directory that nginx is started in.
const AROUND: &str = "
daemon off; master_process off; pid nginx.pid; error_log error.log;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include lastseat.conf;
}
";

/// A running nginx: one process. Killed when dropped.
pub struct Nginx {
    child: Child,
    pub addr: SocketAddr,
    dir: TempDir,
}

/// Its program: Debian has it where only root looks. `None`, and the test is skipped, if it is not installed.
pub fn program() -> Option<&'static str> {
    let runs = |program: &&str| Command::new(program).arg("-v").stderr(Stdio::null()).status().is_ok();
    let found = ["nginx", "/usr/sbin/nginx"].into_iter().find(|program| runs(program));
    if found.is_none() {
        lastseat_testkit::skipped::skip("nginx: install the package nginx", "LASTSEAT_REQUIRE_SERVICES");
    }
    found
}

impl Nginx {
    /// Starts it with these nodes in place of the example's: pairs of an address in the example and a real one.
    pub fn start(program: &str, nodes: &[(&str, SocketAddr)]) -> Self {
        // Each buyer has a connection, and nginx one more for each.
        let _as_many_as_allowed = rlimit::increase_nofile_limit(16_384);
        // A port may be lost between its being found and being taken.
        for _ in 0..10 {
            let dir = tempfile::tempdir().unwrap();
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            write_config(dir.path(), port, nodes);
            let output = File::create(dir.path().join("output")).unwrap();
            let mut command = Command::new(program);
            command.arg("-p").arg(dir.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).spawn().unwrap();
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let mut nginx = Self { child, addr, dir };
            if nginx.listens() {
                return nginx;
            }
            let said = std::fs::read_to_string(nginx.dir.path().join("output")).unwrap();
            assert!(said.contains("Address already in use"), "nginx refuses the example: {said}");
        }
        panic!("no port for nginx");
    }

    /// Whether it comes to listen, or ends.
    fn listens(&mut self) -> bool {
        let given_up = Instant::now() + PATIENCE;
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.addr).is_ok() {
                // Not another program on this port: that one would have ended nginx.
                return self.child.try_wait().unwrap().is_none();
            }
            assert!(Instant::now() < given_up, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn write_config(dir: &Path, port: u16, nodes: &[(&str, SocketAddr)]) {
    let mut config = EXAMPLE.replace("    listen 80;", &format!("    listen 127.0.0.1:{port};"));
    for (example, node) in nodes {
        let server = format!("server {example} ");
        assert_eq!(config.matches(&server).count(), 1, "{example} in the example");
        config = config.replace(&server, &format!("server {node} "));
    }
    assert!(!config.contains("server 10."), "the example has more nodes");
    std::fs::write(dir.join("lastseat.conf"), config).unwrap();
    std::fs::write(dir.join("nginx.conf"), AROUND).unwrap();
    for (name, text) in INCLUDED {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

//! nginx with the committed example.

use crate::proxy::{self, Proxy};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../../deploy/nginx/lastseat.conf");
const INCLUDED: [(&str, &str); 2] = [
    ("lastseat-proxy.conf", include_str!("../../../deploy/nginx/lastseat-proxy.conf")),
    ("lastseat-shows.map", include_str!("../../../deploy/nginx/lastseat-shows.map")),
];

/// The example's nodes: two of each deployment.
const NODES: [&str; 4] = ["10.1.0.11:8080", "10.1.0.12:8080", "10.2.0.11:8080", "10.2.0.12:8080"];

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

/// Its program: Debian has it where only root looks.
pub fn program() -> Option<&'static str> {
    proxy::installed("nginx", &["nginx", "/usr/sbin/nginx"], "-v")
}

/// Starts it with these nodes in place of the example's.
pub fn start(program: &str, nodes: [SocketAddr; 4]) -> Proxy {
    Proxy::start(|dir, port| {
        write_config(dir, port, nodes);
        let mut command = Command::new(program);
        command.arg("-p").arg(dir).args(["-c", "nginx.conf", "-e", "error.log"]);
        command
    })
}

fn write_config(dir: &Path, port: u16, nodes: [SocketAddr; 4]) {
    let mut config = EXAMPLE.replace("    listen 80;", &format!("    listen 127.0.0.1:{port};"));
    for (example, node) in NODES.iter().zip(nodes) {
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

//! Caddy with the committed example.

use crate::proxy::{self, Proxy};
use std::net::SocketAddr;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../../deploy/caddy/Caddyfile");

/// The example's nodes.
const NODES: &str = "10.1.0.11:8080 10.1.0.12:8080";

/// What is around the example: no ports but the one, no certificates, and no files that it would store.
const AROUND: &str = "{\n\tadmin off\n\tauto_https off\n}\n";

/// Its program.
pub fn program() -> Option<&'static str> {
    proxy::installed("caddy", &["caddy"], "version")
}

/// Starts it with these nodes in place of the example's.
pub fn start(program: &str, nodes: [SocketAddr; 2]) -> Proxy {
    Proxy::start(|dir, port| {
        let site = format!("http://tickets.example:{port} {{\n\tbind 127.0.0.1\n");
        let mut config = EXAMPLE.to_owned();
        for (example, real) in [("tickets.example {\n", site), (NODES, format!("{} {}", nodes[0], nodes[1]))] {
            assert_eq!(config.matches(example).count(), 1, "{example} in the example");
            config = config.replace(example, &real);
        }
        std::fs::write(dir.join("Caddyfile"), format!("{AROUND}{config}")).unwrap();
        let mut command = Command::new(program);
        command.args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"]).current_dir(dir);
        // It stores certificates in the user's home otherwise.
        for folder in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(folder, dir);
        }
        command
    })
}

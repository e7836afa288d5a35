//! What servers report about themselves.

use redis::Value;
use std::collections::HashMap;

/// One server's INFO.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerFacts {
    /// Its address, in a cluster.
    pub name: Option<String>,
    lines: HashMap<String, String>,
}

impl ServerFacts {
    pub(super) fn of(name: Option<String>, info: &str) -> Self {
        let lines = info.lines().filter_map(|line| line.trim().split_once(':'));
        Self { name, lines: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.lines.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn is_master(&self) -> bool {
        self.get("role") != Some("slave")
    }
}

/// The servers of an answer to INFO: one, or several by address.
pub(super) fn servers(info: &Value) -> Vec<ServerFacts> {
    let mut servers: Vec<_> = match info {
        Value::Map(nodes) => nodes.iter().map(|(node, info)| ServerFacts::of(Some(text(node)), &text(info))).collect(),
        single => vec![ServerFacts::of(None, &text(single))],
    };
    servers.retain(|server| !server.lines.is_empty());
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    servers
}

/// A reply as text; nothing if it is none.
pub(super) fn text(value: &Value) -> String {
    redis::from_redis_value_ref(value).unwrap_or_default()
}

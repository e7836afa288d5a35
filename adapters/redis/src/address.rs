//! Where Redis is: a URL for one server, a Sentinel set-up, or a cluster.

use redis::{ConnectionInfo, IntoConnectionInfo};

/// A URL that is not a Redis address. `Display` says what is wrong and never includes the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a URL of Redis: {0}")]
pub struct BadRedisUrl(pub String);

/// Servers that a URL names.
#[derive(Debug, Clone)]
pub(crate) enum Servers {
    /// One server.
    Single(ConnectionInfo),
    /// Whichever server the Sentinels name as the master.
    Sentinel {
        /// The Sentinels. User and password of the URL are the master's, not theirs.
        sentinels: Vec<ConnectionInfo>,
        /// What they call the master.
        master: String,
        /// How to speak to the master; its host and port are taken from the Sentinels' answer.
        template: ConnectionInfo,
    },
    /// The cluster that these belong to.
    Cluster(Vec<ConnectionInfo>),
}

/// A URL as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub servers: Servers,
    /// For people: the URL without its password.
    pub display: String,
}

impl Address {
    /// Reads `redis://[user:pass@]host:port[/db]`, `redis+sentinel://[user:pass@]h1:26379,h2:26379/master[/db]`
    /// or `redis+cluster://[user:pass@]h1:7001,h2:7002`; each with `rediss` for TLS.
    pub fn parse(url: &str) -> Result<Self, BadRedisUrl> {
        let parts = Parts::of(url)?;
        let db = |text: Option<&str>| match text {
            None | Some("") => Ok(0),
            Some(number) => number
                .parse::<u16>()
                .map_err(|_| bad(format!("'{number}' is not the number of a database; leave it out for database 0"))),
        };
        let servers = match parts.kind {
            "" => match (parts.hosts.as_slice(), parts.path.as_slice()) {
                ([host], [] | [_]) => Servers::Single(parts.server(host, db(parts.path.first().copied())?)?),
                ([_], _) => return Err(bad("only a database number may follow the host")),
                _ => return Err(bad("it names several servers; use redis+sentinel:// or redis+cluster:// for those")),
            },
            "sentinel" => {
                let (master, db) = match parts.path.as_slice() {
                    [master] if !master.is_empty() => (*master, 0),
                    [master, number] if !master.is_empty() => (*master, db(Some(number))?),
                    _ => return Err(bad("the master's name must follow the Sentinels: redis+sentinel://host:26379/mymaster")),
                };
                let alone = Parts { login: None, ..parts.clone() };
                let sentinels = parts.hosts.iter().map(|host| alone.server_or(host, 26379, 0)).collect::<Result<_, _>>()?;
                // Any host will do.
                let template = parts.server("localhost", db)?;
                Servers::Sentinel { sentinels, master: master.to_owned(), template }
            }
            "cluster" => match parts.path.as_slice() {
                [] | [""] | ["0"] => Servers::Cluster(parts.hosts.iter().map(|h| parts.server(h, 0)).collect::<Result<_, _>>()?),
                _ => return Err(bad("a cluster has database 0 only")),
            },
            _ => return Err(bad("it has to start with redis://, redis+sentinel:// or redis+cluster:// (rediss… for TLS)")),
        };
        Ok(Self { servers, display: parts.display() })
    }
}

/// A URL taken apart.
#[derive(Clone)]
struct Parts<'a> {
    scheme: &'a str,
    /// `redis`, or `rediss` for TLS.
    base: &'a str,
    /// Nothing, `sentinel` or `cluster`.
    kind: &'a str,
    /// `user:pass`, as written in the URL.
    login: Option<&'a str>,
    hosts: Vec<&'a str>,
    path: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, BadRedisUrl> {
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(|| bad("it has no ://"))?;
        let (base, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(base, "redis" | "rediss") || scheme.ends_with('+') {
            return Err(bad("it has to start with redis://, redis+sentinel:// or redis+cluster:// (rediss… for TLS)"));
        }
        // The login first: a password may hold what ends a host.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        if rest.contains(['?', '#']) {
            return Err(bad("it may not have a ? or #"));
        }
        let (hosts, path) = match rest.split_once('/') {
            Some((hosts, path)) => (hosts, path.trim_end_matches('/').split('/').collect()),
            None => (rest, vec![]),
        };
        let hosts: Vec<_> = hosts.split(',').collect();
        if hosts.iter().any(|host| host.is_empty()) {
            return Err(bad("a host is missing"));
        }
        Ok(Self { scheme, base, kind, login, hosts, path })
    }

    fn server(&self, host: &str, db: u16) -> Result<ConnectionInfo, BadRedisUrl> {
        self.server_or(host, 6379, db)
    }

    /// One of the servers, on `port` if it names none.
    fn server_or(&self, host: &str, port: u16, db: u16) -> Result<ConnectionInfo, BadRedisUrl> {
        let login = self.login.map(|login| format!("{login}@")).unwrap_or_default();
        // The last colon, unless it is within the brackets of an IPv6 address.
        let named = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let port = if named { String::new() } else { format!(":{port}") };
        let info = format!("{}://{login}{host}{port}/{db}", self.base).into_connection_info();
        let info = info.map_err(|_| bad(format!("'{host}' is not host:port, or user and password are not percent-encoded")))?;
        // Without it a small request waits for the acknowledgement of the one before.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let settings = info.redis_settings().clone().set_lib_name("lastseat", env!("CARGO_PKG_VERSION"));
        Ok(info.set_tcp_settings(tcp).set_redis_settings(settings))
    }

    fn display(&self) -> String {
        let login = match self.login.map(|login| login.split_once(':').map_or(login, |(user, _)| user)) {
            Some(user) if !user.is_empty() => format!("{user}@"),
            _ => String::new(),
        };
        let path: String = self.path.iter().map(|part| format!("/{part}")).collect();
        format!("{}://{login}{}{path}", self.scheme, self.hosts.join(","))
    }
}

fn bad(why: impl Into<String>) -> BadRedisUrl {
    BadRedisUrl(why.into())
}

#[cfg(test)]
mod tests;

//! Parses the connection string: rejects what the client would panic on, and hides the password.

use eventstore::{ClientSettings, Credentials};
use std::fmt::Write as _;

/// An invalid connection string. Holds the reason, never the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connection string can't be used: {0}")]
pub struct BadConnectionString(String);

/// The client's schemes; each also with `+discover`.
const SCHEMES: [&str; 4] = ["esdb", "kurrentdb", "kurrent", "kdb"];

/// Our defaults. The client's own are slow: half a second before the first connect, three for a node that
/// doesn't answer.
const DEFAULTS: [(&str, &str); 3] = [("discoveryInterval", "50"), ("gossipTimeout", "1500"), ("connectionName", "lastseat")];

/// Where to connect, and with which credentials.
pub(crate) struct Target {
    pub settings: ClientSettings,
    /// Sent with every call if the string is percent-encoded, which the client doesn't decode.
    pub credentials: Option<Credentials>,
    /// For messages: without password and options.
    pub shown: String,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, BadConnectionString> {
        let text = text.trim();
        let bad = |why: &str| BadConnectionString(why.to_owned());
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad(
                "it has no scheme; write esdb://host:2113, or esdb+discover://name:2113 for a cluster with one DNS name",
            ));
        };
        if !SCHEMES.contains(&scheme.strip_suffix("+discover").unwrap_or(scheme)) {
            return Err(BadConnectionString(format!("the scheme {scheme}:// is not one of esdb, kurrentdb, kurrent, kdb")));
        }
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The client takes a slash after several hosts for another host.
        let authority = authority.trim_end_matches('/');
        let (user_info, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        check_hosts(hosts)?;
        if user_info.is_some_and(|info| info.contains([',', '/', '@'])) {
            return Err(bad("a comma, slash or @ in user or password has to be written as %2C, %2F, %40"));
        }
        let query = with_defaults(query)?;
        let full = format!("{scheme}://{authority}?{query}");
        // The client's message may contain the whole string.
        let settings: ClientSettings = full.parse().map_err(|e: eventstore::ClientSettingsParseError| match e.error() {
            Some(e) => BadConnectionString(format!("{e}; hosts were read as {hosts}")),
            None if e.message().contains('@') => bad("a host or an option can't be read"),
            None => bad(e.message()),
        })?;
        if settings.max_discover_attempts() < 2 {
            return Err(bad("maxDiscoverAttempts has to be 2 or more; with less this client never connects"));
        }
        let (user, password) = user_info.map_or(("", ""), |info| info.split_once(':').unwrap_or((info, "")));
        let credentials = match user_info.is_some_and(|info| info.contains('%')) {
            true => Some(Credentials::new(decoded(user)?, decoded(password)?)),
            false => None,
        };
        let login = if user.is_empty() { String::new() } else { format!("{user}:***@") };
        Ok(Self { settings, credentials, shown: format!("{scheme}://{login}{hosts}") })
    }

    /// Whether the client chooses among nodes.
    pub(crate) fn is_cluster(&self) -> bool {
        self.settings.is_dns_discovery_enabled() || self.settings.hosts().len() > 1
    }
}

/// The client panics on hosts that are not valid in a URL.
fn check_hosts(hosts: &str) -> Result<(), BadConnectionString> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    for host in hosts.split(',') {
        if host.is_empty() || host.starts_with(':') || !host.chars().all(valid) {
            return Err(BadConnectionString(format!("\"{host}\" is not a host; write host:port, several separated by commas")));
        }
    }
    Ok(())
}

fn with_defaults(query: &str) -> Result<String, BadConnectionString> {
    let mut full = query.trim_end_matches('&').to_owned();
    let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs() {
        // The name goes into a header; the client panics if it is not valid there.
        if name.eq_ignore_ascii_case("connectionName") && !value.chars().all(|c| c.is_ascii_graphic() && c != '%') {
            return Err(BadConnectionString("connectionName may have only ASCII letters, digits and punctuation".to_owned()));
        }
    }
    for (name, value) in DEFAULTS {
        if !pairs().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            let _ = write!(full, "{}{name}={value}", if full.is_empty() { "" } else { "&" });
        }
    }
    Ok(full)
}

/// Decodes %-escapes.
fn decoded(text: &str) -> Result<String, BadConnectionString> {
    let bad = || BadConnectionString("an escape (%) in user or password can't be read; a percent sign itself is %25".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next(), rest.next()) else { return Err(bad()) };
        let digits = [high, low];
        let digits = std::str::from_utf8(&digits).map_err(|_| bad())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Target {
        Target::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn hosts(text: &str) -> Vec<String> {
        parse(text).settings.hosts().iter().map(|host| format!("{}:{}", host.host, host.port)).collect()
    }

    #[test]
    fn every_scheme_and_list_of_nodes_is_accepted() {
        for scheme in ["esdb", "kurrentdb", "kurrent", "kdb", "esdb+discover", "kurrentdb+discover"] {
            assert_eq!(hosts(&format!("{scheme}://db.example.org")), ["db.example.org:2113"]);
            assert_eq!(parse(&format!("{scheme}://h:1")).is_cluster(), scheme.ends_with("discover"));
        }
        assert_eq!(hosts("esdb://a:1,b:2,c:3?tls=false"), ["a:1", "b:2", "c:3"]);
        assert_eq!(hosts("esdb://admin:changeit@a:1,b:2/?tls=false"), ["a:1", "b:2"]);
        assert_eq!(hosts("esdb://127.0.0.1:2113/"), ["127.0.0.1:2113"]);
        assert!(parse("esdb://a:1,b:2").is_cluster());
    }

    #[test]
    fn the_clients_options_are_kept_and_the_rest_gets_our_defaults() {
        let set = parse("esdb://h?tls=false&discoveryInterval=700&nodePreference=follower").settings;
        assert!(!set.is_secure_mode_enabled());
        assert_eq!(set.discovery_interval().as_millis(), 700);
        assert_eq!(set.node_preference(), eventstore::NodePreference::Follower);
        let plain = parse("esdb://h").settings;
        assert!(plain.is_secure_mode_enabled());
        assert_eq!((plain.discovery_interval().as_millis(), plain.gossip_timeout().as_millis()), (50, 1500));
    }

    #[test]
    fn an_encoded_password_is_decoded_and_never_shown() {
        let connection = parse("esdb://ann:s%40cret%2F%3A1@h:1?tls=false");
        assert_eq!(connection.credentials, Some(Credentials::new("ann", "s@cret/:1")));
        assert_eq!(connection.shown, "esdb://ann:***@h:1");
        assert_eq!(parse("esdb://admin:changeit@h").credentials, None, "the client does it");
    }

    #[test]
    fn rejections_never_show_the_password() {
        for text in [
            "",
            "localhost:2113",
            "http://hunter2@h",
            "esdb://",
            "esdb://:2113",
            "esdb://a,,b",
            "esdb://u:hunter2@a:port",
            "esdb://u:hunter2@a:1,b:port",
            "esdb://u:hunter2@a:99999",
            "esdb://u:hunter2%4@a",
            "esdb://u:hunter2%ff@a",
            "esdb://u:hunter2@x@a",
            "esdb://u:hunter2,x@a",
            "esdb://u:hunter2@a b",
            "esdb://u:hunter2@a/path",
            "esdb://u:hunter2@a?tls=perhaps",
            "esdb://u:hunter2@a?nodePreference=king",
            "esdb://u:hunter2@a?maxDiscoverAttempts=1",
            "esdb://u:hunter2@a?userCertFile=x",
            "esdb://u:hunter2@a?connectionName=%0a",
        ] {
            match Target::parse(text) {
                Ok(connection) => panic!("{text} is taken as {}", connection.shown),
                Err(e) => assert!(!e.to_string().contains("hunter2"), "{e}"),
            }
        }
    }
}

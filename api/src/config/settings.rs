//! The table of settings: name, what is allowed, how it is read and shown.

use super::secret::{Secret, ServiceUrl};
use super::{Config, LogFormat};
use crate::limits::{Network, ProxyHeader};
use lastseat_domain::Quota;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// One setting.
pub struct Setting {
    /// Its name in the file; the flag and the variable are derived from it.
    pub key: &'static str,
    /// What may stand there, in words that go behind "must be".
    pub allowed: &'static str,
    /// Reads a value into the configuration; `None` if it is not allowed.
    pub read: fn(&str, &mut Config) -> Option<()>,
    /// The value in effect.
    pub show: fn(&Config) -> String,
}

impl Setting {
    /// Its flag on the command line.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    /// Whether its value may hold a password.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.key, "eventstore" | "redis") || self.key.ends_with("_token")
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("LASTSEAT_{}", self.key.to_ascii_uppercase())
    }
}

/// All names, for an error line.
pub(super) fn names() -> String {
    SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
}

const EVENTSTORE: &[&str] =
    &["esdb://", "esdb+discover://", "kurrentdb://", "kurrentdb+discover://", "kurrent://", "kurrent+discover://"];
const REDIS: &[&str] =
    &["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://"];
const SWITCH: &str = "true or false";
const A_DAY: u64 = 86_400;
const QUOTA: &str = "off, or a number and the time in which so many come back, such as 60/10s, 300/1m or 5000/1h";

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        allowed: "an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080",
        read: |text, config| address(text).map(|v| config.listen = v),
        show: |config| config.listen.to_string(),
    },
    Setting {
        key: "data",
        allowed: "the path of a directory",
        read: |text, config| path(text).map(|v| config.data = v),
        show: |config| config.data.display().to_string(),
    },
    Setting {
        key: "eventstore",
        allowed: "a connection string, such as esdb://127.0.0.1:2113?tls=false or esdb+discover://cluster.example:2113",
        read: |text, config| service(text, EVENTSTORE).map(|v| config.eventstore = Some(v)),
        show: |config| shown(config.eventstore.as_ref()),
    },
    Setting {
        key: "eventstore_listen",
        allowed: "an IP address and a port, such as 127.0.0.1:2113",
        read: |text, config| address(text).map(|v| config.eventstore_listen = Some(v)),
        show: |config| shown(config.eventstore_listen.as_ref()),
    },
    Setting {
        key: "eventstore_listen_write",
        allowed: SWITCH,
        read: |text, config| switch(text).map(|v| config.eventstore_listen_write = v),
        show: |config| config.eventstore_listen_write.to_string(),
    },
    Setting {
        key: "eventstore_listen_token",
        allowed: "8 characters or more, without spaces",
        read: |text, config| token(text).map(|v| config.eventstore_listen_token = Some(v)),
        show: |config| shown(config.eventstore_listen_token.as_ref()),
    },
    Setting {
        key: "eventstore_listen_write_token",
        allowed: "8 characters or more, without spaces",
        read: |text, config| token(text).map(|v| config.eventstore_listen_write_token = Some(v)),
        show: |config| shown(config.eventstore_listen_write_token.as_ref()),
    },
    Setting {
        key: "eventstore_listen_certificate",
        allowed: "the path of a PEM file",
        read: |text, config| path(text).map(|v| config.eventstore_listen_certificate = Some(v)),
        show: |config| shown_path(config.eventstore_listen_certificate.as_ref()),
    },
    Setting {
        key: "eventstore_listen_key",
        allowed: "the path of a PEM file",
        read: |text, config| path(text).map(|v| config.eventstore_listen_key = Some(v)),
        show: |config| shown_path(config.eventstore_listen_key.as_ref()),
    },
    Setting {
        key: "eventstore_advertise",
        allowed: "a host name or IP address and a port, such as log.example.org:2113",
        read: |text, config| host_and_port(text).map(|v| config.eventstore_advertise = Some(v)),
        show: |config| config.eventstore_advertise.as_ref().map(|(host, port)| format!("{host}:{port}")).unwrap_or_default(),
    },
    Setting {
        key: "redis",
        allowed: "an address such as redis://127.0.0.1:6379, redis+sentinel://a:26379,b:26379/master or redis+cluster://a:7000,b:7000",
        read: |text, config| service(text, REDIS).map(|v| config.redis = Some(v)),
        show: |config| shown(config.redis.as_ref()),
    },
    Setting {
        key: "redis_timeout_ms",
        allowed: "a whole number of milliseconds from 10 to 10000",
        read: |text, config| number(text, 10, 10_000).map(|v| config.redis_timeout = Duration::from_millis(v)),
        show: |config| config.redis_timeout.as_millis().to_string(),
    },
    Setting {
        key: "sandbox",
        allowed: "the address of another node's sandbox server, such as http://127.0.0.1:2114",
        read: |text, config| service(text, &["http://"]).map(|v| config.sandbox = Some(v)),
        show: |config| shown(config.sandbox.as_ref()),
    },
    Setting {
        key: "sandbox_listen",
        allowed: "an IP address and a port, such as 127.0.0.1:2114",
        read: |text, config| address(text).map(|v| config.sandbox_listen = Some(v)),
        show: |config| shown(config.sandbox_listen.as_ref()),
    },
    Setting {
        key: "sandbox_listen_anywhere",
        allowed: SWITCH,
        read: |text, config| switch(text).map(|v| config.sandbox_listen_anywhere = v),
        show: |config| config.sandbox_listen_anywhere.to_string(),
    },
    Setting {
        key: "token_key",
        allowed: "the path of a file of 32 bytes",
        read: |text, config| path(text).map(|v| config.token_key = Some(v)),
        show: |config| shown_path(config.token_key.as_ref()),
    },
    Setting {
        key: "guests",
        allowed: SWITCH,
        read: |text, config| switch(text).map(|v| config.guests = v),
        show: |config| config.guests.to_string(),
    },
    Setting {
        key: "demo",
        allowed: SWITCH,
        read: |text, config| switch(text).map(|v| config.demo = v),
        show: |config| config.demo.to_string(),
    },
    Setting {
        key: "max_in_flight",
        allowed: "a whole number from 1 to 1000000",
        read: |text, config| number(text, 1, 1_000_000).map(|v| config.max_in_flight = v),
        show: |config| config.max_in_flight.to_string(),
    },
    Setting {
        key: "hold_seconds",
        allowed: "a whole number of seconds from 1 to 86400",
        read: |text, config| number(text, 1, A_DAY).map(|v| config.hold = Duration::from_secs(v)),
        show: |config| config.hold.as_secs().to_string(),
    },
    Setting {
        key: "passivate_seconds",
        allowed: "a whole number of seconds from 1 to 86400",
        read: |text, config| number(text, 1, A_DAY).map(|v| config.passivate = Duration::from_secs(v)),
        show: |config| config.passivate.as_secs().to_string(),
    },
    Setting {
        key: "settle_seconds",
        allowed: "a whole number of seconds from 1 to 86400",
        read: |text, config| number(text, 1, A_DAY).map(|v| config.settle = Duration::from_secs(v)),
        show: |config| config.settle.as_secs().to_string(),
    },
    Setting {
        key: "payment_patience_seconds",
        allowed: "a whole number of seconds from 1 to 600",
        read: |text, config| number(text, 1, 600).map(|v| config.payment_patience = Duration::from_secs(v)),
        show: |config| config.payment_patience.as_secs().to_string(),
    },
    Setting {
        key: "drain_seconds",
        allowed: "a whole number of seconds from 0 to 3600",
        read: |text, config| number(text, 0, 3600).map(|v| config.drain = Duration::from_secs(v)),
        show: |config| config.drain.as_secs().to_string(),
    },
    Setting {
        key: "rate_limit_caller",
        allowed: QUOTA,
        read: |text, config| quota(text).map(|v| config.quotas.caller = v),
        show: |config| in_words(config.quotas.caller),
    },
    Setting {
        key: "rate_limit_address",
        allowed: QUOTA,
        read: |text, config| quota(text).map(|v| config.quotas.address = v),
        show: |config| in_words(config.quotas.address),
    },
    Setting {
        key: "rate_limit_reads",
        allowed: QUOTA,
        read: |text, config| quota(text).map(|v| config.quotas.reads = v),
        show: |config| in_words(config.quotas.reads),
    },
    Setting {
        key: "rate_limit_streams",
        allowed: QUOTA,
        read: |text, config| quota(text).map(|v| config.quotas.streams = v),
        show: |config| in_words(config.quotas.streams),
    },
    Setting {
        key: "trusted_proxies",
        allowed: "addresses or networks with commas between, such as 10.0.0.0/8, 127.0.0.1; not everybody",
        read: |text, config| Network::list(text).map(|v| config.proxies.trusted = v),
        show: |config| config.proxies.trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    },
    Setting {
        key: "proxy_header",
        allowed: "x-forwarded-for or forwarded",
        read: |text, config| proxy_header(text).map(|v| config.proxies.header = v),
        show: |config| config.proxies.header.name().to_string(),
    },
    Setting {
        key: "public_url",
        allowed: "an http:// or https:// address without query, such as https://tickets.example.org",
        read: |text, config| url(text).map(|v| config.public_url = Some(v)),
        show: |config| config.public_url.clone().unwrap_or_default(),
    },
    Setting {
        key: "log_level",
        allowed: "error, warn, info, debug, trace, off, or tracing directives such as info,lastseat_engine=debug",
        read: |text, config| level(text).map(|v| config.log_level = v),
        show: |config| config.log_level.clone(),
    },
    Setting {
        key: "log_format",
        allowed: "text or json",
        read: |text, config| format(text).map(|v| config.log_format = v),
        show: |config| match config.log_format {
            LogFormat::Text => "text".into(),
            LogFormat::Json => "json".into(),
        },
    },
];

fn address(text: &str) -> Option<SocketAddr> {
    // The one name that people type; any other would have to be resolved, to who knows how many
    // addresses.
    let literal = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    literal.as_deref().unwrap_or(text).parse().ok()
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let usable = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@');
    let port = port.parse().ok().filter(|port| *port > 0)?;
    usable.then(|| (host.to_owned(), port))
}

fn service(text: &str, schemes: &[&str]) -> Option<ServiceUrl> {
    ServiceUrl::of(text, schemes)
}

fn token(text: &str) -> Option<Secret> {
    let usable = text.len() >= 8 && text.chars().all(|c| c.is_ascii_graphic());
    usable.then(|| Secret::new(text))
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
}

fn shown_path(path: Option<&PathBuf>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

fn shown(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn number<N: FromStr + PartialOrd>(text: &str, least: N, most: N) -> Option<N> {
    text.parse().ok().filter(|n| *n >= least && *n <= most)
}

fn quota(text: &str) -> Option<Option<Quota>> {
    if text == "off" { Some(None) } else { text.parse().ok().map(Some) }
}

fn in_words(quota: Option<Quota>) -> String {
    quota.map_or_else(|| "off".to_owned(), |quota| quota.to_string())
}

fn proxy_header(text: &str) -> Option<ProxyHeader> {
    [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded]
        .into_iter()
        .find(|header| header.name().as_str().eq_ignore_ascii_case(text))
}

fn url(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let usable = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none();
    usable.then(|| text.trim_end_matches('/').to_owned())
}

fn level(text: &str) -> Option<String> {
    // A single word that is no level would pass as a directive for a crate of that name, and log
    // nothing at all.
    let known = text.contains(['=', ',']) || text.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    (known && tracing_subscriber::EnvFilter::builder().parse(text).is_ok()).then(|| text.to_owned())
}

fn format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

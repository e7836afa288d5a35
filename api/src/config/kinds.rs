//! The kinds of values that settings take: how each is read and shown.

use super::destination::Destination;
use super::endpoint_url::endpoint_url;
pub(super) use super::kind::{BOOL, LIST};
use super::kind::{Kind, kind, secret, switch};
pub(super) use super::login_kinds::{ACCOUNTS, AUDIENCE, ISSUER, MAIL_FROM, ROLE_CLAIM, ROLE_RULES, SMTP_URL};
use super::service_url::ServiceUrl;
use super::share::Share;
use crate::cors::WebOrigin;
use crate::limits::{Network, ProxyHeader};
use lastseat_domain::{EndpointId, Quota, Secret};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Format of the log lines on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}

/// More would cost the server as much as the guests.
const MOST_CHALLENGE_COST: u32 = 2_000;

pub(super) const CHALLENGE_COST: Kind<u32> = kind(
    "N",
    "a whole number from 1 to 2000",
    |text| text.parse().ok().filter(|cost| (1..=MOST_CHALLENGE_COST).contains(cost)),
    ToString::to_string,
);
pub(super) const SWITCH: Kind<bool> = kind(BOOL, "true or false", switch, ToString::to_string);
pub(super) const ADDRESS: Kind<SocketAddr> =
    kind("ADDR:PORT", "an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080", address, ToString::to_string);
pub(super) const OPTIONAL_ADDRESS: Kind<Option<SocketAddr>> =
    kind("ADDR:PORT", "an IP address and a port, such as 127.0.0.1:2113", |text| address(text).map(Some), show_optional);
pub(super) const HOST_AND_PORT: Kind<Option<(String, u16)>> = kind(
    "HOST:PORT",
    "a host name or IP address and a port, such as log.example.org:2113",
    |text| host_and_port(text).map(Some),
    |value| value.as_ref().map(|(host, port)| format!("{host}:{port}")).unwrap_or_default(),
);
pub(super) const DIRECTORY: Kind<PathBuf> = kind("DIR", "the path of a directory", path, |path| path.display().to_string());
pub(super) const PEM_FILE: Kind<Option<PathBuf>> = kind("FILE", "the path of a PEM file", |text| path(text).map(Some), show_path);
pub(super) const KEY_FILE: Kind<Option<PathBuf>> =
    kind("FILE", "the path of a file of 32 bytes", |text| path(text).map(Some), show_path);
pub(super) const TOKEN: Kind<Option<Secret>> =
    secret("TOKEN", "8 characters or more, without spaces", |text| token(text).map(Some), show_optional);
pub(super) const EVENTSTORE: Kind<Option<ServiceUrl>> = secret(
    "URL",
    "a connection string, such as esdb://127.0.0.1:2113?tls=false or esdb+discover://cluster.example:2113",
    |text| {
        let schemes =
            ["esdb://", "esdb+discover://", "kurrentdb://", "kurrentdb+discover://", "kurrent://", "kurrent+discover://"];
        ServiceUrl::of(text, &schemes).map(Some)
    },
    show_optional,
);
pub(super) const REDIS: Kind<Option<ServiceUrl>> = secret(
    "URL",
    "an address such as redis://127.0.0.1:6379, redis+sentinel://a:26379,b:26379/master or redis+cluster://a:7000,b:7000",
    |text| {
        let schemes =
            ["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://"];
        ServiceUrl::of(text, &schemes).map(Some)
    },
    show_optional,
);
pub(super) const PAYMENTS: Kind<Option<Destination>> = kind(
    "WHERE",
    "sandbox, stripe-test or stripe-live",
    |text| Destination::ALL.into_iter().find(|destination| destination.name() == text).map(Some),
    |destination| destination.map(|destination| destination.name().to_owned()).unwrap_or_default(),
);
pub(super) const STRIPE_KEY: Kind<Option<Secret>> = secret(
    "KEY",
    "a secret or restricted key of Stripe, which starts with sk_test_, sk_live_, rk_test_ or rk_live_ (pk_… is the publishable key)",
    |text| stripe_key(text, &["sk_test_", "sk_live_", "rk_test_", "rk_live_"]).and_then(Secret::new).map(Some),
    show_optional,
);
pub(super) const PUBLISHABLE_KEY: Kind<Option<String>> = secret(
    "KEY",
    "a publishable key of Stripe, which starts with pk_test_ or pk_live_ (sk_… and rk_… are secret)",
    |text| stripe_key(text, &["pk_test_", "pk_live_"]).map(|key| Some(key.to_owned())),
    |key| key.clone().unwrap_or_default(),
);
pub(super) const STRIPE_URL: Kind<Option<ServiceUrl>> = kind(
    "URL",
    "an http:// or https:// address without path and query, such as http://127.0.0.1:12111",
    |text| {
        url(text)
            .filter(|url| url.parse::<http::Uri>().is_ok_and(|uri| uri.path() == "/"))
            .and_then(|url| ServiceUrl::of(&url, &["http://", "https://"]))
            .map(Some)
    },
    show_optional,
);
pub(super) const COLLECTOR: Kind<Option<ServiceUrl>> = secret(
    "URL",
    "the address of a collector, such as http://127.0.0.1:4318",
    |text| ServiceUrl::of(text, &["http://", "https://"]).map(Some),
    show_optional,
);
pub(super) const SHARE: Kind<Share> = kind("SHARE", "a number above 0 and up to 1, such as 0.25", Share::of, ToString::to_string);
pub(super) const WEBHOOK_SECRETS: Kind<Vec<Secret>> = secret(
    LIST,
    "signing secrets of webhook endpoints, which start with whsec_, with commas between",
    webhook_secrets,
    |secrets| if secrets.is_empty() { String::new() } else { format!("({} secret)", secrets.len()) },
);
pub(super) const ENDPOINTS: Kind<Vec<(EndpointId, String)>> = kind(
    LIST,
    "NAME=URL, such as shop=https://shop.example/hooks, with commas between; https://, or http:// to this machine",
    |text| text.split(',').map(endpoint).collect(),
    |endpoints| endpoints.iter().map(|(name, url)| format!("{name}={url}")).collect::<Vec<_>>().join(", "),
);
pub(super) const ENDPOINT_SECRETS: Kind<Vec<(EndpointId, Secret)>> = secret(
    LIST,
    "NAME=whsec_…, the base64 of 24 to 64 random bytes, with commas between; two of one name while one replaces the other",
    |text| text.split(',').map(endpoint_secret).collect(),
    |secrets| if secrets.is_empty() { String::new() } else { format!("({} secret)", secrets.len()) },
);
pub(super) const COUNT: Kind<usize> =
    kind("N", "a whole number from 1 to 1000000", |text| number(text, 1, 1_000_000), ToString::to_string);
pub(super) const OPTIONAL_COUNT: Kind<Option<u32>> = kind(
    "N",
    "off, or a whole number from 1 to 1000000",
    |text| if text == "off" { Some(None) } else { number(text, 1, 1_000_000).map(Some) },
    |count| count.map_or_else(|| "off".to_owned(), |count| count.to_string()),
);
pub(super) const MEGABYTES: Kind<usize> =
    kind("MB", "a whole number of megabytes from 1 to 1000000", |text| number(text, 1, 1_000_000), ToString::to_string);
pub(super) const SECONDS: Kind<Duration> =
    kind("SECONDS", "a whole number of seconds from 1 to 86400", |text| seconds(text, 1, 86_400), show_seconds);
pub(super) const SECONDS_UP_TO_600: Kind<Duration> =
    kind("SECONDS", "a whole number of seconds from 1 to 600", |text| seconds(text, 1, 600), show_seconds);
pub(super) const SECONDS_OR_NONE: Kind<Duration> =
    kind("SECONDS", "a whole number of seconds from 0 to 3600", |text| seconds(text, 0, 3600), show_seconds);
pub(super) const MILLISECONDS: Kind<Duration> = kind(
    "MS",
    "a whole number of milliseconds from 10 to 10000",
    |text| number(text, 10, 10_000).map(Duration::from_millis),
    |time| time.as_millis().to_string(),
);
pub(super) const QUOTA: Kind<Option<Quota>> = kind(
    "QUOTA",
    "off, or a number and the time in which so many come back, such as 60/10s, 300/1m or 5000/1h",
    |text| if text == "off" { Some(None) } else { text.parse().ok().map(Some) },
    |quota| quota.map_or_else(|| "off".to_owned(), |quota| quota.to_string()),
);
pub(super) const NETWORKS: Kind<Vec<Network>> = kind(
    LIST,
    "addresses or networks with commas between, such as 10.0.0.0/8, 127.0.0.1; not everybody",
    Network::list,
    |networks| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
);
pub(super) const PROXY_HEADER: Kind<ProxyHeader> =
    kind("NAME", "x-forwarded-for or forwarded", proxy_header, |header| header.name().to_string());
pub(super) const PUBLIC_URL: Kind<Option<String>> = kind(
    "URL",
    "an http:// or https:// address without query, such as https://tickets.example.org",
    |text| url(text).map(Some),
    |url| url.clone().unwrap_or_default(),
);
pub(super) const WEB_ORIGINS: Kind<Vec<WebOrigin>> = kind(
    LIST,
    "origins as browsers send them, with commas between, such as https://shop.example.org, http://localhost:5173: no path, no * \
     and no port that the scheme has anyway",
    WebOrigin::list,
    |origins| origins.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
);
pub(super) const LOG_LEVEL: Kind<String> = kind(
    "LEVEL",
    "error, warn, info, debug, trace, off, or tracing directives such as info,lastseat_engine=debug",
    log_level,
    String::clone,
);
pub(super) const LOG_FORMAT: Kind<LogFormat> = kind(
    "FORMAT",
    "text or json",
    |text| match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    },
    |format| match format {
        LogFormat::Text => "text".into(),
        LogFormat::Json => "json".into(),
    },
);

fn show_optional<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn show_path(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

fn show_seconds(time: &Duration) -> String {
    time.as_secs().to_string()
}

fn address(text: &str) -> Option<SocketAddr> {
    // The only name that is taken: others would have to be resolved, and may have many addresses.
    let literal = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    literal.as_deref().unwrap_or(text).parse().ok()
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let usable = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@');
    let port = port.parse().ok().filter(|port| *port > 0)?;
    usable.then(|| (host.to_owned(), port))
}

fn token(text: &str) -> Option<Secret> {
    let usable = text.len() >= 8 && text.chars().all(|c| c.is_ascii_graphic());
    if usable { Secret::new(text) } else { None }
}

fn stripe_key<'a>(text: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let usable = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    usable.then_some(text)
}

fn webhook_secrets(text: &str) -> Option<Vec<Secret>> {
    let one = |secret: &str| {
        let rest = secret.trim().strip_prefix("whsec_")?;
        let usable = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic());
        if usable { Secret::new(secret.trim()) } else { None }
    };
    text.split(',').map(one).collect()
}

fn endpoint(text: &str) -> Option<(EndpointId, String)> {
    let (name, url) = text.trim().split_once('=')?;
    Some((EndpointId::new(name).ok()?, endpoint_url(url)?))
}

fn endpoint_secret(text: &str) -> Option<(EndpointId, Secret)> {
    let (name, secret) = text.trim().split_once('=')?;
    let secret = webhook_secrets(secret)?.into_iter().next()?;
    Some((EndpointId::new(name).ok()?, secret))
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
}

fn number<N: FromStr + PartialOrd>(text: &str, least: N, most: N) -> Option<N> {
    text.parse().ok().filter(|n| *n >= least && *n <= most)
}

fn seconds(text: &str, least: u64, most: u64) -> Option<Duration> {
    number(text, least, most).map(Duration::from_secs)
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

/// What is logged, if the text says that.
#[must_use]
pub fn log_level(text: &str) -> Option<String> {
    // A single word that is no level would pass as a directive for a crate of that name, and log nothing.
    let known = text.contains(['=', ',']) || text.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    // So would one with a space or brackets, and an empty one would take the place of the level for all.
    let is_directive = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_:-=".contains(c));
    (known && text.split(',').all(is_directive) && text.parse::<tracing_subscriber::filter::Targets>().is_ok())
        .then(|| text.to_owned())
}

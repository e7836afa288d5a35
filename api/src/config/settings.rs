//! The settings, each declared once.

use super::destination::Destination;
use super::kinds::{self, LogFormat};
use super::service_url::ServiceUrl;
use super::share::Share;
use crate::auth::RoleRule;
use crate::challenges::ChallengeRules;
use crate::cors::WebOrigin;
use crate::data_dir::DataDir;
use crate::limits::{GuestRules, Network, Proxies, ProxyHeader, Quotas};
use lastseat_domain::ports::MailSender;
use lastseat_domain::{EndpointId, Quota, Secret};
use lastseat_engine::Settings as EngineSettings;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// One setting, as flags, environment, file and documentation see it.
pub struct Setting {
    /// Its name in the file; the flag and the variable are derived from it.
    pub key: &'static str,
    pub help: &'static str,
    /// Completes "must be …".
    pub allowed: &'static str,
    pub(super) value_name: &'static str,
    /// The value may contain a password: no message repeats it.
    pub is_secret: bool,
    /// Every verb takes it, not only those that start a server.
    pub is_common: bool,
    /// Reads a value into the configuration; `None` if it is not allowed.
    pub read: fn(&str, &mut Config) -> Option<()>,
    /// The value in effect, without passwords; empty if there is none.
    pub show: fn(&Config) -> String,
}

impl Setting {
    /// Its flag on the command line.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("LASTSEAT_{}", self.key.to_ascii_uppercase())
    }

    /// The default as text; empty if there is none.
    #[must_use]
    pub fn default_text(&self) -> String {
        (self.show)(&Config::default())
    }
}

/// Declares the fields of [`Config`], their defaults, and [`SETTINGS`].
/// A line is: help text, field, key, type, default, kind, who takes it.
macro_rules! settings {
    ($($(#[doc = $help:literal])+ $field:ident, $key:literal: $type:ty = $default:expr, $kind:ident, $takes:ident;)+) => {
        /// The value of every setting.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $help])+ pub $field: $type,)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// Every setting there is.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            key: $key,
            help: concat!($($help),+),
            allowed: kinds::$kind.allowed,
            value_name: kinds::$kind.value_name,
            is_secret: kinds::$kind.is_secret,
            is_common: $takes,
            read: |text, config| (kinds::$kind.read)(text).map(|value| config.$field = value),
            show: |config| (kinds::$kind.show)(&config.$field),
        },)+];
    };
}

const SERVER: bool = false;
const EVERY_VERB: bool = true;

settings! {
    /// Address and port to serve on; port 0 takes a free one
    listen, "listen": SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), ADDRESS, SERVER;
    /// Directory of everything that is stored
    data, "data": PathBuf = PathBuf::from("./lastseat-data"), DIRECTORY, EVERY_VERB;
    /// EventStoreDB cluster that is the event log, instead of a file in --data
    eventstore, "eventstore": Option<ServiceUrl> = None, EVENTSTORE, EVERY_VERB;
    /// Also serve the embedded event log in EventStoreDB's protocol, here
    eventstore_listen, "eventstore_listen": Option<SocketAddr> = None, OPTIONAL_ADDRESS, SERVER;
    /// Whether clients of that server may append
    eventstore_listen_write, "eventstore_listen_write": bool = false, SWITCH, SERVER;
    /// Token of that server for reading, and for appending if there is no other
    eventstore_listen_token, "eventstore_listen_token": Option<Secret> = None, TOKEN, SERVER;
    /// Token of that server for reading and appending
    eventstore_listen_write_token, "eventstore_listen_write_token": Option<Secret> = None, TOKEN, SERVER;
    /// Certificate chain of that server, for TLS; needs the key, too
    eventstore_listen_certificate, "eventstore_listen_certificate": Option<PathBuf> = None, PEM_FILE, SERVER;
    /// Private key of that server, for TLS
    eventstore_listen_key, "eventstore_listen_key": Option<PathBuf> = None, PEM_FILE, SERVER;
    /// Where clients of that server find it, if not at the address that they connected to
    eventstore_advertise, "eventstore_advertise": Option<(String, u16)> = None, HOST_AND_PORT, SERVER;
    /// Redis that guards the seats and counts the commands of all nodes
    redis, "redis": Option<ServiceUrl> = None, REDIS, SERVER;
    /// How long Redis has for a reply before a command goes on without it
    redis_timeout, "redis_timeout_ms": Duration = Duration::from_millis(250), MILLISECONDS, SERVER;
    /// Where payments go, which the key must agree with; a server that is reached over https:// without a live key needs it
    payments, "payments": Option<Destination> = None, PAYMENTS, SERVER;
    /// Stripe's secret key: payments go through Stripe. A test key moves no money
    stripe_key, "stripe_key": Option<Secret> = None, STRIPE_KEY, EVERY_VERB;
    /// Where Stripe's API is, if not at https://api.stripe.com: a sandbox of `lastseat sandbox`
    stripe_url, "stripe_url": Option<ServiceUrl> = None, STRIPE_URL, EVERY_VERB;
    /// Stripe's publishable key: buyers enter their card in Stripe's form on the page
    stripe_publishable_key, "stripe_publishable_key": Option<String> = None, PUBLISHABLE_KEY, SERVER;
    /// Secrets that Stripe signs its webhooks with; several while one replaces another
    stripe_webhook_secret, "stripe_webhook_secret": Vec<Secret> = Vec::new(), WEBHOOK_SECRETS, SERVER;
    /// This node's share of the requests that Stripe accepts from one account; the shares of all nodes add up to 1
    stripe_rate_share, "stripe_rate_share": Share = Share::ALL, SHARE, SERVER;
    /// Time between two passes over Stripe's payments, which find what no webhook reported
    payments_sweep, "payments_sweep_seconds": Duration = Duration::from_secs(30), SECONDS, SERVER;
    /// Endpoints of the shop that receive what happens; the same on all nodes
    webhook_endpoints, "webhook_endpoints": Vec<(EndpointId, String)> = Vec::new(), ENDPOINTS, SERVER;
    /// Secrets that messages to them are signed with; the same on all nodes
    webhook_endpoint_secrets, "webhook_endpoint_secrets": Vec<(EndpointId, Secret)> = Vec::new(), ENDPOINT_SECRETS, SERVER;
    /// File of the 32 secret bytes that all nodes sign tokens with, instead of token.key in --data
    token_key, "token_key": Option<PathBuf> = None, KEY_FILE, EVERY_VERB;
    /// Whether people sign in here, with an e-mail address and a password
    accounts, "accounts": Option<bool> = None, ACCOUNTS, SERVER;
    /// SMTP server for mails to people with accounts, instead of files in --data that nobody receives
    smtp_url, "smtp_url": Option<ServiceUrl> = None, SMTP_URL, SERVER;
    /// Who those mails are from
    mail_from, "mail_from": Option<MailSender> = None, MAIL_FROM, SERVER;
    /// OpenID provider whose tokens are accepted, too: the issuer, exactly as the provider writes it
    oidc_issuer, "oidc_issuer": Option<String> = None, ISSUER, SERVER;
    /// What the tokens of that provider must have in their claim `aud`
    oidc_audience, "oidc_audience": Option<String> = None, AUDIENCE, SERVER;
    /// The claim of those tokens that has roles or groups; dots lead into objects
    oidc_role_claim, "oidc_role_claim": String = "roles".into(), ROLE_CLAIM, SERVER;
    /// Roles by the values of that claim: the first that fits counts, and a token that fits none is a buyer's
    oidc_role, "oidc_role": Vec<RoleRule> = Vec::new(), ROLE_RULES, SERVER;
    /// File of the 32 secret bytes that all nodes sign tickets with, instead of ticket.key in --data
    ticket_key, "ticket_key": Option<PathBuf> = None, KEY_FILE, SERVER;
    /// Whether callers without a token may hold seats
    guests, "guests": bool = true, SWITCH, SERVER;
    /// Whether to put the show `demo` on sale
    demo, "demo": bool = true, SWITCH, SERVER;
    /// Commands in progress at once, for holds and for bookings each; the next one is answered 503
    max_in_flight, "max_in_flight": usize = EngineSettings::default().max_in_flight, COUNT, SERVER;
    /// Memory for what slow clients don't read or send; beyond it those that keep most are disconnected
    connection_memory, "connection_memory_mb": usize = 256, MEGABYTES, SERVER;
    /// Memory for a proof of the log over HTTP, which auditors ask for, one at a time; about 440 bytes an event
    verification_memory, "verification_memory_mb": usize = 128, MEGABYTES, SERVER;
    /// Whether holds of taken seats are refused before the router sees them; the answers are the same
    fast_refusals, "fast_refusals": bool = true, SWITCH, SERVER;
    /// Hold time of the demo show, when it is created; other shows have their own
    hold, "hold_seconds": Duration = Duration::from_secs(600), SECONDS, SERVER;
    /// Idle time after which an actor is stopped
    passivate, "passivate_seconds": Duration = EngineSettings::default().passivate_after, SECONDS, SERVER;
    /// Seat actors in memory without work; beyond it those that were used longest ago are stopped
    max_seat_actors, "max_seat_actors": usize = EngineSettings::default().max_seat_actors, COUNT, SERVER;
    /// Time after which a payment that makes no progress is checked again; also how long, up to 10 s, a node leaves the next step of a booking to the node that took the last one (with an EventStoreDB always 16 s or more: longer than an append may take)
    settle, "settle_seconds": Duration = EngineSettings::default().settle_after, SECONDS, SERVER;
    /// How long a caller waits for the payment gateway before the answer is 202 `paying`
    payment_patience, "payment_patience_seconds": Duration = EngineSettings::default().payment_patience, SECONDS_UP_TO_600, SERVER;
    /// Time after which a snapshot of the write side is stored, if anything has happened
    snapshot_every, "snapshot_seconds": Duration = Duration::from_secs(60), SECONDS, SERVER;
    /// Number of events after which a snapshot is stored earlier
    snapshot_events, "snapshot_events": usize = 200_000, COUNT, SERVER;
    /// How long each step of stopping may take
    drain, "drain_seconds": Duration = Duration::from_secs(10), SECONDS_OR_NONE, SERVER;
    /// Commands of one caller (a buyer, with a token or with those of its bookings) in a time
    rate_limit_caller, "rate_limit_caller": Option<Quota> = Quotas::default().caller, QUOTA, SERVER;
    /// Commands from one address in a time
    rate_limit_address, "rate_limit_address": Option<Quota> = Quotas::default().address, QUOTA, SERVER;
    /// Reads of one caller (without a token: from one address) in a time
    rate_limit_reads, "rate_limit_reads": Option<Quota> = Quotas::default().reads, QUOTA, SERVER;
    /// Seat streams opened by one caller (without a token: from one address) in a time
    rate_limit_streams, "rate_limit_streams": Option<Quota> = Quotas::default().streams, QUOTA, SERVER;
    /// Wrong passwords from one address in a time, on each node
    rate_limit_sign_ins, "rate_limit_sign_ins": Option<Quota> = Quotas::default().sign_ins, QUOTA, SERVER;
    /// Accounts made from one address in a time, on each node
    rate_limit_sign_ups, "rate_limit_sign_ups": Option<Quota> = Quotas::default().sign_ups, QUOTA, SERVER;
    /// Mails asked for from one address in a time, on each node
    rate_limit_mails, "rate_limit_mails": Option<Quota> = Quotas::default().mails, QUOTA, SERVER;
    /// Unpaid seats that guests of one address may hold together, on each node
    guest_seats, "guest_seats_per_address": Option<u32> = GuestRules::default().seats, OPTIONAL_COUNT, SERVER;
    /// Holds of guests from one address in a time; refusals do not count
    rate_limit_guest_holds, "rate_limit_guest_holds": Option<Quota> = GuestRules::default().holds, QUOTA, SERVER;
    /// Cancels of guests from one address in a time; refusals do not count
    rate_limit_guest_cancels, "rate_limit_guest_cancels": Option<Quota> = GuestRules::default().cancels, QUOTA, SERVER;
    /// Declined payments of guests from one address in a time; then they have to wait with the next one
    rate_limit_guest_declines, "rate_limit_guest_declines": Option<Quota> = GuestRules::default().declines, QUOTA, SERVER;
    /// Whether guests may extend their holds
    guests_extend, "guests_extend": bool = GuestRules::default().extend, SWITCH, SERVER;
    /// Holds of all guests together, in a time and on each node, that need no solved challenge; a show may ask for one always
    challenge_above, "challenge_above": Option<Quota> = ChallengeRules::default().free_holds, QUOTA, SERVER;
    /// Iterations of PBKDF2 for each of the keys that a guest's computer tries, 4,096 on average, to solve a challenge
    challenge_cost, "challenge_cost": u32 = ChallengeRules::default().cost, CHALLENGE_COST, SERVER;
    /// Whether /metrics, which needs no token, shows how each show sells: its seats, bookings and takings
    metrics_of_shows, "metrics_of_shows": bool = false, SWITCH, SERVER;
    /// Proxies that are believed where a request comes from
    trusted_proxies, "trusted_proxies": Vec<Network> = Proxies::default().trusted, NETWORKS, SERVER;
    /// The header in which they say so
    proxy_header, "proxy_header": ProxyHeader = Proxies::default().header, PROXY_HEADER, SERVER;
    /// Address under which clients reach this server, if not the one it listens on
    public_url, "public_url": Option<String> = None, PUBLIC_URL, SERVER;
    /// Origins of other sites whose pages may call the API from a browser (CORS)
    cors_origin, "cors_origin": Vec<WebOrigin> = Vec::new(), WEB_ORIGINS, SERVER;
    /// What is logged to stderr
    log_level, "log_level": String = "info".into(), LOG_LEVEL, SERVER;
    /// Format of the log lines
    log_format, "log_format": LogFormat = LogFormat::Text, LOG_FORMAT, SERVER;
    /// Whether each answered request gets a log line: peer, method, path, status, time
    access_log, "access_log": bool = false, SWITCH, SERVER;
    /// OpenTelemetry collector that gets traces, over OTLP/HTTP; none are made without it
    otlp, "otlp": Option<ServiceUrl> = None, COLLECTOR, SERVER;
    /// Part of the traces that is sent; none of those whose callers say in traceparent that they record none
    otlp_share, "otlp_share": Share = Share::ALL, SHARE, SERVER;
}

impl Config {
    /// The file of the secret that tokens are signed with.
    #[must_use]
    pub fn token_key_file(&self) -> PathBuf {
        self.token_key.clone().unwrap_or_else(|| DataDir::at(&self.data).token_key())
    }

    /// The file of the secret that tickets are signed with.
    #[must_use]
    pub fn ticket_key_file(&self) -> PathBuf {
        self.ticket_key.clone().unwrap_or_else(|| DataDir::at(&self.data).ticket_key())
    }

    /// The rate limits.
    #[must_use]
    pub fn quotas(&self) -> Quotas {
        Quotas {
            caller: self.rate_limit_caller,
            address: self.rate_limit_address,
            reads: self.rate_limit_reads,
            streams: self.rate_limit_streams,
            guests: GuestRules {
                seats: self.guest_seats,
                holds: self.rate_limit_guest_holds,
                cancels: self.rate_limit_guest_cancels,
                declines: self.rate_limit_guest_declines,
                extend: self.guests_extend,
            },
            sign_ins: self.rate_limit_sign_ins,
            sign_ups: self.rate_limit_sign_ups,
            mails: self.rate_limit_mails,
        }
    }

    /// What guests have to solve, and when.
    #[must_use]
    pub fn challenge_rules(&self) -> ChallengeRules {
        ChallengeRules { free_holds: self.challenge_above, cost: self.challenge_cost }
    }

    /// The proxies in front of this server.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        Proxies { trusted: self.trusted_proxies.clone(), header: self.proxy_header }
    }
}

/// The table of docs/OPERATIONS.md.
#[cfg(test)]
pub(super) fn markdown() -> String {
    let mut table = String::from("| setting | default | must be | |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let default = setting.default_text();
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        let verbs = if setting.is_common { ". Every verb takes it" } else { "" };
        table.push_str(&format!("| `{}` | {default} | {} | {}{verbs} |\n", setting.key, setting.allowed, setting.help.trim()));
    }
    table
}

//! The settings as flags. Values stay text here: the table of settings reads and judges them.

use clap::Args;
use std::path::PathBuf;

/// The flags of `serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Where the data lies; global, so filled in by the command line's root.
    #[arg(skip)]
    pub data: Option<String>,
    /// The event log; global, too.
    #[arg(skip)]
    pub eventstore: Option<String>,
    /// The secret that tokens are signed with; global, too.
    #[arg(skip)]
    pub token_key: Option<String>,
    /// Address and port to serve on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Redis that guards the seats of all nodes: redis://, redis+sentinel:// or redis+cluster://
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// How long Redis has for an answer before a command goes on without it [default: 250]
    #[arg(long, value_name = "MS")]
    pub redis_timeout_ms: Option<String>,
    /// Also answer EventStoreDB's protocol here, out of the embedded log
    #[arg(long, value_name = "ADDR:PORT")]
    pub eventstore_listen: Option<String>,
    /// Whether clients of that server may append [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub eventstore_listen_write: Option<String>,
    /// Token of that server; better as LASTSEAT_EVENTSTORE_LISTEN_TOKEN, which `ps` does not show
    #[arg(long, value_name = "TOKEN")]
    pub eventstore_listen_token: Option<String>,
    /// Token of that server for appending, if auditors have another for reading
    #[arg(long, value_name = "TOKEN")]
    pub eventstore_listen_write_token: Option<String>,
    /// PEM file of that server's certificate chain
    #[arg(long, value_name = "FILE", requires = "eventstore_listen_key")]
    pub eventstore_listen_certificate: Option<String>,
    /// PEM file of that server's private key
    #[arg(long, value_name = "FILE")]
    pub eventstore_listen_key: Option<String>,
    /// Host and port that clients of that server find it under (gossip) [default: where they connected]
    #[arg(long, value_name = "HOST:PORT")]
    pub eventstore_advertise: Option<String>,
    /// Use the payment sandbox of another process, by the address that it serves it on
    #[arg(long, value_name = "URL")]
    pub sandbox: Option<String>,
    /// Serve this process's payment sandbox to other nodes here
    #[arg(long, value_name = "ADDR:PORT")]
    pub sandbox_listen: Option<String>,
    /// Whether that may be beyond this machine: it asks for no password [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub sandbox_listen_anywhere: Option<String>,
    /// Whether callers without a token may hold seats [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub guests: Option<String>,
    /// Whether to put the show `demo` on sale [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub demo: Option<String>,
    /// Commands under way at once; one more is answered 503 [default: 4096]
    #[arg(long, value_name = "N")]
    pub max_in_flight: Option<String>,
    /// How long a hold of the demo show lasts, once it is created [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub hold_seconds: Option<String>,
    /// Idle time after which a seat's or payment's actor is stopped [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub passivate_seconds: Option<String>,
    /// Time after which a payment that does not move is looked at again [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub settle_seconds: Option<String>,
    /// How long a caller waits for the payment gateway before "not known yet" [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub payment_patience_seconds: Option<String>,
    /// How long running commands may take to finish on stopping [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub drain_seconds: Option<String>,
    /// Commands of one caller in a time, or off [default: 60/10s]
    #[arg(long, value_name = "QUOTA")]
    pub rate_limit_caller: Option<String>,
    /// Commands from one address in a time, or off [default: off]
    #[arg(long, value_name = "QUOTA")]
    pub rate_limit_address: Option<String>,
    /// Questions of one caller (without a token: from one address) in a time, or off [default: off]
    #[arg(long, value_name = "QUOTA")]
    pub rate_limit_reads: Option<String>,
    /// Seat streams opened by one caller (or from one address) in a time, or off [default: off]
    #[arg(long, value_name = "QUOTA")]
    pub rate_limit_streams: Option<String>,
    /// Proxies whose word is taken for where a request comes from, such as 10.0.0.0/8, 127.0.0.1
    #[arg(long, value_name = "LIST")]
    pub trusted_proxies: Option<String>,
    /// The header in which they say so: x-forwarded-for or forwarded [default: x-forwarded-for]
    #[arg(long, value_name = "NAME")]
    pub proxy_header: Option<String>,
    /// Address under which clients reach this server, if not the one it listens on
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// What is logged to stderr: error, warn, info, debug, trace, off [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How log lines look: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

impl Flags {
    /// What was given for a setting.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        match key {
            "data" => &self.data,
            "eventstore" => &self.eventstore,
            "listen" => &self.listen,
            "redis" => &self.redis,
            "redis_timeout_ms" => &self.redis_timeout_ms,
            "eventstore_listen" => &self.eventstore_listen,
            "eventstore_listen_write" => &self.eventstore_listen_write,
            "eventstore_listen_token" => &self.eventstore_listen_token,
            "eventstore_listen_write_token" => &self.eventstore_listen_write_token,
            "eventstore_listen_certificate" => &self.eventstore_listen_certificate,
            "eventstore_listen_key" => &self.eventstore_listen_key,
            "eventstore_advertise" => &self.eventstore_advertise,
            "sandbox" => &self.sandbox,
            "sandbox_listen" => &self.sandbox_listen,
            "sandbox_listen_anywhere" => &self.sandbox_listen_anywhere,
            "token_key" => &self.token_key,
            "guests" => &self.guests,
            "demo" => &self.demo,
            "max_in_flight" => &self.max_in_flight,
            "hold_seconds" => &self.hold_seconds,
            "passivate_seconds" => &self.passivate_seconds,
            "settle_seconds" => &self.settle_seconds,
            "payment_patience_seconds" => &self.payment_patience_seconds,
            "drain_seconds" => &self.drain_seconds,
            "rate_limit_caller" => &self.rate_limit_caller,
            "rate_limit_address" => &self.rate_limit_address,
            "rate_limit_reads" => &self.rate_limit_reads,
            "rate_limit_streams" => &self.rate_limit_streams,
            "trusted_proxies" => &self.trusted_proxies,
            "proxy_header" => &self.proxy_header,
            "public_url" => &self.public_url,
            "log_level" => &self.log_level,
            "log_format" => &self.log_format,
            _ => &None,
        }
        .as_deref()
    }
}

/// The flags that every verb takes.
#[derive(Debug, Clone, Default, Args)]
pub struct DataFlag {
    /// Directory of everything that is kept [default: ./lastseat-data]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR")]
    pub data: Option<String>,
    /// EventStoreDB cluster that is the event log, instead of a file in --data: esdb://…
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "URL")]
    pub eventstore: Option<String>,
    /// File of the 32 secret bytes that all nodes sign tokens with [default: token.key in --data]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "FILE")]
    pub token_key: Option<String>,
    /// Configuration file [default: lastseat.toml, if there is one]
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

//! What can be set, where it was set, and what is allowed.
//!
//! A flag beats the environment, which beats the file, which beats the default. All four hand in
//! text, so that there is one reader and one error line for each setting; see [`settings`].

mod flags;
pub mod secret;
mod settings;

pub use flags::{DataFlag, Flags};
pub use settings::{SETTINGS, Setting};

use crate::data_dir::DataDir;
use crate::limits::{Proxies, Quotas};
use secret::{Secret, ServiceUrl};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that is read from the working directory if `--config` names no other.
pub const DEFAULT_FILE: &str = "lastseat.toml";

/// How the log lines on stderr look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Every setting, with its value in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where HTTP is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the event log and everything else that is kept.
    pub data: PathBuf,
    /// The EventStoreDB cluster that is the event log, instead of a file in `data`.
    pub eventstore: Option<ServiceUrl>,
    /// Where the embedded log is served in EventStoreDB's protocol.
    pub eventstore_listen: Option<SocketAddr>,
    /// Whether clients of that server may append.
    pub eventstore_listen_write: bool,
    /// That server's token for reading; for appending, too, if there is no other.
    pub eventstore_listen_token: Option<Secret>,
    /// That server's token for appending.
    pub eventstore_listen_write_token: Option<Secret>,
    /// That server's certificate chain and private key, as PEM files.
    pub eventstore_listen_certificate: Option<PathBuf>,
    /// See above.
    pub eventstore_listen_key: Option<PathBuf>,
    /// Host and port that gossip names, instead of the address that a client connected to.
    pub eventstore_advertise: Option<(String, u16)>,
    /// The Redis that guards the seats of all nodes, instead of this process.
    pub redis: Option<ServiceUrl>,
    /// How long Redis has for an answer before a command goes on without it.
    pub redis_timeout: Duration,
    /// The payment sandbox of another process.
    pub sandbox: Option<ServiceUrl>,
    /// Where this process's payment sandbox serves others.
    pub sandbox_listen: Option<SocketAddr>,
    /// Whether that may be beyond this machine, although it asks for no password.
    pub sandbox_listen_anywhere: bool,
    /// The file of the secret that all nodes sign tokens with, instead of one in `data`.
    pub token_key: Option<PathBuf>,
    /// Whether callers without a token may hold seats.
    pub guests: bool,
    /// Whether the show `demo` is put on sale.
    pub demo: bool,
    /// Commands under way at once; one more is answered 503.
    pub max_in_flight: usize,
    /// How long a hold of the demo show lasts.
    pub hold: Duration,
    /// Idle time after which an actor is stopped.
    pub passivate: Duration,
    /// Time after which a payment that does not move is looked at again.
    pub settle: Duration,
    /// How long a caller waits for the payment gateway.
    pub payment_patience: Duration,
    /// How long running commands may take to finish on stopping.
    pub drain: Duration,
    /// How much a caller, or an address, may do in a time.
    pub quotas: Quotas,
    /// Whose word is taken for where a request comes from.
    pub proxies: Proxies,
    /// The address under which clients reach the server, if not the one it listens on.
    pub public_url: Option<String>,
    /// What is logged: a level or `tracing` directives.
    pub log_level: String,
    /// How log lines look.
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data: PathBuf::from("./lastseat-data"),
            eventstore: None,
            eventstore_listen: None,
            eventstore_listen_write: false,
            eventstore_listen_token: None,
            eventstore_listen_write_token: None,
            eventstore_listen_certificate: None,
            eventstore_listen_key: None,
            eventstore_advertise: None,
            redis: None,
            redis_timeout: Duration::from_millis(250),
            sandbox: None,
            sandbox_listen: None,
            sandbox_listen_anywhere: false,
            token_key: None,
            guests: true,
            demo: true,
            max_in_flight: 4096,
            hold: Duration::from_secs(600),
            passivate: Duration::from_secs(30),
            settle: Duration::from_secs(10),
            payment_patience: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            quotas: Quotas::default(),
            proxies: Proxies::default(),
            public_url: None,
            log_level: "info".into(),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// The file of the secret that tokens are signed with.
    #[must_use]
    pub fn token_key_file(&self) -> PathBuf {
        self.token_key.clone().unwrap_or_else(|| DataDir::at(&self.data).token_key())
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag on the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A configuration that can't be used. `Display` is one line that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value is not allowed.
    #[error("{key} is {value:?} (from {from}), but must be {allowed}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What stands there.
        value: String,
        /// Where.
        from: Source,
        /// What may stand there.
        allowed: &'static str,
    },
    /// The file names a setting that does not exist.
    #[error("{} sets {key:?}, which is no setting; the settings are {}", file.display(), settings::names())]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// What stands there.
        key: String,
    },
    /// The file can't be read.
    #[error("the configuration file {} can't be read: {why}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
}

/// The configuration in effect, and where each setting came from.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The values.
    pub config: Config,
    /// Source of each setting, by its key.
    pub sources: BTreeMap<&'static str, Source>,
}

/// Everything a configuration is made of besides the defaults.
pub struct Layers<'a> {
    /// The command line.
    pub flags: &'a Flags,
    /// The environment; a function, so that tests need not touch the process.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The file named by `--config`: it must exist.
    pub file: Option<&'a Path>,
    /// The file that is read if it exists and no other is named.
    pub default_file: &'a Path,
}

impl Effective {
    /// Lays the layers over each other.
    ///
    /// # Errors
    /// [`ConfigError`]: the first setting that is wrong.
    pub fn of(layers: &Layers<'_>) -> Result<Self, ConfigError> {
        let file = read_file(layers)?;
        let mut effective = Self { config: Config::default(), sources: BTreeMap::new() };
        for setting in SETTINGS {
            let variable = setting.variable();
            let found = layers
                .flags
                .get(setting.key)
                .map(|value| (value.to_owned(), Source::Flag(setting.flag())))
                // An empty variable is how a shell or a compose file says "not set".
                .or_else(|| (layers.environment)(&variable).filter(|v| !v.is_empty()).map(|v| (v, Source::Environment(variable))))
                .or_else(|| file.get(setting.key).cloned());
            let Some((value, from)) = found else {
                effective.sources.insert(setting.key, Source::Default);
                continue;
            };
            if (setting.read)(&value, &mut effective.config).is_none() {
                let value = if setting.is_secret() { "(not shown)".to_owned() } else { value };
                return Err(ConfigError::Value { key: setting.key, value, from, allowed: setting.allowed });
            }
            effective.sources.insert(setting.key, from);
        }
        Ok(effective)
    }

    /// The configuration of this process: its command line, its environment, its working directory.
    ///
    /// # Errors
    /// [`ConfigError`]: the first setting that is wrong.
    pub fn of_process(flags: &Flags, file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::of(&Layers {
            flags,
            // A variable that is not Unicode can't be a valid value either; say so under its name.
            environment: &|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
            file,
            default_file: Path::new(DEFAULT_FILE),
        })
    }
}

/// The settings of the file, as text.
fn read_file(layers: &Layers<'_>) -> Result<BTreeMap<String, (String, Source)>, ConfigError> {
    let named = layers.file.is_some();
    let file = layers.file.unwrap_or(layers.default_file);
    let unreadable = |why: String| ConfigError::Unreadable { file: file.to_owned(), why };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        unreadable(format!("line {line}: {}", error.message().replace('\n', ", ")))
    })?;
    let mut settings = BTreeMap::new();
    for (key, value) in table {
        if !SETTINGS.iter().any(|setting| setting.key == key) {
            return Err(ConfigError::UnknownKey { file: file.to_owned(), key });
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(switch) => switch.to_string(),
            // No setting is of these kinds, so the table of settings refuses them by name.
            toml::Value::Float(number) => number.to_string(),
            other => format!("a {}", other.type_str()),
        };
        settings.insert(key, (text, Source::File(file.to_owned())));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;

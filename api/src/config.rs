//! Every setting of a server: what it is, which values it takes, and where its value came from.
//!
//! A flag beats the environment, which beats the file, which beats the default. [`settings`] declares
//! each setting once: the flag, the variable, the line of the file, `config show` and the table in
//! docs/OPERATIONS.md are derived from there.

mod destination;
mod endpoint_url;
mod flags;
mod kind;
mod kinds;
mod layers;
mod login_kinds;
pub mod oidc;
pub mod service_url;
mod settings;
mod share;
pub mod stripe;

pub use destination::Destination;
pub use flags::{CommonFlags, Flags, SettingFlags};
pub use kinds::{LogFormat, log_level};
pub use layers::{ConfigError, DEFAULT_FILE, Effective, Layers, Source};
pub use settings::{Config, SETTINGS, Setting};

#[cfg(test)]
mod tests;

//! Lays flags, environment, file and defaults over each other, and remembers where each value came from.

use super::flags::SettingFlags;
use super::settings::{Config, SETTINGS};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The file that is read from the working directory if `--config` names no other.
pub const DEFAULT_FILE: &str = "lastseat.toml";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    Environment(String),
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
    #[error("{key} is {value:?} (from {from}), but must be {allowed}")]
    Value { key: &'static str, value: String, from: Source, allowed: &'static str },
    #[error("{} sets {key:?}, which is no setting; the settings are {}", file.display(), names())]
    UnknownKey { file: PathBuf, key: String },
    #[error("the configuration file {} can't be read: {why}", file.display())]
    Unreadable { file: PathBuf, why: String },
}

fn names() -> String {
    SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
}

/// The configuration in effect, and the source of each setting by its key.
#[derive(Debug, Clone)]
pub struct Effective {
    pub config: Config,
    pub sources: BTreeMap<&'static str, Source>,
}

/// Everything a configuration is made of besides the defaults.
pub struct Layers<'a> {
    pub flags: &'a SettingFlags,
    /// A function, so that tests need not change the process's environment.
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
                let value = if setting.is_secret { "(not shown)".to_owned() } else { value };
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
    pub fn of_process(flags: &SettingFlags, file: Option<&Path>) -> Result<Self, ConfigError> {
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
            toml::Value::Array(list) => {
                list.iter().map(|item| item.as_str().unwrap_or("(no text)")).collect::<Vec<_>>().join(",")
            }
            // No setting is of these kinds, so the table of settings refuses them by name.
            toml::Value::Float(number) => number.to_string(),
            other => format!("a {}", other.type_str()),
        };
        settings.insert(key, (text, Source::File(file.to_owned())));
    }
    Ok(settings)
}

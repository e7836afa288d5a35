//! The settings as flags. Values stay text here: the table of settings reads and checks them.

use super::kinds::{BOOL, LIST};
use super::settings::{SETTINGS, Setting};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Settings given on the command line, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingFlags(BTreeMap<&'static str, String>);

impl SettingFlags {
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Adds what was given elsewhere on the command line.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Reads the flags of the selected settings.
    pub fn read(&mut self, matches: &ArgMatches, select: fn(&Setting) -> bool) {
        for setting in SETTINGS.iter().filter(|setting| select(setting)) {
            if let Ok(Some(values)) = matches.try_get_many::<String>(setting.key) {
                self.0.insert(setting.key, values.map(String::as_str).collect::<Vec<_>>().join(","));
            }
        }
    }
}

impl Setting {
    /// Its flag, under another name if one is given.
    #[must_use]
    pub fn arg(&self, name: Option<&'static str>) -> Arg {
        let default = self.default_text();
        let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
        let arg = Arg::new(self.key)
            .long(name.unwrap_or_else(|| static_name(self.key)))
            .value_name(self.value_name)
            .help(format!("{}{default}", self.help.trim()));
        match self.value_name {
            BOOL => arg.num_args(0..=1).default_missing_value("true"),
            LIST => arg.action(ArgAction::Append),
            _ => arg,
        }
    }
}

/// The key as a flag's name. clap wants it for the life of the process, so it is leaked: some hundred
/// bytes, once.
fn static_name(key: &'static str) -> &'static str {
    if key.contains('_') { String::leak(key.replace('_', "-")) } else { key }
}

/// The settings of a server, as flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(pub SettingFlags);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().filter(|setting| !setting.is_common).map(|setting| setting.arg(None)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.read(matches, |setting| !setting.is_common);
        Ok(())
    }
}

/// The flags that every verb takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommonFlags {
    pub settings: SettingFlags,
    /// The configuration file.
    pub file: Option<PathBuf>,
}

impl Args for CommonFlags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Configuration file [default: lastseat.toml, if there is one]");
        let settings = SETTINGS.iter().filter(|setting| setting.is_common).map(|setting| setting.arg(None));
        command.args(settings.chain([file]).map(|arg| arg.global(true).help_heading("Everywhere")))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for CommonFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.settings.read(matches, |setting| setting.is_common);
        if let Some(file) = matches.get_one::<PathBuf>("config") {
            self.file = Some(file.clone());
        }
        Ok(())
    }
}

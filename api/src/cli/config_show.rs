//! `lastseat config show`: each setting in effect, and where it came from.

use super::terminal::{Paint, say, say_json};
use crate::config::{Effective, Flags, SETTINGS};
use serde::Serialize;
use std::process::ExitCode;

/// What `config` can do.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigVerb {
    /// Print each setting in effect, and where it came from
    Show(ShowArgs),
}

/// Arguments of `config show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub flags: Flags,
}

#[derive(Serialize)]
struct Shown {
    setting: &'static str,
    value: String,
    source: String,
    flag: String,
    environment: String,
    allowed: &'static str,
}

/// Prints the settings.
pub fn show(args: &ShowArgs, effective: &Effective) -> ExitCode {
    let shown: Vec<Shown> = SETTINGS
        .iter()
        .map(|setting| Shown {
            setting: setting.key,
            value: (setting.show)(&effective.config),
            source: effective.sources.get(setting.key).map(ToString::to_string).unwrap_or_default(),
            flag: setting.flag(),
            environment: setting.variable(),
            allowed: setting.allowed,
        })
        .collect();
    if args.json {
        say_json(&shown);
        return ExitCode::SUCCESS;
    }
    let paint = Paint::stdout();
    let keys = shown.iter().map(|s| s.setting.len()).max().unwrap_or(0);
    let values = shown.iter().map(|s| s.value.len()).max().unwrap_or(0);
    for Shown { setting, value, source, .. } in &shown {
        let value = if value.is_empty() { "-" } else { value };
        let setting = paint.bold(&format!("{setting:keys$}"));
        say(&format!("{setting}  {value:values$}  {}", paint.dim(source)));
    }
    ExitCode::SUCCESS
}

//! `lastseat completions`: a script that completes commands in a shell.

use clap::CommandFactory;
use std::process::ExitCode;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// Which shell
    shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(args: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "lastseat", &mut script);
    super::terminal::say(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

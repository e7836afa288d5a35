//! `lastseat completions`: a script that completes commands in a shell.

use std::process::ExitCode;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// Which shell
    shell: clap_complete::Shell,
}

/// Prints the script for `program`.
pub fn run(args: &Completions, mut program: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "lastseat", &mut script);
    super::terminal::say(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

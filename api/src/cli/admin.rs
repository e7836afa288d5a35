//! `lastseat admin`: the first admin, who gives roles to the others.

use super::terminal::{complain, say, tell};
use crate::config::Config;
use crate::exit;
use crate::wiring::accounts;
use clap::{Args, Subcommand};
use lastseat_domain::account::EmailAddress;
use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

/// What can be done about admins.
#[derive(Debug, Subcommand)]
pub enum AdminVerb {
    /// Make an account that may do everything; a server may be running
    Create(Create),
}

/// Arguments of `admin create`.
#[derive(Debug, Args)]
#[command(after_help = "\
The password is asked for on the terminal, or is the first line of standard input:
  lastseat admin create --email ann@example.org < password.txt

An account that has the address already becomes an admin's, with this password; its sessions end. So this also
helps an admin who has forgotten theirs.")]
pub struct Create {
    /// The address that the admin signs in with
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    email: EmailAddress,
}

fn address(text: &str) -> Result<EmailAddress, String> {
    text.parse().map_err(|error: lastseat_domain::account::InvalidEmail| error.to_string())
}

/// Runs it.
pub async fn run(verb: &AdminVerb, config: &Config) -> ExitCode {
    let AdminVerb::Create(Create { email }) = verb;
    match create(email, config).await {
        Ok(buyer) => {
            say(&format!("{} is an admin ({buyer}). Sign in with POST /v1/sessions.", email.as_str()));
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&why);
            exit::USAGE.into()
        }
    }
}

async fn create(email: &EmailAddress, config: &Config) -> Result<String, String> {
    let accounts = accounts::open_beside_a_server(config).await?;
    let password = tokio::task::spawn_blocking(read_password).await.map_err(|error| error.to_string())??;
    let made = accounts.make_admin(email.clone(), &password).await.map_err(|problem| problem.detail().to_owned())?;
    Ok(made.id.buyer().as_str().to_owned())
}

/// Asks twice on a terminal, without showing what is typed; else reads one line.
fn read_password() -> Result<String, String> {
    if !io::stdin().is_terminal() {
        return read_line();
    }
    let hidden = Hidden::begin()?;
    tell("Password (10 characters or more, not shown):");
    let first = read_line()?;
    tell("Once more:");
    let second = read_line()?;
    drop(hidden);
    if first == second { Ok(first) } else { Err("the two passwords differ; nothing was done".to_owned()) }
}

fn read_line() -> Result<String, String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| format!("the password can't be read: {error}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err("there is no password on standard input".to_owned()) } else { Ok(password.to_owned()) }
}

/// A terminal that doesn't show what is typed, until this is dropped.
struct Hidden {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Hidden {
    fn begin() -> Result<Self, String> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let failed = |error: rustix::io::Errno| format!("the terminal can't hide the password: {error}");
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden).map_err(failed)?;
        Ok(Self { before })
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Err(error) = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before) {
            complain(&format!("the terminal stays without echo ({error}); run: stty echo"));
        }
    }
}

#[cfg(not(unix))]
impl Hidden {
    fn begin() -> Result<Self, String> {
        Err("this system's terminals can't hide a password; give it on standard input".to_owned())
    }
}

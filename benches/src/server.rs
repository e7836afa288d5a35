//! The servers under test, and their processes.

use crate::Outcome;
use lastseat::auth::Role;
use lastseat::config::Config;
use lastseat_domain::BuyerId;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Runs a role on a runtime of its own.
pub(crate) fn run(role: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(role)
}

/// lastseat as it comes, with nothing switched off. Prints the address and an admin's token on
/// stdout.
pub(crate) async fn lastseat(data: PathBuf) -> Outcome<()> {
    let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), data, demo: false, ..Config::default() };
    let running = lastseat::wiring::start(config).await?;
    let admin = running.auth.mint(&BuyerId::new("bench")?, Role::Admin, Duration::from_secs(86_400), running.clock.as_ref());
    println!("{} {admin}", running.addr);
    std::future::pending().await
}

/// A server's process. Ends when dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// An admin's token; empty where there are no admins.
    pub token: String,
    _process: Child,
}

impl Server {
    async fn start(arguments: &[&str]) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the server has no stdout")?;
        let line = BufReader::new(stdout).lines().next_line().await?.ok_or("the server did not start")?;
        let (address, token) = line.split_once(' ').unwrap_or((&line, ""));
        Ok(Self { address: address.parse()?, token: token.to_owned(), _process: process })
    }

    pub(crate) async fn bare() -> Outcome<Self> {
        Self::start(&["bare"]).await
    }

    pub(crate) async fn lastseat(data: &Path) -> Outcome<Self> {
        Self::start(&["lastseat", data.to_str().ok_or("the directory's name is no text")?]).await
    }
}

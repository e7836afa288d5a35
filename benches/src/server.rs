//! The servers under test, and their processes.

use crate::outcome::Outcome;
use lastseat::auth::Role;
use lastseat::config::Config;
use lastseat::config::service_url::ServiceUrl;
use lastseat::wiring::eventstore_options::Disturbances;
use lastseat_domain::{BuyerId, Quota, Secret};
use lastseat_in_process::SystemClock;
use lastseat_payments_sandbox::{SandboxGateway, stripe};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs a role on a runtime of its own.
pub(crate) fn run(role: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(role)
}

/// What lastseat works with, in place of what it has in itself.
#[derive(clap::Args)]
pub(crate) struct Backing {
    /// Redis as the seat guard.
    #[arg(long)]
    pub redis: Option<String>,
    /// The log of another process, by its connection string.
    #[arg(long)]
    pub eventstore: Option<String>,
    /// A gateway that speaks Stripe's API, by its address.
    #[arg(long)]
    pub stripe: Option<String>,
    /// Counts every command against a limit that is never reached.
    #[arg(long)]
    pub counts: bool,
    /// Buyers with an account.
    #[arg(long, default_value_t = 512)]
    pub buyers: u32,
}

impl Default for Backing {
    fn default() -> Self {
        Self { redis: None, eventstore: None, stripe: None, counts: false, buyers: 512 }
    }
}

/// lastseat as it comes, without the limit of one caller. Prints the address, an admin's token and those of
/// the buyers on stdout.
pub(crate) async fn lastseat(data: PathBuf, backing: Backing) -> Outcome<()> {
    // A buyer here books more in a second than people do in a year.
    let mut config = Config { listen: ANY_PORT, data, demo: false, rate_limit_caller: None, ..Config::default() };
    if let Some(url) = backing.redis {
        config.redis = Some(ServiceUrl::of(&url, &["redis://"]).ok_or("not a URL of Redis")?);
    }
    if let Some(url) = backing.eventstore {
        config.eventstore = Some(ServiceUrl::of(&url, &["esdb://"]).ok_or("not a connection string")?);
    }
    if let Some(url) = backing.stripe {
        config.stripe_key = Secret::new("sk_test_bench");
        config.stripe_url = Some(ServiceUrl::of(&url, &["http://"]).ok_or("not a URL")?);
    }
    if backing.counts {
        config.rate_limit_address = Some(Quota::new(1_000_000, 1)?);
    }
    let running = lastseat::wiring::start(config).await?;
    let token = |name: &str, role| -> Outcome<String> {
        Ok(running.auth.mint(&BuyerId::new(name)?, role, Duration::from_secs(86_400), running.clock.as_ref()))
    };
    print!("{} {}", running.addr, token("bench", Role::Admin)?);
    // One after the other: what this process has in memory is measured.
    for buyer in 0..backing.buyers {
        print!(" {}", token(&format!("buyer-{buyer}"), Role::Buyer)?);
    }
    println!();
    // Until the bench closes its end.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    running.stop().await;
    Ok(())
}

/// The embedded log, served in EventStoreDB's protocol to nodes that append. Prints the address on stdout.
pub(crate) async fn eventstore_server(data: PathBuf) -> Outcome<()> {
    let config = Config { data, eventstore_listen: Some(ANY_PORT), eventstore_listen_write: true, ..Config::default() };
    let on_fatal = Arc::new(|why: &str| eprintln!("the event log has stopped: {why}"));
    let host = lastseat::wiring::LogHost::start(&config, Disturbances::default(), None, on_fatal, None).await?;
    println!("{}", host.eventstore_server.as_ref().ok_or("the log is not served")?.addr);
    std::future::pending().await
}

/// The payment sandbox in memory, over Stripe's API. Prints the address on stdout.
pub(crate) async fn sandbox() -> Outcome<()> {
    let listener = tokio::net::TcpListener::bind(ANY_PORT).await?;
    println!("{}", listener.local_addr()?);
    let sandbox = Arc::new(SandboxGateway::in_memory(Arc::new(SystemClock)));
    Ok(axum::serve(listener, stripe::router(sandbox, stripe::Options::default())).await?)
}

/// A server's process. Ends when dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// An admin's token; empty where there are no admins.
    pub token: String,
    /// The buyers' tokens, likewise.
    pub buyers: Vec<String>,
    process: Child,
}

impl Server {
    /// What the process has in memory; `None` where the system does not tell, or when it has ended.
    pub(crate) fn memory(&self) -> Option<Memory> {
        memory_of(self.process.id()?)
    }

    /// Processor time that the process has used since its start, in microseconds; `None` as for [`Self::memory`].
    pub(crate) fn cpu_micros(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()?)).ok()?;
        // The name is in brackets and may hold anything. After it: the state, then numbers.
        let numbers: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| numbers.get(index)?.parse::<f64>().ok();
        // utime and stime, in the hundredths of a second that Linux has on all architectures.
        Some((ticks(11)? + ticks(12)?) * 10_000.0)
    }

    /// Stops it in order, and waits for that.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        drop(self.process.stdin.take());
        let ended = self.process.wait().await?;
        if ended.success() { Ok(()) } else { Err(format!("the server ended with {ended}").into()) }
    }

    async fn start(arguments: &[&str]) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the server has no stdout")?;
        let line = BufReader::new(stdout).lines().next_line().await?.ok_or("the server did not start")?;
        let mut words = line.split(' ').map(str::to_owned);
        let address = words.next().unwrap_or_default().parse()?;
        Ok(Self { address, token: words.next().unwrap_or_default(), buyers: words.collect(), process })
    }

    pub(crate) async fn bare() -> Outcome<Self> {
        Self::start(&["bare"]).await
    }

    pub(crate) async fn bare_stream() -> Outcome<Self> {
        Self::start(&["bare-stream"]).await
    }

    pub(crate) async fn lastseat(data: &Path, backing: &Backing) -> Outcome<Self> {
        let mut arguments = vec!["lastseat", name_of(data)?];
        if let Some(url) = &backing.redis {
            arguments.extend(["--redis", url]);
        }
        if let Some(url) = &backing.eventstore {
            arguments.extend(["--eventstore", url]);
        }
        if let Some(url) = &backing.stripe {
            arguments.extend(["--stripe", url]);
        }
        if backing.counts {
            arguments.push("--counts");
        }
        let buyers = backing.buyers.to_string();
        arguments.extend(["--buyers", &buyers]);
        Self::start(&arguments).await
    }

    pub(crate) async fn sandbox() -> Outcome<Self> {
        Self::start(&["sandbox"]).await
    }

    pub(crate) async fn eventstore_server(data: &Path) -> Outcome<Self> {
        Self::start(&["eventstore-server", name_of(data)?]).await
    }
}

/// Bytes that a process has in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub now: u64,
    /// Since its start.
    pub peak: u64,
}

/// Of `/proc/{pid}/status`, where there is such a thing.
fn memory_of(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory { now: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
}

fn name_of(data: &Path) -> Outcome<&str> {
    data.to_str().ok_or_else(|| "the directory's name is no text".into())
}

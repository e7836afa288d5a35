//! `lastseat serve`, and `lastseat` alone: start, say where to look, run until a signal stops it.

use super::accept_loss::AcceptLossFlag;
use super::banner::Banner;
use super::service;
use super::terminal::{self, Paint, say_apart};
use crate::config::{Config, Flags};
use crate::demo;
use crate::wiring::chosen::AcceptLoss;
use crate::wiring::{self, EventStoreServer, Running};
use lastseat_domain::ShowId;
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `serve`.
#[derive(Debug, Default, clap::Args)]
pub struct Serve {
    #[command(flatten)]
    pub flags: Flags,
    #[command(flatten)]
    pub accept_loss: AcceptLossFlag,
}

/// Serves until Ctrl-C or SIGTERM; a second one ends the process at once.
pub async fn run(config: Config, accept_loss: Option<AcceptLoss>) -> ExitCode {
    let start = async || wiring::start_with(config.clone(), Arc::new(terminal::fatal), accept_loss).await;
    service::run(&config, start, async |running| greet(running, &config).await).await
}

async fn greet(running: &Running, config: &Config) {
    // In the embedded log a position is a count. Its own show does not count as history.
    let head = running.log.head().await.map_or(0, |position| position.0);
    let events = if head == 1 && config.demo { 0 } else { head };
    let seat = ShowId::new(demo::SHOW).ok().and_then(|show| running.read_model.seat_map(&show)).map(|map| {
        let free = map.seats.iter().find(|line| line.state.name() == "available");
        free.map_or_else(|| "A-1".to_owned(), |line| line.seat.to_string())
    });
    // Under `cargo run` the program is not on the search path, but its first argument finds it.
    let program = std::env::args().next().unwrap_or_else(|| "lastseat".to_owned());
    let eventstore_server = running.eventstore_server.as_ref().map(EventStoreServer::connection_string);
    let banner = Banner {
        program: &program,
        url: &running.url,
        config,
        demo: seat.as_deref(),
        eventstore_server: eventstore_server.as_deref(),
        events,
    };
    say_apart(banner.text(Paint::stdout()));
}

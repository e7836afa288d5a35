//! Figures of lastseat, each beside the limit that it is measured against, in one run: rounds of
//! the one and the other in turn, and the median of the ratios.
//!
//! Absolute figures say as much about the machine as about the program; they are printed for the
//! context, the ratios are what to compare. Client and servers share the machine's cores.

mod bare;
mod bare_stream;
mod client;
mod figure;
mod measure;
mod outcome;
mod raw_log;
mod server;
mod time_of_day;

use clap::{Parser, Subcommand};
use measure::Plan;
use server::Backing;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Figures of lastseat, as ratios within one run")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Rounds of each pair
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Measure only the groups whose names contain this: refusals, holds, bookings, stripe, redis, eventstore, nodes, batch, map, guard, memory, start, readers, connections, million
    #[arg(long)]
    only: Option<String>,
    /// Readers of a seat stream, and idle connections
    #[arg(long, default_value_t = 10_000)]
    readers: usize,
    /// Changes a second that they get
    #[arg(long, default_value_t = 100.0)]
    changes: f64,
    /// One short round with few readers, to see that everything runs
    #[arg(long)]
    quick: bool,
    /// Print JSON on stdout instead of a table
    #[arg(long)]
    json: bool,
}

/// The servers under test are processes of their own, started by this program from itself.
#[derive(Subcommand)]
enum Role {
    /// Bare axum that answers every POST with the same small 409
    #[command(hide = true)]
    Bare,
    /// Bare axum that broadcasts a message to all readers
    #[command(hide = true)]
    BareStream,
    /// lastseat on an empty directory
    #[command(hide = true)]
    Lastseat {
        data: PathBuf,
        #[command(flatten)]
        backing: Backing,
    },
    /// The payment sandbox over Stripe's API
    #[command(hide = true)]
    Sandbox,
    /// The embedded log behind its EventStoreDB-protocol server, on an empty directory
    #[command(hide = true)]
    EventstoreServer { data: PathBuf },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("the limit on open files could not be raised: {error}");
    }
    let done = match arguments.role {
        Some(Role::Bare) => server::run(bare::serve()),
        Some(Role::BareStream) => server::run(bare_stream::serve()),
        Some(Role::Lastseat { data, backing }) => server::run(server::lastseat(data, backing)),
        Some(Role::Sandbox) => server::run(server::sandbox()),
        Some(Role::EventstoreServer { data }) => server::run(server::eventstore_server(data)),
        None => {
            let Arguments { rounds, seconds, readers, changes, only, .. } = arguments;
            let plan = Plan { rounds, seconds, readers, changes, only };
            let plan = if arguments.quick { plan.quick() } else { plan };
            server::run(measure::all(&plan, arguments.json))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error}");
            ExitCode::FAILURE
        }
    }
}

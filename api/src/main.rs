//! The binary: an allocator, the limits of the process, a runtime. Everything else is in the
//! library.

use lastseat::cli::{Cli, terminal};
use lastseat::exit;
use std::pin::Pin;
use std::process::ExitCode;

// Actors come and go by the hundred thousand; glibc would keep their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::of_process();
    // Two of its providers are linked in, by crates that each prefer one; left to itself it would panic
    // at the first TLS connection. An error means that one is installed already.
    let _first_wins = rustls::crypto::ring::default_provider().install_default();
    // One connection is one file descriptor, and the usual soft limit of 1,024 is soon used up.
    // Where it can't be raised, the limit shows as refused connections under load.
    let _best_effort = rlimit::increase_nofile_limit(1 << 20);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::complain(&format!("no threads to work with: {error}"));
            return exit::FATAL.into();
        }
    };
    // On the heap and without a type of its own: the compiler would otherwise write the whole program out
    // once for each of the runtime's ways to wait.
    let program: Pin<Box<dyn Future<Output = ExitCode>>> = Box::pin(cli.run());
    runtime.block_on(program)
}

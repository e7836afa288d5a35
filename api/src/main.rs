//! The binary: an allocator. Everything else is in the library, which the compiler builds once for the
//! program and its tests.

use lastseat::cli::Cli;
use std::process::ExitCode;

// Actors come and go by the hundred thousand; glibc would keep their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::of_process().run()
}

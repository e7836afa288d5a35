//! `lastseat man`: manual pages, made from the same declarations as the help.

use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Directory that they are written into, such as /usr/local/share/man/man1
    dir: PathBuf,
}

/// Writes a page for `program` and for each of its verbs.
pub fn run(args: &Man, program: clap::Command) -> ExitCode {
    let written = std::fs::create_dir_all(&args.dir).and_then(|()| clap_mangen::generate_to(program, &args.dir));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::terminal::complain(&format!("the pages can't be written into {}: {error}", args.dir.display()));
            crate::exit::UNREADABLE.into()
        }
    }
}

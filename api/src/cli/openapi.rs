//! `lastseat openapi`: the API's description.

use super::terminal::{complain, say};
use crate::exit;
use std::process::ExitCode;

/// Prints it.
pub fn run() -> ExitCode {
    match crate::routes::document().to_pretty_json() {
        Ok(json) => {
            say(&json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("the description can't be written as JSON: {error}"));
            exit::UNREADABLE.into()
        }
    }
}

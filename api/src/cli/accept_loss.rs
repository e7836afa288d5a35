//! `--accept-loss`: a flag and no setting, so that nobody accepts losses in advance.

use crate::wiring::chosen::AcceptLoss;

/// The flag, for each verb that opens a log for writing.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AcceptLossFlag {
    /// Go on with an event log that has lost acknowledged events and ends at this position, as the
    /// refusal says; the log records it
    #[arg(long, value_name = "POSITION")]
    accept_loss: Option<u64>,
}

impl AcceptLossFlag {
    /// The decision, and who made it.
    pub fn decision(&self) -> Option<AcceptLoss> {
        self.accept_loss.map(|position| AcceptLoss { position, by: operator() })
    }
}

/// Who runs this process, as the operating system's environment has it.
fn operator() -> String {
    let mut names = ["SUDO_USER", "USER", "LOGNAME"].iter().filter_map(|name| std::env::var(name).ok());
    names.find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

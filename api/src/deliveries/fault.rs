//! Why nothing more is sent for now.

use lastseat_domain::ports::event_log::LogFault;
use lastseat_engine::CommandError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Log(#[from] LogFault),
    #[error(transparent)]
    Engine(#[from] lastseat_engine::Fault),
    #[error("an event can't be read: {0}")]
    Unreadable(String),
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Failed(fault) => Self::Engine(fault),
            CommandError::Rejected(rejection) | CommandError::Contended(rejection) => Self::Unreadable(rejection.to_string()),
        }
    }
}

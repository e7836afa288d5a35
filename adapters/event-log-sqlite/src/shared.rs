//! What the writer, reads and subscriptions share.

use crate::pages::Pages;
use crate::readers::Readers;
use crate::recent_events::RecentEvents;
use lastseat_domain::ports::event_log::LogFault;
use parking_lot::RwLock;
use std::sync::{Arc, OnceLock};

pub(crate) struct Shared {
    pub(crate) readers: Arc<Readers>,
    /// Of the file, for those who catch up.
    pub(crate) pages: Arc<Pages>,
    pub(crate) recent: RwLock<RecentEvents>,
    /// Why the writer has stopped; only a restart helps.
    pub(crate) stopped: OnceLock<String>,
}

impl Shared {
    /// # Errors
    /// [`LogFault::Unavailable`] if the writer has stopped for good.
    pub(crate) fn check_running(&self) -> Result<(), LogFault> {
        match self.stopped.get() {
            Some(reason) => Err(LogFault::Unavailable(format!("the log has stopped: {reason}"))),
            None => Ok(()),
        }
    }
}

//! A log to read, for the verbs that prove and take out the history: a file, or a cluster.

use super::event_log::{self, open_cluster};
use crate::config::Config;
use crate::data_dir::{DataDir, NoLog, Unusable};
use lastseat_domain::ports::{Clock, EventLog, LogFault};
use lastseat_event_log_sqlite::{OpenError, SqliteLog};
use lastseat_in_process::SystemClock;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// A log that is only read. A server that sells from it is not disturbed.
pub struct Readable {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Where it is, for people; without the password.
    pub place: String,
    /// Its file, if it is one.
    pub file: Option<PathBuf>,
}

/// Why a log can't be read. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// There is none.
    #[error(transparent)]
    NoLog(#[from] NoLog),
    /// The file can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The views' directory can't be used.
    #[error(transparent)]
    Data(#[from] Unusable),
    /// The file is in use by a server that writes the same views and snapshots.
    #[error("{0}; this can only be done while no server has the log open")]
    InUse(OpenError),
    /// The cluster can't be used.
    #[error("{0}")]
    Cluster(String),
    /// Reading it failed.
    #[error(transparent)]
    Read(#[from] LogFault),
}

impl Readable {
    /// The log that the configuration names.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn open(config: &Config) -> Result<Self, Unreadable> {
        let Some(url) = &config.eventstore else {
            let file = DataDir::at(&config.data).existing_events()?;
            let log = Arc::new(SqliteLog::open_read_only(&file)?);
            return Ok(Self { log, place: file.display().to_string(), file: Some(file) });
        };
        let log = open_cluster(url.expose()).map_err(|error| Unreadable::Cluster(error.to_string()))?;
        Ok(Self { log: Arc::new(log), place: url.to_string(), file: None })
    }
}

/// The log and the directory of its views, with every server kept out of both.
pub struct Exclusive {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Where the views lie.
    pub views: PathBuf,
    embedded: Option<Arc<SqliteLog>>,
    _lock: Option<File>,
}

impl Exclusive {
    /// Opens what the configuration names, unless a server is at it.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub async fn open(config: &Config) -> Result<Self, Unreadable> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        if config.eventstore.is_some() {
            let data = DataDir::prepare(&config.data)?;
            let lock = data.lock()?;
            let Readable { log, .. } = Readable::open(config)?;
            return Ok(Self { log, views: data.views(), embedded: None, _lock: Some(lock) });
        }
        let data = DataDir::at(&config.data);
        data.existing_events()?;
        // Nothing is written to the log, but its lock keeps a server away from the views meanwhile.
        let log = event_log::open_file(&data, &clock, Arc::new(|_| ()), None).await.map_err(|error| match error {
            OpenError::InUse { .. } => Unreadable::InUse(error),
            error => Unreadable::Open(error),
        })?;
        let log = Arc::new(log);
        Ok(Self { log: Arc::clone(&log) as _, views: data.views(), embedded: Some(log), _lock: None })
    }

    /// Lets go of the log.
    ///
    /// # Errors
    /// What closing the file says.
    pub async fn close(self) -> Result<(), LogFault> {
        match self.embedded {
            Some(log) => log.close().await,
            None => Ok(()),
        }
    }
}

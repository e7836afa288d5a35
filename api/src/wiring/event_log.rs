//! Which event log: a file of this process, or a cluster.

use super::charges;
use super::start_error::{LostEvents, StartError};
use crate::config::Config;
use crate::data_dir::DataDir;
use lastseat_domain::ports::{Clock, EventLog};
use lastseat_event_log_eventstore::EventStoreLog;
use lastseat_event_log_sqlite::FatalHook;
use lastseat_event_log_sqlite::{AcceptLoss, OpenError, SqliteLog, SqliteOptions};
use std::fs::File;
use std::sync::Arc;

/// The event log that was chosen.
#[derive(Clone)]
pub(super) enum ChosenLog {
    /// A file in the data directory. Its own lock keeps others out.
    Embedded(Arc<SqliteLog>),
    /// EventStoreDB or KurrentDB, and the lock of the data directory that this node's views lie in.
    Cluster {
        /// The log.
        log: Arc<EventStoreLog>,
        /// Held as long as the node runs.
        _lock: Arc<File>,
    },
}

impl ChosenLog {
    /// Opens what the configuration names; `on_fatal` is called if an embedded log stops for good.
    /// `accept_loss` is the decision to go on with an embedded log that has lost events, `command` what to start
    /// with it.
    pub(super) async fn open(
        config: &Config,
        data: &DataDir,
        clock: &Arc<dyn Clock>,
        on_fatal: FatalHook,
        accept_loss: Option<AcceptLoss>,
        command: &'static str,
    ) -> Result<Self, StartError> {
        match &config.eventstore {
            None => match open_file(data, clock, on_fatal, accept_loss).await {
                Ok(log) => Ok(Self::Embedded(Arc::new(log))),
                Err(error @ OpenError::Lost { .. }) => {
                    let payments = charges::unmatched(data).await;
                    Err(StartError::Lost(Box::new(LostEvents { error, command, payments })))
                }
                Err(error) => Err(error.into()),
            },
            Some(_) if accept_loss.is_some() => {
                Err(StartError::Server("a cluster's log has no loss to accept; remove --accept-loss".to_owned()))
            }
            Some(url) => {
                let lock = Arc::new(data.lock()?);
                Ok(Self::Cluster { log: Arc::new(open_cluster(url.expose())?), _lock: lock })
            }
        }
    }

    /// As the engine sees it.
    pub(super) fn port(&self) -> Arc<dyn EventLog> {
        match self {
            Self::Embedded(log) => Arc::clone(log) as Arc<dyn EventLog>,
            Self::Cluster { log, .. } => Arc::clone(log) as Arc<dyn EventLog>,
        }
    }

    /// Closes it, even if other parts still hold it.
    pub(super) async fn close(&self) {
        match self {
            Self::Embedded(log) => {
                if let Err(error) = log.close().await {
                    tracing::warn!(%error, "the event log was not closed in order");
                }
            }
            Self::Cluster { log, .. } => log.close(),
        }
    }
}

/// The log of a cluster. Does not connect yet.
pub(super) fn open_cluster(url: &str) -> Result<EventStoreLog, StartError> {
    EventStoreLog::open(url, lastseat_event_log_eventstore::Options::default())
        .map_err(|error| StartError::Cluster(error.to_string()))
}

/// The log of a data directory, made if it is not there.
pub(super) async fn open_file(
    data: &DataDir,
    clock: &Arc<dyn Clock>,
    on_fatal: FatalHook,
    accept_loss: Option<AcceptLoss>,
) -> Result<SqliteLog, OpenError> {
    let (files, clock) = (data.clone(), Arc::clone(clock));
    let reason = |error: tokio::task::JoinError| OpenError::Io { path: data.events(), reason: error.to_string() };
    // Recovery after a crash reads the file; nothing else may wait for it.
    let opening = tokio::task::spawn_blocking(move || {
        let evidence = charges::evidence_of_sales(&files);
        let options = SqliteOptions { on_fatal, accept_loss, evidence, ..SqliteOptions::default() };
        SqliteLog::open_with(files.events(), clock, options)
    });
    opening.await.map_err(reason)?
}

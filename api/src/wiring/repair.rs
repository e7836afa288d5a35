//! An engine without a server: for repairs while no server has the log open.

use super::event_log::open_file;
use super::key_file::{self, Key};
use super::payments::ChosenPayments;
use crate::auth::VoucherKeys;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::snapshots::SnapshotFiles;
use lastseat_domain::ports::{Clock, EventLog, PaymentGateway};
use lastseat_engine::{BoxOffice, Ports, Settings};
use lastseat_event_log_sqlite::SqliteLog;
use lastseat_in_process::{FreeOfCharge, InProcessGuard, SystemClock, TimeOrderedIds};
use std::sync::Arc;
use std::time::Duration;

/// How long the engine has to finish when it is closed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The engine over the embedded log, alone with it.
pub struct Repair {
    pub box_office: BoxOffice,
    pub gateway: Arc<dyn PaymentGateway>,
    log: Arc<SqliteLog>,
}

impl Repair {
    /// Opens log and gateway, unless a server has them.
    ///
    /// # Errors
    /// A line that says what to do.
    pub async fn open(config: &Config) -> Result<Self, String> {
        if config.eventstore.is_some() {
            return Err("nodes share this log: name one of them with --url".to_owned());
        }
        let data = DataDir::at(&config.data);
        data.existing_events().map_err(|error| error.to_string())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log = open_file(&data, &clock, Arc::new(|_| ()), None).await.map_err(|error| error.to_string())?;
        let log = Arc::new(log);
        match engine(config, &data, &clock, &log).await {
            Ok((box_office, gateway)) => Ok(Self { box_office, gateway, log }),
            Err(error) => {
                let _reported_as_the_first = log.close().await;
                Err(error)
            }
        }
    }

    /// The log that the engine writes.
    #[must_use]
    pub fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as _
    }

    /// Finishes what is in progress and closes the log.
    ///
    /// # Errors
    /// What closing the file says.
    pub async fn close(self) -> Result<(), String> {
        self.box_office.drain(PATIENCE).await;
        self.log.close().await.map_err(|fault| fault.to_string())
    }
}

async fn engine(
    config: &Config,
    data: &DataDir,
    clock: &Arc<dyn Clock>,
    log: &Arc<SqliteLog>,
) -> Result<(BoxOffice, Arc<dyn PaymentGateway>), String> {
    // A payment that is under way is sent again as it was: with the page that buyers come back to.
    let page = config.public_url.clone().unwrap_or_else(|| super::reachable(config.listen));
    let ChosenPayments { gateway, .. } = ChosenPayments::open(config, data, clock, &page).map_err(|error| error.to_string())?;
    let key = key_file::read_or_create(Key::Token, &config.token_key_file()).map_err(|error| error.to_string())?;
    let ports = Ports {
        log: Arc::clone(log) as _,
        guard: Arc::new(InProcessGuard::new(Arc::clone(clock))),
        payments: Arc::new(FreeOfCharge::in_front_of(Arc::clone(&gateway))),
        clock: Arc::clone(clock),
        ids: Arc::new(TimeOrderedIds::new(Arc::clone(clock))),
        vouchers: Arc::new(VoucherKeys::new(&key)),
    };
    let loaded = SnapshotFiles::at(data.snapshots()).load(&**log).await.map_err(|fault| fault.to_string())?;
    let snapshot = loaded.map(|loaded| loaded.snapshot);
    let box_office = BoxOffice::open_from(ports, Settings::default(), snapshot).await.map_err(|fault| fault.to_string())?;
    Ok((box_office, gateway))
}

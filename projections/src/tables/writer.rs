//! Folds events into the file. A batch is one transaction, which stores how far it has got as well: a
//! process that is killed at any moment leaves a file that is true at some position.

use super::booking_rows::BookingRows;
use super::campaign_rows;
use super::doubt::{Doubt, NotOpened};
use super::fault::TablesFault;
use super::file;
use super::loyalty_rows;
use super::open_file::OpenFile;
use super::place;
use super::progress::{Progress, load_skipped, store_skipped};
use super::sales_rows::SalesRows;
use super::scan_rows;
use crate::batch::{Batch, Skipped};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::landmark::Landmark;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// The one connection that writes.
pub(crate) struct Writer {
    connection: OpenFile,
    path: PathBuf,
    progress: Progress,
    skipped: Vec<Skipped>,
    bookings: BookingRows,
    sales: SalesRows,
}

impl Writer {
    /// Opens the file and marks it as in use. `None` if there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, NotOpened> {
        let Some(connection) = file::open(path)? else { return Ok(None) };
        Ok(Some(Self::on(connection, path)?))
    }

    /// Takes away what is in the file's place, and begins with an empty one.
    pub fn replace(path: &Path, doubt: &Doubt) -> Result<Self, TablesFault> {
        place::discard(path, doubt)?;
        Self::create(path)
    }

    /// Begins with an empty file, where there is none.
    pub fn create(path: &Path) -> Result<Self, TablesFault> {
        Self::on(file::create(path)?, path)
    }

    fn on(connection: OpenFile, path: &Path) -> Result<Self, TablesFault> {
        let sales = SalesRows::load(&connection)?;
        let (progress, skipped) = (Progress::load(&connection)?, load_skipped(&connection)?);
        file::mark(&connection, &file::identity(path)?)?;
        Ok(Self { connection, path: path.to_owned(), progress, skipped, bookings: BookingRows::default(), sales })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The events that were skipped when they were folded.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Folds what is not folded yet. After a fault this writer knows more than the file: open another.
    pub fn fold(&mut self, batch: &Batch) -> Result<(), TablesFault> {
        let before = self.progress.position;
        let is_new = |position: Position| position > before;
        let first = batch.events.partition_point(|event| !is_new(event.position));
        let events = batch.events.get(first..).unwrap_or_default();
        let skipped: Vec<&Skipped> = batch.skipped.iter().filter(|skipped| is_new(skipped.position)).collect();
        let position = before.max(batch.until);
        if events.is_empty() && skipped.is_empty() {
            // Not worth a transaction: at the next start there is nothing up to here.
            self.progress.position = position;
            return Ok(());
        }
        let Self { connection, bookings, sales, .. } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for event in events {
            let change = bookings.apply(&transaction, event)?;
            loyalty_rows::apply(&transaction, event)?;
            campaign_rows::apply(&transaction, event)?;
            scan_rows::apply(&transaction, event)?;
            sales.apply(event, change.as_ref());
        }
        bookings.flush(&transaction)?;
        sales.flush(&transaction)?;
        for skipped in &skipped {
            store_skipped(&transaction, skipped)?;
        }
        let last = events.last().map_or_else(|| self.progress.last.clone(), |event| Some(Landmark::from(&**event)));
        let progress = Progress { position, events: self.progress.events + events.len() as u64, last };
        progress.store(&transaction)?;
        transaction.commit()?;
        self.skipped.extend(skipped.into_iter().cloned());
        self.progress = progress;
        Ok(())
    }

    /// Stores how far it has got, moves everything into the one file, and marks it as complete.
    pub fn close(self) -> Result<(), TablesFault> {
        self.progress.store(&self.connection)?;
        file::complete(&self.connection)?;
        // Only now: what is copied from here on is the whole.
        file::mark(&self.connection, "")?;
        let path = self.path;
        self.connection.close()?;
        std::fs::File::open(path)?.sync_all()?;
        Ok(())
    }
}

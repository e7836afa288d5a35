//! Reads the payments of a sandbox that another process may be using.

use super::import::{journal_of, read_into};
use super::lists::{Cursor, Page, Window};
use super::payments::{self, Payments};
use super::{file, lists};
use crate::items::ItemKind;
use crate::open_error::OpenError;
use crate::record::Record;
use lastseat_domain::IntentId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The payments of a sandbox's file. Changes neither that nor its write-ahead log, and works while a process has it open.
pub struct StoredPayments {
    path: PathBuf,
    payments: Payments,
}

impl StoredPayments {
    /// Whether there are any in the file at `path`, or in the journal of an earlier version beside it.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be read.
    pub fn are_in(path: &Path) -> Result<bool, OpenError> {
        if std::fs::metadata(journal_of(path)).is_ok_and(|journal| journal.len() > 0) {
            return Ok(true);
        }
        let Some(connection) = file::open_to_read(path)? else { return Ok(false) };
        lists::is_empty(&connection).map(|is_empty| !is_empty).map_err(|error| OpenError::of(path, &error))
    }

    /// Those in the file at `path`, or in the journal of an earlier version beside it; none if there is neither.
    ///
    /// # Errors
    /// [`OpenError`] if they can't be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let of = |error| OpenError::of(path, &error);
        let stored = file::open_to_read(path)?.map(Payments::on).transpose().map_err(of)?;
        let mut payments = match stored {
            Some(payments) => payments,
            None => payments::in_memory().map_err(of)?,
        };
        let old = journal_of(path);
        if lists::is_empty(payments.connection()).map_err(of)? && old.exists() {
            payments = payments::in_memory().map_err(of)?;
            read_into(&old, &mut payments)?;
        }
        Ok(Self { path: path.to_owned(), payments })
    }

    /// Every intent, oldest first.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be read.
    pub fn all(&self) -> Result<Vec<Arc<Record>>, OpenError> {
        lists::all(self.payments.connection()).map_err(|error| OpenError::of(&self.path, &error))
    }

    /// Up to so many intents that are older than `before`, or the newest, newest first; and whether there are more.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be read.
    pub fn newest(&self, before: Option<&IntentId>, limit: usize) -> Result<(Vec<Arc<Record>>, bool), OpenError> {
        let window = Window { cursor: before.map(|id| Cursor::After(id.clone(), 1)), ..Window::newest(limit) };
        let page = self.payments.page(ItemKind::Intent, &window).map_err(|error| OpenError::of(&self.path, &error))?;
        let has_more = page.as_ref().is_some_and(|page| page.has_more);
        Ok((page.map(Page::records).unwrap_or_default(), has_more))
    }

    /// The intent of this name.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be read.
    pub fn intent(&mut self, id: &IntentId) -> Result<Option<Arc<Record>>, OpenError> {
        self.payments.intent(id).map_err(|error| OpenError::of(&self.path, &error))
    }
}

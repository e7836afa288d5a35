//! Connections that read. Each query runs on a blocking thread, on a connection of its own, and sees the
//! last transaction: it waits neither for the writer nor for another query.

use super::fault::TablesFault;
use super::file;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Queries at once. More would wait for the same disk.
const CONNECTIONS: usize = 4;

pub(super) struct Readers {
    pool: Arc<Pool>,
    permits: Semaphore,
    /// Set when a query has found damage.
    damaged: watch::Sender<Option<String>>,
}

struct Pool {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Counts the files that were in this place.
    file: u64,
    /// The file has less than what callers have been promised.
    is_behind: bool,
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        let pool = Arc::new(Pool { path, state: Mutex::default() });
        Self { pool, permits: Semaphore::new(CONNECTIONS), damaged: watch::Sender::new(None) }
    }

    /// Runs a query.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, TablesFault> + Send + 'static,
    ) -> Result<T, TablesFault> {
        let _permit = self.permits.acquire().await;
        let pool = Arc::clone(&self.pool);
        let answer = tokio::task::spawn_blocking(move || pool.read(query)).await;
        let answer = answer.unwrap_or_else(|error| Err(TablesFault::Failed(error.to_string())));
        if let Err(TablesFault::Damaged(why)) = &answer {
            self.damaged.send_replace(Some(why.clone()));
        }
        answer
    }

    /// Reports what damage a query has found.
    pub fn damage(&self) -> watch::Receiver<Option<String>> {
        self.damaged.subscribe()
    }

    /// Lets go of the file, which is about to be replaced. Until [`Self::caught_up`] there are no answers:
    /// the new one has less than callers have been promised.
    pub fn begin_again(&self) {
        let mut state = self.pool.state.lock();
        *state = State { idle: Vec::new(), file: state.file + 1, is_behind: true };
        self.damaged.send_replace(None);
    }

    pub fn caught_up(&self) {
        self.pool.state.lock().is_behind = false;
    }

    /// Closes the connections that are not in use.
    pub fn close(&self) {
        self.pool.state.lock().idle.clear();
    }
}

impl Pool {
    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, TablesFault>) -> Result<T, TablesFault> {
        let (idle, number) = {
            let mut state = self.state.lock();
            if state.is_behind {
                return Err(TablesFault::Failed("it is being rebuilt".into()));
            }
            (state.idle.pop(), state.file)
        };
        let connection = match idle {
            Some(connection) => connection,
            None => file::open_reader(&self.path)?,
        };
        let answer = query(&connection);
        let mut state = self.state.lock();
        if state.file != number {
            return Err(TablesFault::Failed("it was replaced meanwhile".into()));
        }
        if answer.is_ok() {
            state.idle.push(connection);
        }
        answer
    }
}

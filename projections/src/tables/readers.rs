//! Connections that read. Each query runs on a blocking thread, on a connection of its own, and sees the
//! last transaction: it waits neither for the writer nor for another query.

use super::blocking::drop_elsewhere;
use super::fault::TablesFault;
use super::file;
use super::open_file::OpenFile;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Queries at once. More would wait for the same disk.
const CONNECTIONS: u32 = 4;

pub(super) struct Readers {
    pool: Arc<Mutex<Pool>>,
    permits: Arc<Semaphore>,
    /// Set when a query has found damage.
    damaged: watch::Sender<Option<TablesFault>>,
}

struct Pool {
    path: PathBuf,
    idle: Vec<OpenFile>,
    /// Counts the files that were read here.
    file: u64,
    /// The first file whose answers are right.
    right_since: u64,
    /// Why there are no answers.
    closed: Option<&'static str>,
    /// The file to read when it has what callers have been promised. Until then, the one at `path` answers.
    next: Option<PathBuf>,
}

impl Readers {
    /// `closed`: why there are no answers before [`Self::caught_up`], if so.
    pub fn new(path: PathBuf, closed: Option<&'static str>) -> Self {
        let pool = Pool { path, idle: Vec::new(), file: 0, right_since: 0, closed, next: None };
        Self {
            pool: Arc::new(Mutex::new(pool)),
            permits: Arc::new(Semaphore::new(CONNECTIONS as usize)),
            damaged: watch::Sender::new(None),
        }
    }

    /// Runs a query.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, TablesFault> + Send + 'static,
    ) -> Result<T, TablesFault> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let (pool, damaged) = (Arc::clone(&self.pool), self.damaged.clone());
        // The query goes on when its client hangs up, and the permit with it.
        let answer = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let answer = read(&pool, query);
            // While it has the permit: later it would be taken for damage of the next file.
            if let Err(fault) = &answer
                && fault.is_damage()
            {
                damaged.send_replace(Some(fault.clone()));
            }
            answer
        });
        let answer = answer.await;
        answer.unwrap_or_else(|error| Err(TablesFault::Failed(error.to_string())))
    }

    /// Reports what damage a query has found.
    pub fn damage(&self) -> watch::Receiver<Option<TablesFault>> {
        self.damaged.subscribe()
    }

    /// Closes the file when the queries in progress have ended, and refuses further ones until [`Self::caught_up`], as the next
    /// file has less than callers have been promised. `why` completes "the file of views: …".
    pub async fn refuse(&self, why: &'static str) {
        let idle = {
            let mut pool = self.pool.lock();
            pool.closed = Some(why);
            pool.file += 1;
            pool.right_since = pool.file;
            std::mem::take(&mut pool.idle)
        };
        drop_elsewhere(idle).await;
        // A connection that has not read yet would take the new file's write-ahead log for that of the old one.
        let _all = self.permits.acquire_many(CONNECTIONS).await;
        self.damaged.send_replace(None);
    }

    /// The next file. It is read from [`Self::caught_up`] on.
    pub fn change_to(&self, path: PathBuf) {
        self.pool.lock().next = Some(path);
    }

    /// The file has what callers have been promised.
    pub async fn caught_up(&self) {
        let idle = {
            let mut pool = self.pool.lock();
            pool.closed = None;
            let Some(path) = pool.next.take() else { return };
            pool.path = path;
            pool.file += 1;
            std::mem::take(&mut pool.idle)
        };
        drop_elsewhere(idle).await;
    }

    /// Closes the connections that are not in use.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut self.pool.lock().idle);
        drop_elsewhere(idle).await;
    }
}

fn read<T>(pool: &Mutex<Pool>, query: impl FnOnce(&Connection) -> Result<T, TablesFault>) -> Result<T, TablesFault> {
    let (idle, path, number) = {
        let mut pool = pool.lock();
        if let Some(why) = pool.closed {
            return Err(TablesFault::Failed(why.into()));
        }
        (pool.idle.pop(), pool.path.clone(), pool.file)
    };
    let connection = match idle {
        Some(connection) => connection,
        None => file::open_reader(&path)?,
    };
    let answer = query(&connection);
    let mut pool = pool.lock();
    if number < pool.right_since || answer.is_err() && number != pool.file {
        return Err(TablesFault::Failed("it was replaced meanwhile".into()));
    }
    if answer.is_ok() && number == pool.file {
        pool.idle.push(connection);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    /// Otherwise the new file would be taken for damaged, too, and not be rebuilt once more.
    #[tokio::test]
    async fn damage_that_is_reported_late_is_not_that_of_the_next_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("views.db");
        let _writer = file::create(&path).expect("a file");
        let readers = Readers::new(path, None);
        let (go, may_go) = mpsc::channel();
        let mut query = pin!(readers.read(move |_| {
            may_go.recv().expect("the test goes on");
            Err::<(), _>(TablesFault::Damaged("malformed".into()))
        }));
        assert!(query.as_mut().now_or_never().is_none());
        go.send(()).expect("it waits");
        // It has ended, and its caller has not noticed yet.
        while readers.permits.available_permits() < CONNECTIONS as usize {
            tokio::task::yield_now().await;
        }
        readers.refuse("it is being rebuilt").await;
        assert!(query.await.is_err());
        assert_eq!(*readers.damage().borrow(), None);
    }

    /// Otherwise clients that ask and hang up run as many queries as there are threads, and a file is replaced under them.
    #[tokio::test]
    async fn a_query_whose_client_hangs_up_counts_until_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("views.db");
        let _writer = file::create(&path).expect("a file");
        let readers = Readers::new(path, None);
        let ((begun, has_begun), (go, may_go)) = (oneshot::channel(), mpsc::channel::<()>());
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let query = readers.read(move |_| {
            let _waits = begun.send(()).is_ok() && may_go.recv().is_ok();
            end.store(true, Ordering::SeqCst);
            Ok(())
        });
        tokio::select! {
            answer = query => panic!("it has not ended: {answer:?}"),
            begun = has_begun => begun.expect("it runs"),
        }
        assert_eq!(readers.permits.available_permits(), CONNECTIONS as usize - 1);
        go.send(()).expect("it waits");
        readers.refuse("it is being rebuilt").await;
        assert!(ended.load(Ordering::SeqCst), "the file may be replaced now");
    }
}

//! How callers get to the store: over a queue to the thread of a file, or directly in memory.

use super::opening::{self, Opened};
use super::payments::{self, Payments};
use super::worker::{Answer, EndpointChange, Observer, Shared, Task, Worker, unavailable};
use crate::endpoint::WebhookEndpoint;
use crate::machine::{Decision, Request};
use crate::open_error::OpenError;
use crate::undelivered::Undelivered;
use lastseat_domain::Timestamp;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Most calls in one transaction. Larger ones would only make their callers wait longer.
const MAX_CALLS: usize = 512;
/// If several callers came at once, the thread waits this long for more of them: a transaction costs several times as
/// much as a call in it.
const GATHERING: Duration = Duration::from_micros(500);

/// The store, as its callers see it.
pub(crate) struct Store {
    backend: Backend,
    shared: Arc<Shared>,
}

enum Backend {
    Memory(Box<Mutex<Worker>>),
    File {
        /// `None` once it is closed. Callers wait for their answers, so the queue holds no more than one task each.
        tasks: Option<Sender<Task>>,
        thread: Option<JoinHandle<()>>,
        /// Cancelled by the thread when it ends, however it ends.
        ended: CancellationToken,
    },
}

impl Store {
    /// A store that ends with the process.
    pub(crate) fn in_memory() -> rusqlite::Result<Self> {
        let (worker, shared) = Worker::new(payments::in_memory()?)?;
        Ok(Self { backend: Backend::Memory(Box::new(Mutex::new(worker))), shared })
    }

    /// Opens a file and starts its thread.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let Opened { payments, lock } = opening::open(path)?;
        let (worker, shared) = Worker::new(payments).map_err(|error| OpenError::of(path, &error))?;
        let (tasks, queue) = channel();
        let ended = CancellationToken::new();
        let ends = ended.clone().drop_guard();
        let thread = std::thread::Builder::new().name("payment-sandbox".to_owned()).spawn(move || {
            // Dropped last: who sees the end can't send a task any more.
            let _ends = ends;
            let queue = queue;
            run(worker, &queue);
            drop(lock);
        });
        let thread = Some(thread.map_err(|error| OpenError::io(path, &error))?);
        Ok(Self { backend: Backend::File { tasks: Some(tasks), thread, ended }, shared })
    }

    /// Completes when it can't be used any more: its thread has ended.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let ended = match &self.backend {
            Backend::Memory(_) => CancellationToken::new(),
            Backend::File { ended, .. } => ended.clone(),
        };
        ended.cancelled_owned()
    }

    /// Carries out a request.
    pub(crate) async fn decide(&self, request: Request) -> Result<Decision, Undelivered> {
        self.answer(|answer| Task::Decide(Box::new(request), answer)).await
    }

    /// Changes a webhook endpoint; what it is then.
    pub(crate) async fn change_endpoint(
        &self,
        id: &str,
        at: Timestamp,
        change: EndpointChange,
    ) -> Result<Option<Arc<WebhookEndpoint>>, Undelivered> {
        self.answer(|answer| Task::Endpoint(id.to_owned(), change, at, answer)).await
    }

    /// Reads what was answered so far.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Payments) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Undelivered> {
        self.answer(|answer| reading(read, move |value| drop(answer.send(value)))).await
    }

    /// The same for callers that may block.
    pub(crate) fn read_blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Payments) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Undelivered> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        self.submit(reading(read, move |value| drop(answer.send(value))))?;
        answered.recv().unwrap_or(Err(Undelivered::Lost))
    }

    /// Every webhook endpoint, in no order.
    pub(crate) fn endpoints(&self) -> Vec<Arc<WebhookEndpoint>> {
        self.shared.endpoints.read().values().cloned().collect()
    }

    /// The webhook endpoint of this name.
    pub(crate) fn endpoint(&self, id: &str) -> Option<Arc<WebhookEndpoint>> {
        self.shared.endpoints.read().get(id).cloned()
    }

    /// Reports every change of an intent to this observer from now on, before the change is answered.
    pub(crate) fn observe(&self, observer: Observer) {
        *self.shared.observer.lock() = Some(observer);
    }

    async fn answer<T>(&self, task: impl FnOnce(Answer<T>) -> Task) -> Result<T, Undelivered> {
        let (answer, answered) = oneshot::channel();
        self.submit(task(answer))?;
        // The thread has ended in the middle of it.
        answered.await.unwrap_or(Err(Undelivered::Lost))
    }

    fn submit(&self, task: Task) -> Result<(), Undelivered> {
        match &self.backend {
            Backend::Memory(worker) => {
                worker.lock().carry_out([task]);
                Ok(())
            }
            Backend::File { tasks, .. } => {
                let ended = || Undelivered::Unavailable("the sandbox's thread has ended; restart the process".to_owned());
                tasks.as_ref().ok_or_else(ended)?.send(task).map_err(|_| ended())
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn with_payments<T>(&self, look: impl FnOnce(&mut Payments) -> T) -> Option<T> {
        match &self.backend {
            Backend::Memory(worker) => Some(look(worker.lock().payments())),
            Backend::File { .. } => None,
        }
    }
}

impl Drop for Store {
    /// Waits until the file is closed, so that it can be opened again.
    fn drop(&mut self) {
        if let Backend::File { tasks, thread, .. } = &mut self.backend {
            drop(tasks.take());
            if thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("the payment sandbox's thread panicked");
            }
        }
    }
}

fn reading<T: Send + 'static>(
    read: impl FnOnce(&mut Payments) -> rusqlite::Result<T> + Send + 'static,
    answer: impl FnOnce(Result<T, Undelivered>) + Send + 'static,
) -> Task {
    Task::Read(Box::new(move |payments| answer(read(payments).map_err(|error| unavailable(&error)))))
}

/// Carries out tasks until nobody can send any more.
fn run(mut worker: Worker, queue: &Receiver<Task>) {
    let mut last = Instant::now();
    let mut is_busy = false;
    while let Ok(first) = queue.recv() {
        if is_busy && last.elapsed() < GATHERING {
            std::thread::sleep(GATHERING);
        }
        let tasks: Vec<Task> = std::iter::once(first).chain(queue.try_iter()).take(MAX_CALLS).collect();
        is_busy = tasks.len() > 1;
        worker.carry_out(tasks);
        last = Instant::now();
    }
}

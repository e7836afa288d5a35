//! Counts the messages of actors that were sent and have not been handled.
//!
//! A message carries its count with it. So it is counted off wherever it ends: handled, refused by an actor that has stopped, or
//! dropped with the mailbox of one that has died.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The messages of all actors of one kind. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailboxes(Arc<AtomicUsize>);

impl Mailboxes {
    pub(crate) fn post<M>(&self, message: M) -> Posted<M> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Posted { message, counted: Counted(Arc::clone(&self.0)) }
    }

    /// Messages sent and not handled, with those that are being handled.
    pub(crate) fn depth(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A message on its way. Its handler keeps `counted` until it is done.
pub(crate) struct Posted<M> {
    pub message: M,
    pub counted: Counted,
}

/// One message, as long as it lives.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

//! Whether a connection is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Time for the headers of a request, and between two requests on one connection; it may take twice
/// as long. Longer than the 60 seconds after which the usual proxies close an idle connection: a
/// server that closes it first may do so while a request is on its way.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// The activity of a connection: requests so far, and those whose answer is not sent yet.
#[derive(Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    busy: AtomicUsize,
}

impl Activity {
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// Counts a request that is answered already.
    pub(super) fn count(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
    }

    /// Requests so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether all answers were handed over.
    pub(super) fn is_still(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// Completes when no request has arrived for [`IDLE_TIMEOUT`] and none is being answered. A seat
    /// stream is an answer that continues.
    pub(super) async fn stopped(&self) {
        loop {
            let begun = self.begun();
            tokio::time::sleep(IDLE_TIMEOUT).await;
            if self.begun() == begun && self.is_still() {
                return;
            }
        }
    }
}

/// A request that is being answered, until the last byte of the answer was handed over.
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

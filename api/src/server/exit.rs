//! When a connection can leave hyper.

use super::activity::Activity;
use super::endless::Offer;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Without a request for so long, or up to twice as long, a connection rests.
const REST_AFTER: Duration = Duration::from_secs(2);

/// Shared by a connection's requests and its stream.
pub(super) struct Exit {
    activity: Arc<Activity>,
    /// Requests that had begun when hyper last had nothing left to answer and to write.
    done: AtomicU64,
    /// An answer goes out before its request was read to the end.
    has_unread: AtomicBool,
    offer: Mutex<Option<Offer>>,
    is_offered: AtomicBool,
    /// hyper has written everything that came before the offer.
    is_flushed: AtomicBool,
}

impl Exit {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self {
            activity,
            done: AtomicU64::new(0),
            has_unread: AtomicBool::new(false),
            offer: Mutex::default(),
            is_offered: AtomicBool::new(false),
            is_flushed: AtomicBool::new(false),
        }
    }

    /// Completes when no request has come for a while and hyper has done with those before.
    pub(super) async fn rested(&self) {
        loop {
            let begun = self.activity.begun();
            tokio::time::sleep(REST_AFTER).await;
            if self.activity.begun() == begun && self.activity.is_still() && self.done.load(Ordering::Acquire) == begun {
                return;
            }
        }
    }

    pub(super) fn leave_unread(&self) {
        self.has_unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }

    /// The request that hyper waits for is to be answered without it.
    pub(super) fn offer(&self, offer: Offer) {
        *self.offer.lock() = Some(offer);
        self.is_offered.store(true, Ordering::Release);
    }

    /// hyper has nothing left to write.
    pub(super) fn flushed(&self) {
        if self.activity.is_still() {
            self.done.store(self.activity.begun(), Ordering::Release);
        }
        if self.is_offered.load(Ordering::Acquire) {
            self.is_flushed.store(true, Ordering::Release);
        }
    }

    /// The offer, as soon as hyper can be left.
    pub(super) fn take(&self) -> Option<Offer> {
        if self.is_flushed.load(Ordering::Acquire) { self.offer.lock().take() } else { None }
    }
}

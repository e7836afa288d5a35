//! Lets the holds of a batch append at the same moment, so that a log that commits in groups commits
//! them together.
//!
//! A hold that is ready to append waits until each of the others is ready, too, or has ended. This only
//! saves commits: a group that is opened early is as correct.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// Holds of one batch that are placed at the same time.
pub(super) struct AppendGroup<'a> {
    /// Who sends the batch.
    seller: &'a str,
    /// Members that are still deciding.
    deciding: AtomicUsize,
    open: CancellationToken,
}

/// One hold's place in the group.
pub(super) struct Member<'a> {
    group: &'a AppendGroup<'a>,
    is_ready: AtomicBool,
}

impl<'a> AppendGroup<'a> {
    /// A group that waits for so many members.
    pub(super) fn new(seller: &'a str, members: usize) -> Self {
        Self { seller, deciding: AtomicUsize::new(members), open: CancellationToken::new() }
    }

    pub(super) fn member(&'a self) -> Member<'a> {
        Member { group: self, is_ready: AtomicBool::new(false) }
    }

    /// Lets all members append, even if some are still deciding.
    pub(super) fn open(&self) {
        self.open.cancel();
    }
}

impl Member<'_> {
    pub(super) fn sender(&self) -> &str {
        self.group.seller
    }

    /// Completes when no member is deciding any more. After that it never waits again.
    pub(super) async fn wait_for_others(&self) {
        self.is_ready();
        self.group.open.cancelled().await;
    }

    fn is_ready(&self) {
        if !self.is_ready.swap(true, Ordering::AcqRel) && self.group.deciding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.group.open();
        }
    }
}

impl Drop for Member<'_> {
    /// A hold that has ended keeps no other waiting.
    fn drop(&mut self) {
        self.is_ready();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_member_waits_until_each_of_the_others_is_ready_or_has_ended() {
        let group = AppendGroup::new("seller", 3);
        let (first, second, third) = (group.member(), group.member(), group.member());
        assert!(first.wait_for_others().now_or_never().is_none());
        // Once more is not twice.
        assert!(first.wait_for_others().now_or_never().is_none());
        drop(second);
        assert!(first.wait_for_others().now_or_never().is_none());
        assert!(third.wait_for_others().now_or_never().is_some());
        assert!(first.wait_for_others().now_or_never().is_some());
    }

    #[test]
    fn a_group_that_was_opened_lets_its_members_pass() {
        let group = AppendGroup::new("seller", 2);
        group.open();
        assert!(group.member().wait_for_others().now_or_never().is_some());
    }
}

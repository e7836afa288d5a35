//! The limits that a request was counted under.

use super::policy::Policy;
use lastseat_domain::ports::rate_limit::LimitKey;
use lastseat_domain::{Allowance, Quota};
use parking_lot::Mutex;
use std::sync::Arc;

/// Empty if nothing limits the request. Clones share their content.
#[derive(Clone, Default)]
pub struct AppliedLimits(Option<Arc<Mutex<Vec<AppliedLimit>>>>);

#[derive(Clone)]
pub struct AppliedLimit {
    pub policy: Policy,
    pub quota: Quota,
    /// What is left, as far as is known: the smaller of what this node and all nodes report.
    pub allowance: Allowance,
    pub(super) key: LimitKey,
}

impl AppliedLimits {
    pub(super) fn new(limits: Vec<AppliedLimit>) -> Self {
        Self((!limits.is_empty()).then(|| Arc::new(Mutex::new(limits))))
    }

    /// A copy of the limits as they are now.
    #[must_use]
    pub fn list(&self) -> Vec<AppliedLimit> {
        self.0.as_ref().map(|limits| limits.lock().clone()).unwrap_or_default()
    }

    /// Notes what another limiter reports about the limit at this index, if that leaves less.
    pub(super) fn lower(&self, index: usize, allowance: Allowance) {
        let Some(limits) = &self.0 else { return };
        if let Some(limit) = limits.lock().get_mut(index)
            && allowance.remaining < limit.allowance.remaining
        {
            limit.allowance = allowance;
        }
    }
}

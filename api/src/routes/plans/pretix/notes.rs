//! What of pretix's plan is not taken over, and what is refused.

use super::json::Rest;
use lastseat_domain::Rejection;
use std::collections::BTreeMap;

/// What is not taken over: how often, by what it is.
#[derive(Default)]
pub(super) struct Notes(BTreeMap<String, u64>);

impl Notes {
    pub fn count(&mut self, what: String, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    /// Members that are not known.
    pub fn rest(&mut self, of: &str, rest: &Rest) {
        for name in rest.keys() {
            self.count(format!("`{}` of {of}", name.escape_debug().take(64).collect::<String>()), 1);
        }
    }

    pub fn lines(self) -> Vec<String> {
        /// More different kinds than this are no plan's.
        const MOST: usize = 100;
        let line = |(what, times): (String, u64)| if times == 1 { what } else { format!("{what} ({times} times)") };
        self.0.into_iter().take(MOST).map(line).collect()
    }
}

pub(super) fn invalid(field: &'static str, why: String) -> Rejection {
    Rejection::InvalidPlan { field, why }
}

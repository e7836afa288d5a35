//! Appends that go to the log together.

use super::answers::{Heading, answer};
use crate::failure::Failure;
use crate::served_log::ServedLog;
use crate::wire::streams::BatchAppendResp;
use crate::write::{Draft, outcome};
use lastseat_domain::ports::event_log::{Expected, LogFault, StreamWrite};
use std::sync::Arc;
use std::time::Duration;

/// They have the same time left.
#[derive(Default)]
pub(super) struct Group {
    pub(super) time_limit: Duration,
    headings: Vec<(Heading, Expected)>,
    writes: Vec<Vec<StreamWrite>>,
    bytes: usize,
}

/// What became of appends, and how much of the call's bounds they give back.
pub(super) struct Done {
    pub(super) answers: Vec<BatchAppendResp>,
    pub(super) bytes: usize,
}

impl Group {
    pub(super) fn new(time_limit: Duration) -> Self {
        Self { time_limit, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    pub(super) fn add(&mut self, heading: Heading, draft: Draft) {
        self.bytes += draft.bytes();
        self.headings.push((heading, draft.expected));
        self.writes.push(vec![draft.into_write()]);
    }

    /// Nothing of it is answered before the log has answered.
    pub(super) async fn carry_out(self, served: Arc<ServedLog>) -> Done {
        let Self { time_limit, headings, writes, bytes } = self;
        let results = tokio::time::timeout(time_limit, served.log.append_each(writes)).await;
        let answers = match results {
            Ok(results) => {
                let missing = || Err(LogFault::OutcomeUnknown("the log has no answer for the append".to_owned()));
                let results = results.into_iter().chain(std::iter::repeat_with(missing));
                let answers = headings.into_iter().zip(results);
                answers.map(|((heading, expected), result)| answer(heading, outcome(expected, result))).collect()
            }
            Err(_) => headings.into_iter().map(|(heading, _)| answer(heading, Err(Failure::TimedOut))).collect(),
        };
        Done { answers, bytes }
    }
}

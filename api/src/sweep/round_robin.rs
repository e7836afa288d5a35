//! Serves all in turn where one pass can't do everything.

/// Where the next pass goes on.
#[derive(Debug)]
pub(super) struct RoundRobin<T> {
    last: Option<T>,
}

impl<T> Default for RoundRobin<T> {
    fn default() -> Self {
        Self { last: None }
    }
}

impl<T: Ord + Clone> RoundRobin<T> {
    /// At most so many of these, after those of the pass before: some may be found in every pass, and would keep the
    /// others waiting.
    pub fn take(&mut self, mut found: Vec<T>, most: usize) -> Vec<T> {
        found.sort_unstable();
        found.dedup();
        let next = found.partition_point(|it| Some(it) <= self.last.as_ref());
        found.rotate_left(next);
        found.truncate(most);
        self.last = found.last().cloned();
        found
    }
}

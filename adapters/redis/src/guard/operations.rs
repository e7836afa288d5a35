//! The guard's scripts. Each script's header says what it takes and replies.

use crate::script::Script;

/// One script an operation.
pub(crate) struct Operations {
    pub(crate) lock_seats: Script,
    pub(crate) lock_any: Script,
    pub(crate) extend_lock: Script,
    pub(crate) release_seats: Script,
    pub(crate) mark_sold: Script,
    pub(crate) unmark_sold: Script,
}

impl Operations {
    pub(crate) fn new() -> Self {
        Self {
            lock_seats: Script::new("lock_seats", include_str!("../../../../lua/lock_seats.lua")),
            lock_any: Script::new("lock_any", include_str!("../../../../lua/lock_any.lua")),
            extend_lock: Script::new("extend_lock", include_str!("../../../../lua/extend_lock.lua")),
            release_seats: Script::new("release_seats", include_str!("../../../../lua/release_seats.lua")),
            mark_sold: Script::new("mark_sold", include_str!("../../../../lua/mark_sold.lua")),
            unmark_sold: Script::new("unmark_sold", include_str!("../../../../lua/unmark_sold.lua")),
        }
    }

    /// Puts another script in the place of the one of this name, if there is one.
    #[cfg(feature = "twins")]
    pub(crate) fn replace(&mut self, name: &str, source: &'static str) -> bool {
        let Self { lock_seats, lock_any, extend_lock, release_seats, mark_sold, unmark_sold } = self;
        let all = [lock_seats, lock_any, extend_lock, release_seats, mark_sold, unmark_sold];
        let found = all.into_iter().find(|script| script.name == name);
        found.map(|script| *script = Script::new(script.name, source)).is_some()
    }

    pub(crate) fn all(&self) -> [&Script; 6] {
        [&self.lock_seats, &self.lock_any, &self.extend_lock, &self.release_seats, &self.mark_sold, &self.unmark_sold]
    }
}

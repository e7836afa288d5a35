//! What has to be recorded, by account: one thing of an account at a time, and the accounts take turns.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Work by key. Of each key, one item at a time is out.
pub(super) struct Queues<K, T> {
    /// Those with work waiting or out.
    waiting: HashMap<K, VecDeque<T>>,
    /// Those of which nothing is out, in the order of their turns.
    turns: VecDeque<K>,
}

impl<K, T> Default for Queues<K, T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Hash + Eq + Clone, T> Queues<K, T> {
    pub fn push(&mut self, key: K, item: T) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.push_back(item);
        } else {
            self.waiting.insert(key.clone(), VecDeque::from([item]));
            self.turns.push_back(key);
        }
    }

    /// The next item. Its key gets another turn with [`Self::done`].
    pub fn next(&mut self) -> Option<(K, T)> {
        let key = self.turns.pop_front()?;
        let item = self.waiting.get_mut(&key)?.pop_front()?;
        Some((key, item))
    }

    /// The item of this key that was out is done.
    pub fn done(&mut self, key: &K) {
        if self.waiting.get(key).is_some_and(|waiting| !waiting.is_empty()) {
            self.turns.push_back(key.clone());
        } else {
            self.waiting.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_turns_and_have_one_item_out() {
        let mut queues = Queues::default();
        (0..3).for_each(|n| queues.push("agency", n));
        queues.push("anna", 7);
        assert_eq!((queues.next(), queues.next(), queues.next()), (Some(("agency", 0)), Some(("anna", 7)), None));
        queues.done(&"anna");
        assert!(queues.next().is_none(), "the agency's first is still out");
        queues.done(&"agency");
        queues.push("anna", 8);
        assert_eq!((queues.next(), queues.next()), (Some(("agency", 1)), Some(("anna", 8))));
        queues.push("agency", 3);
        queues.done(&"anna");
        for n in [2, 3] {
            queues.done(&"agency");
            assert_eq!(queues.next(), Some(("agency", n)));
        }
        queues.done(&"agency");
        assert!(queues.next().is_none() && queues.waiting.is_empty(), "nothing is left in memory");
    }
}

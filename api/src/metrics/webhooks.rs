//! Counts the notifications of the payment gateway, by what became of them.

use super::text::{family, sample};
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// Its signature is right, and it waits to be worked on.
    Accepted,
    BadSignature,
    /// Too large, broken off, or signed and no event.
    Unreadable,
    /// About test payments on a server for real ones, or the other way round.
    OtherMode,
    /// Too many were waiting.
    Busy,
}

const OUTCOMES: [(WebhookOutcome, &str); 5] = [
    (WebhookOutcome::Accepted, "accepted"),
    (WebhookOutcome::BadSignature, "bad_signature"),
    (WebhookOutcome::Unreadable, "unreadable"),
    (WebhookOutcome::OtherMode, "other_mode"),
    (WebhookOutcome::Busy, "busy"),
];

#[derive(Debug, Default)]
pub(super) struct Webhooks([AtomicU64; OUTCOMES.len()]);

impl Webhooks {
    pub(super) fn count(&self, outcome: WebhookOutcome) {
        if let Some(cell) = self.0.get(outcome as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn render(&self, text: &mut String) {
        family(text, "lastseat_webhooks_total", "counter", "Notifications of the payment gateway, by outcome.");
        for ((_, outcome), cell) in OUTCOMES.iter().zip(&self.0) {
            sample(text, &format!("lastseat_webhooks_total{{outcome=\"{outcome}\"}}"), cell.load(Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_under_its_name() {
        let webhooks = Webhooks::default();
        for (times, (outcome, _)) in OUTCOMES.iter().enumerate() {
            (0..times).for_each(|_| webhooks.count(*outcome));
        }
        let mut text = String::new();
        webhooks.render(&mut text);
        for (times, (_, name)) in OUTCOMES.iter().enumerate() {
            assert!(text.contains(&format!("lastseat_webhooks_total{{outcome=\"{name}\"}} {times}\n")), "{text}");
        }
    }
}

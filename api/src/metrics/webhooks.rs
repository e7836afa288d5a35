//! Counts the notifications of the payment gateway, by what became of them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

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

impl WebhookOutcome {
    const ALL: [Self; 5] = [Self::Accepted, Self::BadSignature, Self::Unreadable, Self::OtherMode, Self::Busy];

    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::BadSignature => "bad_signature",
            Self::Unreadable => "unreadable",
            Self::OtherMode => "other_mode",
            Self::Busy => "busy",
        }
    }
}

#[derive(Debug)]
pub(super) struct Webhooks(Family<[(&'static str, &'static str); 1], Counter>);

impl Webhooks {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let webhooks = Self(Family::default());
        registry.register("lastseat_webhooks", "Notifications of the payment gateway, by outcome", webhooks.0.clone());
        // All from the start, so that the first of its kind is an increase.
        WebhookOutcome::ALL.iter().for_each(|outcome| drop(webhooks.of(*outcome)));
        webhooks
    }

    pub(super) fn count(&self, outcome: WebhookOutcome) {
        self.of(outcome).inc();
    }

    fn of(&self, outcome: WebhookOutcome) -> Counter {
        self.0.get_or_create_owned(&[("outcome", outcome.name())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::prometheus_text::encode;

    #[test]
    fn each_outcome_is_counted_under_its_name() {
        let mut registry = Registry::default();
        let webhooks = Webhooks::register(&mut registry);
        for (times, outcome) in WebhookOutcome::ALL.iter().enumerate() {
            (0..times).for_each(|_| webhooks.count(*outcome));
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for (times, outcome) in WebhookOutcome::ALL.iter().enumerate() {
            assert!(text.contains(&format!("lastseat_webhooks_total{{outcome=\"{}\"}} {times}\n", outcome.name())), "{text}");
        }
    }
}

//! Counts mails, by what became of them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    Sent,
    /// The last try has failed, or there is no such mailbox.
    Failed,
    /// Too many were waiting.
    LeftOut,
    /// Its address was sent enough already.
    Limited,
}

impl MailOutcome {
    const ALL: [Self; 4] = [Self::Sent, Self::Failed, Self::LeftOut, Self::Limited];

    fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::LeftOut => "left_out",
            Self::Limited => "limited",
        }
    }
}

#[derive(Debug)]
pub(super) struct Mails(Family<[(&'static str, &'static str); 1], Counter>);

impl Mails {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mails = Self(Family::default());
        registry.register("lastseat_mails", "Mails to people with accounts, by outcome", mails.0.clone());
        // All from the start, so that the first of its kind is an increase.
        MailOutcome::ALL.iter().for_each(|outcome| drop(mails.of(*outcome)));
        mails
    }

    pub(super) fn count(&self, outcome: MailOutcome) {
        self.of(outcome).inc();
    }

    fn of(&self, outcome: MailOutcome) -> Counter {
        self.0.get_or_create_owned(&[("outcome", outcome.name())])
    }
}

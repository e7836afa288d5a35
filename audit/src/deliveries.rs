//! Who sends to an endpoint and how far it has got, as its stream says.

use super::code::Code;
use super::facts::DeliveryFact;
use super::report::Place;
use super::state::Audit;
use lastseat_domain::Envelope;
use lastseat_domain::event::Event;

impl Audit {
    pub(super) fn take_deliveries(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let (endpoint, position) = match &envelope.event {
            Event::DeliveriesCheckpointed(e) => (&e.endpoint, e.position),
            Event::DeliveryAbandoned(e) => (&e.endpoint, e.position),
            Event::DeliveriesReplayed(e) => (&e.endpoint, e.position),
            _ => return,
        };
        let own = envelope.stream.as_webhook().as_ref() == Some(endpoint);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about endpoint {endpoint}"));
        let fact = self.deliveries.entry(endpoint.clone()).or_default();
        let findings = &mut self.findings;
        findings.check(Code::DeliveriesBack, position < envelope.position, &place, || {
            format!("position {position} is not before it")
        });
        match &envelope.event {
            Event::DeliveriesCheckpointed(e) => {
                let free = fact.sender.is_none_or(|(sender, until)| sender == e.sender || until <= envelope.metadata.at);
                findings.check(Code::DeliveriesOverlap, free, &place, || {
                    format!("{} has sent until then, and {} takes over", fact.sender.unwrap_or_default().0, e.sender)
                });
                findings.check(Code::DeliveriesBack, fact.reached.is_none_or(|reached| reached <= position), &place, || {
                    format!("position {position} is before {}", fact.reached.unwrap_or_default())
                });
                let is_pending = !e.pending.is_empty();
                *fact = DeliveryFact { reached: Some(position), is_pending, sender: Some((e.sender, e.until)) };
            }
            Event::DeliveryAbandoned(_) => {
                findings.check(Code::DeliveriesOverlap, fact.sender.is_some(), &place, || "nobody sends".to_owned());
                findings.check(
                    Code::DeliveriesBack,
                    fact.is_pending || fact.reached.is_some_and(|reached| reached < position),
                    &place,
                    || format!("the message at {position} was done with before"),
                );
            }
            Event::DeliveriesReplayed(e) => {
                *fact = DeliveryFact { reached: Some(position), is_pending: !e.pending.is_empty(), sender: None };
            }
            _ => {}
        }
    }
}

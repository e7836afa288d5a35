//! Which revisions of which plans there are, as the log says, and that shows are on some of them.

use super::code::Code;
use super::report::Place;
use super::state::Audit;
use lastseat_domain::Envelope;
use lastseat_domain::event::{Event, ShowScheduled};

impl Audit {
    pub(super) fn take_plan(&mut self, envelope: &Envelope) {
        let Event::PlanDrawn(e) = &envelope.event else { return };
        let place = Place::of(envelope);
        let own = envelope.stream.as_plan().is_some_and(|of_stream| of_stream == e.plan);
        self.findings.check(Code::WrongStream, own, &place, || format!("it draws plan {}", e.plan));
        if own {
            self.plans.entry(e.plan.clone()).or_default().take(e, &place, &mut self.findings);
        }
    }

    /// A show with the drawn plan that it names.
    pub(super) fn on_plan(&mut self, mut show: ShowScheduled, place: &Place) -> ShowScheduled {
        let Some(named) = &mut show.plan else { return show };
        let found = self.plans.get(&named.plan).and_then(|fact| fact.whole.iter().find(|drawn| drawn.revision == named.revision));
        named.drawn = found.cloned();
        let (known, revision, plan) = (found.is_some(), named.revision, named.plan.clone());
        self.findings.check(Code::PlanUnknown, known, place, || format!("there is no revision {revision} of plan {plan}"));
        let one = show.areas.is_empty();
        self.findings.check(Code::SeatNotInPlan, one, place, || "a show on a plan has areas of its own".to_owned());
        show
    }
}

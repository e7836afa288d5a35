//! Campaigns, as their streams say: what they issue, and whether they have ended.

use super::code::Code;
use super::facts::CampaignFact;
use super::report::Place;
use super::state::Audit;
use lastseat_domain::event::{CampaignStarted, Event};
use lastseat_domain::{CampaignId, Envelope, StreamName};
use std::sync::Arc;

impl Audit {
    pub(super) fn take_campaign(&mut self, envelope: &Envelope) {
        let place = Place::of(envelope);
        let campaign = match &envelope.event {
            Event::CampaignStarted(e) => e.campaign,
            Event::CampaignCompleted(e) => e.campaign,
            Event::CampaignEndRequested(e) => e.campaign,
            Event::CampaignEnded(e) => e.campaign,
            _ => return,
        };
        let own = envelope.stream.as_campaign() == Some(campaign);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about campaign {campaign}"));
        match &envelope.event {
            Event::CampaignStarted(e) => self.start_campaign(e, &place),
            Event::CampaignCompleted(_) => self.complete_campaign(campaign, &place),
            Event::CampaignEndRequested(_) => {
                let fact = self.campaigns.get_mut(&campaign).filter(|fact| !fact.ending);
                self.findings.check(Code::CampaignEndDiffers, fact.is_some(), &place, || {
                    format!("there is no campaign {campaign}, or its end was requested before")
                });
                if let Some(fact) = fact {
                    fact.ending = true;
                }
            }
            _ => self.end_campaign(campaign, &place),
        }
    }

    fn start_campaign(&mut self, e: &CampaignStarted, place: &Place) {
        let new = !self.campaigns.contains_key(&e.campaign);
        self.findings.check(Code::OpenedTwice, new, place, || format!("campaign {} is there already", e.campaign));
        if new {
            self.campaigns.insert(e.campaign, CampaignFact::new(Arc::new(e.terms.clone()), e.count));
        }
    }

    fn complete_campaign(&mut self, campaign: CampaignId, place: &Place) {
        let fact = self.campaigns.get_mut(&campaign);
        let whole = fact.as_ref().is_some_and(|fact| fact.created == fact.count && !fact.completed);
        self.findings.check(Code::CampaignDiffers, whole, place, || {
            let created = fact.as_ref().map_or(0, |fact| fact.created);
            format!("campaign {campaign} is completed with {created} vouchers, or was before")
        });
        if let Some(fact) = fact {
            fact.completed = true;
        }
    }

    fn end_campaign(&mut self, campaign: CampaignId, place: &Place) {
        let fact = self.campaigns.get_mut(&campaign);
        let right = fact.as_ref().is_some_and(|fact| {
            let withdrawn = fact.completed && fact.withdrawn == fact.count;
            withdrawn && fact.ending && !fact.ended
        });
        self.findings.check(Code::CampaignEndDiffers, right, place, || {
            let withdrawn = fact.as_ref().map_or(0, |fact| fact.withdrawn);
            format!("campaign {campaign} has ended with {withdrawn} vouchers withdrawn, or before that was requested")
        });
        if let Some(fact) = fact {
            fact.ended = true;
        }
    }

    /// What campaigns have still to do. It has no deadline: there may be many vouchers.
    pub(super) fn finish_campaigns(&mut self) {
        for (id, fact) in &self.campaigns {
            let CampaignFact { count, created, withdrawn, .. } = fact;
            let text = match (fact.ending, fact.completed, fact.ended) {
                (true, _, false) => format!("{withdrawn} of {count} vouchers are withdrawn"),
                (false, false, _) => format!("{created} of {count} vouchers are there"),
                _ => continue,
            };
            self.findings.pending(StreamName::campaign(*id), text);
        }
    }
}

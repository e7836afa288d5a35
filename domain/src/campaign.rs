//! A campaign: vouchers with the same terms, issued together. Its stream says what is issued; each voucher has a
//! stream of its own.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{CampaignCompleted, CampaignStarted, Event};
use crate::ids::CampaignId;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;

/// Most vouchers of one campaign.
pub const MAX_VOUCHERS: u32 = 100_000;

/// A campaign, as its events describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Terms and number of its vouchers.
    pub started: CampaignStarted,
    /// When it was started.
    pub started_at: Timestamp,
    /// Whether all its vouchers are there.
    pub completed: bool,
}

/// What can be requested of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignCommand {
    /// Issue its vouchers.
    Start(Box<CampaignStarted>),
    /// Record that all its vouchers are there.
    Complete,
}

impl Decider for Campaign {
    type Id = CampaignId;
    type State = Option<Self>;
    type Command = CampaignCommand;

    fn stream(id: &CampaignId) -> StreamName {
        StreamName::campaign(*id)
    }

    fn initial() -> Option<Self> {
        None
    }

    fn decide(id: &CampaignId, state: &Option<Self>, command: CampaignCommand) -> Result<Vec<Event>, Rejection> {
        match (state, command) {
            (None, CampaignCommand::Complete) => Err(Rejection::CampaignNotFound),
            (Some(known), CampaignCommand::Complete) if known.completed => Ok(vec![]),
            (Some(_), CampaignCommand::Complete) => Ok(vec![CampaignCompleted { campaign: *id }.into()]),
            (Some(known), CampaignCommand::Start(started)) if known.started == *started => Ok(vec![]),
            (Some(_), CampaignCommand::Start(_)) => Err(Rejection::IdempotencyKeyReused),
            (None, CampaignCommand::Start(started)) => {
                started.terms.check()?;
                if !(1..=MAX_VOUCHERS).contains(&started.count) {
                    let why = format!("`count` must be 1 to {MAX_VOUCHERS}");
                    return Err(Rejection::InvalidVoucher { field: "count", why });
                }
                Ok(vec![(*started).into()])
            }
        }
    }

    fn evolve(state: Option<Self>, event: &Event, at: Timestamp) -> Option<Self> {
        match event {
            Event::CampaignStarted(e) => state.or_else(|| Some(Self { started: e.clone(), started_at: at, completed: false })),
            Event::CampaignCompleted(_) => state.map(|campaign| Self { completed: true, ..campaign }),
            _ => state,
        }
    }
}

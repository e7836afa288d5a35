//! A campaign: vouchers with the same terms, issued together. Its stream says what is issued, and whether it was ended;
//! each voucher has a stream of its own.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{CampaignCompleted, CampaignEndRequested, CampaignEnded, CampaignStarted, Event};
use crate::ids::CampaignId;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use crate::voucher::check_reason;

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
    /// Its end, once somebody has requested it.
    pub end: Option<CampaignEnd>,
}

/// The end of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignEnd {
    /// Who wants it, and why.
    pub requested: CampaignEndRequested,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// Whether all its vouchers are withdrawn.
    pub reached: bool,
}

impl Campaign {
    /// Whether no voucher of it is left to be created or withdrawn.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.completed && self.end.as_ref().is_none_or(|end| end.reached)
    }
}

/// What can be requested of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignCommand {
    /// Issue its vouchers.
    Start(Box<CampaignStarted>),
    /// Record that all its vouchers are there.
    Complete,
    /// Let none of its vouchers be used any more.
    RequestEnd {
        /// Subject of the caller's token.
        by: String,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// Record that all its vouchers are withdrawn.
    End,
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
            (None, CampaignCommand::Complete | CampaignCommand::RequestEnd { .. } | CampaignCommand::End) => {
                Err(Rejection::CampaignNotFound)
            }
            (Some(known), CampaignCommand::Complete) if known.completed => Ok(vec![]),
            (Some(_), CampaignCommand::Complete) => Ok(vec![CampaignCompleted { campaign: *id }.into()]),
            (Some(known), CampaignCommand::RequestEnd { .. }) if known.end.is_some() => Ok(vec![]),
            (Some(_), CampaignCommand::RequestEnd { by, reason }) => {
                check_reason(reason.as_deref())?;
                Ok(vec![CampaignEndRequested { campaign: *id, by, reason }.into()])
            }
            (Some(known), CampaignCommand::End) => match &known.end {
                Some(end) if end.reached => Ok(vec![]),
                // A voucher that is created later could be used.
                Some(_) if known.completed => Ok(vec![CampaignEnded { campaign: *id }.into()]),
                _ => Err(Rejection::OutOfOrder {
                    step: "Ending a campaign before its vouchers are there and its end is requested",
                }),
            },
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
            Event::CampaignStarted(e) => {
                state.or_else(|| Some(Self { started: e.clone(), started_at: at, completed: false, end: None }))
            }
            Event::CampaignCompleted(_) => state.map(|campaign| Self { completed: true, ..campaign }),
            Event::CampaignEndRequested(e) => state.map(|campaign| {
                let end = || CampaignEnd { requested: e.clone(), requested_at: at, reached: false };
                Self { end: Some(campaign.end.unwrap_or_else(end)), ..campaign }
            }),
            Event::CampaignEnded(_) => state.map(|campaign| {
                let end = campaign.end.map(|end| CampaignEnd { reached: true, ..end });
                Self { end, ..campaign }
            }),
            _ => state,
        }
    }
}

//! A show: whether it can be scheduled and changed, and whether it is on sale.

use crate::Timestamp;
use crate::block::TILL;
use crate::decider::Decider;
use crate::event::{Event, SalesPaused, SalesResumed, ShowCancelled, ShowRefundsRequested, ShowScheduled};
use crate::ids::{BuyerId, ChannelId, ShowId};
use crate::plan::{Plan, PlanBook};
use crate::position::Revision;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use validate::validate;

mod pricing;
mod revise;
mod validate;

pub use revise::{DetailChanges, ShowChanges};
pub use validate::{MAX_AMOUNT, MAX_PRICE_TYPES, MAX_SEATS, MAX_SEATS_PER_BOOKING};

/// Whether new holds are possible, apart from the sale window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaleState {
    /// They are.
    Selling,
    /// Not until sales are resumed.
    Paused,
    /// Never again.
    Cancelled,
}

/// A show, as its events describe it.
#[derive(Debug, Clone)]
pub struct Show {
    /// The show as it was scheduled, with what was changed since. In its areas, what was added to one is an area of its
    /// own: see [`merged`](crate::plan::merged).
    pub facts: Arc<ShowScheduled>,
    /// Its seats by index.
    pub plan: Arc<Plan>,
    /// Whether new holds are possible.
    pub sale: SaleState,
    /// Revision of the last event of its stream that changed its facts: bookings are priced at it.
    pub revision: Revision,
    /// Revision of the last event of its stream.
    pub head: Revision,
    /// The show as it was scheduled.
    pub scheduled: Arc<ShowScheduled>,
    /// Who requested that all its bookings are refunded, if anybody has.
    pub refunds_requested_by: Option<String>,
}

impl Show {
    /// Whether what each buyer has is counted: only if it had a limit for them from the start.
    #[must_use]
    pub fn counts_buyers(&self) -> bool {
        self.scheduled.max_seats_per_buyer.is_some()
    }

    /// The show with other facts, as an event at `revision` has made them.
    #[must_use]
    pub fn with_facts(self, facts: Arc<ShowScheduled>, revision: Revision) -> Self {
        Self { plan: Arc::new(Plan::of(&facts)), facts, revision, head: revision, ..self }
    }

    /// The show with what the plan that it is on looks like, which its own stream doesn't tell.
    #[must_use]
    pub fn with_plan(self, plans: &PlanBook) -> Self {
        if self.facts.plan.is_none() {
            return self;
        }
        let with_plan = |facts: &ShowScheduled| Arc::new(plans.with_plan(facts.clone()));
        let (facts, scheduled) = (with_plan(&self.facts), with_plan(&self.scheduled));
        Self { plan: Arc::new(Plan::of(&facts)), facts, scheduled, ..self }
    }

    /// Checks that a hold is possible at `now`.
    ///
    /// # Errors
    /// The [`Rejection`] that says why it isn't.
    pub fn check_on_sale(&self, now: Timestamp) -> Result<(), Rejection> {
        let show = || self.facts.show.clone();
        match self.sale {
            SaleState::Cancelled => return Err(Rejection::ShowCancelled { show: show() }),
            SaleState::Paused => return Err(Rejection::SalesPaused { show: show() }),
            SaleState::Selling => {}
        }
        if let Some(opens_at) = self.facts.sale_opens_at.filter(|t| now < *t) {
            return Err(Rejection::SaleNotOpen { show: show(), opens_at });
        }
        if let Some(closed_at) = self.facts.sale_closes_at.filter(|t| *t <= now) {
            return Err(Rejection::SaleClosed { show: show(), closed_at });
        }
        Ok(())
    }
}

impl Show {
    /// Checks that this buyer may book here.
    ///
    /// # Errors
    /// [`Rejection::GuestsRefused`]: a guest in the open sale of a show that wants none.
    pub fn check_buyer(&self, buyer: &BuyerId, channel: Option<&ChannelId>) -> Result<(), Rejection> {
        let at_till = channel.is_some_and(|channel| channel.as_str() == TILL);
        if self.facts.guests || at_till || !buyer.is_guest() {
            return Ok(());
        }
        Err(Rejection::GuestsRefused { show: self.facts.show.clone() })
    }
}

impl Decider for Show {
    type Id = ShowId;
    type State = Option<Self>;
    type Command = ShowCommand;

    fn stream(id: &ShowId) -> StreamName {
        StreamName::show(id)
    }

    fn initial() -> Option<Self> {
        None
    }

    fn decide(_id: &ShowId, state: &Option<Self>, command: ShowCommand) -> Result<Vec<Event>, Rejection> {
        decide(state.as_ref(), command)
    }

    fn evolve(state: Option<Self>, event: &Event, _at: Timestamp) -> Option<Self> {
        evolve(state, event)
    }

    fn evolve_at(state: Option<Self>, event: &Event, _at: Timestamp, revision: Revision) -> Option<Self> {
        evolve_at(state, event, revision)
    }
}

/// What can be requested of a show.
#[derive(Debug, Clone)]
pub enum ShowCommand {
    /// Put a new show on sale.
    Schedule(Box<ShowScheduled>),
    /// Change what new holds and readers see of it.
    Revise {
        /// What is to become of it.
        changes: Box<ShowChanges>,
        /// The revision that the changes are for; refused if there is a later one. `None` for whichever there is.
        expected: Option<Revision>,
    },
    /// Refuse new holds until sales are resumed.
    Pause,
    /// Allow holds again.
    Resume,
    /// Refuse new holds for good, because the show won't take place.
    Cancel,
    /// Refund all bookings of a cancelled show.
    RequestRefunds {
        /// Subject of the token of the person who requests it.
        by: String,
    },
}

/// See [`Decider::decide`]. `None` is a show that was never scheduled.
///
/// # Errors
/// The [`Rejection`] that says why the command is refused.
pub fn decide(state: Option<&Show>, command: ShowCommand) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (None, ShowCommand::Schedule(show)) => {
            validate(&show)?;
            Ok(vec![Event::ShowScheduled(*show)])
        }
        // It may have been changed since.
        (Some(state), ShowCommand::Schedule(show)) if *state.scheduled == *show => Ok(vec![]),
        (Some(state), ShowCommand::Schedule(_)) => Err(Rejection::ShowExists { show: state.facts.show.clone() }),
        (None, _) => Err(Rejection::ShowNotFound),
        (Some(state), ShowCommand::Cancel) if state.sale == SaleState::Cancelled => Ok(vec![]),
        (Some(state), ShowCommand::Cancel) => Ok(vec![ShowCancelled { show: state.facts.show.clone() }.into()]),
        (Some(state), ShowCommand::RequestRefunds { .. }) if state.sale != SaleState::Cancelled => {
            Err(Rejection::NotCancelled { show: state.facts.show.clone() })
        }
        (Some(state), ShowCommand::RequestRefunds { .. }) if state.refunds_requested_by.is_some() => Ok(vec![]),
        (Some(state), ShowCommand::RequestRefunds { by }) => {
            Ok(vec![ShowRefundsRequested { show: state.facts.show.clone(), by }.into()])
        }
        (Some(state), _) if state.sale == SaleState::Cancelled => {
            Err(Rejection::ShowCancelled { show: state.facts.show.clone() })
        }
        (Some(state), ShowCommand::Revise { changes, expected }) => {
            let is_current = expected.is_none_or(|expected| expected == state.revision);
            match revise::revise(&state.facts, state.counts_buyers(), *changes) {
                Ok(None) => Ok(vec![]),
                _ if !is_current => Err(Rejection::ShowChanged { show: state.facts.show.clone(), revision: state.revision }),
                Ok(Some(revised)) => Ok(vec![revised.into()]),
                Err(rejection) => Err(rejection),
            }
        }
        (Some(state), ShowCommand::Pause) if state.sale == SaleState::Selling => {
            Ok(vec![SalesPaused { show: state.facts.show.clone() }.into()])
        }
        (Some(state), ShowCommand::Resume) if state.sale == SaleState::Paused => {
            Ok(vec![SalesResumed { show: state.facts.show.clone() }.into()])
        }
        (Some(_), ShowCommand::Pause | ShowCommand::Resume) => Ok(vec![]),
    }
}

/// See [`Decider::evolve`]. Takes the event for the next of its stream.
#[must_use]
pub fn evolve(state: Option<Show>, event: &Event) -> Option<Show> {
    let revision = state.as_ref().map_or(0, |show| show.head + 1);
    evolve_at(state, event, revision)
}

/// See [`Decider::evolve_at`].
#[must_use]
pub fn evolve_at(state: Option<Show>, event: &Event, revision: Revision) -> Option<Show> {
    if let Event::ShowScheduled(facts) = event {
        let scheduled = Arc::new(facts.clone());
        let plan = Arc::new(Plan::of(facts));
        let facts = Arc::clone(&scheduled);
        return Some(Show {
            facts,
            plan,
            sale: SaleState::Selling,
            revision,
            head: revision,
            scheduled,
            refunds_requested_by: None,
        });
    }
    let show = state?;
    let sale = match event {
        Event::ShowRevised(revised) => {
            let facts = Arc::new(revised.applied_to(&show.facts));
            return Some(show.with_facts(facts, revision));
        }
        Event::SalesPaused(_) => SaleState::Paused,
        Event::SalesResumed(_) => SaleState::Selling,
        Event::ShowCancelled(_) => SaleState::Cancelled,
        Event::ShowRefundsRequested(e) => {
            return Some(Show { refunds_requested_by: Some(e.by.clone()), head: revision, ..show });
        }
        _ => return Some(show),
    };
    Some(Show { sale, head: revision, ..show })
}

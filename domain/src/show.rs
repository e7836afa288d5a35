//! A show: whether it can be scheduled, and whether it is on sale.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{Event, SalesPaused, SalesResumed, ShowCancelled, ShowScheduled};
use crate::ids::ShowId;
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use validate::validate;

mod validate;

pub use validate::{MAX_AMOUNT, MAX_SEATS, MAX_SEATS_PER_BOOKING};

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
    /// The show as it was scheduled.
    pub facts: Arc<ShowScheduled>,
    /// Its seats by index.
    pub plan: Arc<Plan>,
    /// Whether new holds are possible.
    pub sale: SaleState,
}

impl Show {
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
}

/// What can be requested of a show.
#[derive(Debug, Clone)]
pub enum ShowCommand {
    /// Put a new show on sale.
    Schedule(Box<ShowScheduled>),
    /// Refuse new holds until sales are resumed.
    Pause,
    /// Allow holds again.
    Resume,
    /// Refuse new holds for good, because the show won't take place.
    Cancel,
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
        (Some(state), ShowCommand::Schedule(show)) if *state.facts == *show => Ok(vec![]),
        (Some(state), ShowCommand::Schedule(_)) => Err(Rejection::ShowExists { show: state.facts.show.clone() }),
        (None, _) => Err(Rejection::ShowNotFound),
        (Some(state), ShowCommand::Cancel) if state.sale == SaleState::Cancelled => Ok(vec![]),
        (Some(state), ShowCommand::Cancel) => Ok(vec![ShowCancelled { show: state.facts.show.clone() }.into()]),
        (Some(state), _) if state.sale == SaleState::Cancelled => {
            Err(Rejection::ShowCancelled { show: state.facts.show.clone() })
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

/// See [`Decider::evolve`].
#[must_use]
pub fn evolve(state: Option<Show>, event: &Event) -> Option<Show> {
    let sale = match event {
        Event::ShowScheduled(facts) => {
            return Some(Show {
                plan: Arc::new(Plan::new(&facts.areas, &facts.categories)),
                facts: Arc::new(facts.clone()),
                sale: SaleState::Selling,
            });
        }
        Event::SalesPaused(_) => SaleState::Paused,
        Event::SalesResumed(_) => SaleState::Selling,
        Event::ShowCancelled(_) => SaleState::Cancelled,
        _ => return state,
    };
    state.map(|show| Show { sale, ..show })
}

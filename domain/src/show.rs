//! A show: its plan, its prices, its limits, and whether it sells.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{Category, Event, SalesPaused, SalesResumed, ShowCancelled, ShowScheduled};
use crate::ids::{AreaId, CategoryId, SeatId, ShowId, StreamName};
use crate::rejection::Rejection;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Most seats and units of one show. Keeps a mistyped capacity from filling the memory.
pub const MAX_SEATS: usize = 200_000;
/// Most seats that a show may allow in one booking.
pub const MAX_SEATS_PER_BOOKING: u32 = 100;
/// The most that one payment can take, in minor units: what gateways accept (Stripe: eight digits).
pub const MAX_AMOUNT: i64 = 99_999_999;

/// A part of the plan: labelled rows or unlabelled places, in one price category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its id.
    pub area: AreaId,
    /// Its price category.
    pub category: CategoryId,
    /// Rows of labelled seats; empty for an unlabelled area.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Number of places of an unlabelled area; absent for a labelled one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// A row of labelled seats: `row` `A` of 40 has the seats `A-1` to `A-40`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What stands before the dash of its seats' labels; unique in the show.
    pub row: String,
    /// How many seats.
    pub seats: u32,
    /// Numbers of the seats behind which an aisle or pillar parts the row, so that best available
    /// does not call the seats on both sides neighbours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps_after: Vec<u32>,
}

/// A line of the reward table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// What the voucher is good for.
    pub reward: String,
    /// How often it is drawn, relative to the others; at least 1.
    pub weight: u32,
}

/// One place of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSeat {
    /// Its id.
    pub seat: SeatId,
    /// Index into [`Plan::areas`].
    pub area: u32,
    /// Price in minor units.
    pub price: i64,
    /// Its row, counted through the whole show. Units are of no row.
    pub row: Option<u32>,
    /// Its stretch of a row without gaps, counted likewise: seats of one block stand side by side in
    /// plan order. Units are of no block.
    pub block: Option<u32>,
}

/// Part of a plan: where an area's seats are in [`Plan::seats`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedArea {
    /// Its id.
    pub area: AreaId,
    /// Its price category.
    pub category: CategoryId,
    /// Price of each of its seats, minor units.
    pub price: i64,
    /// Whether its seats have labels.
    pub labelled: bool,
    /// Index of its first seat.
    pub first: u32,
    /// Number of its seats.
    pub capacity: u32,
}

/// The plan of a show, laid out: every seat has an index that never changes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All seats, area by area, row by row, in order.
    pub seats: Vec<PlannedSeat>,
    /// All areas.
    pub areas: Vec<PlannedArea>,
    index: HashMap<SeatId, u32>,
}

impl Plan {
    /// The index of a seat. `None` if the show has no such seat.
    #[must_use]
    pub fn index_of(&self, seat: &SeatId) -> Option<u32> {
        self.index.get(seat).copied()
    }

    /// The seat at an index.
    #[must_use]
    pub fn seat(&self, index: u32) -> Option<&PlannedSeat> {
        self.seats.get(index as usize)
    }

    /// The area of that id.
    #[must_use]
    pub fn area(&self, area: &AreaId) -> Option<&PlannedArea> {
        self.areas.iter().find(|a| a.area == *area)
    }

    /// The area that a seat is in.
    #[must_use]
    pub fn area_of(&self, seat: &PlannedSeat) -> Option<&PlannedArea> {
        self.areas.get(seat.area as usize)
    }

    /// Lays out a checked show.
    fn of(show: &ShowScheduled) -> Self {
        let mut plan = Self { seats: Vec::new(), areas: Vec::new(), index: HashMap::new() };
        let price_of: HashMap<&CategoryId, i64> = show.categories.iter().map(|c| (&c.category, c.price)).collect();
        let (mut rows, mut block) = (0, 0);
        for (area_index, area) in (0_u32..).zip(&show.areas) {
            let price = price_of.get(&area.category).copied().unwrap_or_default();
            let first = plan.seats.len();
            for row in &area.rows {
                let gaps: HashSet<u32> = row.gaps_after.iter().copied().collect();
                for number in 1..=row.seats {
                    plan.push(SeatId::in_row(&row.row, number), area_index, price, Some((rows, block)));
                    if gaps.contains(&number) {
                        block += 1;
                    }
                }
                block += 1;
                rows += 1;
            }
            for number in 1..=area.capacity.unwrap_or(0) {
                plan.push(SeatId::unit(&area.area, number), area_index, price, None);
            }
            plan.areas.push(PlannedArea {
                area: area.area.clone(),
                category: area.category.clone(),
                price,
                labelled: area.capacity.is_none(),
                first: small(first),
                capacity: small(plan.seats.len() - first),
            });
        }
        plan
    }

    fn push(&mut self, seat: SeatId, area: u32, price: i64, place: Option<(u32, u32)>) {
        self.index.insert(seat.clone(), small(self.seats.len()));
        self.seats.push(PlannedSeat { seat, area, price, row: place.map(|p| p.0), block: place.map(|p| p.1) });
    }
}

/// Counts of seats fit in 32 bits: [`MAX_SEATS`] sees to it.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whether a show takes new holds, its window apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleState {
    /// It does.
    Selling,
    /// Not until resumed.
    Paused,
    /// Never again.
    Cancelled,
}

/// A show as its stream tells it.
#[derive(Debug, Clone)]
pub struct Show {
    /// What was scheduled.
    pub facts: Arc<ShowScheduled>,
    /// The plan, laid out.
    pub plan: Arc<Plan>,
    /// Whether it sells.
    pub sale: SaleState,
}

impl Show {
    /// Whether a hold may be taken at `now`.
    ///
    /// # Errors
    /// The [`Rejection`] that says why not.
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

/// What may be asked of a show.
#[derive(Debug, Clone)]
pub enum ShowCommand {
    /// Put it on sale.
    Schedule(ShowScheduled),
    /// Take no new holds.
    Pause,
    /// Take holds again.
    Resume,
    /// Take no holds ever again.
    Cancel,
}

/// Decides. `None` is a show that was never scheduled.
///
/// # Errors
/// A named [`Rejection`].
pub fn decide(state: Option<&Show>, command: ShowCommand) -> Result<Vec<Event>, Rejection> {
    match (state, command) {
        (None, ShowCommand::Schedule(show)) => {
            check(&show)?;
            Ok(vec![show.into()])
        }
        (Some(state), ShowCommand::Schedule(show)) if *state.facts == show => Ok(vec![]),
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

/// Folds one event.
#[must_use]
pub fn evolve(state: Option<Show>, event: &Event) -> Option<Show> {
    let sale = match event {
        Event::ShowScheduled(facts) => {
            return Some(Show { plan: Arc::new(Plan::of(facts)), facts: Arc::new(facts.clone()), sale: SaleState::Selling });
        }
        Event::SalesPaused(_) => SaleState::Paused,
        Event::SalesResumed(_) => SaleState::Selling,
        Event::ShowCancelled(_) => SaleState::Cancelled,
        _ => return state,
    };
    state.map(|show| Show { sale, ..show })
}

/// Whether a show makes sense. The first thing that does not is named.
fn check(show: &ShowScheduled) -> Result<(), Rejection> {
    let wrong = |field: &'static str, why: String| Err(Rejection::InvalidShow { field, why });
    if show.title.trim().is_empty() || show.title.len() > 200 || show.title.chars().any(char::is_control) {
        return wrong("title", "must be 1 to 200 bytes of text".into());
    }
    if !(1..=MAX_SEATS_PER_BOOKING).contains(&show.max_seats_per_booking) {
        return wrong("max_seats_per_booking", format!("must be 1 to {MAX_SEATS_PER_BOOKING}"));
    }
    if show.max_seats_per_buyer.is_some_and(|n| n < 1) {
        return wrong("max_seats_per_buyer", "must be at least 1; leave it out for no limit".into());
    }
    if !(1..=86_400).contains(&show.hold_seconds) {
        return wrong("hold_seconds", "must be 1 to 86400".into());
    }
    if let (Some(opens), Some(closes)) = (show.sale_opens_at, show.sale_closes_at)
        && closes <= opens
    {
        return wrong("sale_closes_at", "must be after sale_opens_at".into());
    }
    check_categories(&show.categories, show.max_seats_per_booking)?;
    check_areas(show)?;
    if show.rewards.len() > 100
        || show.rewards.iter().any(|r| r.weight == 0 || r.reward.trim().is_empty() || r.reward.len() > 200)
    {
        return wrong(
            "rewards",
            "must be at most 100 lines, each with a text of 1 to 200 bytes and a weight of at least 1".into(),
        );
    }
    Ok(())
}

fn check_categories(categories: &[Category], most_seats: u32) -> Result<(), Rejection> {
    let wrong = |why: String| Err(Rejection::InvalidShow { field: "categories", why });
    let mut seen = HashSet::new();
    for category in categories {
        if !seen.insert(&category.category) {
            return wrong(format!("`{}` stands there twice", category.category));
        }
        let most = MAX_AMOUNT / i64::from(most_seats.max(1));
        if !(0..=most).contains(&category.price) {
            return wrong(format!(
                "the price of `{}` must be 0 to {most} minor units, so that {most_seats} seats can be paid at once",
                category.category
            ));
        }
    }
    Ok(())
}

fn check_areas(show: &ShowScheduled) -> Result<(), Rejection> {
    let wrong = |why: String| Err(Rejection::InvalidShow { field: "areas", why });
    let (mut areas, mut rows, mut total) = (HashSet::new(), HashSet::new(), 0_usize);
    for area in &show.areas {
        if !areas.insert(&area.area) {
            return wrong(format!("`{}` stands there twice", area.area));
        }
        if !show.categories.iter().any(|c| c.category == area.category) {
            return wrong(format!("`{}` is in category `{}`, which is not in categories", area.area, area.category));
        }
        match (area.rows.is_empty(), area.capacity) {
            (true, Some(capacity)) if capacity > 0 => total = total.saturating_add(capacity as usize),
            (false, None) => {}
            _ => return wrong(format!("`{}` needs either rows or a capacity of at least 1", area.area)),
        }
        for row in &area.rows {
            let label_ok = (1..=16).contains(&row.row.len()) && row.row.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !label_ok {
                return wrong(format!(
                    "row `{}` of `{}`: a row is 1 to 16 letters, digits or '_'",
                    row.row.escape_debug(),
                    area.area
                ));
            }
            if !rows.insert(&row.row) {
                return wrong(format!("row `{}` stands there twice", row.row));
            }
            if row.seats == 0 {
                return wrong(format!("row `{}` has no seats", row.row));
            }
            if let Some(gap) = row.gaps_after.iter().find(|gap| !(1..=row.seats).contains(gap)) {
                return wrong(format!("row `{}` has a gap after seat {gap}, which it does not have", row.row));
            }
            total = total.saturating_add(row.seats as usize);
        }
    }
    if total == 0 || total > MAX_SEATS {
        return wrong(format!("a show has 1 to {MAX_SEATS} seats, not {total}"));
    }
    Ok(())
}

//! A block of seats in an answer.

use super::names;
use lastseat_domain::{BlockId, ShowId, Timestamp, seat_state};
use lastseat_engine::{BlockStatus, SeatInState};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A seat and its state, for staff.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatOfBlock)]
pub struct SeatState {
    #[schema(example = "A-1")]
    pub seat: String,
    /// Its state.
    #[schema(value_type = names::SeatStateForStaff, example = "blocked")]
    pub state: &'static str,
}

impl SeatState {
    pub fn of(seat: &SeatInState) -> Self {
        Self { seat: seat.seat.to_string(), state: for_staff(seat.state) }
    }
}

/// What buyers see as `unavailable` is `blocked` for staff.
fn for_staff(state: seat_state::SeatState) -> &'static str {
    match state {
        seat_state::SeatState::Unavailable => "blocked",
        state => state.name(),
    }
}

/// A block with its seats.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Block)]
pub struct BlockJson {
    #[serde(flatten)]
    pub block: BlockSummary,
    /// The seats that it was opened with. Those that are not `blocked` were bought from it, or it was lifted.
    pub seats: Vec<SeatState>,
    /// The seats that were asked for and are not in it. Only in the answer to the request that opens it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub not_blocked: Vec<SeatState>,
}

/// A block.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockSummary {
    #[schema(value_type = String, format = Uuid)]
    pub id: BlockId,
    #[schema(value_type = String, example = "demo")]
    pub show: ShowId,
    /// Whether it keeps its seats.
    #[schema(value_type = names::BlockStatus, example = "open")]
    pub status: &'static str,
    /// Why, for staff.
    #[schema(example = "Sponsor")]
    pub reason: String,
    /// Where its seats are sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sponsor", nullable = false)]
    pub channel: Option<String>,
    /// Whether a code opens it.
    pub has_access_code: bool,
    /// Number of its seats.
    #[schema(example = 2)]
    pub quantity: usize,
    /// How many of them are in which state.
    pub states: BTreeMap<String, u32>,
    /// Subject of the token that opened it.
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub lifted_at: Option<Timestamp>,
}

impl BlockSummary {
    /// `None` if it was never opened.
    pub fn of(status: &BlockStatus) -> Option<Self> {
        let block = &status.block;
        let (opened, opened_at) = (block.opened.as_ref()?, block.opened_at?);
        let mut states: BTreeMap<String, u32> = BTreeMap::new();
        for seat in &status.seats {
            *states.entry(for_staff(seat.state).to_owned()).or_default() += 1;
        }
        Some(Self {
            id: opened.block,
            show: opened.show.clone(),
            status: if block.is_open() { "open" } else { "lifted" },
            reason: opened.reason.clone(),
            channel: opened.channel.as_ref().map(ToString::to_string),
            has_access_code: opened.access_code.is_some(),
            quantity: opened.seats.len(),
            states,
            by: opened.by.clone(),
            opened_at,
            lifted_at: block.lifted_at,
        })
    }
}

impl BlockJson {
    /// `None` if it was never opened.
    pub fn of(status: &BlockStatus) -> Option<Self> {
        let seats = status.seats.iter().map(SeatState::of).collect();
        Some(Self { block: BlockSummary::of(status)?, seats, not_blocked: vec![] })
    }
}

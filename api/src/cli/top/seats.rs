//! What seats are to a buyer, and how many are what.

use serde::{Deserialize, Serialize};

/// What a seat is to a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    Available,
    Locked,
    InProcess,
    Booked,
    Unavailable,
    /// One that a later version has.
    #[serde(other)]
    Unknown,
}

impl SeatState {
    /// By the letter that a row of the seat map has for it.
    #[must_use]
    pub fn of_letter(letter: char) -> Self {
        match letter {
            'a' => Self::Available,
            'l' => Self::Locked,
            'i' => Self::InProcess,
            'b' => Self::Booked,
            'u' => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

/// Seats by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub available: u64,
    pub held: u64,
    pub in_payment: u64,
    pub sold: u64,
    /// Not on sale.
    pub blocked: u64,
    /// Places without labels that are not free: the public map does not say whether they are held or sold.
    pub taken: u64,
}

impl Counts {
    /// Counts some seats of a state.
    pub fn add(&mut self, state: SeatState, many: u64) {
        let count = match state {
            SeatState::Available => &mut self.available,
            SeatState::Locked => &mut self.held,
            SeatState::InProcess => &mut self.in_payment,
            SeatState::Booked => &mut self.sold,
            SeatState::Unavailable => &mut self.blocked,
            SeatState::Unknown => &mut self.taken,
        };
        *count = count.saturating_add(many);
    }

    /// All seats.
    #[must_use]
    pub fn total(&self) -> u64 {
        let all = [self.available, self.held, self.in_payment, self.sold, self.blocked, self.taken];
        all.into_iter().fold(0, u64::saturating_add)
    }
}

/// Answer to `GET /v1/shows/{show}/seats` in rows, as far as it is counted.
#[derive(Debug, Deserialize)]
pub struct SeatRows {
    areas: Vec<AreaOfRows>,
}

#[derive(Debug, Deserialize)]
struct AreaOfRows {
    capacity: u64,
    available: u64,
    rows: Option<Vec<RowOfLetters>>,
}

#[derive(Debug, Deserialize)]
struct RowOfLetters {
    seats: String,
}

impl SeatRows {
    /// Its seats by state.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for area in &self.areas {
            match &area.rows {
                Some(rows) => rows.iter().flat_map(|row| row.seats.chars()).for_each(|c| counts.add(SeatState::of_letter(c), 1)),
                None => {
                    counts.add(SeatState::Available, area.available);
                    counts.add(SeatState::Unknown, area.capacity.saturating_sub(area.available));
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn letters_are_counted_as_seats_are() {
        let rows: SeatRows = serde_json::from_value(json!({ "areas": [
            { "area": "stalls", "labelled": true, "capacity": 3, "available": 1, "rows": [
                { "row": "A", "seats": "ba" }, { "row": "B", "seats": "l" },
            ]},
            { "area": "balcony", "labelled": true, "capacity": 2, "available": 0, "rows": [{ "row": "A", "seats": "u?" }]},
            { "area": "floor", "labelled": false, "capacity": 9, "available": 7 },
        ]}))
        .unwrap();
        assert_eq!(rows.counts(), Counts { available: 8, held: 1, in_payment: 0, sold: 1, blocked: 1, taken: 3 });
        let read = |name: &str| serde_json::from_value::<SeatState>(json!(name)).unwrap();
        assert_eq!((read("in_process"), read("haunted")), (SeatState::InProcess, SeatState::Unknown));
    }
}

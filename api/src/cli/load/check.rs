//! After the race: does the server show exactly what was won, and was no seat sold twice?

use super::client::{Connection, NoAnswer};
use super::race::Finish;
use super::seats::{SeatMap, Won};
use crate::cli::terminal::{Paint, count, say, thousands};
use lastseat_domain::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the seat map may take to show what was answered.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_NAMED: usize = 10;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// What was checked and holds, in words.
    pub verified: Vec<String>,
    /// What does not hold.
    pub violations: Vec<String>,
    /// What could not be checked, and why.
    pub unverified: Vec<String>,
    /// Not wrong, but worth knowing.
    pub notes: Vec<String>,
    /// Whether two buyers were given one seat.
    pub sold_twice: bool,
}

impl Verdict {
    /// The server could not be asked any more.
    #[must_use]
    pub fn unavailable(error: &NoAnswer) -> Self {
        let why = format!("the seats and the event log: {error}; start the server again and run `lastseat verify`");
        Self { unverified: vec![why], ..Self::default() }
    }

    /// Compares the answers that the buyers got with each other and with the seat map.
    ///
    /// # Errors
    /// [`NoAnswer`] if the server does not show its seats any more.
    pub async fn of_seats(
        connection: &mut Connection,
        show: &str,
        before: &SeatMap,
        finish: &Finish,
        now: impl Fn() -> Timestamp,
    ) -> Result<Self, NoAnswer> {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let after = SeatMap::fetch(connection, show).await?;
            let verdict = Self::compare(before, &after, &finish.won, now());
            // Waiting turns no double sale into a single one.
            if verdict.violations.is_empty() || verdict.sold_twice || Instant::now() >= given_up {
                return Ok(verdict);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn compare(before: &SeatMap, after: &SeatMap, won: &[Won], now: Timestamp) -> Self {
        let mut verdict = Self::default();
        let mut owners: BTreeMap<&str, u64> = BTreeMap::new();
        for seat in won.iter().flat_map(|booking| &booking.seats) {
            *owners.entry(&seat.seat).or_default() += 1;
        }
        let twice: Vec<String> = owners
            .iter()
            .filter(|(_, owners)| **owners > 1)
            .map(|(seat, owners)| format!("seat {seat} was given to {owners} buyers"))
            .collect();
        verdict.sold_twice = !twice.is_empty();
        verdict.found("no seat was given to two buyers", twice);

        let states = after.states();
        let unsold =
            won.iter().filter(|booking| booking.paid).flat_map(|booking| booking.seats.iter().map(move |seat| (booking, seat)));
        let unsold: Vec<String> = unsold
            .filter_map(|(booking, seat)| {
                let state = states.get(seat.seat.as_str()).filter(|state| **state != "booked")?;
                Some(format!("seat {} was paid for (booking {}), but is shown as {state}", seat.seat, booking.id))
            })
            .collect();
        verdict.found("every seat that was paid for is booked", unsold);

        // A hold that was not paid for may be over by now, and its seats free again.
        let live = |booking: &&Won| booking.paid || booking.expires_at > now;
        let least: u64 = won.iter().filter(live).map(seats).sum();
        let most: u64 = won.iter().map(seats).sum();
        let gone = before.available().saturating_sub(after.available());
        if gone < least {
            verdict.violations.push(format!(
                "{} won, but only {} left the show's free ones",
                count(least, "seat was", "seats were"),
                thousands(gone)
            ));
        } else {
            verdict.verified.push(format!("the show has {} fewer free than before", count(gone, "seat", "seats")));
        }
        if gone > most {
            verdict.notes.push(format!(
                "{} taken meanwhile besides those won here: by other buyers, or by requests whose answer was lost",
                count(gone - most, "seat was", "seats were")
            ));
        }
        verdict
    }

    /// Whether no rule was broken.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// Prints it for people.
    pub fn print(&self, paint: Paint) {
        for note in &self.notes {
            say(&format!("  {} {note}", paint.dim("note:")));
        }
        for what in &self.unverified {
            say(&format!("  {} {what}", paint.yellow("could not be verified:")));
        }
        if self.holds() && !self.verified.is_empty() {
            say(&format!("  {} no seat sold twice", paint.green("verified:")));
            for what in &self.verified {
                say(&format!("    {} {what}", paint.green("✓")));
            }
        }
        for violation in &self.violations {
            say(&format!("  {} {violation}", paint.red("VIOLATION:")));
        }
    }

    fn found(&mut self, holds: &str, mut violations: Vec<String>) {
        if violations.is_empty() {
            self.verified.push(holds.to_owned());
            return;
        }
        let more = violations.len().saturating_sub(MOST_NAMED);
        violations.truncate(MOST_NAMED);
        self.violations.extend(violations);
        if more > 0 {
            self.violations.push(format!("… and {} more of that kind", thousands(more as u64)));
        }
    }
}

fn seats(booking: &Won) -> u64 {
    booking.seats.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(state: &str, free: u64) -> SeatMap {
        serde_json::from_value(json!({
            "seats": [{ "seat": "A-1", "state": state }],
            "areas": [{ "area": "stalls", "labelled": true, "available": free }],
        }))
        .unwrap()
    }

    fn won(seat: &str, paid: bool) -> Won {
        let json = json!({ "id": "b", "seats": [{ "seat": seat }], "token": "t", "expires_at": "2026-01-01T00:10:00Z" });
        Won { paid, ..serde_json::from_value(json).unwrap() }
    }

    fn compare(state: &str, free: u64, bookings: &[Won], now: &str) -> Verdict {
        Verdict::compare(&map("available", 1), &map(state, free), bookings, now.parse().unwrap())
    }

    const EARLY: &str = "2026-01-01T00:00:00Z";
    const LATE: &str = "2026-01-01T00:10:00Z";

    #[test]
    fn one_winner_is_fine() {
        let verdict = compare("booked", 0, &[won("A-1", true)], EARLY);
        assert!(verdict.violations.is_empty(), "{verdict:?}");
        assert_eq!(verdict.verified.len(), 3);
        assert!(verdict.notes.is_empty());
    }

    #[test]
    fn two_winners_of_one_seat_are_found() {
        let verdict = compare("booked", 0, &[won("A-1", true), won("A-1", true)], EARLY);
        assert!(verdict.violations.contains(&"seat A-1 was given to 2 buyers".to_owned()), "{verdict:?}");
    }

    #[test]
    fn a_paid_seat_that_is_free_is_found() {
        let verdict = compare("available", 1, &[won("A-1", true)], LATE);
        assert_eq!(verdict.violations.len(), 2, "{verdict:?}");
    }

    #[test]
    fn a_hold_may_be_over() {
        assert_eq!(compare("available", 1, &[won("A-1", false)], EARLY).violations.len(), 1);
        assert!(compare("available", 1, &[won("A-1", false)], LATE).violations.is_empty());
    }

    #[test]
    fn others_may_buy_too() {
        let verdict = compare("booked", 0, &[], EARLY);
        assert!(verdict.violations.is_empty());
        assert_eq!(verdict.notes.len(), 1);
    }
}

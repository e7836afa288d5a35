//! What is printed on a ticket, besides its code.

use chrono_tz::Tz;
use lastseat_domain::SeatId;
use lastseat_domain::Timestamp;
use lastseat_domain::plan::Plan;
use lastseat_domain::show::Show;

/// The show, as each of its tickets names it.
pub struct PrintedShow {
    pub title: String,
    pub venue: Option<String>,
    /// When it begins, by the clocks of the venue.
    pub starts: Option<String>,
    /// When the doors open, likewise.
    pub doors: Option<String>,
}

/// Where a seat is.
#[derive(Default)]
pub struct Place {
    pub area: Option<String>,
    pub category: Option<String>,
    /// What a drawn plan prints.
    pub section: Option<String>,
    pub row: Option<String>,
    pub label: Option<String>,
}

/// One ticket.
pub struct PrintedTicket {
    pub seat: String,
    pub place: Place,
    pub price_type: Option<String>,
    pub code: String,
}

impl PrintedShow {
    #[must_use]
    pub fn of(show: &Show) -> Self {
        let details = &show.facts.details;
        let zone = details.timezone.as_deref();
        let local = |time: Option<Timestamp>| time.map(|time| local_time(time, zone));
        let (starts, doors) = (local(details.starts_at), local(details.doors_at));
        Self { title: show.facts.title.clone(), venue: details.venue.clone(), starts, doors }
    }
}

/// By the clocks of a time zone; in UTC if it is not known.
fn local_time(time: Timestamp, zone: Option<&str>) -> String {
    match zone.and_then(|name| name.parse::<Tz>().ok()) {
        Some(zone) => time.with_timezone(&zone).format("%a %-d %b %Y, %H:%M").to_string(),
        None => time.format("%a %-d %b %Y, %H:%M UTC").to_string(),
    }
}

impl Place {
    /// Empty for a seat that the plan does not have.
    #[must_use]
    pub fn of(plan: &Plan, seat: &SeatId) -> Self {
        let Some(index) = plan.index_of(seat) else { return Self::default() };
        let area = plan.seat(index).and_then(|planned| plan.area_of(planned));
        let printed = plan.printed(index);
        Self {
            area: area.map(|area| area.area.as_str().to_owned()),
            category: area.map(|area| area.category.as_str().to_owned()),
            section: printed.as_ref().and_then(|printed| printed.section).map(str::to_owned),
            row: printed.as_ref().map(|printed| printed.row.to_owned()),
            label: printed.map(|printed| printed.label.into_owned()),
        }
    }
}

impl PrintedTicket {
    /// The seat in words: `Stalls, row 3, seat 12`, or its id where no plan says more.
    #[must_use]
    pub fn seat_in_words(&self) -> String {
        let Place { section, row, label, .. } = &self.place;
        match (row, label) {
            (Some(row), Some(label)) => {
                let section = section.as_ref().map(|section| format!("{section}, ")).unwrap_or_default();
                format!("{section}row {row}, seat {label}")
            }
            _ => format!("Seat {}", self.seat),
        }
    }

    /// Category and price type.
    #[must_use]
    pub fn kind(&self) -> String {
        let both = [self.place.category.as_deref(), self.price_type.as_deref()];
        both.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_venue() {
        let summer: Timestamp = "2030-06-01T17:30:00Z".parse().unwrap();
        let winter: Timestamp = "2030-12-01T23:30:00Z".parse().unwrap();
        assert_eq!(local_time(summer, Some("Europe/Vienna")), "Sat 1 Jun 2030, 19:30");
        assert_eq!(local_time(winter, Some("Europe/Vienna")), "Mon 2 Dec 2030, 00:30");
        assert_eq!(local_time(summer, None), "Sat 1 Jun 2030, 17:30 UTC");
        assert_eq!(local_time(summer, Some("Nowhere/Atall")), "Sat 1 Jun 2030, 17:30 UTC");
    }
}

//! Zones of pretix's plan as areas: their rows, ids, labels, places and aisles.

use super::json::{Place, Row, Zone};
use super::names::Ids;
use super::notes::{Notes, invalid};
use crate::routes::wire::hundredths;
use lastseat_domain::plan::{DrawnArea, DrawnRow, DrawnSeat, Point, RowSeats};
use lastseat_domain::{AreaId, CategoryId, Rejection, SeatId};
use std::collections::HashMap;

/// Seats that are farther apart than this many times the usual have an aisle between them.
const AISLE: f64 = 1.5;

/// Reads the seats of one zone after the other.
pub(super) struct Seats<'a> {
    /// By name.
    categories: &'a HashMap<String, CategoryId>,
    sections: Ids,
    areas: Ids,
}

/// The part of a row that is in one category.
#[derive(Default)]
struct Part {
    seats: Vec<DrawnSeat>,
    /// The place in the whole row of the last of them.
    last: usize,
    gaps_after: Vec<u32>,
}

impl<'a> Seats<'a> {
    pub fn new(categories: &'a HashMap<String, CategoryId>) -> Self {
        Self { categories, sections: Ids::default(), areas: Ids::default() }
    }

    /// The areas of a zone, in the order in which its seats come to their categories. `number`: the zone's.
    pub fn areas_of(&mut self, number: u32, zone: &Zone, notes: &mut Notes) -> Result<Vec<DrawnArea>, Rejection> {
        let name = zone.name.trim();
        let section = if name.is_empty() { format!("Zone {number}") } else { name.to_owned() };
        let slug = self.sections.next(&section, &format!("zone-{number}"));
        let mut order: Vec<&CategoryId> = Vec::new();
        let mut rows: HashMap<&CategoryId, Vec<DrawnRow>> = HashMap::new();
        for (row_number, row) in (1_usize..).zip(&zone.rows) {
            notes.rest("rows", &row.rest);
            let row_name = match row.row_number.trim() {
                "" => row_number.to_string(),
                name => name.to_owned(),
            };
            for (category, part) in self.parts_of(&slug, &row_name, zone, row, notes)? {
                if !order.contains(&category) {
                    order.push(category);
                }
                let seats = RowSeats::Listed(part.seats.into());
                rows.entry(category).or_default().push(DrawnRow { row: row_name.clone(), seats, gaps_after: part.gaps_after });
            }
            if row.seats.is_empty() {
                notes.count("rows without seats".to_owned(), 1);
            }
        }
        let is_one = order.len() == 1;
        let area = |category: &CategoryId| {
            let wanted = if is_one { slug.clone() } else { format!("{slug}-{category}") };
            let area = self.areas.next(&wanted, &wanted);
            Ok(DrawnArea {
                area: AreaId::new(&area).map_err(|e| invalid("zones", e.to_string()))?,
                section: Some(section.clone()),
                category: category.clone(),
                rows: rows.remove(category).unwrap_or_default(),
                capacity: None,
            })
        };
        order.into_iter().map(area).collect()
    }

    /// A row by category. Seats that are no neighbours in the row, or have an aisle between them, get a gap.
    fn parts_of(
        &self,
        zone_id: &str,
        row_name: &str,
        zone: &Zone,
        row: &Row,
        notes: &mut Notes,
    ) -> Result<Vec<(&'a CategoryId, Part)>, Rejection> {
        let aisles = aisles(row);
        let mut parts: Vec<(&CategoryId, Part)> = Vec::new();
        for (place, seat) in row.seats.iter().enumerate() {
            notes.rest("seats", &seat.rest);
            let category = self.categories.get(&seat.category).ok_or_else(|| {
                let (seat, category) = (seat.seat_guid.escape_debug(), seat.category.escape_debug());
                invalid("zones", format!("seat `{seat}` is in category `{category}`, which doesn't exist"))
            })?;
            let label = match seat.seat_number.trim() {
                "" => (place + 1).to_string(),
                number => number.to_owned(),
            };
            let id = match SeatId::new(&seat.seat_guid) {
                Ok(id) if !seat.seat_guid.contains(':') => id,
                _ => {
                    notes
                        .count("`seat_guid` of seats, which can't be ids: theirs are made of zone, row and number".to_owned(), 1);
                    derived(zone_id, row_name, &label)?
                }
            };
            let of = format!("seat `{id}`");
            let add =
                |along: fn(&Place) -> f64| hundredths(along(&zone.position) + along(&row.position) + along(&seat.position), &of);
            let at = Point { x: add(|place| place.x)?, y: add(|place| place.y)? };
            let next = parts.len();
            let known = parts.iter().position(|(known, _)| *known == category).unwrap_or(next);
            if known == next {
                parts.push((category, Part::default()));
            }
            let Some((_, part)) = parts.get_mut(known) else { continue };
            let is_parted = (part.last..place).any(|before| aisles.contains(&before)) || part.last + 1 < place;
            if !part.seats.is_empty() && is_parted {
                part.gaps_after.extend(u32::try_from(part.seats.len()));
            }
            part.seats.push(DrawnSeat { seat: id, label, at: Some(at) });
            part.last = place;
        }
        Ok(parts)
    }
}

/// An id of what is printed.
fn derived(zone: &str, row: &str, label: &str) -> Result<SeatId, Rejection> {
    let plain = |text: &str| -> String {
        let plain = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' });
        plain.take(16).collect()
    };
    let id = format!("{zone}.{}-{}", plain(row), plain(label));
    SeatId::new(&id).map_err(|_| {
        invalid("zones", format!("seat `{id}` can't have that id; give it a seat_guid of letters, digits, '-', '_' and '.'"))
    })
}

/// Places in a row that an aisle follows.
fn aisles(row: &Row) -> Vec<usize> {
    let steps: Vec<f64> = row
        .seats
        .windows(2)
        .filter_map(|pair| if let [a, b] = pair { Some(distance(&a.position, &b.position)) } else { None })
        .collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let Some(usual) = sorted.get(sorted.len() / 2).copied().filter(|usual| *usual > 0.0 && sorted.len() > 1) else {
        return vec![];
    };
    steps.iter().enumerate().filter(|(_, step)| **step > AISLE * usual).map(|(place, _)| place).collect()
}

fn distance(a: &Place, b: &Place) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

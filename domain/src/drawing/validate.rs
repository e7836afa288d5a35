//! Whether a plan can be drawn as its author wrote it.

use crate::ids::SeatId;
use crate::plan::{Drawing, DrawnArea, DrawnRow, DrawnSeat, RowSeats, Shape};
use crate::rejection::Rejection;
use crate::show::MAX_SEATS;
use std::collections::HashSet;

/// Most revisions of one plan.
pub const MAX_REVISIONS: u32 = 100;
/// Most seats that a row may list: a row is never cut in two.
pub const MAX_ROW_SEATS: usize = 1_000;
/// Most shapes.
pub const MAX_SHAPES: usize = 300;
const MAX_CATEGORIES: usize = 200;
const MAX_CORNERS: usize = 100;
/// Bytes of a name, and of a label.
const NAME: usize = 200;
const LABEL: usize = 64;

/// Checks everything and names the first thing that is wrong.
pub(super) fn validate(drawing: &Drawing) -> Result<(), Rejection> {
    if !is_text(&drawing.name, NAME) {
        return invalid("name", format!("`name` must be 1 to {NAME} bytes of text"));
    }
    validate_categories(drawing)?;
    validate_shapes(drawing)?;
    let (mut areas, mut total) = (HashSet::new(), 0_usize);
    let mut seats = Seats::default();
    for area in &drawing.areas {
        if !areas.insert(&area.area) {
            return invalid("areas", format!("area `{}` appears twice", area.area));
        }
        if !drawing.categories.iter().any(|known| known.category == area.category) {
            return invalid("areas", format!("area `{}` is in category `{}`, which doesn't exist", area.area, area.category));
        }
        if area.section.as_ref().is_some_and(|section| !is_text(section, LABEL)) {
            return invalid("areas", format!("the section of area `{}` must be 1 to {LABEL} bytes of text", area.area));
        }
        match (area.rows.is_empty(), area.capacity) {
            (true, Some(capacity)) if capacity > 0 => total = total.saturating_add(capacity as usize),
            (false, None) => {}
            _ => return invalid("areas", format!("area `{}` needs either rows or a capacity of at least 1", area.area)),
        }
        for row in &area.rows {
            validate_row(area, row)?;
            total = total.saturating_add(row.seats.len() as usize);
            seats.take(area, row)?;
        }
    }
    if total == 0 || total > MAX_SEATS {
        return invalid("areas", format!("a plan needs 1 to {MAX_SEATS} seats, but this one has {total}"));
    }
    seats.check()
}

fn validate_categories(drawing: &Drawing) -> Result<(), Rejection> {
    if drawing.categories.len() > MAX_CATEGORIES {
        return invalid("categories", format!("a plan has at most {MAX_CATEGORIES} categories"));
    }
    let mut seen = HashSet::new();
    for known in &drawing.categories {
        if !seen.insert(&known.category) {
            return invalid("categories", format!("category `{}` appears twice", known.category));
        }
        if known.name.iter().chain(&known.color).any(|text| !is_text(text, LABEL)) {
            return invalid("categories", format!("name and color of category `{}` must be 1 to {LABEL} bytes", known.category));
        }
    }
    Ok(())
}

fn validate_shapes(drawing: &Drawing) -> Result<(), Rejection> {
    if drawing.shapes.len() > MAX_SHAPES {
        return invalid("shapes", format!("a plan has at most {MAX_SHAPES} shapes"));
    }
    let corners: usize = drawing.shapes.iter().map(|shape| shape.points.len()).sum();
    if corners > MAX_CORNERS * 50 || drawing.shapes.iter().any(|shape| shape.points.len() > MAX_CORNERS) {
        return invalid("shapes", format!("a shape has at most {MAX_CORNERS} corners, and all together {}", MAX_CORNERS * 50));
    }
    let known = |shape: &Shape| ["rectangle", "circle", "ellipse", "polygon", "text"].contains(&shape.shape.as_str());
    if let Some(unknown) = drawing.shapes.iter().find(|shape| !known(shape)) {
        let shape = unknown.shape.escape_debug().take(LABEL).collect::<String>();
        return invalid("shapes", format!("`{shape}` is no shape; there are rectangle, circle, ellipse, polygon and text"));
    }
    let is_too_long = |text: &Option<String>, most| text.as_ref().is_some_and(|text| !is_text(text, most));
    if drawing.shapes.iter().any(|shape| is_too_long(&shape.text, NAME) || is_too_long(&shape.color, LABEL)) {
        return invalid("shapes", format!("the text of a shape must be 1 to {NAME} bytes, its color 1 to {LABEL}"));
    }
    let areas: HashSet<_> = drawing.areas.iter().map(|area| &area.area).collect();
    match drawing.shapes.iter().filter_map(|shape| shape.area.as_ref()).find(|area| !areas.contains(area)) {
        Some(area) => invalid("shapes", format!("a shape is the outline of area `{area}`, which doesn't exist")),
        None => Ok(()),
    }
}

fn validate_row(area: &DrawnArea, row: &DrawnRow) -> Result<(), Rejection> {
    let name = row.row.escape_debug();
    let place = format!("row `{}` of area `{}`", name.take(LABEL).collect::<String>(), area.area);
    if !is_text(&row.row, LABEL) {
        return invalid("areas", format!("{place} must be named by 1 to {LABEL} bytes of text"));
    }
    if row.seats.is_empty() {
        return invalid("areas", format!("{place} has no seats"));
    }
    match &row.seats {
        RowSeats::Count(seats) => {
            let is_plain = row.row.len() <= 16 && row.row.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_plain || SeatId::new(&format!("{}.{}-{seats}", area.area, row.row)).is_err() {
                let why = format!(
                    "{place} needs its seats listed with their ids: they follow only from a row named by 1 to 16 letters, \
                     digits or '_', and have at most 80 letters with the area"
                );
                return invalid("areas", why);
            }
        }
        RowSeats::Listed(seats) if seats.len() > MAX_ROW_SEATS => {
            return invalid("areas", format!("{place} lists more than {MAX_ROW_SEATS} seats"));
        }
        RowSeats::Listed(seats) => seats.iter().try_for_each(|seat| validate_seat(&place, seat))?,
    }
    if let Some(gap) = row.gaps_after.iter().find(|gap| !(1..=row.seats.len()).contains(gap)) {
        return invalid("areas", format!("{place} has a gap after seat {gap}, but no such seat"));
    }
    Ok(())
}

fn validate_seat(place: &str, seat: &DrawnSeat) -> Result<(), Rejection> {
    if seat.seat.as_str().contains(':') {
        let why = format!("seat `{}` in {place} has a colon, which is for places that are sold by quantity", seat.seat);
        return invalid("areas", why);
    }
    if !is_text(&seat.label, LABEL) {
        return invalid("areas", format!("the label of seat `{}` must be 1 to {LABEL} bytes of text", seat.seat));
    }
    Ok(())
}

/// The ids of a plan's seats, to find one that appears twice.
#[derive(Default)]
struct Seats<'a> {
    listed: HashSet<&'a SeatId>,
    /// Prefix and number of those that follow from their row.
    rows: Vec<(String, u32)>,
    names: HashSet<String>,
}

impl<'a> Seats<'a> {
    fn take(&mut self, area: &DrawnArea, row: &'a DrawnRow) -> Result<(), Rejection> {
        match &row.seats {
            RowSeats::Count(seats) => {
                let prefix = format!("{}.{}", area.area, row.row);
                if !self.names.insert(prefix.clone()) {
                    return invalid("areas", format!("row `{}` of area `{}` appears twice", row.row, area.area));
                }
                self.rows.push((prefix, *seats));
            }
            RowSeats::Listed(seats) => {
                for seat in seats.iter() {
                    if !self.listed.insert(&seat.seat) {
                        return invalid("areas", format!("seat `{}` appears twice", seat.seat));
                    }
                }
            }
        }
        Ok(())
    }

    /// No listed seat has the id of one that follows from its row.
    fn check(&self) -> Result<(), Rejection> {
        if self.listed.is_empty() {
            return Ok(());
        }
        for (prefix, seats) in &self.rows {
            if let Some(twice) = (1..=*seats).map(|n| SeatId::in_row(prefix, n)).find(|seat| self.listed.contains(seat)) {
                return invalid("areas", format!("seat `{twice}` appears twice"));
            }
        }
        Ok(())
    }
}

fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn invalid<T>(field: &'static str, why: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::InvalidPlan { field, why: why.into() })
}

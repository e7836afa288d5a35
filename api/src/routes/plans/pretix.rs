//! Reads a seating plan in pretix's JSON. What it has and a plan has not is reported, so that nothing gets lost unseen.
//!
//! A zone is a section, and an area for each category of its seats: prices belong to areas. Positions add up: zone, row,
//! seat. pretix has no aisles; seats of a row that are more than half as far apart again as usual have one between them.

mod json;
mod names;
mod notes;
mod seats;

pub use json::PretixPlan;
pub use names::slug;

use crate::routes::wire::hundredths;
use json::{Area, Place};
use lastseat_domain::plan::{Drawing, PlanCategory, Point, Shape};
use lastseat_domain::{CategoryId, Rejection};
use names::Ids;
use notes::{Notes, invalid};
use seats::Seats;
use std::collections::HashMap;

/// The drawing, and what of the plan is not in it.
///
/// # Errors
/// `InvalidPlan`.
pub fn read(plan: PretixPlan) -> Result<(Drawing, Vec<String>), Rejection> {
    let mut notes = Notes::default();
    notes.rest("the plan", &plan.rest);
    let (categories, known) = categories(&plan, &mut notes)?;
    let (mut areas, mut shapes) = (Vec::new(), Vec::new());
    let mut seats = Seats::new(&known);
    for (number, zone) in (1..).zip(&plan.zones) {
        notes.rest("zones", &zone.rest);
        areas.extend(seats.areas_of(number, zone, &mut notes)?);
        for area in &zone.areas {
            shapes.extend(shape(area, &zone.position, &mut notes)?);
        }
    }
    Ok((Drawing { name: plan.name, categories, shapes, areas }, notes.lines()))
}

type Categories = (Vec<PlanCategory>, HashMap<String, CategoryId>);

/// The categories, and their ids by name.
fn categories(plan: &PretixPlan, notes: &mut Notes) -> Result<Categories, Rejection> {
    let (mut list, mut known) = (Vec::new(), HashMap::new());
    let mut ids = Ids::default();
    for (number, category) in (1..).zip(&plan.categories) {
        notes.rest("categories", &category.rest);
        let id = ids.next(&category.name, &format!("category-{number}"));
        let id = CategoryId::new(&id).map_err(|e| invalid("categories", e.to_string()))?;
        if known.insert(category.name.clone(), id.clone()).is_some() {
            return Err(invalid("categories", format!("category `{}` appears twice", category.name.escape_debug())));
        }
        list.push(PlanCategory { category: id, name: Some(category.name.clone()), color: category.color.clone() });
    }
    Ok((list, known))
}

/// What pretix draws and doesn't sell.
fn shape(area: &Area, zone: &Place, notes: &mut Notes) -> Result<Option<Shape>, Rejection> {
    const OF: &str = "an area of a zone";
    notes.rest("areas of zones", &area.rest);
    if let Some(json::Text::Placed { rest, .. }) = &area.text {
        notes.rest("texts", rest);
    }
    let kind = area.shape.as_deref().unwrap_or("rectangle");
    if !["rectangle", "circle", "ellipse", "polygon", "text"].contains(&kind) {
        notes.count(format!("areas of the shape `{}`", kind.escape_debug()), 1);
        return Ok(None);
    }
    let point = |x: f64, y: f64| Ok::<_, Rejection>(Point { x: hundredths(x, OF)?, y: hundredths(y, OF)? });
    let (x, y) = (zone.x + area.position.x, zone.y + area.position.y);
    let both = |half: f64| (2.0 * half, 2.0 * half);
    let size = match (&area.rectangle, &area.circle, &area.ellipse, area.width.zip(area.height)) {
        (Some(size), ..) => Some((size.width, size.height)),
        (_, Some(circle), ..) => Some(both(circle.radius)),
        (_, _, Some(ellipse), _) => Some((2.0 * ellipse.radius.x, 2.0 * ellipse.radius.y)),
        (.., size) => size,
    };
    // pretix places rectangles by their corner.
    let corner = if kind == "rectangle" { size.unwrap_or_default() } else { (0.0, 0.0) };
    let points = area.polygon.iter().flat_map(|polygon| &polygon.points);
    Ok(Some(Shape {
        shape: kind.to_owned(),
        at: point(x + corner.0 / 2.0, y + corner.1 / 2.0)?,
        size: size.map(|(width, height)| point(width, height)).transpose()?,
        points: points.map(|at| point(at.x, at.y)).collect::<Result<_, _>>()?,
        rotation: hundredths(area.rotation.unwrap_or_default(), OF)?,
        color: area.color.clone().filter(|color| !color.trim().is_empty()),
        text: area.text.as_ref().map(json::Text::words).filter(|text| !text.trim().is_empty()).map(ToOwned::to_owned),
        area: None,
    }))
}

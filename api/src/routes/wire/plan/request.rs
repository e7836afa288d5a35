//! A plan to draw.

use super::parts::{PlanArea, PlanCategory, PlanRow, PlanSeat, PlanSeats, PlanShape};
use lastseat_domain::{PlanId, Rejection, plan};
use serde::Deserialize;
use utoipa::ToSchema;

/// Places are within a million of the plan's units.
const MOST: f64 = 1_000_000.0;

/// A plan to draw.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct NewPlan {
    /// Its id: 1 to 64 of a-z, 0-9, `-` and `_`. The parameter `plan` comes first; made from the name without either.
    #[schema(value_type = Option<String>, example = "house", min_length = 1, max_length = 64, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    pub plan: Option<PlanId>,
    /// For people.
    #[schema(example = "The old house", min_length = 1, max_length = 200)]
    pub name: String,
    /// How its categories are shown; those that no area is in but here are possible. Shows put the prices on them.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub categories: Vec<PlanCategory>,
    /// In the order of the seats.
    #[schema(min_items = 1)]
    pub areas: Vec<PlanArea>,
    /// What is drawn besides seats.
    #[serde(default)]
    #[schema(max_items = 300)]
    pub shapes: Vec<PlanShape>,
}

/// A number in hundredths.
pub fn hundredths(number: f64, of: &str) -> Result<i32, Rejection> {
    if number.is_finite() && number.abs() <= MOST {
        // It fits: a hundred million at most.
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        return Ok((number * 100.0).round() as i32);
    }
    Err(Rejection::InvalidPlan { field: "areas", why: format!("a place or size of {of} is more than a million away") })
}

impl TryFrom<NewPlan> for plan::Drawing {
    type Error = Rejection;

    /// # Errors
    /// `InvalidPlan`, for what the form of the JSON does not say.
    fn try_from(json: NewPlan) -> Result<Self, Rejection> {
        let mut categories: Vec<plan::PlanCategory> = json.categories.into_iter().map(Into::into).collect();
        for area in &json.areas {
            if !categories.iter().any(|known| known.category == area.category) {
                categories.push(plan::PlanCategory { category: area.category.clone(), name: None, color: None });
            }
        }
        Ok(Self {
            name: json.name,
            categories,
            shapes: json.shapes.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            areas: json.areas.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<PlanCategory> for plan::PlanCategory {
    fn from(json: PlanCategory) -> Self {
        Self { category: json.category, name: json.name, color: json.color }
    }
}

impl TryFrom<PlanArea> for plan::DrawnArea {
    type Error = Rejection;

    fn try_from(json: PlanArea) -> Result<Self, Rejection> {
        let rows = json.rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Self { area: json.area, section: json.section, category: json.category, rows, capacity: json.capacity })
    }
}

impl TryFrom<PlanRow> for plan::DrawnRow {
    type Error = Rejection;

    fn try_from(json: PlanRow) -> Result<Self, Rejection> {
        let seats = match json.seats {
            PlanSeats::Count(seats) => plan::RowSeats::Count(seats),
            PlanSeats::Listed(seats) => {
                plan::RowSeats::Listed(seats.into_iter().map(TryInto::try_into).collect::<Result<_, Rejection>>()?)
            }
        };
        Ok(Self { row: json.row, seats, gaps_after: json.gaps_after })
    }
}

impl TryFrom<PlanSeat> for plan::DrawnSeat {
    type Error = Rejection;

    fn try_from(json: PlanSeat) -> Result<Self, Rejection> {
        let at = match (json.x, json.y) {
            (Some(x), Some(y)) => {
                let of = format!("seat `{}`", json.seat);
                Some(plan::Point { x: hundredths(x, &of)?, y: hundredths(y, &of)? })
            }
            (None, None) => None,
            _ => {
                let why = format!("seat `{}` needs both `x` and `y`, or neither", json.seat);
                return Err(Rejection::InvalidPlan { field: "areas", why });
            }
        };
        Ok(Self { seat: json.seat, label: json.label, at })
    }
}

impl TryFrom<PlanShape> for plan::Shape {
    type Error = Rejection;

    fn try_from(json: PlanShape) -> Result<Self, Rejection> {
        const OF: &str = "a shape";
        let point = |x, y| Ok::<_, Rejection>(plan::Point { x: hundredths(x, OF)?, y: hundredths(y, OF)? });
        let size = match (json.width, json.height) {
            (None, None) => None,
            (width, height) => Some(point(width.or(height).unwrap_or_default(), height.or(width).unwrap_or_default())?),
        };
        Ok(Self {
            shape: json.shape,
            at: point(json.x, json.y)?,
            size,
            points: json.points.into_iter().map(|[x, y]| point(x, y)).collect::<Result<_, _>>()?,
            rotation: json.rotation.map_or(Ok(0), |degrees| hundredths(degrees, OF))?,
            color: json.color,
            text: json.text,
            area: json.area,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::plan::Hundredths;

    #[test]
    fn places_are_kept_to_a_hundredth() {
        for (number, text) in [(12.5, "12.5"), (-0.07, "-0.07"), (3.0, "3"), (999_999.99, "999999.99"), (1.006, "1.01")] {
            assert_eq!(Hundredths(hundredths(number, "x").unwrap()).to_string(), text);
        }
        for number in [f64::NAN, f64::INFINITY, 1_000_000.1, -1e300] {
            assert!(hundredths(number, "x").is_err());
        }
    }
}

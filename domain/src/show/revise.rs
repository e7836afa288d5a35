//! What of a show may change after it was put on sale, and what that comes to.

use super::validate::{validate, validate_terms};
use crate::Timestamp;
use crate::change::Change;
use crate::event::{Fees, ShowDetails, ShowRevised, ShowScheduled};
use crate::plan::{Area, Category, merged};
use crate::rejection::Rejection;
use std::collections::{BTreeMap, HashSet};

/// What is to become of a show. Members that are absent stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShowChanges {
    /// The name for people.
    pub title: Option<String>,
    /// What the show says to people.
    pub details: DetailChanges,
    /// All categories. Their prices are those of new holds.
    pub categories: Option<Vec<Category>>,
    /// What is added to the prices.
    pub fees: Option<Fees>,
    /// The whole plan: every area that there is, as it is or with more.
    pub areas: Option<Vec<Area>>,
    /// Most seats in one booking.
    pub max_seats_per_booking: Option<u32>,
    /// Most seats of one buyer.
    pub max_seats_per_buyer: Change<u32>,
    /// Whether guests may book.
    pub guests: Option<bool>,
    /// Whether guests have to solve a challenge.
    pub guest_challenge: Option<bool>,
    /// Seconds that a new hold lasts.
    pub hold_seconds: Option<u32>,
    /// First moment of the sale.
    pub sale_opens_at: Change<Timestamp>,
    /// First moment after the sale.
    pub sale_closes_at: Change<Timestamp>,
}

/// What is to become of what a show says to people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailChanges {
    /// Where it takes place.
    pub venue: Change<String>,
    /// When it begins.
    pub starts_at: Change<Timestamp>,
    /// When the doors open.
    pub doors_at: Change<Timestamp>,
    /// Time zone of the venue.
    pub timezone: Change<String>,
    /// For people.
    pub description: Change<String>,
    /// A picture.
    pub image_url: Change<String>,
    /// The shop's own data: names that go, and names that get a value.
    pub metadata: Change<BTreeMap<String, Option<String>>>,
}

impl DetailChanges {
    fn applied_to(self, before: &ShowDetails) -> ShowDetails {
        let before = before.clone();
        let metadata = match self.metadata {
            Change::Keep => before.metadata,
            Change::Remove => BTreeMap::new(),
            Change::Set(changes) => {
                let mut metadata = before.metadata;
                for (name, value) in changes {
                    match value {
                        Some(value) => drop(metadata.insert(name, value)),
                        None => drop(metadata.remove(&name)),
                    }
                }
                metadata
            }
        };
        ShowDetails {
            venue: self.venue.applied_to(before.venue),
            starts_at: self.starts_at.applied_to(before.starts_at),
            doors_at: self.doors_at.applied_to(before.doors_at),
            timezone: self.timezone.applied_to(before.timezone),
            description: self.description.applied_to(before.description),
            image_url: self.image_url.applied_to(before.image_url),
            metadata,
        }
    }
}

/// What the changes come to; `None` if the show is like that already. `counts_buyers`: whether what each buyer has is
/// counted.
pub(super) fn revise(facts: &ShowScheduled, counts_buyers: bool, changes: ShowChanges) -> Result<Option<ShowRevised>, Rejection> {
    if let (Some(plan), Some(_)) = (&facts.plan, &changes.areas) {
        let why =
            format!("the seats of a show on a plan are those of revision {} of plan `{}`, for good", plan.revision, plan.plan);
        return invalid("areas", why);
    }
    if let (Some(_), Some(categories)) = (&facts.plan, &changes.categories)
        && let Some(gone) = facts.categories.iter().find(|known| !categories.iter().any(|c| c.category == known.category))
    {
        return invalid("categories", format!("category `{}` can't be removed: the show is on a plan", gone.category));
    }
    let nothing = ShowRevised::of(facts.show.clone());
    let revised = ShowRevised {
        title: changes.title.filter(|title| *title != facts.title),
        details: Some(changes.details.applied_to(&facts.details)).filter(|details| *details != facts.details),
        categories: changes.categories.filter(|categories| *categories != facts.categories),
        fees: changes.fees.filter(|fees| *fees != facts.fees),
        added: changes.areas.map_or(Ok(vec![]), |areas| added(&merged(&facts.areas), areas))?,
        max_seats_per_booking: changes.max_seats_per_booking.filter(|most| *most != facts.max_seats_per_booking),
        max_seats_per_buyer: changes.max_seats_per_buyer.against(facts.max_seats_per_buyer.as_ref()),
        guests: changes.guests.filter(|welcome| *welcome != facts.guests),
        guest_challenge: changes.guest_challenge.filter(|asked| *asked != facts.guest_challenge),
        hold_seconds: changes.hold_seconds.filter(|seconds| *seconds != facts.hold_seconds),
        sale_opens_at: changes.sale_opens_at.against(facts.sale_opens_at.as_ref()),
        sale_closes_at: changes.sale_closes_at.against(facts.sale_closes_at.as_ref()),
        ..nothing.clone()
    };
    if revised == nothing {
        return Ok(None);
    }
    if matches!(revised.max_seats_per_buyer, Change::Set(_)) && !counts_buyers {
        let why = "a show that was put on sale without a limit for each buyer can't get one: nobody has counted what its \
                   buyers have";
        return invalid("max_seats_per_buyer", why);
    }
    let after = revised.applied_to(facts);
    match &after.plan {
        // Its seats and their categories stay.
        Some(_) => validate_terms(&after)?,
        None => validate(&ShowScheduled { areas: merged(&after.areas), ..after })?,
    }
    Ok(Some(revised))
}

/// What `wanted` has and the plan has not. Every seat that there is must stay as it is, for it may be somebody's.
fn added(plan: &[Area], wanted: Vec<Area>) -> Result<Vec<Area>, Rejection> {
    for known in plan {
        if !wanted.iter().any(|area| area.area == known.area) {
            return invalid("areas", format!("area `{}` can't be removed: list every area that there is", known.area));
        }
    }
    let mut added = Vec::new();
    let mut listed = HashSet::new();
    for area in wanted {
        if !listed.insert(area.area.clone()) {
            return invalid("areas", format!("area `{}` appears twice", area.area));
        }
        let Some(known) = plan.iter().find(|known| known.area == area.area) else {
            added.push(area);
            continue;
        };
        if area.category != known.category {
            return invalid("areas", format!("area `{}` stays in category `{}`", known.area, known.category));
        }
        if area.own_rows != known.own_rows {
            return invalid(
                "areas",
                format!("`own_rows` of area `{}` stays as it is: the ids of its seats follow from it", known.area),
            );
        }
        let Some(rows) = area.rows.strip_prefix(known.rows.as_slice()) else {
            let why = format!("the rows of area `{}` stay as they are; list them all, and new ones after them", known.area);
            return invalid("areas", why);
        };
        let capacity = match (known.capacity, area.capacity) {
            (None, None) => None,
            (Some(before), Some(after)) if after >= before => Some(after - before).filter(|more| *more > 0),
            (Some(before), Some(_)) => {
                return invalid("areas", format!("the capacity of area `{}` can't get smaller than {before}", known.area));
            }
            _ => return invalid("areas", format!("area `{}` stays one of rows, or of places", known.area)),
        };
        if capacity.is_some() || !rows.is_empty() {
            added.push(Area { rows: rows.to_vec(), capacity, ..known.clone() });
        }
    }
    Ok(added)
}

fn invalid<T>(field: &'static str, why: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::InvalidShow { field, why: why.into() })
}

//! Whether a show can be scheduled as its organiser wrote it.

use crate::event::{Discount, Reward, ShowScheduled, VoucherTerms};
use crate::ids::{CategoryId, SeatId};
use crate::plan::{Area, Category, Row};
use crate::rejection::Rejection;
use details::validate_details;
use std::collections::HashSet;

mod details;

/// Most seats of one show, places sold by quantity included. Keeps a mistyped capacity from
/// filling the memory.
pub const MAX_SEATS: usize = 200_000;
/// Most seats that a show may allow in one booking.
pub const MAX_SEATS_PER_BOOKING: u32 = 100;
/// Most price types of one category.
pub const MAX_PRICE_TYPES: usize = 50;
/// The most that one payment can take, in minor units: what gateways accept (Stripe: eight digits).
pub const MAX_AMOUNT: i64 = 99_999_999;

/// Checks everything and names the first thing that is wrong.
pub(super) fn validate(show: &ShowScheduled) -> Result<(), Rejection> {
    validate_terms(show)?;
    validate_seats(show)
}

/// Everything but the seats.
pub(super) fn validate_terms(show: &ShowScheduled) -> Result<(), Rejection> {
    if show.title.trim().is_empty() || show.title.len() > 200 || show.title.chars().any(char::is_control) {
        return invalid("title", "`title` must be 1 to 200 bytes of text");
    }
    validate_details(&show.details)?;
    if !(1..=MAX_SEATS_PER_BOOKING).contains(&show.max_seats_per_booking) {
        return invalid("max_seats_per_booking", format!("`max_seats_per_booking` must be 1 to {MAX_SEATS_PER_BOOKING}"));
    }
    if show.max_seats_per_buyer.is_some_and(|n| n < 1) {
        return invalid("max_seats_per_buyer", "`max_seats_per_buyer` must be at least 1; leave it out for no limit");
    }
    if !(1..=86_400).contains(&show.hold_seconds) {
        return invalid("hold_seconds", "`hold_seconds` must be 1 to 86400");
    }
    if let (Some(opens), Some(closes)) = (show.sale_opens_at, show.sale_closes_at)
        && closes <= opens
    {
        return invalid("sale_closes_at", "`sale_closes_at` must be after sale_opens_at");
    }
    validate_prices(show)?;
    if show.rewards.len() > 100
        || show.rewards.iter().any(|r| r.weight == 0 || r.reward.trim().is_empty() || r.reward.len() > 200)
    {
        return invalid(
            "rewards",
            "`rewards` must be at most 100 lines, each with a text of 1 to 200 bytes and a weight of at least 1",
        );
    }
    show.rewards.iter().try_for_each(|reward| validate_discount(reward, show))
}

/// What a reward's code is worth is what any voucher may be worth, in the show's currency.
fn validate_discount(reward: &Reward, show: &ShowScheduled) -> Result<(), Rejection> {
    let Some(discount) = &reward.discount else { return Ok(()) };
    let wrong = |why: &str| invalid("rewards", format!("the discount of `{}` is invalid: {why}", reward.reward));
    match VoucherTerms::once(discount.clone()).check() {
        Err(Rejection::InvalidVoucher { why, .. }) => return wrong(&why),
        checked => checked?,
    }
    match discount {
        Discount::Amount(amount) if amount.currency != show.currency => {
            wrong(&format!("`amount` must be in {}, as the show's prices", show.currency))
        }
        _ => Ok(()),
    }
}

fn invalid<T>(field: &'static str, why: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::InvalidShow { field, why: why.into() })
}

/// One payment can cover a booking of as many seats as the show allows, fees included.
fn validate_prices(show: &ShowScheduled) -> Result<(), Rejection> {
    let (seats, fees) = (i64::from(show.max_seats_per_booking.max(1)), show.fees);
    if !(0..=MAX_AMOUNT).contains(&fees.per_booking) || !(0..=MAX_AMOUNT).contains(&fees.per_seat) {
        return invalid("fees", format!("each of the `fees` must be 0 to {MAX_AMOUNT} minor units"));
    }
    let most = (MAX_AMOUNT - fees.per_booking) / seats - fees.per_seat;
    if most < 0 {
        return invalid(
            "fees",
            format!("the `fees` of {seats} seats come to more than {MAX_AMOUNT} minor units, the most of one payment"),
        );
    }
    let mut seen = HashSet::new();
    for category in &show.categories {
        if !seen.insert(&category.category) {
            return invalid("categories", format!("category `{}` appears twice", category.category));
        }
        validate_price_types(category)?;
        let types = category.price_types.iter().map(|known| known.price);
        if std::iter::once(category.price).chain(types).any(|price| !(0..=most).contains(&price)) {
            return invalid(
                "categories",
                format!(
                    "the price of `{}` must be 0 to {most} minor units, so that one payment can cover {seats} seats",
                    category.category
                ),
            );
        }
    }
    Ok(())
}

fn validate_price_types(category: &Category) -> Result<(), Rejection> {
    let (name, types) = (&category.category, &category.price_types);
    if types.len() > MAX_PRICE_TYPES {
        return invalid("categories", format!("category `{name}` has more than {MAX_PRICE_TYPES} price types"));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = types.iter().find(|known| !seen.insert(&known.price_type)) {
        return invalid("categories", format!("price type `{}` of category `{name}` appears twice", twice.price_type));
    }
    if types.first().is_some_and(|first| first.price != category.price) {
        return invalid("categories", format!("category `{name}` needs either a price or price types"));
    }
    Ok(())
}

/// A show has areas of its own, or those of a plan.
fn validate_seats(show: &ShowScheduled) -> Result<(), Rejection> {
    let Some(plan) = &show.plan else { return validate_areas(show) };
    if !show.areas.is_empty() {
        return invalid("areas", "a show has either areas of its own or a plan");
    }
    let Some(drawn) = &plan.drawn else {
        return invalid("plan", format!("there is no revision {} of plan `{}`", plan.revision, plan.plan));
    };
    let has_price = |category: &CategoryId| show.categories.iter().any(|known| known.category == *category);
    match drawn.drawing.categories_in_use().into_iter().find(|category| !has_price(category)) {
        Some(category) => {
            invalid("categories", format!("plan `{}` has seats of category `{category}`, which has no price", plan.plan))
        }
        None => Ok(()),
    }
}

fn validate_areas(show: &ShowScheduled) -> Result<(), Rejection> {
    let (mut areas, mut rows, mut total) = (HashSet::new(), HashSet::new(), 0_usize);
    for area in &show.areas {
        if !areas.insert(&area.area) {
            return invalid("areas", format!("area `{}` appears twice", area.area));
        }
        if !show.categories.iter().any(|c| c.category == area.category) {
            return invalid("areas", format!("area `{}` is in category `{}`, which doesn't exist", area.area, area.category));
        }
        match (area.rows.is_empty(), area.capacity) {
            (true, Some(capacity)) if capacity > 0 => total = total.saturating_add(capacity as usize),
            (false, None) => {}
            _ => return invalid("areas", format!("area `{}` needs either rows or a capacity of at least 1", area.area)),
        }
        for row in &area.rows {
            validate_row(area, row)?;
            let own = area.own_rows.then_some(&area.area);
            if !rows.insert((own, &row.row)) {
                return invalid("areas", format!("row `{}` appears twice", row.row));
            }
            total = total.saturating_add(row.seats as usize);
        }
    }
    if total == 0 || total > MAX_SEATS {
        return invalid("areas", format!("a show needs 1 to {MAX_SEATS} seats, but this one has {total}"));
    }
    Ok(())
}

fn validate_row(area: &Area, row: &Row) -> Result<(), Rejection> {
    let label_ok = (1..=16).contains(&row.row.len()) && row.row.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !label_ok {
        let label = row.row.escape_debug();
        return invalid(
            "areas",
            format!("row `{label}` of area `{}` must be named by 1 to 16 letters, digits or '_'", area.area),
        );
    }
    if area.own_rows && SeatId::new(&format!("{}.{}-{}", area.area, row.row, row.seats)).is_err() {
        return invalid("areas", format!("the id of area `{}` is too long for rows of its own", area.area));
    }
    if row.seats == 0 {
        return invalid("areas", format!("row `{}` has no seats", row.row));
    }
    if let Some(gap) = row.gaps_after.iter().find(|gap| !(1..=row.seats).contains(gap)) {
        return invalid("areas", format!("row `{}` has a gap after seat {gap}, but no such seat", row.row));
    }
    Ok(())
}

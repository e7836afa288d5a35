//! The show that is on sale before anybody has set up anything.

use chrono::{NaiveTime, TimeDelta};
use lastseat_domain::event::{Fees, Reward, ShowDetails, ShowScheduled, SingleSeats};
use lastseat_domain::ids::InvalidId;
use lastseat_domain::money::InvalidCurrency;
use lastseat_domain::plan::Category;
use lastseat_domain::plan::{Area, Row};
use lastseat_domain::{AreaId, CategoryId, Currency, Rejection, ShowId, Timestamp};
use lastseat_engine::{BoxOffice, CommandError};
use std::time::Duration;

/// Its id.
pub const SHOW: &str = "demo";

/// The constants below are no names after all.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// One of them.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// The other.
    #[error(transparent)]
    Currency(#[from] InvalidCurrency),
    /// The box office does not want it.
    #[error(transparent)]
    Refused(#[from] CommandError),
}

/// Puts the demo show on sale, unless it is already. One that exists stays as it is, whatever hold
/// time and date it was created with.
///
/// # Errors
/// [`DemoError`].
pub async fn put_on_sale(box_office: &BoxOffice, hold: Duration, now: Timestamp) -> Result<(), DemoError> {
    let show = show(hold, now)?;
    if box_office.show(&show.show).is_some() {
        return Ok(());
    }
    match box_office.schedule_show(show, "demo").await {
        // Another node has put its own on sale a moment ago, with other settings or on another day.
        Ok(_) | Err(CommandError::Rejected(Rejection::ShowExists { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Days from the first start to the demo show.
const DAYS_AHEAD: i64 = 30;

/// The evening of the demo show, in UTC.
fn evening(now: Timestamp, hour: u32, minute: u32) -> Option<Timestamp> {
    let day = now.date_naive().checked_add_signed(TimeDelta::days(DAYS_AHEAD))?;
    Some(day.and_time(NaiveTime::from_hms_opt(hour, minute, 0)?).and_utc())
}

/// The demo show, a month after `now`: 800 labelled seats in two price categories, and 1,000 standing places.
///
/// # Errors
/// [`DemoError`], never in practice: a test makes it.
pub fn show(hold: Duration, now: Timestamp) -> Result<ShowScheduled, DemoError> {
    let category = |id: &str, price| Ok::<_, InvalidId>(Category::new(CategoryId::new(id)?, price));
    let rows = |rows: &str| rows.chars().map(|row| Row { row: row.into(), seats: 40, gaps_after: vec![10, 30] }).collect();
    let area = |id: &str, rows: Vec<Row>, capacity| {
        Ok::<_, InvalidId>(Area { area: AreaId::new(id)?, category: CategoryId::new(id)?, rows, own_rows: false, capacity })
    };
    let reward = |reward: &str, weight| Reward { reward: reward.into(), weight, discount: None };
    Ok(ShowScheduled {
        show: ShowId::new(SHOW)?,
        title: "Last Night of the Proms".into(),
        details: ShowDetails {
            venue: Some("Royal Albert Hall".into()),
            starts_at: evening(now, 19, 30),
            doors_at: evening(now, 18, 45),
            timezone: Some("Europe/London".into()),
            ..ShowDetails::default()
        },
        fees: Fees::default(),
        currency: Currency::new("EUR")?,
        categories: vec![category("stalls", 8500)?, category("circle", 5500)?, category("floor", 3500)?],
        areas: vec![
            area("stalls", rows("ABCDEFGHIJ"), None)?,
            area("circle", rows("KLMNOPQRST"), None)?,
            area("floor", vec![], Some(1000))?,
        ],
        plan: None,
        max_seats_per_booking: 10,
        max_seats_per_buyer: None,
        guests: true,
        guest_challenge: false,
        single_seats: SingleSeats::Allow,
        vouchers_return: false,
        hold_seconds: u32::try_from(hold.as_secs()).unwrap_or(u32::MAX),
        sale_opens_at: None,
        sale_closes_at: None,
        rewards: vec![
            reward("A glass of wine in the interval", 6),
            reward("The programme, signed by the conductor", 3),
            reward("A seat in the box for the final rehearsal", 1),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastseat_domain::show::{ShowCommand, decide, evolve};

    #[test]
    fn the_demo_show_may_be_scheduled_and_has_the_seats_it_promises() {
        let now = "2030-05-02T22:10:00Z".parse().unwrap();
        let show = show(Duration::from_secs(600), now).unwrap();
        assert_eq!(show.details.starts_at, Some("2030-06-01T19:30:00Z".parse().unwrap()));
        let events = decide(None, ShowCommand::Schedule(Box::new(show))).unwrap();
        let show = events.iter().fold(None, evolve).unwrap();
        assert_eq!(show.plan.len(), 20 * 40 + 1000);
        assert_eq!(show.plan.id_of(0).unwrap().as_str(), "A-1");
        let area = |id: &str| show.plan.area(&AreaId::new(id).unwrap()).unwrap().clone();
        assert_eq!((area("stalls").capacity, area("stalls").price), (400, 8500));
        assert_eq!((area("circle").capacity, area("circle").price), (400, 5500));
        assert_eq!((area("floor").capacity, area("floor").price, area("floor").labelled), (1000, 3500, false));
    }
}

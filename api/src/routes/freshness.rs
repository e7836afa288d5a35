//! Reads answer from the views, also while the log is down, and say in headers how old the answer is.
//!
//! A caller that has to see a certain event names its position in `Lastseat-Min-Position`; a successful
//! command's answer carries that position in `Lastseat-Position`.

use crate::app::App;
use crate::problem::Problem;
use crate::routes::params::wrong;
use http::HeaderMap;
use http::header::{AGE, HeaderName, HeaderValue};
use lastseat_domain::ports::event_log::Position;
use lastseat_projections::Freshness;
use std::time::Duration;

/// Position of the log that the answer includes.
pub const POSITION: HeaderName = HeaderName::from_static("lastseat-position");
/// Distance of that position from the end of the log, as far as the node knows it.
const LAG: HeaderName = HeaderName::from_static("lastseat-lag");
const MIN_POSITION: &str = "lastseat-min-position";

/// How long a read waits for what this node has written. No call of the log: the node knows it.
const OWN_WRITES: Duration = Duration::from_millis(250);
/// How long a read waits for the position that the caller names.
const NAMED_POSITION: Duration = Duration::from_secs(2);

/// Waits, but not for long, until the read model has what this node has written.
pub async fn wait_for_own_writes(app: &App) {
    app.read_model().wait_for(app.box_office().last_written(), OWN_WRITES).await;
}

/// Waits until the read model has what this node has written, and what the caller names, but not for
/// long: after that it answers as it is.
///
/// # Errors
/// 400 if the caller's position is not a number, or beyond the end of the log.
pub async fn wait(app: &App, headers: &HeaderMap) -> Result<Freshness, Problem> {
    let model = app.read_model();
    model.wait_for(app.box_office().last_written(), OWN_WRITES).await;
    if let Some(position) = named_position(app, headers).await? {
        model.wait_for(position, NAMED_POSITION).await;
    }
    Ok(model.freshness())
}

/// The same for the seat map, which does not wait for the other views.
///
/// # Errors
/// Those of [`wait`].
pub async fn wait_for_seats(app: &App, headers: &HeaderMap) -> Result<Freshness, Problem> {
    let model = app.read_model();
    model.wait_for_seats(app.box_office().last_written(), OWN_WRITES).await;
    if let Some(position) = named_position(app, headers).await? {
        model.wait_for_seats(position, NAMED_POSITION).await;
    }
    Ok(model.seats_freshness())
}

async fn named_position(app: &App, headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get(MIN_POSITION) else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.trim().parse().ok()).map(Position);
    let position = position.ok_or_else(|| wrong("Lastseat-Min-Position", "a position of the log, a whole number from 0"))?;
    refuse_beyond_the_log(app, "Lastseat-Min-Position", position, "`Lastseat-Position` of an answer of this server").await?;
    Ok(Some(position))
}

/// Refuses a position that the log has not reached: it comes from another log, and waiting for it is of
/// no use. While the log can't be read, nothing is refused.
///
/// # Errors
/// 400 that says what the position must be.
pub async fn refuse_beyond_the_log(app: &App, name: &str, position: Position, rule: &str) -> Result<(), Problem> {
    if position <= app.read_model().seats_freshness().position {
        return Ok(());
    }
    match app.parts().log.head().await {
        Ok(head) if position > head => Err(wrong(name, rule).fact("position", head)),
        _ => Ok(()),
    }
}

/// The headers of an answer from the read model.
#[must_use]
pub fn fields(fresh: Freshness) -> [(HeaderName, HeaderValue); 3] {
    [
        (AGE, HeaderValue::from(fresh.age.as_secs())),
        (LAG, HeaderValue::from(fresh.lag)),
        (POSITION, HeaderValue::from(fresh.position.0)),
    ]
}

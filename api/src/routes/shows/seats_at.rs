//! The seats of a show as they were at a position of the log: `GET /v1/shows/{show}/seats?at={position}`.

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::routes::freshness::refuse_beyond_the_log;
use crate::routes::params::Params;
use axum::extract::FromRequestParts;
use http::request::Parts;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{Rejection, ShowId};
use lastseat_projections::{MapBody, MapForm, seats_at};

/// The position that is asked for, by somebody who may read the history; `None` where the request names none.
pub struct Moment(pub Option<Position>);

impl FromRequestParts<App> for Moment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // The seats of now are asked for by everybody, and have no parameters to look through.
        if parts.uri.query().is_none_or(str::is_empty) {
            return Ok(Self(None));
        }
        let params = Params::of(&parts.uri)?;
        if params.text("at").is_none() {
            return Ok(Self(None));
        }
        Caller::from_request_parts(parts, app).await?.needs(Permission::ReadHistory)?;
        params.only(|name| name == "at")?;
        Ok(Self(params.value("at", "a position of the log, a whole number from 1")?.map(Position)))
    }
}

/// The seats of a show after the event at a position.
///
/// # Errors
/// 400 for a position that the log has not come to, 404 for a show that there was not yet, 503 while the log can't be read.
pub async fn body_at(app: &App, show: &ShowId, at: Position, form: MapForm) -> Result<MapBody, Problem> {
    refuse_beyond_the_log(app, "at", at, "a position that the log has come to").await?;
    // The semaphore is never closed.
    let _turn = app.past_reads().acquire().await.ok();
    Ok(seats_at(&*app.parts().log, show, at, form).await?.ok_or(Rejection::ShowNotFound)?)
}

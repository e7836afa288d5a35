//! `GET`, `PUT` and `DELETE /v1/shows/{show}/picture`

use super::answers::json_of;
use crate::answer::Answer;
use crate::app::App;
use crate::etag;
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::params::{InShow, Params};
use crate::routes::sender::{RunShows, SetPictures};
use crate::routes::wire::{PictureFile, PictureJson, ShowJson};
use axum::extract::State;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderValue};
use http::{HeaderMap, StatusCode};
use lastseat_domain::picture::CheckedPicture;
use lastseat_domain::{Rejection, ShowId};
use lastseat_engine::Fault;

/// Another picture has another address.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What is at this address may be another picture at any time.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// One that is set a moment later has to be seen, also under an address that was asked for too early.
const NOT_AT_ALL: HeaderValue = HeaderValue::from_static("no-store");

/// The picture of a show. The show's `picture` has its address with a `v`: under that it never changes, and may be kept for
/// ever.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/picture",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("v" = Option<String>, Query, description = "Which picture the reader expects, as the show's `picture` has it. Any other is answered as without it"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The picture", content((PictureFile = "image/jpeg"), (PictureFile = "image/png"), (PictureFile = "image/webp"))),
        (status = 304, description = "As before"),
    ),
)]
pub async fn get_picture(
    State(app): State<App>,
    InShow(show): InShow,
    params: Params,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    let office = app.box_office();
    let Some(facts) = office.picture(&show) else {
        let missing = if office.show(&show).is_some() { Rejection::PictureNotFound { show } } else { Rejection::ShowNotFound };
        return Err(Problem::from(missing).header(CACHE_CONTROL, NOT_AT_ALL));
    };
    let tag = format!("\"{}\"", facts.sha256);
    let media_type = HeaderValue::from_static(facts.media_type.name());
    let answer = if etag::is_known(&headers, &tag) {
        Answer::new(StatusCode::NOT_MODIFIED, media_type, Bytes::new())
    } else {
        let read = async || Ok::<_, Fault>(Bytes::from_owner(office.picture_bytes(&show, &facts).await?));
        let bytes = app.pictures().get(facts.sha256.clone(), read).await?;
        Answer::new(StatusCode::OK, media_type, bytes).header(CONTENT_DISPOSITION, HeaderValue::from_static("inline"))
    };
    let is_named = params.text("v") == Some(PictureJson::version(&facts));
    let cached = if is_named { FOR_EVER } else { ASK_AGAIN };
    Ok(answer.header(CACHE_CONTROL, cached).with(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag))))
}

/// Gives a show a picture, or another one. The body is the file: JPEG, PNG or WebP, with its media type. What says more
/// than the picture shows, such as the place where it was taken, is left out. The same picture again changes nothing and is
/// answered with 200.
#[utoipa::path(
    put,
    path = "/v1/shows/{show}/picture",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("alt" = Option<String>, Query, max_length = 500, description = "What is to be seen on it, for those who don't see it"),
    ),
    request_body(content((PictureFile = "image/jpeg"), (PictureFile = "image/png"), (PictureFile = "image/webp"))),
    responses(
        (status = 201, description = "The show, with this picture from now on", body = ShowJson),
        (status = 200, description = "The show, which had this picture already", body = ShowJson),
    ),
    security(("token" = [])),
)]
pub async fn set_picture(
    State(app): State<App>,
    InShow(show): InShow,
    params: Result<Params, Problem>,
    command: Result<Command<SetPictures>, Problem>,
) -> Answer {
    execute(&app, metrics::Command::SetPicture, command, async move |app: App, command: Command<SetPictures>| {
        let alt = params?.text("alt").map(str::to_owned);
        let claimed = command.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let claimed = claimed.and_then(|value| value.split(';').next()).map(str::trim);
        let picture = CheckedPicture::new(command.body(), claimed)?;
        let is_new = app.box_office().set_picture(&show, picture, alt, command.origin()).await?;
        answer(&app, &show, if is_new { StatusCode::CREATED } else { StatusCode::OK })
    })
    .await
}

/// Takes a show's picture away. It is not shown any more, and stays in the event history.
#[utoipa::path(
    delete,
    path = "/v1/shows/{show}/picture",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 200, description = "The show, without a picture", body = ShowJson)),
    security(("token" = [])),
)]
pub async fn remove_picture(State(app): State<App>, InShow(show): InShow, command: Result<Command<RunShows>, Problem>) -> Answer {
    execute(&app, metrics::Command::RemovePicture, command, async move |app: App, command: Command<RunShows>| {
        command.nothing()?;
        app.box_office().remove_picture(&show, command.origin()).await?;
        answer(&app, &show, StatusCode::OK)
    })
    .await
}

fn answer(app: &App, show: &ShowId, status: StatusCode) -> Result<Answer, Problem> {
    let show =
        app.box_office().show(show).ok_or_else(|| Fault::Unavailable("the show is not known to this node yet".to_owned()))?;
    Ok(Answer::json(status, &json_of(app, &show, app.now())))
}

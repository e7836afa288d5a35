//! A show as answers have it: with its picture, which is not a part of the show's stream.

use crate::app::App;
use crate::etag;
use crate::routes::wire::{ShowJson, sale_status};
use lastseat_domain::Timestamp;
use lastseat_domain::show::Show;

/// The show as JSON.
pub(super) fn json_of<'a>(app: &App, show: &'a Show, now: Timestamp) -> ShowJson<'a> {
    ShowJson::of(show, app.box_office().picture(&show.facts.show), now)
}

/// Names what `json_of` depends on: the show's revision, its status, which changes with the clock, and its picture.
pub(super) fn tag(app: &App, show: &Show, now: Timestamp) -> String {
    let status = sale_status(show, now);
    match app.box_office().picture(&show.facts.show) {
        None => etag::of_revision(show.revision, status),
        Some(picture) => etag::of_revision(show.revision, &format!("{status}-picture-{}", picture.revision)),
    }
}

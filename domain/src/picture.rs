//! The picture of a show: which files can be one, and setting and removing it.
//!
//! It has a stream of its own, so that nothing that is decided about a show ever reads a picture.

use crate::Timestamp;
use crate::decider::Decider;
use crate::event::{Event, PictureBytes, PictureType, ShowPictureRemoved, ShowPictured};
use crate::ids::ShowId;
use crate::position::Revision;
use crate::rejection::Rejection;
use crate::stream_name::StreamName;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

mod cleaned;
mod file;
mod jpeg;
mod png;
mod webp;

pub use file::{CheckedPicture, MAX_BYTES, MAX_SIDE};

/// Most events of a picture's stream. What is removed or replaced stays in the log, so a program that sends another
/// picture every minute has to end somewhere.
pub const MAX_CHANGES: u64 = 100;
/// The longest description for those who don't see it, in bytes.
pub const MAX_ALT: usize = 500;

/// What is known of a picture without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// What its bytes are.
    pub media_type: PictureType,
    /// Pixels, as it is shown.
    pub width: u32,
    /// Pixels, as it is shown.
    pub height: u32,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// What is to be seen on it.
    pub alt: Option<String>,
    /// Revision of the event that has its bytes.
    pub revision: Revision,
}

/// What a show's picture is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowPicture {
    /// `None` if the show has none.
    pub shown: Option<PictureFacts>,
    /// How many events led to this.
    pub events: u64,
}

/// What can be requested of a show's picture.
#[derive(Debug, Clone)]
pub enum PictureCommand {
    /// Show this one.
    Set {
        /// The file.
        picture: Arc<CheckedPicture>,
        /// What is to be seen on it.
        alt: Option<String>,
    },
    /// Show this one, unless there was one before: that of the show that this one is a copy of.
    TakeOver {
        /// The file.
        picture: Arc<CheckedPicture>,
        /// What is to be seen on it.
        alt: Option<String>,
    },
    /// Show none.
    Remove,
}

impl Decider for ShowPicture {
    type Id = ShowId;
    type State = Self;
    type Command = PictureCommand;

    const LAST_EVENT_SUFFICES: bool = true;

    fn stream(id: &ShowId) -> StreamName {
        StreamName::picture(id)
    }

    fn initial() -> Self {
        Self::default()
    }

    fn decide(id: &ShowId, state: &Self, command: PictureCommand) -> Result<Vec<Event>, Rejection> {
        match command {
            PictureCommand::TakeOver { .. } if state.events > 0 => Ok(vec![]),
            PictureCommand::Set { picture, alt } | PictureCommand::TakeOver { picture, alt } => set(id, state, &picture, alt),
            PictureCommand::Remove if state.shown.is_none() => Ok(vec![]),
            // Never one too many: whatever is shown can be taken away.
            PictureCommand::Remove => Ok(vec![ShowPictureRemoved { show: id.clone() }.into()]),
        }
    }

    fn evolve(state: Self, event: &Event, at: Timestamp) -> Self {
        let next = state.events;
        Self::evolve_at(state, event, at, next)
    }

    fn evolve_at(mut state: Self, event: &Event, _at: Timestamp, revision: Revision) -> Self {
        state.apply(event, revision);
        state
    }
}

impl ShowPicture {
    /// Applies an event of the stream. One that was applied already changes nothing.
    pub fn apply(&mut self, event: &Event, revision: Revision) {
        if revision < self.events {
            return;
        }
        let shown = match event {
            Event::ShowPictured(e) => Some(PictureFacts {
                media_type: e.media_type,
                width: e.width,
                height: e.height,
                sha256: e.sha256.clone(),
                alt: e.alt.clone(),
                revision,
            }),
            Event::ShowPictureRemoved(_) => None,
            _ => return,
        };
        *self = Self { shown, events: revision.saturating_add(1) };
    }
}

fn set(id: &ShowId, state: &ShowPicture, picture: &CheckedPicture, alt: Option<String>) -> Result<Vec<Event>, Rejection> {
    let alt = alt.map(|alt| alt.trim().to_owned()).filter(|alt| !alt.is_empty());
    if alt.as_ref().is_some_and(|alt| alt.len() > MAX_ALT || alt.chars().any(char::is_control)) {
        let why = format!("`alt` must be at most {MAX_ALT} bytes of text in one line");
        return Err(Rejection::InvalidPicture { field: "alt", why });
    }
    if state.shown.as_ref().is_some_and(|shown| shown.sha256 == picture.sha256() && shown.alt == alt) {
        return Ok(vec![]);
    }
    if state.events >= MAX_CHANGES {
        return Err(Rejection::TooManyPictures { show: id.clone(), most: MAX_CHANGES });
    }
    let pictured = ShowPictured {
        show: id.clone(),
        media_type: picture.media_type(),
        width: picture.width(),
        height: picture.height(),
        sha256: picture.sha256().to_owned(),
        alt,
        bytes: PictureBytes(picture.bytes()),
    };
    Ok(vec![pictured.into()])
}

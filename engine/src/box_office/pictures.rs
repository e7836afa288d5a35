//! Pictures of shows: setting, removing and reading them.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::journal::Executed;
use crate::origin::Origin;
use lastseat_domain::event::Event;
use lastseat_domain::picture::{CheckedPicture, PictureCommand, PictureFacts, ShowPicture};
use lastseat_domain::ports::event_log::Direction;
use lastseat_domain::show::Show;
use lastseat_domain::{Rejection, ShowId, StreamName, codec};
use std::sync::Arc;

/// A picture with what is to be seen on it.
#[derive(Debug, Clone)]
pub struct StoredPicture {
    picture: Arc<CheckedPicture>,
    alt: Option<String>,
}

impl BoxOffice {
    /// Gives a show this picture. The same picture again is a success. Returns whether it was set now.
    ///
    /// # Errors
    /// `ShowNotFound`, `InvalidPicture`, `TooManyPictures`; faults.
    pub async fn set_picture(
        &self,
        show: &ShowId,
        picture: CheckedPicture,
        alt: Option<String>,
        by: impl Into<Origin>,
    ) -> Result<bool, CommandError> {
        let executed = self.change_picture(show, PictureCommand::Set { picture: Arc::new(picture), alt }, by.into()).await?;
        Ok(!executed.events.is_empty())
    }

    /// Gives a show the picture of the one that it is a copy of, unless it has or had one of its own.
    ///
    /// # Errors
    /// `ShowNotFound`; faults.
    pub async fn take_over_picture(
        &self,
        show: &ShowId,
        stored: &StoredPicture,
        by: impl Into<Origin>,
    ) -> Result<(), CommandError> {
        let StoredPicture { picture, alt } = stored.clone();
        self.change_picture(show, PictureCommand::TakeOver { picture, alt }, by.into()).await.map(drop)
    }

    /// Takes a show's picture away. Without one it is a success.
    ///
    /// # Errors
    /// `ShowNotFound`; faults.
    pub async fn remove_picture(&self, show: &ShowId, by: impl Into<Origin>) -> Result<(), CommandError> {
        self.change_picture(show, PictureCommand::Remove, by.into()).await.map(drop)
    }

    async fn change_picture(&self, show: &ShowId, command: PictureCommand, origin: Origin) -> Result<Executed, CommandError> {
        let services = &self.services;
        let _permit = services.holds.enter(false)?;
        // Another node may have put it on sale a moment ago.
        if self.show(show).is_none() && services.journal.load::<Show>(show).await?.state.is_none() {
            return Err(Rejection::ShowNotFound.into());
        }
        // The last event has the state, but not every command that led to one: a late repeat would set an old picture again.
        let mut known = match origin.command {
            Some(_) => Some(services.journal.load_whole::<ShowPicture>(show).await?),
            None => None,
        };
        let executed = services.journal.execute::<ShowPicture>(show, command, &self.command(origin), &mut known).await;
        if let Some(loaded) = &known {
            // With what other nodes have made of it a moment ago.
            services.shows.learn_picture(show, &loaded.state);
        }
        executed
    }

    /// What a show's picture is, as this node knows it; `None` if it has none.
    #[must_use]
    pub fn picture(&self, show: &ShowId) -> Option<PictureFacts> {
        self.services.shows.picture(show)?.shown.clone()
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// Faults.
    pub async fn picture_bytes(&self, show: &ShowId, facts: &PictureFacts) -> Result<Arc<[u8]>, Fault> {
        let stream = StreamName::picture(show);
        let page = self.services.ports.log.read_stream(&stream, Some(facts.revision), Direction::Forwards, 1).await?;
        let envelope = page.first().map(|recorded| codec::decode(recorded)).transpose()?.flatten();
        match envelope.as_deref().map(|envelope| &envelope.event) {
            Some(Event::ShowPictured(e)) if e.sha256 == facts.sha256 => Ok(Arc::clone(&e.bytes.0)),
            _ => Err(Fault::Damaged(format!("{stream} has another event at revision {}", facts.revision))),
        }
    }

    /// A show's picture as the log has it, for its copies; `None` if it has none.
    ///
    /// # Errors
    /// Faults.
    pub async fn stored_picture(&self, show: &ShowId) -> Result<Option<StoredPicture>, CommandError> {
        let state = self.services.journal.load::<ShowPicture>(show).await?.state;
        let Some(facts) = state.shown else { return Ok(None) };
        let bytes = self.picture_bytes(show, &facts).await?;
        let picture = CheckedPicture::new(&bytes, Some(facts.media_type.name()))?;
        Ok(Some(StoredPicture { picture: Arc::new(picture), alt: facts.alt }))
    }
}

//! Shows: putting one on sale, changing it, and ending its sale.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::origin::Origin;
use lastseat_domain::ShowId;
use lastseat_domain::event::ShowScheduled;
use lastseat_domain::ports::event_log::Revision;
use lastseat_domain::show::{Show, ShowChanges, ShowCommand};
use std::sync::Arc;

impl BoxOffice {
    /// All shows by id.
    #[must_use]
    pub fn shows(&self) -> Vec<Arc<Show>> {
        self.services.shows.all()
    }

    #[must_use]
    pub fn show(&self, show: &ShowId) -> Option<Arc<Show>> {
        self.services.shows.get(show).map(|active| active.show())
    }

    /// Schedules a show. The same show again is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn schedule_show(&self, show: ShowScheduled, by: impl Into<Origin>) -> Result<Arc<Show>, CommandError> {
        let id = show.show.clone();
        let show = self.on_plan(show).await?;
        self.change_show(&id, ShowCommand::Schedule(Box::new(show)), by.into()).await
    }

    /// Changes what new holds and readers see of a show. `expected`: refused if the show has a later revision; without
    /// it, the changes are made to whichever there is. A show that is like that already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn revise_show(
        &self,
        show: &ShowId,
        changes: ShowChanges,
        expected: Option<Revision>,
        by: impl Into<Origin>,
    ) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Revise { changes: Box::new(changes), expected }, by.into()).await
    }

    /// Accepts no new holds until resumed.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn pause_sales(&self, show: &ShowId, by: impl Into<Origin>) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Pause, by.into()).await
    }

    /// Accepts holds again.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn resume_sales(&self, show: &ShowId, by: impl Into<Origin>) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Resume, by.into()).await
    }

    /// Ends the sale for good. Open bookings can't be paid or extended any more and end with their
    /// holds; confirmed ones stay until they are refunded.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel_show(&self, show: &ShowId, by: impl Into<Origin>) -> Result<Arc<Show>, CommandError> {
        self.change_show(show, ShowCommand::Cancel, by.into()).await
    }

    /// Refunds all bookings of a cancelled show, those included that are captured later. A repeat is the same job.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn refund_show(&self, show: &ShowId, by: impl Into<Origin>) -> Result<Arc<Show>, CommandError> {
        let origin = by.into();
        self.change_show(show, ShowCommand::RequestRefunds { by: origin.by.clone() }, origin).await
    }

    /// Bookings of a show that is refunded whose own refund could not be requested when this node tried last, such as one
    /// whose events can't be read. Each is tried again.
    #[must_use]
    pub fn failed_refunds(&self, show: &ShowId) -> usize {
        self.services.health.failed_refunds.lock().get(show).copied().unwrap_or_default()
    }

    async fn change_show(&self, id: &ShowId, command: ShowCommand, origin: Origin) -> Result<Arc<Show>, CommandError> {
        let services = &self.services;
        let _permit = services.holds.enter(false)?;
        let mut known = None;
        let executed = services.journal.execute::<Show>(id, command, &self.command(origin), &mut known).await;
        if let Some(state) = known.as_ref().and_then(|loaded| loaded.state.as_ref()) {
            // With what other nodes have made of it a moment ago.
            self.learn_show(state).await?;
        }
        executed?;
        self.show(id).ok_or_else(|| Fault::Unavailable("the show is not known to this node yet".into()).into())
    }
}

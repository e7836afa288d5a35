//! Queries that are answered from the file of views.

use super::ReadModel;
use crate::booking_filter::BookingFilter;
use crate::bookings::{BookingStatus, BookingView, Page};
use crate::campaigns::CampaignView;
use crate::checkins::CheckinsView;
use crate::error::{PageError, ProjectionError};
use crate::loyalty::RewardsView;
use crate::refunds::ShowRefundsView;
use crate::sales::SalesView;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, CampaignId, IntentId, ShowId};

impl ReadModel {
    /// A booking. `None` if the views don't have it.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn booking(&self, booking: BookingId) -> Result<Option<BookingView>, ProjectionError> {
        self.inner.tables.booking(booking).await
    }

    /// The status of each of these bookings, `None` of those that the views don't have. One query, however many they are.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn statuses_of(
        &self,
        bookings: Vec<BookingId>,
    ) -> Result<Vec<(BookingId, Option<BookingStatus>)>, ProjectionError> {
        self.inner.tables.statuses_of(bookings).await
    }

    /// The booking whose events name a payment intent. `None` if the views don't have one.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn booking_of_intent(&self, intent: &IntentId) -> Result<Option<BookingView>, ProjectionError> {
        self.inner.tables.booking_of_intent(intent).await
    }

    /// The buyer that a booking was held for, who may have transferred it since. `None` if the views don't have the booking.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn buyer_of(&self, booking: BookingId) -> Result<Option<BuyerId>, ProjectionError> {
        if let Some(buyer) = self.inner.shared.recent_buyers.of(booking) {
            return Ok(Some(buyer));
        }
        let found = self.booking(booking).await?.map(|view| view.first_buyer.unwrap_or(view.buyer));
        self.inner.shared.recent_buyers.add(found.iter().map(|buyer| (booking, buyer.clone())));
        Ok(found)
    }

    /// Up to `limit` bookings of a buyer, newest first, after `starting_after`.
    ///
    /// # Errors
    /// [`PageError`]: `starting_after` is no booking of this buyer, or the file can't be read.
    pub async fn bookings_of(
        &self,
        buyer: &BuyerId,
        starting_after: Option<BookingId>,
        limit: usize,
    ) -> Result<Page<BookingView>, PageError> {
        self.inner.tables.bookings_of(buyer, starting_after, limit).await
    }

    /// Up to `limit` bookings of anybody that a filter applies to, newest first, after `starting_after`.
    ///
    /// # Errors
    /// [`PageError`]: `starting_after` is no booking, or not of the filter's show, or the file can't be read.
    pub async fn bookings(
        &self,
        filter: &BookingFilter,
        starting_after: Option<BookingId>,
        limit: usize,
    ) -> Result<Page<BookingView>, PageError> {
        self.inner.tables.bookings(filter, starting_after, limit).await
    }

    /// How many bookings a person has to look at, because their payment is flagged.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn under_review(&self) -> Result<u64, ProjectionError> {
        self.inner.tables.under_review().await
    }

    /// What a buyer has earned; nothing, for a buyer who was never counted.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn rewards_of(&self, buyer: &BuyerId) -> Result<RewardsView, ProjectionError> {
        self.inner.tables.rewards_of(buyer).await
    }

    /// A page of campaigns of vouchers, newest first. `None` if there is no campaign `starting_after`.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn campaigns(
        &self,
        starting_after: Option<CampaignId>,
        limit: usize,
    ) -> Result<Option<Page<CampaignView>>, ProjectionError> {
        self.inner.tables.campaigns(starting_after, limit).await
    }

    /// A campaign of vouchers. `None` if there is no such campaign.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn campaign(&self, campaign: CampaignId) -> Result<Option<CampaignView>, ProjectionError> {
        self.inner.tables.campaign(campaign).await
    }

    /// How far the refunds of a show are. `None` if there is no such show.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn refunds_of_show(&self, show: &ShowId) -> Result<Option<ShowRefundsView>, ProjectionError> {
        self.inner.tables.refunds_of_show(show).await
    }

    /// How a show sells. `None` if there is no such show.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn sales(&self, show: &ShowId) -> Result<Option<SalesView>, ProjectionError> {
        self.inner.tables.sales(show).await
    }

    /// The entrance of a show, with up to `limit` scans that don't fit, after the one whose event is at a position. `None` if
    /// the show has no such scan. Reads all scans of the show.
    ///
    /// # Errors
    /// [`ProjectionError::Tables`] while the file can't be read.
    pub async fn checkins(
        &self,
        show: &ShowId,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Option<CheckinsView>, ProjectionError> {
        self.inner.tables.checkins(show, after, limit).await
    }
}

//! What is answered from the file.

use super::state::Tables;
use super::{booking_list, booking_rows, campaign_rows, loyalty_rows, sales_rows, scan_rows};
use crate::booking_filter::BookingFilter;
use crate::bookings::{BookingStatus, BookingView, Page};
use crate::campaigns::CampaignView;
use crate::checkins::CheckinsView;
use crate::error::{PageError, ProjectionError, UnknownCursor};
use crate::loyalty::RewardsView;
use crate::refunds::ShowRefundsView;
use crate::sales::SalesView;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, CampaignId, IntentId, ShowId};

impl Tables {
    pub async fn booking(&self, booking: BookingId) -> Result<Option<BookingView>, ProjectionError> {
        Ok(self.readers.read(move |file| booking_rows::one(file, booking)).await?)
    }

    pub async fn statuses_of(
        &self,
        bookings: Vec<BookingId>,
    ) -> Result<Vec<(BookingId, Option<BookingStatus>)>, ProjectionError> {
        Ok(self.readers.read(move |file| booking_rows::statuses_of(file, &bookings)).await?)
    }

    pub async fn booking_of_intent(&self, intent: &IntentId) -> Result<Option<BookingView>, ProjectionError> {
        let intent = intent.clone();
        Ok(self.readers.read(move |file| booking_rows::of_intent(file, &intent)).await?)
    }

    pub async fn bookings_of(
        &self,
        buyer: &BuyerId,
        starting_after: Option<BookingId>,
        limit: usize,
    ) -> Result<Page<BookingView>, PageError> {
        let buyer = buyer.clone();
        let page = self.readers.read(move |file| booking_rows::of(file, &buyer, starting_after, limit)).await;
        match (page.map_err(ProjectionError::from)?, starting_after) {
            (Some(page), _) => Ok(page),
            (None, Some(cursor)) => Err(UnknownCursor(cursor).into()),
            (None, None) => Ok(Page { data: Vec::new(), has_more: false }),
        }
    }

    pub async fn bookings(
        &self,
        filter: &BookingFilter,
        starting_after: Option<BookingId>,
        limit: usize,
    ) -> Result<Page<BookingView>, PageError> {
        let filter = filter.clone();
        let page = self.readers.read(move |file| booking_list::page(file, &filter, starting_after, limit)).await;
        match (page.map_err(ProjectionError::from)?, starting_after) {
            (Some(page), _) => Ok(page),
            (None, Some(cursor)) => Err(UnknownCursor(cursor).into()),
            (None, None) => Ok(Page { data: Vec::new(), has_more: false }),
        }
    }

    pub async fn under_review(&self) -> Result<u64, ProjectionError> {
        Ok(self.readers.read(booking_list::under_review).await?)
    }

    pub async fn rewards_of(&self, buyer: &BuyerId) -> Result<RewardsView, ProjectionError> {
        let buyer = buyer.clone();
        Ok(self.readers.read(move |file| loyalty_rows::of(file, &buyer)).await?)
    }

    pub async fn campaigns(
        &self,
        starting_after: Option<CampaignId>,
        limit: usize,
    ) -> Result<Option<Page<CampaignView>>, ProjectionError> {
        Ok(self.readers.read(move |file| campaign_rows::page(file, starting_after, limit)).await?)
    }

    pub async fn campaign(&self, campaign: CampaignId) -> Result<Option<CampaignView>, ProjectionError> {
        Ok(self.readers.read(move |file| campaign_rows::one(file, campaign)).await?)
    }

    pub async fn refunds_of_show(&self, show: &ShowId) -> Result<Option<ShowRefundsView>, ProjectionError> {
        let show = show.clone();
        Ok(self.readers.read(move |file| sales_rows::refunds_of(file, &show)).await?)
    }

    pub async fn checkins(
        &self,
        show: &ShowId,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Option<CheckinsView>, ProjectionError> {
        let show = show.clone();
        Ok(self.readers.read(move |file| scan_rows::of_show(file, &show, after, limit)).await?)
    }

    pub async fn sales(&self, show: &ShowId) -> Result<Option<SalesView>, ProjectionError> {
        let show = show.clone();
        Ok(self.readers.read(move |file| sales_rows::of(file, &show)).await?)
    }
}

//! Commands on sold bookings.

use super::BoxOffice;
use crate::error::{CommandError, Fault};
use crate::origin::Origin;
use crate::payment::PaymentMessage;
use crate::requests::ExchangeRequest;
use lastseat_domain::booking::Booking;
use lastseat_domain::{BookingId, BuyerId};

impl BoxOffice {
    /// Gives a confirmed booking to another buyer. From then on its token and its buyer until now reach it no more.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn transfer(&self, booking: BookingId, to: BuyerId, by: impl Into<Origin>) -> Result<Booking, CommandError> {
        let context = self.command(by);
        self.payments.command(booking, |reply| PaymentMessage::Transfer(context.clone(), to.clone(), reply)).await
    }

    /// Whether this command, which names the caller's key, has changed the booking before.
    ///
    /// # Errors
    /// Faults.
    pub async fn is_repeat(&self, booking: BookingId, origin: &Origin) -> Result<bool, Fault> {
        if origin.command.is_none() {
            return Ok(false);
        }
        let known = self.services.journal.load::<Booking>(&booking).await?;
        Ok(known.has_effect_of(&self.command(origin.clone())))
    }

    /// Moves a confirmed booking to other seats that cost no more. It has its old seats until it has the new ones.
    ///
    /// # Errors
    /// [`CommandError`]; `Rejection::SeatUnavailable` if a seat is lost: the booking then has the seats that it had.
    pub async fn exchange(&self, booking: BookingId, request: ExchangeRequest) -> Result<Booking, CommandError> {
        let context = self.command(request.origin.clone());
        self.payments.command(booking, |reply| PaymentMessage::Exchange(context.clone(), request.clone(), reply)).await
    }
}

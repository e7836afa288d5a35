//! The box office: the one type that the API commands.

use crate::error::{CommandError, Fault};
use lastseat_domain::booking::Booking;
use lastseat_domain::event::{RequestFingerprint, ShowScheduled};
use lastseat_domain::ports::{Clock, EventLog, Ids, PaymentGateway, SeatGuard};
use lastseat_domain::show::Show;
use lastseat_domain::{AreaId, BookingId, BuyerId, CategoryId, SeatId, ShowId, VoucherId};
use std::sync::Arc;
use std::time::Duration;

/// What the engine needs of the outside world.
#[derive(Clone)]
pub struct Ports {
    /// The authority.
    pub log: Arc<dyn EventLog>,
    /// The filter in front of it.
    pub guard: Arc<dyn SeatGuard>,
    /// Who takes the money.
    pub payments: Arc<dyn PaymentGateway>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identities.
    pub ids: Arc<dyn Ids>,
}

/// Bounds of the engine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Commands under way at once; one more is answered with `Fault::Busy`.
    pub max_in_flight: usize,
    /// An actor without work for this long is stopped; its history stays.
    pub passivate_after: Duration,
    /// A payment that has not moved for this long is looked at by the reactor.
    pub settle_after: Duration,
    /// How long a caller waits for the payment gateway before being told "not known yet".
    pub payment_patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_in_flight: 4096,
            passivate_after: Duration::from_secs(30),
            settle_after: Duration::from_secs(10),
            payment_patience: Duration::from_secs(10),
        }
    }
}

/// Which seats a hold is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These, all or none.
    Seats(Vec<SeatId>),
    /// Any of an unlabelled area.
    Any {
        /// The area.
        area: AreaId,
        /// How many.
        quantity: u32,
    },
    /// The best side by side in a category.
    BestAvailable {
        /// The category.
        category: CategoryId,
        /// How many.
        quantity: u32,
    },
}

/// A hold that is asked for.
#[derive(Debug, Clone)]
pub struct HoldRequest {
    /// The booking to open: new, or [`BookingId::from_key`].
    pub booking: BookingId,
    /// The show.
    pub show: ShowId,
    /// Which seats.
    pub wanted: Wanted,
    /// Who is buying.
    pub buyer: BuyerId,
    /// The request, if it carried an idempotency key.
    pub request: Option<RequestFingerprint>,
}

/// An open booking.
#[derive(Debug, Clone)]
pub struct Hold {
    /// The booking.
    pub booking: Booking,
    /// Whether it was opened by an earlier request under the same idempotency key.
    pub replayed: bool,
}

/// A payment that is asked for.
#[derive(Debug, Clone)]
pub struct PayRequest {
    /// The gateway's name for the method; none to go on after the buyer acted at their bank.
    pub payment_method: Option<String>,
    /// The request, if it carried an idempotency key.
    pub request: Option<RequestFingerprint>,
    /// Subject of the caller.
    pub by: String,
}

/// Where a payment stands. That it was declined is a rejection.
#[derive(Debug, Clone)]
pub enum Paid {
    /// Booked and paid.
    Confirmed(Booking),
    /// The buyer has to act at `url` first, then pay again without a method.
    ActionRequired {
        /// The booking.
        booking: Booking,
        /// Where.
        url: String,
    },
    /// The gateway has not answered yet; the booking goes on by itself.
    Pending(Booking),
}

/// How the engine is doing.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether it has read the whole log since it started.
    pub ready: bool,
    /// Commands under way.
    pub in_flight: usize,
    /// Events it has not seen yet.
    pub lag: u64,
    /// Why it works with less than it should, in words; empty if all is well.
    pub degraded: Vec<String>,
}

/// The box office. Cheap to clone.
#[derive(Clone)]
pub struct BoxOffice {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Ports,
    settings: Settings,
}

impl BoxOffice {
    /// Reads the log to its end, then starts the reactors that finish what a crash left behind.
    ///
    /// # Errors
    /// [`Fault`] if the log can't be read.
    pub async fn open(ports: Ports, settings: Settings) -> Result<Self, Fault> {
        Ok(Self { inner: Arc::new(Inner { ports, settings }) })
    }

    /// All shows by id.
    #[must_use]
    pub fn shows(&self) -> Vec<Arc<Show>> {
        vec![]
    }

    /// A show.
    #[must_use]
    pub fn show(&self, _show: &ShowId) -> Option<Arc<Show>> {
        None
    }

    /// Puts a show on sale. The same show again is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn schedule_show(&self, _show: ShowScheduled, _by: &str) -> Result<Arc<Show>, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Takes no new holds until resumed.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn pause_sales(&self, _show: &ShowId, _by: &str) -> Result<Arc<Show>, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Takes holds again.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn resume_sales(&self, _show: &ShowId, _by: &str) -> Result<Arc<Show>, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Takes no holds ever again. Open bookings are aborted as they come up; confirmed ones stay
    /// until they are refunded.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel_show(&self, _show: &ShowId, _by: &str) -> Result<Arc<Show>, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Holds seats.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(&self, _request: HoldRequest) -> Result<Hold, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// A booking as the log has it now; `None` if there is none, or if it was only fenced.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn booking(&self, _booking: BookingId) -> Result<Option<Booking>, Fault> {
        Err(Fault::Stopping)
    }

    /// Prolongs a hold, once.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn extend(&self, _booking: BookingId, _by: &str) -> Result<Booking, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Gives held seats back. A booking that is over already is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel(&self, _booking: BookingId, _by: &str) -> Result<Booking, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Pays for a hold. The answer says what is known after `payment_patience` at most.
    ///
    /// # Errors
    /// [`CommandError`]; a decline is `Rejection::PaymentDeclined`.
    pub async fn pay(&self, _booking: BookingId, _request: PayRequest) -> Result<Paid, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Returns the money of a confirmed booking and frees its seats, exactly once. Refunded already
    /// is a success.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn refund(&self, _booking: BookingId, _by: &str) -> Result<Booking, CommandError> {
        Err(Fault::Stopping.into())
    }

    /// Uses a voucher of `buyer`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn redeem_voucher(&self, _buyer: &BuyerId, _voucher: VoucherId, _by: &str) -> Result<(), CommandError> {
        Err(Fault::Stopping.into())
    }

    /// A hint that something about a booking may have changed outside (a webhook): look at it now.
    /// Believes nothing: it reads the log and asks the gateway.
    pub fn settle(&self, _booking: BookingId) {}

    /// How the engine is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        Status { ready: true, in_flight: 0, lag: 0, degraded: vec![] }
    }

    /// Takes no new commands, finishes those under way, stops the actors and reactors. Commands
    /// still under way after `patience` are left to recovery.
    pub async fn drain(&self, _patience: Duration) {
        let _ = (&self.inner.ports, &self.inner.settings);
    }
}

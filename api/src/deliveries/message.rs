//! What an endpoint is sent about an event: its kind, and the booking as it was then. It follows from the log alone, so every
//! try of every node has the same bytes.

use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{AbortReason, Event, PricedSeat, ShopData};
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::{BookingId, BuyerId, Envelope, Money, PriceTypeId, SeatId, ShowId, Timestamp};
use serde::Serialize;

/// The kinds of messages, and the events that they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    #[serde(rename = "booking.held")]
    Held,
    #[serde(rename = "booking.extended")]
    Extended,
    #[serde(rename = "booking.payment_declined")]
    PaymentDeclined,
    #[serde(rename = "booking.confirmed")]
    Confirmed,
    #[serde(rename = "booking.aborted")]
    Aborted,
    #[serde(rename = "booking.exchanged")]
    Exchanged,
    #[serde(rename = "booking.transferred")]
    Transferred,
    #[serde(rename = "booking.partly_refunded")]
    PartlyRefunded,
    #[serde(rename = "booking.refunded")]
    Refunded,
    #[serde(rename = "booking.flagged")]
    Flagged,
    #[serde(rename = "show.scheduled")]
    ShowScheduled,
    #[serde(rename = "show.revised")]
    ShowRevised,
    #[serde(rename = "show.paused")]
    ShowPaused,
    #[serde(rename = "show.resumed")]
    ShowResumed,
    #[serde(rename = "show.cancelled")]
    ShowCancelled,
}

impl Kind {
    /// `None`: nothing is sent.
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::BookingOpened(_) => Self::Held,
            Event::HoldExtended(_) => Self::Extended,
            Event::PaymentDeclined(_) => Self::PaymentDeclined,
            Event::PaymentCaptured(_) => Self::Confirmed,
            // A fence: nobody has ever heard of that booking.
            Event::BookingAborted(e) if e.reason == AbortReason::Fenced => return None,
            Event::BookingAborted(_) => Self::Aborted,
            Event::BookingExchanged(_) => Self::Exchanged,
            Event::BookingTransferred(_) => Self::Transferred,
            Event::PaymentPartlyRefunded(_) => Self::PartlyRefunded,
            Event::PaymentReturnedElsewhere(e) if e.refund.is_some() => Self::PartlyRefunded,
            Event::PaymentRefunded(_) | Event::PaymentReturnedElsewhere(_) => Self::Refunded,
            Event::PaymentFlagged(_) => Self::Flagged,
            Event::ShowScheduled(_) => Self::ShowScheduled,
            Event::ShowRevised(_) => Self::ShowRevised,
            Event::SalesPaused(_) => Self::ShowPaused,
            Event::SalesResumed(_) => Self::ShowResumed,
            Event::ShowCancelled(_) => Self::ShowCancelled,
            _ => return None,
        })
    }
}

#[derive(Serialize)]
struct Body<'a, T> {
    r#type: Kind,
    timestamp: Timestamp,
    data: &'a T,
}

#[derive(Serialize)]
struct AboutShow<'a> {
    show: &'a ShowId,
    /// Of the event, to replay from.
    position: Position,
}

#[derive(Serialize)]
struct AboutBooking<'a> {
    booking: BookingId,
    show: &'a ShowId,
    buyer: &'a BuyerId,
    status: &'static str,
    seats: Vec<SoldSeat<'a>>,
    /// What is charged for it.
    amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Why it was aborted, or the gateway's code of a declined payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What has been returned by this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
    #[serde(flatten, skip_serializing_if = "ShopData::is_empty")]
    shop: &'a ShopData,
    /// Of the event in its booking: what is sent first has the smaller one.
    revision: u64,
    /// Of the event, to replay from.
    position: Position,
}

#[derive(Serialize)]
struct SoldSeat<'a> {
    seat: &'a SeatId,
    price: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_type: Option<&'a PriceTypeId>,
}

impl<'a> From<&'a PricedSeat> for SoldSeat<'a> {
    fn from(priced: &'a PricedSeat) -> Self {
        Self { seat: &priced.seat, price: priced.price, price_type: priced.price_type.as_ref() }
    }
}

/// Of a show's event.
pub(super) fn of_show(kind: Kind, show: &ShowId, envelope: &Envelope) -> serde_json::Result<String> {
    let about = AboutShow { show, position: envelope.position };
    serde_json::to_string(&Body { r#type: kind, timestamp: envelope.metadata.at, data: &about })
}

/// Of a booking's event, with the booking as it was after it. `None` for a fenced one, which nobody has heard of.
pub(super) fn of_booking(kind: Kind, booking: &Booking, envelope: &Envelope) -> serde_json::Result<Option<String>> {
    let (Some(opened), Some(buyer), Some(amount)) = (&booking.opened, booking.buyer(), booking.amount()) else {
        return Ok(None);
    };
    let reason = match &envelope.event {
        Event::BookingAborted(e) => Some(word(&e.reason)?),
        Event::PaymentDeclined(e) => Some(e.code.clone()),
        _ => None,
    };
    let refunded = match &envelope.event {
        Event::PaymentPartlyRefunded(e) => Some(e.amount),
        Event::PaymentReturnedElsewhere(e) => Some(e.amount),
        Event::PaymentRefunded(e) => Some(e.amount),
        _ => None,
    };
    let about = AboutBooking {
        booking: booking.id,
        show: &opened.show,
        buyer,
        status: booking.status(),
        seats: booking.seats().iter().map(SoldSeat::from).collect(),
        amount,
        expires_at: booking.expires_at.filter(|_| matches!(booking.phase, Phase::Held)),
        reason,
        refunded,
        shop: &opened.shop,
        revision: envelope.revision,
        position: envelope.position,
    };
    serde_json::to_string(&Body { r#type: kind, timestamp: envelope.metadata.at, data: &about }).map(Some)
}

/// A value that serializes as one word.
fn word(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_value(value)?.as_str().unwrap_or_default().to_owned())
}

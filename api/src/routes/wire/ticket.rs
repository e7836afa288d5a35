//! Tickets in an answer.

use crate::app::App;
use crate::tickets::{Place, PrintedTicket};
use lastseat_domain::booking::Booking;
use lastseat_domain::show::Show;
use lastseat_domain::ticket::TicketFacts;
use lastseat_domain::{BookingId, ShowId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The tickets of a booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tickets)]
pub struct TicketsJson {
    /// The booking.
    #[schema(value_type = String, format = Uuid)]
    booking: BookingId,
    /// Its show.
    #[schema(value_type = String, example = "demo")]
    show: Option<ShowId>,
    /// One for each seat, sorted by seat.
    tickets: Vec<TicketJson>,
}

/// The ticket of a booking for one seat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketJson {
    /// Its code, for a QR code: who shows it is let in.
    #[schema(example = "AEAZ64DZN2QXOSKZUF3ZTXJ7FQ…")]
    ticket: String,
    /// Its id. Stays the same when it is issued again.
    id: Uuid,
    /// Its seat.
    #[schema(example = "A-1")]
    seat: String,
    /// How often it was issued again.
    #[schema(example = 0)]
    issue: u32,
    /// The area that the seat is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "stalls", nullable = false)]
    area: Option<String>,
    /// The area's price category.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "front", nullable = false)]
    category: Option<String>,
    /// The price type that was chosen, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "child", nullable = false)]
    price_type: Option<String>,
    /// Section, row and label as a drawn plan prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Stalls", nullable = false)]
    section: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3", nullable = false)]
    row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "12", nullable = false)]
    label: Option<String>,
}

impl TicketJson {
    pub fn of(app: &App, show: &Show, booking: &Booking, facts: &TicketFacts) -> Self {
        let Place { area, category, section, row, label } = Place::of(&show.plan, &facts.seat);
        let priced = booking.seats().iter().find(|priced| priced.seat == facts.seat);
        let price_type = priced.and_then(|priced| priced.price_type.as_ref()).map(|name| name.as_str().to_owned());
        Self {
            ticket: app.parts().tickets.sign(facts),
            id: facts.ticket().0,
            seat: facts.seat.as_str().to_owned(),
            issue: facts.issue,
            area,
            category,
            price_type,
            section,
            row,
            label,
        }
    }
}

impl TicketsJson {
    pub fn new(booking: &Booking, tickets: Vec<TicketJson>) -> Self {
        Self { booking: booking.id, show: booking.show().cloned(), tickets }
    }

    /// As they are printed.
    pub fn into_printed(self) -> Vec<PrintedTicket> {
        let printed = |ticket: TicketJson| {
            let TicketJson { ticket: code, seat, area, category, price_type, section, row, label, .. } = ticket;
            PrintedTicket { seat, place: Place { area, category, section, row, label }, price_type, code }
        };
        self.tickets.into_iter().map(printed).collect()
    }
}

//! Tickets as buyers get them: a signed code, drawn as a QR code, on a page or in a PDF.

mod code;
mod key;
mod page;
mod pdf;
mod printed;
mod qr;

pub use code::NotATicket;
pub use key::{KeyRejected, PublicKeyJson, TicketKey};
pub use page::page;
pub use pdf::pdf;
pub use printed::{Place, PrintedShow, PrintedTicket};
pub use qr::Qr;

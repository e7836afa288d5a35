//! Bookings: from hold to confirmed, aborted or refunded.

pub mod batch;
pub mod block_access;
pub mod buyer;
mod csv;
pub mod exchange;
pub mod fast_refusal;
mod filter;
pub mod guests;
pub mod hold;
pub mod hold_body;
pub mod list;
pub mod mail;
pub mod manage;
pub mod pay;
pub mod price_types;
pub mod refund;
mod return_url;
pub mod review;
pub mod shop_data;
mod shown_text;
pub mod ticket_forms;
pub mod tickets;
pub mod transfer;
pub mod voucher;

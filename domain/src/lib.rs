//! The events and rules of lastseat, and the ports through which it uses the outside world.
//!
//! Everything here is a value or a pure function of values: no clock, no I/O, no randomness, no
//! runtime. What a rule needs to know is passed in. Its answer is a list of events or a [`Rejection`].
//!
//! | to find | look at |
//! |---|---|
//! | what can happen | [`event`]: one file for each kind of stream |
//! | what an aggregate has to promise | [`Decider`] |
//! | how a plan is drawn | [`drawing`]; how its seats are laid out: [`plan`] |
//! | when a show is on sale, and which shows can be scheduled | [`show`] |
//! | which files can be a show's picture | [`picture`] |
//! | which seats a pick would leave alone | [`single_seats`] |
//! | when a seat is refused | [`seat`]; the text of the refusal is in [`rejection`] |
//! | who may buy from seats that are blocked | [`block`] |
//! | when a booking is committed, aborted, refunded | [`booking`] |
//! | which passwords are taken, how often one may be guessed, when a session ends | [`account`] |
//! | points and rewards | [`loyalty`] |
//! | what a voucher is worth, and who may use it | [`voucher`] |
//! | which tickets a booking has, what makes their codes void, and whom they admit | [`ticket`] |
//! | which scans of a ticket don't fit each other | [`ticket::conflict`] |
//! | what has to be done next for a booking, also after a crash | [`settle`] |
//! | the state of a seat as buyers see it | [`seat_state`] |
//! | how events are stored, and how old ones are read | [`codec`] |
//! | what an adapter has to do | [`ports`] |
//!
//! **A new event:** its struct in `src/event/`, its name in the list in `src/event.rs`, a case in the
//! `evolve` of its aggregate, a file in `golden/`. A changed event: `src/codec/upcast.rs`.
//!
//! **A new rejection:** a line in `src/rejection.rs`, returned by the `decide` of its aggregate. Then the
//! compiler asks for its HTTP status in `api/src/problem/codes.rs`.
//!
//! **A new payment provider, log or guard:** a crate in `adapters/` that implements the trait in
//! [`ports`] and passes the contract suite of `lastseat-testkit`, and a line in `api/src/wiring`.

#![warn(missing_docs)]

mod access_code;
pub mod account;
pub mod block;
pub mod booking;
pub mod campaign;
mod change;
pub mod codec;
pub mod decider;
pub mod deliveries;
pub mod drawing;
mod envelope;
pub mod event;
pub mod ids;
pub mod loyalty;
pub mod money;
mod offline_scan;
pub mod picture;
pub mod plan;
pub mod ports;
mod position;
pub mod quota;
pub mod rejection;
mod role;
pub mod seat;
pub mod seat_state;
mod secret;
pub mod settle;
pub mod show;
pub mod single_seats;
pub mod stream_name;
pub mod ticket;
mod trace;
mod void_ticket;
pub mod voucher;

pub use access_code::AccessCodeHash;
pub use change::Change;
pub use decider::Decider;
pub use envelope::{Envelope, Metadata};
pub use event::Event;
pub use ids::{
    AccountId, AreaId, BlockId, BookingId, BuyerId, CampaignId, CategoryId, ChannelId, CommandId, DeviceId, EndpointId, GateId,
    IntentId, PlanId, PriceTypeId, SeatId, ShowId, TicketId, VoucherHash, VoucherId,
};
pub use money::{Currency, Money};
pub use offline_scan::{ScanConflict, ScanKind};
pub use quota::{Allowance, Quota};
pub use rejection::Rejection;
pub use role::Role;
pub use seat_state::SeatState;
pub use secret::Secret;
pub use stream_name::StreamName;
pub use trace::Trace;
pub use void_ticket::VoidTicket;

/// A moment in UTC. It is always passed in, because the rules never read a clock.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

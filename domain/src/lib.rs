//! Facts and rules of lastseat.
//!
//! Everything here is a value or a pure function of values: no clock, no I/O, no randomness, no
//! runtime. What the rules need of the outside world is passed in; what they want done comes back
//! as events or as a named [`Rejection`].
//!
//! Start with [`event`] (what can happen), then [`seat`], [`booking`] and [`loyalty`] (who decides
//! it), then [`settle`] (what has to follow), then [`ports`] (what the engine asks of adapters).

#![warn(missing_docs)]

pub mod booking;
pub mod codec;
pub mod decider;
pub mod event;
pub mod ids;
pub mod loyalty;
pub mod money;
pub mod plan;
pub mod ports;
pub mod quota;
pub mod rejection;
pub mod seat;
pub mod seat_state;
pub mod settle;
pub mod show;
pub mod stream_name;

pub use codec::{Envelope, Metadata};
pub use decider::Decider;
pub use event::Event;
pub use ids::{AreaId, BookingId, BuyerId, CategoryId, IntentId, SeatId, ShowId, VoucherId};
pub use money::{Currency, Money};
pub use quota::{Allowance, Quota};
pub use rejection::Rejection;
pub use seat_state::SeatState;
pub use stream_name::StreamName;

/// A moment in UTC. Always passed in as a value; the rules never read a clock.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

//! Shows: their plan, their prices, their sale, their seats.

pub mod cancel;
pub mod create;
pub mod get;
pub mod list;
pub mod pause;
pub mod resume;
pub mod sales;
pub mod seats;
pub mod stream;

//! Redis: the seat guard and the rate limits that many nodes share.
//!
//! [`Redis`] is the connection; [`RedisGuard`] is the seat guard over it, [`RedisLimiter`] the rate
//! limiter. Whatever Redis does, an answer is either clear or [`NoAnswer`], and no call takes longer than
//! its time-out.

mod address;
mod check;
mod connection;
mod guard;
mod limiter;
mod options;
mod script;

pub use address::BadRedisUrl;
pub use check::{CheckFailed, Checkup};
pub use connection::{NoAnswer, Redis};
pub use guard::RedisGuard;
pub use lastseat_domain::ports::{Finding, Severity};
pub use limiter::RedisLimiter;
pub use options::RedisOptions;

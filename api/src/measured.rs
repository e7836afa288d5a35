//! The ports of the engine with a clock beside them: each call is passed on as it is, and how long it took is counted.

mod gateway;
mod guard;
mod log;

pub use gateway::MeasuredGateway;
pub use guard::MeasuredGuard;
pub use log::MeasuredLog;

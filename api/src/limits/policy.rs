//! Which limits exist, and how high each is.

use lastseat_domain::Quota;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Commands of one caller: the subject of a token, or a booking by its own token.
    Caller,
    /// Commands from one address.
    Address,
    /// Reads of one caller, or from one address where there is no token.
    Reads,
    /// Seat streams opened, counted like reads.
    Streams,
}

impl Policy {
    pub const ALL: &'static [Self] = &[Self::Caller, Self::Address, Self::Reads, Self::Streams];

    /// The name in headers, problems and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
            Self::Reads => "reads",
            Self::Streams => "streams",
        }
    }
}

/// The quota of each policy; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// By default 60 in 10 seconds: far more than a person can click.
    pub caller: Option<Quota>,
    /// None by default: thousands of buyers may share one address.
    pub address: Option<Quota>,
    /// None by default, for the same reason.
    pub reads: Option<Quota>,
    /// None by default, for the same reason.
    pub streams: Option<Quota>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { caller: Quota::new(60, 10).ok(), address: None, reads: None, streams: None }
    }
}

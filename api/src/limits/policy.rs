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
    /// Seats locked by guests of one address.
    GuestHolds,
    /// Bookings cancelled by guests of one address.
    GuestCancels,
    /// Payments of guests of one address that were declined.
    GuestDeclines,
    /// Wrong access codes of one caller, or from one address where there is no token.
    AccessCodes,
    /// Wrong passwords from one address.
    SignIns,
    /// Accounts made from one address.
    SignUps,
    /// Mails asked for from one address.
    Mails,
}

impl Policy {
    pub const ALL: &'static [Self] = &[
        Self::Caller,
        Self::Address,
        Self::Reads,
        Self::Streams,
        Self::GuestHolds,
        Self::GuestCancels,
        Self::GuestDeclines,
        Self::AccessCodes,
        Self::SignIns,
        Self::SignUps,
        Self::Mails,
    ];

    /// The name in headers, problems and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
            Self::Reads => "reads",
            Self::Streams => "streams",
            Self::GuestHolds => "guest_holds",
            Self::GuestCancels => "guest_cancels",
            Self::GuestDeclines => "guest_declines",
            Self::AccessCodes => "access_codes",
            Self::SignIns => "sign_ins",
            Self::SignUps => "sign_ups",
            Self::Mails => "mails",
        }
    }
}

/// The bounds on guests; `None` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestRules {
    /// Seats that guests of one address hold and have not paid for.
    pub seats: Option<u32>,
    pub holds: Option<Quota>,
    pub cancels: Option<Quota>,
    /// Payments that were declined, or that were not a booking's first and led to a question of the bank.
    pub declines: Option<Quota>,
    /// Whether guests may extend their holds.
    pub extend: bool,
}

impl Default for GuestRules {
    /// Enough for an office, or a dormitory that sits down for one sale.
    fn default() -> Self {
        Self {
            seats: Some(100),
            holds: Quota::new(100, 60).ok(),
            cancels: Quota::new(100, 60).ok(),
            declines: Quota::new(60, 600).ok(),
            extend: false,
        }
    }
}

impl GuestRules {
    /// No bounds.
    pub const OFF: Self = Self { seats: None, holds: None, cancels: None, declines: None, extend: true };
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
    /// What guests may do from one address.
    pub guests: GuestRules,
    /// Wrong passwords from one address. By default 30 in ten minutes: an office has many people, and some forget theirs.
    pub sign_ins: Option<Quota>,
    /// Accounts made from one address. By default 60 in ten minutes.
    pub sign_ups: Option<Quota>,
    /// Mails asked for from one address. By default 20 in ten minutes.
    pub mails: Option<Quota>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            caller: Quota::new(60, 10).ok(),
            address: None,
            reads: None,
            streams: None,
            guests: GuestRules::default(),
            sign_ins: Quota::new(30, 600).ok(),
            sign_ups: Quota::new(60, 600).ok(),
            mails: Quota::new(20, 600).ok(),
        }
    }
}

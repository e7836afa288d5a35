//! Why the code of a ticket is void.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why the code of a ticket is void. `Display` says it, without the full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidTicket {
    /// The ticket was issued again after this code.
    Reissued,
    /// The booking was transferred after this code.
    Transferred,
    /// The booking has exchanged the seat since, even if it has it again.
    Exchanged,
    /// The seat, or all of the booking, was refunded, or its refund was requested.
    Refunded,
    /// The booking is not confirmed.
    NotConfirmed,
    /// The show is cancelled, whatever has become of the booking. Only of a scan that was made offline: others are refused
    /// because the show is cancelled.
    ShowCancelled,
}

impl VoidTicket {
    /// The stable name, part of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reissued => "reissued",
            Self::Transferred => "transferred",
            Self::Exchanged => "exchanged",
            Self::Refunded => "refunded",
            Self::NotConfirmed => "not_confirmed",
            Self::ShowCancelled => "show_cancelled",
        }
    }
}

impl fmt::Display for VoidTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reissued => "it was issued again, and only the new code is good",
            Self::Transferred => "its booking was given to another buyer, who has new codes",
            Self::Exchanged => "its seat was exchanged for another one",
            Self::Refunded => "it was refunded",
            Self::NotConfirmed => "its booking is not confirmed",
            Self::ShowCancelled => "its show is cancelled",
        })
    }
}

//! Names that are part of the API, whatever the event log calls the same thing.

use lastseat_domain::event::AbortReason;

/// All reasons, in the API's words.
pub const REASONS: [&str; 8] =
    ["expired", "cancelled", "seat_lost", "fenced", "capture_failed", "show_cancelled", "refunded", "exchanged"];

/// Why a booking was aborted. Each is in [`REASONS`], too.
#[must_use]
pub fn reason_name(reason: AbortReason) -> &'static str {
    match reason {
        AbortReason::Expired => "expired",
        AbortReason::Cancelled => "cancelled",
        AbortReason::SeatLost => "seat_lost",
        AbortReason::Fenced => "fenced",
        AbortReason::CaptureFailed => "capture_failed",
        AbortReason::ShowCancelled => "show_cancelled",
        AbortReason::Refunded => "refunded",
        AbortReason::Exchanged => "exchanged",
    }
}

//! What an exploration covers, and which twin of the protocol it explores.

/// What differs between the explorations.
#[derive(Debug, Clone)]
pub struct Scope {
    pub wants: [Vec<usize>; 2],
    /// Which booking each worker works on. The first of a booking also serves the buyer.
    pub workers: Vec<u8>,
    /// How many attempts to pay.
    pub attempts: usize,
    /// Whether the bank declines and asks for the buyer.
    pub bank_objects: bool,
    /// Whether buyers cancel and admins refund.
    pub second_thoughts: bool,
    /// Whether the first seat may be given back, once.
    pub parts: bool,
    /// Minutes of the clock's readings, and of the holds' deadline.
    pub clock: [i64; 3],
    pub readings: u8,
    pub deadline: i64,
    pub twin: Twin,
}

/// The protocol as designed, or one of its failing twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    None,
    BlindAppendOnSeat,
    BlindAppendOnBooking,
    CaptureBeforeCommit,
    VoidOnCaptureTimeout,
    ReleaseOfAnothersLock,
    ReleaseWithoutFence,
    PayWithoutCheckingSeats,
    SeatsExpireByThemselves,
    FlagBeforeTheAbort,
    ReleaseBeforeTheMoney,
}

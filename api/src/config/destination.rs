//! Where payments go, by the name that the setting `payments` has for it.

/// Where buyers' payments go, as the setting `payments` says. It decides nothing: the key does. It is there so that a key
/// that was lost or exchanged is noticed at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The sandbox of this process: no key.
    Sandbox,
    /// A test key, of Stripe or of a sandbox that nodes share. No money moves.
    StripeTest,
    /// A live key.
    StripeLive,
}

impl Destination {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sandbox, Self::StripeTest, Self::StripeLive];

    /// As the setting has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::StripeTest => "stripe-test",
            Self::StripeLive => "stripe-live",
        }
    }
}

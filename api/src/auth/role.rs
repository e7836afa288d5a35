//! Roles, and the one table of what each of them may do.

use serde::{Deserialize, Serialize};

/// What the bearer of a token is for the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Books for themselves.
    Buyer,
    /// Sells at a till: holds for buyers, reads, cancels and refunds any booking.
    Staff,
    /// Everything that staff does; runs shows, and reviews payments.
    Manager,
    /// Reads everything and changes nothing.
    Auditor,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::Buyer, Self::Staff, Self::Manager, Self::Auditor, Self::Admin];

    /// The value of the claim `role`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("`{text}` is not a role; a role is {}", one_of(&Self::ALL)))
    }
}

/// What a route needs. Each route names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Hold seats for oneself. Guests may as well, where they are welcome.
    HoldSeats,
    /// Read one's own bookings and rewards.
    ReadOwn,
    /// Pay, extend and cancel one's own bookings, redeem one's own vouchers.
    CommandOwn,
    /// Hold seats for buyers, in batches or at the till.
    HoldForBuyers,
    /// Read and list anybody's bookings.
    ReadBookings,
    /// Confirm bookings that are paid at the till.
    TakePayments,
    /// Extend, cancel, transfer and exchange anybody's bookings, and have their tickets.
    ChangeBookings,
    /// Refund a booking.
    RefundBookings,
    /// End the review of a flagged payment.
    ReviewPayments,
    /// Put shows on sale, pause, resume and cancel them.
    RunShows,
    /// Issue vouchers, and read their codes.
    IssueVouchers,
    /// See how the shop's endpoints get on, and send to them again.
    ManageEndpoints,
    /// Hand over the goods of a voucher.
    RedeemVouchers,
    /// Read how shows sell, and which seats are kept from the open sale.
    ReadSales,
    /// Read the event history.
    ReadHistory,
    /// Send more commands and reads than one caller may: refunding a cancelled show takes thousands.
    ExceedLimits,
}

impl Permission {
    /// The table: who has it.
    #[must_use]
    pub const fn roles(self) -> &'static [Role] {
        use Role::{Admin, Auditor, Buyer, Manager, Staff};
        match self {
            Self::ReadOwn => &[Buyer, Staff, Manager, Auditor, Admin],
            Self::HoldSeats | Self::CommandOwn => &[Buyer, Staff, Manager, Admin],
            Self::ReadBookings | Self::ReadSales => &[Staff, Manager, Auditor, Admin],
            Self::HoldForBuyers | Self::TakePayments | Self::ChangeBookings | Self::RefundBookings | Self::RedeemVouchers => {
                &[Staff, Manager, Admin]
            }
            Self::RunShows | Self::ReviewPayments | Self::IssueVouchers | Self::ManageEndpoints | Self::ExceedLimits => {
                &[Manager, Admin]
            }
            Self::ReadHistory => &[Auditor, Admin],
        }
    }

    /// Whether a role has it.
    #[must_use]
    pub fn is_of(self, role: Role) -> bool {
        self.roles().contains(&role)
    }
}

/// The names of some roles, as a sentence has them.
pub(super) fn one_of(roles: &[Role]) -> String {
    let names: Vec<String> = roles.iter().map(|role| format!("`{}`", role.name())).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

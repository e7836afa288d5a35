//! What each role may do, in one table.

pub use lastseat_domain::Role;

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
    /// Scan tickets at the entrance.
    CheckIn,
    /// Read how shows sell, and which seats are kept from the open sale.
    ReadSales,
    /// Read the event history.
    ReadHistory,
    /// List accounts, and give them roles.
    ManageAccounts,
    /// Change what the server logs.
    OperateServer,
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
            Self::HoldForBuyers
            | Self::TakePayments
            | Self::ChangeBookings
            | Self::RefundBookings
            | Self::RedeemVouchers
            | Self::CheckIn => &[Staff, Manager, Admin],
            Self::RunShows | Self::ReviewPayments | Self::IssueVouchers | Self::ManageEndpoints | Self::ExceedLimits => {
                &[Manager, Admin]
            }
            Self::ReadHistory => &[Auditor, Admin],
            Self::ManageAccounts | Self::OperateServer => &[Admin],
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

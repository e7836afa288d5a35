//! A rejection of the domain as a problem: its code, its sentence, and the facts that let a program
//! act on it.

use super::{Code, Problem};
use crate::names::reason_name;
use lastseat_domain::Rejection;

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let mut problem = Self::new(Code::of(&rejection), rejection.to_string());
        problem.0.from_rules = true;
        with_facts(problem, &rejection)
    }
}

fn with_facts(problem: Problem, rejection: &Rejection) -> Problem {
    use Rejection as R;
    match rejection {
        R::ShowExists { show }
        | R::SalesPaused { show }
        | R::ShowCancelled { show }
        | R::NotCancelled { show }
        | R::PictureNotFound { show }
        | R::GuestsRefused { show } => problem.fact("show", show),
        R::InvalidShow { field, .. }
        | R::InvalidPlan { field, .. }
        | R::InvalidPicture { field, .. }
        | R::InvalidBlock { field, .. }
        | R::InvalidRefund { field, .. }
        | R::InvalidExchange { field, .. }
        | R::InvalidVoucher { field, .. } => problem.fact("field", field),
        R::AmountTooSmall { amount } => problem.fact("amount", amount),
        R::ExchangeCostsMore { more } => problem.fact("more", more),
        R::RefundUnclear { missing } => problem.fact("missing", missing),
        R::ShowChanged { show, revision } => problem.fact("show", show).fact("revision", revision),
        R::PlanNotFound { plan } => problem.fact("plan", plan),
        R::PlanChanged { plan, revision } => problem.fact("plan", plan).fact("revision", revision),
        R::PictureTypeDiffers { claimed, found } => problem.fact("claimed", claimed.name()).fact("found", found.name()),
        R::PictureTooLarge { bytes, most } => problem.fact("bytes", bytes).fact("most", most),
        R::TooManyPictures { show, most } => problem.fact("show", show).fact("most", most),
        R::TicketVoid { why } => problem.fact("reason", why.name()),
        R::AlreadyAdmitted { at, gate } => problem.fact("admitted_at", at).fact("gate", gate),
        R::SomebodyInside { seat, at, gate } => problem.fact("seat", seat).fact("admitted_at", at).fact("gate", gate),
        R::TicketOfOtherShow { show } => problem.fact("show", show),
        R::SaleNotOpen { show, opens_at } => problem.fact("show", show).fact("opens_at", opens_at),
        R::SaleClosed { show, closed_at } => problem.fact("show", show).fact("closed_at", closed_at),
        R::TooManyPaymentAttempts { most } | R::TooManyReissues { most } => problem.fact("most", most),
        R::TooManySeats { asked, most } => problem.fact("asked", asked).fact("most", most),
        R::InvalidQuantity { most } => problem.fact("most", most),
        R::DuplicateSeats { seat } | R::NotOwner { seat } | R::LeavesSingleSeat { seat } | R::TicketNotFound { seat } => {
            problem.fact("seat", seat)
        }
        R::UnknownSeat { seat } => problem.fact("seat", seat),
        R::UnknownArea { area } => problem.fact("area", area),
        R::UnknownCategory { category } => problem.fact("category", category),
        R::UnknownPriceType { of, price_type, known } => {
            problem.fact("of", of).fact("price_type", price_type).fact("price_types", &known.0)
        }
        R::BuyerLimit { most, have } => problem.fact("most", most).fact("have", have),
        R::SeatUnavailable { seat, state, free_at, position } => {
            let problem = problem.fact("seat", seat).fact("state", state.name());
            let problem = match position {
                Some(position) => problem.fact("position", position),
                None => problem,
            };
            match free_at {
                Some(free_at) => problem.fact("free_at", free_at),
                None => problem,
            }
        }
        R::NotEnoughTogether { available } => problem.fact("available", available),
        R::SoldOut { free_at: Some(free_at) } => problem.fact("available", 0).fact("free_at", free_at),
        R::SoldOut { free_at: None } => problem.fact("available", 0),
        R::BookingOver { reason } => problem.fact("reason", reason_name(*reason)),
        R::PaymentDeclined { decline } => problem.fact("decline_code", decline),
        R::VoucherNotFound { voucher }
        | R::VoucherRedeemed { voucher }
        | R::VoucherHasCode { voucher }
        | R::VoucherRevoked { voucher } => problem.fact("voucher", voucher),
        R::ShowNotFound
        | R::UnsupportedPicture
        | R::BlockNotFound
        | R::BlockOver
        | R::NoSuchAccess
        | R::IdempotencyKeyReused
        | R::BookingNotFound
        | R::AlreadyExtended
        | R::AlreadyConfirmed
        | R::AlreadyRefunded
        | R::NotConfirmed
        | R::NotFlagged
        | R::NotOver
        | R::NoRefundDue
        | R::RefundStands
        | R::RefundInProgress
        | R::UnderReview
        | R::RefundsAll
        | R::PaymentInProgress
        | R::GatewayPaymentBegun
        | R::NotChangeable
        | R::ExchangeInProgress
        | R::ExchangeAbandoned
        | R::InvalidPaymentMethod { .. }
        | R::PaymentMethodMissing
        | R::CaptureFailed
        | R::PaymentMismatch
        | R::UnknownVoucher
        | R::VoucherNotUsable { .. }
        | R::VoucherUsedUp
        | R::VoucherWithdrawn
        | R::BookingHasVoucher
        | R::BookingKeepsVoucher
        | R::VoucherMissing
        | R::TooManyVoucherChanges { .. }
        | R::PaymentBegun
        | R::CampaignNotFound
        | R::CodesUnavailable
        | R::NoTickets
        | R::NotAdmitted
        | R::OutOfOrder { .. } => problem,
    }
}

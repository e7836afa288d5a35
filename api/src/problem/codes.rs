//! Every code that a problem can have, with its status and title. Answers, metrics and documentation
//! are made from this table.

use http::StatusCode;
use lastseat_domain::Rejection;

macro_rules! codes {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// The kind of a problem. Its text is stable and part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($name,)*
        }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The member `code`.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What it means, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    // The request itself.
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not JSON";
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A parameter of the request is wrong";
    InvalidIdempotencyKey = "invalid_idempotency_key", BAD_REQUEST, "The Idempotency-Key is malformed";
    BodyUnreadable = "body_unreadable", BAD_REQUEST, "The body ended early";
    MalformedRequest = "malformed_request", BAD_REQUEST, "This is not an HTTP request";
    InvalidHost = "invalid_host", BAD_REQUEST, "The Host header is missing or wrong";
    AuthenticationRequired = "authentication_required", UNAUTHORIZED, "A token is needed";
    InvalidToken = "invalid_token", UNAUTHORIZED, "The token is not valid";
    TokenExpired = "token_expired", UNAUTHORIZED, "The token is no longer valid";
    SessionEnded = "session_ended", UNAUTHORIZED, "The session has ended";
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "E-mail address or password is wrong";
    Forbidden = "forbidden", FORBIDDEN, "Another role is needed";
    BookingTokenOnly = "booking_token_only", FORBIDDEN, "A booking's token can't do this";
    SessionRequired = "session_required", FORBIDDEN, "This is for accounts";
    CrossSiteRequest = "cross_site_request", FORBIDDEN, "The request comes from another site";
    CsrfTokenInvalid = "csrf_token_invalid", FORBIDDEN, "The CSRF token is missing or wrong";
    UnknownRoute = "unknown_route", NOT_FOUND, "There is nothing at this address";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not possible here";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body took too long to arrive";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    InvalidRequest = "invalid_request", UNPROCESSABLE_ENTITY, "The body does not have the expected form";
    PriceNotAccepted = "price_not_accepted", UNPROCESSABLE_ENTITY, "Prices are not taken from the client";
    IdempotencyInFlight = "idempotency_in_flight", CONFLICT, "The same request is being executed";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests in a short time";

    // Accounts.
    NoAccounts = "no_accounts", NOT_FOUND, "This server has no accounts";
    AccountNotFound = "account_not_found", NOT_FOUND, "No such account";
    UnknownAccount = "unknown_account", UNPROCESSABLE_ENTITY, "No account here is this buyer";
    WeakPassword = "weak_password", UNPROCESSABLE_ENTITY, "The password is too easy to guess";
    AddressNotVerified = "address_not_verified", CONFLICT, "The address is not verified";
    LastAdmin = "last_admin", CONFLICT, "This is the last admin";
    LinkNotUsable = "link_not_usable", GONE, "The link does not work";
    TooManyTries = "too_many_tries", TOO_MANY_REQUESTS, "Too many wrong passwords";

    // Shows.
    ShowNotFound = "show_not_found", NOT_FOUND, "No such show";
    ShowExists = "show_exists", CONFLICT, "Another show has this id";
    InvalidShow = "invalid_show", UNPROCESSABLE_ENTITY, "The show is invalid";
    ShowChanged = "show_changed", PRECONDITION_FAILED, "The show was changed";
    SaleNotOpen = "sale_not_open", FORBIDDEN, "The sale is not open yet";
    SalesPaused = "sales_paused", FORBIDDEN, "The sale is paused";
    SaleClosed = "sale_closed", GONE, "The sale is over";
    ShowCancelled = "show_cancelled", GONE, "The show was cancelled";

    // Plans.
    PlanNotFound = "plan_not_found", NOT_FOUND, "No such plan";
    InvalidPlan = "invalid_plan", UNPROCESSABLE_ENTITY, "The plan is invalid";
    PlanChanged = "plan_changed", PRECONDITION_FAILED, "The plan was changed";

    // Pictures.
    PictureNotFound = "picture_not_found", NOT_FOUND, "The show has no picture";
    UnsupportedPicture = "unsupported_picture", UNSUPPORTED_MEDIA_TYPE, "Not a JPEG, PNG or WebP picture";
    PictureTypeDiffers = "picture_type_differs", UNPROCESSABLE_ENTITY, "The picture is of another type";
    InvalidPicture = "invalid_picture", UNPROCESSABLE_ENTITY, "The picture is invalid";
    PictureTooLarge = "picture_too_large", UNPROCESSABLE_ENTITY, "The picture is too large";
    TooManyPictures = "too_many_pictures", CONFLICT, "The picture was changed too often";

    // Seats.
    TooManySeats = "too_many_seats", UNPROCESSABLE_ENTITY, "Too many seats";
    InvalidQuantity = "invalid_quantity", UNPROCESSABLE_ENTITY, "Not a possible quantity";
    DuplicateSeats = "duplicate_seats", UNPROCESSABLE_ENTITY, "A seat is named twice";
    UnknownSeat = "unknown_seat", UNPROCESSABLE_ENTITY, "No such seat";
    UnknownArea = "unknown_area", UNPROCESSABLE_ENTITY, "No such area";
    UnknownCategory = "unknown_category", UNPROCESSABLE_ENTITY, "No such category";
    UnknownPriceType = "unknown_price_type", UNPROCESSABLE_ENTITY, "No such price type";
    BuyerLimit = "buyer_limit", FORBIDDEN, "One buyer may not have so many seats";
    GuestsRefused = "guests_refused", FORBIDDEN, "This show is not sold to guests";
    ChallengeRequired = "challenge_required", FORBIDDEN, "Guests solve a challenge first";
    ChallengeFailed = "challenge_failed", FORBIDDEN, "The challenge is not solved";
    GuestLimit = "guest_limit", FORBIDDEN, "Guests of one address may not hold so many seats";
    SeatUnavailable = "seat_unavailable", CONFLICT, "The seat is taken";
    LeavesSingleSeat = "leaves_single_seat", CONFLICT, "A single seat would be left alone";
    SoldOut = "sold_out", GONE, "Sold out";

    // Blocks.
    InvalidBlock = "invalid_block", UNPROCESSABLE_ENTITY, "The block is invalid";
    BlockNotFound = "block_not_found", NOT_FOUND, "No such block";
    BlockOver = "block_over", GONE, "The block is over";
    AccessRefused = "access_refused", FORBIDDEN, "The access code opens nothing here";

    // Bookings.
    BookingNotFound = "booking_not_found", NOT_FOUND, "No such booking";
    BookingOver = "booking_over", GONE, "The booking is over";
    AlreadyExtended = "already_extended", CONFLICT, "The hold was extended already";
    NotForGuests = "not_for_guests", FORBIDDEN, "Guests can't do this";
    AlreadyConfirmed = "already_confirmed", CONFLICT, "The booking is confirmed";
    AlreadyRefunded = "already_refunded", CONFLICT, "The booking was refunded";
    NotConfirmed = "not_confirmed", CONFLICT, "The booking is not confirmed";
    NotChangeable = "booking_not_changeable", CONFLICT, "The booking can't be changed";
    ExchangeInProgress = "exchange_in_progress", CONFLICT, "The seats are being exchanged";
    ExchangeAbandoned = "exchange_abandoned", CONFLICT, "The exchange was given up";
    ExchangeCostsMore = "exchange_costs_more", CONFLICT, "The new seats cost more";
    InvalidExchange = "invalid_exchange", UNPROCESSABLE_ENTITY, "The exchange is invalid";
    NotOwner = "not_owner", CONFLICT, "The seat is another booking's";
    OutOfOrder = "out_of_order", CONFLICT, "Not possible in this state";

    // Refunds.
    RefundInProgress = "refund_in_progress", CONFLICT, "A refund is in progress";
    UnderReview = "payment_under_review", CONFLICT, "A person has to look first";
    RefundsAll = "refunds_all", CONFLICT, "Nothing would be left of the booking";
    InvalidRefund = "invalid_refund", UNPROCESSABLE_ENTITY, "The refund can't be made like this";
    NotCancelled = "show_not_cancelled", CONFLICT, "The show is not cancelled";

    // Payment.
    InvalidReturnUrl = "invalid_return_url", UNPROCESSABLE_ENTITY, "The page to return to can't be used";
    PaymentInProgress = "payment_in_progress", CONFLICT, "A payment is in progress";
    TooManyPaymentAttempts = "too_many_payment_attempts", CONFLICT, "A payment was tried too often";
    GatewayPaymentBegun = "gateway_payment_begun", CONFLICT, "The gateway has a payment of it";
    PaymentDeclined = "payment_declined", PAYMENT_REQUIRED, "The payment was declined";
    InvalidPaymentMethod = "invalid_payment_method", UNPROCESSABLE_ENTITY, "The payment method can't be used";
    PaymentMethodMissing = "payment_method_missing", UNPROCESSABLE_ENTITY, "A payment method is needed";
    CaptureFailed = "capture_failed", PAYMENT_REQUIRED, "The money could not be captured";
    PaymentMismatch = "payment_mismatch", CONFLICT, "The payment does not fit the booking";
    ClientConfirmationUnavailable = "client_confirmation_unavailable", CONFLICT, "The payment form is not available";
    NotFlagged = "not_flagged", CONFLICT, "No review is needed";
    NotOver = "booking_not_over", CONFLICT, "The booking has not ended";
    NoRefundDue = "no_refund_due", CONFLICT, "No refund waits for a person";
    RefundStands = "refund_stands", CONFLICT, "The refund was made";
    RefundUnclear = "refund_unclear", CONFLICT, "It is unclear which refund has failed";
    WebhookSignature = "webhook_signature_invalid", BAD_REQUEST, "The signature is not valid";
    SandboxRefused = "sandbox_refused", CONFLICT, "The payment sandbox refused";

    // Rewards.
    VoucherNotFound = "voucher_not_found", NOT_FOUND, "No such voucher";
    VoucherRedeemed = "voucher_redeemed", CONFLICT, "The voucher was used before";
    VoucherHasCode = "voucher_has_code", CONFLICT, "The voucher is used by its code";
    VoucherRevoked = "voucher_revoked", CONFLICT, "The voucher was revoked";

    // Vouchers.
    InvalidVoucher = "invalid_voucher", UNPROCESSABLE_ENTITY, "The voucher is invalid";
    UnknownVoucher = "unknown_voucher", UNPROCESSABLE_ENTITY, "No voucher has this code";
    VoucherNotUsable = "voucher_not_usable", CONFLICT, "The voucher is not for this";
    VoucherUsedUp = "voucher_used_up", CONFLICT, "The voucher was used";
    VoucherWithdrawn = "voucher_withdrawn", CONFLICT, "The voucher was withdrawn";
    BookingHasVoucher = "booking_has_voucher", CONFLICT, "The booking has a voucher";
    BookingKeepsVoucher = "booking_keeps_voucher", CONFLICT, "The booking keeps its voucher";
    VoucherMissing = "voucher_missing", CONFLICT, "The booking's voucher is missing";
    TooManyVoucherChanges = "too_many_voucher_changes", CONFLICT, "The voucher was changed too often";
    PaymentBegun = "payment_begun", CONFLICT, "The amount can't change any more";
    AmountTooSmall = "amount_too_small", CONFLICT, "Too little would be left to pay";
    CampaignNotFound = "campaign_not_found", NOT_FOUND, "No such campaign";
    EndpointNotFound = "endpoint_not_found", NOT_FOUND, "No such endpoint";
    CodesUnavailable = "codes_unavailable", CONFLICT, "The codes can't be named";

    // Tickets.
    NoTickets = "no_tickets", CONFLICT, "There are no tickets";
    TicketNotFound = "ticket_not_found", NOT_FOUND, "No such ticket";
    TooManyReissues = "too_many_reissues", CONFLICT, "The ticket was issued again too often";
    NotATicket = "not_a_ticket", UNPROCESSABLE_ENTITY, "This is no ticket";
    TicketForged = "ticket_forged", UNPROCESSABLE_ENTITY, "The ticket is forged";
    TicketVoid = "ticket_void", CONFLICT, "The ticket is void";
    AlreadyAdmitted = "already_admitted", CONFLICT, "The ticket has admitted somebody";
    SomebodyInside = "somebody_inside", CONFLICT, "Somebody is inside with the ticket";
    NotAdmitted = "not_admitted", CONFLICT, "Nobody is inside with this ticket";
    TicketOfOtherShow = "ticket_of_other_show", CONFLICT, "The ticket is for another show";

    // The server.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server has a defect";
    Busy = "busy", SERVICE_UNAVAILABLE, "The server is busy";
    PaymentQueueFull = "payment_queue_full", SERVICE_UNAVAILABLE, "Too many payments are waiting";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "A service that is needed does not answer";
    Stopping = "stopping", SERVICE_UNAVAILABLE, "The server is stopping";
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "The outcome is not known";
}

impl Code {
    /// The code of a rejection. Exhaustive, so that a new rejection can't be forgotten here.
    #[must_use]
    pub fn of(rejection: &Rejection) -> Self {
        use Rejection as R;
        match rejection {
            R::ShowNotFound => Self::ShowNotFound,
            R::NotFlagged => Self::NotFlagged,
            R::NotOver => Self::NotOver,
            R::NoRefundDue => Self::NoRefundDue,
            R::RefundStands => Self::RefundStands,
            R::RefundUnclear { .. } => Self::RefundUnclear,
            R::ShowExists { .. } => Self::ShowExists,
            R::InvalidShow { .. } => Self::InvalidShow,
            R::ShowChanged { .. } => Self::ShowChanged,
            R::PlanNotFound { .. } => Self::PlanNotFound,
            R::InvalidPlan { .. } => Self::InvalidPlan,
            R::PlanChanged { .. } => Self::PlanChanged,
            R::PictureNotFound { .. } => Self::PictureNotFound,
            R::UnsupportedPicture => Self::UnsupportedPicture,
            R::PictureTypeDiffers { .. } => Self::PictureTypeDiffers,
            R::InvalidPicture { .. } => Self::InvalidPicture,
            R::PictureTooLarge { .. } => Self::PictureTooLarge,
            R::TooManyPictures { .. } => Self::TooManyPictures,
            R::SaleNotOpen { .. } => Self::SaleNotOpen,
            R::SaleClosed { .. } => Self::SaleClosed,
            R::SalesPaused { .. } => Self::SalesPaused,
            R::ShowCancelled { .. } => Self::ShowCancelled,
            R::TooManySeats { .. } => Self::TooManySeats,
            R::InvalidQuantity { .. } => Self::InvalidQuantity,
            R::DuplicateSeats { .. } => Self::DuplicateSeats,
            R::UnknownSeat { .. } => Self::UnknownSeat,
            R::UnknownArea { .. } => Self::UnknownArea,
            R::UnknownCategory { .. } => Self::UnknownCategory,
            R::UnknownPriceType { .. } => Self::UnknownPriceType,
            R::BuyerLimit { .. } => Self::BuyerLimit,
            R::SeatUnavailable { .. } | R::NotEnoughTogether { .. } => Self::SeatUnavailable,
            R::GuestsRefused { .. } => Self::GuestsRefused,
            R::LeavesSingleSeat { .. } => Self::LeavesSingleSeat,
            R::SoldOut { .. } => Self::SoldOut,
            R::InvalidBlock { .. } => Self::InvalidBlock,
            R::BlockNotFound => Self::BlockNotFound,
            R::BlockOver => Self::BlockOver,
            R::NoSuchAccess => Self::AccessRefused,
            R::IdempotencyKeyReused => Self::IdempotencyKeyReused,
            R::BookingNotFound => Self::BookingNotFound,
            R::BookingOver { .. } => Self::BookingOver,
            R::AlreadyExtended => Self::AlreadyExtended,
            R::AlreadyConfirmed => Self::AlreadyConfirmed,
            R::AlreadyRefunded => Self::AlreadyRefunded,
            R::NotConfirmed => Self::NotConfirmed,
            R::RefundInProgress => Self::RefundInProgress,
            R::UnderReview => Self::UnderReview,
            R::RefundsAll => Self::RefundsAll,
            R::InvalidRefund { .. } => Self::InvalidRefund,
            R::NotCancelled { .. } => Self::NotCancelled,
            R::PaymentInProgress => Self::PaymentInProgress,
            R::NotChangeable => Self::NotChangeable,
            R::ExchangeInProgress => Self::ExchangeInProgress,
            R::ExchangeAbandoned => Self::ExchangeAbandoned,
            R::ExchangeCostsMore { .. } => Self::ExchangeCostsMore,
            R::InvalidExchange { .. } => Self::InvalidExchange,
            R::TooManyPaymentAttempts { .. } => Self::TooManyPaymentAttempts,
            R::GatewayPaymentBegun => Self::GatewayPaymentBegun,
            R::PaymentDeclined { .. } => Self::PaymentDeclined,
            R::InvalidPaymentMethod { .. } => Self::InvalidPaymentMethod,
            R::PaymentMethodMissing => Self::PaymentMethodMissing,
            R::CaptureFailed => Self::CaptureFailed,
            R::PaymentMismatch => Self::PaymentMismatch,
            R::NoTickets => Self::NoTickets,
            R::TicketVoid { .. } => Self::TicketVoid,
            R::AlreadyAdmitted { .. } => Self::AlreadyAdmitted,
            R::SomebodyInside { .. } => Self::SomebodyInside,
            R::NotAdmitted => Self::NotAdmitted,
            R::TicketOfOtherShow { .. } => Self::TicketOfOtherShow,
            R::TooManyReissues { .. } => Self::TooManyReissues,
            R::TicketNotFound { .. } => Self::TicketNotFound,
            R::NotOwner { .. } => Self::NotOwner,
            R::OutOfOrder { .. } => Self::OutOfOrder,
            R::VoucherNotFound { .. } => Self::VoucherNotFound,
            R::VoucherRedeemed { .. } => Self::VoucherRedeemed,
            R::VoucherHasCode { .. } => Self::VoucherHasCode,
            R::VoucherRevoked { .. } => Self::VoucherRevoked,
            R::InvalidVoucher { .. } => Self::InvalidVoucher,
            R::UnknownVoucher => Self::UnknownVoucher,
            R::VoucherNotUsable { .. } => Self::VoucherNotUsable,
            R::VoucherUsedUp => Self::VoucherUsedUp,
            R::VoucherWithdrawn => Self::VoucherWithdrawn,
            R::BookingHasVoucher => Self::BookingHasVoucher,
            R::BookingKeepsVoucher => Self::BookingKeepsVoucher,
            R::VoucherMissing => Self::VoucherMissing,
            R::TooManyVoucherChanges { .. } => Self::TooManyVoucherChanges,
            R::PaymentBegun => Self::PaymentBegun,
            R::AmountTooSmall { .. } => Self::AmountTooSmall,
            R::CampaignNotFound => Self::CampaignNotFound,
            R::CodesUnavailable => Self::CodesUnavailable,
        }
    }

    /// Whether a refusal with this code is a decision on the request, so that its repeat under the same
    /// idempotency key gets it again. A refusal that may pass (a sale that has not opened, a payment in
    /// progress) must not use up the key.
    #[must_use]
    pub fn is_decision(self) -> bool {
        let by_a_rule = [402, 404, 409, 410, 422].contains(&self.status().as_u16());
        // What passes without a command: the end of a payment (which brings tickets) or refund, and the bank's refusal of one.
        let passes = matches!(
            self,
            Self::PaymentInProgress
                | Self::RefundInProgress
                | Self::RefundStands
                | Self::RefundUnclear
                | Self::NoTickets
                | Self::IdempotencyInFlight
                | Self::IdempotencyKeyReused
        );
        by_a_rule && !passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_of_a_rejection_is_in_the_table() {
        let known: HashSet<_> = Code::ALL.iter().map(|c| c.text()).collect();
        for (code, _) in Rejection::CODES {
            assert!(known.contains(code), "{code}");
        }
    }

    #[test]
    fn every_code_is_in_the_document_with_its_status_and_title() {
        let document = include_str!("../../../docs/API.md");
        for code in Code::ALL {
            let row = format!("| {} | `{}` | {} |", code.status().as_u16(), code.text(), code.title());
            assert!(document.contains(&row), "docs/API.md has no row {row}");
        }
    }

    #[test]
    fn every_code_is_unique() {
        let known: HashSet<_> = Code::ALL.iter().map(|c| c.text()).collect();
        assert_eq!(known.len(), Code::ALL.len());
    }
}

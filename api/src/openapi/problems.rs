//! Which operation answers with which problems: the table, and its way into the document.

use super::problem_schemas;
use crate::problem::Code;
use std::collections::BTreeMap;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

use Code as C;

/// Every read: a token that is sent must be valid, which can't be said while its issuer's keys are not known, and the
/// operator may limit reads.
const READ: &[Code] = &[C::RateLimited, C::InvalidToken, C::TokenExpired, C::Unavailable];
/// Every operation that waits for the log.
const LOG: &[Code] = &[C::Unavailable, C::Internal];
/// Every command.
const COMMAND: &[Code] = &[
    C::InvalidJson,
    C::BodyUnreadable,
    C::RequestTimeout,
    C::BodyTooLarge,
    C::UnsupportedMediaType,
    C::InvalidRequest,
    C::InvalidToken,
    C::TokenExpired,
    C::SessionEnded,
    C::CrossSiteRequest,
    C::CsrfTokenInvalid,
    C::RateLimited,
    C::Busy,
    C::Stopping,
    C::Unavailable,
    C::OutcomeUnknown,
    C::Internal,
];
/// Every command that takes an idempotency key, in addition.
const KEYED: &[Code] = &[C::InvalidIdempotencyKey, C::IdempotencyInFlight, C::IdempotencyKeyReused];
const TOKEN: &[Code] = &[C::AuthenticationRequired, C::InvalidToken, C::TokenExpired, C::SessionEnded];
const PRIVILEGE: &[Code] = &[C::AuthenticationRequired, C::InvalidToken, C::TokenExpired, C::SessionEnded, C::Forbidden];
/// Everything about one's own account.
const ACCOUNT: &[Code] =
    &[C::AuthenticationRequired, C::InvalidToken, C::TokenExpired, C::SessionEnded, C::SessionRequired, C::NoAccounts];
/// Every command that a password proves.
const PASSWORD: &[Code] = &[C::WrongCredentials, C::TooManyTries];
const HOLD: &[Code] = &[
    C::AuthenticationRequired,
    C::Forbidden,
    C::BookingNotFound,
    C::ShowNotFound,
    C::SaleNotOpen,
    C::SalesPaused,
    C::SaleClosed,
    C::ShowCancelled,
    C::PriceNotAccepted,
    C::TooManySeats,
    C::InvalidQuantity,
    C::DuplicateSeats,
    C::UnknownSeat,
    C::UnknownArea,
    C::UnknownCategory,
    C::UnknownPriceType,
    C::BuyerLimit,
    C::GuestsRefused,
    C::UnknownAccount,
    C::ChallengeRequired,
    C::ChallengeFailed,
    C::SeatUnavailable,
    C::LeavesSingleSeat,
    C::SoldOut,
    C::BookingOver,
    C::AccessRefused,
];
/// Keeping seats from the open sale.
const BLOCK: &[Code] = &[
    C::ShowNotFound,
    C::ShowCancelled,
    C::InvalidBlock,
    C::DuplicateSeats,
    C::UnknownSeat,
    C::UnknownArea,
    C::SeatUnavailable,
    C::SoldOut,
    C::BlockNotFound,
    C::BlockOver,
];
/// Giving a show a picture.
const PICTURE: &[Code] = &[
    C::ShowNotFound,
    C::InvalidParameter,
    C::UnsupportedPicture,
    C::PictureTypeDiffers,
    C::InvalidPicture,
    C::PictureTooLarge,
    C::TooManyPictures,
];
const PAY: &[Code] = &[
    C::BookingNotFound,
    C::PriceNotAccepted,
    C::BookingOver,
    C::AlreadyRefunded,
    C::AlreadyConfirmed,
    C::PaymentInProgress,
    C::TooManyPaymentAttempts,
    C::GatewayPaymentBegun,
    C::PaymentDeclined,
    C::InvalidPaymentMethod,
    C::InvalidReturnUrl,
    C::PaymentMethodMissing,
    C::ClientConfirmationUnavailable,
    C::PaymentQueueFull,
    C::VoucherMissing,
    C::CaptureFailed,
    C::PaymentMismatch,
];

/// Moving a booking to other seats.
const EXCHANGE: &[Code] = &[
    C::BookingNotFound,
    C::NotChangeable,
    C::ExchangeInProgress,
    C::RefundInProgress,
    C::ExchangeAbandoned,
    C::ExchangeCostsMore,
    C::InvalidExchange,
    C::SomebodyInside,
    C::NotOwner,
    C::ShowCancelled,
    C::DuplicateSeats,
    C::UnknownSeat,
    C::UnknownPriceType,
    C::PriceNotAccepted,
    C::SeatUnavailable,
];
const REFUND: &[Code] = &[
    C::BookingNotFound,
    C::NotConfirmed,
    C::AlreadyRefunded,
    C::PaymentMismatch,
    C::RefundInProgress,
    C::UnderReview,
    C::RefundsAll,
    C::InvalidRefund,
    C::DuplicateSeats,
    C::NotOwner,
    C::ExchangeInProgress,
];

/// Using a code that is worth something.
const VOUCHER: &[Code] = &[C::UnknownVoucher, C::VoucherNotUsable, C::VoucherUsedUp, C::VoucherWithdrawn];
/// Changing what a held booking costs.
const DISCOUNT: &[Code] =
    &[C::BookingNotFound, C::ShowCancelled, C::BookingOver, C::AlreadyConfirmed, C::AlreadyRefunded, C::PaymentBegun];

/// Scanning a ticket.
const CHECK_IN: &[Code] = &[
    C::BookingNotFound,
    C::ShowCancelled,
    C::NotATicket,
    C::TicketForged,
    C::TicketVoid,
    C::AlreadyAdmitted,
    C::NotAdmitted,
    C::TicketOfOtherShow,
];

/// Every notification of a gateway.
const WEBHOOK: &[Code] =
    &[C::WebhookSignature, C::InvalidJson, C::BodyUnreadable, C::RequestTimeout, C::BodyTooLarge, C::UnknownRoute, C::Busy];

/// The problems of an operation, by its `operationId`.
pub(super) fn of(operation: &str) -> Option<Vec<&'static [Code]>> {
    Some(match operation {
        "sign_up" => vec![&[C::NoAccounts, C::WeakPassword], COMMAND, KEYED],
        "sign_in" => vec![&[C::NoAccounts], PASSWORD, COMMAND, KEYED],
        "send_verification" => vec![ACCOUNT, COMMAND, KEYED],
        "confirm_address" => vec![&[C::NoAccounts, C::LinkNotUsable], PASSWORD, COMMAND, KEYED],
        "request_password_reset" => vec![&[C::NoAccounts], COMMAND, KEYED],
        "reset_password" => vec![&[C::NoAccounts, C::LinkNotUsable, C::WeakPassword], COMMAND, KEYED],
        "get_session" | "get_account" => vec![ACCOUNT, READ],
        "export_account" => vec![ACCOUNT, READ, LOG],
        "sign_out" => vec![ACCOUNT, COMMAND, KEYED],
        "change_password" => vec![&[C::WeakPassword], ACCOUNT, PASSWORD, COMMAND, KEYED],
        "erase_account" => vec![&[C::LastAdmin], ACCOUNT, PASSWORD, COMMAND, KEYED],
        "list_accounts" => vec![&[C::InvalidParameter, C::NoAccounts], PRIVILEGE, READ],
        "change_account" => {
            vec![&[C::AccountNotFound, C::AddressNotVerified, C::LastAdmin, C::NoAccounts], PRIVILEGE, COMMAND, KEYED]
        }
        "list_shows" => vec![&[C::InvalidParameter], READ],
        "get_show" => vec![&[C::ShowNotFound], READ],
        // The last two only with `at`.
        "get_seats" => vec![&[C::ShowNotFound, C::InvalidParameter], READ, PRIVILEGE, LOG],
        "stream_seats" => vec![&[C::ShowNotFound, C::InvalidParameter], READ, LOG],
        "list_bookings" => vec![&[C::InvalidParameter], PRIVILEGE, READ, LOG],
        "list_bookings_of_show" => vec![&[C::InvalidParameter, C::ShowNotFound], PRIVILEGE, READ, LOG],
        "get_sales" => vec![&[C::ShowNotFound, C::InvalidParameter], PRIVILEGE, READ],
        "draw_plan" => vec![&[C::InvalidParameter, C::InvalidPlan, C::PlanChanged], PRIVILEGE, COMMAND, KEYED],
        "list_plans" => vec![&[C::InvalidParameter], PRIVILEGE, READ],
        "get_plan" => vec![&[C::PlanNotFound], PRIVILEGE, READ, LOG],
        "get_plan_revision" => vec![&[C::PlanNotFound], READ, LOG],
        "schedule_show" => vec![&[C::ShowExists, C::InvalidShow, C::PlanNotFound], PRIVILEGE, COMMAND, KEYED],
        "revise_show" => {
            vec![&[C::ShowNotFound, C::ShowChanged, C::ShowCancelled, C::InvalidShow], PRIVILEGE, COMMAND, KEYED]
        }
        "get_picture" => vec![&[C::ShowNotFound, C::PictureNotFound, C::InvalidParameter], READ, LOG],
        "set_picture" => vec![PICTURE, PRIVILEGE, COMMAND, KEYED],
        "remove_picture" => vec![&[C::ShowNotFound], PRIVILEGE, COMMAND, KEYED],
        "copy_show" => vec![&[C::ShowNotFound, C::ShowExists, C::InvalidShow], PRIVILEGE, COMMAND, KEYED],
        "pause_sales" | "resume_sales" => vec![&[C::ShowNotFound, C::ShowCancelled], PRIVILEGE, COMMAND, KEYED],
        "cancel_show" => vec![&[C::ShowNotFound], PRIVILEGE, COMMAND, KEYED],
        "refund_show" => vec![&[C::ShowNotFound, C::NotCancelled], PRIVILEGE, COMMAND, KEYED],
        "get_refunds" => vec![&[C::ShowNotFound, C::InvalidParameter], PRIVILEGE, READ],
        "open_block" => vec![BLOCK, PRIVILEGE, COMMAND, KEYED],
        "lift_block" => vec![&[C::ShowNotFound, C::BlockNotFound], PRIVILEGE, COMMAND, KEYED],
        "list_blocks" => vec![&[C::ShowNotFound], PRIVILEGE, READ],
        "get_block" => vec![&[C::ShowNotFound, C::BlockNotFound], PRIVILEGE, READ, LOG],
        "create_challenge" => vec![&[C::ShowNotFound, C::GuestsRefused], COMMAND, KEYED],
        "hold_seats" => vec![HOLD, VOUCHER, &[C::AmountTooSmall], COMMAND, KEYED],
        "hold_batch" => vec![&[C::ShowNotFound], PRIVILEGE, COMMAND, KEYED],
        "get_booking" => vec![&[C::BookingNotFound], TOKEN, READ, LOG],
        "cancel_booking" => {
            vec![&[C::BookingNotFound, C::AlreadyConfirmed, C::AlreadyRefunded], TOKEN, COMMAND, KEYED]
        }
        "extend_hold" => vec![
            &[C::BookingNotFound, C::BookingOver, C::AlreadyExtended, C::AlreadyConfirmed, C::AlreadyRefunded],
            TOKEN,
            COMMAND,
            KEYED,
        ],
        "pay_booking" => vec![PAY, PRIVILEGE, COMMAND, KEYED],
        "exchange_seats" => vec![EXCHANGE, PRIVILEGE, COMMAND, KEYED],
        "claim_booking" => vec![&[C::BookingNotFound, C::NotChangeable], ACCOUNT, COMMAND, KEYED],
        "mail_booking" => vec![&[C::BookingNotFound, C::NotConfirmed, C::NoAccounts], TOKEN, COMMAND, KEYED],
        "transfer_booking" => vec![&[C::BookingNotFound, C::NotChangeable, C::UnknownAccount], TOKEN, COMMAND, KEYED],
        "get_tickets" => vec![&[C::BookingNotFound, C::NoTickets, C::InvalidParameter], TOKEN, READ, LOG],
        "get_ticket" => vec![&[C::BookingNotFound, C::NoTickets, C::TicketNotFound, C::InvalidParameter], TOKEN, READ, LOG],
        "reissue_ticket" => {
            vec![&[C::BookingNotFound, C::NoTickets, C::TicketNotFound, C::TooManyReissues], TOKEN, COMMAND, KEYED]
        }
        "check_in" => vec![CHECK_IN, PRIVILEGE, COMMAND, KEYED],
        "check_in_batch" => vec![PRIVILEGE, COMMAND, KEYED],
        "list_tickets" => vec![&[C::ShowNotFound, C::InvalidParameter], PRIVILEGE, READ, LOG],
        "get_checkins" => vec![&[C::ShowNotFound, C::InvalidParameter], PRIVILEGE, READ],
        "get_ticket_key" => vec![READ],
        "refund_booking" => vec![REFUND, PRIVILEGE, COMMAND, KEYED],
        "apply_voucher" => {
            vec![
                VOUCHER,
                DISCOUNT,
                &[C::BookingHasVoucher, C::BookingKeepsVoucher, C::TooManyVoucherChanges, C::AmountTooSmall],
                TOKEN,
                COMMAND,
                KEYED,
            ]
        }
        "remove_voucher" => vec![DISCOUNT, &[C::BookingKeepsVoucher], TOKEN, COMMAND, KEYED],
        "issue_vouchers" => vec![&[C::InvalidVoucher, C::CodesUnavailable], PRIVILEGE, COMMAND, KEYED],
        "list_campaigns" => vec![&[C::InvalidParameter], PRIVILEGE, READ, LOG],
        "end_campaign" => {
            vec![&[C::CampaignNotFound, C::InvalidVoucher, C::CodesUnavailable], PRIVILEGE, COMMAND, KEYED]
        }
        "withdraw_voucher" => vec![&[C::UnknownVoucher, C::InvalidVoucher], PRIVILEGE, COMMAND, KEYED],
        "get_campaign" => {
            vec![&[C::InvalidParameter, C::CampaignNotFound, C::CodesUnavailable], PRIVILEGE, READ, LOG]
        }
        "get_log_level" => vec![PRIVILEGE, READ],
        "set_log_level" => vec![PRIVILEGE, COMMAND, KEYED],
        "list_webhook_endpoints" => vec![PRIVILEGE, READ, LOG],
        "replay_webhooks" => vec![&[C::EndpointNotFound], PRIVILEGE, COMMAND, KEYED],
        "redeem_goods" => vec![VOUCHER, PRIVILEGE, COMMAND, KEYED],
        "review_payment" => {
            let refused = &[C::BookingNotFound, C::NotFlagged, C::NotOver, C::NoRefundDue, C::RefundStands, C::RefundUnclear];
            vec![refused, PRIVILEGE, COMMAND, KEYED]
        }
        "list_my_bookings" => vec![&[C::InvalidParameter, C::BookingNotFound], TOKEN, READ, LOG],
        "get_my_rewards" => vec![&[C::BookingNotFound, C::InvalidParameter], TOKEN, READ, LOG],
        "redeem_reward" => {
            vec![&[C::VoucherNotFound, C::VoucherRedeemed, C::VoucherRevoked, C::VoucherHasCode], TOKEN, COMMAND, KEYED]
        }
        "verify_log" => vec![PRIVILEGE, READ, LOG],
        "export_events" => vec![&[C::InvalidParameter], PRIVILEGE, READ, LOG],
        "authenticate_payment" => vec![&[C::SandboxRefused], COMMAND, KEYED],
        "receive_stripe_event" => vec![WEBHOOK],
        "explain_problem" => vec![&[C::UnknownRoute]],
        "get_liveness" | "get_readiness" | "get_metrics" => vec![],
        _ => return None,
    })
}

/// Adds its problems to every operation, and their schemas.
pub(super) fn add(document: &mut OpenApi) {
    problem_schemas::add(document);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let codes = operation.operation_id.as_deref().and_then(of).unwrap_or_default();
            let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
            for code in codes.into_iter().flatten() {
                let codes = by_status.entry(code.status().as_u16()).or_default();
                if !codes.contains(code) {
                    codes.push(*code);
                }
            }
            for (status, codes) in by_status {
                let response = || problem_schemas::response(&codes).into();
                operation.responses.responses.entry(status.to_string()).or_insert_with(response);
            }
        }
    }
}

/// The operations of a path.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete, &mut item.put, &mut item.patch].into_iter().filter_map(Option::as_mut)
}

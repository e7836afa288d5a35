//! Every reason for which the rules refuse a command, with its stable code and the sentence that the
//! caller reads.
//!
//! A rejection is an answer of the rules. A failure of disk or network is a fault, and the ports
//! ([`crate::ports`]) have types of their own for it.
//!
//! What a new rejection needs is listed in docs/ARCHITECTURE.md, "Where to look".

use crate::Timestamp;
use crate::event::{AbortReason, PictureType};
use crate::ids::{AreaId, CategoryId, GateId, PlanId, PriceTypeId, SeatId, ShowId, VoucherId};
use crate::money::Money;
use crate::plan::PriceTypeNames;
use crate::seat_state::SeatState;
use crate::void_ticket::VoidTicket;

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? })? = $code:literal, $text:literal;)*) => {
        /// Why a command is refused. `Display` says what happened and what the caller can do.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Rejection {
            $($(#[$doc])* #[error($text)] $name $({ $($(#[$fdoc])* $field: $ty),* })?,)*
        }

        impl Rejection {
            /// The stable code, part of the API.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(rejections!(@pattern $name $({ $($field),* })?) => $code,)* }
            }

            /// Every code with its sentence, for the documentation.
            pub const CODES: &'static [(&'static str, &'static str)] = &[$(($code, $text)),*];
        }
    };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident { $($field:ident),* }) => { Self::$name { .. } };
}

rejections! {
    // Shows.
    /// No such show.
    ShowNotFound = "show_not_found", "There is no such show. GET /v1/shows lists them.";
    /// Another show has this id.
    ShowExists { /// The one that was requested.
        show: ShowId } = "show_exists", "The id `{show}` belongs to another show. Choose another id.";
    /// The show can't be scheduled like this.
    InvalidShow { /// The field of the request.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_show", "Invalid show: {why}.";
    /// The change was meant for an earlier revision of the show.
    ShowChanged { /// The one that was requested.
        show: ShowId, /// Its revision now.
        revision: u64 } = "show_changed", "Show `{show}` was changed by somebody else. GET it, look at what it is now, and send your change with its new ETag.";
    /// The sale window hasn't begun.
    SaleNotOpen { /// The one that was requested.
        show: ShowId, /// When it begins.
        opens_at: Timestamp } = "sale_not_open", "The sale of `{show}` opens at {opens_at}. Try again then.";
    /// The sale window has ended.
    SaleClosed { /// The one that was requested.
        show: ShowId, /// When it ended.
        closed_at: Timestamp } = "sale_closed", "The sale of `{show}` closed at {closed_at}.";
    /// A manager paused the sale.
    SalesPaused { /// The one that was requested.
        show: ShowId } = "sales_paused", "The sale of `{show}` is paused. Try again later.";
    /// The show won't take place.
    ShowCancelled { /// The one that was requested.
        show: ShowId } = "show_cancelled", "The show `{show}` was cancelled and is no longer on sale.";

    // Plans.
    /// No such plan, or no such revision of it.
    PlanNotFound { /// As requested.
        plan: PlanId } = "plan_not_found", "There is no such revision of plan `{plan}`. GET /v1/plans lists the plans with their latest revisions.";
    /// The plan can't be drawn like this.
    InvalidPlan { /// The field of the request.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_plan", "Invalid plan: {why}.";
    /// The drawing was meant to follow an earlier revision, or somebody else began to draw while it was written.
    PlanChanged { /// The plan.
        plan: PlanId, /// Its latest revision.
        revision: u32 } = "plan_changed", "Plan `{plan}` was drawn by somebody else at the same time. GET it, look at what it is now, and send your drawing again.";

    // Pictures.
    /// The show has no picture.
    PictureNotFound { /// The show.
        show: ShowId } = "picture_not_found", "Show `{show}` has no picture. PUT one.";
    /// It says that it is no JPEG, PNG or WebP, or its first bytes say so.
    UnsupportedPicture = "unsupported_picture", "Send a JPEG, PNG or WebP picture, with its `Content-Type`: `image/jpeg`, `image/png` or `image/webp`.";
    /// The request says that it is something else than its first bytes say.
    PictureTypeDiffers { /// What the request says.
        claimed: PictureType, /// What it is.
        found: PictureType } = "picture_type_differs", "The picture is sent as `{claimed}`, and its first bytes are those of `{found}`. Send it with the `Content-Type` that it has.";
    /// It can't be shown like this.
    InvalidPicture { /// `body`, or the parameter.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_picture", "Invalid picture: {why}.";
    /// It has too many bytes.
    PictureTooLarge { /// What it has.
        bytes: usize, /// The most.
        most: usize } = "picture_too_large", "The picture has {bytes} bytes, and {most} are the most. Make it smaller, or save it with less quality.";
    /// The picture was changed as often as that is possible.
    TooManyPictures { /// The show.
        show: ShowId, /// How often that is.
        most: u64 } = "too_many_pictures", "The picture of show `{show}` was changed {most} times, and that is the most. It can still be removed.";

    // Choosing seats.
    /// More seats than one booking of this show may have.
    TooManySeats { /// Seats requested.
        asked: u64, /// The most.
        most: u32 } = "too_many_seats", "A booking of this show can have at most {most} seats, but {asked} were requested. Request fewer.";
    /// No seats at all.
    InvalidQuantity { /// The most.
        most: u32 } = "invalid_quantity", "The quantity must be a whole number from 1 to {most}.";
    /// The request lists a seat twice.
    DuplicateSeats { /// The one that was requested.
        seat: SeatId } = "duplicate_seats", "Seat `{seat}` is listed twice. List each seat once.";
    /// The show has no such seat.
    UnknownSeat { /// As requested.
        seat: String } = "unknown_seat", "The show has no seat `{seat}`. GET /v1/shows/…/seats lists them.";
    /// The show has no such area that is sold by quantity.
    UnknownArea { /// As requested.
        area: AreaId } = "unknown_area", "The show has no area `{area}` that is sold by quantity. GET /v1/shows/…/seats lists the areas.";
    /// The show has no labelled seats of this category.
    UnknownCategory { /// As requested.
        category: CategoryId } = "unknown_category", "The show has no labelled seats of category `{category}`.";
    /// The seat's category has no such price type.
    UnknownPriceType { /// The seat, area or category that it was chosen for.
        of: String, /// As requested.
        price_type: PriceTypeId, /// Those that there are.
        known: PriceTypeNames } = "unknown_price_type", "`{of}` has no price type `{price_type}`. {known}.";
    /// The buyer would have more seats than the show allows.
    BuyerLimit { /// The most.
        most: u32, /// Seats that the buyer holds or has booked.
        have: u32 } = "buyer_limit", "One buyer can have at most {most} seats of this show, and you already have {have}. Request fewer, or cancel a booking.";
    /// The show sells to nobody without an account.
    GuestsRefused { /// The one that was requested.
        show: ShowId } = "guests_refused", "`{show}` is not sold to guests. Sign in, and send the request with your token.";
    /// The seat is held or sold.
    SeatUnavailable { /// The one that was requested.
        seat: SeatId, /// Held seats may become available again, sold ones don't.
        state: SeatState, /// When the hold ends, if it is only held.
        free_at: Option<Timestamp>, /// Log position of the event that took it, if known.
        position: Option<u64> } = "seat_unavailable", "Seat `{seat}` is taken. Choose another one.";
    /// The pick leaves a single seat alone, and another would not.
    LeavesSingleSeat { /// The one that would be left.
        seat: SeatId } = "leaves_single_seat", "Seat `{seat}` would be left alone. Take it too, or choose seats that leave no single seat.";
    /// Some seats are available, but fewer than requested or not next to each other.
    NotEnoughTogether { /// How many are available.
        available: u32 } = "seat_unavailable", "{available} seats are available, but not as many together as requested. Request fewer.";
    /// Nothing is available of what was requested.
    SoldOut { /// When the first hold ends, if some are only held.
        free_at: Option<Timestamp> } = "sold_out", "Sold out. A place becomes free if a hold ends without payment.";

    // Blocks.
    /// The block can't be opened like this.
    InvalidBlock { /// The field of the request.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_block", "Invalid block: {why}.";
    /// No such block of this show.
    BlockNotFound = "block_not_found", "There is no such block. GET /v1/shows/…/blocks lists them.";
    /// It was lifted, or given up before it was open.
    BlockOver = "block_over", "This block was lifted, or given up because not all of its seats could be blocked. Send the request with a new Idempotency-Key.";
    /// No open block of the show has this code or channel.
    NoSuchAccess = "access_refused", "No seats of this show are kept for that access code and channel. Check the code, or leave it out to buy from the open sale.";

    // Idempotency.
    /// The key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused", "This Idempotency-Key was used for a request with another body. Use a new key for a new request.";

    // Bookings.
    /// No such booking, or another's.
    BookingNotFound = "booking_not_found", "There is no such booking, or it is not yours.";
    /// It ended without a sale.
    BookingOver { /// Why.
        reason: AbortReason } = "booking_over", "The booking has ended and its seats were released. Start a new booking.";
    /// The one extension was used.
    AlreadyExtended = "already_extended", "The hold was already extended, and only one extension is possible. Pay before it ends.";
    /// It is sold, and only a refund reverses that.
    AlreadyConfirmed = "already_confirmed", "The booking is paid and confirmed, so there is nothing to pay. To give it back, ask the organiser for a refund.";
    /// Its money was returned.
    AlreadyRefunded = "already_refunded", "The booking was refunded. Start a new booking.";
    /// Nothing was paid for it.
    NotConfirmed = "not_confirmed", "Only a confirmed booking can be refunded. Cancel it instead.";

    /// Only what is sold, and is not being refunded, can be given to another buyer or moved to other seats.
    NotChangeable = "booking_not_changeable", "Only a confirmed booking can be transferred or exchanged, and none that is being refunded. GET the booking to see its status.";

    /// An exchange of its seats is under way.
    ExchangeInProgress = "exchange_in_progress", "The seats of this booking are being exchanged. Try again in a moment.";
    /// The exchange that this request began was given up.
    ExchangeAbandoned = "exchange_abandoned", "This exchange was given up, because a seat was taken, or because somebody came in with the ticket of one that it gives up. The booking has the seats that it had. Send the exchange with a new Idempotency-Key.";
    /// The new seats cost more than those that are given up.
    ExchangeCostsMore { /// By how much.
        more: Money } = "exchange_costs_more", "The new seats cost {more} more than those that are given up, and an exchange takes no money. Choose seats that cost no more.";
    /// The exchange can't be made like this.
    InvalidExchange { /// The field of the request.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_exchange", "Invalid exchange: {why}.";
    // Refunds.
    /// Another refund of the booking is under way.
    RefundInProgress = "refund_in_progress", "Another refund of this booking is being made. GET the booking, and send this one when that is done.";
    /// A person has to look at the booking's payment first.
    UnderReview = "payment_under_review", "A person has to look at this booking's payment first: POST /v1/bookings/…/review.";
    /// A partial refund of everything.
    RefundsAll = "refunds_all", "This would give back all of the booking's seats, or all that is left of its money. Send the refund without a body to return the whole booking, or name less.";
    /// The partial refund can't be made like this.
    InvalidRefund { /// The field of the request.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_refund", "Invalid refund: {why}.";
    /// The bookings of a show that takes place were to be refunded.
    NotCancelled { /// The one that was requested.
        show: ShowId } = "show_not_cancelled", "Show `{show}` is not cancelled. Cancel it first: POST /v1/shows/…/cancel.";

    // Payment.
    /// An attempt is in progress.
    PaymentInProgress = "payment_in_progress", "A payment of this booking is in progress. GET the booking to see its outcome.";
    /// It was tried as often as that is possible.
    TooManyPaymentAttempts { /// How often that is.
        most: u32 } = "too_many_payment_attempts", "Payments of this booking were tried {most} times, and that is the most. Cancel it, and hold the seats again to pay in another way.";
    /// It is to be paid at the till, and may be paid for at the gateway.
    GatewayPaymentBegun = "gateway_payment_begun", "A payment of this booking was begun at the payment gateway, so it can't be paid at the till: the buyer could pay twice. Finish that payment, or cancel the booking and hold its seats again.";
    /// The gateway declined.
    PaymentDeclined { /// The gateway's code.
        decline: String } = "payment_declined", "The payment was declined ({decline}). Your seats are held until the hold ends: try another payment method.";
    /// The gateway refused the payment method.
    InvalidPaymentMethod { /// Why.
        why: String } = "invalid_payment_method", "The payment method can't be used: {why}";
    /// The request names no payment method, and none is in use.
    PaymentMethodMissing = "payment_method_missing", "`payment_method` is needed to pay.";
    /// The authorisation was no longer valid when the money was to be taken.
    CaptureFailed = "capture_failed", "Your bank withdrew its approval before the payment was taken. You were not charged, and the seats were released. Start a new booking.";
    /// The payment's amount, currency, intent or state doesn't match the booking.
    PaymentMismatch = "payment_mismatch", "The payment doesn't match the booking. Nothing more is charged; contact the organiser.";

    /// A review of a payment that nobody has to look at.
    NotFlagged = "not_flagged", "No payment of this booking waits for a review.";
    /// A payment was called settled, and its booking was not aborted.
    NotOver = "booking_not_over", "Only the payment of an aborted booking can be settled by hand. Review this one with the outcome `continue`.";

    /// The money of a payment was called returned by another way, and no refund of it is waiting.
    NoRefundDue = "no_refund_due", "No refund of this booking waits for a person. If the booking is confirmed, request its refund first. If it was aborted, review it with the outcome `settled`, otherwise with `continue`.";
    /// The money of a refunded booking was called returned by another way, and the gateway says that its refund was made
    /// or is being made.
    RefundStands = "refund_stands", "The gateway says that this booking's refund was made or is being made, so the buyer gets the money that way. Send it by another way, and review the booking, only after the gateway shows that the refund has failed.";
    /// What the gateway has fits no refunds of the log.
    RefundUnclear { /// How much more it has than the log says.
        missing: Money } = "refund_unclear", "The gateway has {missing} more than the log says, and no refunds of this booking that can have failed add up to that. Nothing was recorded. Put the payment in order at the gateway.";

    // Vouchers.
    /// No voucher can have these terms.
    InvalidVoucher { /// The field of the request.
        field: &'static str, /// What is wrong with it, without the full stop.
        why: String } = "invalid_voucher", "Invalid voucher: {why}.";
    /// No voucher has this code.
    UnknownVoucher = "unknown_voucher", "There is no voucher with this code. Check the code.";
    /// Its terms don't allow it.
    VoucherNotUsable { /// Why, without the full stop.
        why: String } = "voucher_not_usable", "The voucher can't be used here: {why}.";
    /// It was used as often as it may be, or is reserved.
    VoucherUsedUp = "voucher_used_up", "The voucher was used already, or another booking has it at this moment.";
    /// The booking that earned it was refunded.
    VoucherWithdrawn = "voucher_withdrawn", "The voucher was withdrawn: it can't be used any more.";
    /// The booking has another one.
    BookingHasVoucher = "booking_has_voucher", "This booking has a voucher already. Remove it to use another one.";
    /// It was opened with its voucher.
    BookingKeepsVoucher = "booking_keeps_voucher", "The voucher of this booking opened its seats, so it can't be taken off or replaced. To give it back, cancel the booking.";
    /// It was opened with a voucher that is not applied to it.
    VoucherMissing = "voucher_missing", "A voucher opened the seats of this booking and is not applied to it, so it can't be paid for. Apply that voucher, or cancel the booking.";
    /// Vouchers were applied to it as often as that is possible.
    TooManyVoucherChanges { /// How often that is.
        most: u32 } = "too_many_voucher_changes", "Vouchers were applied to this booking {most} times, and that is the most. Pay for it without one, or cancel it and hold the seats again.";
    /// Its amount is fixed once the gateway may know it.
    PaymentBegun = "payment_begun", "A payment of this booking was begun, so what it costs can't change any more. To change it, cancel the booking and hold the seats again.";
    /// The gateway doesn't charge so little.
    AmountTooSmall { /// What would be left to pay.
        amount: Money } = "amount_too_small", "With this voucher the booking would cost {amount}, and the payment provider does not charge that amount. Use another voucher, or none.";
    /// Its codes follow from another secret than this server's.
    CodesUnavailable = "codes_unavailable", "The codes of this campaign were made with another token key than this server has now, so it can't name them. Start a new campaign.";
    /// No such campaign.
    CampaignNotFound = "campaign_not_found", "There is no such campaign of vouchers.";

    // Tickets.
    /// Only a confirmed booking has tickets.
    NoTickets = "no_tickets", "This booking has no tickets: it is not confirmed, or it is being refunded. Pay for it first.";
    /// The booking has no ticket for this seat.
    TicketNotFound { /// The one that was requested.
        seat: SeatId } = "ticket_not_found", "This booking has no ticket for seat `{seat}`. GET /v1/bookings/…/tickets lists those that it has.";

    /// It was issued again as often as that is possible.
    TooManyReissues { /// How often that is.
        most: u32 } = "too_many_reissues", "This ticket was issued again {most} times, and that is the most. To make its codes void once more, transfer the booking.";
    /// The code is of a ticket that was there, and is not good any more.
    TicketVoid { /// Why.
        why: VoidTicket } = "ticket_void", "This ticket is void: {why}. Do not admit its bearer.";
    /// Somebody came in with it.
    AlreadyAdmitted { /// When.
        at: Timestamp, /// Where.
        gate: GateId } = "already_admitted", "This ticket has admitted somebody at gate `{gate}` at {at}. Do not admit its bearer, unless you know who that was.";
    /// Its seat can't be exchanged while somebody sits there.
    SomebodyInside { /// The one that was to be given up.
        seat: SeatId, /// When somebody came in with its ticket.
        at: Timestamp, /// Where.
        gate: GateId } = "somebody_inside", "Somebody came in with the ticket for seat `{seat}`, by gate `{gate}` at {at}, and is inside. Scan them out first (POST /v1/checkins with the type `exit`), then send the exchange with a new Idempotency-Key.";
    /// Who was not scanned in can't be scanned out.
    NotAdmitted = "not_admitted", "Nobody is inside with this ticket, so nobody can leave with it.";
    /// It is good, and for another show.
    TicketOfOtherShow { /// Which.
        show: ShowId } = "ticket_of_other_show", "This ticket is for the show `{show}`.";

    // Broken only by a defect or a race.
    /// Another booking owns the seat, or none does.
    NotOwner { /// The one that was requested.
        seat: SeatId } = "not_owner", "Seat `{seat}` doesn't belong to this booking.";
    /// The booking isn't in a state in which this is possible.
    OutOfOrder { /// What was requested, as the beginning of a sentence.
        step: &'static str } = "out_of_order", "{step} is not possible in this state of the booking.";

    // Rewards.
    /// No such voucher on this account.
    VoucherNotFound { /// The one that was requested.
        voucher: VoucherId } = "voucher_not_found", "There is no voucher {voucher} on this account.";
    /// It was already used.
    VoucherRedeemed { /// The one that was requested.
        voucher: VoucherId } = "voucher_redeemed", "Voucher {voucher} was already used.";
    /// It is used by its code.
    VoucherHasCode { /// The one that was requested.
        voucher: VoucherId } = "voucher_has_code", "Voucher {voucher} has a code, which GET /v1/me/rewards shows. Apply the code to a booking before it is paid, or show it at the counter if it is for goods.";
    /// It was taken back because its booking was refunded.
    VoucherRevoked { /// The one that was requested.
        voucher: VoucherId } = "voucher_revoked", "Voucher {voucher} was taken back because its booking was refunded.";
}

impl Rejection {
    /// When the request may succeed, if a hold is what prevents it now.
    #[must_use]
    pub fn free_at(&self) -> Option<Timestamp> {
        match self {
            Self::SeatUnavailable { free_at, .. } | Self::SoldOut { free_at } => *free_at,
            _ => None,
        }
    }
}

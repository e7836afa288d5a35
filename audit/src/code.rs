//! What can be wrong with a log, and which guarantee that breaks.

use serde::{Serialize, Serializer};

/// The guarantees, as the design words them.
pub(super) const GUARANTEES: [(u8, &str); 6] = [
    (1, "A seat never has two live owners."),
    (2, "Nobody is charged without getting the seats."),
    (3, "A booking acknowledged as confirmed survives any crash."),
    (4, "A hold that is not paid for ends by itself; no seat stays stuck."),
    (5, "The same request twice has the effect of one."),
    (6, "Every event is as it was written, and in its place."),
];

/// A log can break it, and can't prove it: its last events may have been cut off.
pub(super) const UNPROVABLE: u8 = 3;

/// What no log can show by itself.
pub(super) const NOT_SHOWN: [&str; 2] = [
    "that no event is missing at its end (guarantee 3); a mark outside the log shows that",
    "that it was not rewritten with matching ids and hashes; anybody who can write to it can compute them",
];

macro_rules! codes {
    ($($guarantee:literal $($name:ident $code:literal $doc:literal)*;)*) => {
        /// What is wrong. The names in JSON are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc] $name,)*)*
        }

        impl Code {
            /// Its stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($(Self::$name => $code,)*)* }
            }

            /// Number of the guarantee that it breaks.
            #[must_use]
            pub fn guarantee(self) -> u8 {
                match self { $($(Self::$name => $guarantee,)*)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $($(Self::$name => $doc,)*)* }
            }

            /// All codes, by guarantee.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];
        }
    };
}

codes! {
    1
    SeatTwoOwners "seat_two_owners" "A seat was locked while another booking still had it."
    BookedByNonOwner "booked_by_non_owner" "A seat was sold to a booking that did not have it."
    BookedWithoutCommit "booked_without_commit" "A seat was sold before its booking was committed."
    BookedAfterAbort "booked_after_abort" "A seat was sold to a booking that was over."
    ReleasedByNonOwner "released_by_non_owner" "A seat was freed by a booking that did not have it."
    ReleasedWhileLive "released_while_live" "A seat was freed while its booking was not over."
    ReleasedUnfenced "released_unfenced" "A seat of a booking that never opened was freed before the booking was fenced."
    CommittedWithoutSeats "committed_without_seats" "A booking was committed without having all its seats."
    ExchangedWithoutSeats "exchanged_without_seats" "A booking was moved to seats that it did not have, or was not sold them."
    LockedForNoExchange "locked_for_no_exchange" "A seat was locked or sold for an exchange that did not ask for it."
    TransferredUnsold "transferred_unsold" "A booking was transferred that was not confirmed, or whose refund was requested."
    LockedOtherSeat "locked_other_seat" "A booking kept, or was sold, a seat that it was not opened for."
    BlockedWhileTaken "blocked_while_taken" "A seat was blocked while a booking or another block had it."
    SoldOutOfBlock "sold_out_of_block" "A blocked seat was locked by a booking that did not take it from its block, or from a block that did not have it."
    SoldWithoutAccess "sold_without_access" "A seat was sold from a block that its booking had no access to."
    LeftBlock "left_block" "A seat that a booking had from a block did not return there."
    UnblockedEarly "unblocked_early" "A seat was unblocked before its block was lifted, or by another block."
    BlockWithoutSeats "block_without_seats" "A block was opened without having all its seats."
    SeatNotInPlan "seat_not_in_plan" "A seat that the show does not have, or a show that does not exist."
    PlanUnknown "plan_unknown" "A show is on a revision of a plan that was not there."
    PlanSeatTwice "plan_seat_twice" "Two seats of a plan have one id.";

    2
    CapturedWithoutCommit "captured_without_commit" "Money was taken for a booking that was not committed."
    CapturedBeforeSeats "captured_before_seats" "Money was taken before all the seats were sold."
    CapturedAfterAbort "captured_after_abort" "Money was taken for a booking that was over."
    CapturedAfterVoid "captured_after_void" "Money was taken, or voided, contrary to what was recorded before."
    CapturedAmount "captured_amount" "Another amount was taken than the booking's."
    ChargedWithoutSeats "charged_without_seats" "A seat of a paid booking was freed without a refund."
    AuthorisedAmount "authorised_amount" "Another amount was authorised than the booking's."
    AuthorisedUnasked "authorised_unasked" "A payment was authorised that was not in progress."
    ExchangeTerms "exchange_terms" "A booking was to give up seats that it did not have, to get another number of seats, or dearer ones."
    PaidTwice "paid_twice" "A booking was paid at the till although the gateway may have a payment of it, or the other way round."
    PaymentWithoutSeats "payment_without_seats" "A payment was begun without having all the seats."
    AmountDiffers "amount_differs" "The amount of a booking is not the sum of its prices and fees."
    PriceDiffers "price_differs" "A price is not the one of the show's plan for the seat and its price type, at the revision that the booking names."
    FeeDiffers "fee_differs" "A fee is not the show's, at the revision that the booking names."
    RevisionUnknown "revision_unknown" "A booking was priced at a revision of its show that was not there."
    DiscountWithoutVoucher "discount_without_voucher" "A voucher was applied to a booking that it was not reserved for."
    DiscountDiffers "discount_differs" "A discount is not what the voucher's terms take off the booking."
    PaidWithoutVoucher "paid_without_voucher" "A booking was paid for without the voucher that it was opened with."
    DiscountLate "discount_late" "A voucher was applied or removed after the first attempt to pay, or applied where there was one."
    VoucherFreedEarly "voucher_freed_early" "A voucher was given back before its booking had removed it or ended."
    VoucherUnowned "voucher_unowned" "A voucher was given back or used up by a booking that did not have it."
    VoucherUnpaid "voucher_unpaid" "A voucher was used up by a booking that was not paid with it."
    TicketWithoutSeat "ticket_without_seat" "A ticket was issued again, or admitted somebody, of a booking that was not paid, or for a seat that it never had."
    AdmittedVoid "admitted_void" "A ticket admitted somebody after it was issued again, or after its booking was over, transferred or without that seat; or a scan that was made offline does not say so."
    RefundWithoutRequest "refund_without_request" "Money was returned without a request."
    ReturnedUnasked "returned_unasked" "Money was recorded as returned by another way, and no refund of it had been refused."
    RefundWithoutCapture "refund_without_capture" "Money was returned, or a refund requested, that had not been captured."
    RefundedAmount "refunded_amount" "Another amount was returned than was taken, or than a partial refund was requested for."
    RefundMissing "refund_missing" "The bookings of a show were to be refunded, and one of them is not."
    RefundExceeds "refund_exceeds" "Partial refunds were to return all that was taken, or more."
    ReviewedUnasked "reviewed_unasked" "A payment was reviewed that nobody had to look at, or settled by hand for a booking that was not over."
    VoucherWithoutPayment "voucher_without_payment" "A voucher was issued for a booking that was not paid."
    PointsWithoutPayment "points_without_payment" "Points were given for a booking that was not paid."
    PointsDiffer "points_differ" "Points, seats or the account are not those of the booking."
    VoucherWrongDraw "voucher_wrong_draw" "A voucher is not the one that the booking leads to."
    VoucherKept "voucher_kept" "A voucher is still good although its booking was refunded."
    PointsKept "points_kept" "Points are still there although their booking was refunded."
    RevokedUnwithdrawn "revoked_unwithdrawn" "A reward was taken back before its code was withdrawn, or although the code was used."
    RevokedWithoutRefund "revoked_without_refund" "Points or a voucher were taken back for a booking that was not refunded.";

    3
    CommittedAndAborted "committed_and_aborted" "A booking was both committed and aborted."
    ExchangeUnasked "exchange_unasked" "An exchange was requested of a booking that was not sold or was being moved, or was decided without being under way."
    AfterTheEnd "after_the_end" "Something was recorded of a booking that could not follow what was there.";

    4
    StuckSeat "stuck_seat" "A seat is still taken long after its booking was over, or should have been."
    StuckVoucher "stuck_voucher" "A voucher is still reserved long after its booking was paid or over, or removed it."
    CommittedLate "committed_late" "A booking was committed after its deadline."
    ExtendedTwice "extended_twice" "A hold was extended more than once."
    ExtendedLate "extended_late" "A hold was extended after its deadline, or further than the show allows."
    PaymentAfterOver "payment_after_over" "A payment was begun for a booking that was over or decided."
    GuestRefused "guest_refused" "A guest booked in the open sale of a show that is not sold to guests."
    TooManySeats "too_many_seats" "A booking has more seats than the show allows.";

    5
    EventIdTwice "event_id_twice" "Two events have the same id."
    SeatLockedTwice "seat_locked_twice" "A booking locked or bought a seat that it had."
    OpenedTwice "opened_twice" "A booking or a block was opened, or a show scheduled, although it was there."
    LiftedTwice "lifted_twice" "A block was lifted twice, or before it was opened."
    RequestTwice "request_twice" "One idempotency key opened two bookings."
    SeatListedTwice "seat_listed_twice" "A booking lists a seat twice."
    CommittedTwice "committed_twice" "A booking was committed or aborted twice."
    AttemptNumber "attempt_number" "Attempts to pay are not numbered one by one."
    CapturedTwice "captured_twice" "Money was taken twice for one booking."
    RefundOutOfTurn "refund_out_of_turn" "A refund was requested beside another one, under another number than the next, or of seats that the booking did not have."
    RefundedTwice "refunded_twice" "Money was returned twice for one booking."
    PointsTwice "points_twice" "Points were given or taken back twice for one booking."
    VoucherTwice "voucher_twice" "A voucher was issued twice."
    VoucherOverused "voucher_overused" "A voucher was used more often than its terms allow, or when or for what they don't."
    DeliveriesOverlap "deliveries_overlap" "Two nodes sent to one endpoint at the same time, or one that had not claimed it."
    DeliveriesBack "deliveries_back" "An endpoint's checkpoint went back without a replay, or beyond the end of the log."
    WithdrawnUsed "withdrawn_used" "A voucher was reserved or handed over after it was withdrawn."
    RewardDiffers "reward_differs" "The code of a reward is not the one that the reward was issued with, or belongs to no reward that was issued."
    RewardRedeemed "reward_redeemed" "A reward with a code was redeemed without it."
    TicketIssue "ticket_issue" "The issues of a ticket are not numbered one by one."
    AdmittedTwice "admitted_twice" "A ticket admitted somebody while somebody was inside with it."
    ExchangedInside "exchanged_inside" "A seat was exchanged for another one while somebody was inside with its ticket."
    ScanTwice "scan_twice" "One scan of a device was recorded twice for its ticket."
    ConflictUnrecorded "conflict_unrecorded" "A scan that was made offline does not name a double entry, an exit without an entry or a time ahead that the log shows."
    ConflictInvented "conflict_invented" "A scan that was made offline names a double entry, an exit without an entry or a time ahead that was not."
    LeftOutside "left_outside" "Somebody left with a ticket with which nobody was inside."
    CampaignDiffers "campaign_differs" "A voucher is not one of its campaign's, or a campaign does not have all its vouchers."
    CampaignEndDiffers "campaign_end_differs" "A voucher was withdrawn for the end of a campaign that was not to end, or a campaign ended with vouchers that can be used."
    PictureTwice "picture_twice" "A picture was set that the show had, or removed from a show that had none."
    RedeemedTwice "redeemed_twice" "A voucher was used twice, or used although it was not there to be used."
    CommandTwice "command_twice" "One command of a caller was executed twice.";

    6
    EventIdDiffers "event_id_differs" "An event's id does not follow from its stream, revision, type, body and cause."
    MetadataDiffers "metadata_differs" "An event's metadata are not as they were written."
    RevisionGap "revision_gap" "A stream's events are not numbered without gap or repeat."
    PositionOrder "position_order" "An event's position is not after the one before it."
    PositionGap "position_gap" "Events are missing in a log that numbers them without gaps."
    CauseUnknown "cause_unknown" "An event names a cause that did not come before it."
    CorrelationDiffers "correlation_differs" "An event names another booking in its metadata than in its body."
    TimeBack "time_back" "An event was decided earlier than the one before it in its stream."
    Unreadable "unreadable" "An event can't be read."
    UnknownVersion "unknown_version" "An event is of a version or type that this program does not know."
    PlanPartsDiffer "plan_parts_differ" "The parts of a plan's revision are not there one by one, or don't come to what was drawn."
    PictureDiffers "picture_differs" "The bytes of a picture don't come to its hash, are too many, or are none of its media type."
    WrongStream "wrong_stream" "An event is in a stream that it does not belong to.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

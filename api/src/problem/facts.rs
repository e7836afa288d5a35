//! The facts of each problem: what programs may read besides the members that all problems have. The document is made
//! from this table, and a build for tests refuses to answer with a fact that is not in it.

use super::Code;

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Texts,
    Number,
    Time,
    Id,
    Amount,
    Role,
    Roles,
    SeatState,
    AbortReason,
}

/// A member of a problem.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether every problem with the code has it.
    pub always: bool,
    pub meaning: &'static str,
}

const fn fact(name: &'static str, kind: Kind, meaning: &'static str) -> Fact {
    Fact { name, kind, always: true, meaning }
}

const fn maybe(name: &'static str, kind: Kind, meaning: &'static str) -> Fact {
    Fact { name, kind, always: false, meaning }
}

const SHOW: Fact = fact("show", Kind::Text, "The show.");
const PLAN: Fact = fact("plan", Kind::Text, "The plan.");
const REVISION: Fact = fact("revision", Kind::Number, "Its latest revision.");
const SEAT: &[Fact] = &[fact("seat", Kind::Text, "The seat.")];
const FIELD: &[Fact] = &[fact("field", Kind::Text, "Path of the member of the body.")];
const MAYBE_FIELD: Fact = maybe("field", Kind::Text, "Path of the member of the body.");
const MOST: Fact = fact("most", Kind::Number, "The most that is possible.");
const MAYBE_MOST: Fact = maybe("most", Kind::Number, "The most that is possible.");
const HAVE: Fact = fact("have", Kind::Number, "Seats held or booked already.");
const FREE_AT: Fact = maybe("free_at", Kind::Time, "When the hold ends, if it is only held.");
const VOUCHER: &[Fact] = &[fact("voucher", Kind::Id, "The voucher.")];

/// The facts of the request itself.
fn of_request(code: Code) -> &'static [Fact] {
    use Code as C;
    use Kind::{Number, Role, Roles, Text};
    match code {
        C::InvalidJson => {
            const { &[maybe("line", Number, "Where it ends to be JSON, from 1."), maybe("column", Number, "And in that line.")] }
        }
        C::InvalidParameter => {
            const {
                &[
                    maybe("parameter", Text, "Its name, unless the whole query is malformed."),
                    maybe("position", Number, "The position of the log's last event."),
                ]
            }
        }
        C::InvalidRequest => const { &[MAYBE_FIELD, MAYBE_MOST, maybe("name", Text, "Key of the map's entry.")] },
        C::InvalidIdempotencyKey => const { &[MAYBE_FIELD] },
        C::PriceNotAccepted | C::WeakPassword | C::UnknownAccount => FIELD,
        C::BodyTooLarge => const { &[fact("most", Number, "Bytes.")] },
        C::Forbidden => {
            const {
                &[
                    maybe("needed_role", Role, "The least role that may."),
                    maybe("needed_roles", Roles, "All roles that may."),
                    maybe("role", Role, "That of your token."),
                ]
            }
        }
        C::RateLimited => const { &[maybe("policy", Text, "The limit, as `RateLimit-Policy` names it.")] },
        C::UnknownRoute => const { &[maybe("path", Text, "The address.")] },
        C::MethodNotAllowed => const { &[maybe("method", Text, "The method.")] },
        C::OutcomeUnknown => const { &[maybe("booking", Kind::Id, "The booking that may exist, of a hold in a batch.")] },
        C::PaymentQueueFull => const { &[fact("wait", Number, "Seconds that the payment would wait for its turn.")] },
        _ => &[],
    }
}

/// The facts of a problem. `retry_after` is a member that any may have.
#[must_use]
pub fn of(code: Code) -> &'static [Fact] {
    use Code as C;
    use Kind::{Number, Text, Time};
    match code {
        C::ShowExists | C::SalesPaused | C::ShowCancelled | C::NotCancelled | C::TicketOfOtherShow => const { &[SHOW] },
        C::GuestsRefused | C::ChallengeRequired | C::PictureNotFound => const { &[SHOW] },
        C::PictureTypeDiffers => {
            const { &[fact("claimed", Text, "What the request says."), fact("found", Text, "What the first bytes say.")] }
        }
        C::PictureTooLarge => const { &[fact("bytes", Number, "What it has."), fact("most", Number, "The most.")] },
        C::TooManyPictures => const { &[SHOW, fact("most", Number, "How often it can be changed.")] },
        C::TooManyReissues => const { &[fact("most", Number, "How often it can be issued again.")] },
        C::TooManyPaymentAttempts => const { &[fact("most", Number, "How often it can be tried.")] },
        C::ChallengeFailed => const { &[SHOW, fact("reason", Text, "Why the solution does not count.")] },
        C::InvalidShow
        | C::InvalidPlan
        | C::InvalidPicture
        | C::InvalidBlock
        | C::InvalidRefund
        | C::InvalidExchange
        | C::InvalidVoucher => FIELD,
        C::ShowChanged => const { &[SHOW, REVISION] },
        C::PlanNotFound => const { &[Fact { always: false, ..PLAN }] },
        C::PlanChanged => const { &[PLAN, REVISION] },
        C::SaleNotOpen => const { &[SHOW, fact("opens_at", Time, "When it opens.")] },
        C::SaleClosed => const { &[SHOW, fact("closed_at", Time, "When it closed.")] },
        C::TooManySeats => const { &[fact("asked", Number, "Seats requested."), MOST] },
        C::InvalidQuantity => const { &[MOST, MAYBE_FIELD] },
        C::DuplicateSeats | C::UnknownSeat | C::NotOwner | C::LeavesSingleSeat => SEAT,
        C::TicketNotFound => const { &[maybe("seat", Text, "The seat, if the text in the address can be one.")] },
        C::TicketVoid => const { &[fact("reason", Text, "Why: what happened after the code was made.")] },
        C::AlreadyAdmitted => const { &[fact("admitted_at", Time, "When."), fact("gate", Text, "Where.")] },
        C::SomebodyInside => {
            const {
                &[
                    fact("seat", Text, "The seat that was to be given up."),
                    fact("admitted_at", Time, "When somebody came in with its ticket."),
                    fact("gate", Text, "Where."),
                ]
            }
        }
        C::UnknownArea => const { &[fact("area", Text, "The area.")] },
        C::UnknownCategory => const { &[fact("category", Text, "The category.")] },
        C::UnknownPriceType => {
            const {
                &[
                    fact("of", Text, "The seat, area or category that it was chosen for."),
                    fact("price_type", Text, "As requested."),
                    maybe("price_types", Kind::Texts, "Those that there are."),
                ]
            }
        }
        C::BuyerLimit | C::GuestLimit => const { &[MOST, HAVE] },
        C::SeatUnavailable => {
            const {
                &[
                    maybe("seat", Text, "The seat, if one was named."),
                    maybe("state", Kind::SeatState, "What it is now. Only a seat that is held may become free again."),
                    FREE_AT,
                    maybe("position", Number, "Log position of the event that took it, if known."),
                    maybe("available", Number, "Seats that are free, but not together."),
                ]
            }
        }
        C::SoldOut => const { &[fact("available", Number, "Always 0."), FREE_AT] },
        C::BookingOver => const { &[fact("reason", Kind::AbortReason, "Why.")] },
        C::PaymentDeclined => const { &[fact("decline_code", Text, "The gateway's code.")] },
        C::AmountTooSmall => const { &[fact("amount", Kind::Amount, "What would be left to pay.")] },
        C::ExchangeCostsMore => const { &[fact("more", Kind::Amount, "By how much.")] },
        C::RefundUnclear => const { &[fact("missing", Kind::Amount, "How much more the gateway has than the log says.")] },
        C::VoucherNotFound => const { &[maybe("voucher", Kind::Id, "The voucher, if the text in the address is an id.")] },
        C::VoucherRedeemed | C::VoucherHasCode | C::VoucherRevoked => VOUCHER,
        other => of_request(other),
    }
}

/// Stops a build for tests that answers with facts which the table does not have, or without one that it has.
#[cfg(debug_assertions)]
pub(super) fn check(code: Code, body: &[u8]) {
    const COMMON: [&str; 6] = ["type", "title", "status", "code", "detail", "retry_after"];
    let Ok(members) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body) else { return };
    let facts = of(code);
    let name = code.text();
    for member in members.keys().filter(|member| !COMMON.contains(&member.as_str())) {
        assert!(facts.iter().any(|fact| fact.name == member), "`{member}` of {name} is not in api/src/problem/facts.rs");
    }
    for fact in facts.iter().filter(|fact| fact.always) {
        assert!(members.contains_key(fact.name), "{name} has no `{}`, which api/src/problem/facts.rs promises", fact.name);
    }
}

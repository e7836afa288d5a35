//! A booking in an answer.

use super::refund::{RefundJson, refunded, refunded_of};
use super::{Amount, names};
use crate::app::App;
use crate::names::reason_name;
use lastseat_domain::booking::{Booking, Phase};
use lastseat_domain::event::{PricedSeat, ShopData, Tender};
use lastseat_domain::plan::Plan;
use lastseat_domain::{BookingId, BuyerId, ChannelId, Money, PriceTypeId, Secret, ShowId, Timestamp, VoucherHash};
use lastseat_projections::BookingView;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A seat of a booking.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookedSeat<'a> {
    /// Its label, or `area:number` for a place of an unlabelled area.
    #[schema(example = "A-1")]
    pub seat: &'a str,
    /// Price in minor units, as it was when the hold began.
    #[schema(example = 4500)]
    pub price: i64,
    /// Which of its category's prices this is, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "child")]
    pub price_type: Option<&'a str>,
    /// The show's fee for a seat, in minor units; absent if there is none.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(example = 150)]
    pub fee: i64,
    /// Section, row and label as a drawn plan prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Stalls", nullable = false)]
    pub section: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3", nullable = false)]
    pub row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "12", nullable = false)]
    pub label: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// What the buyer has to do before the payment can continue.
/// After either, pay again without a method.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "type", mapping(
    ("redirect_to_url" = "#/components/schemas/RedirectToUrl"),
    ("confirm_client_side" = "#/components/schemas/ConfirmClientSide"),
)))]
pub enum NextAction {
    RedirectToUrl(RedirectToUrl),
    ConfirmClientSide(ConfirmClientSide),
}

/// Send the buyer to their bank.
#[derive(Debug, Serialize, ToSchema)]
pub struct RedirectToUrl {
    #[serde(rename = "type")]
    #[schema(inline)]
    kind: RedirectTag,
    /// Where to send the buyer.
    url: String,
}

/// Finish in the gateway's own form (Stripe.js).
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmClientSide {
    #[serde(rename = "type")]
    #[schema(inline)]
    kind: ConfirmTag,
    /// What the form confirms the payment with. Only in the answer to a payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// Whose form it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pk_test_…")]
    publishable_key: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RedirectTag {
    RedirectToUrl,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConfirmTag {
    ConfirmClientSide,
}

/// The payment of a booking so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct Payment<'a> {
    /// Number of attempts to pay.
    pub attempts: usize,
    /// How it is paid for at the till; absent if the gateway takes the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<names::Tender>, example = "cash")]
    pub tender: Option<Tender>,
    /// The gateway's code, if the last attempt was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "card_declined")]
    pub last_decline: Option<&'a str>,
    /// The outcome of the payment is unknown; a person has to look at the gateway.
    #[serde(skip_serializing_if = "is_false")]
    pub under_review: bool,
    /// Why a person has to look, in the words of the event history. Only for staff and auditors, in GET of one booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flagged: Option<String>,
    /// A refund was requested that is not complete yet.
    #[serde(skip_serializing_if = "is_false")]
    pub refund_requested: bool,
}

/// A booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Booking)]
pub struct BookingJson<'a> {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: BookingId,
    /// Its show.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "demo")]
    pub show: Option<&'a ShowId>,
    /// How far it is.
    #[schema(value_type = names::BookingStatus, example = "held")]
    pub status: &'static str,
    /// Its seats, without those that were refunded.
    pub seats: Vec<BookedSeat<'a>>,
    /// Sum of their prices; absent without fees and discount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtotal: Option<Amount>,
    /// Sum of the fees of its seats and its own; absent without fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<Amount>,
    /// What its voucher takes off; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Amount>,
    /// Hash of its voucher's code; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub voucher: Option<&'a VoucherHash>,
    /// What was or will be charged: prices and fees of the seats that were held, less the discount. An exchange for cheaper seats
    /// does not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// What refunds have returned so far; absent if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Amount>,
    /// Its refunds of a part, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundJson<'a>>,
    /// Where it was sold; the open sale if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "till", nullable = false)]
    pub channel: Option<&'a ChannelId>,
    /// The shop's reference, as the hold brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "order-4711")]
    pub reference: Option<&'a str>,
    /// The shop's metadata, as the hold brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// The buyer. Only in the lists of the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "anna")]
    pub buyer: Option<&'a BuyerId>,
    /// When the money was taken. Only in the lists of the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub confirmed_at: Option<Timestamp>,
    /// When the hold began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opened_at: Option<Timestamp>,
    /// When the hold ends, or ended, unless paid or extended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Whether the hold was extended. It can be extended once.
    pub extended: bool,
    /// Whether its buyer can extend the hold now.
    pub extendable: bool,
    /// Why it was aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<names::AbortReason>, example = "expired")]
    pub reason: Option<&'static str>,
    /// The payment so far; absent before the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment<'a>>,
    /// What the buyer has to do before the payment can continue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<NextAction>,
    /// Seconds after which to look again, while the gateway has not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The booking's token; only in the answer that opened it. Its bearer may see, pay, extend and
    /// cancel the booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What the amount is made of. Without fees and discount it says it all.
#[derive(Default)]
struct Parts {
    subtotal: Option<Amount>,
    fees: Option<Amount>,
    discount: Option<Amount>,
}

impl Parts {
    /// `fee`: that of the booking.
    fn of(seats: &[PricedSeat], fee: i64, amount: Option<Money>, discount: i64) -> Self {
        let parts = || {
            let amount = amount?;
            let fees = Money::sum(amount.currency, seats.iter().map(|seat| seat.fee).chain([fee]))?;
            let subtotal = Money::sum(amount.currency, seats.iter().map(|seat| seat.price))?;
            let shown = |value: i64| (value != 0).then(|| Amount::from(Money { value, ..amount }));
            let subtotal = (fees.value != 0 || discount != 0).then(|| subtotal.into());
            Some(Self { subtotal, fees: shown(fees.value), discount: shown(discount) })
        };
        parts().unwrap_or_default()
    }
}

impl<'a> BookingJson<'a> {
    /// Without a token, which only the answer to a hold contains.
    #[must_use]
    pub fn of(app: &App, booking: &'a Booking) -> Self {
        let reason = match booking.phase {
            Phase::Aborted { reason } => Some(reason_name(reason)),
            _ => None,
        };
        let next_action = match &booking.phase {
            Phase::ActionRequired { url: Some(url) } => Some(NextAction::redirect(app, url)),
            _ => None,
        };
        let fee = booking.opened.as_ref().map_or(0, |opened| opened.fee);
        let applied = booking.voucher.as_ref();
        let off = applied.map_or(0, |applied| applied.discount);
        // What it cost does not change when seats are given back.
        let Parts { subtotal, fees, discount } = Parts::of(&RefundJson::with_given_up(booking), fee, booking.amount(), off);
        let (reference, metadata) = of_the_shop(booking.opened.as_ref().map(|opened| &opened.shop));
        let show = booking.show().and_then(|show| app.box_office().show(show));
        let plan = show.as_ref().map(|show| &*show.plan);
        Self {
            id: booking.id,
            show: booking.show(),
            status: booking.status(),
            seats: BookedSeat::in_plan_order(plan, booking.seats()),
            subtotal,
            fees,
            discount,
            voucher: applied.map(|applied| &applied.voucher),
            amount: booking.amount().map(Amount::from),
            refunded: refunded(booking),
            refunds: RefundJson::all_of(plan, booking),
            channel: booking.opened.as_ref().and_then(|opened| opened.channel.as_ref()),
            reference,
            metadata,
            buyer: None,
            confirmed_at: None,
            opened_at: booking.opened_at,
            expires_at: booking.expires_at,
            extended: booking.extended,
            extendable: is_extendable(app, booking.status(), booking.extended, booking.buyer()),
            reason,
            payment: Payment::of(booking),
            next_action,
            retry_after: None,
            token: None,
        }
    }

    /// As the read model lists it.
    #[must_use]
    pub fn listed(app: &App, view: &'a BookingView) -> Self {
        // What it cost does not change when seats are given back.
        let given_back = view.refunds.iter().filter(|refund| refund.status.is_returned()).flat_map(|refund| &refund.seats);
        let all: Vec<PricedSeat> = view.seats.iter().chain(given_back).cloned().collect();
        let Parts { subtotal, fees, discount } = Parts::of(&all, view.fee, Some(view.amount), view.discount);
        let (reference, metadata) = of_the_shop(Some(&view.shop));
        let show = app.box_office().show(&view.show);
        let plan = show.as_ref().map(|show| &*show.plan);
        Self {
            id: view.booking,
            show: Some(&view.show),
            status: view.status.as_str(),
            seats: BookedSeat::in_plan_order(plan, &view.seats),
            subtotal,
            fees,
            discount,
            voucher: view.voucher.as_ref(),
            amount: Some(view.amount.into()),
            refunded: refunded_of(view),
            refunds: RefundJson::listed(plan, view),
            channel: view.channel.as_ref(),
            reference,
            metadata,
            buyer: None,
            confirmed_at: None,
            opened_at: Some(view.opened_at),
            expires_at: Some(view.expires_at),
            extended: view.extended,
            extendable: is_extendable(app, view.status.as_str(), view.extended, Some(&view.buyer)),
            reason: view.reason.map(reason_name),
            payment: Payment::listed(view),
            next_action: view.confirm_at.as_deref().map(|url| NextAction::redirect(app, url)),
            retry_after: None,
            token: None,
        }
    }
}

impl<'a> BookingJson<'a> {
    /// With what only the shop's lists have, and without the page of the buyer's bank: its address may be all that is needed
    /// to confirm the payment.
    #[must_use]
    pub fn for_the_shop(self, view: &'a BookingView) -> Self {
        Self { buyer: Some(&view.buyer), confirmed_at: view.confirmed_at, next_action: None, ..self }
    }
}

fn of_the_shop(shop: Option<&ShopData>) -> (Option<&str>, Option<&BTreeMap<String, String>>) {
    let reference = shop.and_then(|shop| shop.reference.as_deref());
    (reference, shop.map(|shop| &shop.metadata).filter(|metadata| !metadata.is_empty()))
}

fn is_extendable(app: &App, status: &str, extended: bool, buyer: Option<&BuyerId>) -> bool {
    let may = app.limits().guests().rules().extend || !buyer.is_some_and(BuyerId::is_guest);
    ["held", "paying", "action_required"].contains(&status) && !extended && may
}

impl<'a> BookedSeat<'a> {
    /// The seats of a booking, in the order of the show's plan: A-9 before A-10.
    #[must_use]
    pub fn in_plan_order(plan: Option<&Plan>, seats: &'a [PricedSeat]) -> Vec<Self> {
        let index = |priced: &PricedSeat| plan.and_then(|plan| plan.index_of(&priced.seat));
        let mut sorted: Vec<_> = seats.iter().map(|priced| (index(priced), priced)).collect();
        sorted.sort_by_key(|(index, _)| *index);
        sorted.into_iter().map(|(index, priced)| Self::of(priced, plan.zip(index))).collect()
    }

    /// `place`: its plan, and where in that it is.
    fn of(seat: &'a PricedSeat, place: Option<(&Plan, u32)>) -> Self {
        let price_type = seat.price_type.as_ref().map(PriceTypeId::as_str);
        let printed = place.and_then(|(plan, index)| plan.printed(index));
        Self {
            seat: seat.seat.as_str(),
            price: seat.price,
            price_type,
            fee: seat.fee,
            section: printed.as_ref().and_then(|printed| printed.section).map(str::to_owned),
            row: printed.as_ref().map(|printed| printed.row.to_owned()),
            label: printed.map(|printed| printed.label.into_owned()),
        }
    }
}

impl<'a> Payment<'a> {
    fn of(booking: &'a Booking) -> Option<Self> {
        let last = booking.attempts.last()?;
        Some(Self {
            attempts: booking.attempts.len(),
            tender: booking.tender(),
            last_decline: last.declined.as_deref(),
            under_review: booking.flagged,
            flagged: None,
            refund_requested: matches!(booking.phase, Phase::Confirmed { refund_requested: true }),
        })
    }

    fn listed(view: &'a BookingView) -> Option<Self> {
        let attempts = usize::try_from(view.attempts).unwrap_or(usize::MAX);
        (attempts > 0).then_some(Self {
            attempts,
            tender: view.tender,
            last_decline: view.last_decline.as_deref(),
            under_review: view.flagged,
            flagged: None,
            refund_requested: view.refund_requested,
        })
    }
}

impl NextAction {
    #[must_use]
    pub fn redirect(app: &App, url: &str) -> Self {
        Self::RedirectToUrl(RedirectToUrl { kind: RedirectTag::RedirectToUrl, url: app.absolute(url) })
    }

    #[must_use]
    pub fn confirm_client_side(app: &App, client_secret: &Secret) -> Self {
        let publishable_key = app.parts().publishable_key.clone();
        let client_secret = Some(client_secret.expose().to_owned());
        Self::ConfirmClientSide(ConfirmClientSide { kind: ConfirmTag::ConfirmClientSide, client_secret, publishable_key })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

//! `POST /v1/bookings/{id}/payment`

use super::return_url;
use crate::answer::Answer;
use crate::app::App;
use crate::auth::Permission;
use crate::metrics;
use crate::problem::{Code, Problem};
use crate::routes::access;
use crate::routes::bookings::guests;
use crate::routes::command::{Command, execute};
use crate::routes::params::InBooking;
use crate::routes::wire::{BookingJson, NextAction};
use axum::extract::State;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use lastseat_domain::event::Tender;
use lastseat_domain::{BookingId, Rejection};
use lastseat_engine::{BuyerAction, Paid, PayRequest, PayWith};
use serde::Deserialize;
use utoipa::ToSchema;

/// Seconds after which a caller may look how a slow payment went.
const LOOK_AGAIN: u64 = 2;
const LONGEST_METHOD: usize = 255;

/// How to pay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PayBody {
    /// The gateway's name for the payment method. Absent to continue after the buyer has acted.
    #[schema(example = "pm_card_visa", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    payment_method: Option<String>,
    /// `client`: the buyer chooses a method in the gateway's own form (Stripe.js), instead of `payment_method`.
    confirm: Option<Confirm>,
    /// How the buyer has paid at the till, instead of the two: no gateway is asked. Only for staff.
    payment: Option<TenderName>,
    /// The shop's page that the buyer comes back to, if the bank asks them first. Its origin is this server's, or listed by the
    /// operator (`--cors-origin`). It stays in the log for ever: no personal data.
    #[schema(example = "https://shop.example/orders/4711", max_length = 2_048, pattern = "^https?://")]
    return_url: Option<String>,
}

/// How a booking is paid for at the till.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenderName {
    /// Notes and coins, or the till's own card reader.
    Cash,
    /// A bill that the buyer pays later.
    Invoice,
    /// It is given away, and costs nothing.
    Complimentary,
}

impl From<TenderName> for Tender {
    fn from(name: TenderName) -> Self {
        match name {
            TenderName::Cash => Self::Cash,
            TenderName::Invoice => Self::Invoice,
            TenderName::Complimentary => Self::Complimentary,
        }
    }
}

/// Who confirms the payment at the gateway.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// The buyer's browser.
    Client,
}

/// Pays for a hold. The amount is the booking's.
///
/// Staff confirm a booking that is paid at the till with `payment`.
///
/// 402 leaves the hold as it is: try another method while it lasts. 202 with `action_required` says
/// where to send the buyer; after that, pay again without a method. 202 with `paying` means that the
/// gateway has not answered yet: the payment continues by itself, GET the booking to see how it ends.
#[utoipa::path(
    post,
    path = "/v1/bookings/{id}/payment",
    operation_id = "pay_booking",
    tag = "bookings",
    params(("id" = String, Path, description = "The booking's id")),
    request_body = PayBody,
    responses(
        (status = 200, description = "Booked and paid", body = BookingJson),
        (status = 202, description = "The buyer has to act, or the gateway has not answered yet", body = BookingJson),
    ),
    security(("token" = []), ("booking_token" = [])),
)]
pub async fn pay(State(app): State<App>, InBooking(id): InBooking, command: Result<Command, Problem>) -> Answer {
    execute(&app, metrics::Command::Pay, command, move |app, command| pay_for(app, id, command)).await
}

async fn pay_for(app: App, id: BookingId, command: Command) -> Result<Answer, Problem> {
    let body: Result<PayBody, Problem> = if command.is_empty() { Ok(PayBody::default()) } else { command.order(|| 1) };
    // Who may take payments learns what is wrong with the body, not that the booking is another's.
    let may = || command.caller.has(Permission::TakePayments);
    let at_till = body.as_ref().map_or_else(|_| may(), |body| body.payment.is_some());
    if at_till {
        command.caller.needs(Permission::TakePayments)?;
    }
    access::check(&app, &command.caller, id, at_till.then_some(Permission::TakePayments)).await?;
    let mut body = body?;
    let return_url = body.return_url.take().map(|url| return_url::checked(&app, url)).transpose()?;
    let pay_with = pay_with(&app, body)?;
    if return_url.is_some() && !matches!(pay_with, PayWith::Method(_)) {
        return Err(return_url::without_method());
    }
    let continues = pay_with == PayWith::Continue;
    let request = PayRequest { pay_with, return_url, fingerprint: command.fingerprint(), origin: command.origin() };
    // To ask how the last attempt went is none.
    let is_guest = !continues && guests::may_pay(&app, &command.caller, command.client, id).await?;
    let paid = app.box_office().pay(id, request).await;
    guests::has_tried_to_pay(&app, command.client, id, is_guest, &paid).await;
    Ok(match paid? {
        Paid::Confirmed(booking) => Answer::json(StatusCode::OK, &BookingJson::of(&app, &booking)),
        Paid::ActionRequired { booking, action } => {
            let has_secret = matches!(action, BuyerAction::ConfirmClientSide { .. });
            let mut body = BookingJson::of(&app, &booking);
            body.next_action = Some(match action {
                BuyerAction::Redirect { url } => NextAction::redirect(&app, &url),
                BuyerAction::ConfirmClientSide { client_secret } => NextAction::confirm_client_side(&app, &client_secret),
            });
            let answer = Answer::json(StatusCode::ACCEPTED, &body);
            // Not final: the buyer may have acted by the next request. And a client secret is kept nowhere.
            if continues || has_secret { answer.undecided() } else { answer }
        }
        Paid::Pending(booking) => {
            let mut body = BookingJson::of(&app, &booking);
            body.retry_after = Some(LOOK_AGAIN);
            Answer::json(StatusCode::ACCEPTED, &body).header(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN)).undecided()
        }
    })
}

fn pay_with(app: &App, body: PayBody) -> Result<PayWith, Problem> {
    let one_of_them = |field: &str| {
        let why = format!("the body has `{field}`, too. Send one of them.");
        Err(Rejection::InvalidPaymentMethod { why }.into())
    };
    match (body.payment_method, body.confirm, body.payment) {
        (None, None, None) => Ok(PayWith::Continue),
        (Some(method), None, None) => checked(method).map(PayWith::Method),
        (None, None, Some(tender)) => Ok(PayWith::AtTill(tender.into())),
        (None, Some(Confirm::Client), None) if app.parts().publishable_key.is_some() => Ok(PayWith::ClientSide),
        (None, Some(Confirm::Client), None) => Err(Problem::new(
            Code::ClientConfirmationUnavailable,
            "This server has no publishable key for the gateway's form. Send a `payment_method` instead.",
        )),
        (Some(_), Some(Confirm::Client), None) => one_of_them("confirm"),
        (_, _, Some(_)) => one_of_them("payment"),
    }
}

/// A text that can't be a method's name is refused without asking the gateway.
fn checked(method: String) -> Result<String, Problem> {
    if (1..=LONGEST_METHOD).contains(&method.len()) && method.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(method);
    }
    let why = format!("it must be 1 to {LONGEST_METHOD} visible ASCII characters.");
    Err(Rejection::InvalidPaymentMethod { why }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_visible_ascii_of_bounded_length() {
        assert_eq!(checked("pm_card_visa".into()).unwrap(), "pm_card_visa");
        for bad in ["", " ", "pm card", "pm_\u{e9}", "pm\n", &"x".repeat(256)] {
            assert_eq!(checked(bad.into()).expect_err("refused").code().text(), "invalid_payment_method");
        }
    }
}

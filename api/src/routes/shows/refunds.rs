//! Refunds of a whole show: request them, and see how far they are.

use crate::answer::Answer;
use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::metrics;
use crate::problem::Problem;
use crate::routes::command::{Command, execute};
use crate::routes::freshness;
use crate::routes::params::InShow;
use crate::routes::sender::RunShows;
use crate::routes::wire::Amount;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use lastseat_domain::{Money, Rejection, ShowId};
use lastseat_projections::ShowRefundsView;
use serde::Serialize;
use utoipa::ToSchema;

/// How far the refunds of a show are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShowRefunds {
    /// The show.
    #[schema(value_type = String, example = "gala")]
    show: ShowId,
    /// Who requested them; absent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "mary")]
    requested_by: Option<String>,
    /// Whether every booking that was paid is refunded, or left to staff (`at_the_till`), and none is being paid.
    complete: bool,
    /// The bookings.
    bookings: BookingsRefunded,
    /// What was taken for them.
    captured: Amount,
    /// What of that was returned.
    refunded: Amount,
}

/// Bookings of a show by how far their refunds are.
#[derive(Debug, Default, Serialize, ToSchema)]
struct BookingsRefunded {
    /// Those that were paid.
    total: u64,
    refunded: u64,
    /// Requested, and the gateway has not returned the money yet.
    under_way: u64,
    /// A person has to look at the payment: GET /v1/shows/{show}/bookings lists them with `payment.under_review`.
    need_a_person: u64,
    /// Paid in cash or by invoice: staff return the money, and refund each booking then. GET
    /// /v1/shows/{show}/bookings?status=confirmed lists them with `payment.tender`.
    at_the_till: u64,
    /// Not requested yet.
    waiting: u64,
    /// Of these, so many could not be requested when this node tried last: the log did not answer, or can't be read there.
    /// Each is tried again, after growing pauses of up to ten minutes.
    failed: u64,
    /// Paid before the show was cancelled, and still being captured; refunded after that.
    paying: u64,
}

impl ShowRefunds {
    /// Before the views know anything of the show's bookings: none is counted, and it is not complete.
    fn requested(app: &App, show: ShowId) -> Result<Self, Problem> {
        let known = app.box_office().show(&show).ok_or(Rejection::ShowNotFound)?;
        let nothing = Money { value: 0, currency: known.facts.currency };
        let bookings = BookingsRefunded::default();
        let (captured, refunded) = (nothing.into(), nothing.into());
        Ok(Self { show, requested_by: known.refunds_requested_by.clone(), complete: false, bookings, captured, refunded })
    }

    async fn read(app: &App, show: ShowId) -> Result<Self, Problem> {
        let requested_by = app.box_office().show(&show).and_then(|known| known.refunds_requested_by.clone());
        let view = app.read_model().refunds_of_show(&show).await?.ok_or(Rejection::ShowNotFound)?;
        let ShowRefundsView { paid, refunded, under_way, flagged, at_the_till, waiting, paying, captured, returned } = view;
        let ended = paid == refunded.saturating_add(at_the_till) && paying == 0;
        let complete = requested_by.is_some() && ended;
        let failed = u64::try_from(app.box_office().failed_refunds(&show)).unwrap_or_default().min(waiting);
        let (total, need_a_person) = (paid, flagged);
        let bookings = BookingsRefunded { total, refunded, under_way, need_a_person, at_the_till, waiting, failed, paying };
        Ok(Self { show, requested_by, complete, bookings, captured: captured.into(), refunded: returned.into() })
    }
}

/// Refunds every booking of a cancelled show. The server does it, and goes on after a restart; each booking is refunded once.
/// What was paid in cash or by invoice is left to staff, who refund each such booking when the money is handed over. A repeat is the same job. 202: `GET` shows how far it is.
#[utoipa::path(
    post,
    path = "/v1/shows/{show}/refunds",
    tag = "shows",
    params(("show" = String, Path, description = "The show's id")),
    responses((status = 202, description = "The refunds are requested; how far they are", body = ShowRefunds)),
    security(("token" = [])),
)]
pub async fn refund_show(State(app): State<App>, InShow(show): InShow, command: Result<Command<RunShows>, Problem>) -> Answer {
    execute(&app, metrics::Command::RefundShow, command, async move |app: App, command: Command<RunShows>| {
        command.nothing()?;
        app.box_office().refund_show(&show, command.origin()).await?;
        freshness::wait_for_own_writes(&app).await;
        // Requested they are, whatever the views know by now.
        let progress = match ShowRefunds::read(&app, show.clone()).await {
            Ok(progress) => progress,
            Err(_) => ShowRefunds::requested(&app, show)?,
        };
        Ok(Answer::json(StatusCode::ACCEPTED, &progress).undecided())
    })
    .await
}

/// How far the refunds of a show are. For staff, managers, auditors and admins.
#[utoipa::path(
    get,
    path = "/v1/shows/{show}/refunds",
    tag = "shows",
    params(
        ("show" = String, Path, description = "The show's id"),
        ("Lastseat-Min-Position" = Option<u64>, Header, description = "Wait, up to 2 s, until the answer includes this position: `Lastseat-Position` of a command's answer"),
    ),
    responses((status = 200, description = "How far the refunds are", body = ShowRefunds)),
    security(("token" = [])),
)]
pub async fn get_refunds(
    State(app): State<App>,
    InShow(show): InShow,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    caller.needs(Permission::ReadSales)?;
    let fresh = freshness::wait(&app, &headers).await?;
    Ok(Answer::json(StatusCode::OK, &ShowRefunds::read(&app, show).await?).with(freshness::fields(fresh)))
}

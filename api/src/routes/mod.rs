//! The routes by resource. The tables below list everything that the server answers.

pub mod access;
pub mod accounts;
pub mod audit;
pub mod bookings;
pub mod challenges;
pub mod command;
pub mod docs;
pub mod freshness;
mod headers;
pub mod health;
pub mod log_level;
pub mod me;
pub mod metrics;
pub mod params;
pub mod plans;
pub mod sandbox;
pub mod sender;
pub mod shows;
pub mod tickets;
pub mod vouchers;
pub mod web;
pub mod webhooks;
pub mod wire;

use crate::app::App;
use crate::auth::Permission;
use crate::limits;
use crate::openapi;
use crate::problem::{Code, Problem};
use crate::traces::{self, Tracer};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use http::{Method, Uri};
use std::sync::Arc;
use tracing::Span;
use utoipa::openapi::Server;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// All documented operations.
fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::frame())
        .merge(public_reads())
        .merge(commands_of_shows())
        .merge(private_operations())
        .merge(sandbox_operations())
        .merge(notifications())
        .merge(for_operators())
}

/// An operation with the permission that its caller needs, as the document names it. The operation itself checks it: a
/// command by its [`sender`], before its body is read.
fn needs(permission: Permission, mut route: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    route.1.paths.values_mut().for_each(|item| openapi::roles::add(item, permission, None));
    route
}

/// An operation on bookings: their buyer needs the first permission, everybody else the second.
fn needs_of_others(own: Permission, others: Permission, mut route: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    route.1.paths.values_mut().for_each(|item| openapi::roles::add(item, own, Some(others)));
    route
}

/// Reads that need no token.
fn public_reads() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(shows::read::list_shows))
        .routes(routes!(shows::read::get_show))
        .routes(routes!(shows::picture::get_picture))
        .routes(routes!(shows::seats::get_seats))
        .routes(routes!(shows::stream::stream_seats))
        .routes(routes!(plans::read::get_revision))
        .routes(routes!(tickets::key::get_ticket_key))
}

/// A hold is the hot path: these have no middleware.
fn commands_of_shows() -> OpenApiRouter<App> {
    use Permission::{HoldForBuyers, HoldSeats, RunShows};
    OpenApiRouter::default()
        .routes(needs(RunShows, routes!(plans::draw::draw_plan)))
        .routes(needs(RunShows, routes!(shows::create::schedule_show)))
        .routes(needs(RunShows, routes!(shows::revise::revise_show)))
        .routes(needs(RunShows, routes!(shows::picture::set_picture)))
        .routes(needs(RunShows, routes!(shows::picture::remove_picture)))
        .routes(needs(RunShows, routes!(shows::copies::copy_show)))
        .routes(needs(RunShows, routes!(shows::control::pause_sales)))
        .routes(needs(RunShows, routes!(shows::control::resume_sales)))
        .routes(needs(RunShows, routes!(shows::control::cancel_show)))
        .routes(needs(RunShows, routes!(shows::refunds::refund_show)))
        .routes(needs(RunShows, routes!(shows::blocks::open_block)))
        .routes(needs(RunShows, routes!(shows::blocks::lift_block)))
        .routes(routes!(challenges::create_challenge))
        .routes(needs(HoldSeats, routes!(bookings::hold::hold_seats)))
        .routes(needs(HoldForBuyers, routes!(bookings::batch::hold_batch)))
}

/// Operations whose answers are for one caller only, so that no cache may store them.
fn private_operations() -> OpenApiRouter<App> {
    use Permission::{
        ChangeBookings, CheckIn, CommandOwn, IssueVouchers, ManageEndpoints, OperateServer, ReadBookings, ReadHistory, ReadOwn,
        ReadSales, RedeemVouchers, RefundBookings, ReviewPayments,
    };
    OpenApiRouter::default()
        .routes(needs(ReadSales, routes!(plans::read::list_plans)))
        .routes(needs(ReadSales, routes!(plans::read::get_plan)))
        .routes(needs(ReadSales, routes!(shows::sales::get_sales)))
        .routes(needs(ReadSales, routes!(shows::refunds::get_refunds)))
        .routes(needs(ReadSales, routes!(shows::blocks::list_blocks)))
        .routes(needs(ReadSales, routes!(shows::blocks::get_block)))
        .routes(needs(ReadBookings, routes!(bookings::list::list_bookings)))
        .routes(needs(ReadBookings, routes!(bookings::list::list_bookings_of_show)))
        .routes(needs_of_others(ReadOwn, ReadBookings, routes!(bookings::manage::get_booking)))
        .routes(needs_of_others(CommandOwn, ChangeBookings, routes!(bookings::manage::cancel_booking)))
        .routes(needs_of_others(CommandOwn, ChangeBookings, routes!(bookings::manage::extend_hold)))
        .routes(needs_of_others(CommandOwn, ChangeBookings, routes!(bookings::voucher::apply_voucher)))
        .routes(needs_of_others(CommandOwn, ChangeBookings, routes!(bookings::voucher::remove_voucher)))
        .routes(needs(IssueVouchers, routes!(vouchers::campaigns::issue_vouchers)))
        .routes(needs(IssueVouchers, routes!(vouchers::campaigns::list_campaigns)))
        .routes(needs(IssueVouchers, routes!(vouchers::campaigns::get_campaign)))
        .routes(needs(IssueVouchers, routes!(vouchers::withdraw::end_campaign)))
        .routes(needs(IssueVouchers, routes!(vouchers::withdraw::withdraw_voucher)))
        .routes(needs(RedeemVouchers, routes!(vouchers::redeem::redeem_goods)))
        .routes(needs(ManageEndpoints, routes!(webhooks::endpoints::list_endpoints)))
        .routes(needs(ManageEndpoints, routes!(webhooks::endpoints::replay_webhooks)))
        .routes(needs(OperateServer, routes!(log_level::get_log_level)))
        .routes(needs(OperateServer, routes!(log_level::set_log_level)))
        .routes(needs(CommandOwn, routes!(bookings::pay::pay)))
        .routes(needs_of_others(CommandOwn, ChangeBookings, routes!(bookings::transfer::transfer)))
        .routes(needs(ChangeBookings, routes!(bookings::exchange::exchange)))
        .routes(needs_of_others(ReadOwn, ChangeBookings, routes!(bookings::tickets::get_tickets)))
        .routes(needs_of_others(ReadOwn, ChangeBookings, routes!(bookings::tickets::get_ticket)))
        .routes(needs_of_others(CommandOwn, ChangeBookings, routes!(bookings::tickets::reissue_ticket)))
        .routes(needs(RefundBookings, routes!(bookings::refund::refund)))
        .routes(needs(ReviewPayments, routes!(bookings::review::review)))
        .routes(needs(CheckIn, routes!(tickets::checkins::check_in)))
        .routes(needs(CheckIn, routes!(tickets::offline::check_in_batch)))
        .routes(needs(CheckIn, routes!(shows::tickets::list_tickets)))
        .routes(needs(ReadBookings, routes!(shows::checkins::get_checkins)))
        .routes(needs(ReadOwn, routes!(me::bookings::my_bookings)))
        .routes(needs(ReadOwn, routes!(me::rewards::my_rewards)))
        .routes(needs(CommandOwn, routes!(me::redeem::redeem_voucher)))
        .routes(needs(CommandOwn, routes!(bookings::mail::mail_booking)))
        .routes(needs(ReadHistory, routes!(audit::events::audit_events)))
        .routes(needs(ReadHistory, routes!(audit::verification::verify_log)))
        .merge(accounts_and_sessions())
}

/// Of those who sign in here. What is about one's own account needs its session, whatever the role.
fn accounts_and_sessions() -> OpenApiRouter<App> {
    use Permission::ManageAccounts;
    OpenApiRouter::default()
        .routes(routes!(accounts::sign_up::sign_up))
        .routes(needs(ManageAccounts, routes!(accounts::manage::list_accounts)))
        .routes(needs(ManageAccounts, routes!(accounts::manage::change_account)))
        .routes(routes!(accounts::me::get_account))
        .routes(routes!(accounts::me::change_password))
        .routes(routes!(accounts::export::export_account))
        .routes(routes!(accounts::erase::erase_account))
        .routes(routes!(me::claim::claim_booking))
        .routes(routes!(accounts::verification::send_verification))
        .routes(routes!(accounts::verification::confirm_address))
        .routes(routes!(accounts::password_reset::request_password_reset))
        .routes(routes!(accounts::password_reset::reset_password))
        .routes(routes!(accounts::sessions::sign_in))
        .routes(routes!(accounts::sessions::get_session))
        .routes(routes!(accounts::sessions::sign_out))
}

/// Operations of the payment sandbox; present only where payments are simulated.
fn sandbox_operations() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(sandbox::authenticate))
}

/// What gateways report. No limit applies: their signature admits them, and what is refused comes again.
fn notifications() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(webhooks::stripe::stripe))
}

fn for_operators() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(docs::problem))
}

/// The description of the API (OpenAPI 3.1), made from the code that serves it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = operations().split_for_parts();
    openapi::complete(&mut document);
    document
}

/// Everything that the server answers.
pub fn router(app: App) -> Router {
    let limited = |router: OpenApiRouter<App>| {
        let limit = app.limits().has_reads().then(|| from_fn_with_state(app.clone(), limits::reads::limit));
        let (router, _) = router.split_for_parts();
        match limit {
            Some(limit) => router.route_layer(limit),
            None => router,
        }
    };
    let token_checked = public_reads().route_layer(from_fn_with_state(app.clone(), access::check_token));
    let private = limited(private_operations()).route_layer(map_response(headers::no_store));
    let mut open = commands_of_shows().merge(notifications()).merge(for_operators());
    let mut pages = web::router();
    if app.parts().bank.is_some() {
        open = open.merge(sandbox_operations());
        pages = pages.merge(web::sandbox_router());
    }
    let (open, _) = open.split_for_parts();
    let cors = app.parts().cors.clone();
    let all = limited(token_checked).merge(open).merge(private).merge(docs::router(openapi::json(&described(&app)))).merge(pages);
    let all = match traces::tracer() {
        Some(tracer) => all.route_layer(from_fn_with_state(Arc::clone(tracer), name_span)),
        None => all,
    };
    let all = all.method_not_allowed_fallback(method_not_allowed).fallback(unknown_route).with_state(app);
    match cors {
        Some(cors) => cors.around(all),
        None => all,
    }
}

/// Names the span of a request for its route: whatever ids its path has, requests of one kind have one name.
async fn name_span(State(tracer): State<Arc<dyn Tracer>>, route: MatchedPath, request: Request, next: Next) -> Response {
    let span = Span::current();
    span.record("http.route", route.as_str());
    tracer.rename(&span, format!("{} {}", request.method(), route.as_str()));
    next.run(request).await
}

/// The description as this server gives it: with its address, for clients that are generated from it.
fn described(app: &App) -> utoipa::openapi::OpenApi {
    let mut document = document();
    document.servers = app.parts().public_url.as_ref().map(|url| vec![Server::new(url)]);
    document
}

async fn unknown_route(uri: Uri) -> Response {
    let detail = "There is nothing at this address. GET /openapi.json lists all addresses.";
    let problem = Problem::new(Code::UnknownRoute, detail).fact("path", uri.path());
    headers::no_store_if_private(uri.path(), problem.into_response())
}

/// The router adds the `Allow` header.
async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let detail = "This address does not support the method. The Allow header lists the methods that it supports.";
    let problem = Problem::new(Code::MethodNotAllowed, detail).fact("method", method.as_str());
    headers::no_store_if_private(uri.path(), problem.into_response())
}

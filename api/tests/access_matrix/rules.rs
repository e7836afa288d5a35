//! What must be true of the matrix, whatever the document says.

use crate::Matrix;
use crate::callers::{CALLERS, Caller};
use crate::operations::{Operation, Outcome};

/// The broken rules, in words.
pub fn broken(matrix: &Matrix) -> Vec<String> {
    let mut broken = Vec::new();
    for ((path, method), row) in matrix {
        for (caller, outcome) in CALLERS.iter().zip(row) {
            if *outcome == Outcome::Done && forbids(*caller, method, path, row) {
                broken.push(format!("{method} {path} is open to: {}", caller.title()));
            }
        }
    }
    broken.extend(undocumented(matrix));
    broken
}

/// Where the server lets a role in and the table of routes doesn't, or the other way round.
pub fn undocumented(matrix: &Matrix) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in Operation::all() {
        let row = &matrix[&(operation.path.clone(), operation.method.clone())];
        for (caller, outcome) in CALLERS.iter().zip(row) {
            let Some((role, is_own)) = caller.role() else { continue };
            let Some(is_documented) = operation.is_documented_for(role, is_own) else { continue };
            if (*outcome == Outcome::Done) != is_documented {
                let title = caller.title();
                wrong.push(format!("{} {}: {outcome} for {title}, against the table", operation.method, operation.path));
            }
        }
    }
    wrong
}

/// Whether no server may let this caller do this.
pub fn forbids(caller: Caller, method: &str, path: &str, row: &[Outcome]) -> bool {
    let public = row.first() == Some(&Outcome::Done) && is_public(method, path);
    let of_one_booking = path.starts_with("/v1/bookings/") || path.contains("{voucher}");
    match caller {
        Caller::BookingToken | Caller::SiblingToken | Caller::ForeignToken if is_hold(method, path) => true,
        Caller::BareSession => method != "GET" && !is_for_newcomers(path),
        _ if public && caller != Caller::Forger => false,
        Caller::Nobody => !is_public(method, path),
        Caller::Forger => path.starts_with("/v1/") && !path.starts_with("/v1/sandbox/"),
        Caller::Stranger | Caller::BuyersSession | Caller::SiblingToken | Caller::ForeignToken if of_one_booking => true,
        Caller::Auditor => method != "GET" || is_for_admins(path) || is_of_vouchers(path) || is_of_tickets(path),
        Caller::Admin | Caller::AdminsSession => false,
        Caller::Manager => path.starts_with("/v1/audit") || is_for_admins(path),
        Caller::Staff => path.starts_with("/v1/audit") || is_for_admins(path) || is_for_managers(method, path),
        _ => is_for_the_shop(method, path),
    }
}

/// Operations for which no token is needed. Holds are public where guests may buy.
fn is_public(method: &str, path: &str) -> bool {
    let revision = "/v1/plans/{plan}/revisions/{revision}";
    let seats = ["/v1/shows/{show}/seats", "/v1/shows/{show}/seats/stream"];
    let reads = ["/v1/shows", "/v1/shows/{show}", "/v1/shows/{show}/picture", seats[0], seats[1], revision, "/v1/tickets/key"];
    let operators = ["/health/live", "/health/ready", "/metrics", "/problems/{code}"];
    match method {
        "GET" => reads.contains(&path) || operators.contains(&path),
        "POST" => is_hold(method, path) || path.starts_with("/v1/sandbox/") || path == "/v1/challenges" || is_for_newcomers(path),
        _ => false,
    }
}

/// What somebody does who is not signed in yet, whatever session the browser has.
fn is_for_newcomers(path: &str) -> bool {
    let with_mails = ["/v1/accounts/verification", "/v1/accounts/password-reset", "/v1/accounts/password-reset/confirm"];
    path == "/v1/accounts" || path == "/v1/sessions" || with_mails.contains(&path)
}

fn is_hold(method: &str, path: &str) -> bool {
    method == "POST" && path == "/v1/shows/{show}/bookings"
}

/// What no buyer may do, not even to a booking of theirs.
fn is_for_the_shop(method: &str, path: &str) -> bool {
    let of_shows = ["/v1/shows/{show}/bookings", "/v1/shows/{show}/sales", "/v1/shows/{show}/checkins"];
    let is_read = of_shows.contains(&path) || path == "/v1/bookings" || path == "/v1/shows/{show}/tickets";
    let is_of_blocks = path.starts_with("/v1/shows/{show}/blocks");
    let commands =
        ["/refund", "/review", "/exchange", "bookings:batch", "/v1/vouchers/redeem", "/v1/checkins", "/v1/checkins:batch"];
    let is_command = method != "GET" && commands.iter().any(|end| path.ends_with(end));
    is_command
        || is_of_blocks
        || is_read && !is_hold(method, path)
        || path.starts_with("/v1/audit")
        || is_for_admins(path)
        || is_of_vouchers(path)
        || is_of_endpoints(path)
        || is_for_managers(method, path)
}

/// Commands on whole shows, and on money whose whereabouts are in doubt.
fn is_for_managers(method: &str, path: &str) -> bool {
    let is_of_shows = path.starts_with("/v1/shows") && !is_hold(method, path) && !path.ends_with("bookings:batch");
    is_of_vouchers(path) || is_of_endpoints(path) || method != "GET" && (is_of_shows || path.ends_with("/review"))
}

/// Who has an account, and with which role; and what the server logs.
fn is_for_admins(path: &str) -> bool {
    ["/v1/accounts", "/v1/accounts/{account}", "/v1/log-level"].contains(&path)
}

/// Who shows a ticket is let in.
fn is_of_tickets(path: &str) -> bool {
    path.starts_with("/v1/bookings/{id}/tickets") || path == "/v1/shows/{show}/tickets"
}

/// Their addresses are nobody's business but the shop's.
fn is_of_endpoints(path: &str) -> bool {
    path.starts_with("/v1/webhook-endpoints")
}

/// Codes are as good as money: who issues them reads them, and nobody else.
fn is_of_vouchers(path: &str) -> bool {
    path.starts_with("/v1/vouchers") && path != "/v1/vouchers/redeem"
}

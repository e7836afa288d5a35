//! What must be true of the matrix, whatever the document says.

use crate::Matrix;
use crate::callers::{CALLERS, Caller};
use crate::operations::Outcome;

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
    broken
}

/// Whether no server may let this caller do this.
pub fn forbids(caller: Caller, method: &str, path: &str, row: &[Outcome]) -> bool {
    let public = row.first() == Some(&Outcome::Done) && is_public(method, path);
    let of_one_booking = path.starts_with("/v1/bookings/") || path.contains("{voucher}");
    match caller {
        Caller::BookingToken | Caller::SiblingToken | Caller::ForeignToken if is_hold(method, path) => true,
        _ if public && caller != Caller::Forger => false,
        Caller::Nobody => !is_public(method, path),
        Caller::Forger => path.starts_with("/v1/") && !path.starts_with("/v1/sandbox/"),
        Caller::Stranger | Caller::SiblingToken | Caller::ForeignToken if of_one_booking => true,
        Caller::Auditor => method != "GET",
        Caller::Admin => false,
        _ => is_for_admins(method, path),
    }
}

/// Operations for which no token is needed. Holds are public where guests may buy.
fn is_public(method: &str, path: &str) -> bool {
    let reads = ["/v1/shows", "/v1/shows/{show}", "/v1/shows/{show}/seats", "/v1/shows/{show}/seats/stream"];
    let operators = ["/health/live", "/health/ready", "/metrics", "/problems/{code}"];
    match method {
        "GET" => reads.contains(&path) || operators.contains(&path),
        "POST" => is_hold(method, path) || path.starts_with("/v1/sandbox/"),
        _ => false,
    }
}

fn is_hold(method: &str, path: &str) -> bool {
    method == "POST" && path == "/v1/shows/{show}/bookings"
}

fn is_for_admins(method: &str, path: &str) -> bool {
    let control = method == "POST" && path.starts_with("/v1/shows") && !is_hold(method, path);
    control || path.ends_with("/refund") || path.ends_with("/review") || path.ends_with("/sales") || path.starts_with("/v1/audit")
}

//! Every operation of the OpenAPI document, and a request for each.

use crate::callers::{Caller, Cast, Sessions};
use crate::common::{Call, TestServer};
use lastseat::auth::Role;
use lastseat_testkit::pictures::png;
use serde_json::{Value, json};
use std::fmt;
use std::sync::LazyLock;

/// What the caller got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request was carried out, or refused for a reason that is not the caller.
    Done,
    /// 401: no valid token.
    Unauthenticated,
    /// 403: not for this role.
    Forbidden,
    /// 404: does not exist for this caller.
    Hidden,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "yes",
            Self::Unauthenticated => "401",
            Self::Forbidden => "403",
            Self::Hidden => "404",
        })
    }
}

/// A plan that is there.
const PLAN: &str = "house";

/// What it is drawn with.
pub fn plan() -> Value {
    json!({"plan": PLAN, "name": "House", "areas": [{"area": "floor", "category": "floor", "capacity": 10}]})
}

/// Where a show's picture is.
pub const PICTURE: &str = "/v1/shows/{show}/picture";

/// Of every account.
pub const PASSWORD: &str = "correct horse battery staple";
/// The account of the admin.
pub const ADMIN: &str = "root@example.org";

pub fn credentials(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

pub struct Operation {
    pub method: String,
    pub path: String,
    /// The roles that a token needs, if it needs any.
    roles: Option<Vec<String>>,
    /// The roles that may do it to other people's bookings, where those are not the same.
    others: Option<Vec<String>>,
}

impl Operation {
    /// From the document that the routes generate, so that a new route is in the matrix.
    pub fn all() -> &'static [Self] {
        // To generate it takes a while, and the twins ask for it again and again.
        static ALL: LazyLock<Vec<Operation>> = LazyLock::new(Operation::of_the_document);
        &ALL
    }

    fn of_the_document() -> Vec<Self> {
        let document = serde_json::to_value(lastseat::routes::document()).unwrap();
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap().iter().filter(|(key, _)| is_method(key)) {
                let mut security = operation["security"].as_array().into_iter().flatten();
                let roles = security.find_map(|requirement| names(&requirement["token"]));
                let others = names(&operation["x-roles-for-others"]);
                operations.push(Self { method: method.to_uppercase(), path: path.clone(), roles, others });
            }
        }
        operations
    }

    /// Whether the table of routes lets a role in; `None` if it names no roles.
    pub fn is_documented_for(&self, role: Role, is_own: bool) -> Option<bool> {
        let is_in = |roles: &Vec<String>| roles.iter().any(|name| name == role.name());
        let (roles, is_of_one) = (self.roles.as_ref()?, self.path.contains("{id}") || self.path.contains("{voucher}"));
        assert!(
            !roles.is_empty(),
            "{} {} names no roles; put it into the table with the permission it needs",
            self.method,
            self.path
        );
        Some(match &self.others {
            Some(others) if !is_own => is_in(others),
            // Each for their own.
            None if is_of_one && !is_own && roles.iter().any(|name| name == Role::Buyer.name()) => false,
            _ => is_in(roles),
        })
    }

    /// Whether it may end the caller's session.
    pub fn is_about_accounts(&self) -> bool {
        self.path.starts_with("/v1/accounts") || self.path.starts_with("/v1/sessions")
    }

    pub async fn attempt(&self, server: &TestServer, sessions: &Sessions, cast: &Cast, caller: Caller) -> Outcome {
        let mut call = server.call(&self.method, &self.address(cast));
        if (self.method.as_str(), self.path.as_str()) == ("PUT", PICTURE) {
            call = call.header("content-type", "image/png").bytes(png(1, 1, 2));
        }
        if let Some(body) = self.body(cast) {
            call = call.json(body);
        }
        let (status, problem) = answer(cast.by(server, sessions, call, caller)).await;
        match (status, problem.as_str()) {
            (401, _) => Outcome::Unauthenticated,
            (403, _) => Outcome::Forbidden,
            (404, _) => Outcome::Hidden,
            (200..=299 | 402 | 409 | 410, _) => Outcome::Done,
            _ => panic!("{} {} by {caller:?}: {status} {problem}", self.method, self.path),
        }
    }

    fn address(&self, cast: &Cast) -> String {
        let path = self
            .path
            .replace("{show}", &cast.show)
            .replace("{booking}", &cast.booking)
            .replace("{block}", &cast.block)
            .replace("{id}", &cast.booking)
            .replace("{seat}", "floor:1")
            .replace("{voucher}", &cast.voucher)
            .replace("{campaign}", &cast.campaign)
            .replace("{intent}", &cast.intent)
            .replace("{endpoint}", "shop")
            .replace("{account}", &cast.account)
            .replace("{plan}", PLAN)
            .replace("{revision}", "1")
            .replace("{code}", "seat_unavailable");
        assert!(!path.contains('{'), "no value for a parameter of {}; add one here", self.path);
        path
    }

    /// A body that is right, so that only the caller decides.
    fn body(&self, cast: &Cast) -> Option<Value> {
        match (self.method.as_str(), self.path.as_str()) {
            ("POST", path) if path.ends_with("/blocks") => Some(json!({"area": "floor", "quantity": 1, "reason": "Press"})),
            ("POST", "/v1/accounts" | "/v1/sessions") => Some(credentials(ADMIN)),
            ("POST", "/v1/accounts/me/password") => Some(json!({"current_password": PASSWORD, "password": PASSWORD})),
            ("POST", "/v1/accounts/verification" | "/v1/accounts/password-reset/confirm") => {
                Some(json!({"token": "x", "password": PASSWORD}))
            }
            ("POST", "/v1/me/bookings") => Some(json!({"token": cast.own})),
            ("POST", "/v1/bookings/{id}/mail") => Some(json!({"email": "guest@example.org"})),
            ("POST", "/v1/accounts/password-reset") => Some(json!({"email": ADMIN})),
            ("POST", "/v1/accounts/me/erase") => Some(json!({"password": PASSWORD})),
            ("PATCH", "/v1/accounts/{account}") => Some(json!({"role": "buyer"})),
            ("POST", "/v1/challenges") => Some(json!({"show": cast.show})),
            ("POST", "/v1/plans") => Some(plan()),
            ("POST", "/v1/vouchers") => Some(json!({"discount": {"percent": 50}})),
            ("POST", "/v1/vouchers/redeem" | "/v1/vouchers/withdraw" | "/v1/bookings/{id}/voucher") => {
                Some(json!({"voucher": cast.code}))
            }
            ("POST", path) if path.ends_with("/replay") => Some(json!({"from": 0})),
            ("PATCH", "/v1/log-level") => Some(json!({"level": "warn"})),
            ("POST", "/v1/checkins") => Some(json!({"ticket": cast.ticket(), "gate": "north"})),
            ("POST", "/v1/checkins:batch") => Some(json!({"device": "scanner-7", "scans": [
                {"ticket": cast.ticket(), "gate": "north", "scan": uuid::Uuid::nil(), "scanned_at": "2030-06-01T18:00:00Z"},
            ]})),
            ("POST", "/v1/shows") => Some(crate::common::demo()),
            ("PATCH", "/v1/shows/{show}") => Some(json!({"hold_seconds": 600})),
            ("POST", path) if path.ends_with("/copies") => Some(json!({"dates": [{"starts_at": "2030-06-01T19:30:00Z"}]})),
            ("POST", path) if path.ends_with("/authenticate") => Some(json!({"outcome": "succeeded"})),
            ("POST", path) if path.ends_with("/review") => Some(json!({"outcome": "continue", "reason": "checked"})),
            ("POST", path) if path.ends_with("/transfer") => Some(json!({"buyer": "cleo"})),
            ("POST", path) if path.ends_with("/exchange") => Some(json!({"leaves": ["floor:1"], "takes": ["A-1"]})),
            ("POST", path) if path.ends_with("/payment") => Some(json!({"payment_method": "pm_card_visa"})),
            ("POST", path) if path.ends_with("/bookings:batch") => {
                Some(json!({"holds": [{"buyer": "bob", "area": "floor", "quantity": 1}]}))
            }
            ("POST", path) if path.ends_with("/bookings") => Some(json!({"area": "floor", "quantity": 1})),
            _ => None,
        }
    }
}

fn names(roles: &Value) -> Option<Vec<String>> {
    Some(roles.as_array()?.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
}

fn is_method(key: &str) -> bool {
    matches!(key, "get" | "post" | "put" | "patch" | "delete" | "head")
}

/// Status and problem code. The body of a success is not read: a stream has no end.
async fn answer(call: Call) -> (u16, String) {
    let (parts, body) = call.open().await;
    if parts.status.is_success() {
        return (parts.status.as_u16(), String::new());
    }
    let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    (parts.status.as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
}

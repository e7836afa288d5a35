//! The kinds of callers, and the bookings and tokens that one attempt is made with.

use crate::common::{Call, TestServer};
use crate::operations::{self, Operation, PICTURE};
use lastseat::auth::Role;
use lastseat_domain::ticket::TicketFacts;
use lastseat_testkit::pictures::png;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Who sends the request. "Own" and "foreign" are about the booking, voucher or intent in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Sends no token.
    Nobody,
    /// Sends a token with a wrong signature.
    Forger,
    /// The buyer who owns it.
    Owner,
    /// Another buyer.
    Stranger,
    /// The booking's own token.
    BookingToken,
    /// The token of another booking of the same buyer.
    SiblingToken,
    /// The token of a stranger's booking.
    ForeignToken,
    Staff,
    Manager,
    Auditor,
    Admin,
    /// The session of an account that is a buyer's. Nothing in the path is theirs.
    BuyersSession,
    /// The session of an admin's account, without its token against forged requests.
    BareSession,
    /// The session of an admin's account.
    AdminsSession,
}

pub const CALLERS: [Caller; 14] = [
    Caller::Nobody,
    Caller::Forger,
    Caller::Owner,
    Caller::Stranger,
    Caller::BookingToken,
    Caller::SiblingToken,
    Caller::ForeignToken,
    Caller::Staff,
    Caller::Manager,
    Caller::Auditor,
    Caller::Admin,
    Caller::BuyersSession,
    Caller::BareSession,
    Caller::AdminsSession,
];

impl Caller {
    /// The role of the caller's token or session, and whether the booking, voucher or intent in the path is the caller's own.
    pub fn role(self) -> Option<(Role, bool)> {
        Some(match self {
            Self::Owner => (Role::Buyer, true),
            Self::Stranger | Self::BuyersSession => (Role::Buyer, false),
            Self::Staff => (Role::Staff, false),
            Self::Manager => (Role::Manager, false),
            Self::Auditor => (Role::Auditor, false),
            Self::Admin | Self::AdminsSession => (Role::Admin, false),
            _ => return None,
        })
    }

    /// Whether a session proves who it is.
    pub fn is_signed_in(self) -> bool {
        matches!(self, Self::BuyersSession | Self::BareSession | Self::AdminsSession)
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Nobody => "no token",
            Self::Forger => "forged token",
            Self::Owner => "own, buyer",
            Self::Stranger => "foreign, buyer",
            Self::BookingToken => "own, booking token",
            Self::SiblingToken => "sibling's booking token",
            Self::ForeignToken => "foreign, booking token",
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::BuyersSession => "foreign, buyer's session",
            Self::BareSession => "admin's session, no CSRF token",
            Self::AdminsSession => "admin's session",
        }
    }
}

/// A show and bookings for one attempt.
pub struct Cast {
    pub show: String,
    pub booking: String,
    pub block: String,
    pub intent: String,
    pub voucher: String,
    pub account: String,
    pub campaign: String,
    /// The code of its voucher.
    pub code: String,
    /// The booking's own token.
    pub own: String,
    sibling: String,
    foreign: String,
    buyer: String,
    stranger: String,
}

/// Browsers that are signed in: a buyer's, with an account of its own, and the admin's.
pub struct Sessions {
    buyer: Session,
    admin: Session,
}

struct Session {
    cookie: String,
    csrf: String,
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Cast {
    /// The code that a ticket of the booking would have.
    pub fn ticket(&self) -> String {
        let facts = TicketFacts {
            show: self.show.parse().unwrap(),
            booking: self.booking.parse().unwrap(),
            seat: "floor:1".parse().unwrap(),
            issue: 0,
            transfers: 0,
            exchange: 0,
        };
        crate::common::ticket_key().sign(&facts)
    }

    pub async fn new(server: &TestServer, operation: &Operation) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let show = format!("show-{number}");
        let mut plan = crate::common::demo();
        plan["id"] = json!(show);
        let scheduled = server.post("/v1/shows").admin(server).json(plan).send().await;
        assert!(scheduled.status.is_success(), "{scheduled:?}");
        let (buyer, stranger) = (format!("anna-{number}"), format!("bob-{number}"));
        let quantity = if operation.path.contains("{voucher}") { 3 } else { 1 };
        let (booking, own) = hold(server, &show, &buyer, quantity).await;
        let (_, sibling) = hold(server, &show, &buyer, 1).await;
        let (_, foreign) = hold(server, &show, &stranger, 1).await;
        let mut cast = Self {
            show,
            booking,
            block: String::new(),
            intent: String::new(),
            voucher: String::new(),
            account: String::new(),
            campaign: String::new(),
            code: String::new(),
            own,
            sibling,
            foreign,
            buyer,
            stranger,
        };
        if operation.path == PICTURE {
            let put = server.call("PUT", &PICTURE.replace("{show}", &cast.show)).admin(server);
            let set = put.header("content-type", "image/png").bytes(png(1, 1, 1)).send().await;
            assert!(set.status.is_success(), "{set:?}");
        }
        if operation.path.contains("{account}") {
            let accounts = server.get("/v1/accounts").admin(server).send().await.json();
            cast.account = accounts["data"][0]["id"].as_str().unwrap().to_owned();
        }
        if operation.path.contains("{block}") {
            let body = json!({"area": "floor", "quantity": 1, "reason": "Press"});
            cast.block = server.post(&format!("/v1/shows/{}/blocks", cast.show)).admin(server).json(body).send().await.text("id");
        }
        if operation.path.contains("voucher") {
            let campaign =
                server.post("/v1/vouchers").admin(server).json(json!({"discount": {"percent": 50}})).send().await.json();
            cast.campaign = campaign["id"].as_str().unwrap().to_owned();
            cast.code = campaign["vouchers"][0]["voucher"].as_str().unwrap().to_owned();
        }
        if operation.path.contains("{voucher}") {
            cast.voucher = cast.earn_voucher(server).await;
        }
        if operation.path.contains("{intent}") {
            cast.intent = cast.need_authentication(server).await;
        }
        cast
    }

    async fn earn_voucher(&self, server: &TestServer) -> String {
        let paid = self.pay(server, "pm_card_visa").await;
        assert_eq!(paid["status"], "confirmed", "{paid}");
        let token = server.token(&self.buyer, Role::Buyer);
        for _ in 0..200 {
            let rewards = server.get("/v1/me/rewards").bearer(&token).send().await.json();
            if let Some(voucher) = rewards["vouchers"][0]["voucher"].as_str() {
                return voucher.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no voucher was issued");
    }

    async fn need_authentication(&self, server: &TestServer) -> String {
        let paid = self.pay(server, "pm_card_authenticationRequired").await;
        let url = paid["next_action"]["url"].as_str().unwrap();
        url.rsplit('/').next().unwrap().to_owned()
    }

    async fn pay(&self, server: &TestServer, method: &str) -> Value {
        let path = format!("/v1/bookings/{}/payment", self.booking);
        server.post(&path).bearer(&self.own).json(json!({"payment_method": method})).send().await.json()
    }

    /// The call with the caller's token.
    pub fn by(&self, server: &TestServer, sessions: &Sessions, call: Call, caller: Caller) -> Call {
        match caller {
            Caller::Nobody => call,
            Caller::Forger => {
                let mut token = server.token(&self.buyer, Role::Admin);
                let forged = if token.pop() == Some('A') { 'B' } else { 'A' };
                call.bearer(&format!("{token}{forged}"))
            }
            Caller::Owner => call.bearer(&server.token(&self.buyer, Role::Buyer)),
            Caller::Stranger => call.bearer(&server.token(&self.stranger, Role::Buyer)),
            Caller::BookingToken => call.bearer(&self.own),
            Caller::SiblingToken => call.bearer(&self.sibling),
            Caller::ForeignToken => call.bearer(&self.foreign),
            Caller::Staff => call.bearer(&server.token("stan", Role::Staff)),
            Caller::Manager => call.bearer(&server.token("mary", Role::Manager)),
            Caller::Auditor => call.bearer(&server.token("audrey", Role::Auditor)),
            Caller::Admin => call.admin(server),
            Caller::BuyersSession => sessions.buyer.sends(call),
            Caller::BareSession => call.header("cookie", &sessions.admin.cookie),
            Caller::AdminsSession => sessions.admin.sends(call),
        }
    }
}

impl Sessions {
    pub async fn open(server: &TestServer) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let email = format!("ann-{number}@example.org");
        server.accounts.sign_up(email.parse().unwrap(), operations::PASSWORD).await.unwrap();
        Self { buyer: Session::open(server, &email).await, admin: Session::open(server, operations::ADMIN).await }
    }
}

impl Session {
    async fn open(server: &TestServer, email: &str) -> Self {
        let signed_in = server.post("/v1/sessions").json(operations::credentials(email)).send().await;
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { cookie, csrf: signed_in.text("csrf_token") }
    }

    fn sends(&self, call: Call) -> Call {
        call.header("cookie", &self.cookie).header("x-csrf-token", &self.csrf)
    }
}

/// Holds places on the floor. Returns the booking's id and token.
async fn hold(server: &TestServer, show: &str, buyer: &str, quantity: u32) -> (String, String) {
    let token = server.token(buyer, Role::Buyer);
    let body = json!({"area": "floor", "quantity": quantity});
    let held = server.post(&format!("/v1/shows/{show}/bookings")).bearer(&token).json(body).send().await;
    (held.text("id"), held.text("token"))
}

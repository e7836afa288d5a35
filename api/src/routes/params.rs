//! Parameters in the path and the query of a request.

use crate::accounts::SignedIn;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::{Code, Problem};
use axum::extract::{FromRequestParts, Path, Query};
use http::Uri;
use http::request::Parts;
use lastseat_domain::{
    AccountId, BlockId, BookingId, CampaignId, EndpointId, IntentId, PlanId, Rejection, SeatId, ShowId, VoucherId,
};
use std::collections::HashMap;
use std::str::FromStr;

/// Maximum items of one page.
const MAX_ITEMS: usize = 100;
const DEFAULT_ITEMS: usize = 20;

macro_rules! in_path {
    ($($(#[$doc:meta])* $name:ident($id:ty), $otherwise:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name(pub $id);

        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            /// A malformed id is answered like an unknown one.
            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                let otherwise: fn(String) -> Problem = $otherwise;
                match Path::<String>::from_request_parts(parts, app).await {
                    Ok(Path(text)) => <$id>::from_str(&text).map(Self).map_err(|_| otherwise(text)),
                    Err(_) => Err(otherwise(String::new())),
                }
            }
        }
    )*};
}

in_path! {
    /// The show in the path.
    InShow(ShowId), |_| Rejection::ShowNotFound.into();
    /// The plan in the path.
    InPlan(PlanId), |_| Problem::new(Code::PlanNotFound, "There is no such plan. GET /v1/plans lists them.");
    /// The booking in the path.
    InBooking(BookingId), |_| Rejection::BookingNotFound.into();
    /// The campaign in the path.
    InCampaign(CampaignId), |_| Rejection::CampaignNotFound.into();
    /// The voucher in the path.
    InVoucher(VoucherId), |_| Problem::new(Code::VoucherNotFound, "There is no such voucher on this account. GET /v1/me/rewards lists them.");
    /// The account in the path.
    InAccount(AccountId), |_| Problem::account_not_found();
    /// The endpoint in the path.
    InEndpoint(EndpointId), |_| unknown_endpoint();
    /// The payment intent in the path.
    InIntent(IntentId), |_| Problem::new(Code::SandboxRefused, "There is no such payment intent. Take its id from the booking's `next_action`.");
}

/// No endpoint has this name.
pub fn unknown_endpoint() -> Problem {
    Problem::new(Code::EndpointNotFound, "This server has no such endpoint. GET /v1/webhook-endpoints lists them.")
}

/// The show and the block in the path.
pub struct InBlock(pub ShowId, pub BlockId);

impl FromRequestParts<App> for InBlock {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(Path((show, block))) = Path::<(String, String)>::from_request_parts(parts, app).await else {
            return Err(Rejection::BlockNotFound.into());
        };
        let show = ShowId::from_str(&show).map_err(|_| Rejection::ShowNotFound)?;
        Ok(Self(show, BlockId::from_str(&block).map_err(|_| Rejection::BlockNotFound)?))
    }
}

/// The booking and the seat in the path.
pub struct InTicket(pub BookingId, pub SeatId);

impl FromRequestParts<App> for InTicket {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(Path((booking, seat))) = Path::<(String, String)>::from_request_parts(parts, app).await else {
            return Err(Rejection::BookingNotFound.into());
        };
        let booking = BookingId::from_str(&booking).map_err(|_| Rejection::BookingNotFound)?;
        let unknown = |_| Problem::new(Code::TicketNotFound, "No ticket is for such a seat.");
        Ok(Self(booking, SeatId::from_str(&seat).map_err(unknown)?))
    }
}

/// The plan and the revision in the path.
pub struct InRevision(pub PlanId, pub u32);

impl FromRequestParts<App> for InRevision {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let unknown = || Problem::new(Code::PlanNotFound, "There is no such plan. GET /v1/plans lists them.");
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Ok(Path((plan, revision))) = path else { return Err(unknown()) };
        let plan = PlanId::from_str(&plan).map_err(|_| unknown())?;
        let revision = revision.parse().map_err(|_| Rejection::PlanNotFound { plan: plan.clone() })?;
        Ok(Self(plan, revision))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(app.recognise(parts).await?.0)
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    /// 401 without a session, 403 with a token.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match app.recognise(parts).await? {
            (_, Some(who)) => Ok(*who),
            (Caller::Guest, None) => Err(Problem::authentication_required()),
            (_, None) => Err(Problem::session_required()),
        }
    }
}

/// The query. Of a parameter that is sent twice, the last one counts, unless [`Self::only`] refuses that.
pub struct Params {
    values: HashMap<String, String>,
    /// A parameter that is there more than once.
    repeated: Option<String>,
}

impl FromRequestParts<App> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

impl Params {
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
            Problem::new(Code::InvalidParameter, "The query of the address is malformed. Percent-encode its values as UTF-8.")
        })?;
        let mut params = Self { values: HashMap::with_capacity(pairs.len()), repeated: None };
        for (name, value) in pairs {
            if params.values.insert(name.clone(), value).is_some() {
                params.repeated = Some(name);
            }
        }
        Ok(params)
    }

    /// Refuses parameters that are not known, and those that are there more than once: a filter that is ignored makes a
    /// list that says something else than its reader believes.
    ///
    /// # Errors
    /// 400 that names the parameter.
    pub fn only(&self, is_known: impl Fn(&str) -> bool) -> Result<(), Problem> {
        if let Some(name) = &self.repeated {
            return Err(wrong(name, "sent once"));
        }
        match self.values.keys().filter(|name| !is_known(name)).min() {
            Some(name) => Err(wrong(name, "left out: this list has no such parameter")),
            None => Ok(()),
        }
    }

    /// All parameters.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A parameter as a value.
    ///
    /// # Errors
    /// 400 that says what it must be.
    pub fn value<T: FromStr>(&self, name: &str, rule: &str) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| text.parse().map_err(|_| wrong(name, rule))).transpose()
    }

    /// The size of a page.
    ///
    /// # Errors
    /// 400 if it is not 1 to 100.
    pub fn limit(&self) -> Result<usize, Problem> {
        self.limit_of(DEFAULT_ITEMS, MAX_ITEMS)
    }

    /// The number of items to return.
    ///
    /// # Errors
    /// 400 if it is not 1 to `max`.
    pub fn limit_of(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let rule = || format!("a whole number from 1 to {max}");
        match self.text("limit").map(str::parse::<usize>) {
            None => Ok(default),
            Some(Ok(limit)) if (1..=max).contains(&limit) => Ok(limit),
            Some(_) => Err(wrong("limit", &rule())),
        }
    }
}

/// The refusal of a parameter.
#[must_use]
pub fn wrong(name: &str, rule: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("`{name}` must be {rule}.")).fact("parameter", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::of(&format!("/x?{query}").parse().unwrap()).unwrap_or_else(|_| panic!("{query}"))
    }

    #[test]
    fn a_limit_must_be_in_bounds() {
        assert_eq!(params("").limit().unwrap(), 20);
        assert_eq!(params("limit=1").limit().unwrap(), 1);
        assert_eq!(params("limit=100").limit().unwrap(), 100);
        for bad in ["limit=0", "limit=101", "limit=-1", "limit=", "limit=ten", "limit=1.0", "limit=99999999999999999999"] {
            assert_eq!(params(bad).limit().expect_err("refused").code(), Code::InvalidParameter, "{bad}");
        }
    }

    #[test]
    fn a_value_is_parsed_or_refused() {
        assert_eq!(params("from=7").value::<u64>("from", "a position").unwrap(), Some(7));
        assert_eq!(params("").value::<u64>("from", "a position").unwrap(), None);
        assert!(params("from=-7").value::<u64>("from", "a position").is_err());
    }
}

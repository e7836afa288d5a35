//! Which pages of other sites may call the API from a browser (CORS).
//!
//! Only pages of the origins that the operator lists, each compared as a whole: there is no wildcard. No answer allows
//! credentials: who calls is said by a token in `Authorization`, never by a cookie. Requests of every other origin, and
//! those without one, are answered as ever, without a header that would let a page read the answer.

mod web_origin;

pub use web_origin::WebOrigin;

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_response;
use axum::response::Response;
use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE,
    ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION, ORIGIN, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use std::sync::Arc;
use std::time::Duration;
use tower::{ServiceExt, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may keep the answer to a preflight. Chromium keeps none for longer than two hours.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Methods of the API.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Headers of requests that the API reads, besides those that every page may send.
const READ: [HeaderName; 10] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("challenge-solution"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("lastseat-min-position"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-request-id"),
];

/// Headers of answers that a page may read, besides those that it always may.
const EXPOSED: [HeaderName; 14] = [
    AGE,
    ALLOW,
    CACHE_CONTROL,
    DATE,
    ETAG,
    LOCATION,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    HeaderName::from_static("idempotent-replayed"),
    HeaderName::from_static("lastseat-lag"),
    HeaderName::from_static("lastseat-position"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-request-id"),
];

const VARY_BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// The origins that may call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cors(Arc<Allowed>);

#[derive(Debug)]
struct Allowed {
    origins: Vec<HeaderValue>,
    exposed: HeaderValue,
}

impl Cors {
    /// `None` if no origin may: then nothing in an answer depends on the origin.
    #[must_use]
    pub fn of(origins: &[WebOrigin]) -> Option<Self> {
        let origins: Vec<_> = origins.iter().map(|origin| origin.value().clone()).collect();
        let exposed = HeaderValue::try_from(EXPOSED.map(|name| name.as_str().to_owned()).join(",")).ok()?;
        (!origins.is_empty()).then(|| Self(Arc::new(Allowed { origins, exposed })))
    }

    /// Whether the operator has listed this origin.
    #[must_use]
    pub fn lists(&self, origin: &WebOrigin) -> bool {
        self.allows(Some(origin.value().as_bytes()))
    }

    fn allows(&self, origin: Option<&[u8]>) -> bool {
        origin.is_some_and(|origin| self.0.origins.iter().any(|allowed| allowed.as_bytes() == origin))
    }

    /// The router, for these origins with the headers that they need, and preflights answered. It asks no limit and no
    /// token for a preflight: browsers send none with it.
    pub fn around(&self, router: Router) -> Router {
        let (allowed, others) = (router.clone().layer(self.layer()), router.layer(map_response(vary)));
        let cors = self.clone();
        Router::new().fallback_service(service_fn(move |request: Request| {
            let origin = request.headers().get(ORIGIN).map(HeaderValue::as_bytes);
            let router = if cors.allows(origin) { &allowed } else { &others };
            router.clone().oneshot(request)
        }))
    }

    fn layer(&self) -> CorsLayer {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.0.origins.iter().cloned()))
            .allow_methods(METHODS)
            .allow_headers(READ)
            .expose_headers(EXPOSED)
            .max_age(MAX_AGE)
            .vary([ORIGIN])
    }

    /// What the layer adds to an answer that is no preflight's, for answers that no router gave, in its order.
    pub fn fields(&self, origin: Option<&[u8]>) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let allowed = origin.filter(|origin| self.allows(Some(origin))).and_then(|origin| HeaderValue::from_bytes(origin).ok());
        let for_page = allowed
            .map(|origin| [(ACCESS_CONTROL_ALLOW_ORIGIN, origin), (ACCESS_CONTROL_EXPOSE_HEADERS, self.0.exposed.clone())]);
        std::iter::once((VARY, VARY_BY_ORIGIN)).chain(for_page.into_iter().flatten())
    }
}

/// Says to caches that the answer to an allowed origin differs.
async fn vary(mut response: Response) -> Response {
    response.headers_mut().append(VARY, VARY_BY_ORIGIN);
    response
}

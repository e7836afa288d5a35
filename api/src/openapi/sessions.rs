//! Sessions of accounts, as callers prove them: a cookie and, for what changes something, the token against requests of other
//! sites.

use crate::accounts::csrf;
use crate::auth::Role;
use utoipa::openapi::Components;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};

const SESSION: &str = "session";
const CSRF: &str = "csrf";

/// Adds the two schemes.
pub(super) fn describe(components: &mut Components) {
    let cookie = "A session of POST /v1/sessions. Over HTTPS the cookie is called `__Host-lastseat_session`, on the server's own \
                  machine `lastseat_session`";
    let header = "The session's `csrf_token`, with every command that the cookie proves";
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description("__Host-lastseat_session", cookie));
    let header = ApiKey::Header(ApiKeyValue::with_description(csrf::HEADER.as_str(), header));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(cookie));
    components.add_security_scheme(CSRF, SecurityScheme::ApiKey(header));
}

/// What a session of one of these roles has to show.
pub(super) fn requirement(roles: &[Role], changes: bool) -> SecurityRequirement {
    let session = SecurityRequirement::new(SESSION, roles.iter().map(|role| role.name()));
    if changes { session.add(CSRF, [""; 0]) } else { session }
}

//! Adds the rate-limit headers to the answers of every operation that can be limited.

use super::problems::operations;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::{ObjectBuilder, OpenApi, RefOr, Type};

/// Adds them to successes and to the 429; other refusals may be made before the limits are checked.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let responses = &mut operation.responses.responses;
            if !responses.contains_key("429") {
                continue;
            }
            for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2') || *status == "429") {
                let RefOr::T(response) = response else { continue };
                let mut add = |name: &str, what, kind| {
                    response.headers.insert(name.to_owned(), RefOr::T(header(what, kind)));
                };
                add(
                    "RateLimit-Policy",
                    "Where limits apply: each one's name, quota `q` and seconds `w`, such as `\"caller\";q=60;w=10`",
                    Type::String,
                );
                add(
                    "RateLimit",
                    "Where limits apply: what is left, `r`, and in how many seconds there is more, `t`, such as `\"caller\";r=59;t=1`",
                    Type::String,
                );
                if status == "429" {
                    add("Retry-After", "Seconds after which to send the same request again", Type::Integer);
                }
            }
        }
    }
}

fn header(what: &str, kind: Type) -> Header {
    HeaderBuilder::new().description(Some(what)).schema(Some(ObjectBuilder::new().schema_type(kind).build())).build()
}

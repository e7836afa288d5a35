//! Serves the pages that are embedded in the program.

mod payment_form;

use crate::compression::{Coding, Use};
use crate::etag;
use crate::problem::{Code, Problem};
use crate::server::headers::PAGE_POLICY;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, VARY};
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../web"]
struct Web;

const INDEX: &str = "index.html";

/// Pages in the content codings that clients have asked for: each is compressed once.
#[derive(Default)]
pub struct CompressedPages(Mutex<HashMap<(String, Coding), Bytes>>);

impl CompressedPages {
    fn get(&self, tag: &str, coding: Coding, page: &[u8]) -> Bytes {
        let key = (tag.to_owned(), coding);
        if let Some(known) = self.0.lock().get(&key) {
            return known.clone();
        }
        let compressed = Bytes::from(coding.compress(page, Use::Lasting));
        self.0.lock().insert(key, compressed.clone());
        compressed
    }
}

/// Answers with a file of the folder `web`, or with 304 if the caller has it.
#[must_use]
pub fn serve(path: &str, headers: &HeaderMap, pages: &CompressedPages) -> Response {
    let Some(EmbeddedFile { data, metadata }) = Web::get(path).or_else(|| Web::get(&format!("assets/{path}"))) else {
        return Problem::new(Code::UnknownRoute, "There is no such file. The seat map is at /, the documentation at /docs.")
            .into_response();
    };
    answer(media_type(path), data, &metadata.sha256_hash(), PAGE_POLICY, headers, pages)
}

/// Answers with the page of the shop, or with 304 if the caller has it. With a publishable key the page
/// pays through Stripe's own form, and its policy lets that in; without one it is the file as it is.
#[must_use]
pub fn serve_index(publishable_key: Option<&str>, headers: &HeaderMap, pages: &CompressedPages) -> Response {
    let page = Web::get(INDEX).and_then(|file| payment_form::add(str::from_utf8(&file.data).ok()?, publishable_key?));
    let Some(page) = page else { return serve(INDEX, headers, pages) };
    let hash = Sha256::digest(&page);
    answer(media_type(INDEX), page.into_bytes().into(), &hash, payment_form::POLICY, headers, pages)
}

fn answer(
    kind: &'static str,
    data: Cow<'static, [u8]>,
    hash: &[u8],
    policy: HeaderValue,
    headers: &HeaderMap,
    pages: &CompressedPages,
) -> Response {
    let coding = Coding::accepted(headers).filter(|_| is_text(kind));
    let mut tag = String::from("\"");
    for byte in hash.iter().take(12) {
        // Writing to a string can't fail.
        let _ = write!(tag, "{byte:02x}");
    }
    if let Some(coding) = coding {
        let _ = write!(tag, "-{}", coding.name());
    }
    tag.push('"');
    let mut response = if etag::is_known(headers, &tag) {
        http::StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match coding {
            None => Bytes::from(data.into_owned()),
            Some(coding) => pages.get(&tag, coding, &data),
        };
        let mut response = Response::new(body.into());
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        fields.extend(coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_static(coding.name()))));
        response
    };
    let fields = response.headers_mut();
    // Files keep their names when the program changes, so that a cache has to ask every time.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(CONTENT_SECURITY_POLICY, policy);
    if is_text(kind) {
        fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        fields.insert(ETAG, tag);
    }
    response
}

/// Other files are compressed in themselves.
fn is_text(kind: &str) -> bool {
    kind.starts_with("text/") || kind == "application/json" || kind == "image/svg+xml"
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

//! Serves the pages that are embedded in the program.

mod payment_form;
mod scripts;

use crate::compression::{Coding, Use};
use crate::etag;
use crate::problem::{Code, Problem};
use crate::server::headers::PAGE_POLICY;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, VARY,
};
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../web"]
struct Web;

const INDEX: &str = "index.html";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What a page of any other site may load: the embedded seat map, and what it imports. They are the same for everybody, and
/// reading them gives no access to anything.
const EMBEDDED: [&str; 42] = [
    "api.js",
    "dom.js",
    "embed-language.js",
    "embed.css",
    "embed.js",
    "feed.js",
    "inventory.js",
    "language.js",
    "large-map/camera.js",
    "large-map/grid.js",
    "large-map/labels.js",
    "large-map/large-map.js",
    "large-map/levels.js",
    "large-map/messages.js",
    "large-map/model.js",
    "large-map/navigation.js",
    "large-map/outlines.js",
    "large-map/places.js",
    "large-map/plates.js",
    "large-map/pointer.js",
    "large-map/renderer.js",
    "large-map/rings.js",
    "large-map/spatial-index.js",
    "large-map/sprites.js",
    "large-map/switch.js",
    "large-map/theme.js",
    "large-map/tile-painter.js",
    "large-map/tiles.js",
    "large-map/tip.js",
    "lastseat-map.js",
    "layout.js",
    "map-messages.js",
    "map.css",
    "map.js",
    "pulse.js",
    "seat-choice.js",
    "shapes.js",
    "show.js",
    "texts/map.de.js",
    "texts/map.en.js",
    "words.js",
    "zoom.js",
];
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Pages in the content codings that clients have asked for: each is compressed once.
#[derive(Default)]
pub struct CompressedPages(Mutex<HashMap<String, Arc<OnceLock<Bytes>>>>);

impl CompressedPages {
    /// The page with this tag, which names its coding too, as `compress` has made it. Who asks while it is being compressed waits:
    /// to compress it as well would take as long.
    fn get(&self, tag: &str, compress: impl FnOnce() -> Vec<u8>) -> Bytes {
        let page = Arc::clone(self.0.lock().entry(tag.to_owned()).or_default());
        page.get_or_init(|| Bytes::from(compress())).clone()
    }
}

/// What is sent of a file: of scripts, the code.
fn sent<'f>(kind: &str, file: &'f [u8]) -> Cow<'f, [u8]> {
    match str::from_utf8(file).ok().filter(|_| kind == SCRIPT) {
        Some(script) => Cow::Owned(scripts::stripped(script).into_bytes()),
        None => Cow::Borrowed(file),
    }
}

/// Answers with a file of the folder `web`, or with 304 if the caller has it.
#[must_use]
pub fn serve(path: &str, headers: &HeaderMap, pages: &CompressedPages) -> Response {
    let Some(EmbeddedFile { data, metadata }) = Web::get(path).or_else(|| Web::get(&format!("assets/{path}"))) else {
        return Problem::new(Code::UnknownRoute, "There is no such file. The seat map is at /, the documentation at /docs.")
            .into_response();
    };
    let mut response = answer(media_type(path), data, &metadata.sha256_hash(), PAGE_POLICY, headers, pages);
    if EMBEDDED.contains(&path) {
        let fields = response.headers_mut();
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        fields.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    response
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
            None => Bytes::from(sent(kind, &data).into_owned()),
            Some(coding) => pages.get(&tag, || coding.compress(&sent(kind, &data), Use::Lasting)),
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
        Some("js" | "mjs") => SCRIPT,
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    /// The files that a script of this path names in its imports.
    fn imports(path: &str, script: &str) -> Vec<String> {
        let quoted =
            |line: &str| line.rsplit_once('"').and_then(|(rest, _)| rest.rsplit_once('"')).map(|(_, file)| file.to_owned());
        let is_import =
            |line: &&str| ["import ", "} from "].iter().any(|begin| line.starts_with(begin)) || line.contains(" import(\"");
        let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
        let path_of = |file: String| match file.strip_prefix("../") {
            Some(file) => file.to_owned(),
            None => format!("{folder}{}", file.trim_start_matches("./")).replace("assets/", ""),
        };
        script.lines().filter(is_import).filter_map(quoted).map(path_of).collect()
    }

    #[test]
    fn a_page_that_several_ask_for_at_once_is_compressed_once() {
        let (pages, asking, compressed) = (CompressedPages::default(), Barrier::new(8), AtomicUsize::new(0));
        let ask = |tag: &str| {
            asking.wait();
            pages.get(tag, || {
                compressed.fetch_add(1, Ordering::Relaxed);
                // Long enough for all others to come.
                thread::sleep(Duration::from_millis(100));
                tag.as_bytes().to_vec()
            })
        };
        thread::scope(|scope| {
            let tags = (0..8).map(|asker| ["one", "other"][asker % 2]);
            let askers: Vec<_> = tags.map(|tag| (tag, scope.spawn(move || ask(tag)))).collect();
            for (tag, asker) in askers {
                assert_eq!(asker.join().unwrap(), tag.as_bytes());
            }
        });
        assert_eq!(compressed.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn other_sites_may_load_the_embedded_map_and_no_other_script() {
        let (mut unread, mut seen) = (vec!["embed.js".to_owned()], vec!["embed.css".to_owned(), "map.css".to_owned()]);
        while let Some(name) = unread.pop() {
            let file = Web::get(&name).unwrap_or_else(|| panic!("{name} is missing"));
            let found = imports(&name, std::str::from_utf8(&file.data).unwrap());
            unread.extend(found.into_iter().filter(|file| !seen.contains(file)));
            seen.push(name);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen, EMBEDDED);
        let open = |path: &str| {
            let response = serve(path, &HeaderMap::new(), &CompressedPages::default());
            let header = |name: &HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (header(&ACCESS_CONTROL_ALLOW_ORIGIN), header(&RESOURCE_POLICY))
        };
        assert_eq!(open("map.js"), (Some("*".to_owned()), Some("cross-origin".to_owned())));
        for own in ["main.js", "checkout.js", "payment-form.js", "index.html", "bank.js"] {
            assert_eq!(open(own), (None, None), "{own}");
        }
    }
}

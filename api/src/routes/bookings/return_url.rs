//! The page that a buyer comes back to from their bank: one of the shop's. The bank's page sends the buyer there, so any other
//! address would make it a way to send buyers anywhere with our name on the link.

use crate::app::App;
use crate::cors::WebOrigin;
use crate::problem::{Code, Problem};
use http::Uri;

const LONGEST: usize = 2_048;

/// The address, if it is a page of this server or of an origin that the operator has listed.
///
/// # Errors
/// 422.
pub(super) fn checked(app: &App, url: String) -> Result<String, Problem> {
    let Some(origin) = origin(&url) else {
        return Err(refused("it must be an absolute http or https address of at most 2,048 visible ASCII characters"));
    };
    let is_own = app.parts().public_url.as_deref().and_then(self::origin).as_ref() == Some(&origin);
    let is_listed = app.parts().cors.as_ref().is_some_and(|cors| cors.lists(&origin));
    if is_own || is_listed {
        Ok(url)
    } else {
        Err(refused("its origin is neither this server's nor listed by the operator (`--cors-origin`)"))
    }
}

pub(super) fn without_method() -> Problem {
    refused("it is for payments with a `payment_method`")
}

fn refused(why: &str) -> Problem {
    Problem::new(Code::InvalidReturnUrl, format!("`return_url` can't be used: {why}. Nothing was done."))
}

/// As browsers write it. `None` for what browsers could read in another way than we do.
fn origin(url: &str) -> Option<WebOrigin> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\<>\"`{}|^".contains(&byte);
    let uri: Uri = url.parse().ok().filter(|_| url.len() <= LONGEST && url.bytes().all(is_plain))?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    // What follows the host is a port, or nothing.
    if authority.port().is_none() && authority.as_str() != authority.host() {
        return None;
    }
    let scheme = uri.scheme_str()?;
    let own_port = if scheme == "https" { 443 } else { 80 };
    let port = match authority.port_u16().filter(|port| *port != own_port) {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    WebOrigin::of(&format!("{scheme}://{}{port}", authority.host().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_the_one_that_a_browser_goes_to() {
        let shown = |url: &str| origin(url).map(|origin| origin.to_string());
        assert_eq!(shown("https://shop.example/thanks?order=4711#top").as_deref(), Some("https://shop.example"));
        assert_eq!(shown("https://Shop.Example:443").as_deref(), Some("https://shop.example"));
        assert_eq!(shown("http://127.0.0.1:5173/?booking=1").as_deref(), Some("http://127.0.0.1:5173"));
        for bad in [
            "",
            "/thanks",
            "//evil.example/",
            "shop.example/thanks",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://shop.example/",
            "https:/shop.example",
            "https:\\\\evil.example",
            "https://shop.example\\@evil.example/",
            "https://shop.example@evil.example/",
            "https://shop.example:x/",
            "https://shop.example /",
            "https://shop.example/\n",
            "https://t\u{e4}glich.example/",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
        assert_eq!(shown(&format!("https://shop.example/{}", "x".repeat(2_048))), None);
    }
}

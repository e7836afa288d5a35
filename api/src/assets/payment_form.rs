//! What the shop's page has in addition when it pays through Stripe's own form: the publishable key, and
//! a policy that lets Stripe's script, frames and requests in.
//!
//! The policy is what Stripe asks for in "Content security policy" of its integration security guide.
//! Link, Stripe's wallet, would need more origins: the page turns it off instead.

use crate::config::stripe::KeyMode;
use http::header::HeaderValue;

/// A policy as a header of the page, and as its element, which can't say who may frame the page.
macro_rules! policy {
    ($($end:literal)?) => {
        concat!(
            "default-src 'self'; ",
            "script-src 'self' https://js.stripe.com https://*.js.stripe.com; ",
            "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; ",
            "connect-src 'self' https://api.stripe.com; ",
            "img-src 'self' https://*.stripe.com; ",
            "base-uri 'none'; form-action 'self'; object-src 'none'",
            $($end)?
        )
    };
}

/// The page's policy as a header.
pub const POLICY: HeaderValue = HeaderValue::from_static(policy!("; frame-ancestors 'none'"));

/// The lines of the page that differ.
const PLAIN_POLICY: &str = r#"<!-- Everything comes from this server, and nothing that is data can run. -->
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'">
"#;
const LAST_MODULE: &str = "<link rel=\"modulepreload\" href=\"/assets/panel.js\">\n";
const PLAIN_FOOTER: &str = "<p data-text=\"test_cards\">Cards are test cards: no money moves.</p>";

/// The page with the form. `None` if the key is none of Stripe's, or if the page has lost one of those lines.
pub fn add(page: &str, publishable_key: &str) -> Option<String> {
    if !is_safe(publishable_key) {
        return None;
    }
    let head = format!(
        "<!-- Besides this server only Stripe's payment form is let in, and nothing that is data can run. -->\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"stripe-publishable-key\" content=\"{publishable_key}\">\n",
        policy!()
    );
    let modules = format!("{LAST_MODULE}<link rel=\"modulepreload\" href=\"/assets/payment-form.js\">\n");
    let footer = match KeyMode::of(publishable_key) {
        KeyMode::Live => "<p data-text=\"stripe_live\">Stripe takes the payment. Your card number never reaches this server.</p>",
        KeyMode::Test => "<p data-text=\"stripe_test\">Stripe takes the payment, in test mode: no money moves.</p>",
    };
    let page = replace_one(page, PLAIN_POLICY, &head)?;
    let page = replace_one(&page, LAST_MODULE, &modules)?;
    replace_one(&page, PLAIN_FOOTER, footer)
}

/// Only what Stripe's keys consist of: nothing that could end an attribute.
fn is_safe(key: &str) -> bool {
    key.starts_with("pk_") && key.len() <= 255 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn replace_one(page: &str, old: &str, new: &str) -> Option<String> {
    let (before, after) = page.split_once(old)?;
    Some([before, new, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../web/index.html");

    #[test]
    fn the_page_names_the_key_once_and_lets_stripe_in() {
        let page = add(PAGE, "pk_test_51Abc").expect("the page has all the lines");
        assert_eq!(page.matches("<meta name=\"stripe-publishable-key\" content=\"pk_test_51Abc\">").count(), 1);
        assert_eq!(page.matches("Content-Security-Policy").count(), 1);
        assert!(POLICY.to_str().unwrap().starts_with(policy!()) && page.contains(policy!()));
        assert!(page.contains("modulepreload\" href=\"/assets/payment-form.js"));
    }

    #[test]
    fn only_a_live_key_leaves_out_that_no_money_moves() {
        assert!(PAGE.contains("no money moves.</p>\n</footer>"));
        let footer =
            |key| add(PAGE, key).unwrap().split_once("<footer>").unwrap().1.split_once("</footer>").unwrap().0.to_owned();
        assert!(footer("pk_test_1").contains("no money moves"));
        assert!(!footer("pk_live_1").contains("no money moves") && footer("pk_live_1").contains("Stripe"));
    }

    #[test]
    fn a_key_that_could_be_markup_is_not_put_into_the_page() {
        for bad in ["", "sk_test_1", "pk_test_\"><script>", "pk_test_1 ", "pk_test_1\n", "pk_test_&quot;", "pk_t\u{e9}st"] {
            assert_eq!(add(PAGE, bad), None, "{bad:?}");
        }
        assert_eq!(add(PAGE, &format!("pk_test_{}", "1".repeat(248))), None);
    }

    #[test]
    fn a_page_without_one_of_the_lines_is_left_alone() {
        for line in [PLAIN_POLICY, LAST_MODULE, PLAIN_FOOTER] {
            assert_eq!(add(&PAGE.replace(line, ""), "pk_test_1"), None);
        }
    }
}

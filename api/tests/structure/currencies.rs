//! The pages count money as the server does.

use lastseat_domain::Currency;
use std::collections::BTreeMap;

/// What `web/words.js` has for currencies whose amounts have not two decimal digits.
fn digits_of_pages() -> BTreeMap<String, u16> {
    let words = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../web/words.js")).unwrap();
    let (_, table) = words.split_once("const DIGITS = {").unwrap();
    let (table, _) = table.split_once('}').unwrap();
    let entries = table.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| entry.split_once(": ").unwrap())
        .map(|(code, digits)| (code.to_owned(), digits.parse().unwrap()))
        .collect()
}

#[test]
fn an_amount_has_as_many_decimals_on_the_pages_as_on_the_server() {
    let pages = digits_of_pages();
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c]))));
    let known: Vec<Currency> = codes.filter_map(|code| Currency::new(&code).ok()).collect();
    assert!(known.len() > 150, "{}", known.len());
    // Metals, units of account and codes for tests are no money that anything is sold for.
    let sold = known
        .into_iter()
        .filter(|currency| !currency.code().starts_with('X') || currency.exponent() > 0 || pages.contains_key(currency.code()));
    for currency in sold {
        let shown = pages.get(currency.code()).copied().unwrap_or(2);
        assert_eq!(shown, currency.exponent(), "{currency}: add it to DIGITS in web/words.js");
    }
    assert_eq!(pages.get("HUF"), None, "a forint has a hundred fillér in amounts, though nobody writes them");
}

//! The pages in a real browser.
//!
//! Needs chromedriver and a browser that fits it. Without them each test is skipped and reported;
//! with `LASTSEAT_REQUIRE_BROWSER=1`, as in CI, their absence is a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail loudly and use the machine's clock"
)]

mod accounts;
mod audit_page;
#[path = "../common/mod.rs"]
mod common;
mod docs;
mod entrance_page;
mod german;
mod keyboard;
mod large_map;
mod layout_shift;
mod my_bookings;
mod office;
mod office_touch;
mod office_trouble;
mod office_work;
mod other_site;
mod payment_form;
mod pictures;
mod plan_editor;
mod pressed;
mod printed_names;
mod sale;
mod scratch_card;
mod server;
mod shows;
mod slow_line;
mod sold_out;
mod stripe;
mod wallet_page;
mod window;

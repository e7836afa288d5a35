//! The page pays through Stripe's own form. A stub takes Stripe's place; the server asks the sandbox.

use crate::common::{TestServer, start_with_form};
use crate::stripe::Stripe;
use crate::window::{Size, Window, in_windows_with};
use fantoccini::Locator;
use lastseat_payments_sandbox::Command;
use serde_json::json;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

const KEY: &str = "pk_test_51Lastseat";

/// A shop with the form, and a Stripe that confirms what is paid there.
struct Shop {
    server: TestServer,
    stripe: Stripe,
    _dir: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = start_with_form(dir.path(), KEY).await;
        let stripe = Stripe::start(server.sandbox.clone()).await;
        Self { server, stripe, _dir: dir }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.addr)
    }

    /// Minor units that the gateway has taken and not returned.
    fn taken(&self) -> i64 {
        self.server.sandbox.intents().iter().map(|intent| intent.kept()).sum()
    }

    async fn close(self) {
        self.server.stop().await;
    }
}

/// Runs `test` in a browser that takes the stub for Stripe.
async fn in_a_shop<const N: usize>(size: Size, flags: &[&str], test: impl AsyncFnOnce(&Shop, [&Window; N])) {
    let shop = Shop::open().await;
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).chain(shop.stripe.browser_flags()).collect();
    in_windows_with(size, &flags, async |windows| test(&shop, windows).await).await;
    shop.close().await;
}

async fn hold_and_open_form(window: &Window, shop: &Shop) {
    window.open_and_hold(&shop.url(), "A-1").await;
    window.click("[data-act=pay]").await;
    window.until("[data-act=confirm]:enabled", "Pay €45.00").await;
}

/// Replaces the card number in the frame, as a buyer does.
async fn type_card(window: &Window, number: &str) {
    window.until("[data-act=confirm]:enabled", "Pay").await;
    let frame = window.page.find(Locator::Css("#payment-form iframe")).await.unwrap();
    frame.enter_frame().await.unwrap();
    let field = window.page.find(Locator::Id("number")).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(number).await.unwrap();
    window.page.enter_parent_frame().await.unwrap();
}

async fn typed_card(window: &Window) -> String {
    let frame = window.page.find(Locator::Css("#payment-form iframe")).await.unwrap();
    frame.enter_frame().await.unwrap();
    let number = window.eval("return document.getElementById('number').value").await;
    window.page.enter_parent_frame().await.unwrap();
    number.as_str().unwrap().to_owned()
}

async fn pay_by(window: &Window, number: &str) {
    type_card(window, number).await;
    window.click("[data-act=confirm]:enabled").await;
}

/// The secret may be in memory, and nowhere that outlives the page or that others read.
async fn secret_is_kept_nowhere(window: &Window) {
    let script =
        "return [location.href, JSON.stringify(history.state), JSON.stringify(localStorage), JSON.stringify(sessionStorage),
            document.documentElement.outerHTML].some((text) => text?.includes('_secret_'))";
    window.until_eval(script, json!(false)).await;
}

#[tokio::test]
async fn the_buyer_pays_in_the_form_of_stripe() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        window.open(&shop.url()).await;
        window.until_eval("return document.querySelectorAll('script[src*=stripe]').length", json!(0)).await;
        hold_and_open_form(window, shop).await;
        window.until_focus("Payment details").await;
        window.until("#announcer", "Enter your payment details.").await;
        window.until("#checkout .clock", "Yours for").await;
        window.until_eval("return document.querySelectorAll('#checkout .card').length", json!(0)).await;
        let options =
            window.eval("const { options } = window.stripeStub; return [options.appearance.theme, Object.keys(options)]").await;
        assert_eq!(options, json!(["stripe", ["clientSecret", "appearance"]]));
        secret_is_kept_nowhere(window).await;

        pay_by(window, "4242 4242 4242 4242").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until_focus("Demo").await;
        window
            .until_eval(
                "return [window.stripeStub.mounted, document.querySelectorAll('script[src*=stripe]').length]",
                json!([0, 1]),
            )
            .await;
        secret_is_kept_nowhere(window).await;
        assert_eq!(shop.taken(), 4_500);

        // The next purchase uses the script that is there, and the secret of its own payment.
        window.click("[data-act=again]").await;
        window.click("[data-seat='A-3']").await;
        window.click("[data-act=hold]").await;
        window.click("[data-act=pay]").await;
        pay_by(window, "4242").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until_eval("return document.querySelectorAll('script[src*=stripe]').length", json!(1)).await;
        assert_eq!(shop.taken(), 9_000);
    })
    .await;
}

#[tokio::test]
async fn after_a_decline_the_form_stays_and_another_card_pays() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        window.click("[data-act=confirm]").await;
        window.until("#checkout .note[role=alert]", "Your card number is incomplete.").await;

        pay_by(window, "4000 0000 0000 9995").await;
        window.until("#checkout .note.bad[role=alert]", "There is not enough money on this card. Try another card").await;
        window.until("#checkout h2", "1 seat held for you").await;
        window.until_focus("confirm").await;
        assert_eq!(typed_card(window).await, "4000 0000 0000 9995", "a frame that left the document would be empty");
        assert_eq!(shop.taken(), 0);

        pay_by(window, "4242").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        assert_eq!((shop.taken(), shop.server.sandbox.intents().len()), (4_500, 1));
    })
    .await;
}

/// The bank's page says "succeeded" in both cases. Only the gateway knows.
#[tokio::test]
async fn back_from_the_page_of_a_bank_the_server_decides_and_the_address_is_clean() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        for (decision, seen) in [("#refuse", "1 seat held for you"), ("#approve", "1 seat")] {
            pay_by(window, "4000 0000 0000 3220").await;
            window.click(decision).await;
            window.page.wait().for_element(Locator::Css("#map [data-seat]")).await.unwrap();
            window.until("#checkout", seen).await;
            window.until_eval("return location.search", json!("?show=demo")).await;
            secret_is_kept_nowhere(window).await;
            if decision == "#refuse" {
                assert_eq!(shop.taken(), 0);
                window.until("[data-act=confirm]:enabled", "Pay €45.00").await;
            }
        }
        window.until("#checkout .ticket", "Booked and paid").await;
        assert_eq!(shop.taken(), 4_500);
    })
    .await;
}

#[tokio::test]
async fn a_reload_goes_on_with_the_form_and_the_hold_can_be_extended_and_given_back() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        type_card(window, "4242").await;
        window.click("[data-act=extend]").await;
        window.until("#checkout .note", "You have more time.").await;
        window.until("#checkout", "Extended once").await;
        window.until_eval("return window.stripeStub.mounted", json!(1)).await;

        window.page.refresh().await.unwrap();
        window.until("[data-act=confirm]:enabled", "Pay €45.00").await;
        secret_is_kept_nowhere(window).await;
        window.click("[data-act=cancel]").await;
        window.until("#checkout .note", "free again").await;
        window.until_eval("return [window.stripeStub.mounted, document.querySelector('#payment-form')]", json!([0, null])).await;
        window.until_state("A-1", "available").await;
        assert_eq!(shop.taken(), 0);
    })
    .await;
}

#[tokio::test]
async fn when_the_hold_ends_the_form_is_gone() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        let mut brief = crate::common::demo();
        brief["id"] = json!("brief");
        brief["hold_seconds"] = json!(8);
        let scheduled = shop.server.post("/v1/shows").admin(&shop.server).json(brief).send().await;
        assert!(scheduled.status.is_success(), "{scheduled:?}");
        window.open_and_hold(&format!("{}/?show=brief", shop.url()), "A-1").await;
        window.click("[data-act=pay]").await;
        // Also while the bank asks its question.
        pay_by(window, "0011").await;
        window.until("[data-act=confirm]:disabled", "Confirming…").await;
        window.until("#checkout h2", "The booking is over").await;
        window.until("#checkout .note", "Your time ran out").await;
        window.until_eval("return [window.stripeStub.mounted, document.querySelector('#payment-form')]", json!([0, null])).await;
        assert_eq!(shop.taken(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_form_that_cannot_be_loaded_says_what_to_do_and_the_hold_stays() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        shop.stripe.script_failures.store(2, Ordering::SeqCst);
        window.open_and_hold(&shop.url(), "A-1").await;
        window.click("[data-act=pay]").await;
        for _ in 0..2 {
            window.until("#checkout .note[role=alert]", "The payment form can't be loaded.").await;
            window.until("#checkout .note[role=alert]", "allow that address").await;
            window.until("#checkout h2", "1 seat held for you").await;
            window.click("[data-act=retry]").await;
        }
        window.until("[data-act=confirm]:enabled", "Pay €45.00").await;
        window.until_eval("return document.querySelectorAll('script[src*=stripe]').length", json!(1)).await;
        // The script is here, and the form itself says that it can't go on.
        window.eval("window.stripeStub.listeners.loaderror()").await;
        window.until("#checkout .note[role=alert]", "The payment form can't be loaded.").await;
        window.click("[data-act=retry]").await;
        pay_by(window, "4242").await;
        window.until("#checkout .ticket", "Booked and paid").await;
    })
    .await;
}

/// The form failed, and only the server can find out whether the payment did, too.
#[tokio::test]
async fn an_unclear_answer_of_the_form_is_settled_by_the_server() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        pay_by(window, "0009").await;
        window.until("#checkout .note.bad", "The payment did not go through.").await;
        let text = window.eval("return document.querySelector('#checkout').innerText").await;
        assert!(!text.as_str().unwrap().contains("for developers"), "{text}");
        window.until("[data-act=confirm]:enabled", "Pay €45.00").await;
        assert_eq!(shop.taken(), 0);
        pay_by(window, "0008").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        assert_eq!(shop.taken(), 4_500);
    })
    .await;
}

#[tokio::test]
async fn a_slow_bank_is_asked_again_and_the_buyer_is_told() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        pay_by(window, "0010").await;
        window.until("#checkout .note", "The bank has not answered yet.").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        assert_eq!(shop.taken(), 4_500);
    })
    .await;
}

/// As when the buyer has paid in another window, and a webhook says so.
#[tokio::test]
async fn a_payment_that_the_server_hears_of_first_closes_the_form() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        let intent = shop.server.sandbox.intents()[0].clone();
        let confirm = Command::Confirm { intent: intent.id.clone(), payment_method: "pm_card_visa".to_owned() };
        shop.server.sandbox.execute(None, confirm).await.unwrap().unwrap();
        shop.server.box_office.settle(intent.booking);
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until_eval("return window.stripeStub.mounted", json!(0)).await;
        assert_eq!(shop.taken(), 4_500);
    })
    .await;
}

#[tokio::test]
async fn a_dark_phone_gets_a_dark_form_that_fits() {
    in_a_shop(Size::Phone, &["--blink-settings=preferredColorScheme=0"], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        let look = "const { theme, variables } = window.stripeStub.options.appearance;
            return [theme, variables.colorBackground, variables.colorText, document.documentElement.scrollWidth]";
        window.until_eval(look, json!(["night", "#1d1823", "#f4eff6", 390])).await;
        // With another scheme the browser puts a white background behind the frame's document, which is light.
        window
            .until_eval("return getComputedStyle(document.querySelector('#payment-form iframe')).colorScheme", json!("light"))
            .await;
        pay_by(window, "0002").await;
        window.until("#checkout .note.bad", "The bank declined this card.").await;
        // The button is part of the sheet, which scrolls where it is too high.
        let fits = "const sheet = document.querySelector('#checkout');
            const { left, right } = document.querySelector('[data-act=confirm]').getBoundingClientRect();
            return sheet.scrollWidth <= sheet.clientWidth && left >= 0 && right <= 390";
        window.until_eval(fits, json!(true)).await;
        pay_by(window, "4242").await;
        window.until("#checkout .ticket", "Booked and paid").await;
    })
    .await;
}

/// Where nothing answers for Stripe, as behind a firewall.
#[tokio::test]
async fn without_stripe_the_rest_of_the_page_works() {
    let shop = Shop::open().await;
    in_windows_with(Size::Desktop, &["--host-resolver-rules=MAP *.stripe.com ~NOTFOUND".to_owned()], async |[window]| {
        window.open_and_hold(&shop.url(), "A-1").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .note[role=alert]", "The payment form can't be loaded.").await;
        window.click("[data-act=cancel]").await;
        window.until("#checkout .note", "free again").await;
    })
    .await;
    shop.close().await;
}

/// As in another browser than the one that has the booking.
#[tokio::test]
async fn a_return_to_a_browser_without_the_booking_shows_no_ticket_and_cleans_the_address() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        let booking = "booking=00000000-0000-4000-8000-000000000000";
        let back = "payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_2&redirect_status=succeeded";
        window.open(&format!("{}/?{booking}&{back}", shop.url())).await;
        window.until("#checkout h2", "Can't show this booking").await;
        window.until_eval("return location.search", json!(format!("?{booking}"))).await;
        secret_is_kept_nowhere(window).await;
    })
    .await;
}

#[tokio::test]
async fn a_booking_that_costs_nothing_needs_no_form() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        let mut free = crate::common::demo();
        free["id"] = json!("free");
        free["categories"][0]["price"] = json!(0);
        let scheduled = shop.server.post("/v1/shows").admin(&shop.server).json(free).send().await;
        assert!(scheduled.status.is_success(), "{scheduled:?}");
        window.open_and_hold(&format!("{}/?show=free", shop.url()), "A-1").await;
        window.until("[data-act=pay]", "Book").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until_eval("return document.querySelectorAll('script[src*=stripe]').length", json!(0)).await;
        assert_eq!(shop.server.sandbox.intents().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_form_works_by_keyboard() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        let (tab, enter) = ("\u{e004}", "\u{e007}");
        window.open_and_hold(&shop.url(), "A-1").await;
        window.eval("document.querySelector('[data-act=pay]').focus()").await;
        window.press(enter).await;
        window.until("[data-act=confirm]:enabled", "Pay €45.00").await;
        window.until_focus("Payment details").await;
        window.press(tab).await;
        window.until_focus("IFRAME").await;
        type_card(window, "0002").await;
        // Out of the frame, past its two other fields.
        let frame = window.page.find(Locator::Css("#payment-form iframe")).await.unwrap();
        frame.enter_frame().await.unwrap();
        for _ in 0..3 {
            window.press(tab).await;
        }
        window.page.enter_parent_frame().await.unwrap();
        window.until_focus("confirm").await;
        window.press(enter).await;
        window.until("#checkout .note[role=alert]", "The bank declined this card.").await;
        window.until_focus("confirm").await;
        type_card(window, "4242").await;
        window.eval("document.querySelector('[data-act=confirm]').focus()").await;
        window.press(enter).await;
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until("#announcer", "Booked and paid: A-1.").await;
    })
    .await;
}

/// Stripe has confirmed, and this server does not hear of it for as long as the page repeats its question.
#[tokio::test]
async fn a_payment_whose_report_is_lost_is_not_paid_twice() {
    in_a_shop(Size::Desktop, &[], async |shop, [window]| {
        hold_and_open_form(window, shop).await;
        let lose = r#"
            const real = window.fetch;
            window.fetch = (path, options) => {
                if (!window.heard && options?.method === "POST" && String(path).startsWith("/v1")) throw new TypeError("lost");
                return real(path, options);
            };"#;
        window.eval(lose).await;
        pay_by(window, "4242").await;
        window.until("#checkout .note", "slow to answer").await;
        window.until("#checkout .note", "Press the button again: you will not pay twice.").await;
        assert_eq!(typed_card(window).await, "4242", "the form stays as it is");
        window.eval("window.heard = true").await;
        window.click("[data-act=confirm]:enabled").await;
        window.until("#checkout .ticket", "Booked and paid").await;
        assert_eq!((shop.taken(), shop.server.sandbox.intents().len()), (4_500, 1));
    })
    .await;
}

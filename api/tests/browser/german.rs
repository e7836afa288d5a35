//! The shop in German: from the choice of the language to the tickets, and the map in a German page of another site.

use crate::other_site::site;
use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::json;

impl Window {
    /// Chooses a language on the page, which loads it again.
    pub async fn speak(&self, language: &str) {
        let choose = "const choice = document.querySelector('.language');
            choice.value = arguments[0];
            choice.dispatchEvent(new Event('change'))";
        self.page.execute(choose, vec![json!(language)]).await.unwrap();
        self.until_eval("return document.documentElement.lang", json!(language)).await;
    }
}

#[tokio::test]
async fn a_german_visitor_buys_on_a_phone() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.until("#facts", "Up to 10 seats").await;
        window.speak("de").await;
        window.until("#facts", "Bis zu 10 Plätze je Buchung, für 10 Minuten reserviert").await;
        let label = "return document.querySelector('[data-seat=\"A-12\"]').getAttribute('aria-label')";
        window.until_eval(label, json!("Reihe A Platz 12, 85 Euro, frei")).await;
        window.until("[data-area=floor]", "1.000 von 1.000 Plätzen frei").await;

        window.click("[data-area=floor] [data-act=area]").await;
        window.until("#checkout h2", "2 Plätze für Sie reserviert").await;
        window.click("input[value=pm_card_chargeDeclined]").await;
        window.click("[data-act=pay]").await;
        window.until("#checkout .note", "Die Bank hat diese Karte abgelehnt. Nehmen Sie eine andere Karte").await;
        window.click("input[value=pm_card_authenticationRequired]").await;
        window.click("[data-act=pay]").await;
        window.until("#bank[open]", "Bestätigen Sie Ihre Zahlung von 70,00\u{a0}€").await;
        window.click("#bank button[value=succeeded]").await;
        window.until("#checkout .ticket", "Gebucht und bezahlt").await;
        window.until("#announcer", "Gebucht und bezahlt: Floor × 2.").await;
        window.until("#my-bookings", "Meine Buchungen (1)").await;

        // The choice is kept, and can be taken back.
        window.page.refresh().await.unwrap();
        window.until("#checkout .ticket", "Gebucht und bezahlt").await;
        window.speak("en").await;
        window.until("#checkout .ticket", "Booked and paid").await;
    })
    .await;
}

#[tokio::test]
async fn the_seats_that_were_chosen_stay_chosen_in_the_other_language() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        window.open(&server.url).await;
        window.click("[data-seat='A-20']").await;
        window.click("[data-seat='A-21']").await;
        window.until("#checkout h2", "2 seats").await;
        window.speak("de").await;
        window.until("#checkout h2", "2 Plätze").await;
        window.until("#checkout .sum", "170\u{a0}€").await;
        // Meanwhile one of them is taken.
        let taken = window.request("POST", "/v1/shows/demo/bookings", None, json!({"seats": ["A-20"]})).await;
        assert_eq!(taken.0, 201);
        window.until("#checkout .note", "Reihe A Platz 20 hat gerade jemand anderes genommen.").await;
        window.until("#checkout h2", "1 Platz").await;
        window.page.refresh().await.unwrap();
        window.until("#checkout .sum", "85\u{a0}€").await;
        window.click("[data-key=clear]").await;
        window.until("#checkout h2", "Wählen Sie Ihre Plätze").await;
        window.page.refresh().await.unwrap();
        window.until("#checkout h2", "Wählen Sie Ihre Plätze").await;
    })
    .await;
}

#[tokio::test]
async fn a_map_in_a_page_speaks_the_language_of_that_page_and_follows_it() {
    in_windows(Size::Desktop, async |[window]| {
        let shop = site().await;
        let server = Server::start_with(&["--cors-origin", &shop]).await;
        window.page.goto(&shop).await.unwrap();
        let put = "const [server] = arguments;
            document.documentElement.lang = 'de-AT';
            return import(`${server}/embed.js`).then(() => {
                document.body.innerHTML = '<section><lastseat-map show=\"demo\"></lastseat-map></section>';
                window.map = document.querySelector('lastseat-map');
            })";
        window.page.execute(put, vec![json!(server.url)]).await.unwrap();
        let seat = "return map.shadowRoot.querySelector('[data-seat=\"A-12\"]')?.getAttribute('aria-label')";
        window.until_eval(seat, json!("Reihe A Platz 12, 85 Euro, frei")).await;
        window.until_eval("return map.shadowRoot.querySelector('.legend').innerText.split('\\n')[0].trim()", json!("Frei")).await;
        window.until_eval("return map.shadowRoot.querySelector('.frame').lang", json!("de")).await;
        window.eval("map.choose('A-12')").await;
        window.until_eval("return map.selection.seats[0].name", json!("Reihe A Platz 12")).await;

        // Its own attribute is nearest; what was chosen stays.
        window.eval("map.lang = 'en'").await;
        window.until_eval(seat, json!("Row A seat 12, 85 euros, yours")).await;
        window.until_eval("return map.selection.seats[0].name", json!("Row A seat 12")).await;
        window.eval("map.removeAttribute('lang'); document.querySelector('section').lang = 'de'").await;
        window.until_eval(seat, json!("Reihe A Platz 12, 85 Euro, Ihr Platz")).await;
        // A language that it does not know.
        window.eval("document.querySelector('section').lang = 'fr'").await;
        window.until_eval(seat, json!("Row A seat 12, 85 euros, yours")).await;
        window.eval("map.setAttribute('lang', 'de'); map.show = 'none'").await;
        window.until_eval("return map.shadowRoot.textContent", json!("Es gibt keine Veranstaltung „none“.")).await;
    })
    .await;
}

#[tokio::test]
async fn a_german_entrance_names_the_seat_in_german() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/entrance", server.url), &admin).await;
        window.until(".page .badge", "Online").await;
        window.speak("de").await;
        window.until(".page h1", "Einlass").await;
        let (_, codes) = crate::entrance_page::sold(window, &admin, &["A-1"]).await;
        window.scan(&codes[0]).await;
        window.until(".verdict", "Willkommen").await;
        window.until(".verdict", "Reihe A Platz 1").await;
    })
    .await;
}

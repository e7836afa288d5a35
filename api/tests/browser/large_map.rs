//! The seat map of a large house: a canvas, and a grid for keyboard and screen reader over it.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const RIGHT: &str = "\u{e014}";

/// Rows of a section, and seats of a row.
const ROWS: u32 = 20;
const SEATS: u32 = 60;

/// Puts a house with four sections of 1,200 drawn seats on sale, two side by side, and opens its page.
pub async fn open_house(server: &Server, window: &Window) -> String {
    let admin = server.admin().await;
    window.page.goto(&server.url).await.unwrap();
    let area = |index: u32, name: &str| {
        let place = |row: u32, seat: u32| json!([(index % 2) * 1400 + seat * 20, (index / 2) * 600 + row * 22]);
        let seat = |row: u32, seat: u32| {
            let at = place(row, seat);
            json!({"seat": format!("{name}.{row}-{seat}"), "label": seat.to_string(), "x": at[0], "y": at[1]})
        };
        let row =
            |row: u32| json!({"row": row.to_string(), "seats": (1..=SEATS).map(|number| seat(row, number)).collect::<Vec<_>>()});
        json!({"area": name, "section": format!("Block {name}"), "category": "seated", "rows": (1..=ROWS).map(row).collect::<Vec<_>>()})
    };
    let areas: Vec<Value> = ["101", "102", "201", "202"].into_iter().zip(0..).map(|(name, index)| area(index, name)).collect();
    let plan = json!({"plan": "arena", "name": "Arena", "areas": areas});
    let (status, answer) = window.request("POST", "/v1/plans", Some(&admin), plan).await;
    assert_eq!(status, 201, "{answer}");
    let show = json!({"id": "concert", "title": "Concert", "currency": "EUR", "hold_seconds": 300, "plan": "arena",
        "categories": [{"category": "seated", "price": 4500}]});
    let (status, answer) = window.request("POST", "/v1/shows", Some(&admin), show).await;
    assert_eq!(status, 201, "{answer}");
    let url = format!("{}/?show=concert", server.url);
    open(window, &url).await;
    url
}

async fn open(window: &Window, url: &str) {
    window.page.goto(url).await.unwrap();
    window.until_eval("return document.querySelectorAll('.cells [data-section]').length", json!(4)).await;
    window.until("#link", "Live").await;
    // From here on everything that is said, in its order.
    let record = "window.said = [];
        for (const place of document.querySelectorAll('#announcer, .voice')) {
            new MutationObserver(() => said.push(place.textContent)).observe(place, { childList: true });
        }";
    window.eval(record).await;
}

/// Presses keys of a keyboard, and counts them.
struct Keyboard<'a> {
    window: &'a Window,
    pressed: u32,
}

impl Keyboard<'_> {
    async fn press(&mut self, key: &str) {
        self.window.press(key).await;
        self.pressed += 1;
    }

    /// Types without a pause: what is typed slowly is more than one beginning.
    async fn write(&mut self, text: &str) {
        self.window.press(text).await;
        self.pressed += u32::try_from(text.len()).unwrap();
    }

    /// Presses Tab until the element with the focus contains `text` in its key, its seat or its text.
    async fn tab_to(&mut self, text: &str) {
        for _ in 0..12 {
            self.press(TAB).await;
            let script = "const e = document.activeElement;
                return [e.dataset.key, e.dataset.section && 'section', e.innerText, e.tagName].filter(Boolean).join(' | ')";
            if self.window.eval(script).await.as_str().unwrap().contains(text) {
                return;
            }
        }
        panic!("no element with `{text}` is reached by Tab");
    }
}

/// The focused cell: its seat, and what is said of it.
const FOCUSED: &str = "const e = document.activeElement; return [e.dataset.seat ?? null, e.getAttribute('aria-label')]";

#[tokio::test]
async fn a_seat_of_a_large_house_is_bought_with_25_keys_and_is_the_one_that_had_the_focus() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        open_house(&server, window).await;
        let mut keys = Keyboard { window, pressed: 0 };
        keys.tab_to("section").await;
        // The beginning of a name leads to its section.
        keys.write("202").await;
        let section = json!([null, "Block 202, from 45 euros, 1,200 of 1,200 seats free"]);
        assert_eq!(window.eval(FOCUSED).await, section);
        keys.press(ENTER).await;
        keys.press(RIGHT).await;
        assert_eq!(window.eval(FOCUSED).await, json!(["202.1-31", "Block 202, row 1 seat 31, 45 euros, available"]));
        keys.press(ENTER).await;
        window.until_eval(FOCUSED, json!(["202.1-31", "Block 202, row 1 seat 31, 45 euros, yours"])).await;
        let selected = "return [...document.querySelectorAll('.cells [aria-selected=true]')].map((cell) => cell.dataset.seat)";
        assert_eq!(window.eval(selected).await, json!(["202.1-31"]));

        let chip = window.eval("return document.querySelector('#checkout .chip').textContent").await;
        assert!(chip.as_str().unwrap().starts_with("Block 202 1 31"), "{chip}");
        keys.tab_to("Hold 1 seat").await;
        keys.press(ENTER).await;
        window.until_focus("1 seat held").await;
        keys.tab_to("pay").await;
        keys.press(ENTER).await;
        window.until("#checkout .ticket", "Booked and paid").await;
        window.until_focus("Concert").await;
        assert!(keys.pressed <= 25, "{} keys", keys.pressed);
        let booking = window.eval("return JSON.parse(Object.values(localStorage).find((text) => text.includes('bt_')))").await;
        assert!(booking.to_string().contains("202.1-31"), "{booking}");
        let said = window.eval("return said").await.to_string();
        for step in
            ["Block 202: 20 rows, 1,200 seats free.", "Block 202, row 1 seat 31 chosen", "1 seat held for you", "Booked and paid"]
        {
            assert!(said.contains(step), "`{step}` is missing in {said}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_grid_leads_from_section_to_row_to_seat_and_back_and_says_how_large_it_is() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        open_house(&server, window).await;
        let mut keys = Keyboard { window, pressed: 0 };
        keys.tab_to("section").await;
        let grid = "const grid = document.querySelector('.cells[role=grid]'), cell = document.activeElement;
            return [grid.ariaRowCount, grid.ariaColCount, cell.parentNode.ariaRowIndex, cell.ariaColIndex,
                document.querySelectorAll('.cells [tabindex=\"0\"]').length]";
        assert_eq!(window.eval(grid).await, json!(["4", "1", "1", "1", 1]));
        keys.press(RIGHT).await;
        keys.press(ENTER).await;
        assert_eq!(window.eval(grid).await, json!(["20", "60", "1", "30", 1]));
        // The name of a row leads to it; far away, where no cell had an element before.
        keys.write("19").await;
        assert_eq!(window.eval(FOCUSED).await[0], "102.19-30");
        assert_eq!(window.eval(grid).await, json!(["20", "60", "19", "30", 1]));
        keys.press("\u{e010}").await; // End
        assert_eq!(window.eval(FOCUSED).await[0], "102.19-60");
        keys.press("\u{e013}").await; // Up
        assert_eq!(window.eval(FOCUSED).await[0], "102.18-60");
        // The cell is where its seat is drawn: a magnifying glass follows it.
        let inside = "const cell = document.activeElement.getBoundingClientRect(), map = document.querySelector('.large-map').getBoundingClientRect();
            return cell.left > map.left && cell.right < map.right && cell.top > map.top && cell.bottom < map.bottom && cell.width > 8";
        window.until_eval(inside, json!(true)).await;
        keys.press(ESCAPE).await;
        window.until_eval(FOCUSED, json!([null, "Block 102, from 45 euros, 1,200 of 1,200 seats free"])).await;
        window.until_eval("return document.querySelector('#viewport').dataset.zoomed ?? null", json!(null)).await;
    })
    .await;
}

#[tokio::test]
async fn a_seat_that_is_sold_elsewhere_changes_and_says_so_where_the_focus_is() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start().await;
        let url = open_house(&server, one).await;
        open(other, &url).await;
        let mut keys = Keyboard { window: one, pressed: 0 };
        keys.tab_to("section").await;
        keys.press(ENTER).await;
        assert_eq!(one.eval(FOCUSED).await[0], "101.1-30");
        let before = pixel(one, "document.activeElement").await;
        let seats = json!({"seats": ["101.1-30"]});
        let (status, _) = other.request("POST", "/v1/shows/concert/bookings", None, seats).await;
        assert_eq!(status, 201);
        one.until_eval(FOCUSED, json!(["101.1-30", "Block 101, row 1 seat 30, 45 euros, held"])).await;
        one.until_eval("return said.at(-1)", json!("Block 101, row 1 seat 30 is now held.")).await;
        one.until_eval("return document.activeElement.ariaDisabled", json!("true")).await;
        // It is drawn, not only said.
        let changed = format!("return ({PIXEL})(document.activeElement) !== {before}");
        one.until_eval(&changed, json!(true)).await;
        keys.press(ENTER).await;
        one.until("#checkout", "held by somebody else").await;
        // The overview counts it.
        keys.press(ESCAPE).await;
        one.until_eval(FOCUSED, json!([null, "Block 101, from 45 euros, 1,199 of 1,200 seats free"])).await;
    })
    .await;
}

/// The colours of the canvas below an element, as a text.
const PIXEL: &str = "(element) => {
    const canvas = document.querySelector('.large-map canvas'), frame = canvas.getBoundingClientRect(), box = element.getBoundingClientRect();
    const ratio = canvas.width / frame.width;
    const place = [box.left - frame.left, box.top - frame.top, box.width, box.height].map((value) => Math.round(value * ratio));
    return canvas.getContext('2d').getImageData(...place).data.join();
}";

/// Waits until nothing moves, and all is drawn.
pub async fn until_drawn(window: &Window) {
    window.until_eval("return document.querySelector('.large-map canvas').matches('[data-drawing]')", json!(false)).await;
}

async fn pixel(window: &Window, element: &str) -> Value {
    until_drawn(window).await;
    window.eval(&format!("return ({PIXEL})({element})")).await
}

#[tokio::test]
async fn a_tap_comes_nearer_and_then_picks_the_nearest_seat() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        open_house(&server, window).await;
        window.eval("document.querySelector('#viewport').scrollIntoView({ block: 'center', behavior: 'instant' })").await;
        // A finger, at a place of the map: the first is in the first section.
        let tap = "const [x, y] = arguments;
            const canvas = document.querySelector('.large-map canvas'), frame = canvas.getBoundingClientRect();
            const at = { clientX: frame.left + frame.width * x, clientY: frame.top + frame.height * y, pointerType: 'touch', bubbles: true };
            canvas.dispatchEvent(new PointerEvent('pointerdown', at));
            canvas.dispatchEvent(new PointerEvent('click', at))";
        let picked = "return [...document.querySelectorAll('.cells .mine')].map((cell) => cell.dataset.seat)";
        window.page.execute(tap, vec![json!(0.27), json!(0.45)]).await.unwrap();
        window.until_eval("return document.querySelector('#viewport').dataset.zoomed ?? null", json!("")).await;
        // Seats are so far apart now that a finger hits one, and none is picked yet.
        assert_eq!(window.eval("return document.querySelectorAll('.chip').length").await, json!(0));
        until_drawn(window).await;
        window.page.execute(tap, vec![json!(0.5), json!(0.5)]).await.unwrap();
        window.until_eval("return document.querySelectorAll('.cells .mine').length", json!(1)).await;
        let seat = window.eval(picked).await[0].clone();
        assert!(seat.as_str().unwrap().starts_with("101."), "{seat}");
        window.until("#checkout h2", "1 seat").await;
        // The one that is nearest to the finger: its cell is around the middle of the map.
        let far = "const cell = document.activeElement.getBoundingClientRect(), map = document.querySelector('.large-map').getBoundingClientRect();
            return Math.hypot(cell.left + cell.width / 2 - map.left - map.width / 2, cell.top + cell.height / 2 - map.top - map.height / 2) < 22";
        window.until_eval(far, json!(true)).await;
    })
    .await;
}

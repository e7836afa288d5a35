//! The picture of a show: from a large file at the box office to the shop, and back to the drawn one.

use crate::server::Server;
use crate::shows::create;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

impl Window {
    /// Gives the box office a file that the script makes: a promise of a `Blob`.
    async fn choose_picture(&self, name: &str, script: &str) {
        self.choose_picture_in(".picture", name, script).await;
    }

    /// Likewise, in one of its forms.
    async fn choose_picture_in(&self, form: &str, name: &str, script: &str) {
        let give = format!(
            "(async () => {{
               const files = new DataTransfer();
               const blob = await ({script})();
               window.chosenBytes = blob.size;
               files.items.add(new File([blob], {name:?}, {{ type: blob.type }}));
               const input = document.querySelector('{form} [type=file]');
               input.files = files.files;
               input.dispatchEvent(new Event('change'));
             }})()"
        );
        self.eval(&give).await;
    }

    async fn set_in_office(&self, alt: &str) {
        self.until(".picture [role=status]", "Not saved yet").await;
        self.fill(".picture [name=alt]", alt).await;
        self.click("[data-act=save_picture]").await;
        self.until(".picture .notice.good", "The picture is saved.").await;
    }
}

/// Colours with noise, so that the file is large.
const PHOTOGRAPH: &str = "() => new Promise((done) => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 2400, height: 1600 });
  const pixels = new ImageData(2400, 1600);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const noise = Math.random() * 24;
    pixels.data.set([i / 70000 + noise, 200 - i / 90000 + noise, 90 + noise, 255], i);
  }
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  canvas.toBlob(done, 'image/png');
})";

async fn picture_of(window: &Window, show: &str) -> Value {
    window.request("GET", &format!("/v1/shows/{show}"), None, Value::Null).await.1["picture"].clone()
}

#[tokio::test]
async fn a_large_photograph_is_made_smaller_saved_and_seen_by_buyers() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.open(&server.url).await;
        create(window, &admin, "opera", 2, json!({})).await;
        window.sign_in(&format!("{}/office#show=demo&tab=shows", server.url), &admin).await;
        window.until(".picture [role=status]", "no picture of its own").await;
        window.until_eval("return document.querySelectorAll('.picture-view > svg.poster').length", json!(1)).await;
        window.click("[data-act=save_picture]").await;
        window.until(".picture .notice", "Choose a picture first.").await;

        window.choose_picture("photograph.png", PHOTOGRAPH).await;
        window.set_in_office("A red curtain").await;
        let sent = window.eval("return window.chosenBytes").await;
        assert!(sent.as_u64().unwrap() > 1_000_000, "{sent}");
        let picture = picture_of(window, "demo").await;
        let (width, height) = (picture["width"].as_u64().unwrap(), picture["height"].as_u64().unwrap());
        assert!(width <= 1600 && (width * 2).abs_diff(height * 3) <= 3, "{picture}");
        assert_eq!((&picture["media_type"], &picture["alt"]), (&json!("image/webp"), &json!("A red curtain")));
        // In other words, without choosing it again.
        window.fill(".picture [name=alt]", "A curtain").await;
        window.click("[data-act=save_picture]").await;
        window.until_eval("return document.querySelector('.picture-view > img')?.alt ?? null", json!("A curtain")).await;
        assert_eq!(picture_of(window, "demo").await["url"], picture["url"]);

        // In the list of another show's page, and beside the title of its own.
        window.open(&format!("{}/?show=opera", server.url)).await;
        window.eval("document.querySelector('.show-cards img.poster').scrollIntoView()").await;
        let seen = "const image = document.querySelector('.show-cards img.poster'); return image.complete && image.naturalWidth";
        window.until_eval(seen, json!(width)).await;
        let shape = "const { width, height } = document.querySelector('.show-cards .poster').getBoundingClientRect();
                     return Math.round((100 * width) / height)";
        window.until_eval(shape, json!(178)).await;
        window.open(&format!("{}/?show=demo", server.url)).await;
        let beside = "const image = document.querySelector('.show > img.poster');
                      return [image?.complete, image?.naturalWidth, image?.alt]";
        window.until_eval(beside, json!([true, width, "A curtain"])).await;
        // The other show keeps the drawn one.
        window.until_eval("return document.querySelectorAll('.show-cards svg.poster').length", json!(1)).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_picture_is_not_sent_and_what_can_not_be_loaded_is_drawn() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=shows", server.url), &admin).await;
        window.until(".picture [role=status]", "no picture of its own").await;
        window.choose_picture("notes.png", "async () => new Blob(['no picture'], { type: 'image/png' })").await;
        window.until(".picture .notice", "can't read this file as a picture").await;
        assert_eq!(picture_of(window, "demo").await, Value::Null);

        // A small one is sent as it is, whatever its name says of it.
        let small = "() => new Promise((done) => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 30, height: 20 });
            canvas.getContext('2d').fillRect(0, 0, 30, 20);
            canvas.toBlob((png) => done(png.slice(0, png.size, 'image/jpeg')), 'image/png');
        })";
        window.choose_picture("small.jpg", small).await;
        window.set_in_office("").await;
        let picture = picture_of(window, "demo").await;
        assert_eq!((&picture["media_type"], &picture["width"], picture.get("alt")), (&json!("image/png"), &json!(30), None));

        window.click("[data-act=remove_picture]").await;
        window.click("dialog [value=yes]").await;
        window.until(".picture .notice.good", "The picture is removed.").await;
        // Its button is gone: who works by keyboard goes on beside it.
        window.until_eval("return document.activeElement.dataset.act ?? null", json!("choose_picture")).await;
        assert_eq!(picture_of(window, "demo").await, Value::Null);
        // A page that was loaded before has an address, and nothing is there any more.
        let stale = "import('/assets/poster.js').then(({ poster }) => {
            const picture = { url: '/v1/shows/demo/picture?v=stale', width: 30, height: 20 };
            document.body.append(poster({ id: 'demo', picture }));
        })";
        window.eval(stale).await;
        window.until_eval("return document.querySelectorAll('body > svg.poster').length", json!(1)).await;
        window.until_eval("return document.documentElement.scrollWidth", json!(390)).await;
    })
    .await;
}

#[tokio::test]
async fn what_another_manager_does_is_seen_and_leaves_what_was_written_here() {
    in_windows(Size::Desktop, async |[one, other]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        let office = format!("{}/office#show=demo&tab=shows", server.url);
        for window in [one, other] {
            window.sign_in(&office, &admin).await;
            window.until(".picture [role=status]", "no picture of its own").await;
        }
        one.choose_picture("photograph.png", PHOTOGRAPH).await;
        one.set_in_office("A red curtain").await;
        let described = "return document.querySelector('.picture-view > img')?.alt ?? null";
        other.until_eval(described, json!("A red curtain")).await;
        other.until_eval("return document.querySelector('.picture [name=alt]').value", json!("A red curtain")).await;

        one.fill(".picture [name=alt]", "Half written").await;
        other.click("[data-act=remove_picture]").await;
        other.click("dialog [value=yes]").await;
        one.until_eval("return document.querySelectorAll('.picture-view > svg.poster').length", json!(1)).await;
        one.until_eval("return document.querySelector('.picture [name=alt]').value", json!("Half written")).await;
        one.until_eval("return document.querySelectorAll('[data-act=remove_picture]').length", json!(0)).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_chosen_while_another_picture_is_on_its_way_stays_chosen() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=shows", server.url), &admin).await;
        window.until(".picture [role=status]", "no picture of its own").await;
        // The answer waits for the second choice.
        window
            .eval(
                "const ask = window.fetch;
                 window.fetch = async (path, options) => {
                   const answer = await ask(path, options);
                   if (options?.method === 'PUT') await new Promise((go) => { window.answerNow = go; });
                   return answer;
                 };",
            )
            .await;
        window.choose_picture("photograph.png", PHOTOGRAPH).await;
        window.until(".picture [role=status]", "Not saved yet").await;
        window.click("[data-act=save_picture]").await;
        window.until_eval("return typeof window.answerNow", json!("function")).await;
        let small = "() => new Promise((done) => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 30, height: 20 });
            canvas.getContext('2d').fillRect(0, 0, 30, 20);
            canvas.toBlob(done, 'image/png');
        })";
        window.choose_picture("small.png", small).await;
        window.until(".picture [role=status]", "30 × 20").await;
        window.eval("window.answerNow()").await;
        window.until(".picture .notice.good", "The picture is saved.").await;
        window.until(".picture [role=status]", "Not saved yet: 30 × 20").await;
        window.until_eval("return document.querySelectorAll('.picture-view > canvas').length", json!(1)).await;
    })
    .await;
}

/// Two images of one colour each, as an animated WebP.
const ANIMATION: &str = "async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 60, height: 40 });
  const letters = (text) => [...text].map((letter) => letter.charCodeAt(0));
  const number = (value) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
  const chunk = (kind, data) => [...letters(kind), ...number(data.length), ...data, ...(data.length % 2 ? [0] : [])];
  const frames = [];
  for (const colour of ['#c33', '#36c']) {
    canvas.getContext('2d').fillStyle = colour;
    canvas.getContext('2d').fillRect(0, 0, 60, 40);
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/webp', 0.9));
    const file = new Uint8Array(await blob.arrayBuffer());
    const image = file.slice(String.fromCharCode(...file).search(/VP8[ L]/));
    frames.push(...chunk('ANMF', [0, 0, 0, 0, 0, 0, 59, 0, 0, 39, 0, 0, 100, 0, 0, 0, ...image]));
  }
  const extended = chunk('VP8X', [2, 0, 0, 0, 59, 0, 0, 39, 0, 0]);
  const body = [...letters('WEBP'), ...extended, ...chunk('ANIM', [0, 0, 0, 0, 0, 0]), ...frames];
  return new Blob([new Uint8Array([...letters('RIFF'), ...number(body.length), ...body])], { type: 'image/webp' });
}";

#[tokio::test]
async fn of_an_animation_the_first_image_is_taken_and_a_file_that_misses_the_place_changes_nothing() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=shows", server.url), &admin).await;
        window.until(".picture [role=status]", "no picture of its own").await;
        window.choose_picture("moving.webp", ANIMATION).await;
        window.until(".picture [role=status]", "Not saved yet: 60 × 40 pixels").await;
        window.until(".picture [role=status]", "only its first image is used").await;
        let colour = "const canvas = document.querySelector('.picture canvas');
            const [red, , blue] = canvas.getContext('2d').getImageData(30, 20, 1, 1).data;
            return red > 150 && blue < 100";
        window.until_eval(colour, json!(true)).await;
        // The browser would open it, and leave the page.
        let drop = "const sent = (kind, fill) => {
                const dataTransfer = new DataTransfer();
                fill(dataTransfer);
                const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer });
                return !document.querySelector('h1').dispatchEvent(event);
            };
            const file = (data) => data.items.add(new File(['notes'], 'notes.txt'));
            return [sent('dragover', file), sent('drop', file), sent('drop', (data) => data.setData('text/plain', 'words'))]";
        window.until_eval(drop, json!([true, true, false])).await;
        window.until(".picture [role=status]", "Not saved yet: 60 × 40 pixels").await;

        window.click("[data-act=unchoose_picture]").await;
        window.until(".picture [role=status]", "no picture of its own").await;
        window.until_focus("choose_picture").await;
        window.choose_picture("moving.webp", ANIMATION).await;
        window.set_in_office("A red wall").await;
        let picture = picture_of(window, "demo").await;
        assert_eq!((&picture["media_type"], &picture["width"]), (&json!("image/webp"), &json!(60)), "{picture}");
    })
    .await;
}

#[tokio::test]
async fn a_new_show_gets_the_picture_that_was_chosen_in_its_form() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#show=demo&tab=shows", server.url), &admin).await;
        let outcome = "#tab-panel .panel:last-child > .notice";
        let form = "[data-part=picture]";
        for (id, title) in [("gala", "Gala"), ("opera", "Opera")] {
            window.until(&format!("{form} [role=status]"), "Without one").await;
            window.choose_picture_in(form, "photograph.png", PHOTOGRAPH).await;
            window.until(&format!("{form} [role=status]"), "Not saved yet").await;
            window.fill(&format!("{form} [name=alt]"), "A red curtain").await;
            window.fill("[name=id]", id).await;
            window.fill("[name=show_title]", title).await;
            if id == "opera" {
                // The show is created, and its picture is refused.
                let refuse = "const [ask, type] = [window.fetch, 'application/problem+json'];
                    const problem = JSON.stringify({ code: 'too_many_pictures', status: 422, detail: '' });
                    const refused = () => new Response(problem, { status: 422, headers: { 'content-type': type } });
                    window.fetch = async (path, options) => (options?.method === 'PUT' ? refused() : ask(path, options))";
                window.eval(refuse).await;
            }
            window.click("[data-act=create]").await;
            if id == "gala" {
                window.until(outcome, "“Gala” is there.").await;
                assert_eq!(picture_of(window, "gala").await["alt"], "A red curtain");
            }
        }
        window
            .until(
                outcome,
                "“Opera” is created, but its picture is not saved: The picture was changed as often as that is possible.",
            )
            .await;
        assert_eq!(picture_of(window, "opera").await, Value::Null);
        // The panel is that of the new show.
        window.until("#tab-panel h2", "Opera").await;
        window.until(".picture [role=status]", "no picture of its own").await;
    })
    .await;
}

//! The plan editor of the box office: drawing, saving, drafts, files, and a show on what was drawn.

use crate::server::Server;
use crate::window::{Size, Window, in_windows};
use serde_json::{Value, json};

impl Window {
    /// Gives the editor a file.
    async fn import(&self, name: &str, text: &str) {
        let script = "const files = new DataTransfer();
                      files.items.add(new File([arguments[1]], arguments[0]));
                      const input = document.querySelector('.plan-editor [type=file]');
                      input.files = files.files;
                      input.dispatchEvent(new Event('change'))";
        self.page.execute(script, vec![name.into(), text.into()]).await.unwrap();
    }

    async fn until_value(&self, css: &str, value: &str) {
        self.until_eval(&format!("return document.querySelector({css:?})?.value ?? null"), json!(value)).await;
    }

    async fn status_of_plan(&self, text: &str) {
        self.until(".plan-editor > .hint", text).await;
    }
}

async fn revision_of(window: &Window, revision: u32) -> Value {
    let path = format!("/v1/plans/the-house/revisions/{revision}");
    let (status, plan) = window.request("GET", &path, None, Value::Null).await;
    assert_eq!(status, 200, "{plan}");
    plan
}

/// A plan of a section with an arc of 12 seats in each of 3 rows.
async fn draw(window: &Window) {
    window.click("[data-act=new_plan]").await;
    window.fill("[name=plan_name]", "The house").await;
    window.until_value("[name=plan_id]", "the-house").await;
    window.click("[data-act=add_rows]").await;
    for (field, text) in
        [("name", "Stalls"), ("area", "stalls"), ("rows", "3"), ("seats", "12"), ("curve", "30"), ("aisles", "6")]
    {
        window.fill(&format!(".plan-fields [name={field}]"), text).await;
    }
    window.status_of_plan("36 seats").await;
}

#[tokio::test]
async fn a_curved_plan_is_drawn_saved_and_sold() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#tab=plans", server.url), &admin).await;
        draw(window).await;
        // A section is moved by the arrow keys, and that can be taken back.
        window.eval("document.querySelector('.plan-part.rows [data-key]').focus()").await;
        let x = ".plan-fields [name=x]";
        window.until_value(x, "0").await;
        for key in ["\u{e014}", "\u{e014}"] {
            window.press(key).await;
        }
        window.until_value(x, "20").await;
        window.click("[data-act=undo]").await;
        window.until_value(x, "0").await;

        // What keeps it from being saved is said until it is put right.
        window.fill("[name=plan_name]", "").await;
        window.click("[data-act=save_plan]").await;
        window.until(".plan-editor > .notice", "The plan needs a name.").await;
        window.fill(".plan-fields [name=curve]", "30").await;
        window.until(".plan-editor > .notice", "The plan needs a name.").await;
        window.fill("[name=plan_name]", "The house").await;
        window.until_eval("return document.querySelector('.plan-editor > .notice').hidden", json!(true)).await;

        window.click("[data-act=save_plan]").await;
        window.until(".plan-editor .notice.good", "Saved as revision 1.").await;
        let plan = revision_of(window, 1).await;
        let row = &plan["areas"][0]["rows"][0];
        assert_eq!((&row["row"], &row["gaps_after"], row["seats"].as_array().unwrap().len()), (&json!("A"), &json!([6]), 12));
        let y = |seat: usize| row["seats"][seat]["y"].as_f64().unwrap();
        assert!(y(0) < y(3) && y(3) < y(6), "the ends of an arc are nearer to the stage: {row}");

        window.click("[data-act=put_on_sale]").await;
        window.until_value("#tab-panel [name=plan]", "the-house").await;
        window.until_eval("return document.querySelectorAll('.preview circle').length", json!(36)).await;
        window.until_eval("return document.querySelector('.preview .shape text')?.textContent ?? null", json!("Stage")).await;
        for (field, text) in [("[name=id]", "opera"), ("[name=show_title]", "Opera"), ("[data-category=seated]", "45")] {
            window.fill(field, text).await;
        }
        window.click("[data-act=create]").await;
        window.until("#show", "Opera").await;
        let (_, show) = window.request("GET", "/v1/shows/opera", None, Value::Null).await;
        assert_eq!((&show["plan"]["revision"], &show["categories"][0]["price"]), (&json!(1), &json!(4500)), "{show}");

        window.open(&format!("{}/?show=opera", server.url)).await;
        let seats = "return document.querySelectorAll('#map [data-seat]').length";
        window.until_eval(seats, json!(36)).await;
        // The stage is the plan's own.
        window.until_eval("return document.querySelector('#map .shape text')?.textContent ?? null", json!("Stage")).await;
        let held = window.request("POST", "/v1/shows/opera/bookings", Some(&admin), json!({"seats": ["stalls.A-7"]})).await;
        assert_eq!(held.0, 201, "{held:?}");
        window.until_state("stalls.A-7", "locked").await;
    })
    .await;
}

#[tokio::test]
async fn what_somebody_else_has_saved_meanwhile_is_not_lost() {
    in_windows(Size::Desktop, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#tab=plans", server.url), &admin).await;
        draw(window).await;
        window.click("[data-act=save_plan]").await;
        window.until(".plan-editor .notice.good", "Saved as revision 1.").await;
        // Opened again, it has the rules that it was drawn by.
        window.page.refresh().await.unwrap();
        window.until_value(".plan-fields [name=curve]", "30").await;
        window.fill(".plan-fields [name=rows]", "4").await;
        window.status_of_plan("48 seats").await;

        let other =
            json!({"plan": "the-house", "name": "The house", "areas": [{"area": "floor", "category": "seated", "capacity": 7}]});
        assert_eq!(window.request("POST", "/v1/plans", Some(&admin), other).await.0, 201);
        window.click("[data-act=save_plan]").await;
        window.until(".plan-editor [role=alert]", "Somebody else has saved revision 2").await;
        window.click("[data-act=theirs]").await;
        window.status_of_plan("7 seats").await;
        window.click("[data-act=undo]").await;
        window.status_of_plan("48 seats").await;
        window.click("[data-act=save_plan]").await;
        window.until(".plan-editor .notice.good", "Saved as revision 3.").await;
        assert_eq!(revision_of(window, 3).await["areas"][0]["rows"].as_array().unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_draft_outlives_the_page_and_a_file_with_a_mistake_changes_nothing() {
    in_windows(Size::Phone, async |[window]| {
        let server = Server::start().await;
        let admin = server.admin().await;
        window.sign_in(&format!("{}/office#tab=plans", server.url), &admin).await;
        draw(window).await;
        window.status_of_plan("kept on this device").await;
        window.page.refresh().await.unwrap();
        window.until(".plan-editor [role=alert]", "a draft of this device").await;
        window.status_of_plan("36 seats").await;

        window.import("hall.csv", "section,row,seat,x,y\nBalcony,A,1,0,400\nBalcony,A,2,zero,400\n").await;
        window.until(".plan-editor > .notice", "hall.csv, line 3: \u{201c}x\u{201d} has to be a number").await;
        window.status_of_plan("36 seats").await;
        window.import("hall.csv", "section,row,seat,x,y\nBalcony,A,1,0,400\nBalcony,A,2,20,400\n").await;
        window.until(".plan-editor > .notice", "the plan has 38 seats now").await;
        window.import("hall.json", "{\"name\": \"Hall\",\n\"areas\": [\n{\"area\": \"floor\"}]}").await;
        window.until(".plan-editor > .notice", "hall.json, line 3").await;
        window.status_of_plan("38 seats").await;
        window.click("[data-act=save_plan]").await;
        window.until(".plan-editor > .notice", "Saved as revision 1.").await;
        let plan = revision_of(window, 1).await;
        assert_eq!(plan["areas"][1]["rows"][0]["seats"][1]["seat"], "balcony.A-2", "{plan}");
    })
    .await;
}

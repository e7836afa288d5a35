//! A whole server in this process, wired as the binary wires it, in a directory of its own.

use super::client::Client;
use super::{PATIENCE, books, show};
use lastseat::auth::Role;
use lastseat::config::Config;
use lastseat::wiring::{self, Running};
use lastseat_domain::BuyerId;
use lastseat_in_process::SystemClock;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The show that every test server has: see [`show`].
pub const GALA: &str = "gala";

/// The server.
pub struct TestServer {
    pub client: Client,
    running: Running,
    dir: TempDir,
    config: Config,
}

impl TestServer {
    /// With the show `gala`, whose holds last `hold_seconds` and whose floor has 20 places.
    pub async fn open(hold_seconds: u32) -> Self {
        let server = Self::open_with(Config::default()).await;
        server.put_on_sale(&show(GALA, hold_seconds, 20)).await;
        server
    }

    /// Without a show, configured so besides address and directory. All buyers of a test come from one
    /// address, so guests are not bounded here.
    pub async fn open_with(config: Config) -> Self {
        Self::open_as_configured(Config { guests_extend: true, ..unbounded(config) }).await
    }

    /// Likewise, with the bounds on guests that the configuration has.
    pub async fn open_as_configured(config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        // What is left half done is looked at again soon, so that a test need not wait for it.
        let settle = Duration::from_secs(1);
        let config = Config { listen, data: dir.path().join("data"), demo: false, settle, ..config };
        Self::start(config, dir).await
    }

    /// Likewise, and what is left half done is looked at again as late as the configuration says.
    pub async fn open_settling_as_configured(config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        Self::start(Config { listen, data: dir.path().join("data"), demo: false, ..unbounded(config) }, dir).await
    }

    async fn start(config: Config, dir: TempDir) -> Self {
        let running = wiring::start(config.clone()).await.unwrap();
        Self { client: Client::new(running.addr), running, dir, config }
    }

    /// Stops in order and starts again on the same directory.
    pub async fn restart(self) -> Self {
        let Self { running, dir, config, .. } = self;
        running.stop().await;
        Self::start(config, dir).await
    }

    /// Stops in order; the directory stays until it is dropped.
    pub async fn stop_and_keep(self) -> TempDir {
        self.running.stop().await;
        self.dir
    }

    pub fn data(&self) -> &Path {
        &self.config.data
    }

    pub fn running(&self) -> &Running {
        &self.running
    }

    pub fn token(&self, sub: &str, role: Role) -> String {
        self.running.auth.mint(&BuyerId::new(sub).unwrap(), role, Duration::from_secs(3600), &SystemClock)
    }

    pub fn admin(&self) -> String {
        self.token("root", Role::Admin)
    }

    pub async fn put_on_sale(&self, show: &Value) {
        self.client.post("/v1/shows").bearer(&self.admin()).json(show).send().await.ok(201);
    }

    /// Holds seats of the gala as a guest; the answer has to be 201.
    pub async fn hold(&self, selection: &Value) -> Value {
        self.try_hold(selection).await.ok(201)
    }

    pub async fn try_hold(&self, selection: &Value) -> super::client::Answer {
        self.client.post(&format!("/v1/shows/{GALA}/bookings")).json(selection).send().await
    }

    /// Holds one named seat of the gala.
    pub async fn hold_seat(&self, seat: &str) -> Value {
        self.hold(&json!({"seats": [seat]})).await
    }

    /// The same, extended at once, for tests that need time in a show of short holds.
    pub async fn hold_seat_twice_as_long(&self, seat: &str) -> Value {
        let booking = self.hold_seat(seat).await;
        let path = format!("/v1/bookings/{}/extend", super::text(&booking, "id"));
        self.client.post(&path).bearer(super::text(&booking, "token")).send().await.ok(200);
        booking
    }

    /// Pays with the booking's own token.
    pub async fn pay(&self, booking: &Value, method: &str) -> super::client::Answer {
        self.paying(booking).json(&json!({"payment_method": method})).send().await
    }

    /// The request to pay, without a body yet.
    pub fn paying(&self, booking: &Value) -> super::client::Call {
        let (id, token) = (super::text(booking, "id"), super::text(booking, "token"));
        self.client.post(&format!("/v1/bookings/{id}/payment")).bearer(token)
    }

    pub async fn cancel(&self, booking: &Value) -> super::client::Answer {
        let (id, token) = (super::text(booking, "id"), super::text(booking, "token"));
        self.client.delete(&format!("/v1/bookings/{id}")).bearer(token).send().await
    }

    pub async fn refund(&self, booking: &Value) -> super::client::Answer {
        self.client.post(&format!("/v1/bookings/{}/refund", super::text(booking, "id"))).bearer(&self.admin()).send().await
    }

    /// The booking as it is now.
    pub async fn booking(&self, booking: &Value) -> Value {
        self.client.get(&format!("/v1/bookings/{}", super::text(booking, "id"))).bearer(&self.admin()).send().await.ok(200)
    }

    pub async fn wait_for_status(&self, booking: &Value, status: &str) -> Value {
        super::eventually(&format!("{} is {status}", booking["id"]), async || {
            Some(self.booking(booking).await).filter(|now| now["status"] == status)
        })
        .await
    }

    /// The seat map of a show.
    pub async fn map(&self, show: &str) -> Value {
        self.client.get(&format!("/v1/shows/{show}/seats")).send().await.ok(200)
    }

    /// The state of a seat of the gala.
    pub async fn state(&self, seat: &str) -> String {
        let map = self.map(GALA).await;
        let found = map["seats"].as_array().unwrap().iter().find(|s| s["seat"] == seat).unwrap();
        found["state"].as_str().unwrap().to_owned()
    }

    pub async fn wait_until_free(&self, seat: &str) {
        super::eventually(&format!("{seat} is free"), async || (self.state(seat).await == "available").then_some(())).await;
    }

    /// Free places of the gala's floor.
    pub async fn floor(&self) -> u64 {
        let map = self.map(GALA).await;
        map["areas"].as_array().unwrap().iter().find(|area| area["area"] == "floor").unwrap()["available"].as_u64().unwrap()
    }

    /// Ends a scenario: nothing is pending, the audit of the log's file is clean, and log,
    /// gateway and seat maps agree. Returns the books.
    pub async fn close(self) -> books::Books {
        let given_up = Instant::now() + PATIENCE;
        let books = loop {
            let (report, books) = books::read(self.data()).await;
            assert!(report.holds(), "{report}");
            let mut open = books.compare_with_gateway(&self.running.sandbox.as_ref().unwrap().intents());
            open.extend(report.pending.iter().map(|pending| format!("{}: {}", pending.stream, pending.text)));
            for show in self.running.box_office.shows() {
                open.extend(books.compare_with_seat_map(&self.map(show.facts.show.as_str()).await));
            }
            if open.is_empty() {
                break books;
            }
            assert!(Instant::now() < given_up, "something stays pending: {open:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        self.running.stop().await;
        let (report, _) = books::read(&self.config.data).await;
        assert!(report.holds(), "after the end: {report}");
        books
    }
}

/// All guests of a test come from one address.
fn unbounded(config: Config) -> Config {
    let (guest_seats, rate_limit_guest_holds, rate_limit_guest_cancels) = (None, None, None);
    Config { guest_seats, rate_limit_guest_holds, rate_limit_guest_cancels, rate_limit_guest_declines: None, ..config }
}

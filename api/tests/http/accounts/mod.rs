//! People who sign in here, over real connections: the unhappy ways first.

mod claims;
mod forgery;
mod giving;
mod guessing;
mod mail;
mod own;
mod roles;
mod sessions;

use crate::common::{Call, Reply, TestServer, start_with_accounts_at};
use lastseat_testkit::SteppingClock;
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const HOLD: &str = "/v1/shows/demo/bookings";
const MINE: &str = "/v1/me/bookings";

/// A server whose accounts go by a clock of the test.
struct Stage {
    server: TestServer,
    clock: SteppingClock,
    dir: TempDir,
}

/// A browser that is signed in.
struct Browser<'a> {
    server: &'a TestServer,
    cookie: String,
    csrf: String,
}

impl Stage {
    async fn open() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), SteppingClock::default());
        let server = start_with_accounts_at(dir.path(), std::sync::Arc::new(clock.clone())).await;
        Self { server, clock, dir }
    }

    async fn sign_up(&self, email: &str) -> Reply {
        self.server.post("/v1/accounts").json(json!({"email": email, "password": PASSWORD})).send().await
    }

    fn signing_in(&self, email: &str, password: &str) -> Call {
        self.server.post("/v1/sessions").json(json!({"email": email, "password": password}))
    }

    async fn try_sign_in(&self, email: &str, password: &str) -> Reply {
        self.signing_in(email, password).send().await
    }

    async fn sign_in(&self, email: &str) -> Browser<'_> {
        Browser::of(&self.server, &self.try_sign_in(email, PASSWORD).await)
    }

    /// Somebody new.
    async fn person(&self, email: &str) -> Browser<'_> {
        assert_eq!(self.sign_up(email).await.status, 202);
        self.sign_in(email).await
    }
}

impl<'a> Browser<'a> {
    #[track_caller]
    fn of(server: &'a TestServer, signed_in: &Reply) -> Self {
        assert_eq!(signed_in.status, 201, "{signed_in:?}");
        Self { server, cookie: cookie_of(signed_in), csrf: signed_in.text("csrf_token") }
    }

    /// With its cookie alone.
    fn bare(&self, method: &str, path: &str) -> Call {
        // Others are there, too, as on a real site.
        self.server.call(method, path).header("cookie", &format!("theme=dark; {}; lang=en", self.cookie))
    }

    async fn get(&self, path: &str) -> Reply {
        self.bare("GET", path).send().await
    }

    fn post(&self, path: &str) -> Call {
        self.command("POST", path)
    }

    fn command(&self, method: &str, path: &str) -> Call {
        self.bare(method, path).header("x-csrf-token", &self.csrf)
    }

    async fn is_over(&self) -> bool {
        let reply = self.get(MINE).await;
        if reply.status == 401 {
            reply.is(401, "session_ended");
            assert!(reply.header("set-cookie").contains("Max-Age=0"), "{reply:?}");
        }
        reply.status == 401
    }

    async fn id(&self) -> String {
        self.get("/v1/accounts/me").await.text("id")
    }
}

/// The name and value of the cookie by which a browser is known that signed in before.
fn device_of(reply: &Reply) -> String {
    let mut cookies = reply.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let device = cookies.find(|cookie| cookie.starts_with("__Host-lastseat_device=")).unwrap();
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/;", "; Max-Age=15552000"] {
        assert!(device.contains(part), "{part} is missing in {device}");
    }
    device.split(';').next().unwrap().to_owned()
}

/// The name and value of the session's cookie that an answer sets.
fn cookie_of(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie");
    assert!(cookie.starts_with("__Host-lastseat_session="), "{reply:?}");
    cookie.split(';').next().unwrap().to_owned()
}

fn one_place() -> Value {
    json!({"area": "floor", "quantity": 1})
}

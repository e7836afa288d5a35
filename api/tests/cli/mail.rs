//! Mails of a server as a process: where they go, and that the log says nothing of them.

use crate::binary::Place;
use crate::http::{get, post};
use crate::serve::Server;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

const EMAIL: &str = "a.particular.address@example.org";
const PASSWORD: &str = "correct horse battery staple";
const NEW: &str = "four other random words";

fn serve(place: &Place, listen: &str, more: &[&str]) -> Server {
    let arguments = [&["serve", "--listen", listen, "--log-level", "debug"], more].concat();
    Server::spawn(place.command(&arguments).stderr(Stdio::piped()))
}

/// The first of a kind; waits for it.
fn until<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "there never was {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn token(place: &Place, purpose: &str) -> String {
    let start = format!("/account#{purpose}=");
    let find = || {
        let files = std::fs::read_dir(place.path().join("lastseat-data/mail")).ok()?;
        let mails = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        mails.into_iter().find_map(|mail| Some(mail.split_once(&start)?.1.lines().next()?.to_owned()))
    };
    until(purpose, find)
}

/// Ends the server and returns its log, in which there is nothing of these.
fn log_without(server: Server, secrets: &[&str]) -> String {
    server.signal("TERM");
    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    log
}

#[test]
fn nothing_of_a_mail_is_logged() {
    let place = Place::new();
    let server = serve(&place, "127.0.0.1:0", &[]);
    let send = |path: &str, body: serde_json::Value| post(&server.url, path, None, &body).0;
    assert_eq!(send("/v1/accounts", json!({"email": EMAIL, "password": PASSWORD})), 202);
    let verify = token(&place, "verify");
    assert_eq!(send("/v1/accounts/verification", json!({"token": verify, "password": PASSWORD})), 204);
    assert_eq!(send("/v1/accounts/password-reset", json!({ "email": EMAIL })), 202);
    let reset = token(&place, "reset");
    assert_eq!(send("/v1/accounts/password-reset/confirm", json!({"token": reset, "password": NEW})), 204);
    assert_eq!(send("/v1/sessions", json!({"email": EMAIL, "password": NEW})), 201);
    log_without(server, &["particular", &verify, &reset, PASSWORD, NEW]);
}

/// A server for mails that knows nobody and repeats the address.
fn refuse(stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let answer = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes());
    answer("220 test")?;
    while let Some(line) = lines.next().transpose()? {
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => answer("250-test\r\n250 AUTH PLAIN")?,
            "AUTH" => answer("235 Welcome")?,
            "RCPT" => answer(&format!("550 5.1.1 <{EMAIL}> is unknown"))?,
            _ => answer("250 OK")?,
        }
    }
    Ok(())
}

#[test]
fn a_mail_that_is_refused_is_logged_without_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://shop:s3cret@{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(refuse(stream))));
    let place = Place::new();
    let needs = |flags: &[&str]| place.run(&[&["serve", "--listen", "127.0.0.1:0", "--smtp-url", &url], flags].concat());
    assert!(needs(&[]).one_line(2).contains("--mail-from"));
    assert!(needs(&["--mail-from", "shop@shop.example"]).one_line(2).contains("--public-url"));
    // Where it is reached is where it listens, so that the greeting says so.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let public_url = format!("http://{free}");
    let flags = ["--smtp-url", &url, "--mail-from", "Shop <shop@shop.example>", "--public-url", &public_url];
    let doctor = place.run(&[&["doctor", "--listen", "127.0.0.1:0"], &flags[..]].concat());
    assert!(doctor.out.contains("smtp://shop:***@127.0.0.1") && !doctor.out.contains("s3cret"), "{doctor:?}");

    let server = serve(&place, &free, &flags);
    let signed_up = post(&server.url, "/v1/accounts", None, &json!({"email": EMAIL, "password": PASSWORD}));
    assert_eq!(signed_up.0, 202, "{signed_up:?}");
    let failed = "lastseat_mails_total{outcome=\"failed\"} 1\n";
    until("a mail that failed", || get(&server.url, "/metrics").1.contains(failed).then_some(()));
    let log = log_without(server, &["particular", "s3cret", PASSWORD]);
    assert!(log.contains("a mail could not be sent") && log.contains("550"), "{log}");
    assert!(!place.path().join("lastseat-data/mail").exists());
}

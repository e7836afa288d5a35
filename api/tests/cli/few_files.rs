//! A process that may open few files, and a crowd that wants them all.

use crate::binary::Place;
use crate::serve::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A connection that was there before the crowd.
struct Connection(TcpStream);

impl Connection {
    fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream)
    }

    /// Sends a request and returns the answer's beginning.
    fn request(&mut self, head: &str, body: &str) -> String {
        let length = body.len();
        write!(self.0, "{head} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = [0; 16 * 1024];
        let read = self.0.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }
}

#[test]
fn a_crowd_takes_no_file_that_the_log_needs() {
    let place = Place::new();
    let data = place.path().join("d");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 128; exec \"$0\" serve --listen 127.0.0.1:0 --data d --log-level warn"]);
    command.arg(env!("CARGO_BIN_EXE_lastseat")).current_dir(place.path()).env_clear().env("PATH", "/usr/bin:/bin");
    let server = Server::spawn(command.stdin(Stdio::null()).stderr(Stdio::piped()));
    let mut before = Connection::open(&server);
    assert!(before.request("GET /health/ready", "").starts_with("HTTP/1.1 200"));
    // Those that are not accepted wait in the system's queue.
    let crowd: Vec<TcpStream> = (0..150).map(|_| Connection::open(&server).0).collect();
    let given_up = Instant::now() + Duration::from_secs(20);
    loop {
        let ready = before.request("GET /health/ready", "");
        if ready.starts_with("HTTP/1.1 503") && ready.contains(r#""name":"connections","ok":false"#) {
            break;
        }
        assert!(Instant::now() < given_up, "{ready}");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Long enough for many log lines.
    std::thread::sleep(Duration::from_secs(2));
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap().count();
    assert!(open < 110, "{open} of 128 files are open");
    for seat in 1..=5 {
        let answer = before.request("POST /v1/shows/demo/bookings", &format!(r#"{{"seats":["A-{seat}"]}}"#));
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    // Another process reads the log at the same time.
    assert_eq!(place.run(&["verify", "--data", "d"]).code, 0);
    assert!(data.join("events.db").exists());
    drop(crowd);
    let given_up = Instant::now() + Duration::from_secs(20);
    while !before.request("GET /health/ready", "").starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < given_up, "it is not ready again");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.signal("TERM");
    let (code, lines) = server.end();
    assert_eq!((code, lines.matches(" WARN ").count()), (0, 1), "{lines}");
}

//! The real binary, as a process that can be killed.

use super::client::Client;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A `lastseat serve`. Killed when dropped.
pub struct Server {
    child: Child,
    pub client: Client,
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn command(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lastseat"));
    // Neither a configuration file nor variables of whoever runs the tests.
    command.args(arguments).arg("--data").arg(data).env_clear().current_dir(data.parent().unwrap()).stdin(Stdio::null());
    command
}

/// Runs a verb to its end.
pub fn run(arguments: &[&str], data: &Path) -> Run {
    let output = command(arguments, data).output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `verify --json`: exit status and report.
pub fn verify(data: &Path) -> (i32, serde_json::Value) {
    let run = run(&["verify", "--json"], data);
    let report = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    (run.code, report)
}

/// A token of the server that has this directory.
pub fn token(data: &Path, sub: &str, role: &str) -> String {
    let run = run(&["token", "--sub", sub, "--role", role], data);
    assert_eq!(run.code, 0, "{run:?}");
    run.out.trim().to_owned()
}

impl Server {
    /// Starts it on a free port and waits until it is ready. What it has to say goes to a file
    /// beside the directory.
    pub async fn start(data: &Path) -> Self {
        let log = File::options().create(true).append(true).open(Self::log_file(data)).unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--demo", "false", "--settle-seconds", "1", "--log-level", "warn"];
        let mut child = command(&arguments, data).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let greeting = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = greeting
            .map_while(Result::ok)
            .find_map(|line| line.trim().strip_prefix("Seat map").map(|url| url.trim().to_owned()))
            .unwrap_or_else(|| panic!("no greeting: {}", std::fs::read_to_string(Self::log_file(data)).unwrap()));
        let addr = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let server = Self { child, client: Client::new(addr) };
        super::eventually("the server is ready", async || {
            server.client.get("/health/ready").try_send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        server
    }

    fn log_file(data: &Path) -> PathBuf {
        data.with_extension("stderr")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`: nothing can be finished, flushed or said.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        let told = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let given_up = Instant::now() + super::PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < given_up, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

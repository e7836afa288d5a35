//! The real binary, as a process that can be killed.

use super::client::Client;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A `lastseat serve`. Killed when dropped.
pub struct Server {
    process: Process,
    pub client: Client,
}

/// A `lastseat eventstore-server`: the log that several nodes share, and their sandbox. Killed when dropped.
pub struct LogServer {
    process: Process,
    /// Where the log is, as a connection string.
    pub eventstore: String,
    /// Where the sandbox is.
    pub sandbox: String,
    /// Flags by which it disturbs its clients.
    disturbances: Vec<String>,
}

/// A `lastseat sandbox`: the gateway that nodes share. Killed when dropped.
pub struct SandboxServer {
    process: Process,
    /// Where it is.
    pub url: String,
}

/// The binary, running.
struct Process {
    child: Child,
    greeting: Lines<BufReader<ChildStdout>>,
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
    // Neither a configuration file nor variables of the user who runs the tests.
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

/// A token of the nodes that have this key.
pub fn token_with(key: &Path, data: &Path, sub: &str, role: &str) -> String {
    let key = key.to_str().unwrap();
    let run = run(&["token", "--sub", sub, "--role", role, "--token-key", key], data);
    assert_eq!(run.code, 0, "{run:?}");
    run.out.trim().to_owned()
}

impl Process {
    /// Starts a verb. What it has to say goes to a file beside the directory.
    fn start(arguments: &[&str], data: &Path) -> Self {
        Self::spawn(command(arguments, data), data)
    }

    fn spawn(mut command: Command, data: &Path) -> Self {
        let log = File::options().create(true).append(true).open(data.with_extension("stderr")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let greeting = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, greeting }
    }

    /// The word after a title in the greeting.
    fn greeting_word(&mut self, title: &str, data: &Path) -> String {
        let line = self.greeting.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.trim().strip_prefix(title)?.split_whitespace().next()?;
            Some(rest.to_owned())
        });
        line.unwrap_or_else(|| panic!("no greeting: {}", std::fs::read_to_string(data.with_extension("stderr")).unwrap()))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// `kill -9`: the process can't finish or flush anything.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Server {
    /// Starts it on a free port and waits until it is ready.
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    /// Likewise, with more flags.
    pub async fn start_with(data: &Path, more: &[&str]) -> Self {
        let server = Self::begin(data, more);
        super::eventually("the server is ready", async || {
            server.client.get("/health/ready").try_send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        server
    }

    /// Starts it, and waits for its greeting only.
    pub fn begin(data: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--demo", "false", "--settle-seconds", "1"];
        if !more.contains(&"--log-level") {
            arguments.extend(["--log-level", "warn"]);
        }
        if !more.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        // All buyers of a test come from one address.
        arguments.extend(["--guest-seats-per-address", "off", "--rate-limit-guest-holds", "off"]);
        arguments.extend(["--rate-limit-guest-cancels", "off", "--rate-limit-guest-declines", "off", "--guests-extend", "true"]);
        arguments.extend(more);
        let mut process = Process::start(&arguments, data);
        let url = process.greeting_word("Seat map", data);
        let addr = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        Self { process, client: Client::new(addr) }
    }

    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// `kill -9`: the process can't finish or flush anything.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        let sent = Command::new("kill").args(["-s", "TERM", &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let given_up = Instant::now() + super::PATIENCE;
        while self.process.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < given_up, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl SandboxServer {
    /// Starts it on a free port.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let arguments = [&["sandbox", "--listen", "127.0.0.1:0"], more].concat();
        let mut process = Process::start(&arguments, data);
        let url = process.greeting_word("API", data);
        Self { process, url }
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }
}

impl LogServer {
    /// Starts it on free ports, for nodes that append.
    pub fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0", "127.0.0.1:0")
    }

    /// Likewise, with flags by which it disturbs its clients, also after a restart.
    pub fn start_disturbed(data: &Path, disturbances: &[&str]) -> Self {
        Self::start_with(data, "127.0.0.1:0", "127.0.0.1:0", disturbances)
    }

    /// Starts it for auditors who know this token.
    pub fn start_for_reading(data: &Path, token: &str) -> Self {
        let mut command = command(
            &["eventstore-server", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--log-level", "warn"],
            data,
        );
        command.env("LASTSEAT_EVENTSTORE_LISTEN_TOKEN", token);
        Self::greeted(Process::spawn(command, data), data)
    }

    fn greeted(mut process: Process, data: &Path) -> Self {
        let eventstore = process.greeting_word("Event log", data);
        let sandbox = process.greeting_word("Payments", data);
        Self { process, eventstore, sandbox, disturbances: Vec::new() }
    }

    /// Starts it where nodes look for it.
    pub fn start_at(data: &Path, listen: &str, sandbox: &str) -> Self {
        Self::start_with(data, listen, sandbox, &[])
    }

    fn start_with(data: &Path, listen: &str, sandbox: &str, more: &[&str]) -> Self {
        let arguments = ["eventstore-server", "--write", "--listen", listen, "--sandbox-listen", sandbox, "--log-level", "warn"];
        let disturbances = more.iter().map(|flag| (*flag).to_owned()).collect();
        Self { disturbances, ..Self::greeted(Process::start(&[&arguments, more].concat(), data), data) }
    }

    /// `kill -9`, and again in the same place.
    pub fn kill_and_restart(mut self, data: &Path) -> Self {
        self.kill();
        self.restart(data)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Again in the same place, after it was killed.
    pub fn restart(self, data: &Path) -> Self {
        let listen = self.eventstore.trim_start_matches("esdb://").trim_end_matches("?tls=false");
        let disturbances: Vec<&str> = self.disturbances.iter().map(String::as_str).collect();
        Self::start_with(data, listen, self.sandbox.trim_start_matches("http://"), &disturbances)
    }
}

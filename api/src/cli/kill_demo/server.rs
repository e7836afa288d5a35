//! The server that is killed: this program, as another process on a free loopback port.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a start may take, recovery included.
const START: Duration = Duration::from_secs(120);
/// How long a server may take to stop in order.
const STOP: Duration = Duration::from_secs(30);

/// A running server. Killed when dropped.
pub struct Server {
    pub url: String,
    child: Child,
    log: PathBuf,
    /// Kept, because a closed pipe would disturb the server.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server on a data directory and waits until it takes requests.
    pub async fn start(data: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("this program can't be found: {error}"))?;
        let log = data.with_extension("log");
        let failed = |error: std::io::Error| format!("the server can't be started: {error}");
        let mut command = Command::new(program);
        // No setting of the caller's may change the demonstration.
        let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("LASTSEAT_"));
        for name in ours {
            command.env_remove(name);
        }
        let folder = data.parent().ok_or("the data directory has no parent")?;
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--demo", "false", "--log-level", "info", "--data"])
            .arg(data)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(failed)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut output = BufReader::new(stdout).lines();
        let url = tokio::time::timeout(START, url_of(&mut output)).await.ok().flatten();
        let Some(url) = url else {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("the server did not start: {}", said.trim()));
        };
        Ok(Self { url, child, log, _output: output })
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// What it has logged since it was started.
    pub fn log_lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Ends it with SIGKILL: it can't finish, save or say anything.
    pub async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| format!("the server can't be killed: {error}"))
    }

    /// Ends it in order, where there is a SIGTERM.
    pub async fn stop(mut self) {
        let id = self.process().to_string();
        let sent = cfg!(unix) && Command::new("kill").args(["-s", "TERM", &id]).status().await.is_ok_and(|sent| sent.success());
        if !sent || tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
            let _ended_already = self.child.kill().await;
        }
    }
}

/// The address in the greeting.
async fn url_of(output: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    while let Ok(Some(line)) = output.next_line().await {
        if let Some(url) = line.trim().strip_prefix("Seat map") {
            return Some(url.trim().trim_end_matches('/').to_owned());
        }
    }
    None
}

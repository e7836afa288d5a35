//! A server of its own for each test.

use crate::window::PATIENCE;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

pub struct Server {
    pub url: String,
    process: Child,
    data: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Likewise, with more flags.
    pub async fn start_with(more: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (process, url) = spawn(&data, "127.0.0.1:0", more).await;
        Self { url, process, data }
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again after a kill, at the same address and with what it had stored.
    pub async fn start_again(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.process = spawn(&self.data, &address, &[]).await.0;
    }

    /// The mails that nobody received, oldest first.
    pub fn mails(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.data.path().join("lastseat-data/mail")) else { return Vec::new() };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort_unstable();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    /// A token with role `admin`.
    pub async fn admin(&self) -> String {
        self.token("ann", "admin").await
    }

    pub async fn token(&self, sub: &str, role: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_lastseat"))
            .args(["token", "--sub", sub, "--role", role])
            .current_dir(self.data.path())
            .env_clear()
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

async fn spawn(data: &TempDir, listen: &str, more: &[&str]) -> (Child, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_lastseat"))
        .args(["serve", "--listen", listen])
        .args(more)
        .current_dir(data.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let url = find_line(process.stdout.take().unwrap(), "Seat map").await.expect("a line with the address");
    (process, url.trim().trim_end_matches('/').to_owned())
}

/// Reads until a line contains `mark`, and returns the rest of that line; `None` if the output ends before. Keeps reading after that,
/// because a process that writes to a closed pipe gets an error.
pub async fn find_line(output: impl AsyncRead + Unpin + Send + 'static, mark: &str) -> Option<String> {
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time").unwrap()?;
        if let Some((_, rest)) = line.split_once(mark) {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(rest.to_owned());
        }
    }
}

//! A `lastseat sandbox` that runs for as long as this lives.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Signs what is sent to `--webhook`.
pub const SECRET: &str = "whsec_conformance";

pub struct Sandbox {
    process: Child,
    url: String,
    _data: tempfile::TempDir,
}

impl Sandbox {
    /// `webhook`: where events are sent.
    pub fn start(program: &str, webhook: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["sandbox", "--listen", "127.0.0.1:0", "--webhook-secret", SECRET, "--webhook", webhook, "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = |line: String| {
            let start = line.find("http://127.0.0.1:")?;
            line[start..].split(|c: char| c.is_whitespace() || c == ',').next().map(str::to_owned)
        };
        let url = lines.filter_map(address).next().expect("the sandbox says where it listens");
        Self { process, url: format!("{}/", url.trim_end_matches('/')), _data: data }
    }

    /// As the client wants it: with a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! Mails as files in a directory, for trying out: nobody receives them.
//!
//! Each is a file `….eml` that mail programs open, readable by its owner only. Only the newest are kept, and none for longer than
//! a month: strangers may cause mails, and must not fill the disk, and an address is not to be kept for ever.

use async_trait::async_trait;
use chrono::TimeDelta;
use lastseat_domain::Timestamp;
use lastseat_domain::account::EmailAddress;
use lastseat_domain::ports::{Mail, MailFault, MailSender, Mailer};
use parking_lot::Mutex;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are kept.
pub const MOST: usize = 1000;
/// For so long.
pub const AGE: TimeDelta = TimeDelta::days(30);
const SUFFIX: &str = "eml";

/// Writes mails into a directory, which is made with the first.
#[derive(Clone)]
pub struct FileMailer {
    dir: Arc<Path>,
    from: Arc<MailSender>,
    /// One at a time: who removes the oldest must not meet another who does.
    working: Arc<Mutex<()>>,
}

impl FileMailer {
    /// Writes into `dir`.
    #[must_use]
    pub fn new(dir: &Path, from: MailSender) -> Self {
        Self { dir: dir.into(), from: Arc::new(from), working: Arc::default() }
    }

    async fn run(&self, work: impl FnOnce(&Path, &MailSender) -> io::Result<()> + Send + 'static) -> Result<(), MailFault> {
        let Self { dir, from, working } = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            let _alone = working.lock();
            work(&dir, &from)
        });
        // The name of a file has nothing of the mail.
        let fault = |error: &dyn std::fmt::Display| MailFault::Unavailable(format!("the file can't be written: {error}"));
        working.await.map_err(|error| fault(&error))?.map_err(|error| fault(&error))
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailFault> {
        let mail = mail.clone();
        self.run(move |dir, from| {
            create(dir)?;
            // In the order of time.
            let name = format!("{}-{}.{SUFFIX}", in_order(mail.at), mail.id);
            write(&dir.join(name), &mail.message(from))?;
            let mut files = files(dir)?;
            files.sort_unstable();
            let too_many = files.len().saturating_sub(MOST);
            let oldest = dir.join(in_order(mail.at - AGE));
            let too_old = files.partition_point(|file| *file < oldest);
            files.iter().take(too_many.max(too_old)).try_for_each(|file| remove(file))
        })
        .await
    }

    async fn forget(&self, to: &EmailAddress) -> Result<(), MailFault> {
        let line = format!("\r\nTo: {}\r\n", to.as_str());
        self.run(move |dir, _| {
            for file in files(dir)? {
                let message = fs::read(&file)?;
                let head = String::from_utf8_lossy(&message);
                if head.split("\r\n\r\n").next().is_some_and(|head| format!("{head}\r\n").contains(&line)) {
                    remove(&file)?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// The time as names of files have it.
fn in_order(at: Timestamp) -> String {
    at.format("%Y%m%dT%H%M%S%.6f").to_string()
}

fn create(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn write(file: &Path, message: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(message.as_bytes())
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == SUFFIX)).collect())
}

/// The operator may have removed it.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

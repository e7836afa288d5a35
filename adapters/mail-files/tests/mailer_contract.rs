//! The contract of the mailer, and what is in the directory.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use async_trait::async_trait;
use lastseat_domain::ports::{Mail, MailFault, Mailer};
use lastseat_mail_files::{AGE, FileMailer, MOST};
use lastseat_testkit::mailer::{CASES, FROM, Postbox, mail};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

struct Directory {
    dir: TempDir,
    mailer: FileMailer,
}

impl Directory {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mailer = FileMailer::new(&dir.path().join("mail"), FROM.parse().unwrap());
        Self { dir, mailer }
    }
}

#[async_trait]
impl Postbox for Directory {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn arrived(&self) -> Vec<String> {
        messages(&self.dir.path().join("mail"))
    }
}

fn messages(dir: &Path) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort_unstable();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    for (name, case) in CASES {
        println!("{name}");
        case(Arc::new(Directory::new())).await;
    }
}

#[tokio::test]
async fn only_its_owner_reads_it_and_a_repeat_is_the_same_file() {
    let post = Directory::new();
    for _ in 0..2 {
        post.mailer.send(&mail(1, "ann@example.org", "Hello\n")).await.unwrap();
    }
    assert_eq!(post.arrived().await.len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let dir = post.dir.path().join("mail");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap();
        assert_eq!((mode(&dir), mode(&file.path())), (0o700, 0o600));
        assert!(!file.file_name().into_string().unwrap().contains("ann"));
    }
}

#[tokio::test]
async fn only_the_newest_are_kept() {
    let post = Directory::new();
    for number in 0..MOST + 2 {
        let mut mail = mail(u128::try_from(number).unwrap(), "ann@example.org", "Hello\n");
        mail.at += std::time::Duration::from_secs(u64::try_from(number).unwrap());
        post.mailer.send(&mail).await.unwrap();
    }
    let arrived = post.arrived().await;
    assert_eq!(arrived.len(), MOST);
    assert!(arrived[0].contains("Subject: Mail 2\r\n") && arrived[MOST - 1].contains(&format!("Subject: Mail {}\r\n", MOST + 1)));
}

#[tokio::test]
async fn what_was_sent_to_an_address_can_be_forgotten() {
    let post = Directory::new();
    post.mailer.forget(&"ann@example.org".parse().unwrap()).await.unwrap();
    post.mailer.send(&mail(1, "ann@example.org", "Hello\n")).await.unwrap();
    post.mailer.send(&mail(2, "bob@example.org", "To: ann@example.org\n")).await.unwrap();
    post.mailer.send(&mail(3, "joann@example.org", "Hello\n")).await.unwrap();
    post.mailer.forget(&"ann@example.org".parse().unwrap()).await.unwrap();
    let left = post.arrived().await;
    assert_eq!(left.len(), 2);
    assert!(left[0].contains("\r\nTo: bob@example.org\r\n") && left[1].contains("\r\nTo: joann@example.org\r\n"));
}

#[tokio::test]
async fn a_directory_that_can_not_be_made_is_a_fault_that_names_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let mailer = FileMailer::new(&file.join("mail"), FROM.parse().unwrap());
    let fault = mailer.send(&mail(1, "ann@example.org", "Hello\n")).await.unwrap_err();
    assert!(matches!(&fault, MailFault::Unavailable(why) if !why.contains("ann@")), "{fault}");
}

#[tokio::test]
async fn nothing_is_kept_for_longer_than_a_month() {
    let post = Directory::new();
    let first = mail(1, "ann@example.org", "Hello\n");
    let at = |number, later| Mail { at: first.at + later, ..mail(number, "bob@example.org", "Hello\n") };
    let send = async |mail: &Mail| {
        post.mailer.send(mail).await.unwrap();
        post.arrived().await.len()
    };
    let second = chrono::TimeDelta::seconds(1);
    assert_eq!(send(&first).await, 1);
    assert_eq!(send(&at(2, AGE - second)).await, 2);
    assert_eq!(send(&at(3, AGE + second)).await, 2, "the first is too old");
    assert!(post.arrived().await.iter().all(|message| !message.contains("ann@")));
}

//! Contract suite of the port of the same name, and a mailer that keeps mails for the test. Each case gets a mailer that sends
//! from [`FROM`] to somewhere with no mails yet.

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use lastseat_domain::Timestamp;
use lastseat_domain::account::EmailAddress;
use lastseat_domain::ports::{Mail, MailFault, Mailer};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

/// Who the mails of the suite are from.
pub const FROM: &str = "Shop <tickets@shop.example>";

/// Where a mailer sends to.
#[async_trait]
pub trait Postbox: Send + Sync {
    /// The mailer.
    fn mailer(&self) -> &dyn Mailer;

    /// The messages that have arrived.
    async fn arrived(&self) -> Vec<String>;
}

type Post = Arc<dyn Postbox>;

/// One case of the suite.
pub type MailCase = fn(Post) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every case with its name.
        pub const CASES: &[(&str, MailCase)] = &[$((stringify!($name), |post| $name(post).boxed())),*];
    };
}

cases!(a_mail_arrives_as_it_was_written, lines_of_every_kind_arrive, of_many_at_once_each_arrives_once);

/// A mail of this number.
pub fn mail(number: u128, to: &str, text: &str) -> Mail {
    Mail {
        id: Uuid::from_u128(number),
        to: to.parse().unwrap(),
        subject: format!("Mail {number}"),
        text: text.to_owned(),
        at: Timestamp::from_timestamp(1_900_000_000, 0).unwrap(),
    }
}

fn message(mail: &Mail) -> String {
    mail.message(&FROM.parse().unwrap())
}

async fn a_mail_arrives_as_it_was_written(post: Post) {
    let mail = mail(1, "ann@example.org", "Hello,\n\nopen this: https://shop.example/account#reset=abc\n");
    assert_eq!(post.mailer().send(&mail).await, Ok(()));
    assert_eq!(post.arrived().await, [message(&mail)]);
}

async fn lines_of_every_kind_arrive(post: Post) {
    let text = format!(".\n..\n.hidden\n\n{}\nFrom here\nQUIT\n", "long ".repeat(150));
    let mail = mail(1, "o'neill+tickets@example.org", &text);
    assert_eq!(post.mailer().send(&mail).await, Ok(()));
    assert_eq!(post.arrived().await, [message(&mail)]);
}

async fn of_many_at_once_each_arrives_once(post: Post) {
    let mails: Vec<Mail> = (0..20).map(|number| mail(number, &format!("{number}@example.org"), "Hello\n")).collect();
    for sent in join_all(mails.iter().map(|mail| post.mailer().send(mail))).await {
        assert_eq!(sent, Ok(()));
    }
    let (mut arrived, mut expected) = (post.arrived().await, mails.iter().map(message).collect::<Vec<_>>());
    arrived.sort_unstable();
    expected.sort_unstable();
    assert_eq!(arrived, expected);
}

/// Keeps mails for the test, or fails as often as it is asked to.
#[derive(Debug)]
pub struct MemoryMailer {
    sent: UnboundedSender<Mail>,
    arrived: tokio::sync::Mutex<UnboundedReceiver<Mail>>,
    faults: Mutex<VecDeque<MailFault>>,
    forgotten: Mutex<Vec<EmailAddress>>,
}

impl Default for MemoryMailer {
    fn default() -> Self {
        let (sent, arrived) = unbounded_channel();
        Self { sent, arrived: tokio::sync::Mutex::new(arrived), faults: Mutex::default(), forgotten: Mutex::default() }
    }
}

impl MemoryMailer {
    /// The next mail, which is on its way.
    pub async fn next(&self) -> Mail {
        let next = async { self.arrived.lock().await.recv().await };
        tokio::time::timeout(Duration::from_secs(20), next).await.expect("a mail").expect("a mailer")
    }

    /// The next try fails so.
    pub fn fail_next(&self, fault: MailFault) {
        self.faults.lock().push_back(fault);
    }

    /// Whether mails to this address were to be removed.
    pub fn has_forgotten(&self, to: &str) -> bool {
        self.forgotten.lock().iter().any(|forgotten| forgotten.as_str() == to)
    }

    /// Whether all faults were asked for.
    pub fn has_failed(&self) -> bool {
        self.faults.lock().is_empty()
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailFault> {
        if let Some(fault) = self.faults.lock().pop_front() {
            return Err(fault);
        }
        self.sent.send(mail.clone()).map_err(|_| MailFault::Unavailable("the test is over".to_owned()))
    }

    async fn forget(&self, to: &EmailAddress) -> Result<(), MailFault> {
        self.forgotten.lock().push(to.clone());
        Ok(())
    }
}

//! Sends mails, apart from the requests that cause them: no request waits for a mail or fails with it, and none takes longer
//! because there is one to send.
//!
//! What waits is in memory and bounded. A mail that can't be sent is tried again a few times, and what is lost then, or with the
//! process, can be asked for again. Neither its address nor what it says is ever logged.

use crate::metrics::{MailOutcome, Metrics};
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::ports::{Mail, MailFault, Mailer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Mails that wait.
const MOST_WAITING: usize = 256;
/// Mails that are being sent.
const AT_ONCE: usize = 8;
/// Mails that wait for their next try. One that can't be delivered keeps no other waiting.
const MOST_RETRIED: usize = 256;
/// Pauses between tries.
const PAUSES: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// Why a mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    Verification,
    KnownAddress,
    PasswordReset,
    PasswordChanged,
    BookingLink,
}

impl MailKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::KnownAddress => "known_address",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::BookingLink => "booking_link",
        }
    }
}

/// Where mails go to be sent. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    letters: mpsc::Sender<Letter>,
    context: Arc<Context>,
}

struct Context {
    mailer: Arc<dyn Mailer>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
}

struct Letter {
    kind: MailKind,
    /// Nothing, if there is nothing to say after all.
    write: BoxFuture<'static, Option<Mail>>,
}

impl Outbox {
    /// Sends through `mailer` until `shutdown`.
    #[must_use]
    pub fn start(mailer: Arc<dyn Mailer>, metrics: Arc<Metrics>, shutdown: CancellationToken) -> Self {
        let (letters, waiting) = mpsc::channel(MOST_WAITING);
        let context = Arc::new(Context { mailer, metrics, shutdown });
        tokio::spawn(work(waiting, Arc::clone(&context)));
        Self { letters, context }
    }

    /// Sends what `write` makes, later. Returns at once.
    pub fn post(&self, kind: MailKind, write: impl Future<Output = Option<Mail>> + Send + 'static) {
        let Err(refused) = self.letters.try_send(Letter { kind, write: write.boxed() }) else { return };
        self.context.metrics.mail(MailOutcome::LeftOut);
        let why = match refused {
            TrySendError::Full(_) => "too many mails are waiting",
            TrySendError::Closed(_) => "the server stops",
        };
        tracing::warn!(kind = kind.name(), why, "a mail is left out");
    }

    /// Mails that nobody sends yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.letters.max_capacity() - self.letters.capacity()
    }

    #[must_use]
    pub fn mailer(&self) -> &dyn Mailer {
        &*self.context.mailer
    }

    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.context.metrics
    }
}

async fn work(mut waiting: mpsc::Receiver<Letter>, context: Arc<Context>) {
    let turns = Arc::new(Turns { now: Arc::new(Semaphore::new(AT_ONCE)), later: Semaphore::new(MOST_RETRIED) });
    while let Some(Some((turn, letter))) = context.shutdown.run_until_cancelled(next(&turns.now, &mut waiting)).await {
        let (context, turns) = (Arc::clone(&context), Arc::clone(&turns));
        tokio::spawn(async move { deliver(&context, &turns, turn, letter).await });
    }
}

struct Turns {
    now: Arc<Semaphore>,
    later: Semaphore,
}

/// The next letter, when there is a turn for it.
async fn next(turns: &Arc<Semaphore>, waiting: &mut mpsc::Receiver<Letter>) -> Option<(OwnedSemaphorePermit, Letter)> {
    let turn = Arc::clone(turns).acquire_owned().await.ok()?;
    Some((turn, waiting.recv().await?))
}

async fn deliver(context: &Context, turns: &Turns, turn: OwnedSemaphorePermit, Letter { kind, write }: Letter) {
    let Some(mail) = write.await else { return };
    let (mut pauses, mut turn, mut later) = (PAUSES.into_iter(), Some(turn), None);
    let outcome = loop {
        let fault = match context.mailer.send(&mail).await {
            Ok(()) => break MailOutcome::Sent,
            Err(fault) => fault,
        };
        turn = None;
        if later.is_none() {
            later = turns.later.try_acquire().ok();
        }
        let pause = pauses.next().filter(|_| !matches!(fault, MailFault::Refused(_)) && later.is_some());
        let Some(pause) = pause else {
            tracing::warn!(kind = kind.name(), %fault, "a mail could not be sent");
            break MailOutcome::Failed;
        };
        tracing::debug!(kind = kind.name(), %fault, "a mail is tried again");
        if context.shutdown.run_until_cancelled(sleep(pause)).await.is_none() {
            tracing::warn!(kind = kind.name(), %fault, "a mail was not sent before the server stopped");
            break MailOutcome::Failed;
        }
        turn = Arc::clone(&turns.now).acquire_owned().await.ok();
    };
    drop(turn);
    context.metrics.mail(outcome);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Format, Gauges};
    use async_trait::async_trait;
    use lastseat_domain::account::EmailAddress;
    use lastseat_testkit::mailer::{MemoryMailer, mail};
    use tokio::sync::Notify;

    fn start(mailer: Arc<dyn Mailer>) -> (Outbox, Arc<Metrics>) {
        let metrics = Arc::<Metrics>::default();
        (Outbox::start(mailer, Arc::clone(&metrics), CancellationToken::new()), metrics)
    }

    fn post(outbox: &Outbox, number: u128) {
        outbox.post(MailKind::Verification, async move { Some(mail(number, "ann@example.org", "Hello\n")) });
    }

    fn counted(metrics: &Metrics, outcome: &str) -> u64 {
        let text = metrics.render(Gauges::default(), Format::Prometheus);
        let line = format!("lastseat_mails_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)).unwrap().parse().unwrap()
    }

    /// Until the tasks have nothing left to do.
    async fn settled(metrics: &Metrics, outcome: &str, count: u64) {
        for _ in 0..1000 {
            if counted(metrics, outcome) == count {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{outcome} never was {count}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_delivered_keeps_nothing_else_waiting() {
        let mailer = Arc::<MemoryMailer>::default();
        let (outbox, metrics) = start(mailer.clone());
        for number in 0..8 {
            mailer.fail_next(MailFault::Unavailable("450 no such domain".to_owned()));
            post(&outbox, number);
        }
        while !mailer.has_failed() {
            tokio::task::yield_now().await;
        }
        // Their first pause has not passed when this one is there.
        post(&outbox, 9);
        while counted(&metrics, "sent") == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(mailer.next().await, mail(9, "ann@example.org", "Hello\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_down_is_tried_again_and_one_that_refuses_is_not() {
        let mailer = Arc::<MemoryMailer>::default();
        let (outbox, metrics) = start(mailer.clone());
        for _ in 0..3 {
            mailer.fail_next(MailFault::Unavailable("down".to_owned()));
        }
        post(&outbox, 1);
        sleep(Duration::from_secs(200)).await;
        assert_eq!(mailer.next().await, mail(1, "ann@example.org", "Hello\n"));
        settled(&metrics, "sent", 1).await;
        mailer.fail_next(MailFault::Refused("550".to_owned()));
        post(&outbox, 2);
        settled(&metrics, "failed", 1).await;
        for _ in 0..4 {
            mailer.fail_next(MailFault::Unavailable("down".to_owned()));
        }
        post(&outbox, 3);
        sleep(Duration::from_secs(200)).await;
        settled(&metrics, "failed", 2).await;
        assert!(mailer.has_failed(), "four tries");
        outbox.post(MailKind::PasswordReset, async { None });
        post(&outbox, 4);
        assert_eq!(mailer.next().await.id, mail(4, "ann@example.org", "").id);
        settled(&metrics, "sent", 2).await;
    }

    /// Sends nothing until it may.
    #[derive(Default)]
    struct Hanging(Notify);

    #[async_trait]
    impl Mailer for Hanging {
        async fn send(&self, _: &Mail) -> Result<(), MailFault> {
            self.0.notified().await;
            Ok(())
        }

        async fn forget(&self, _: &EmailAddress) -> Result<(), MailFault> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded_and_nobody_waits_for_it() {
        let (outbox, metrics) = start(Arc::<Hanging>::default());
        for number in 0..AT_ONCE + MOST_WAITING {
            post(&outbox, u128::try_from(number).unwrap());
            tokio::task::yield_now().await;
        }
        assert_eq!(counted(&metrics, "left_out"), 0);
        for number in 0..10 {
            post(&outbox, number);
        }
        let left_out = counted(&metrics, "left_out");
        assert!((9..=10).contains(&left_out), "{left_out}");
    }
}

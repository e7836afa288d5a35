//! Mails to people with accounts. Whatever has to be looked up for one is looked up later, so that no answer depends on it, not
//! even its time.

use super::Accounts;
use super::letters::Letter;
use super::post::{LinkToken, Post};
use crate::metrics::MailOutcome;
use crate::outbox::MailKind;
use crate::problem::Problem;
use crate::wiring::key_file;
use lastseat_domain::BookingId;
use lastseat_domain::account::{Account, EmailAddress, Link, LinkPurpose};
use lastseat_domain::ports::Mail;
use lastseat_engine::Fault;

impl Accounts {
    /// After a sign-up: a link to confirm a new address, or the news that there is an account. `is_new`: whether one was made.
    pub(super) fn mail_after_sign_up(&self, email: EmailAddress, is_new: bool) {
        if is_new {
            self.mail_link(email, LinkPurpose::Verify);
        } else {
            self.post(MailKind::KnownAddress, email, |accounts, post, email| async move {
                let account = accounts.found(&email).await?;
                Some(accounts.mail(post.site.known_address(&email), account.email))
            });
        }
    }

    /// A link to confirm the address, if there is an account and nobody has, or one to choose another password.
    pub fn mail_link(&self, email: EmailAddress, purpose: LinkPurpose) {
        let kind = match purpose {
            LinkPurpose::Verify => MailKind::Verification,
            LinkPurpose::Reset => MailKind::PasswordReset,
        };
        self.post(kind, email, move |accounts, post, email| async move {
            let account = accounts.found(&email).await?;
            if purpose == LinkPurpose::Verify && account.verified_at.is_some() {
                return None;
            }
            let token = accounts.new_link(&account, purpose).await?.text();
            let letter = match purpose {
                LinkPurpose::Verify => post.site.verification(&email, &token),
                LinkPurpose::Reset => post.site.password_reset(&email, &token),
            };
            Some(accounts.mail(letter, account.email))
        });
    }

    /// The link of a booking. The address is kept nowhere, but in the mail where no SMTP server takes it.
    pub fn mail_booking(&self, email: EmailAddress, booking: BookingId, token: String) {
        self.post(MailKind::BookingLink, email, move |accounts, post, email| async move {
            Some(accounts.mail(post.site.booking(booking, &token), email))
        });
    }

    /// The news that the password is another one.
    pub(super) fn mail_password_changed(&self, email: EmailAddress) {
        let at = self.now();
        self.post(MailKind::PasswordChanged, email, move |accounts, post, email| async move {
            Some(accounts.mail(post.site.password_changed(&email, at), email))
        });
    }

    /// Removes what is kept of mails to an address.
    ///
    /// # Errors
    /// 503.
    pub(super) async fn forget_mails(&self, email: &EmailAddress) -> Result<(), Problem> {
        let Some(post) = &self.0.post else { return Ok(()) };
        Ok(post.outbox.mailer().forget(email).await.map_err(|fault| Fault::Unavailable(fault.to_string()))?)
    }

    /// Mails that wait to be sent.
    #[must_use]
    pub fn mails_waiting(&self) -> usize {
        self.0.post.as_ref().map_or(0, |post| post.outbox.waiting())
    }

    /// Writes a mail later, unless its address was sent enough of that kind.
    fn post<Write, Written>(&self, kind: MailKind, email: EmailAddress, write: Write)
    where
        Write: FnOnce(Self, Post, EmailAddress) -> Written,
        Written: Future<Output = Option<Mail>> + Send + 'static,
    {
        let Some(post) = &self.0.post else { return };
        // Each kind by itself: news that somebody causes by signing up must not keep a new password from who has forgotten theirs.
        match post.sent.guess(format!("{} {}", kind.name(), email.as_str()), self.now()) {
            Ok(counted) => {
                counted.was_wrong();
                post.outbox.post(kind, write(self.clone(), post.clone(), email));
            }
            Err(_) => post.outbox.metrics().mail(MailOutcome::Limited),
        }
    }

    fn mail(&self, Letter { subject, text }: Letter, to: EmailAddress) -> Mail {
        Mail { id: self.0.ids.uuid(), to, subject: subject.to_owned(), text, at: self.now() }
    }

    async fn found(&self, email: &EmailAddress) -> Option<Account> {
        self.0.store.by_email(email.clone()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a mail is not written");
            None
        })
    }

    async fn new_link(&self, account: &Account, purpose: LinkPurpose) -> Option<LinkToken> {
        let add = async {
            let token = key_file::random().map(LinkToken::new).map_err(|error| Fault::Unavailable(error.to_string()))?;
            self.0.store.add_link(token.hash(), Link::new(account.id, purpose, self.now())).await?;
            Ok::<_, Problem>(token)
        };
        let failed = |problem: Problem| tracing::warn!(error = problem.detail(), "a mail is not written");
        add.await.map_err(failed).ok()
    }
}

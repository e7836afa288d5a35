//! What sends mails to people.

use crate::Timestamp;
use crate::account::EmailAddress;
use async_trait::async_trait;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Longest name of a sender.
const MAX_NAME: usize = 60;

/// Who mails are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSender {
    /// As recipients see it, if it has one.
    pub name: Option<String>,
    /// Where answers go.
    pub address: EmailAddress,
}

/// The text names no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an e-mail address, or a name of ASCII letters, digits, spaces and .-' before it, such as Shop <tickets@shop.example>"
)]
pub struct InvalidSender;

impl FromStr for MailSender {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, InvalidSender> {
        let Some((name, address)) = text.trim().strip_suffix('>').and_then(|text| text.split_once('<')) else {
            return Ok(Self { name: None, address: text.parse().map_err(|_| InvalidSender)? });
        };
        let name = name.trim();
        // As it is shown.
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b" .-'".contains(&b));
        if name.is_empty() || name.len() > MAX_NAME || !is_plain {
            return Err(InvalidSender);
        }
        Ok(Self { name: Some(name.to_owned()), address: address.parse().map_err(|_| InvalidSender)? })
    }
}

impl fmt::Display for MailSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str(self.address.as_str()),
            Some(name) => write!(f, "\"{name}\" <{}>", self.address.as_str()),
        }
    }
}

/// A mail to one person. `Debug` prints neither who it is to nor what it says: that may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same with each try, so that the recipient's program can recognise a repeat.
    pub id: Uuid,
    /// Who gets it.
    pub to: EmailAddress,
    /// One line of ASCII.
    pub subject: String,
    /// Lines that end in `\n`.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
}

impl Mail {
    /// The mail as RFC 5322 writes it.
    #[must_use]
    pub fn message(&self, from: &MailSender) -> String {
        let Self { id, to, subject, text, at } = self;
        let (_, domain) = from.address.as_str().rsplit_once('@').unwrap_or_default();
        // Nothing in a line can begin another header.
        let subject: String = subject.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).collect();
        let encoding = if text.is_ascii() { "7bit" } else { "8bit" };
        let mut message = format!(
            "From: {from}\r\nTo: {}\r\nSubject: {subject}\r\nDate: {}\r\nMessage-ID: <{id}@{domain}>\r\n\
             Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n",
            to.as_str(),
            at.to_rfc2822(),
        );
        for line in text.lines() {
            message.push_str(line);
            message.push_str("\r\n");
        }
        message
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A mail was not sent. `Display` has nothing of the mail, neither its address nor what a server said about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// It never will be: there is no such mailbox, for example.
    #[error("refused: {0}")]
    Refused(String),
    /// It may be later.
    #[error("{0}")]
    Unavailable(String),
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends a mail once, within a bounded time. After an error it may have been sent all the same.
    async fn send(&self, mail: &Mail) -> Result<(), MailFault>;

    /// Removes what is kept here of mails to this address.
    async fn forget(&self, to: &EmailAddress) -> Result<(), MailFault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let shown = |text: &str| text.parse::<MailSender>().map(|sender| sender.to_string());
        assert_eq!(shown("Tickets@Shop.example").as_deref(), Ok("tickets@shop.example"));
        assert_eq!(
            shown(" The O'Neill-Shop <tickets@shop.example>").as_deref(),
            Ok("\"The O'Neill-Shop\" <tickets@shop.example>")
        );
        assert_eq!(shown("\"Shop\" <a@b.example>").as_deref(), Ok("\"Shop\" <a@b.example>"));
        for bad in [
            "",
            "shop",
            "<a@b.example>",
            "Shop <a>",
            "Shop\r\nBcc: x <a@b.example>",
            "Sh\"op <a@b.example>",
            "a@b.example, c@d.example",
        ] {
            assert_eq!(shown(bad), Err(InvalidSender), "{bad}");
        }
    }

    #[test]
    fn a_message_has_what_was_given_and_no_header_of_anybody_elses() {
        let mail = Mail {
            id: Uuid::from_u128(7),
            to: "ann@example.org".parse().unwrap(),
            subject: "Hello\r\nBcc: bob@example.org".to_owned(),
            text: "One\n\n.\nTwo\n".to_owned(),
            at: Timestamp::from_timestamp(1_900_000_000, 0).unwrap(),
        };
        let message = mail.message(&"Shop <tickets@shop.example>".parse().unwrap());
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "One\r\n\r\n.\r\nTwo\r\n");
        let head: Vec<&str> = head.lines().collect();
        assert_eq!(
            head[..5],
            [
                "From: \"Shop\" <tickets@shop.example>",
                "To: ann@example.org",
                "Subject: Hello??Bcc: bob@example.org",
                "Date: Sun, 17 Mar 2030 17:46:40 +0000",
                "Message-ID: <00000000-0000-0000-0000-000000000007@shop.example>",
            ]
        );
        assert!(!format!("{mail:?}").contains("ann@") && !format!("{mail:?}").contains("Hello"));
    }
}

//! Mails through an SMTP server, encrypted unless that is on this machine.
//!
//! Each mail has a connection of its own and a bounded time. What a server says about a mail is not passed on: it may name the
//! recipient.

use async_trait::async_trait;
use lastseat_domain::account::EmailAddress;
use lastseat_domain::ports::{Mail, MailFault, MailSender, Mailer};
use lettre::address::Envelope;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, AsyncSmtpTransportBuilder, Error};
use lettre::{Address, AsyncTransport, Tokio1Executor};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Time for a connection and a mail.
const PATIENCE: Duration = Duration::from_secs(30);
/// Asks for encryption also on this machine.
const WITH_TLS: &str = "?tls=required";
/// The server refuses who sends, not the mail: that can be put right.
const NOT_LET_IN: [u16; 4] = [530, 534, 535, 538];

/// The server's address can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address of the SMTP server can't be used: write smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST, %-encoded")]
pub struct InvalidServer;

/// Sends through one server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: MailSender,
    sender: Address,
}

impl SmtpMailer {
    /// `smtps://` is encrypted from the start (port 465); `smtp://` is encrypted before anything is sent (port 587), but to
    /// this machine only with `?tls=required`, else plain (port 25). Nothing is connected yet.
    ///
    /// # Errors
    /// [`InvalidServer`].
    pub fn new(url: &str, from: MailSender) -> Result<Self, InvalidServer> {
        Self::trusting(url, from, None)
    }

    /// Trusts this authority, too, in PEM.
    ///
    /// # Errors
    /// [`InvalidServer`].
    pub fn trusting(url: &str, from: MailSender, authority: Option<&str>) -> Result<Self, InvalidServer> {
        let place = Place::of(url)?;
        let url = if place.is_plain() { url.to_owned() } else { format!("{}{WITH_TLS}", url.trim_end_matches(WITH_TLS)) };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url).map_err(|_| InvalidServer)?;
        let builder = match authority {
            Some(pem) => trust(builder, &place, pem)?,
            None => builder,
        };
        let (_, domain) = from.address.as_str().rsplit_once('@').ok_or(InvalidServer)?;
        let builder = if place.is_named { builder } else { builder.hello_name(ClientId::Domain(domain.to_owned())) };
        let sender = from.address.as_str().parse().map_err(|_| InvalidServer)?;
        Ok(Self { transport: builder.timeout(Some(PATIENCE)).build(), from, sender })
    }

    /// Whether the server takes the connection, the encryption and the credentials.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), MailFault> {
        match timeout(PATIENCE, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailFault::Unavailable("the server is not ready".to_owned())),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(too_slow()),
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailFault> {
        let refused = |why: &str| MailFault::Refused(why.to_owned());
        let to = mail.to.as_str().parse().map_err(|_| refused("the address is not one of SMTP"))?;
        let envelope =
            Envelope::new(Some(self.sender.clone()), vec![to]).map_err(|_| refused("the address is not one of SMTP"))?;
        let message = mail.message(&self.from);
        // The line end before the dot that ends a message is sent with the dot.
        let message = message.strip_suffix("\r\n").unwrap_or(&message);
        match timeout(PATIENCE, self.transport.send_raw(&envelope, message.as_bytes())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(too_slow()),
        }
    }

    /// The server has them, and this machine nothing.
    async fn forget(&self, _: &EmailAddress) -> Result<(), MailFault> {
        Ok(())
    }
}

/// What an address says, apart from the credentials.
struct Place<'a> {
    host: &'a str,
    is_encrypted_from_the_start: bool,
    asks_for_tls: bool,
    /// It says which name to greet the server with.
    is_named: bool,
}

impl<'a> Place<'a> {
    fn of(url: &'a str) -> Result<Self, InvalidServer> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidServer)?;
        let (rest, asks_for_tls) = rest.strip_suffix(WITH_TLS).map_or((rest, false), |rest| (rest, true));
        if !["smtp", "smtps"].contains(&scheme) || rest.contains(['?', '#']) {
            return Err(InvalidServer);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        if host.is_empty() {
            return Err(InvalidServer);
        }
        Ok(Self { host, is_encrypted_from_the_start: scheme == "smtps", asks_for_tls, is_named: !path.is_empty() })
    }

    /// On this machine nobody listens in.
    fn is_plain(&self) -> bool {
        let is_here =
            self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        is_here && !self.is_encrypted_from_the_start && !self.asks_for_tls
    }
}

fn trust(builder: AsyncSmtpTransportBuilder, place: &Place<'_>, pem: &str) -> Result<AsyncSmtpTransportBuilder, InvalidServer> {
    let authority = Certificate::from_pem(pem.as_bytes()).map_err(|_| InvalidServer)?;
    let parameters = TlsParameters::builder(place.host.to_owned()).add_root_certificate(authority);
    let parameters = parameters.build_rustls().map_err(|_| InvalidServer)?;
    let tls = match (place.is_plain(), place.is_encrypted_from_the_start) {
        (true, _) => Tls::None,
        (false, true) => Tls::Wrapper(parameters),
        (false, false) => Tls::Required(parameters),
    };
    Ok(builder.tls(tls))
}

fn too_slow() -> MailFault {
    MailFault::Unavailable(format!("the server has not taken it in {} s", PATIENCE.as_secs()))
}

/// Without what the server said.
fn fault(error: &Error) -> MailFault {
    match error.status().map(u16::from) {
        Some(code) if NOT_LET_IN.contains(&code) => MailFault::Unavailable(format!("the server does not let us in ({code})")),
        Some(code) if error.is_permanent() => MailFault::Refused(format!("the server answered {code}")),
        Some(code) => MailFault::Unavailable(format!("the server answered {code}")),
        None if error.is_response() => MailFault::Unavailable("the server's answer can't be read".to_owned()),
        None => MailFault::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_to_this_machine_is_it_plain() {
        let is_plain = |url: &str| Place::of(url).map(|place| place.is_plain());
        for plain in ["smtp://localhost", "smtp://127.0.0.1:2525", "smtp://u:p@[::1]:25/name", "smtp://LOCALHOST"] {
            assert_eq!(is_plain(plain), Ok(true), "{plain}");
        }
        for encrypted in [
            "smtps://localhost",
            "smtp://localhost?tls=required",
            "smtp://mail.example",
            "smtp://u:p@mail.example:587",
            "smtp://localhost:p@mail.example",
            "smtp://localhost@mail.example",
            "smtp://localhost.mail.example",
        ] {
            assert_eq!(is_plain(encrypted), Ok(false), "{encrypted}");
        }
        for bad in [
            "",
            "smtp://",
            "smtp://u:p@",
            "mail.example",
            "http://mail.example",
            "smtp://a?tls=none",
            "smtp://a?tls=opportunistic",
        ] {
            assert_eq!(is_plain(bad), Err(InvalidServer), "{bad}");
        }
    }

    #[test]
    fn an_address_that_can_be_used_gives_a_mailer_and_any_other_a_line_without_it() {
        let from: MailSender = "tickets@shop.example".parse().unwrap();
        for good in ["smtps://u:p%40ss@mail.example", "smtp://u:p@mail.example:2525/greeting.example", "smtp://localhost"] {
            assert!(SmtpMailer::new(good, from.clone()).is_ok(), "{good}");
        }
        for bad in ["smtp://u:s3cret@a b", "smtp://u:s3cret@host:port"] {
            let error = SmtpMailer::new(bad, from.clone()).err().unwrap();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}

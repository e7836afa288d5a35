//! What sends mails: an SMTP server, or files that nobody receives.

use super::start_error::StartError;
use crate::config::Config;
use crate::data_dir::DataDir;
use lastseat_domain::ports::{Finding, MailSender, Mailer, Severity};
use lastseat_mail_files::FileMailer;
use lastseat_mail_smtp::SmtpMailer;
use std::sync::Arc;

/// Who mails in files are from, unless it is configured.
const FROM: &str = "lastseat@localhost";

/// The one that is configured.
///
/// # Errors
/// Settings that are missing, or can't be used.
pub(super) fn open(config: &Config, data: &DataDir) -> Result<Arc<dyn Mailer>, StartError> {
    if let Some(mailer) = smtp(config).map_err(StartError::Settings)? {
        return Ok(Arc::new(mailer));
    }
    let from = match &config.mail_from {
        Some(from) => from.clone(),
        None => FROM.parse::<MailSender>().map_err(|error| StartError::Settings(format!("mail_from {error}")))?,
    };
    Ok(Arc::new(FileMailer::new(&data.mail(), from)))
}

fn smtp(config: &Config) -> Result<Option<SmtpMailer>, String> {
    let Some(url) = &config.smtp_url else { return Ok(None) };
    let needs = |setting: &str, why: &str| format!("--smtp-url needs --{setting}, {why}");
    let from = config.mail_from.clone().ok_or_else(|| needs("mail-from", "the address that mails are from"))?;
    if config.public_url.is_none() {
        return Err(needs("public-url", "the address that links in mails lead to"));
    }
    SmtpMailer::new(url.expose(), from).map(Some).map_err(|error| error.to_string())
}

/// For `lastseat doctor`.
pub(super) async fn check(config: &Config) -> Finding {
    const OF: &str = "mail";
    let (Some(url), mailer) = (&config.smtp_url, smtp(config)) else {
        let text = "files in the data directory, which nobody receives; --smtp-url names a server that sends them";
        return Finding::new(Severity::Warn, OF, text);
    };
    match mailer {
        Err(why) => Finding::new(Severity::Refuse, OF, why),
        Ok(None) => Finding::new(Severity::Ok, OF, "none"),
        Ok(Some(mailer)) => match mailer.check().await {
            Ok(()) => Finding::new(Severity::Ok, OF, format!("{url} answers")),
            // A node sells without it, and tries again.
            Err(fault) => {
                Finding::new(Severity::Warn, OF, format!("{url}: {fault}; mails are tried for a few minutes, then lost"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::service_url::ServiceUrl;

    #[test]
    fn a_server_for_mails_needs_a_sender_and_an_address_for_links() {
        let config = |from: &str, public_url: &str| Config {
            smtp_url: ServiceUrl::of("smtps://ann:s3cret@mail.example", &["smtps://"]),
            mail_from: from.parse().ok(),
            public_url: Some(public_url.to_owned()).filter(|url| !url.is_empty()),
            ..Config::default()
        };
        assert!(smtp(&config("", "https://shop.example")).err().unwrap().contains("--mail-from"));
        assert!(smtp(&config("a@shop.example", "")).err().unwrap().contains("--public-url"));
        assert!(smtp(&config("a@shop.example", "https://shop.example")).unwrap().is_some());
        assert!(smtp(&Config::default()).unwrap().is_none());
    }
}

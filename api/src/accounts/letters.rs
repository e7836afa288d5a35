//! What the mails say. Plain text, a few lines, and the link on a line of its own.

use lastseat_domain::account::{EmailAddress, LinkPurpose};
use lastseat_domain::{BookingId, Timestamp};

/// A subject and a text.
pub(super) struct Letter {
    pub subject: &'static str,
    pub text: String,
}

/// Where links lead.
#[derive(Clone)]
pub(super) struct Site {
    url: String,
}

impl Site {
    /// The server that is reached at this address.
    pub fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// After `#`: browsers send nothing of that, so no access log has it.
    fn page(&self, fragment: &str) -> String {
        format!("{}/account#{fragment}", self.url)
    }

    pub fn verification(&self, email: &EmailAddress, token: &str) -> Letter {
        let (url, email, link) = (&self.url, email.as_str(), self.page(&format!("verify={token}")));
        let hours = LinkPurpose::Verify.lasts().num_hours();
        let text = format!(
            "Hello,\n\nsomebody, probably you, has made an account for {email} at\n{url}\n\n\
             Open this link to confirm that the address is yours:\n\n{link}\n\n\
             The link works once, for {hours} hours, and asks for the password of the account.\n\n\
             If this was not you, do nothing: the address stays unconfirmed.\n"
        );
        Letter { subject: "Confirm your e-mail address", text }
    }

    pub fn known_address(&self, email: &EmailAddress) -> Letter {
        let (url, email, page) = (&self.url, email.as_str(), self.page("forgot"));
        let text = format!(
            "Hello,\n\nsomebody, probably you, has tried to make an account for {email} at\n{url}\n\n\
             You already have one, and it has not changed. Sign in with its password. If you have\n\
             forgotten that, ask for a link to choose another one:\n\n{page}\n\n\
             If this was not you, you don't have to do anything.\n"
        );
        Letter { subject: "You already have an account", text }
    }

    pub fn password_reset(&self, email: &EmailAddress, token: &str) -> Letter {
        let (url, email, link) = (&self.url, email.as_str(), self.page(&format!("reset={token}")));
        let minutes = LinkPurpose::Reset.lasts().num_minutes();
        let text = format!(
            "Hello,\n\nsomebody, probably you, has asked for another password for the account of {email} at\n{url}\n\n\
             Open this link to choose one:\n\n{link}\n\n\
             The link works once, for {minutes} minutes. With a new password, everybody who is signed in\n\
             to the account is signed out.\n\n\
             If this was not you, do nothing: the password stays as it is.\n"
        );
        Letter { subject: "Choose another password", text }
    }

    pub fn booking(&self, id: BookingId, token: &str) -> Letter {
        let url = &self.url;
        let text = format!(
            "Hello,\n\nthis link leads to your booking at\n{url}\n\n{url}/wallet#booking={id}&token={token}\n\n\
             Who has the link has the booking: keep it for yourself. If you have an account there, you can\n\
             take the booking into it.\n\n\
             If you have not booked anything, somebody has mistyped their address. Please delete this mail.\n"
        );
        Letter { subject: "Your booking", text }
    }

    pub fn password_changed(&self, email: &EmailAddress, at: Timestamp) -> Letter {
        let (url, email, page) = (&self.url, email.as_str(), self.page("forgot"));
        let at = at.format("%Y-%m-%d %H:%M");
        let text = format!(
            "Hello,\n\nthe password of the account of {email} at\n{url}\nwas changed on {at} UTC.\n\n\
             If this was not you, somebody else can sign in to your account. Choose another password at once:\n\n{page}\n"
        );
        Letter { subject: "Your password was changed", text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_short_lines_of_ascii_with_the_link_on_its_own() {
        let (site, ann) = (Site::new("https://shop.example/tickets/"), "ann@example.org".parse().unwrap());
        let at = Timestamp::from_timestamp(1_900_000_000, 0).unwrap();
        let token = "A".repeat(43);
        let letters = [
            (site.verification(&ann, &token), format!("https://shop.example/tickets/account#verify={token}")),
            (site.known_address(&ann), "https://shop.example/tickets/account#forgot".to_owned()),
            (site.password_reset(&ann, &token), format!("https://shop.example/tickets/account#reset={token}")),
            (site.password_changed(&ann, at), "https://shop.example/tickets/account#forgot".to_owned()),
        ];
        for (Letter { subject, text }, link) in letters {
            assert!(text.lines().any(|line| line == link), "{text}");
            assert!(text.is_ascii() && subject.is_ascii() && text.ends_with('\n') && text.contains("ann@example.org"));
            assert!(text.lines().all(|line| line.len() <= 120), "{text}");
        }
    }
}

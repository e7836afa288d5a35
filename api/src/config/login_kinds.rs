//! The kinds of values that say who signs in, here and elsewhere.

use super::kind::{Kind, LIST, kind, secret, switch};
use super::service_url::ServiceUrl;
use crate::auth::{RoleRule, is_safe};
use lastseat_domain::ports::MailSender;

pub(super) const ISSUER: Kind<Option<String>> = kind(
    "URL",
    "an https:// address without query, or an http:// one on this machine, such as https://login.example.org/realms/shop",
    |text| {
        let usable = is_safe(text) && !text.contains(['?', '#']) && text.chars().all(|c| c.is_ascii_graphic());
        usable.then(|| Some(text.to_owned()))
    },
    |issuer| issuer.clone().unwrap_or_default(),
);
pub(super) const AUDIENCE: Kind<Option<String>> = kind(
    "NAME",
    "a text, such as the name that the provider has for this server",
    |text| (!text.trim().is_empty()).then(|| Some(text.trim().to_owned())),
    |audience| audience.clone().unwrap_or_default(),
);
pub(super) const ROLE_CLAIM: Kind<String> = kind(
    "CLAIM",
    "the name of a claim, such as roles, groups or realm_access.roles",
    |text| (!text.trim().is_empty()).then(|| text.trim().to_owned()),
    String::clone,
);
pub(super) const ROLE_RULES: Kind<Vec<RoleRule>> = kind(
    LIST,
    "roles with the value that gives them, and commas between, such as manager=shop-managers, staff=tills; the roles are buyer, \
     staff, manager, auditor and admin",
    RoleRule::list,
    |rules| rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
);
pub(super) const ACCOUNTS: Kind<Option<bool>> = kind(
    "WHETHER",
    "true, false, or auto: unless there is an --eventstore, where it can't be true",
    |text| match text {
        "auto" => Some(None),
        text => switch(text).map(Some),
    },
    |accounts| accounts.map_or_else(|| "auto".to_owned(), |wanted| wanted.to_string()),
);
pub(super) const SMTP_URL: Kind<Option<ServiceUrl>> = secret(
    "URL",
    "an address such as smtps://USER:PASSWORD@mail.example.org (encrypted from the start) or smtp://USER:PASSWORD@mail.example.org \
     (encrypted before anything is sent); smtp://localhost is not encrypted, unless ?tls=required follows",
    |text| {
        let (place, query) = text.split_once('?').unwrap_or((text, "tls=required"));
        let usable = query == "tls=required" && !place.contains('#');
        ServiceUrl::of(text, &["smtp://", "smtps://"]).filter(|_| usable).map(Some)
    },
    |url| url.as_ref().map(ToString::to_string).unwrap_or_default(),
);
pub(super) const MAIL_FROM: Kind<Option<MailSender>> = kind(
    "SENDER",
    "an e-mail address, or a name before it, such as Example Shop <tickets@shop.example>",
    |text| text.parse().ok().map(Some),
    |from| from.as_ref().map(ToString::to_string).unwrap_or_default(),
);

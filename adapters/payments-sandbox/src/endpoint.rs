//! An address of the shop to which events are sent.

use lastseat_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// Every event.
pub(super) const ALL_EVENTS: &str = "*";

/// A webhook endpoint, as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// Its name.
    pub id: String,
    /// When it was made; earlier events are not sent.
    pub created: Timestamp,
    /// Where events go.
    pub url: String,
    /// Which events: their types, or `*`.
    pub enabled_events: Vec<String>,
    /// What events are signed with.
    pub secret: String,
    /// Nothing is sent to it.
    #[serde(default)]
    pub disabled: bool,
    /// It is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What the shop says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The version of the API that the shop wants its events in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Anything else to remember with it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Fingerprint of the request that made it.
    pub params: Uuid,
}

impl WebhookEndpoint {
    /// Whether an event of this type, of that time, is sent to it.
    #[must_use]
    pub fn takes(&self, kind: &str, at: Timestamp) -> bool {
        let listed = self.enabled_events.iter().any(|event| event == ALL_EVENTS || event == kind);
        listed && !self.disabled && !self.deleted && at >= self.created
    }
}

impl fmt::Debug for WebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEndpoint").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn it_takes_what_it_was_made_for() {
        let at = Timestamp::UNIX_EPOCH + TimeDelta::days(1);
        let endpoint = WebhookEndpoint {
            id: "we_1".into(),
            created: at,
            url: "http://a/".into(),
            enabled_events: vec!["charge.succeeded".into()],
            secret: "whsec_s3cret".into(),
            disabled: false,
            deleted: false,
            description: None,
            api_version: None,
            metadata: BTreeMap::new(),
            params: Uuid::nil(),
        };
        assert!(endpoint.takes("charge.succeeded", at) && !endpoint.takes("charge.failed", at));
        assert!(!endpoint.takes("charge.succeeded", at - TimeDelta::seconds(1)));
        let all = WebhookEndpoint { enabled_events: vec![ALL_EVENTS.into()], ..endpoint.clone() };
        assert!(all.takes("charge.failed", at));
        assert!(!WebhookEndpoint { disabled: true, ..all.clone() }.takes("charge.failed", at));
        assert!(!WebhookEndpoint { deleted: true, ..all }.takes("charge.failed", at));
        assert!(!format!("{endpoint:?}").contains("s3cret"));
    }
}

//! The result of checking something outside the program, such as Redis or the event store.

use serde::Serialize;
use std::fmt;

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// As it should be.
    #[serde(rename = "well")]
    Ok,
    /// A node works with it, with a disadvantage that `text` names.
    #[serde(rename = "warning")]
    Warn,
    /// No node should sell with it.
    #[serde(rename = "wrong")]
    Refuse,
}

/// The result of checking one thing. Its JSON is what `lastseat doctor --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked, in a word or two.
    #[serde(rename = "of")]
    pub subject: &'static str,
    /// How much it matters.
    #[serde(rename = "mark")]
    pub severity: Severity,
    /// What was found and, unless all is well, what to do.
    pub text: String,
}

impl Finding {
    /// A finding about `subject`; `text` says what was found and what to do.
    #[must_use]
    pub fn new(severity: Severity, subject: &'static str, text: impl Into<String>) -> Self {
        Self { subject, severity, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.text)
    }
}

//! Roles of callers: what the bearer of a token, or the owner of an account, is for the shop.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What somebody is for the shop. What a role may do is the API's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Books for themselves.
    Buyer,
    /// Sells at a till: holds for buyers, reads, cancels and refunds any booking.
    Staff,
    /// Everything that staff does; runs shows, and reviews payments.
    Manager,
    /// Reads everything and changes nothing.
    Auditor,
    /// Everything.
    Admin,
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; a role is `buyer`, `staff`, `manager`, `auditor` or `admin`")]
pub struct UnknownRole(String);

impl Role {
    /// All roles, in the order of the documents.
    pub const ALL: [Self; 5] = [Self::Buyer, Self::Staff, Self::Manager, Self::Auditor, Self::Admin];

    /// As tokens and accounts have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

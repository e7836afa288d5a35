//! The hash under which the log knows an access code.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Hash of an access code, made under a secret of the deployment.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessCodeHash(pub String);

impl PartialEq for AccessCodeHash {
    /// Takes as long for a hash that differs in its first byte as for one that differs in its last.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

impl Eq for AccessCodeHash {}

impl fmt::Debug for AccessCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessCodeHash(…)")
    }
}

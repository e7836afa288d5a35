//! What becomes of an optional member, in a request and in an event.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What becomes of an optional member: it stays, goes, or gets a value. In JSON it is absent, `null`, or the value
/// (RFC 7396, JSON Merge Patch); the field needs `#[serde(default, skip_serializing_if = "Change::is_keep")]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none afterwards.
    Remove,
    /// This is its value afterwards.
    Set(T),
}

impl<T> Change<T> {
    /// Whether it stays as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The member afterwards.
    #[must_use]
    pub fn applied_to(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Remove => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Likewise of another type.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Remove => Change::Remove,
            Self::Set(value) => Change::Set(of(value)),
        }
    }
}

impl<T: PartialEq> Change<T> {
    /// `Keep` if it changes nothing.
    #[must_use]
    pub fn against(self, before: Option<&T>) -> Self {
        match (&self, before) {
            (Self::Remove, None) => Self::Keep,
            (Self::Set(value), Some(before)) if value == before => Self::Keep,
            _ => self,
        }
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Remove => serializer.serialize_none(),
            Self::Set(value) => serializer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Remove, Self::Set))
    }
}

//! A part of something.

use std::fmt;

/// A part of something, in thousandths: above 0 and up to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u16);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(1_000);

    /// Reads a number above 0 and up to 1. What is less than a thousandth counts as one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let share: f64 = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0)?;
        (1..=1_000).rev().find(|thousandths| f64::from(*thousandths) <= share * 1_000.0 + 1e-9).or(Some(1)).map(Self)
    }

    /// As a fraction of 1.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_above_none_and_up_to_all() {
        for (text, shown) in
            [("1", "1"), ("1.0", "1"), ("0.5", "0.5"), (".25", "0.25"), ("0.333333", "0.333"), ("0.0001", "0.001")]
        {
            assert_eq!(Share::of(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["0", "-0.5", "1.1", "half", "", "NaN", "inf"] {
            assert_eq!(Share::of(text), None, "{text}");
        }
    }
}

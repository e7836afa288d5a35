//! How much somebody may do in a time: the generic cell rate algorithm, as a pure function.
//!
//! A key has one number, the moment until which its quota is used up ahead: each unit moves it on by
//! one interval, the time moves it back. No window begins or ends, so there is no moment at which
//! two quotas can be spent at once, and nothing has to be reset.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Most units of a quota, so that one unit is never less than a microsecond.
const MOST_UNITS: u32 = 1_000_000;
/// Longest time of a quota, in seconds.
const LONGEST: u32 = 86_400;

/// So many at once, refilled evenly over so many seconds. `Display` and `FromStr` write it `60/10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    burst: NonZeroU32,
    seconds: NonZeroU32,
}

/// What is no quota. `Display` says what is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota is a number from 1 to 1000000 and a time from 1s to 24h, such as 60/10s, 300/1m or 5000/1h")]
pub struct InvalidQuota;

/// Whether a key may go on, and what is left of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whether it may. If so, one unit was taken; if not, none was.
    pub allowed: bool,
    /// Units that are left for use at once.
    pub remaining: u32,
    /// When there will be one more of them; never longer than one interval of the quota.
    pub more_in: Duration,
}

impl Quota {
    /// `burst` units in `seconds`.
    ///
    /// # Errors
    /// [`InvalidQuota`] unless there are 1 to 1,000,000 units in 1 to 86,400 seconds.
    pub fn new(burst: u32, seconds: u32) -> Result<Self, InvalidQuota> {
        match (NonZeroU32::new(burst), NonZeroU32::new(seconds)) {
            (Some(units), Some(time)) if burst <= MOST_UNITS && seconds <= LONGEST => Ok(Self { burst: units, seconds: time }),
            _ => Err(InvalidQuota),
        }
    }

    /// Units that can be used at once.
    #[must_use]
    pub fn burst(self) -> u32 {
        self.burst.get()
    }

    /// Seconds in which all of them come back.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.seconds.get()
    }

    /// Microseconds in which one unit comes back. Rounded down: whoever waits as long as was said
    /// must not find a microsecond missing.
    #[must_use]
    pub fn interval_micros(self) -> u64 {
        u64::from(self.seconds.get()) * 1_000_000 / u64::from(self.burst.get())
    }

    /// Takes one unit if there is one. `used_until` is what the key has from its last request, 0 if
    /// there was none; what comes back beside the answer is what it has from now on. Both, and
    /// `now`, are microseconds since the Unix epoch; `used_until <= now` is the same as 0, so that
    /// such a key can be forgotten.
    ///
    /// A `used_until` from a clock that went back costs one quota at the most.
    #[must_use]
    pub fn take(self, used_until: u64, now: u64) -> (Allowance, u64) {
        let interval = self.interval_micros();
        let room = interval * u64::from(self.burst.get());
        let used = used_until.saturating_sub(now).min(room);
        let allowed = used + interval <= room;
        let used = if allowed { used + interval } else { used };
        let left = room - used;
        let remaining = left / interval;
        let more_in = Duration::from_micros((remaining + 1) * interval - left);
        let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
        (Allowance { allowed, remaining, more_in }, now.saturating_add(used))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, unit) = match self.seconds.get() {
            seconds if seconds % 3600 == 0 => (seconds / 3600, 'h'),
            seconds if seconds % 60 == 0 => (seconds / 60, 'm'),
            seconds => (seconds, 's'),
        };
        write!(f, "{}/{time}{unit}", self.burst)
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (burst, time) = text.split_once('/').ok_or(InvalidQuota)?;
        let (time, unit) = [('s', 1), ('m', 60), ('h', 3600)]
            .into_iter()
            .find_map(|(letter, unit)| time.strip_suffix(letter).map(|time| (time, unit)))
            .ok_or(InvalidQuota)?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| InvalidQuota);
        Self::new(number(burst)?, number(time)?.checked_mul(unit).ok_or(InvalidQuota)?)
    }
}

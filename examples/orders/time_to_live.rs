//! How long orders are in the list.

use std::str::FromStr;

use es_core::Timestamp;

/// A number of days, 1 to 3650.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeToLive {
    days: u16,
}

/// A text says no time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a number of days from 1 to 3650")]
pub struct InvalidTimeToLive;

impl TimeToLive {
    /// The end of this time, begun at `start`, in seconds of Unix time.
    pub fn end(self, start: Timestamp) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        start.as_second().saturating_add(i64::from(self.days) * DAY)
    }
}

impl Default for TimeToLive {
    fn default() -> Self {
        Self { days: 7 }
    }
}

impl FromStr for TimeToLive {
    type Err = InvalidTimeToLive;

    fn from_str(days: &str) -> Result<Self, InvalidTimeToLive> {
        match days.parse() {
            Ok(days @ 1..=3650) => Ok(Self { days }),
            _ => Err(InvalidTimeToLive),
        }
    }
}

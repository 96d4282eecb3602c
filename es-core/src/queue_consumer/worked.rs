use serde::Serialize;

/// What a consumer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Worked {
    /// The messages that were received, each time counted.
    pub received: u64,
    /// Those that were handled.
    pub done: u64,
    /// Those that had been handled before.
    pub duplicates: u64,
    /// Those that failed and were given back to come again.
    pub retried: u64,
    /// Those that are dead letters now.
    pub dead_lettered: u64,
    /// Those that were given back, or left to come again, without an attempt that came to an end: behind
    /// one of their group that failed, while another receiver is at work on them, at a shutdown, because
    /// their receipt was lost.
    pub given_back: u64,
}

impl Worked {
    pub(super) fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn with(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            received: each(self.received, other.received),
            done: each(self.done, other.done),
            duplicates: each(self.duplicates, other.duplicates),
            retried: each(self.retried, other.retried),
            dead_lettered: each(self.dead_lettered, other.dead_lettered),
            given_back: each(self.given_back, other.given_back),
        }
    }
}

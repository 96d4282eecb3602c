//! How long a group waits for company.
//!
//! Callers that were answered together come back together, one after the other within some microseconds.
//! The first of them would begin a group, and the others would have to wait for its `fsync` and then pay for
//! one of their own. So a group that is smaller than the one before waits for those who may still come, for
//! a part of the time that the last `COMMIT` took. What it can lose is small against what it can save, and
//! a caller that is alone never waits: the group before it had one write, too.

use std::time::Duration;

/// The part of a `COMMIT` that is waited.
const SHARE: u32 = 4;

/// However slow the disk is, in all.
const LONGEST: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gathering {
    last_group: usize,
    last_commit: Duration,
}

impl Gathering {
    /// A group was committed.
    pub(super) fn committed(&mut self, writes: usize, took: Duration) {
        *self = Self { last_group: writes, last_commit: took };
    }

    /// How long a group of so many writes, which has waited for so long, waits for one more.
    pub(super) fn patience(&self, writes: usize, waited: Duration) -> Duration {
        if (1..self.last_group).contains(&writes) {
            (self.last_commit / SHARE).min(LONGEST.saturating_sub(waited))
        } else {
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_group_that_is_smaller_than_the_one_before_waits() {
        let mut gathering = Gathering::default();
        let patience = |gathering: &Gathering, writes| gathering.patience(writes, Duration::ZERO);
        assert_eq!(patience(&gathering, 1), Duration::ZERO, "the first of all");
        gathering.committed(64, Duration::from_micros(200));
        assert_eq!(patience(&gathering, 63), Duration::from_micros(50));
        assert_eq!(patience(&gathering, 64), Duration::ZERO);
        assert_eq!(patience(&gathering, 0), Duration::ZERO, "all were abandoned");
        gathering.committed(1, Duration::from_micros(200));
        assert_eq!(patience(&gathering, 1), Duration::ZERO, "a caller that is alone");
    }

    #[test]
    fn nobody_waits_long_on_a_slow_disk() {
        let mut gathering = Gathering::default();
        gathering.committed(2, Duration::from_secs(1));
        assert_eq!(gathering.patience(1, Duration::ZERO), LONGEST);
        assert_eq!(gathering.patience(1, LONGEST / 4), LONGEST * 3 / 4);
        assert_eq!(gathering.patience(1, LONGEST * 2), Duration::ZERO);
    }
}

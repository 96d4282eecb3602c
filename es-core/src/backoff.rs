//! How long to wait before trying again.

use std::time::Duration;

use crate::entropy::Entropy;

/// Exponential backoff with full jitter: before the n-th retry a random time between zero and
/// `base × 2ⁿ⁻¹`, at most `max`. Full jitter keeps callers that failed together from coming back
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The upper end of the first wait.
    pub base: Duration,
    /// The upper end of every wait.
    pub max: Duration,
}

impl Backoff {
    /// The wait before the `retry`-th retry, counted from 1.
    pub fn delay(&self, retry: u32, entropy: &dyn Entropy) -> Duration {
        let ceiling = self.base.saturating_mul(1 << retry.saturating_sub(1).min(20)).min(self.max);
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(entropy.next_u64() % nanos.saturating_add(1).max(1))
    }
}

impl Default for Backoff {
    /// 10 ms at first, 2 s at most.
    fn default() -> Self {
        Self { base: Duration::from_millis(10), max: Duration::from_secs(2) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Always(u64);

    impl Entropy for Always {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn waits_grow_to_the_maximum_and_never_pass_it() {
        let backoff = Backoff { base: Duration::from_nanos(8), max: Duration::from_nanos(30) };
        let longest =
            |retry| (0..64).map(|n| backoff.delay(retry, &Always(n)).as_nanos()).max().unwrap();
        assert_eq!([longest(1), longest(2), longest(3), longest(60)], [8, 16, 30, 30]);
        assert_eq!(backoff.delay(1, &Always(9)), Duration::ZERO);
    }
}

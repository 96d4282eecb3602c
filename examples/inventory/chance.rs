//! What happens by chance, from a seed.

use sha2::{Digest as _, Sha256};

/// Decides by chance, as often as it is asked in the same way: the same seed, occasion and subject come to the same,
/// also after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    /// What comes of this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { seed }
    }

    /// Whether it comes true for the subject, where it does at this rate: 0 is never, 1 is always.
    pub fn comes_true(self, occasion: &str, subject: &str, rate: f64) -> bool {
        /// What a `f64` tells apart.
        const PARTS: u64 = 1 << 53;
        (self.number(occasion, subject) % PARTS) as f64 / (PARTS as f64) < rate
    }

    /// A number from the range for the subject. An empty range has its start only.
    pub fn among(self, occasion: &str, subject: &str, range: std::ops::Range<u64>) -> u64 {
        let length = range.end.saturating_sub(range.start).max(1);
        range.start + self.number(occasion, subject) % length
    }

    fn number(self, occasion: &str, subject: &str) -> u64 {
        let digest = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(occasion)
            .chain_update([0])
            .chain_update(subject)
            .finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_by_chance_comes_at_its_rate_and_again() {
        let chance = Chance::from_seed(7);
        let count = |rate| {
            let subjects = 0..10_000;
            let true_of = |n: &i32| chance.comes_true("rain", &n.to_string(), rate);
            subjects.filter(true_of).count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 10_000));
        assert!((2_800..3_200).contains(&count(0.3)), "{}", count(0.3));
        assert_eq!(count(0.3), count(0.3));
    }

    #[test]
    fn seeds_occasions_and_subjects_tell_numbers_apart() {
        let number =
            |seed, occasion, subject| Chance::from_seed(seed).among(occasion, subject, 0..u64::MAX);
        let numbers =
            [number(1, "a", "b"), number(2, "a", "b"), number(1, "a", "c"), number(1, "ab", "")];
        let different: std::collections::BTreeSet<_> = numbers.into_iter().collect();
        assert_eq!(different.len(), numbers.len());
        assert_eq!(Chance::from_seed(1).among("a", "b", 5..5), 5);
        assert!((5..8).contains(&Chance::from_seed(1).among("a", "b", 5..8)));
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money, in whole cents: never a fraction of one, never rounded.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The most: 2⁵³ − 1 cents. Readers of JSON that keep numbers as doubles know every whole number up to
    /// this one exactly (RFC 8259, section 6), and others not.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// So many cents; `None` when that is more than [`MAX`](Self::MAX).
    pub fn cents(cents: u64) -> Option<Self> {
        Some(Self(cents)).filter(|money| *money <= Self::MAX)
    }

    /// How many cents it is.
    pub const fn as_cents(self) -> u64 {
        self.0
    }

    /// Both together; `None` when that is more than [`MAX`](Self::MAX).
    pub fn plus(self, more: Self) -> Option<Self> {
        self.0.checked_add(more.0).and_then(Self::cents)
    }

    /// What is left; `None` when it is less than that.
    pub fn minus(self, less: Self) -> Option<Self> {
        self.0.checked_sub(less.0).map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sum_is_more_than_the_most_and_no_difference_less_than_nothing() {
        let one = Money::cents(1).unwrap();
        assert_eq!(Money::MAX.plus(one), None);
        assert_eq!(Money::cents(Money::MAX.as_cents() + 1), None);
        assert_eq!(Money::ZERO.minus(one), None);
        assert_eq!(Money::MAX.minus(one).and_then(|rest| rest.plus(one)), Some(Money::MAX));
    }

    #[test]
    fn the_most_survives_a_reader_that_keeps_doubles() {
        let written = serde_json::to_string(&Money::MAX).unwrap();
        let read: f64 = written.parse().unwrap();
        assert_eq!(read as u64, Money::MAX.as_cents());
        assert_ne!((Money::MAX.as_cents() + 2) as f64 as u64, Money::MAX.as_cents() + 2);
    }

    #[test]
    fn people_read_it_with_a_point() {
        assert_eq!(Money::cents(405).unwrap().to_string(), "4.05");
    }
}

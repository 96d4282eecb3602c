use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount of money, in cents: `4.50` is 450 of them.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(u64);

/// A text is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a price like 4 or 4.50")]
pub struct InvalidMoney;

impl Money {
    /// So many cents.
    pub const fn cents(cents: u64) -> Self {
        Self(cents)
    }

    /// It, so many times. Where that is more than can be said, the most that can.
    #[must_use]
    pub fn times(self, n: u32) -> Self {
        Self(self.0.saturating_mul(u64::from(n)))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let (whole, cents) = text.split_once('.').unwrap_or((text, "00"));
        // Digits only: `str::parse` would also take a sign.
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if cents.len() != 2 || !digits(whole) || !digits(cents) {
            return Err(InvalidMoney);
        }
        let whole: u64 = whole.parse().map_err(|_| InvalidMoney)?;
        let cents: u64 = cents.parse().map_err(|_| InvalidMoney)?;
        let sum = whole.checked_mul(100).and_then(|whole| whole.checked_add(cents));
        sum.map(Self).ok_or(InvalidMoney)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, cents) in
            [("4", 400), ("4.50", 450), ("0.05", 5), ("184467440737095516.15", u64::MAX)]
        {
            assert_eq!(text.parse(), Ok(Money::cents(cents)), "{text}");
        }
        assert_eq!(Money::cents(405).to_string(), "4.05");
        for text in
            ["", ".", ".50", "4.5", "4.500", "-4", "+4", "4,50", "184467440737095516.16", "4.٥٠"]
        {
            assert_eq!(text.parse::<Money>(), Err(InvalidMoney), "{text:?}");
        }
    }
}

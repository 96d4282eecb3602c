//! Exact decimal amounts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

const DECIMALS: usize = 4;
const ONE: u64 = 10_u64.pow(DECIMALS as u32);
const MAX_WHOLE_DIGITS: usize = 9;

/// An exact, non-negative decimal number such as `500`, `0.5` or `62.5`.
///
/// Binary floating point would turn a dose of 0.1 mg into something that is not 0.1 mg, so amounts
/// are fixed-point: at most nine digits before the decimal point and four after it, enough for
/// 0.0625 mg of digoxin. Serialised as the decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount {
    ten_thousandths: u64,
}

impl Amount {
    /// A whole number.
    #[must_use]
    pub const fn whole(number: u32) -> Self {
        Self { ten_thousandths: number as u64 * ONE }
    }

    /// This amount as a whole number, if it is one.
    #[must_use]
    pub fn as_whole(self) -> Option<u32> {
        if self.ten_thousandths.is_multiple_of(ONE) {
            u32::try_from(self.ten_thousandths / ONE).ok()
        } else {
            None
        }
    }

    pub(super) const fn quarters(number: u32) -> Self {
        Self { ten_thousandths: number as u64 * ONE / 4 }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { ten_thousandths: self.ten_thousandths.saturating_add(other.ten_thousandths) }
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    /// Reads `500`, `0.5` or `.5`.
    ///
    /// # Errors
    ///
    /// Anything a hurried eye could take for another number is refused: `05` (a lost decimal
    /// point?), `1.0.5`, `5.`, and numbers with more digits than a prescription can mean.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let (whole, decimals) = match text.split_once('.') {
            Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
            Some(_) => return Err(InvalidAmount),
            None if text.is_empty() => return Err(InvalidAmount),
            None => (text, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !is_digits(whole)
            || !is_digits(decimals)
            || has_leading_zero
            || whole.len() > MAX_WHOLE_DIGITS
            || decimals.len() > DECIMALS
        {
            return Err(InvalidAmount);
        }
        let ten_thousandths = format!("{whole}{decimals:0<DECIMALS$}");
        let ten_thousandths = ten_thousandths.parse().map_err(|_| InvalidAmount)?;
        Ok(Self { ten_thousandths })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.ten_thousandths / ONE, self.ten_thousandths % ONE);
        if decimals == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{decimals:0DECIMALS$}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl TryFrom<String> for Amount {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, InvalidAmount> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

/// The text is not an unmistakable decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidAmount;

impl fmt::Display for InvalidAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an unmistakable decimal number")
    }
}

impl std::error::Error for InvalidAmount {}

//! Texts that SNS compares as numbers.

use serde_json::Number;

/// The most digits that SNS keeps of a
/// [number](https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html).
const MAX_DIGITS: usize = 38;
/// What a number that is not zero can be.
const RANGE: std::ops::RangeInclusive<f64> = 1e-128..=1e126;

/// The number that the text is in JSON's notation, if SNS takes it for one.
pub(super) fn in_text(text: &str) -> Option<Number> {
    let number: Number = text.parse().ok()?;
    let value = number.as_f64()?.abs();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (digits <= MAX_DIGITS && (value == 0.0 || RANGE.contains(&value))).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::in_text;

    #[test]
    fn numbers_are_those_of_json_that_sns_takes() {
        for text in ["0", "-0", "12.50", "1e3", "-1.5E-7", &"1".repeat(38)] {
            assert!(in_text(text).is_some(), "{text}");
        }
        for text in ["", " 1", "01", "+1", ".5", "0x1", "NaN", "1e127", "1e-129", &"1".repeat(39)] {
            assert!(in_text(text).is_none(), "{text}");
        }
    }
}

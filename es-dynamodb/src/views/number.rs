//! Numbers as DynamoDB keeps them.

/// A number in the notation that DynamoDB gives back: no exponent, no zeros that could go, no minus
/// before zero.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) plain: String,
    /// Whether it is sure that DynamoDB gives back this very text. Its documentation promises the
    /// value, and says nothing of the notation of what is longer than the digits that it keeps.
    pub(super) comes_back: bool,
}

/// The digits that DynamoDB keeps of a number.
const MAX_DIGITS: usize = 38;
/// Between which powers of ten the first digit of a number stands.
const POWERS: std::ops::RangeInclusive<i64> = -130..=125;

impl Number {
    /// The number of a JSON text; `None` for one that DynamoDB does not keep as it is.
    pub(super) fn of_json(text: &str) -> Option<Self> {
        let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let from_first = all.trim_start_matches('0');
        let digits = from_first.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { plain: "0".to_owned(), comes_back: true });
        }
        let before_first = all.len() - from_first.len();
        // How many of the digits stand before the point; negative when zeros stand behind it first.
        let point = (whole.len() as i64).checked_sub(before_first as i64)?.checked_add(exponent)?;
        if digits.len() > MAX_DIGITS || !POWERS.contains(&(point - 1)) {
            return None;
        }
        let plain = place_point(digits, point);
        let comes_back = plain.bytes().filter(u8::is_ascii_digit).count() <= MAX_DIGITS;
        Some(Self { plain: format!("{sign}{plain}"), comes_back })
    }
}

fn place_point(digits: &str, point: i64) -> String {
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let len = digits.len() as i64;
    if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= len {
        format!("{digits}{}", zeros(point - len))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Option<String> {
        Number::of_json(text).map(|number| number.plain)
    }

    #[test]
    fn a_number_is_kept_without_what_could_go() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0e7", "0"),
            ("1.0", "1"),
            ("-1.50", "-1.5"),
            ("100", "100"),
            ("1e3", "1000"),
            ("12.34e1", "123.4"),
            ("12.34E-4", "0.001234"),
            ("0.00120e+2", "0.12"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_not_kept() {
        let digits = |count| "7".repeat(count);
        assert_eq!(plain(&digits(38)), Some(digits(38)));
        assert_eq!(plain(&digits(39)), None);
        assert!(plain("9.9e125").is_some() && plain("1e-130").is_some());
        for text in
            ["1e126", "9.9e-131", "1e300", "1e99999999999999999999", "1e9223372036854775807"]
        {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn long_notations_are_not_relied_on() {
        let comes_back = |text: &str| Number::of_json(text).is_some_and(|number| number.comes_back);
        assert!(comes_back("1e37") && comes_back("-0.1") && comes_back("0"));
        assert!(!comes_back("1e38") && !comes_back("1e-38"));
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_server_writes_them(
            text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?"
        ) {
            if let Some(number) = Number::of_json(&text) {
                prop_assert_eq!(number.plain, dynoxide::types::normalize_dynamo_number(&text));
            }
        }
    }
}

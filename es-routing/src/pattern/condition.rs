//! Conditions on one value.

use serde_json::Value;

use super::ignoring_case::IgnoringCase;
use super::ip_range::IpRange;
use super::number::Range;
use super::wildcard::Wildcard;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// A text, `true`, `false` or `null`.
    Is(Value),
    Number(f64),
    Text(TextCondition),
    Numeric(Range),
    Cidr(IpRange),
    AnyValue,
    /// No number of these.
    NotNumber(Vec<f64>),
    /// No text of which one of these holds.
    NotText(Vec<TextCondition>),
}

/// A condition that holds for texts only.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TextCondition {
    Is(String),
    Prefix(String),
    Suffix(String),
    IsIgnoringCase(IgnoringCase),
    PrefixIgnoringCase(IgnoringCase),
    SuffixIgnoringCase(IgnoringCase),
    Wildcard(Wildcard),
}

impl Condition {
    /// How many conditions it is.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::NotNumber(numbers) => numbers.len(),
            Self::NotText(conditions) => conditions.len(),
            _ => 1,
        }
    }

    /// Whether it holds for a value that is neither an object nor a list.
    pub(super) fn holds_for(&self, value: &Value) -> bool {
        match self {
            Self::Is(expected) => value == expected,
            Self::Number(expected) => value.as_f64() == Some(*expected),
            Self::Text(condition) => value.as_str().is_some_and(|it| condition.holds_for(it)),
            Self::Numeric(range) => value.as_f64().is_some_and(|number| range.contains(number)),
            Self::Cidr(range) => value.as_str().is_some_and(|address| range.contains(address)),
            Self::AnyValue => true,
            Self::NotNumber(numbers) => {
                !value.as_f64().is_some_and(|number| numbers.contains(&number))
            }
            Self::NotText(conditions) => {
                let excluded = |it: &str| conditions.iter().any(|not| not.holds_for(it));
                !value.as_str().is_some_and(excluded)
            }
        }
    }
}

impl TextCondition {
    fn holds_for(&self, text: &str) -> bool {
        match self {
            Self::Is(expected) => text == expected,
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::IsIgnoringCase(expected) => expected.is(text),
            Self::PrefixIgnoringCase(prefix) => prefix.begins(text),
            Self::SuffixIgnoringCase(suffix) => suffix.ends(text),
            Self::Wildcard(wildcard) => wildcard.matches(text),
        }
    }
}

//! From where on a shard has to come again.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Place;
use crate::error::FunctionError;

/// The lowest sequence number of each shard among records that failed. Lambda takes it for the checkpoint: it and
/// all that follows comes again.
///
/// # Errors
///
/// A record without a sequence number cannot be named, and with any other answer it would count as done.
pub(super) fn lowest_of_each_shard<'a>(
    failed: impl Iterator<Item = &'a Place<'a>>,
) -> Result<Vec<String>, FunctionError> {
    let mut lowest: BTreeMap<&str, &str> = BTreeMap::new();
    let mut unnamed = 0;
    for place in failed {
        let Some(number) = place.sequence_number.as_deref() else {
            unnamed += 1;
            continue;
        };
        let known = lowest.entry(&place.shard).or_insert(number);
        if by_number(number, known) == Ordering::Less {
            *known = number;
        }
    }
    match unnamed {
        0 => Ok(lowest.into_values().map(str::to_owned).collect()),
        records => {
            let reason = "there is no sequence number".to_owned();
            Err(FunctionError::Unnamed { records, reason })
        }
    }
}

/// A sequence number that can be one: digits. They have more of them than any integer.
pub(super) fn is_sequence_number(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn by_number(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_compared_as_numbers_of_any_length() {
        let ascending =
            ["9", "10", "0011", "49590338271490256608559692538361571095921575989136588898"];
        for pair in ascending.windows(2) {
            assert_eq!(by_number(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(by_number("007", "7"), Ordering::Equal);
    }
}

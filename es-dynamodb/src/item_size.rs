//! How large DynamoDB takes an item to be.
//!
//! After "DynamoDB item sizes and formats" in its developer guide, which says "approximately" about
//! numbers. Here they are counted in full bytes, as servers were seen to.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::Item;

/// The most bytes of an item, names of attributes included.
pub(crate) const MAX_ITEM_SIZE: usize = 400 * 1024;

/// The bytes of an item, names of attributes included.
pub(crate) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// The bytes of a value.
pub(crate) fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => number_size(digits),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|digits| number_size(digits)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|bytes| bytes.as_ref().len()).sum(),
        AttributeValue::L(values) => {
            3 + values.iter().map(|value| 1 + value_size(value)).sum::<usize>()
        }
        AttributeValue::M(values) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
        }
        // Null and Bool.
        _ => 1,
    }
}

/// One byte for two significant digits, one for the exponent and one for a minus.
fn number_size(number: &str) -> usize {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (1, digits),
        None => (0, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let (whole, fraction) = match (whole, fraction) {
        ("", fraction) => ("", fraction.trim_start_matches('0')),
        (whole, "") => (whole.trim_end_matches('0'), ""),
        both => both,
    };
    sign + 1 + whole.len().div_ceil(2) + fraction.len().div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_a_byte_for_two_digits() {
        let sizes = [
            ("0", 1),
            ("7", 2),
            ("42", 2),
            ("-42", 3),
            ("123", 3),
            ("1000", 2),
            ("1.5", 3),
            ("0.001", 2),
            ("100.01", 4),
        ];
        for (number, size) in sizes {
            assert_eq!(number_size(number), size, "{number}");
        }
    }
}

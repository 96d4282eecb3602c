//! Hash keys: the numbers that say which shard a record belongs to.
//!
//! Kinesis hashes a record's partition key with MD5 to a number of 128 bits, unless the record comes with
//! an explicit hash key. Each shard has a range of these numbers, and all ranges together, without a gap
//! or an overlap, are all numbers
//! ([key concepts](https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html#partition-key)).
//! In requests and responses they are written in decimal.

use md5::{Digest as _, Md5};

/// The hash key that Kinesis gives a record with this partition key and no explicit hash key: the MD5 of
/// its UTF-8, the first byte being the highest.
///
/// ```
/// assert_eq!(
///     es_kinesis::hash_key::of("dispense:d-1"),
///     16_546_140_214_445_720_571_414_665_483_538_105_533
/// );
/// ```
pub fn of(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key.as_bytes()).into())
}

/// Reads a hash key as the API writes it.
///
/// # Errors
///
/// [`InvalidHashKey`] for anything but 1 to 39 decimal digits that are a number below 2¹²⁸. Even of the
/// longest text no more is read than that.
pub fn parse(text: &str) -> Result<u128, InvalidHashKey> {
    // Whoever only parses lets a plus sign pass, and any number of zeros in front.
    let digits = text.len() <= MAX_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(InvalidHashKey);
    }
    text.parse().map_err(|_| InvalidHashKey)
}

/// The digits of the highest hash key, 2¹²⁸ − 1.
const MAX_DIGITS: usize = 39;

/// A text is not a hash key. What it is instead is not said: it may be anything that somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash key is a decimal number below 2^128, and this is none")]
pub struct InvalidHashKey;

/// The hash keys of a shard, from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashKeyRange {
    /// The first hash key of the shard.
    pub start: u128,
    /// The last hash key of the shard.
    pub end: u128,
}

impl HashKeyRange {
    /// Reads a range as `ListShards` writes it: `StartingHashKey` and `EndingHashKey`.
    ///
    /// # Errors
    ///
    /// [`InvalidHashKey`] when one of them is no hash key.
    pub fn parse(start: &str, end: &str) -> Result<Self, InvalidHashKey> {
        Ok(Self { start: parse(start)?, end: parse(end)? })
    }

    /// Whether a record with this hash key belongs to the shard.
    pub fn contains(&self, hash_key: u128) -> bool {
        (self.start..=self.end).contains(&hash_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: &str = "340282366920938463463374607431768211455";

    #[test]
    fn a_hash_key_is_the_md5_with_the_highest_byte_first() {
        // From the test suite of RFC 1321.
        assert_eq!(of(""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        assert_eq!(of("message digest"), 0xf96b_697d_7cb7_938d_525a_2f31_aaf1_61d0);
    }

    #[test]
    fn a_partition_key_is_hashed_as_utf_8() {
        // `hashlib.md5("Łódź".encode()).hexdigest()`
        assert_eq!(of("Łódź"), 0x33c8_9df2_492e_8d3e_fda7_19c8_49b5_30ea);
    }

    #[test]
    fn hash_keys_are_read_from_the_least_to_the_greatest() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse(MAX), Ok(u128::MAX));
    }

    #[test]
    fn what_is_no_hash_key_is_refused() {
        let one_more = "340282366920938463463374607431768211456";
        let padded = format!("0{MAX}");
        for text in ["", " 1", "+1", "-1", "0x1", "1.0", "१", one_more, &padded] {
            assert_eq!(parse(text), Err(InvalidHashKey), "{text}");
        }
    }

    #[test]
    fn a_range_has_both_its_ends() {
        let half = HashKeyRange::parse("170141183460469231731687303715884105728", MAX)
            .expect("the upper half");
        assert_eq!(half, HashKeyRange { start: 1 << 127, end: u128::MAX });
        assert!(half.contains(1 << 127) && half.contains(u128::MAX));
        assert!(!half.contains((1 << 127) - 1) && !half.contains(0));
    }

    #[test]
    fn a_range_with_an_end_that_is_no_hash_key_is_refused() {
        assert_eq!(HashKeyRange::parse("0", ""), Err(InvalidHashKey));
        assert_eq!(HashKeyRange::parse("", "0"), Err(InvalidHashKey));
    }
}

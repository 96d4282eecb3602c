use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::commit::Commit;

/// The digest of a set of commits, whatever their order: equal for two logs when they have the same
/// commits in the same streams at the same places, with the same times, metadata and bytes.
///
/// It is the sum of the SHA-256 of each commit, modulo 2²⁵⁶. That tells damage and mistakes; who
/// forges commits on purpose could make two logs with one digest.
///
/// ```
/// use es_core::archive::LogDigest;
///
/// assert_eq!(LogDigest::default().to_string(), "0".repeat(64));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LogDigest([u8; 32]);

impl LogDigest {
    /// Takes one more commit in.
    pub fn add(&mut self, commit: &Commit) {
        let mut sha256 = Sha256::new();
        commit.for_each_part(|part| {
            // The length goes first, so that no two ways of cutting the same bytes are alike.
            sha256.update((part.len() as u64).to_le_bytes());
            sha256.update(part);
        });
        self.add_number(&sha256.finalize().into());
    }

    /// Adds a number whose lowest byte is the first.
    fn add_number(&mut self, number: &[u8; 32]) {
        let mut carry = false;
        for (sum, &byte) in self.0.iter_mut().zip(number) {
            let (with_byte, over) = sum.overflowing_add(byte);
            let (with_carry, over_again) = with_byte.overflowing_add(u8::from(carry));
            *sum = with_carry;
            carry = over || over_again;
        }
    }
}

impl fmt::Display for LogDigest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for LogDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(numbers: &[[u8; 32]]) -> LogDigest {
        let mut sum = LogDigest::default();
        numbers.iter().for_each(|number| sum.add_number(number));
        sum
    }

    #[test]
    fn a_sum_carries_and_wraps_around() {
        let one = std::array::from_fn(|place| u8::from(place == 0));
        assert_eq!(sum(&[[0xff; 32], one]), LogDigest::default());
        let carried = std::array::from_fn(|place| u8::from(place == 1));
        assert_eq!(
            sum(&[std::array::from_fn(|place| if place == 0 { 0xff } else { 0 }), one]).0,
            carried
        );
    }

    proptest! {
        #[test]
        fn the_order_makes_no_difference_and_a_repetition_does(
            a in any::<[u8; 32]>(), b in any::<[u8; 32]>(), c in any::<[u8; 32]>(),
        ) {
            prop_assert_eq!(sum(&[a, b, c]), sum(&[c, a, b]));
            prop_assume!(a != [0; 32]);
            prop_assert_ne!(sum(&[a, a, b]), sum(&[b]));
            prop_assert_ne!(sum(&[a, b]), sum(&[b]));
        }
    }
}

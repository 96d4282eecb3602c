use std::fmt;

use super::moment::Moment;

/// How many digits AWS's have.
const DIGITS: usize = 56;
/// What AWS's begin with.
const PREFIX: &str = "49";
/// The digits of when the shard was opened, of the shard's number, of the place in the shard, and of what only
/// makes the number as long as AWS's.
const WIDTHS: [usize; 4] = [13, 6, 17, 18];

/// The number of a record: it grows along a shard, not by one, and is greater than all numbers of the
/// shard's parents.
///
/// All have the same width, so that their order as texts is that as numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SequenceNumber(String);

impl SequenceNumber {
    /// Of a shard that was opened then and has this number, both not smaller than those of its parents.
    pub(super) fn new(opened: Moment, shard: u64, place: u64, filling: u64) -> Self {
        let [opened_width, shard_width, place_width, filling_width] = WIDTHS;
        let opened = opened.millis;
        let number = format!(
            "{PREFIX}{opened:0opened_width$}{shard:0shard_width$}{place:0place_width$}\
             {filling:0filling_width$}",
        );
        assert_eq!(number.len(), DIGITS, "{number} is too long");
        Self(number)
    }

    /// What a shard's numbers begin at; no record has it.
    pub(super) fn first(opened: Moment, shard: u64) -> Self {
        Self::new(opened, shard, 0, 0)
    }

    /// What a closed shard's numbers end at; no record has it.
    pub(super) fn last(opened: Moment, shard: u64) -> Self {
        let [.., place_width, filling_width] = WIDTHS;
        let nines = |width: usize| 10_u64.pow(u32::try_from(width).expect("a few digits")) - 1;
        Self::new(opened, shard, nines(place_width), nines(filling_width))
    }

    /// A number that a client gives, if it can be one at all.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let plausible = digits && text.len() == DIGITS && text.starts_with(PREFIX);
        plausible.then(|| Self(text.to_owned()))
    }

    /// Which shard of its stream it is of.
    pub(super) fn shard(&self) -> u64 {
        let from = PREFIX.len() + WIDTHS[0];
        self.0[from..from + WIDTHS[1]].parse().expect("digits")
    }

    /// Whether it is of the same shard of the same stream as another one.
    pub(super) fn is_of_the_shard_of(&self, other: &Self) -> bool {
        let until = PREFIX.len() + WIDTHS[0] + WIDTHS[1];
        self.0[..until] == other.0[..until]
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

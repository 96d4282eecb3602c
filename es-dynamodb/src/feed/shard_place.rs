use es_core::{Checkpoint, Result};

/// The longest sequence number that DynamoDB knows.
const MAX_DIGITS: usize = 40;

/// Before a sequence number in a checkpoint: see [`ShardPlace::From`].
const FROM: &str = "from ";

/// A place in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ShardPlace {
    /// Before everything that the shard ever had. As a checkpoint it is the start.
    Start,
    /// Before the record with this sequence number: where an open shard begins. It is told from the
    /// start because it is a place that a consumer has kept. As a checkpoint: `from 1234`.
    From(String),
    /// Behind the record with this sequence number. As a checkpoint: `1234`.
    Behind(String),
}

impl ShardPlace {
    pub(super) fn of(checkpoint: &Checkpoint) -> Result<Self> {
        if checkpoint.is_start() {
            return Ok(Self::Start);
        }
        let text = checkpoint.as_str();
        let digits = text.strip_prefix(FROM).unwrap_or(text);
        if !is_sequence_number(digits) {
            return Err(checkpoint.damaged("it has no sequence number of a stream"));
        }
        let digits = digits.to_owned();
        Ok(if text.starts_with(FROM) { Self::From(digits) } else { Self::Behind(digits) })
    }

    /// Whether the record with this number comes behind the place. Numbers grow along a shard.
    pub(super) fn is_before(&self, number: &str) -> bool {
        match self {
            Self::Start | Self::From(_) => true,
            Self::Behind(last) => magnitude(number) > magnitude(last),
        }
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        match self {
            Self::Start => Checkpoint::start(),
            Self::From(number) => Checkpoint::from_stored(format!("{FROM}{number}")),
            Self::Behind(number) => Checkpoint::from_stored(number.as_str()),
        }
    }
}

/// What numbers are ordered by that no integer has room for.
fn magnitude(digits: &str) -> (usize, &str) {
    let significant = digits.trim_start_matches('0');
    (significant.len(), significant)
}

pub(super) fn is_sequence_number(text: &str) -> bool {
    (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_from_their_checkpoints() {
        let number = || "100000000000000000001".to_owned();
        for place in [ShardPlace::Start, ShardPlace::From(number()), ShardPlace::Behind(number())] {
            assert_eq!(ShardPlace::of(&place.checkpoint()).unwrap(), place);
        }
    }

    #[test]
    fn places_are_ordered_as_numbers() {
        let place = ShardPlace::Behind("99".to_owned());
        assert!(["100", "0100", "991"].iter().all(|number| place.is_before(number)));
        assert!(!["99", "099", "98", "9", "0"].iter().any(|number| place.is_before(number)));
        assert!(ShardPlace::Start.is_before("0"));
    }

    #[test]
    fn anything_else_is_damaged() {
        let long = "1".repeat(41);
        for text in ["from", "from ", "from from 1", "-1", "1 ", "1a", "١", &long] {
            assert!(ShardPlace::of(&Checkpoint::from_stored(text)).is_err(), "{text:?}");
        }
    }
}

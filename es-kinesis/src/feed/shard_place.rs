//! Places in a shard.

use es_core::{Checkpoint, Error, Result, Timestamp};

/// A place in a shard, in the notation of a [`Checkpoint`]:
///
/// | notation | the place |
/// |---|---|
/// | empty | before everything that the shard still has |
/// | `@<seconds>` | before the records that arrived then or later |
/// | `<number>@<seconds>` | behind the record with this sequence number |
/// | `<number>:<n>@<seconds>` | behind the first n records that are aggregated in it |
///
/// The seconds are Unix time, and say that nothing which arrived before then was left unread. So a reader
/// that comes later than the stream keeps its records can tell that it has missed some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardPlace {
    /// Behind what; `None` for a place that is a time.
    pub(super) record: Option<RecordPlace>,
    /// Until when all was read, in Unix seconds; `None` for the start.
    pub(super) read_until: Option<i64>,
}

/// A place behind a record, or inside of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordPlace {
    /// Its sequence number, as Kinesis wrote it.
    pub(super) number: String,
    /// How many of the records that are aggregated in it are before the place; `None`: all.
    pub(super) within: Option<usize>,
}

impl ShardPlace {
    pub(super) const START: Self = Self { record: None, read_until: None };

    /// Before the records that arrived at this time or later.
    pub(super) fn at(time: Timestamp) -> Self {
        Self { record: None, read_until: Some(time.as_second()) }
    }

    /// The place that a checkpoint stands for.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`].
    pub(super) fn of(checkpoint: &Checkpoint) -> Result<Self> {
        if checkpoint.is_start() {
            return Ok(Self::START);
        }
        Self::parse(checkpoint.as_str())
            .ok_or_else(|| checkpoint.damaged("it is not a place in a shard of Kinesis"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (record, seconds) = text.split_once('@')?;
        let is_number = |text: &str| {
            !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let digits = seconds.strip_prefix('-').unwrap_or(seconds);
        let read_until = Some(seconds.parse().ok().filter(|_| is_number(digits))?);
        if record.is_empty() {
            return Some(Self { record: None, read_until });
        }
        let (number, within) = match record.split_once(':') {
            None => (record, None),
            Some((number, n)) => (number, Some(n.parse().ok().filter(|_| is_number(n))?)),
        };
        let record = RecordPlace { number: is_number(number).then(|| number.to_owned())?, within };
        Some(Self { record: Some(record), read_until })
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        let record = match &self.record {
            None => String::new(),
            Some(RecordPlace { number, within: None }) => number.clone(),
            Some(RecordPlace { number, within: Some(n) }) => format!("{number}:{n}"),
        };
        match self.read_until {
            Some(seconds) => Checkpoint::from_stored(format!("{record}@{seconds}")),
            None => Checkpoint::start(),
        }
    }

    /// How many of the records that are aggregated in the record with this number were read before; `None`
    /// if it is another record.
    pub(super) fn read_of(&self, number: &str) -> Option<usize> {
        let record = self.record.as_ref().filter(|record| record.number == number)?;
        Some(record.within.unwrap_or(usize::MAX))
    }
}

/// The error of a shard that has lost what comes next.
pub(super) fn trimmed(shard: &str, after: &Checkpoint) -> Error {
    Error::FeedTrimmed { partition: shard.to_owned(), after: after.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "7", "@", "a@1", "7@", "7@x", "7@+1", "7:@1", "7:x@1", "7:+1@1", ":1@1", "-7@1",
            " 7@1", "7@1@2", "7@--1", "7:1:2@3", "es:end",
        ] {
            let refused = ShardPlace::of(&Checkpoint::from_stored(text));
            assert!(matches!(refused, Err(Error::Corrupt { .. })), "{text:?}: {refused:?}");
        }
    }

    proptest! {
        #[test]
        fn a_place_comes_back(
            record in prop::option::of(("[0-9]{1,56}", prop::option::of(0_usize..10_000))),
            seconds in any::<i32>(),
        ) {
            let record = record.map(|(number, within)| RecordPlace { number, within });
            let place = ShardPlace { record, read_until: Some(seconds.into()) };
            prop_assert_eq!(ShardPlace::of(&place.checkpoint()).unwrap(), place);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9@:+-]{0,20}") {
            let _ = ShardPlace::of(&Checkpoint::from_stored(text));
        }
    }
}

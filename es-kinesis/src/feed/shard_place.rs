//! Places in a shard.

use es_core::{Checkpoint, Result, Timestamp};

/// A place in a shard, in the notation of a [`Checkpoint`]:
///
/// | notation | the place |
/// |---|---|
/// | empty | before everything that the shard ever had |
/// | `horizon@<seconds>` | before everything that the shard still had then |
/// | `@<seconds>` | before the records that arrived then or later |
/// | `<number>@<seconds>` | behind the record with this sequence number |
/// | `<number>:<n>@<seconds>` | behind the first n records that are aggregated in it |
///
/// The seconds are Unix time, and say that nothing which arrived before then is to be read any more. So a
/// reader that comes later than the stream keeps its records can tell that it has missed some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardPlace {
    pub(super) behind: Behind,
    /// Until when all was read, in Unix seconds; `None` for the start.
    pub(super) read_until: Option<i64>,
}

/// What a place is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing that there is.
    Nothing,
    /// What arrived before its time.
    Time,
    /// A record, or a part of one.
    Record(RecordPlace),
}

/// A place behind a record, or inside of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordPlace {
    /// Its sequence number, as Kinesis wrote it.
    pub(super) number: String,
    /// How many of the records that are aggregated in it are before the place; `None`: all.
    pub(super) within: Option<usize>,
}

const HORIZON: &str = "horizon";

impl ShardPlace {
    pub(super) const START: Self = Self { behind: Behind::Nothing, read_until: None };

    /// Before everything that the shard still has at this time.
    pub(super) fn horizon(now: Timestamp) -> Self {
        Self { behind: Behind::Nothing, read_until: Some(now.as_second()) }
    }

    /// Before the records that arrived at this time or later.
    pub(super) fn at(time: Timestamp) -> Self {
        Self { behind: Behind::Time, read_until: Some(time.as_second()) }
    }

    /// The place that a checkpoint stands for.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](es_core::Error::Corrupt).
    pub(super) fn of(checkpoint: &Checkpoint) -> Result<Self> {
        if checkpoint.is_start() {
            return Ok(Self::START);
        }
        Self::parse(checkpoint.as_str())
            .ok_or_else(|| checkpoint.damaged("it is not a place in a shard of Kinesis"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (behind, seconds) = text.split_once('@')?;
        let is_number = |text: &str| {
            !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let digits = seconds.strip_prefix('-').unwrap_or(seconds);
        let read_until = Some(seconds.parse().ok().filter(|_| is_number(digits))?);
        let behind = match (behind, behind.split_once(':')) {
            (HORIZON, _) => Behind::Nothing,
            ("", _) => Behind::Time,
            (number, None) if is_number(number) => {
                Behind::Record(RecordPlace { number: number.to_owned(), within: None })
            }
            (_, Some((number, n))) if is_number(number) && is_number(n) => {
                let within = Some(n.parse().ok()?);
                Behind::Record(RecordPlace { number: number.to_owned(), within })
            }
            _ => return None,
        };
        Some(Self { behind, read_until })
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        let Some(seconds) = self.read_until else { return Checkpoint::start() };
        Checkpoint::from_stored(match &self.behind {
            Behind::Nothing => format!("{HORIZON}@{seconds}"),
            Behind::Time => format!("@{seconds}"),
            Behind::Record(RecordPlace { number, within: None }) => format!("{number}@{seconds}"),
            Behind::Record(RecordPlace { number, within: Some(n) }) => {
                format!("{number}:{n}@{seconds}")
            }
        })
    }

    /// How many of the records that are aggregated in the record with this number were read before.
    pub(super) fn read_of(&self, number: &str) -> usize {
        match &self.behind {
            Behind::Record(record) if record.number == number => {
                record.within.unwrap_or(usize::MAX)
            }
            Behind::Record(_) | Behind::Nothing | Behind::Time => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use es_core::Error;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "7",
            "@",
            "a@1",
            "7@",
            "7@x",
            "7@+1",
            "7:@1",
            "7:x@1",
            "7:+1@1",
            ":1@1",
            "-7@1",
            " 7@1",
            "7@1@2",
            "7@--1",
            "7:1:2@3",
            "horizon",
            "horizon:1@2",
            "horizons@1",
            "es:end",
        ] {
            let refused = ShardPlace::of(&Checkpoint::from_stored(text));
            assert!(matches!(refused, Err(Error::Corrupt { .. })), "{text:?}: {refused:?}");
        }
    }

    proptest! {
        #[test]
        fn a_place_comes_back(
            behind in prop_oneof![
                Just(Behind::Nothing),
                Just(Behind::Time),
                ("[0-9]{1,56}", prop::option::of(0_usize..10_000))
                    .prop_map(|(number, within)| Behind::Record(RecordPlace { number, within })),
            ],
            seconds in any::<i32>(),
        ) {
            let place = ShardPlace { behind, read_until: Some(seconds.into()) };
            prop_assert_eq!(ShardPlace::of(&place.checkpoint()).unwrap(), place);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(horizon)?[0-9@:+-]{0,20}") {
            let _ = ShardPlace::of(&Checkpoint::from_stored(text));
        }
    }
}

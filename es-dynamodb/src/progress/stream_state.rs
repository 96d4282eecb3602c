//! How far a consumer is with a stream.

use std::collections::HashMap;

use es_core::{ConsumerId, Error, Result, StreamId, StreamProgress, Version};
use sha2::{Digest, Sha256};

use super::write::{Condition, Write};
use crate::item::{Damage, Item, TakeAttribute, key, number};
use crate::tables::SORT_KEY;

const VERSION: &str = "version";
const PARKED: &str = "parked";
const LETTERS: &str = "letters";

/// The partitions that the streams of a book are spread over: DynamoDB lets 1,000 units per second be
/// written to one.
const BUCKETS: u8 = 16;

/// The item of a stream in a book. What is zero has no attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StreamState {
    /// Up to where its events had their effect, and what is parked behind.
    pub(super) progress: StreamProgress,
    /// Counts the changes of its parked letters.
    pub(super) letters: u64,
}

/// The partitions of a book's streams.
pub(super) fn streams_of(book: &str) -> impl Iterator<Item = String> {
    (0..BUCKETS).map(move |bucket| bucket_of(book, bucket))
}

fn bucket_of(book: &str, bucket: u8) -> String {
    format!("streams#{bucket:02}#{book}")
}

impl StreamState {
    /// The key of the item. Which bucket a stream is in is stored with every key: it must never change.
    pub(super) fn key(book: &str, stream: &StreamId) -> Item {
        let hash = Sha256::digest(stream.as_str());
        key(bucket_of(book, hash[0] % BUCKETS), stream.as_str())
    }

    /// Reads an item of a book of `consumer`, with the name of its stream.
    pub(super) fn read(consumer: &ConsumerId, mut item: Item) -> Result<(String, Self)> {
        let stream = item.take_text(SORT_KEY).unwrap_or_default();
        let state = Self::take(&mut item).map_err(|reason| Error::Corrupt {
            what: format!("the progress of {consumer} in {stream}"),
            reason,
        })?;
        Ok((stream, state))
    }

    fn take(item: &mut Item) -> Result<Self, Damage> {
        let mut number = |name| Ok::<u64, Damage>(item.take_number_if_any(name)?.unwrap_or(0));
        let (version, parked, letters) = (number(VERSION)?, number(PARKED)?, number(LETTERS)?);
        let progress = StreamProgress { version: version.into(), parked: parked.into() };
        Ok(Self { progress, letters })
    }

    /// Reads items, by the names of their streams.
    pub(super) fn read_all(
        consumer: &ConsumerId,
        items: Vec<Item>,
    ) -> Result<HashMap<String, Self>> {
        items.into_iter().map(|item| Self::read(consumer, item)).collect()
    }
}

/// Gives the item of a stream another version.
pub(super) fn reach(write: Write, version: Version) -> Write {
    write.set(VERSION, number(version))
}

/// Says in the item of a stream that its letters were changed: they are parked through `parked` now.
pub(super) fn change_letters(write: Write, parked: Version, letters: u64) -> Write {
    let write = write.set(LETTERS, number(letters));
    match parked {
        Version::ZERO => write.remove(PARKED),
        parked => write.set(PARKED, number(parked)),
    }
}

/// Whether the version is this one.
pub(super) fn at_version(version: Version) -> Condition {
    is(VERSION, version.get())
}

/// Whether the version is an earlier one.
pub(super) fn before_version(version: Version) -> Condition {
    Condition::Below(VERSION, number(version))
}

/// Whether letters are parked through this version.
pub(super) fn parked_through(version: Version) -> Condition {
    is(PARKED, version.get())
}

/// Whether the letters were changed so often.
pub(super) fn with_letters(letters: u64) -> Condition {
    is(LETTERS, letters)
}

fn is(name: &'static str, n: u64) -> Condition {
    match n {
        0 => Condition::Absent(name),
        n => Condition::Equals(name, number(n)),
    }
}

//! Dead letters as items: a commit's item with a few attributes more.
//!
//! A commit that does not fit in one item has its content where the log has that of such commits, under
//! a key that is made of it: a letter of a commit that is in the log shares it.

use es_core::{DeadLetter, Dropped, Error, Failure, Result, StreamId, Timestamp, Version};

use crate::event_log::commit_item::{CommitItem, Encoded, encode_beside, timestamp};
use crate::item::{Damage, Item, TakeAttribute, key, number, text};
use crate::item_size::item_size;
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

const PARKED_AT: &str = "parked_at";
const FAILED_VERSION: &str = "failed_version";
const ERROR: &str = "error";
const ATTEMPTS: &str = "attempts";
const LAST_ATTEMPT_AT: &str = "last_attempt_at";
const DROP_REASON: &str = "drop_reason";
const DROPPED_AT: &str = "dropped_at";

/// The partition of the letters that are parked in a book.
pub(super) fn letters_of(book: &str) -> String {
    format!("letters#{book}")
}

/// The partition of the records in a record book.
pub(super) fn records_of(record_book: &str) -> String {
    format!("records#{record_book}")
}

/// The sort key of a letter: by stream and version. No stream's name has the character between them,
/// nor one that sorts before it.
pub(super) fn letter_place(stream: &StreamId, version: Version) -> String {
    format!("{stream}\u{1}{:020}", version.get())
}

/// The sort key behind that of a letter. No letter has it.
pub(super) fn behind_letter(stream: &StreamId, version: Version) -> String {
    letter_place(stream, version) + "\u{1}"
}

/// The bounds of the sort keys of a stream's letters.
pub(super) fn letter_places(stream: &StreamId) -> [String; 2] {
    [letter_place(stream, Version::ZERO), letter_place(stream, Version::new(u64::MAX))]
}

/// Reads the sort key of a letter again.
pub(super) fn read_place(place: &str) -> Result<(StreamId, Version)> {
    let read = || {
        let (stream, version) = place.split_once('\u{1}')?;
        Some((stream.parse().ok()?, Version::new(version.parse().ok()?)))
    };
    read().ok_or_else(|| Error::Corrupt {
        what: format!("the key {place:?} of a dead letter"),
        reason: "it is not a stream and a version".to_owned(),
    })
}

/// What a parked letter leaves free of its item for the reason to drop it.
const ROOM_FOR_REASON: usize = 8 * 1024;

/// The item of a letter that is parked in `book`.
pub(super) fn parked_item(book: &str, letter: &DeadLetter) -> Encoded {
    let DeadLetter { commit, parked_at, failure, dropped: _ } = letter;
    let mut own = key(letters_of(book), letter_place(commit.stream(), commit.first_version()));
    let mut put = |name: &str, value| drop(own.insert(name.to_owned(), value));
    put(PARKED_AT, number(parked_at.as_microsecond()));
    if let Some(Failure { version, error, attempts, last_attempt_at }) = failure {
        put(FAILED_VERSION, number(version));
        put(ERROR, text(error));
        put(ATTEMPTS, number(attempts));
        put(LAST_ATTEMPT_AT, number(last_attempt_at.as_microsecond()));
    }
    let Encoded { mut item, pieces } = encode_beside(commit, item_size(&own) + ROOM_FOR_REASON);
    item.extend(own);
    Encoded { item, pieces }
}

/// Makes the item of a parked letter one of a record. Nothing else of it is looked at: a letter that is
/// damaged can be dropped.
pub(super) fn into_record(mut parked: Item, record_book: &str, dropped: &Dropped) -> Item {
    parked.insert(PARTITION_KEY.to_owned(), text(records_of(record_book)));
    parked.insert(DROP_REASON.to_owned(), text(&dropped.reason));
    parked.insert(DROPPED_AT.to_owned(), number(dropped.at.as_microsecond()));
    parked
}

impl DynamoStore {
    /// The letter of an item of a letter or a record.
    pub(super) async fn letter(&self, mut item: Item) -> Result<DeadLetter> {
        let place = item.take_text(SORT_KEY).unwrap_or_default();
        let (stream, version) = read_place(&place)?;
        let rest = Rest::take(&mut item);
        item.insert(SORT_KEY.to_owned(), number(version));
        let commit = self.complete(CommitItem::read(&stream, item)?).await?;
        let Rest { parked_at, failure, dropped } = rest.map_err(|reason| Error::Corrupt {
            what: format!("the dead letter of {stream} at version {version}"),
            reason,
        })?;
        Ok(DeadLetter { commit, parked_at, failure, dropped })
    }
}

/// What a letter has beside its commit. No checksum is over it: damage is noticed where a value cannot
/// be read or does not fit the others.
struct Rest {
    parked_at: Timestamp,
    failure: Option<Failure>,
    dropped: Option<Dropped>,
}

impl Rest {
    fn take(item: &mut Item) -> Result<Self, Damage> {
        let parked_at = take_time(item, PARKED_AT)?;
        let parked_at = parked_at.ok_or_else(|| format!("its attribute {PARKED_AT} is missing"))?;
        let (failure, dropped) = (take_failure(item)?, take_dropped(item)?);
        Ok(Self { parked_at, failure, dropped })
    }
}

/// A time in microseconds since 1970, if there is one.
fn take_time(item: &mut Item, name: &str) -> Result<Option<Timestamp>, Damage> {
    let Some(microseconds) = item.take_number_if_any(name)? else { return Ok(None) };
    let time = timestamp(microseconds);
    time.map(Some)
        .ok_or_else(|| format!("its attribute {name} is {microseconds}, which is no time"))
}

fn take_failure(item: &mut Item) -> Result<Option<Failure>, Damage> {
    let version: Option<u64> = item.take_number_if_any(FAILED_VERSION)?;
    let error = item.take_text_if_any(ERROR)?;
    let attempts = item.take_number_if_any(ATTEMPTS)?;
    let last_attempt_at = take_time(item, LAST_ATTEMPT_AT)?;
    match (version, error, attempts, last_attempt_at) {
        (None, None, None, None) => Ok(None),
        (Some(version), Some(error), Some(attempts), Some(last_attempt_at)) => {
            Ok(Some(Failure { version: version.into(), error, attempts, last_attempt_at }))
        }
        _ => Err("a part of its failure is missing".to_owned()),
    }
}

fn take_dropped(item: &mut Item) -> Result<Option<Dropped>, Damage> {
    match (item.take_text_if_any(DROP_REASON)?, take_time(item, DROPPED_AT)?) {
        (None, None) => Ok(None),
        (Some(reason), Some(at)) => Ok(Some(Dropped { reason, at })),
        _ => Err("a part of why it was dropped is missing".to_owned()),
    }
}

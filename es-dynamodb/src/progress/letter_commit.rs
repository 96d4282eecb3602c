//! The commit of a dead letter, in attributes of the same names as in the log.

use bytes::Bytes;
use bytestring::ByteString;
use es_core::{
    Commit, CommitId, EncodedEvents, EncodedMetadata, Encoding, Error, NewCommit, Result, StreamId,
    Timestamp, Version,
};

use crate::item::{Damage, Item, TakeAttribute, binary, number, text};

/// How many events the commit has.
pub(super) const COUNT: &str = "n";
const ID: &str = "i";
const RECORDED_AT: &str = "t";
const ENCODING: &str = "e";
const MANIFEST: &str = "m";
const PAYLOADS: &str = "p";
const METADATA: &str = "d";
const CHECKSUM: &str = "c";

/// Adds what the commit has beside its place.
pub(super) fn put_commit(item: &mut Item, commit: &Commit) {
    let events = commit.events();
    let payloads = match events.payloads_text() {
        Some(json) => text(json),
        None => binary(events.payloads()),
    };
    let mut put = |name: &str, value| drop(item.insert(name.to_owned(), value));
    put(COUNT, number(events.len()));
    put(ID, binary(*commit.id().as_bytes()));
    put(RECORDED_AT, number(commit.recorded_at().as_microsecond()));
    if events.encoding() != Encoding::default() {
        put(ENCODING, text(events.encoding().as_str()));
    }
    put(MANIFEST, text(&**events.manifest()));
    put(PAYLOADS, payloads);
    if !commit.encoded_metadata().as_str().is_empty() {
        put(METADATA, text(commit.encoded_metadata().as_str()));
    }
    put(CHECKSUM, number(commit.checksum()));
}

/// Takes the commit out of an item again.
pub(super) fn take_commit(stream: &StreamId, first: Version, item: &mut Item) -> Result<Commit> {
    let damaged = |reason| Error::CorruptCommit { stream: stream.clone(), version: first, reason };
    let (count, checksum) = (item.take_number(COUNT), item.take_number(CHECKSUM));
    let (count, checksum): (usize, u32) = (count.map_err(damaged)?, checksum.map_err(damaged)?);
    let commit = take_new_commit(item).map_err(damaged)?.place(stream.clone(), first);
    if commit.checksum() != checksum {
        return Err(commit.corrupt("its checksum does not match"));
    }
    if commit.events().len() != count {
        let found = commit.events().len();
        return Err(commit.corrupt(format!("it counts {count} events, there are {found}")));
    }
    Ok(commit)
}

fn take_new_commit(item: &mut Item) -> Result<NewCommit, Damage> {
    let id = item.take_binary(ID)?.try_into();
    let id = id.map_err(|_| "its commit id has not 16 bytes".to_owned())?;
    let recorded_at = take_time(item, RECORDED_AT)?;
    let recorded_at =
        recorded_at.ok_or_else(|| format!("its attribute {RECORDED_AT} is missing"))?;
    let metadata = item.take_text_if_any(METADATA)?.unwrap_or_default();
    Ok(NewCommit {
        id: CommitId::from_bytes(id),
        recorded_at,
        metadata: EncodedMetadata::from_stored(metadata.into()),
        events: take_events(item)?,
    })
}

fn take_events(item: &mut Item) -> Result<EncodedEvents, Damage> {
    let manifest = ByteString::from(item.take_text(MANIFEST)?);
    let encoding = match item.take_text_if_any(ENCODING)? {
        None => Encoding::default(),
        Some(name) => name.parse::<Encoding>().map_err(|unknown| unknown.to_string())?,
    };
    let events = if encoding == Encoding::default() {
        EncodedEvents::from_stored_json(manifest, item.take_text(PAYLOADS)?.into())
    } else {
        EncodedEvents::from_stored(encoding, manifest, Bytes::from(item.take_binary(PAYLOADS)?))
    };
    events.map_err(|error| error.to_string())
}

/// A time in microseconds since 1970, if there is one. `Timestamp::from_microsecond` refuses those of
/// the last second that there is, though `as_microsecond` gives them.
pub(super) fn take_time(item: &mut Item, name: &str) -> Result<Option<Timestamp>, Damage> {
    const SECOND: i64 = 1_000_000;
    let Some(microseconds) = item.take_number_if_any::<i64>(name)? else { return Ok(None) };
    let nanosecond = i32::try_from(microseconds.rem_euclid(SECOND) * 1_000).unwrap_or_default();
    let time = Timestamp::new(microseconds.div_euclid(SECOND), nanosecond);
    time.map(Some).map_err(|_| format!("its attribute {name} is {microseconds}, which is no time"))
}

//! A commit as an item.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the stream |
//! | `sk` | N | the first version |
//! | `v` | N | the layout; absent: 1 |
//! | `n` | N | how many events |
//! | `i` | B | the commit id |
//! | `t` | N | when it was decided, microseconds since 1970 |
//! | `e` | S | the encoding of the payloads; absent: uncompressed JSON |
//! | `m` | S | the manifest |
//! | `p` | S, B | the payloads: text when they are uncompressed JSON |
//! | `d` | S | the metadata; absent: none |
//! | `c` | N | the checksum of [`Commit::checksum`] |
//! | `o` | N | 1: the id is generated, but not greater than all generated ones before it |
//! | `x`, `h`, `a`, `b` | | instead of `m`, `p` and `d`: see [`continuation`](super::continuation) |
//!
//! Names are short because they are paid for with every commit.

use bytes::Bytes;
use bytestring::ByteString;
use es_core::{
    Commit, CommitId, EncodedEvents, EncodedMetadata, Encoding, Error, Head, NewCommit, Result,
    StreamId, Timestamp, Version,
};

use super::continuation::Pieces;
use crate::item::{Damage, Item, TakeAttribute as _, binary, number, text};
use crate::item_size::{MAX_ITEM_SIZE, item_size};
use crate::tables::{PARTITION_KEY, SORT_KEY};

/// The newest layout that this program reads, and the one that it writes.
const LAYOUT_VERSION: u32 = 1;

/// In the partition keys of continuation items, between the stream and the rest. No stream has it.
pub(super) const AFTER_STREAM: char = '\u{1}';

/// How many events a commit has, for those who want no more of its item.
pub(crate) const EVENTS: &str = attribute::EVENTS;

mod attribute {
    pub(super) const LAYOUT: &str = "v";
    pub(super) const EVENTS: &str = "n";
    pub(super) const COMMIT_ID: &str = "i";
    pub(super) const RECORDED_AT: &str = "t";
    pub(super) const ENCODING: &str = "e";
    pub(super) const MANIFEST: &str = "m";
    pub(super) const PAYLOADS: &str = "p";
    pub(super) const METADATA: &str = "d";
    pub(super) const CHECKSUM: &str = "c";
    pub(super) const OUT_OF_ORDER: &str = "o";
}

/// How a commit's id stands to the generated ids before it in the stream. Of ids that are not generated
/// it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdOrder {
    /// Greater than all of them: what is not greater than it and is not behind it is before it.
    Ascending,
    /// Not greater than all of them: it tells nothing about what is before it.
    OutOfOrder,
}

/// A commit's item, and its continuation items if one does not take all of it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) item: Item,
    pub(crate) pieces: Vec<Item>,
}

/// A commit as a part of another item, which has `others` bytes beside. Instead of its key it has that
/// of the log.
pub(crate) fn encode_beside(commit: &Commit, others: usize) -> Encoded {
    encode_within(MAX_ITEM_SIZE.saturating_sub(others), commit, IdOrder::Ascending)
}

pub(super) fn encode(commit: &Commit, order: IdOrder) -> Encoded {
    encode_within(MAX_ITEM_SIZE, commit, order)
}

fn encode_within(room: usize, commit: &Commit, order: IdOrder) -> Encoded {
    let mut item = frame(commit, order);
    let events = commit.events();
    let metadata = commit.encoded_metadata().as_str();
    // Known before anything large is copied.
    if size_as_one_item(commit, &item) > room {
        let (pieces, items) = Pieces::cut(commit);
        pieces.note_in(&mut item);
        return Encoded { item, pieces: items };
    }
    item.insert(attribute::MANIFEST.to_owned(), text(&**events.manifest()));
    let payloads = match events.payloads_text() {
        Some(json) => text(json),
        None => binary(events.payloads()),
    };
    item.insert(attribute::PAYLOADS.to_owned(), payloads);
    if !metadata.is_empty() {
        item.insert(attribute::METADATA.to_owned(), text(metadata));
    }
    Encoded { item, pieces: Vec::new() }
}

/// How large the item becomes that has this frame and all of the content.
fn size_as_one_item(commit: &Commit, frame: &Item) -> usize {
    let metadata = match commit.encoded_metadata().as_str() {
        "" => 0,
        metadata => attribute::METADATA.len() + metadata.len(),
    };
    let names = attribute::MANIFEST.len() + attribute::PAYLOADS.len();
    item_size(frame) + names + commit.events().stored_len() + metadata
}

/// All of the item but what varies in size.
fn frame(commit: &Commit, order: IdOrder) -> Item {
    let events = commit.events();
    let mut item = Item::from([
        (PARTITION_KEY.to_owned(), text(commit.stream().as_str())),
        (SORT_KEY.to_owned(), number(commit.first_version())),
        (attribute::EVENTS.to_owned(), number(events.len())),
        (attribute::COMMIT_ID.to_owned(), binary(*commit.id().as_bytes())),
        (attribute::RECORDED_AT.to_owned(), number(commit.recorded_at().as_microsecond())),
        (attribute::CHECKSUM.to_owned(), number(commit.checksum())),
    ]);
    if events.encoding() != Encoding::default() {
        item.insert(attribute::ENCODING.to_owned(), text(events.encoding().as_str()));
    }
    if commit.id().is_generated() && order == IdOrder::OutOfOrder {
        item.insert(attribute::OUT_OF_ORDER.to_owned(), number(1));
    }
    item
}

/// The stream of a commit's item; `None` for markers and continuation items, which are nothing to those
/// who look for commits.
pub(crate) fn stream_of(item: &Item) -> Result<Option<StreamId>> {
    let damaged = |reason: &str| Error::Corrupt {
        what: "an item of the events table".to_owned(),
        reason: reason.to_owned(),
    };
    let stream = item.get(PARTITION_KEY).and_then(|value| value.as_s().ok());
    let version = item.get(SORT_KEY).and_then(|value| value.as_n().ok());
    let (Some(stream), Some(version)) = (stream, version) else {
        return Err(damaged("it has no key"));
    };
    if stream.contains(AFTER_STREAM) || version.starts_with('-') {
        return Ok(None);
    }
    let stream = stream.parse::<StreamId>().map_err(|error| damaged(&error.to_string()))?;
    Ok(Some(stream))
}

/// A commit's item, read, but not yet checked as a whole.
#[derive(Debug)]
pub(crate) struct CommitItem {
    pub(super) header: Header,
    pub(super) content: Content,
}

/// What every commit's item says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) stream: StreamId,
    pub(super) id: CommitId,
    pub(super) order: IdOrder,
    first_version: Version,
    last_version: Version,
    recorded_at: Timestamp,
    encoding: Encoding,
    checksum: u32,
}

/// What varies in size.
#[derive(Debug)]
pub(super) enum Content {
    Here(Body),
    InPieces(Pieces),
}

#[derive(Debug)]
pub(super) struct Body {
    manifest: ByteString,
    metadata: ByteString,
    payloads: Payloads,
}

#[derive(Debug)]
enum Payloads {
    Text(ByteString),
    Binary(Bytes),
}

impl CommitItem {
    /// Reads the item of a commit of `stream`.
    ///
    /// # Errors
    ///
    /// [`Error::CorruptCommit`], [`Error::UnsupportedFormat`].
    pub(crate) fn read(stream: &StreamId, mut item: Item) -> Result<Self> {
        let version = item.take_number::<u64>(SORT_KEY);
        let first_version = Version::new(*version.as_ref().unwrap_or(&0));
        let damaged = |reason| Error::CorruptCommit {
            stream: stream.clone(),
            version: first_version,
            reason,
        };
        version.map_err(damaged)?;
        let layout = item.take_number_if_any::<u32>(attribute::LAYOUT).map_err(damaged)?;
        if let Some(layout) = layout.filter(|layout| *layout > LAYOUT_VERSION) {
            return Err(Error::UnsupportedFormat {
                what: format!("the commit of {stream} at version {first_version}"),
                found: format!("layout {layout}"),
                supported: format!("layout {LAYOUT_VERSION}"),
            });
        }
        Self::read_layout_1(stream, first_version, item).map_err(damaged)
    }

    fn read_layout_1(
        stream: &StreamId,
        first_version: Version,
        mut item: Item,
    ) -> Result<Self, Damage> {
        let event_count = item.take_number::<u64>(attribute::EVENTS)?;
        let last_version = event_count
            .checked_sub(1)
            .and_then(|more| first_version.get().checked_add(more))
            .filter(|_| first_version >= Version::FIRST)
            .ok_or_else(|| format!("it cannot be at {first_version} with {event_count} events"))?;
        let id = item.take_binary(attribute::COMMIT_ID)?;
        let id = <[u8; 16]>::try_from(id)
            .map_err(|id| format!("its id has {} bytes, not 16", id.len()))?;
        let recorded_at = timestamp(item.take_number(attribute::RECORDED_AT)?)
            .ok_or_else(|| "its time is out of range".to_owned())?;
        let encoding = match item.take_text_if_any(attribute::ENCODING)? {
            Some(name) => name.parse::<Encoding>().map_err(|unknown| unknown.to_string())?,
            None => Encoding::default(),
        };
        let checksum = item.take_number(attribute::CHECKSUM)?;
        let order = match item.take_number_if_any::<u8>(attribute::OUT_OF_ORDER)? {
            Some(_) => IdOrder::OutOfOrder,
            None => IdOrder::Ascending,
        };
        let content = match Pieces::noted_in(&mut item)? {
            Some(pieces) => Content::InPieces(pieces),
            None => Content::Here(Body::take(&mut item, encoding)?),
        };
        let header = Header {
            stream: stream.clone(),
            id: CommitId::from_bytes(id),
            order,
            first_version,
            last_version: Version::new(last_version),
            recorded_at,
            encoding,
            checksum,
        };
        Ok(Self { header, content })
    }

    /// Checks what can be checked without another request.
    pub(super) fn check(self) -> Result<()> {
        match self.content {
            Content::Here(body) => self.header.into_commit(body).map(drop),
            Content::InPieces(_) => Ok(()),
        }
    }
}

impl Header {
    /// The commit's head, as far as its item says.
    pub(super) fn head(&self) -> Head {
        Head::from_stored(self.id, self.first_version, self.last_version)
    }

    pub(super) fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::CorruptCommit {
            stream: self.stream.clone(),
            version: self.first_version,
            reason: reason.into(),
        }
    }

    /// The content as its continuation items have it: manifest, metadata and payloads in one piece, cut
    /// where `pieces` says.
    pub(super) fn body_of(&self, bytes: Bytes, pieces: &Pieces) -> Result<Body> {
        let cuts = [0, pieces.metadata_from, pieces.payloads_from, bytes.len()];
        if !cuts.is_sorted() {
            return Err(self.damaged("its continuation items are shorter than it says"));
        }
        let part = |n: usize| bytes.slice(cuts[n]..cuts[n + 1]);
        let text = |n: usize, what: &str| {
            ByteString::try_from(part(n))
                .map_err(|_| self.damaged(format!("its {what} is not UTF-8 text")))
        };
        Ok(Body {
            manifest: text(0, "manifest")?,
            metadata: text(1, "metadata")?,
            payloads: Payloads::Binary(part(2)),
        })
    }

    /// The commit, checked against its checksum.
    pub(super) fn into_commit(self, body: Body) -> Result<Commit> {
        let events = match body.payloads {
            Payloads::Text(payloads) => EncodedEvents::from_stored_json(body.manifest, payloads),
            Payloads::Binary(payloads) => {
                EncodedEvents::from_stored(self.encoding, body.manifest, payloads)
            }
        };
        let events = events.map_err(|error| self.damaged(error.to_string()))?;
        let head = self.head();
        let metadata = EncodedMetadata::from_stored(body.metadata);
        let Self { stream, id, first_version, recorded_at, checksum, .. } = self;
        let commit = NewCommit { id, recorded_at, metadata, events }.place(stream, first_version);
        if commit.checksum() != checksum {
            return Err(commit.corrupt("its checksum does not match"));
        }
        if commit.head() != head {
            let (said, found) = (head.version(), commit.last_version());
            return Err(
                commit.corrupt(format!("its item says that it ends at {said}, it ends at {found}"))
            );
        }
        Ok(commit)
    }
}

impl Body {
    fn take(item: &mut Item, encoding: Encoding) -> Result<Self, Damage> {
        let payloads = if encoding == Encoding::default() {
            Payloads::Text(item.take_text(attribute::PAYLOADS)?.into())
        } else {
            Payloads::Binary(item.take_binary(attribute::PAYLOADS)?.into())
        };
        Ok(Self {
            manifest: item.take_text(attribute::MANIFEST)?.into(),
            metadata: item.take_text_if_any(attribute::METADATA)?.unwrap_or_default().into(),
            payloads,
        })
    }
}

/// The time of so many microseconds since 1970. `Timestamp::from_microsecond` refuses those of the last
/// second that there is, though `as_microsecond` gives them.
pub(crate) fn timestamp(microseconds: i64) -> Option<Timestamp> {
    const SECOND: i64 = 1_000_000;
    let nanosecond = i32::try_from(microseconds.rem_euclid(SECOND) * 1_000).ok()?;
    Timestamp::new(microseconds.div_euclid(SECOND), nanosecond).ok()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use proptest::prelude::*;

    use super::*;

    fn commit() -> Commit {
        let manifest = "Notes:Noted 1 15\nNotes:Noted 2 16";
        let payloads = "{\"text\":\"eins\"}\n{\"text\":\"zwei\"} ";
        let events = EncodedEvents::from_stored_json(manifest.into(), payloads.into());
        let metadata = EncodedMetadata::from_stored(r#"{"actor":"somebody"}"#.into());
        let id = CommitId::from_bytes([7; 16]);
        NewCommit::new(id, Timestamp::UNIX_EPOCH, metadata, events.expect("they fit"))
            .place(stream(), Version::new(3))
    }

    fn stream() -> StreamId {
        StreamId::new("notes", "n-1").expect("a valid id")
    }

    fn decode(item: Item) -> Result<Option<Commit>> {
        let CommitItem { header, content } = CommitItem::read(&stream(), item)?;
        match content {
            Content::Here(body) => header.into_commit(body).map(Some),
            Content::InPieces(_) => Ok(None),
        }
    }

    fn any_value() -> impl Strategy<Value = AttributeValue> {
        prop_oneof![
            "\\PC{0,20}".prop_map(text),
            any::<i64>().prop_map(number),
            "-?[0-9]{1,38}(\\.[0-9]{1,5})?(e-?[0-9]{1,3})?".prop_map(number),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(binary),
            any::<bool>().prop_map(AttributeValue::Bool),
            Just(AttributeValue::L(vec![number(1)])),
        ]
    }

    /// What happens to an attribute.
    #[derive(Debug, Clone)]
    enum Damage {
        Gone,
        Replaced(AttributeValue),
        /// This byte is another one.
        Flipped(usize, u8),
        Cut(usize),
    }

    fn any_damage() -> impl Strategy<Value = Damage> {
        prop_oneof![
            Just(Damage::Gone),
            any_value().prop_map(Damage::Replaced),
            (0..64_usize, 1..=255_u8).prop_map(|(at, bits)| Damage::Flipped(at, bits)),
            (0..64_usize).prop_map(Damage::Cut),
        ]
    }

    impl Damage {
        fn damage(self, item: &mut Item, name: &str) {
            let bytes = |value: &AttributeValue| match value {
                AttributeValue::S(text) | AttributeValue::N(text) => text.as_bytes().to_vec(),
                AttributeValue::B(bytes) => bytes.as_ref().to_vec(),
                _ => Vec::new(),
            };
            let with = |value: &AttributeValue, bytes: Vec<u8>| match value {
                AttributeValue::B(_) => binary(bytes),
                AttributeValue::N(_) => number(String::from_utf8_lossy(&bytes)),
                _ => text(String::from_utf8_lossy(&bytes)),
            };
            match self {
                Self::Gone => drop(item.remove(name)),
                Self::Replaced(value) => drop(item.insert(name.to_owned(), value)),
                Self::Flipped(at, bits) => {
                    if let Some(value) = item.get_mut(name) {
                        let mut flipped = bytes(value);
                        if let Some(byte) = flipped.get_mut(at) {
                            *byte ^= bits;
                        }
                        *value = with(value, flipped);
                    }
                }
                Self::Cut(to) => {
                    if let Some(value) = item.get_mut(name) {
                        let mut cut = bytes(value);
                        cut.truncate(to);
                        *value = with(value, cut);
                    }
                }
            }
        }
    }

    #[test]
    fn a_commit_comes_back_from_its_item() {
        for order in [IdOrder::Ascending, IdOrder::OutOfOrder] {
            let encoded = encode(&commit(), order);
            assert!(encoded.pieces.is_empty());
            let decoded = decode(encoded.item).expect("an intact item");
            assert_eq!(decoded, Some(commit()));
        }
    }

    #[test]
    fn what_is_as_usual_takes_no_attribute() {
        let plain = NewCommit::new(
            CommitId::from_bytes([7; 16]),
            Timestamp::UNIX_EPOCH,
            EncodedMetadata::default(),
            commit().events().clone(),
        );
        let item = encode(&plain.place(stream(), Version::FIRST), IdOrder::Ascending).item;
        let mut names: Vec<_> = item.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["c", "i", "m", "n", "p", "pk", "sk", "t"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_damaged_item_is_an_error_or_the_same_commit(
            damages in prop::collection::vec(
                (prop::sample::select(&["sk", "v", "n", "i", "t", "e", "m", "p", "d", "c", "o", "x",
                    "h", "a", "b"][..]), any_damage()),
                1..4,
            ),
        ) {
            let mut item = encode(&commit(), IdOrder::Ascending).item;
            for (name, damage) in damages {
                damage.damage(&mut item, name);
            }
            match decode(item) {
                Ok(Some(decoded)) => prop_assert_eq!(decoded, commit()),
                // Its pieces are missing.
                Ok(None) => {}
                Err(Error::CorruptCommit { stream: named, .. }) => {
                    prop_assert_eq!(named, stream());
                }
                Err(Error::UnsupportedFormat { .. }) => {}
                Err(error) => prop_assert!(false, "{error:?}"),
            }
        }

        #[test]
        fn the_size_of_an_item_is_known_before_it_is_made(bytes in 0..3000_usize) {
            let events = EncodedEvents::from_stored_json(
                format!("{} 1 2", "N".repeat(1 + bytes)).into(),
                "{}".into(),
            );
            let metadata = EncodedMetadata::from_stored("m".repeat(bytes).into());
            let id = CommitId::from_bytes([7; 16]);
            let new = NewCommit::new(id, Timestamp::UNIX_EPOCH, metadata, events.expect("they fit"));
            let commit = new.place(stream(), Version::FIRST);
            prop_assert_eq!(
                item_size(&encode(&commit, IdOrder::Ascending).item),
                size_as_one_item(&commit, &frame(&commit, IdOrder::Ascending))
            );
        }
    }
}

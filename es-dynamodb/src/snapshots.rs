//! Snapshots: the newest of each stream, in the state table.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | `snapshot#`, the stream |
//! | `sk` | S | `snapshot` |
//! | `v` | N | the layout; absent: 1 |
//! | `i`, `f`, `l` | B, N, N | the head: commit id, first and last version |
//! | `s` | N | the schema version |
//! | `e` | S | the codec; absent: JSON |
//! | `p` | S, B | the state: text when it is JSON |
//! | `c` | N | the CRC-32 of all that |

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use es_core::{
    Codec, CommitId, Compression, Encoding, Error, Head, Result, SnapshotStore, StoredSnapshot,
    StreamId, Version,
};

use crate::item::{Damage, Item, TakeAttribute as _, binary, number, text};
use crate::item_size::{MAX_ITEM_SIZE, item_size};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

/// The newest layout that this program reads, and the one that it writes.
const LAYOUT_VERSION: u32 = 1;

mod attribute {
    pub(super) const LAYOUT: &str = "v";
    pub(super) const COMMIT_ID: &str = "i";
    pub(super) const FIRST_VERSION: &str = "f";
    pub(super) const LAST_VERSION: &str = "l";
    pub(super) const SCHEMA_VERSION: &str = "s";
    pub(super) const CODEC: &str = "e";
    pub(super) const STATE: &str = "p";
    pub(super) const CHECKSUM: &str = "c";
}

/// What makes a snapshot the one to keep: there is none, it is of another schema, or of an earlier head.
const IS_LATER: &str = "attribute_not_exists(pk) OR #schema <> :schema OR #last < :last";

#[async_trait]
impl SnapshotStore for DynamoStore {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        let table = &self.tables().state;
        let answer = self
            .dynamodb()
            .get_item()
            .table_name(table)
            .consistent_read(true)
            .set_key(Some(key(stream)))
            .send()
            .await
            .map_err(|error| {
                self.failed(&format!("loading the snapshot of {stream}"), table, error)
            })?;
        answer.item.map(|item| read(stream, item)).transpose()
    }

    /// Keeps a snapshot; see [`SnapshotStore::save`]. It must fit in one item of 400 KB.
    async fn save(&self, snapshot: StoredSnapshot) -> Result<()> {
        let item = encode(&snapshot);
        let size = item_size(&item);
        if size > MAX_ITEM_SIZE {
            return Err(Error::LimitExceeded {
                what: "the size in bytes of a snapshot's item",
                stream: snapshot.stream,
                actual: size as u64,
                limit: MAX_ITEM_SIZE as u64,
            });
        }
        let table = &self.tables().state;
        let request = self
            .dynamodb()
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression(IS_LATER)
            .expression_attribute_names("#schema", attribute::SCHEMA_VERSION)
            .expression_attribute_names("#last", attribute::LAST_VERSION)
            .expression_attribute_values(":schema", number(snapshot.schema_version))
            .expression_attribute_values(":last", number(snapshot.head.version()));
        match self.past_transactions(|| request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => {
                let what = format!("saving the snapshot of {}", snapshot.stream);
                Err(self.failed(&what, table, error))
            }
        }
    }

    async fn delete(&self, stream: &StreamId) -> Result<()> {
        let table = &self.tables().state;
        let request = self.dynamodb().delete_item().table_name(table).set_key(Some(key(stream)));
        let deleted = request.send().await;
        deleted.map(drop).map_err(|error| {
            self.failed(&format!("deleting the snapshot of {stream}"), table, error)
        })
    }
}

fn key(stream: &StreamId) -> Item {
    Item::from([
        (PARTITION_KEY.to_owned(), text(format!("snapshot#{stream}"))),
        (SORT_KEY.to_owned(), text("snapshot")),
    ])
}

fn encode(snapshot: &StoredSnapshot) -> Item {
    let StoredSnapshot { stream, head, schema_version, codec, state } = snapshot;
    let mut item = key(stream);
    item.extend([
        (attribute::COMMIT_ID.to_owned(), binary(*head.commit_id().as_bytes())),
        (attribute::FIRST_VERSION.to_owned(), number(head.commit_start())),
        (attribute::LAST_VERSION.to_owned(), number(head.version())),
        (attribute::SCHEMA_VERSION.to_owned(), number(schema_version)),
        (attribute::STATE.to_owned(), state_value(*codec, state)),
        (attribute::CHECKSUM.to_owned(), number(checksum(snapshot))),
    ]);
    if *codec != Codec::default() {
        item.insert(attribute::CODEC.to_owned(), text(codec_name(*codec)));
    }
    item
}

/// JSON is kept as text for people; bytes that only claim to be JSON are kept all the same.
fn state_value(codec: Codec, state: &Bytes) -> AttributeValue {
    match std::str::from_utf8(state) {
        Ok(json) if codec == Codec::Json => text(json),
        _ => binary(&**state),
    }
}

fn read(stream: &StreamId, mut item: Item) -> Result<StoredSnapshot> {
    let what = || format!("the snapshot of {stream}");
    let damaged = |reason| Error::Corrupt { what: what(), reason };
    let layout = item.take_number_if_any::<u32>(attribute::LAYOUT).map_err(damaged)?;
    if let Some(layout) = layout.filter(|layout| *layout > LAYOUT_VERSION) {
        return Err(Error::UnsupportedFormat {
            what: what(),
            found: format!("layout {layout}"),
            supported: format!("layout {LAYOUT_VERSION}"),
        });
    }
    let stored = item.take_number::<u32>(attribute::CHECKSUM).map_err(damaged)?;
    let snapshot = read_layout_1(stream, item).map_err(damaged)?;
    if checksum(&snapshot) != stored {
        return Err(damaged("its checksum does not match".to_owned()));
    }
    Ok(snapshot)
}

fn read_layout_1(stream: &StreamId, mut item: Item) -> Result<StoredSnapshot, Damage> {
    let id = item.take_binary(attribute::COMMIT_ID)?;
    let id = <[u8; 16]>::try_from(id)
        .map_err(|id| format!("its commit id has {} bytes, not 16", id.len()))?;
    let first = item.take_number::<u64>(attribute::FIRST_VERSION)?;
    let last = item.take_number::<u64>(attribute::LAST_VERSION)?;
    let codec = match item.take_text_if_any(attribute::CODEC)? {
        Some(name) => codec_named(&name).ok_or_else(|| format!("its codec {name:?} is unknown"))?,
        None => Codec::default(),
    };
    let state = match item.get(attribute::STATE) {
        Some(AttributeValue::S(_)) => item.take_text(attribute::STATE)?.into(),
        _ => item.take_binary(attribute::STATE)?.into(),
    };
    Ok(StoredSnapshot {
        stream: stream.clone(),
        head: Head::from_stored(CommitId::from_bytes(id), Version::new(first), Version::new(last)),
        schema_version: item.take_number(attribute::SCHEMA_VERSION)?,
        codec,
        state,
    })
}

fn codec_name(codec: Codec) -> &'static str {
    Encoding { codec, compression: Compression::None }.as_str()
}

fn codec_named(name: &str) -> Option<Codec> {
    let encoding: Encoding = name.parse().ok()?;
    (encoding.compression == Compression::None).then_some(encoding.codec)
}

/// The CRC-32 of everything in the snapshot. Only the last two parts vary in length, and the name of
/// the codec ends with a zero.
fn checksum(snapshot: &StoredSnapshot) -> u32 {
    let StoredSnapshot { stream, head, schema_version, codec, state } = snapshot;
    let mut crc = crc32fast::Hasher::new();
    crc.update(head.commit_id().as_bytes());
    crc.update(&head.commit_start().get().to_le_bytes());
    crc.update(&head.version().get().to_le_bytes());
    crc.update(&schema_version.to_le_bytes());
    for part in [stream.as_str(), codec_name(*codec)] {
        crc.update(part.as_bytes());
        crc.update(&[0]);
    }
    crc.update(state);
    crc.finalize()
}

//! Commits that one item does not take.
//!
//! Manifest, metadata and payloads follow one another as bytes, cut in pieces of about 400 KB, one
//! continuation item each. They are written before the commit's item, which says where they are and
//! makes them visible:
//!
//! | attribute of the commit | | |
//! |---|---|---|
//! | `x` | N | how many pieces there are |
//! | `h` | B | the digest that their partition key ends with |
//! | `a` | N | the byte at which the metadata begin |
//! | `b` | N | the byte at which the payloads begin |
//!
//! | attribute of a piece | | |
//! |---|---|---|
//! | `pk` | S | stream, U+0001, commit id, U+0001, digest of the whole content |
//! | `sk` | N | its number, from 1 |
//! | `p` | B | its bytes |
//!
//! One commit id may be tried with several contents, when a command is decided again. As the digest is
//! part of the key, what is written under a key is always the same bytes: an attempt that comes late
//! cannot damage the commit that is visible.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::{Bytes, BytesMut};
use es_core::{Commit, CommitId, Result, StreamId};
use futures::stream::{self, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::commit_item::{AFTER_STREAM, CommitItem, Content, Header};
use crate::item::{Damage, Item, TakeAttribute as _, binary, number, text};
use crate::item_size::{MAX_ITEM_SIZE, item_size};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

mod attribute {
    pub(super) const COUNT: &str = "x";
    pub(super) const DIGEST: &str = "h";
    pub(super) const METADATA_FROM: &str = "a";
    pub(super) const PAYLOADS_FROM: &str = "b";
    pub(super) const BYTES: &str = "p";
}

/// How many pieces are written at the same time.
const WRITES_AT_ONCE: usize = 4;

/// Where the content of a commit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces {
    count: u32,
    digest: Vec<u8>,
    pub(super) metadata_from: usize,
    pub(super) payloads_from: usize,
}

impl Pieces {
    /// Cuts the content of a commit in items.
    pub(super) fn cut(commit: &Commit) -> (Self, Vec<Item>) {
        let manifest = commit.events().manifest().as_bytes();
        let metadata = commit.encoded_metadata().as_str().as_bytes();
        let content = [manifest, metadata, commit.events().payloads()].concat();
        let pieces = Self {
            count: 0,
            digest: Sha256::digest(&content).to_vec(),
            metadata_from: manifest.len(),
            payloads_from: manifest.len() + metadata.len(),
        };
        let key = pieces.key(commit.stream(), commit.id());
        let empty = piece(&key, u32::MAX, &[]);
        let items: Vec<Item> = content
            .chunks(MAX_ITEM_SIZE - item_size(&empty))
            .zip(1..)
            .map(|(bytes, n)| piece(&key, n, bytes))
            .collect();
        (Self { count: u32::try_from(items.len()).unwrap_or(u32::MAX), ..pieces }, items)
    }

    /// Says in the commit's item where the content is.
    pub(super) fn note_in(self, item: &mut Item) {
        item.insert(attribute::COUNT.to_owned(), number(self.count));
        item.insert(attribute::DIGEST.to_owned(), binary(self.digest));
        item.insert(attribute::METADATA_FROM.to_owned(), number(self.metadata_from));
        item.insert(attribute::PAYLOADS_FROM.to_owned(), number(self.payloads_from));
    }

    /// What a commit's item says; `None` if it has its content itself.
    pub(super) fn noted_in(item: &mut Item) -> Result<Option<Self>, Damage> {
        let Some(count) = item.take_number_if_any(attribute::COUNT)? else { return Ok(None) };
        Ok(Some(Self {
            count,
            digest: item.take_binary(attribute::DIGEST)?,
            metadata_from: item.take_number(attribute::METADATA_FROM)?,
            payloads_from: item.take_number(attribute::PAYLOADS_FROM)?,
        }))
    }

    fn key(&self, stream: &StreamId, id: CommitId) -> String {
        let digest = hex::encode(&self.digest);
        format!("{stream}{AFTER_STREAM}{id}{AFTER_STREAM}{digest}")
    }
}

fn piece(key: &str, n: u32, bytes: &[u8]) -> Item {
    Item::from([
        (PARTITION_KEY.to_owned(), text(key)),
        (SORT_KEY.to_owned(), number(n)),
        (attribute::BYTES.to_owned(), binary(bytes)),
    ])
}

impl DynamoStore {
    /// Writes the pieces of a commit of `stream`, before its item.
    pub(crate) async fn write_pieces(&self, stream: &StreamId, pieces: Vec<Item>) -> Result<()> {
        let table = &self.tables().events;
        stream::iter(pieces.into_iter().map(Ok))
            .try_for_each_concurrent(WRITES_AT_ONCE, |piece| async {
                let request = self.dynamodb().put_item().table_name(table).set_item(Some(piece));
                let written = self.past_transactions(|| request.clone().send()).await;
                let what = || format!("writing a part of a large commit to {stream}");
                written.map(drop).map_err(|error| self.failed(&what(), table, error))
            })
            .await
    }

    /// The commit of an item, with what its continuation items have.
    ///
    /// # Errors
    ///
    /// [`Error::CorruptCommit`], and as [`EventStore::read`](es_core::EventStore::read).
    pub(crate) async fn complete(&self, item: CommitItem) -> Result<Commit> {
        let CommitItem { header, content } = item;
        let body = match content {
            Content::Here(body) => body,
            Content::InPieces(pieces) => {
                let bytes = self.gather(&header, &pieces).await?;
                header.body_of(bytes, &pieces)?
            }
        };
        header.into_commit(body)
    }

    async fn gather(&self, commit: &Header, pieces: &Pieces) -> Result<Bytes> {
        let table = &self.tables().events;
        let mut content = BytesMut::new();
        let mut gathered = 0;
        let mut after = None;
        loop {
            let page = self
                .dynamodb()
                .query()
                .table_name(table)
                .consistent_read(true)
                .key_condition_expression("pk = :piece")
                .expression_attribute_values(
                    ":piece",
                    AttributeValue::S(pieces.key(&commit.stream, commit.id)),
                )
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| {
                    let what = format!("reading a large commit of {}", commit.stream);
                    self.failed(&what, table, error)
                })?;
            for mut piece in page.items.unwrap_or_default() {
                gathered += 1;
                let bytes =
                    read_piece(&mut piece, gathered).map_err(|reason| commit.damaged(reason))?;
                content.extend_from_slice(&bytes);
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        if gathered != pieces.count {
            let count = pieces.count;
            return Err(
                commit.damaged(format!("it has {gathered} of its {count} continuation items"))
            );
        }
        Ok(content.freeze())
    }
}

fn read_piece(piece: &mut Item, n: u32) -> Result<Vec<u8>, Damage> {
    let found: u32 = piece.take_number(SORT_KEY)?;
    if found != n {
        return Err(format!("its continuation item {n} is missing"));
    }
    piece
        .take_binary(attribute::BYTES)
        .map_err(|damage| format!("in its continuation item {n}, {damage}"))
}

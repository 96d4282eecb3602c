//! From commits to what is sent.

use bytes::Bytes;
use bytestring::ByteString;
use es_core::cloud_events::{self, Source};
use es_core::{Commit, Compression, Error, Result, StreamId};

use crate::aggregation::UserRecord;
use crate::compression::compress;

/// What becomes of a commit that is too large for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Oversized {
    /// It is not published: it is parked among the publisher's dead letters, and the later commits of its
    /// stream behind it, until an operator raises the limit and tries again, or drops it.
    #[default]
    Refuse,
    /// A reference to the log is published in its place, a claim check. A [feed](crate::KinesisFeed) reads
    /// the commit from the log then; other readers have to do the same.
    Refer,
}

/// How commits become records.
#[derive(Debug, Clone)]
pub(super) struct Packing {
    pub(super) source: Source,
    pub(super) compression: Compression,
    pub(super) oversized: Oversized,
    /// The most bytes of a record, with its partition key.
    pub(super) max_record_bytes: usize,
    pub(super) hash_keys: Option<HashKeys>,
}

/// Gives each stream its hash key.
#[derive(Clone)]
pub(super) struct HashKeys(pub(super) std::sync::Arc<dyn Fn(&StreamId) -> u128 + Send + Sync>);

/// A commit on its way.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    /// Its place in the batch.
    pub(super) at: usize,
    pub(super) record: UserRecord,
}

impl Packing {
    /// The record of a commit.
    ///
    /// # Errors
    ///
    /// Those of [`cloud_events::encode`], and [`Error::LimitExceeded`].
    pub(super) fn pack(&self, at: usize, commit: &Commit) -> Result<Outgoing> {
        let key = ByteString::from(commit.stream().as_str());
        let limit = self.max_record_bytes.saturating_sub(key.len());
        let mut data = self.compressed(cloud_events::encode(commit, &self.source)?)?;
        if data.len() > limit && self.oversized == Oversized::Refer {
            data = cloud_events::encode_reference(commit, &self.source)?.into();
        }
        if data.len() > limit {
            return Err(Error::LimitExceeded {
                what: "the size in bytes of a commit as a record",
                stream: commit.stream().clone(),
                actual: data.len() as u64,
                limit: limit as u64,
            });
        }
        let explicit_hash_key = self.hash_keys.as_ref().map(|keys| (keys.0)(commit.stream()));
        Ok(Outgoing { at, record: UserRecord { partition_key: key, explicit_hash_key, data } })
    }

    fn compressed(&self, json: Vec<u8>) -> Result<Bytes> {
        compress(self.compression, json).map_err(|source| Error::Encode {
            what: "the compressed record of a commit".to_owned(),
            source: source.into(),
        })
    }
}

impl std::fmt::Debug for HashKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKeys")
    }
}

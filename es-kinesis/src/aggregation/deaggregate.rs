use bytes::Bytes;
use bytestring::ByteString;
use prost::Message as _;

use super::message::{AggregatedRecord, Record};
use super::{DIGEST_LEN, MAGIC, UserRecord, digest};
use crate::hash_key;

/// Takes a Kinesis record's data apart.
///
/// Nothing is copied: keys and data are parts of `data`, and keep all of it in memory. Beside it, at most 100
/// bytes are taken for each byte of `data`, however hostile.
///
/// # Errors
///
/// [`CorruptAggregate`] when records are there and one of them cannot be told; none of them is handed over
/// then. [The module](super#what-is-no-sound-aggregate) has a table of all cases.
pub fn deaggregate(data: Bytes) -> Result<Deaggregated, CorruptAggregate> {
    match message(&data) {
        Some(message) => user_records(message).map(Deaggregated::Aggregate),
        None => Ok(Deaggregated::Plain(data)),
    }
}

/// Whether the data begins as an aggregate does, be it sound or not. No commit does.
pub(crate) fn has_form_of_aggregate(data: &[u8]) -> bool {
    data.starts_with(&MAGIC)
}

/// What the data of a Kinesis record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deaggregated {
    /// One record, which was not aggregated: its data as it was.
    Plain(Bytes),
    /// The records of an aggregate, in order. The place of a record, counted from 0, is what the KCL calls
    /// its sub-sequence number.
    Aggregate(Vec<UserRecord>),
}

/// Why the records of an aggregate cannot be told, although its digest is right: whoever wrote it made a
/// mistake. Records and keys are counted from 0.
///
/// Texts never say what a key or a record says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptAggregate {
    /// A record has a partition key that is not in the table.
    #[error("record {record} of the aggregate has partition key {index}, and there are {keys}")]
    NoPartitionKey {
        /// The record.
        record: usize,
        /// The index that the record has.
        index: u64,
        /// How many partition keys there are.
        keys: usize,
    },
    /// A record has an explicit hash key that is not in the table.
    #[error("record {record} of the aggregate has explicit hash key {index}, and there are {keys}")]
    NoExplicitHashKey {
        /// The record.
        record: usize,
        /// The index that the record has.
        index: u64,
        /// How many explicit hash keys there are.
        keys: usize,
    },
    /// A partition key is not UTF-8.
    #[error("partition key {key} of the aggregate is not UTF-8 text")]
    PartitionKeyNotText {
        /// The partition key.
        key: usize,
    },
    /// A record's explicit hash key is not a decimal number below 2¹²⁸.
    #[error("the explicit hash key of record {record} of the aggregate is not a hash key")]
    InvalidExplicitHashKey {
        /// The record.
        record: usize,
    },
}

/// The message, if `data` is an aggregate.
fn message(data: &Bytes) -> Option<AggregatedRecord> {
    let rest = data.strip_prefix(&MAGIC)?;
    let (message, stored_digest) = rest.split_last_chunk::<DIGEST_LEN>()?;
    if message.is_empty() || digest(message) != *stored_digest {
        return None;
    }
    let message = AggregatedRecord::decode(data.slice_ref(message)).ok()?;
    message.is_complete().then_some(message)
}

fn user_records(message: AggregatedRecord) -> Result<Vec<UserRecord>, CorruptAggregate> {
    let tables = Tables {
        partition_keys: texts(message.partition_key_table)?,
        explicit_hash_keys: message.explicit_hash_key_table,
    };
    let records = message.records.into_iter().enumerate();
    records.map(|(place, record)| tables.user_record(place, record)).collect()
}

/// The partition keys, looked at once each: a hostile aggregate could have one long key in all its records.
fn texts(keys: Vec<Bytes>) -> Result<Vec<ByteString>, CorruptAggregate> {
    let not_text = |key| move |_| CorruptAggregate::PartitionKeyNotText { key };
    let keys = keys.into_iter().enumerate();
    keys.map(|(place, key)| ByteString::try_from(key).map_err(not_text(place))).collect()
}

/// The keys that the records have indices of.
struct Tables {
    partition_keys: Vec<ByteString>,
    explicit_hash_keys: Vec<Bytes>,
}

impl Tables {
    fn user_record(&self, place: usize, record: Record) -> Result<UserRecord, CorruptAggregate> {
        let index = record.partition_key_index.unwrap_or_default();
        let explicit = record.explicit_hash_key_index;
        Ok(UserRecord {
            partition_key: self.partition_key(place, index)?,
            explicit_hash_key: explicit
                .map(|index| self.explicit_hash_key(place, index))
                .transpose()?,
            data: record.data.unwrap_or_default(),
        })
    }

    fn partition_key(&self, record: usize, index: u64) -> Result<ByteString, CorruptAggregate> {
        let keys = self.partition_keys.len();
        at(&self.partition_keys, index).cloned().ok_or(CorruptAggregate::NoPartitionKey {
            record,
            index,
            keys,
        })
    }

    /// Read for each record, which is cheap, because [`hash_key::parse`] does not read a long key: one that
    /// no record has may be anything, as it may for the KCL.
    fn explicit_hash_key(&self, record: usize, index: u64) -> Result<u128, CorruptAggregate> {
        let keys = self.explicit_hash_keys.len();
        let key = at(&self.explicit_hash_keys, index)
            .ok_or(CorruptAggregate::NoExplicitHashKey { record, index, keys })?;
        std::str::from_utf8(key)
            .ok()
            .and_then(|text| hash_key::parse(text).ok())
            .ok_or(CorruptAggregate::InvalidExplicitHashKey { record })
    }
}

fn at<T>(table: &[T], index: u64) -> Option<&T> {
    table.get(usize::try_from(index).ok()?)
}

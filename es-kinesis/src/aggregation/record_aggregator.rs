use std::collections::HashMap;

use bytes::Bytes;
use prost::{Message as _, length_delimiter_len};

use super::message::{AggregatedRecord, Record};
use super::{DIGEST_LEN, MAGIC, UserRecord, digest};

/// Puts records into one aggregate, in order.
///
/// It has no limit. A caller that has one, as
/// [Kinesis has](https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html), asks
/// [`encoded_len_with`](Self::encoded_len_with) before it adds a record. Nor does it choose the partition key
/// and the explicit hash key that the aggregate is put under: they decide about the shard, and the KCL drops
/// an aggregate with a record in it that does not belong to the shard.
///
/// A record alone is better put as it is: the aggregate would only be larger.
#[derive(Debug, Clone, Default)]
pub struct RecordAggregator {
    partition_keys: KeyTable,
    explicit_hash_keys: KeyTable,
    records: Vec<Record>,
    /// The length of the message with all of these in it.
    message_len: usize,
}

impl RecordAggregator {
    /// An aggregate without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records were added.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// The length in bytes of what [`finish`](Self::finish) returns.
    pub fn encoded_len(&self) -> usize {
        MAGIC.len() + self.message_len + DIGEST_LEN
    }

    /// What [`encoded_len`](Self::encoded_len) is after `record` is added, to the byte: keys that are in the
    /// aggregate already are not counted again.
    pub fn encoded_len_with(&self, record: &UserRecord) -> usize {
        self.encoded_len() + self.entry(record).encoded_len()
    }

    /// Adds a record behind the others. Its data is not copied before [`finish`](Self::finish).
    pub fn add(&mut self, record: &UserRecord) {
        let entry = self.entry(record);
        self.message_len += entry.encoded_len();
        self.partition_keys.extend(entry.new_partition_key);
        self.explicit_hash_keys.extend(entry.new_explicit_hash_key);
        self.records.push(entry.record);
    }

    /// The data of the Kinesis record.
    ///
    /// Without records it is nothing to be sent: readers take it for a record that is not aggregated.
    pub fn finish(self) -> Bytes {
        let message = AggregatedRecord {
            partition_key_table: self.partition_keys.keys,
            explicit_hash_key_table: self.explicit_hash_keys.keys,
            records: self.records,
        };
        let message = message.encode_to_vec();
        [&MAGIC[..], &message, &digest(&message)].concat().into()
    }

    fn entry(&self, record: &UserRecord) -> Entry {
        let partition_key = record.partition_key.as_bytes().clone();
        let (partition_key_index, new_partition_key) = self.partition_keys.find(partition_key);
        let explicit = record.explicit_hash_key.map(|key| Bytes::from(key.to_string()));
        let explicit = explicit.map(|key| self.explicit_hash_keys.find(key));
        let (explicit_hash_key_index, new_explicit_hash_key) = explicit.unzip();
        Entry {
            record: Record {
                partition_key_index: Some(partition_key_index),
                explicit_hash_key_index,
                data: Some(record.data.clone()),
            },
            new_partition_key,
            new_explicit_hash_key: new_explicit_hash_key.flatten(),
        }
    }
}

/// What a record adds to the message.
struct Entry {
    record: Record,
    new_partition_key: Option<Bytes>,
    new_explicit_hash_key: Option<Bytes>,
}

impl Entry {
    fn encoded_len(&self) -> usize {
        let new_keys = self.new_partition_key.iter().chain(&self.new_explicit_hash_key);
        let new_keys: usize = new_keys.map(|key| field_len(key.len())).sum();
        new_keys + field_len(self.record.encoded_len())
    }
}

/// The length of a field with so many bytes, which the field's number and the length go before. The number
/// is one byte, because all in these messages are less than 16.
fn field_len(len: usize) -> usize {
    1 + length_delimiter_len(len) + len
}

/// The keys of one kind, each of them once.
#[derive(Debug, Clone, Default)]
struct KeyTable {
    keys: Vec<Bytes>,
    indices: HashMap<Bytes, u64>,
}

impl KeyTable {
    /// The index that `key` has, or will have when it is added; and `key`, if it has to be.
    fn find(&self, key: Bytes) -> (u64, Option<Bytes>) {
        match self.indices.get(&key) {
            Some(&index) => (index, None),
            None => (self.keys.len() as u64, Some(key)),
        }
    }

    fn extend(&mut self, new_key: Option<Bytes>) {
        if let Some(key) = new_key {
            self.indices.insert(key.clone(), self.keys.len() as u64);
            self.keys.push(key);
        }
    }
}

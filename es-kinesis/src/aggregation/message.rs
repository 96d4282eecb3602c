//! The protobuf messages of the format, as their specification has them.

use bytes::Bytes;

/// The keys are bytes, and not strings: then a key that is not UTF-8 can be told from bytes that are no
/// message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AggregatedRecord {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) partition_key_table: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) explicit_hash_key_table: Vec<Bytes>,
    #[prost(message, repeated, tag = "3")]
    pub(super) records: Vec<Record>,
}

impl AggregatedRecord {
    /// Whether there is everything that the specification requires. The decoder does not ask.
    pub(super) fn is_complete(&self) -> bool {
        self.records
            .iter()
            .all(|record| record.partition_key_index.is_some() && record.data.is_some())
    }
}

/// The tags are left out, and an unknown field is skipped: a decoded one would take many times the memory of
/// its two bytes, for nothing.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Record {
    /// Required: is it missing, the bytes are no message.
    #[prost(uint64, optional, tag = "1")]
    pub(super) partition_key_index: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) explicit_hash_key_index: Option<u64>,
    /// Required, like the index of the partition key.
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub(super) data: Option<Bytes>,
}

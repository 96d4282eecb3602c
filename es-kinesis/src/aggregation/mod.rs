//! Aggregated records: several records in one, in the format of the Kinesis Producer Library (KPL), which
//! the Kinesis Client Library (KCL) reads.
//!
//! Kinesis takes 1,000 records per second and shard, however small; one that holds several counts once.
//! [`RecordAggregator`] writes such records and [`deaggregate`] takes them apart:
//!
//! ```
//! use es_kinesis::aggregation::{Deaggregated, RecordAggregator, UserRecord, deaggregate};
//!
//! let record = |key: &'static str, data: &'static str| UserRecord {
//!     partition_key: key.into(),
//!     explicit_hash_key: None,
//!     data: data.into(),
//! };
//! let records = vec![record("d-1", "started"), record("d-2", "started"), record("d-1", "ended")];
//!
//! let mut aggregator = RecordAggregator::new();
//! for record in &records {
//!     aggregator.add(record);
//! }
//! assert_eq!(deaggregate(aggregator.finish()), Ok(Deaggregated::Aggregate(records)));
//! ```
//!
//! # The format
//!
//! The [specification](https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md):
//! the bytes `F3 89 9A C2`, a protobuf message, and the 16 bytes of the message's MD5.
//!
//! ```text
//! message AggregatedRecord {
//!   repeated string partition_key_table     = 1;
//!   repeated string explicit_hash_key_table = 2;
//!   repeated Record records                 = 3;
//! }
//! message Record {
//!   required uint64 partition_key_index     = 1;
//!   optional uint64 explicit_hash_key_index = 2;
//!   required bytes  data                    = 3;
//!   repeated Tag    tags                    = 4;
//! }
//! ```
//!
//! Tags are not written, and skipped when read, whatever they are: neither KPL nor KCL has them in its
//! interface.
//!
//! # What is no sound aggregate
//!
//! Anybody may put bytes into a stream that look like an aggregate. What becomes of them is what the KCL
//! for Java does (`AggregatorUtil.deaggregate`), save where that loses or changes records and nobody learns
//! of it: then it is a [`CorruptAggregate`].
//!
//! | the record | the KCL | here |
//! |---|---|---|
//! | does not begin with the four bytes | hands it over as it is | the same: [`Deaggregated::Plain`] |
//! | begins with them, and has no message or is too short for the digest | hands it over as it is | the same |
//! | its digest is not that of its message | hands it over as it is | the same |
//! | the message cannot be decoded, or a record in it lacks its data or the index of its partition key | hands it over as it is | the same |
//! | a field has another type than the specification says | skips the field | hands it over as it is |
//! | there are no records in the message | hands over nothing | the same: an empty [`Deaggregated::Aggregate`] |
//! | an index is outside its table | logs it, hands over the records before that one, **drops the others** | [`CorruptAggregate`] |
//! | an index is 2³² or more | **takes another key**, that at the index modulo 2³² | [`CorruptAggregate`] |
//! | an explicit hash key that a record has is no number | logs it, hands over the records before that one, **drops the others** | [`CorruptAggregate`] |
//! | an explicit hash key that a record has is negative, or 2¹²⁸ or more | **drops all records** | [`CorruptAggregate`] |
//! | a partition key is not UTF-8 | hands over **another key**, with replacement characters | [`CorruptAggregate`] |
//! | the hash key of a record is not of the shard that it was read from | **drops all records** | hands all over: [`UserRecord::hash_key`] and [`HashKeyRange::contains`] tell |
//!
//! The last is no damage: it is what a writer leaves that does not know of a resharding yet. The KPL sends
//! these records once more. A writer that wants readers with a KCL to have all records puts into
//! one aggregate what belongs to one shard, and looks at which shard it came to.
//!
//! [`HashKeyRange::contains`]: crate::hash_key::HashKeyRange::contains

mod deaggregate;
mod message;
mod record_aggregator;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use bytestring::ByteString;
use md5::{Digest as _, Md5};

use crate::hash_key;

pub(crate) use deaggregate::has_form_of_aggregate;
pub use deaggregate::{CorruptAggregate, Deaggregated, deaggregate};
pub use record_aggregator::RecordAggregator;

/// One of the records in an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The partition key that the record would have if it were put on its own.
    pub partition_key: ByteString,
    /// The hash key that the record belongs under instead of that of its partition key.
    pub explicit_hash_key: Option<u128>,
    /// What the record is about.
    pub data: Bytes,
}

impl UserRecord {
    /// The hash key that the record belongs under: the explicit one, or that of its partition key.
    pub fn hash_key(&self) -> u128 {
        self.explicit_hash_key.unwrap_or_else(|| hash_key::of(&self.partition_key))
    }
}

/// What an aggregate begins with.
const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

const DIGEST_LEN: usize = 16;

fn digest(message: &[u8]) -> [u8; DIGEST_LEN] {
    Md5::digest(message).into()
}

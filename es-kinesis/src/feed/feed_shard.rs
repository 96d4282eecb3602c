//! Shards as partitions of the feed.

use es_core::{Checkpoint, Error, PartitionId, Result, Timestamp};

/// A shard of one data stream. Another stream that has the same name later has shards of the same ids, so
/// what a partition is named after is the shard and when its stream was created:
/// `shardId-000000000000@1767225600`.
#[derive(Debug, Clone, Copy)]
pub(super) struct FeedShard<'a> {
    pub(super) partition: &'a PartitionId,
    /// As Kinesis names it.
    pub(super) id: &'a str,
    /// In Unix seconds.
    pub(super) stream_created_at: i64,
}

impl<'a> FeedShard<'a> {
    /// The partition that a shard is.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`].
    pub(super) fn partition(id: &str, stream_created_at: Timestamp) -> Result<PartitionId> {
        PartitionId::new(&format!("{id}@{}", stream_created_at.as_second()))
    }

    /// The shard that a partition is; `None` if it is none.
    pub(super) fn of(partition: &'a PartitionId) -> Option<Self> {
        let (id, created_at) = partition.as_str().split_once('@')?;
        let stream_created_at = created_at.parse().ok()?;
        id.starts_with("shardId-").then_some(Self { partition, id, stream_created_at })
    }

    /// The error of a shard that has lost what comes next.
    pub(super) fn trimmed(&self, after: &Checkpoint) -> Error {
        let (partition, after) = (self.partition.to_string(), after.as_str().to_owned());
        Error::FeedTrimmed { partition, after }
    }
}

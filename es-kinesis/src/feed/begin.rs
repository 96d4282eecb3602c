//! Where a consumer that begins reads.

use std::sync::Arc;

use es_core::{Checkpoint, Feed, Partition, PartitionId, Result, Timestamp};

use super::KinesisFeed;
use super::feed_shard::FeedShard;
use super::reading::CLOCKS_DIFFER;
use super::shard_place::ShardPlace;
use crate::summary::Summary;

/// Where a consumer without progress begins. One that has some goes on where it was, whatever is said here.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Begin {
    /// At the beginning of the history in the log, of which it reads all partitions to their end, and then with
    /// what was published since: so it misses nothing, however old the log is, and a rebuild works. The
    /// history's partitions have to end, as those of `DynamoStore::history` do.
    AfterHistory(Arc<dyn Feed>),
    /// At the oldest record that the stream still has. What was published before that is missed, unless its
    /// stream of the log goes on: then all of it is read from there.
    Horizon,
    /// With what is published from now on, by the clock of the worker that begins. The same is missed.
    Latest,
    /// With what was published at this time or later. The same is missed. A time longer ago than the stream
    /// keeps records, less 15 minutes, is [`Error::FeedTrimmed`](es_core::Error::FeedTrimmed), unless the
    /// stream is younger.
    At(Timestamp),
}

impl Begin {
    pub(super) fn history(&self) -> Option<&dyn Feed> {
        match self {
            Self::AfterHistory(history) => Some(&**history),
            Self::Horizon | Self::Latest | Self::At(_) => None,
        }
    }
}

impl KinesisFeed {
    pub(super) async fn listed(&self) -> Result<Vec<Partition>> {
        let mut partitions = match self.begin().history() {
            Some(history) => history.partitions().await?,
            None => Vec::new(),
        };
        let history: Vec<PartitionId> = partitions.iter().map(|it| it.id.clone()).collect();
        let summary = self.stream().summary().await?;
        let list = self.stream().shards().await?;
        for shard in list.shards() {
            let mut parents = history.clone();
            for parent in &shard.parents {
                parents.push(FeedShard::partition(parent, summary.created_at)?);
            }
            if shard.parents.is_empty() {
                parents.push(origin(&summary)?);
            }
            let id = FeedShard::partition(&shard.id, summary.created_at)?;
            partitions.push(Partition { id, parents });
        }
        Ok(partitions)
    }

    /// The origin as ended, with all parents that are gone: they are nothing to wait for. And a place that
    /// says the time for each shard: who comes to it too late is told.
    pub(super) async fn places_to_begin(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        let summary = self.stream().summary().await?;
        let created_at = summary.created_at;
        let now = self.stream().clock().now();
        let a_while_ago = now.saturating_sub(CLOCKS_DIFFER).unwrap_or(now);
        let place = match self.begin() {
            // What was appended before is in the history, whatever the clocks say.
            Begin::AfterHistory(_) => ShardPlace::at(a_while_ago),
            Begin::Horizon => ShardPlace::horizon(a_while_ago),
            Begin::Latest => ShardPlace::at(now),
            // Nothing was published before there was a stream.
            Begin::At(time) => ShardPlace::at((*time).max(created_at)),
        };
        let mut places = match self.begin().history() {
            Some(history) => history.anchors().await?,
            None => Vec::new(),
        };
        places.push((origin(&summary)?, Checkpoint::end()));
        let list = self.stream().shards().await?;
        for parent in list.gone_parents() {
            places.push((FeedShard::partition(parent, created_at)?, Checkpoint::end()));
        }
        for shard in list.shards() {
            places.push((FeedShard::partition(&shard.id, created_at)?, place.checkpoint()));
        }
        Ok(places)
    }
}

/// Stands for the stream among the parents of its first shards. It is never listed: who has begun has it
/// as ended, and to all others it says that the stream is not the one that they were reading.
fn origin(summary: &Summary) -> Result<PartitionId> {
    PartitionId::new(&format!("stream-of-{}", summary.created_at.as_second()))
}

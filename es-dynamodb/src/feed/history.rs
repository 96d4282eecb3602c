//! The history alone, for those who read what comes next somewhere else.

use async_trait::async_trait;
use es_core::{Checkpoint, Feed, FeedPage, Partition, PartitionId, Result};

use super::partition::{Segment, Source};
use crate::store::DynamoStore;

/// The commits in the table, in partitions that end: the scan of the feed of a [`DynamoStore`], without the
/// table's stream behind it. From [`DynamoStore::history`].
///
/// It is for feeds that have what comes next from elsewhere, as from a data stream that the log is published
/// to. Such a feed has to deliver what was appended since the scan began.
#[derive(Debug, Clone)]
pub struct DynamoHistory(DynamoStore);

impl DynamoStore {
    /// The history alone, in [`scan_segments`](crate::DynamoOptions::scan_segments) partitions.
    pub fn history(&self) -> DynamoHistory {
        DynamoHistory(self.clone())
    }
}

#[async_trait]
impl Feed for DynamoHistory {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let segments = Segment::all_of(self.0.options().scan_segments);
        segments.map(|id| Ok(Partition { id: id?, parents: Vec::new() })).collect()
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        check(partition)?;
        self.0.read(partition, after, max_commits).await
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        check(partition)?;
        self.0.wait(partition, after).await
    }
}

/// That a partition is one of the history.
fn check(partition: &PartitionId) -> Result<()> {
    match Source::of(partition)? {
        Source::Segment(_) => Ok(()),
        Source::Shard => {
            Err(es_core::Error::Misuse(format!("the history has no partition {partition}")))
        }
    }
}

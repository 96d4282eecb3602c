//! The feed: all commits in the order of their appends, in one partition.

use async_trait::async_trait;

use super::MemoryStore;
use super::chunks::take_page;
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, Feed, FeedPage, Partition, PartitionId};

/// The only partition.
const PARTITION: &str = "log";

#[async_trait]
impl Feed for MemoryStore {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        Ok(vec![Partition { id: PartitionId::new(PARTITION)?, parents: Vec::new() }])
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        check_partition(partition)?;
        let start = after.position()?;
        let state = self.shared.log.read();
        let ahead = usize::try_from(start).ok().and_then(|start| state.in_order(start));
        let Some(ahead) = ahead else {
            return Err(after.damaged("the log does not reach there"));
        };
        let available = ahead.len();
        let commits = take_page(ahead, max_commits);
        let checkpoint = match commits.len() as u64 {
            0 => after.clone(),
            read => Checkpoint::from_position(start + read),
        };
        let remaining = Some((available - commits.len()) as u64);
        Ok(FeedPage { commits, checkpoint, remaining, ended: false })
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        check_partition(partition)?;
        let start = after.position()?;
        self.shared.log.longer_than(usize::try_from(start).unwrap_or(usize::MAX)).await;
        Ok(())
    }
}

fn check_partition(partition: &PartitionId) -> Result<()> {
    if partition.as_str() == PARTITION {
        Ok(())
    } else {
        Err(Error::Misuse(format!("the feed has no partition {partition}, only {PARTITION}")))
    }
}

//! The feed: all commits in the order of their appends, in one partition.

use async_trait::async_trait;

use super::MemoryStore;
use super::log::take_page;
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
        let start = position(after)?;
        let state = self.shared.log.read();
        let ahead = usize::try_from(start).ok().and_then(|start| state.in_order(start));
        let Some(ahead) = ahead else {
            return Err(damaged(after, "the log does not reach there"));
        };
        let available = ahead.len();
        let commits = take_page(ahead, max_commits);
        let checkpoint = match commits.len() as u64 {
            0 => after.clone(),
            read => Checkpoint::from_stored((start + read).to_string()),
        };
        let remaining = Some((available - commits.len()) as u64);
        Ok(FeedPage { commits, checkpoint, remaining, ended: false })
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        check_partition(partition)?;
        let start = position(after)?;
        let mut len = self.shared.log.len.subscribe();
        // The receiver looks at the value first and at changes then, so none is lost between. It
        // fails only without its sender, which lives as long as `self`.
        let _ = len.wait_for(|&len| len > start).await;
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

/// How many commits are before `checkpoint`.
fn position(checkpoint: &Checkpoint) -> Result<u64> {
    if checkpoint.is_start() {
        return Ok(0);
    }
    let text = checkpoint.as_str();
    // Digits only: `str::parse` would also take a sign.
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(damaged(checkpoint, "it is not a number"));
    }
    text.parse().map_err(|_| damaged(checkpoint, "it is too large"))
}

fn damaged(checkpoint: &Checkpoint, reason: &str) -> Error {
    let what = format!("the checkpoint {:?} of the log", checkpoint.as_str());
    Error::Corrupt { what, reason: reason.to_owned() }
}

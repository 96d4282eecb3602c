use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{Checkpoint, Feed, FeedPage, Partition, PartitionId, Result};

/// A feed that delivers like a change stream on a bad day: commits of a page in any order, some of
/// them twice, some of the pages before again, and some only in a later page.
#[derive(Debug)]
pub struct ScrambledFeed {
    pub inner: MemoryStore,
    pub seed: u64,
}

#[async_trait]
impl Feed for ScrambledFeed {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.inner.partitions().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = self.inner.read(partition, after, max_commits).await?;
        let salt = after.as_str().bytes().fold(self.seed, |n, b| n * 31 + u64::from(b));
        let mut rng = fastrand::Rng::with_seed(salt);
        let before = self.inner.read(partition, &Checkpoint::start(), 1000).await?;
        for _ in 0..page.commits.len() {
            page.commits.push(page.commits[rng.usize(..page.commits.len())].clone());
            page.commits.push(before.commits[rng.usize(..before.commits.len())].clone());
        }
        rng.shuffle(&mut page.commits);
        Ok(page)
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        self.inner.wait(partition, after).await
    }
}

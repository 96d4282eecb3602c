use async_trait::async_trait;

use crate::error::Result;
use crate::feed::{Checkpoint, Feed, FeedPage, Partition, PartitionId};

/// The feed of consumers that read none: who handles only what is [pushed](crate::Consumer::push), as a function in AWS
/// Lambda, and who only looks at consumers that work elsewhere, as an API that waits for their views.
///
/// It has no partitions. [`run`](crate::Consumer::run) and [`catch_up`](crate::Consumer::catch_up) find nothing on it, and
/// [`health`](crate::Consumer::health) asks for no permission to read a feed: it tells the state and the dead letters,
/// and no place. How far behind such a consumer is, is known to whoever pushes.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{NoFeed, Projection};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let store = Arc::new(MemoryStore::new());
/// let pushed = Projection::new(Statements, Arc::new(NoFeed), store.clone(), store)?;
/// let health = pushed.health().await?;
/// assert!(health.is_well() && health.partitions.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoFeed;

#[async_trait]
impl Feed for NoFeed {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        Ok(Vec::new())
    }

    async fn read(
        &self,
        _partition: &PartitionId,
        after: &Checkpoint,
        _max_commits: usize,
    ) -> Result<FeedPage> {
        let (commits, checkpoint) = (Vec::new(), after.clone());
        Ok(FeedPage { commits, checkpoint, remaining: Some(0), ended: false })
    }

    /// Nothing ever comes.
    async fn wait(&self, _partition: &PartitionId, _after: &Checkpoint) -> Result<()> {
        std::future::pending().await
    }
}

use std::collections::HashSet;

use crate::consumer::parents_first;
use crate::error::Result;
use crate::feed::{Feed, Partition, PartitionId};

/// The partitions of a feed that is read once, parents before their children.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    waiting: Vec<Partition>,
    begun: HashSet<PartitionId>,
    /// Those whose children have to wait. Parents that are not listed are gone.
    unfinished: HashSet<PartitionId>,
    /// Whether one has ended since they were listed, and may have had children.
    stale: bool,
}

impl Partitions {
    /// The partitions that there are now.
    pub(crate) async fn of(feed: &dyn Feed) -> Result<Self> {
        let mut partitions = Self::default();
        partitions.list(feed).await?;
        Ok(partitions)
    }

    /// The next partition that can be read.
    pub(crate) fn begin_next(&mut self) -> Option<PartitionId> {
        let unfinished = &self.unfinished;
        let ready = |p: &Partition| p.parents.iter().all(|parent| !unfinished.contains(parent));
        let next = self.waiting.iter().position(ready)?;
        let id = self.waiting.remove(next).id;
        self.begun.insert(id.clone());
        Some(id)
    }

    /// Notes that a partition has ended for good.
    pub(crate) fn ended(&mut self, id: &PartitionId) {
        self.stale |= self.unfinished.remove(id);
    }

    /// Looks for partitions that have come since; returns whether that makes sense.
    pub(crate) async fn list_again(&mut self, feed: &dyn Feed) -> Result<bool> {
        let stale = self.stale;
        if stale {
            self.list(feed).await?;
        }
        Ok(stale)
    }

    async fn list(&mut self, feed: &dyn Feed) -> Result<()> {
        self.waiting = parents_first(feed.partitions().await?)?;
        self.waiting.retain(|partition| !self.begun.contains(&partition.id));
        // Those that have begun and not ended, and those that are to come.
        self.unfinished.retain(|id| self.begun.contains(id));
        self.unfinished.extend(self.waiting.iter().map(|partition| partition.id.clone()));
        self.stale = false;
        Ok(())
    }
}

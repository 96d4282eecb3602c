use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use es_core::{Checkpoint, Commit, Feed, FeedPage, Partition, PartitionId, Result};

/// A feed whose partitions are given, as a change stream has them: some end, and their children may be
/// listed only then.
#[derive(Debug, Default)]
pub(crate) struct Partitioned {
    parts: Vec<Part>,
    anchors: Vec<(PartitionId, Checkpoint)>,
    /// The partitions that were read to an end for good.
    ended: Mutex<BTreeSet<PartitionId>>,
    /// Each read: the partition, and after which place.
    reads: Mutex<Vec<(String, u64)>>,
}

#[derive(Debug)]
struct Part {
    partition: Partition,
    commits: Vec<Commit>,
    ends: bool,
    /// Whether it is listed only when its parents have ended.
    comes_late: bool,
}

pub(crate) fn partition(name: &str) -> PartitionId {
    PartitionId::new(name).unwrap()
}

impl Partitioned {
    fn with(mut self, name: &str, parents: &[&str], commits: &[Commit]) -> Self {
        let parents = parents.iter().map(|parent| partition(parent)).collect();
        let partition = Partition { id: partition(name), parents };
        let commits = commits.to_vec();
        self.parts.push(Part { partition, commits, ends: false, comes_late: false });
        self
    }

    pub(crate) fn open(self, name: &str, parents: &[&str], commits: &[Commit]) -> Self {
        self.with(name, parents, commits)
    }

    pub(crate) fn ending(self, name: &str, parents: &[&str], commits: &[Commit]) -> Self {
        let mut feed = self.with(name, parents, commits);
        feed.parts.last_mut().unwrap().ends = true;
        feed
    }

    /// Lists the last partition only when its parents have ended.
    pub(crate) fn late(mut self) -> Self {
        self.parts.last_mut().unwrap().comes_late = true;
        self
    }

    pub(crate) fn anchored(mut self, name: &str, commits: u64) -> Self {
        self.anchors.push((partition(name), Checkpoint::from_position(commits)));
        self
    }

    pub(crate) fn reads(&self) -> Vec<(String, u64)> {
        self.reads.lock().unwrap().clone()
    }
}

#[async_trait]
impl Feed for Partitioned {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let ended = self.ended.lock().unwrap();
        let listed = self.parts.iter().filter(|part| {
            !part.comes_late || part.partition.parents.iter().all(|parent| ended.contains(parent))
        });
        Ok(listed.map(|part| part.partition.clone()).collect())
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        assert!(self.reads().is_empty(), "the anchors are to be asked for first");
        Ok(self.anchors.clone())
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        // Others go on meanwhile, as over a network.
        tokio::task::yield_now().await;
        let from = after.position()?;
        self.reads.lock().unwrap().push((partition.to_string(), from));
        let part = self.parts.iter().find(|part| part.partition.id == *partition).unwrap();
        let ended = self.ended.lock().unwrap().clone();
        let listed = self.partitions().await?;
        for parent in &part.partition.parents {
            let gone = listed.iter().all(|listed| listed.id != *parent);
            assert!(gone || ended.contains(parent), "{partition} before its parent {parent}");
        }
        let commits = part.commits[from as usize..].iter().take(max_commits).cloned();
        let commits: Vec<_> = commits.collect();
        let reached = from + commits.len() as u64;
        let ended = part.ends && reached == part.commits.len() as u64;
        if ended {
            self.ended.lock().unwrap().insert(partition.clone());
        }
        let checkpoint = if ended { Checkpoint::end() } else { Checkpoint::from_position(reached) };
        Ok(FeedPage { commits, checkpoint, remaining: None, ended })
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        unreachable!("an export does not wait")
    }
}

//! A feed that keeps commits for a limited time, as the change stream of a table does, with the history
//! in front of it; a test decides when it forgets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{Checkpoint, Commit, Error, Feed, FeedPage, Partition, PartitionId, Result};

use crate::moody::credit;

/// The history is one partition, which ends: it has what there was when its reading began. The shards
/// come behind it, one after the other; each is the child of the one before.
#[derive(Debug, Clone)]
pub(crate) struct Retaining {
    pub(crate) store: MemoryStore,
    shards: Arc<Mutex<Vec<Shard>>>,
    reads: Arc<Mutex<BTreeMap<String, usize>>>,
}

#[derive(Debug, Default)]
struct Shard {
    commits: Vec<Commit>,
    /// How many of them are forgotten.
    trimmed: usize,
    closed: bool,
    forgotten: bool,
}

pub(crate) const HISTORY: &str = "history";

pub(crate) fn id(name: &str) -> PartitionId {
    PartitionId::new(name).unwrap()
}

pub(crate) fn shard(n: usize) -> PartitionId {
    id(&format!("shard-{n}"))
}

impl Retaining {
    /// With one open shard, from which everything before `history` is gone.
    pub(crate) async fn with_history(history: &[(&str, u64)]) -> Self {
        let store = MemoryStore::new();
        for (id, amount) in history {
            credit(&store, id, *amount).await;
        }
        let shards = Arc::new(Mutex::new(vec![Shard::default()]));
        Self { store, shards, reads: Arc::default() }
    }

    pub(crate) async fn credit(&self, id: &str, amount: u64) {
        let commit = credit(&self.store, id, amount).await;
        self.shards().last_mut().unwrap().commits.push(commit);
    }

    /// Closes the open shard. Another one follows it.
    pub(crate) fn roll(&self) {
        let mut shards = self.shards();
        shards.last_mut().unwrap().closed = true;
        shards.push(Shard::default());
    }

    /// Forgets everything: closed shards are not listed any more, and the open one is empty.
    pub(crate) fn trim(&self) {
        for shard in self.shards().iter_mut() {
            shard.trimmed = shard.commits.len();
            shard.forgotten = shard.closed;
        }
    }

    /// How often each partition was read since the last time.
    pub(crate) fn take_reads(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }

    fn shards(&self) -> MutexGuard<'_, Vec<Shard>> {
        self.shards.lock().unwrap()
    }

    /// A page of what the log had when the reading began.
    async fn read_history(&self, after: &Checkpoint, max_commits: usize) -> Result<FeedPage> {
        let log = self.store.partitions().await?.remove(0).id;
        let all = Feed::read(&self.store, &log, &Checkpoint::start(), usize::MAX).await?.commits;
        let (start, end) = match after.as_str().split_once(" of ") {
            Some((start, end)) => (start.parse().unwrap(), end.parse().unwrap()),
            None => (0, all.len()),
        };
        let next = end.min(start + max_commits);
        let commits = all[start..next].to_vec();
        let ended = next == end;
        let checkpoint = match ended {
            true => Checkpoint::end(),
            false => Checkpoint::from_stored(format!("{next} of {end}")),
        };
        Ok(FeedPage { commits, checkpoint, remaining: None, ended })
    }
}

#[async_trait]
impl Feed for Retaining {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let mut partitions = vec![Partition { id: id(HISTORY), parents: Vec::new() }];
        for (n, listed) in self.shards().iter().enumerate() {
            if !listed.forgotten {
                let before = n.checked_sub(1).map_or_else(|| id("stream"), shard);
                partitions.push(Partition { id: shard(n), parents: vec![id(HISTORY), before] });
            }
        }
        Ok(partitions)
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        let mut anchors = vec![(id("stream"), Checkpoint::end())];
        for (n, listed) in self.shards().iter().enumerate().filter(|(_, shard)| !shard.forgotten) {
            let checkpoint = match listed.closed {
                true => Checkpoint::end(),
                false => Checkpoint::from_position(listed.trimmed as u64),
            };
            anchors.push((shard(n), checkpoint));
        }
        Ok(anchors)
    }

    async fn read(&self, id: &PartitionId, after: &Checkpoint, max: usize) -> Result<FeedPage> {
        *self.reads.lock().unwrap().entry(id.to_string()).or_default() += 1;
        if id.as_str() == HISTORY {
            return self.read_history(after, max).await;
        }
        let n: usize = id.as_str().strip_prefix("shard-").unwrap().parse().unwrap();
        let shards = self.shards();
        let read = &shards[n];
        let start = usize::try_from(after.position()?).unwrap();
        if start < read.trimmed || read.forgotten {
            let (partition, after) = (id.to_string(), after.as_str().to_owned());
            return Err(Error::FeedTrimmed { partition, after });
        }
        let end = read.commits.len().min(start + max);
        let ended = read.closed && end == read.commits.len();
        let checkpoint = match (ended, end) {
            (true, _) => Checkpoint::end(),
            (false, end) if end == start => after.clone(),
            (false, end) => Checkpoint::from_position(end as u64),
        };
        let remaining = Some((read.commits.len() - end) as u64);
        Ok(FeedPage { commits: read.commits[start..end].to_vec(), checkpoint, remaining, ended })
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        tokio::task::yield_now().await;
        Ok(())
    }
}

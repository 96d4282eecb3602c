//! Streams and partitions side by side, one stream in order, in bounded memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{
    Batch, Checkpoint, CheckpointStore, Commit, Consumer, ConsumerId, Feed, FeedPage, Handled,
    Handler, Partition, PartitionId, Policy, Progress, Reaction, ReactionError, Reactor, Recorded,
    Result,
};
use tokio::sync::Barrier;

use crate::moody::{credit, credit_all};
use crate::support::AccountEvent;

/// Reacts when enough streams are at it at the same time, and notes the order in each.
#[derive(Debug)]
struct Together {
    barrier: Barrier,
    at_work: AtomicUsize,
    most: Arc<AtomicUsize>,
    order: Arc<Mutex<HashMap<String, Vec<u64>>>>,
}

#[async_trait]
impl Policy for Together {
    const NAME: &'static str = "together";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        let at_work = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_work, Ordering::SeqCst);
        self.barrier.wait().await;
        let mut order = self.order.lock().unwrap();
        order.entry(event.aggregate_id().to_owned()).or_default().push(event.version().get());
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn streams_are_handled_side_by_side_and_each_in_its_order() {
    let store = MemoryStore::new();
    for _ in 0..3 {
        credit_all(&store, &[("a", 1), ("b", 1), ("c", 1), ("d", 1)]).await;
    }
    let (most, order) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<HashMap<_, _>>>::default());
    let policy = Together {
        // With fewer at the same time nobody would ever come through.
        barrier: Barrier::new(2),
        at_work: AtomicUsize::new(0),
        most: Arc::clone(&most),
        order: Arc::clone(&order),
    };
    let shared = Arc::new(store);
    let reactor = Reactor::new(policy, shared.clone(), shared.clone(), shared).unwrap();
    reactor.with_concurrency(2).catch_up().await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 2, "no more than asked for");
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 4);
    assert!(order.values().all(|versions| *versions == [1, 2, 3]), "{order:?}");
}

/// Notes the sizes of its batches; keeps only progress.
#[derive(Debug)]
struct Sizes {
    store: MemoryStore,
    seen: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Handler for Sizes {
    type Effect = ();

    fn categories(&self) -> &'static [&'static str] {
        &["account"]
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &self.store
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<()>> {
        self.seen.lock().unwrap().push(batch.commits.len());
        Ok(Handled { effect: (), failed: Vec::new() })
    }

    async fn save(&self, (): (), progress: Progress) -> Result<()> {
        CheckpointStore::save(&self.store, progress).await
    }
}

/// A feed that has only the last commit of each stream, as one that keeps a day.
#[derive(Debug)]
struct OnlyLast(Vec<Commit>);

#[async_trait]
impl Feed for OnlyLast {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        Ok(vec![Partition { id: PartitionId::new("p")?, parents: Vec::new() }])
    }

    async fn read(&self, _: &PartitionId, after: &Checkpoint, max: usize) -> Result<FeedPage> {
        let start = usize::try_from(after.position()?).unwrap();
        let end = self.0.len().min(start + max);
        let checkpoint = Checkpoint::from_position(end as u64);
        let commits = self.0[start..end].to_vec();
        Ok(FeedPage {
            commits,
            checkpoint,
            remaining: Some((self.0.len() - end) as u64),
            ended: false,
        })
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_long_gap_is_repaired_in_steps_of_the_usual_size() {
    let store = MemoryStore::new();
    let mut last = Vec::new();
    for id in ["a", "b"] {
        for n in 1..95 {
            credit(&store, id, n).await;
        }
        last.push(credit(&store, id, 95).await);
    }
    let seen = Arc::<Mutex<Vec<usize>>>::default();
    let handler = Sizes { store: store.clone(), seen: Arc::clone(&seen) };
    let id = ConsumerId::new("sizes").unwrap();
    let feed = Arc::new(OnlyLast(last));
    let consumer = Consumer::with_handler(handler, id, feed, Arc::new(store), 10);
    let done = consumer.catch_up().await.unwrap();
    assert_eq!((done.applied, done.remaining), (190, Some(0)));
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|commits| *commits <= 11), "{seen:?}");
    assert_eq!(seen.iter().sum::<usize>(), 190);
}

/// Partitions of one commit each, which come only when so many are asked for at the same time.
#[derive(Debug)]
struct Shards {
    commits: Vec<Commit>,
    together: Barrier,
}

#[async_trait]
impl Feed for Shards {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let partition = |n: usize| PartitionId::new(&n.to_string());
        let ids = (0..self.commits.len()).map(partition).collect::<Result<Vec<_>>>()?;
        Ok(ids.into_iter().map(|id| Partition { id, parents: Vec::new() }).collect())
    }

    async fn read(&self, id: &PartitionId, after: &Checkpoint, _: usize) -> Result<FeedPage> {
        let at: usize = id.as_str().parse().unwrap();
        let commits = match after.is_start() {
            true => {
                self.together.wait().await;
                vec![self.commits[at].clone()]
            }
            false => Vec::new(),
        };
        let checkpoint = Checkpoint::from_position(1);
        Ok(FeedPage { commits, checkpoint, remaining: Some(0), ended: false })
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn partitions_are_read_side_by_side() {
    let store = MemoryStore::new();
    let mut commits = Vec::new();
    for id in ["a", "b", "c", "d"] {
        commits.push(credit(&store, id, 1).await);
    }
    let handler = Sizes { store: store.clone(), seen: Arc::default() };
    let feed = Arc::new(Shards { commits, together: Barrier::new(4) });
    let id = ConsumerId::new("sizes").unwrap();
    let consumer = Consumer::with_handler(handler, id, feed, Arc::new(store), 10);
    assert_eq!(consumer.with_concurrency(4).catch_up().await.unwrap().applied, 4);
}

//! Streams and partitions side by side, one stream in order, in bounded memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Faults, FaultyFeed};
use es_core::{
    Batch, Checkpoint, CheckpointStore, Commit, Consumer, ConsumerId, Feed, FeedPage, Handled,
    Handler, Partition, PartitionId, Policy, Progress, Reaction, ReactionError, Reactor, Recorded,
    Result,
};
use tokio::sync::Barrier;

use crate::moody::{credit, credit_all};
use crate::support::AccountEvent;
use crate::turns::within_turns;

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

    fn handles(&self, category: &str) -> bool {
        category == "account"
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

/// Partitions of one commit each, which come only when so many are asked for at the same time. None
/// ever ends.
#[derive(Debug)]
struct Shards {
    commits: Vec<Commit>,
    together: Barrier,
    /// Whether each is the child of the one before.
    chained: bool,
}

impl Shards {
    async fn of(store: &MemoryStore, ids: &[&str]) -> Self {
        let mut commits = Vec::new();
        for id in ids {
            commits.push(credit(store, id, 1).await);
        }
        Self { commits, together: Barrier::new(1), chained: false }
    }
}

#[async_trait]
impl Feed for Shards {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let partition = |n: usize| PartitionId::new(&n.to_string());
        let ids = (0..self.commits.len()).map(partition).collect::<Result<Vec<_>>>()?;
        let parents = |n: usize| match n.checked_sub(1) {
            Some(before) if self.chained => vec![ids[before].clone()],
            _ => Vec::new(),
        };
        let listed = ids.iter().enumerate();
        Ok(listed.map(|(n, id)| Partition { id: id.clone(), parents: parents(n) }).collect())
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

    async fn wait(&self, _: &PartitionId, after: &Checkpoint) -> Result<()> {
        match after.is_start() {
            true => Ok(()),
            false => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn partitions_are_read_side_by_side() {
    let store = MemoryStore::new();
    let shards = Shards::of(&store, &["a", "b", "c", "d"]).await;
    let handler = Sizes { store: store.clone(), seen: Arc::default() };
    let feed = Arc::new(Shards { together: Barrier::new(4), ..shards });
    let id = ConsumerId::new("sizes").unwrap();
    let consumer = Consumer::with_handler(handler, id, feed, Arc::new(store), 10);
    assert_eq!(consumer.with_concurrency(4).catch_up().await.unwrap().applied, 4);
}

#[tokio::test]
async fn children_of_a_parent_that_has_not_ended_are_waited_for_without_looking_all_the_time() {
    let store = MemoryStore::new();
    let shards = Shards { chained: true, ..Shards::of(&store, &["a", "b"]).await };
    let faults = Faults::none().suspending();
    let feed = Arc::new(FaultyFeed::new(Arc::new(shards), faults.clone()));
    let seen = Arc::<Mutex<Vec<usize>>>::default();
    let handler = Sizes { store: store.clone(), seen: Arc::clone(&seen) };
    let standing = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let id = ConsumerId::new("sizes").unwrap();
    let consumer = Consumer::with_handler(handler, id, feed, Arc::new(store), 10);
    let consumer = consumer.with_clock(standing);
    assert!(within_turns(1_000, consumer.run(std::future::pending())).await.is_none());
    assert_eq!(*seen.lock().unwrap(), [1], "the parent's commit");
    // At first, and to see whether more has come behind the step.
    assert_eq!(faults.calls(Call::ListPartitions), 2);
}

/// Notes whom it was told about; nobody answers for one account.
#[derive(Debug)]
struct Calls(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Policy for Calls {
    const NAME: &'static str = "calls";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        if event.aggregate_id() == "far" {
            return Err(ReactionError::transient("nobody answers"));
        }
        self.0.lock().unwrap().push(event.aggregate_id().to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn a_partition_with_a_transient_error_holds_up_no_other() {
    let store = MemoryStore::new();
    let feed = Arc::new(Shards::of(&store, &["far", "b", "c", "d", "e"]).await);
    let called = Arc::<Mutex<Vec<String>>>::default();
    let shared = Arc::new(store);
    let reactor =
        Reactor::new(Calls(Arc::clone(&called)), feed, shared.clone(), shared.clone()).unwrap();
    let error = reactor.with_concurrency(2).catch_up().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let mut called = called.lock().unwrap().clone();
    called.sort();
    assert_eq!(called, ["b", "c", "d", "e"]);
}

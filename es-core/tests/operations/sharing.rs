//! Several workers share the partitions of a feed through leases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Batch, Checkpoint, CheckpointStore, Commit, Consumer, ConsumerId, Feed, FeedPage, Handled,
    Handler, LeaseStore as _, Partition, PartitionId, Progress, Result, Version, WorkerId,
};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::moody::credit;

const DURATION: Duration = Duration::from_secs(9);

/// A feed of many partitions, into which a test puts commits.
#[derive(Debug, Clone, Default)]
struct Sharded {
    log: MemoryStore,
    shards: Arc<Mutex<BTreeMap<PartitionId, Shard>>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Shard {
    parents: Vec<PartitionId>,
    commits: Vec<Commit>,
    closed: bool,
    /// Whether it gives its last commit again and again, as if it never came to an end.
    endless: bool,
}

fn id(name: &str) -> PartitionId {
    PartitionId::new(name).unwrap()
}

fn shard(n: usize) -> PartitionId {
    id(&format!("shard-{n:02}"))
}

impl Sharded {
    fn with(shards: usize) -> Self {
        let feed = Self::default();
        (0..shards).for_each(|n| feed.open(shard(n), &[]));
        feed
    }

    fn open(&self, id: PartitionId, parents: &[PartitionId]) {
        self.shards().insert(id, Shard { parents: parents.to_vec(), ..Shard::default() });
        self.changed.send_replace(());
    }

    fn close(&self, id: &PartitionId) {
        self.shards().get_mut(id).unwrap().closed = true;
        self.changed.send_replace(());
    }

    /// One more commit of a stream of the partition.
    async fn put(&self, into: &PartitionId, stream: &str) {
        let commit = credit(&self.log, stream, 1).await;
        self.shards().get_mut(into).unwrap().commits.push(commit);
        self.changed.send_replace(());
    }

    /// One more commit in each partition, of a stream of its own.
    async fn put_everywhere(&self) {
        let all: Vec<PartitionId> = self.shards().keys().cloned().collect();
        for into in &all {
            self.put(into, &format!("of-{into}")).await;
        }
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Shard>> {
        self.shards.lock().unwrap()
    }
}

#[async_trait]
impl Feed for Sharded {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let shards = self.shards();
        let partitions = shards
            .iter()
            .map(|(id, shard)| Partition { id: id.clone(), parents: shard.parents.clone() });
        Ok(partitions.collect())
    }

    async fn read(&self, id: &PartitionId, after: &Checkpoint, max: usize) -> Result<FeedPage> {
        // As a feed that is asked over a network.
        tokio::task::yield_now().await;
        let shards = self.shards();
        let Shard { commits, closed, endless, .. } = &shards[id];
        let start = usize::try_from(after.position()?).unwrap();
        if *endless {
            let checkpoint = Checkpoint::from_position(start as u64 + 1);
            let commits = commits.last().cloned().into_iter().collect();
            return Ok(FeedPage { commits, checkpoint, remaining: Some(1), ended: false });
        }
        let end = commits.len().min(start + max);
        let ended = *closed && end == commits.len();
        let checkpoint =
            if ended { Checkpoint::end() } else { Checkpoint::from_position(end as u64) };
        let remaining = Some((commits.len() - end) as u64);
        Ok(FeedPage { commits: commits[start..end].to_vec(), checkpoint, remaining, ended })
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        let _ = self.changed.subscribe().changed().await;
        Ok(())
    }
}

/// What commits led to: the stream, the version, and who did it.
type Effects = Arc<Mutex<Vec<(String, Version, String)>>>;

/// Causes effects under the name of a worker, once the step is saved.
#[derive(Debug)]
struct Noting {
    by: String,
    progress: MemoryStore,
    effects: Effects,
    /// Held up while true.
    held_up: watch::Receiver<bool>,
    /// How many steps were begun, and how many of them came to no end.
    begun: watch::Sender<u32>,
    unfinished: watch::Sender<u32>,
}

/// Counts its end as that of a step that is dropped, unless it is forgotten.
struct Dropped<'a>(&'a watch::Sender<u32>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count += 1);
    }
}

#[async_trait]
impl Handler for Noting {
    type Effect = Vec<(String, Version)>;

    fn handles(&self, category: &str) -> bool {
        category == "account"
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &self.progress
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<Self::Effect>> {
        self.begun.send_modify(|count| *count += 1);
        let dropped = Dropped(&self.unfinished);
        let _ = self.held_up.clone().wait_for(|held_up| !held_up).await;
        std::mem::forget(dropped);
        let effect = batch.commits.iter();
        let effect = effect.map(|commit| (commit.stream().id().to_owned(), commit.last_version()));
        Ok(Handled { effect: effect.collect(), failed: Vec::new() })
    }

    async fn save(&self, effect: Self::Effect, progress: Progress) -> Result<()> {
        CheckpointStore::save(&self.progress, progress).await?;
        let noted = effect.into_iter().map(|(stream, version)| (stream, version, self.by.clone()));
        self.effects.lock().unwrap().extend(noted);
        Ok(())
    }
}

/// Workers of one consumer, on one feed, one store and one clock.
struct World {
    feed: Sharded,
    store: MemoryStore,
    clock: Arc<VirtualClock>,
    effects: Effects,
}

/// One run of a worker.
struct Running {
    consumer: Arc<Consumer<Noting>>,
    held_up: watch::Sender<bool>,
    begun: watch::Receiver<u32>,
    unfinished: watch::Receiver<u32>,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl World {
    fn with(shards: usize) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let feed = Sharded::with(shards);
        Self { feed, store: MemoryStore::new(), clock, effects: Effects::default() }
    }

    fn consumer(&self, handler: Noting) -> Consumer<Noting> {
        let name = handler.by.clone();
        let (feed, log) = (Arc::new(self.feed.clone()), Arc::new(self.feed.log.clone()));
        let seed = name.bytes().map(u64::from).sum();
        Consumer::with_handler(handler, ConsumerId::new("noting").unwrap(), feed, log, 10)
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(seed)))
    }

    fn start(&self, name: &str) -> Running {
        let (held_up, begun, unfinished) =
            <(watch::Sender<_>, watch::Sender<_>, watch::Sender<_>)>::default();
        let (shutdown, asked) = oneshot::channel();
        let handler = Noting {
            by: name.to_owned(),
            progress: self.store.clone(),
            effects: Arc::clone(&self.effects),
            held_up: held_up.subscribe(),
            begun: begun.clone(),
            unfinished: unfinished.clone(),
        };
        let consumer = self.consumer(handler).with_leases(
            Arc::new(self.store.clone()),
            WorkerId::new(name).unwrap(),
            DURATION,
        );
        let consumer = Arc::new(consumer);
        let runs = Arc::clone(&consumer);
        let task = tokio::spawn(async move { runs.run(async { drop(asked.await) }).await });
        let (begun, unfinished) = (begun.subscribe(), unfinished.subscribe());
        Running { consumer, held_up, begun, unfinished, shutdown, task }
    }

    /// Lets time pass, second by second, and everybody do what is to be done in each.
    async fn pass(&self, time: Duration) {
        settle().await;
        for _ in 0..time.as_secs() {
            self.clock.advance(Duration::from_secs(1));
            settle().await;
        }
    }

    /// Who caused the effects since the last look.
    fn take_effects(&self) -> Vec<(String, Version, String)> {
        std::mem::take(&mut self.effects.lock().unwrap())
    }
}

impl Running {
    fn held(&self) -> BTreeSet<PartitionId> {
        let held = self.consumer.leases().unwrap().held();
        held.iter().map(|held| held.partition().clone()).collect()
    }

    /// It is gone without a word.
    fn dies(self) -> BTreeSet<PartitionId> {
        self.task.abort();
        self.held()
    }

    async fn shuts_down(self) {
        self.shutdown.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Everything here is in memory and on one thread: after so many turns nobody has anything left to do.
async fn settle() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

/// Panics unless these streams have had their effects up to `version` since the last look, each once, by
/// these workers alone.
fn assert_effects(world: &World, streams: usize, version: u64, by: &[&str]) {
    let effects = world.take_effects();
    let once: BTreeSet<_> = effects.iter().map(|(stream, version, _)| (stream, version)).collect();
    assert_eq!(once.len(), effects.len(), "an effect came twice: {effects:?}");
    assert_eq!(once.len(), streams, "the effects are {effects:?}");
    assert!(once.iter().all(|(_, at)| **at == Version::new(version)), "{effects:?}");
    let workers: BTreeSet<_> = effects.iter().map(|(_, _, worker)| worker.as_str()).collect();
    assert_eq!(workers, by.iter().copied().collect(), "who did it");
}

#[tokio::test]
async fn workers_share_the_partitions_evenly_and_each_commit_has_its_effect_once() {
    let world = World::with(12);
    let names = ["one", "two", "three"];
    let workers = names.map(|name| world.start(name));
    world.pass(10 * DURATION).await;
    let shares: Vec<_> = workers.iter().map(Running::held).collect();
    assert!(shares.iter().all(|share| share.len() == 4), "{shares:?}");
    assert_eq!(shares.iter().flatten().collect::<BTreeSet<_>>().len(), 12);
    for version in 1..=5 {
        world.feed.put_everywhere().await;
        world.pass(Duration::from_secs(1)).await;
        assert_effects(&world, 12, version, &names);
    }
    for worker in workers {
        worker.shuts_down().await;
    }
}

#[tokio::test]
async fn the_partitions_of_a_worker_that_dies_are_taken_over() {
    let world = World::with(6);
    let (one, two) = (world.start("one"), world.start("two"));
    world.pass(6 * DURATION).await;
    let orphans = two.dies();
    assert_eq!((one.held().len(), orphans.len()), (3, 3));
    world.feed.put_everywhere().await;
    world.pass(Duration::from_secs(3)).await;
    assert_effects(&world, 3, 1, &["one"]);
    world.pass(2 * DURATION).await;
    assert_eq!(one.held().len(), 6);
    assert_effects(&world, 3, 1, &["one"]);
    one.shuts_down().await;
}

#[tokio::test]
async fn a_worker_that_joins_gets_its_share() {
    let world = World::with(4);
    let one = world.start("one");
    world.pass(DURATION).await;
    assert_eq!(one.held().len(), 4);
    let two = world.start("two");
    let mut version = 0;
    for _ in 0..4 * DURATION.as_secs() {
        version += 1;
        world.feed.put_everywhere().await;
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!((one.held().len(), two.held().len()), (2, 2));
    let effects = world.take_effects();
    let once: BTreeSet<_> = effects.iter().map(|(stream, at, _)| (stream, at)).collect();
    let expected = 4 * usize::try_from(version).unwrap();
    assert_eq!((once.len(), effects.len()), (expected, expected), "each once, none left out");
    world.feed.put_everywhere().await;
    world.pass(Duration::from_secs(1)).await;
    assert_effects(&world, 4, version + 1, &["one", "two"]);
}

#[tokio::test]
async fn a_partition_that_never_comes_to_an_end_does_not_keep_a_worker_from_its_new_ones() {
    let world = World::with(1);
    world.feed.put(&shard(0), "endless").await;
    world.feed.shards().get_mut(&shard(0)).unwrap().endless = true;
    let one = world.start("one");
    world.pass(DURATION).await;
    assert_effects(&world, 1, 1, &["one"]);
    world.feed.open(shard(1), &[]);
    world.feed.put(&shard(1), "new").await;
    world.pass(2 * DURATION).await;
    assert_effects(&world, 1, 1, &["one"]);
    one.shuts_down().await;
}

#[tokio::test]
async fn leases_are_given_back_on_shutdown() {
    let world = World::with(4);
    let (one, two) = (world.start("one"), world.start("two"));
    world.pass(6 * DURATION).await;
    assert_eq!(one.held().len(), 2);
    two.shuts_down().await;
    // Far less than a lease lasts.
    world.pass(DURATION / 3).await;
    assert_eq!(one.held().len(), 4);
}

#[tokio::test]
async fn a_child_is_begun_when_its_parents_have_ended_whichever_worker_has_them() {
    let world = World::with(2);
    let (one, two) = (world.start("one"), world.start("two"));
    world.pass(6 * DURATION).await;
    assert_eq!((one.held().len(), two.held().len()), (1, 1));
    // The parents are with different workers, and one of these does not get on.
    one.held_up.send_replace(true);
    world.feed.put_everywhere().await;
    for parent in [shard(0), shard(1)] {
        world.feed.close(&parent);
    }
    let (child, grandchild) = (id("child"), id("grandchild"));
    world.feed.open(child.clone(), &[shard(0), shard(1)]);
    world.feed.open(grandchild.clone(), std::slice::from_ref(&child));
    world.feed.put(&child, "s").await;
    world.feed.close(&child);
    world.feed.put(&grandchild, "s").await;
    world.pass(6 * DURATION).await;
    assert_effects(&world, 1, 1, &["two"]);
    assert_eq!(two.held().len(), 0, "there is work in the other parent only");

    one.held_up.send_replace(false);
    world.pass(6 * DURATION).await;
    let effects = world.take_effects();
    let of = |stream: &str| -> Vec<u64> {
        let of_stream = effects.iter().filter(|(of, _, _)| of == stream);
        of_stream.map(|(_, version, _)| version.get()).collect()
    };
    assert_eq!(of("s"), [1, 2], "the child's commit, then the grandchild's: {effects:?}");
    assert_eq!(effects.len(), 3, "and that of the parent: {effects:?}");
    let held: BTreeSet<_> = one.held().union(&two.held()).cloned().collect();
    assert_eq!(held, [grandchild].into(), "what has ended is not shared any more");
    let leases = world.store.leases(one.consumer.id()).await.unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0].parents, [child].into(), "a lease says what comes before its partition");
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_it_lost_its_lease_does_no_harm() {
    let world = World::with(1);
    let one = world.start("one");
    world.pass(DURATION).await;
    one.held_up.send_replace(true);
    world.feed.put(&shard(0), "s").await;
    world.pass(Duration::from_secs(1)).await;
    // The step is in the hands of the first worker when the second one takes the lease away.
    let two = world.start("two");
    let (consumer, thief) = (one.consumer.id(), WorkerId::new("two").unwrap());
    let seen = world.store.leases(consumer).await.unwrap();
    assert!(world.store.take(consumer, &seen[0], &thief).await.unwrap().is_some());
    world.pass(DURATION).await;
    assert_eq!((one.held().len(), two.held().len()), (0, 1));
    assert_effects(&world, 1, 1, &["two"]);

    one.held_up.send_replace(false);
    world.pass(DURATION).await;
    assert_effects(&world, 0, 1, &[]);
    world.feed.put(&shard(0), "s").await;
    world.pass(DURATION).await;
    assert_effects(&world, 1, 2, &["two"]);
}

#[tokio::test]
async fn a_step_that_hangs_is_dropped_when_the_lease_is_lost_and_the_other_worker_does_it() {
    let world = World::with(1);
    let one = world.start("one");
    world.pass(DURATION).await;
    one.held_up.send_replace(true);
    world.feed.put(&shard(0), "s").await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!((*one.begun.borrow(), *one.unfinished.borrow()), (1, 0), "it hangs");
    let two = world.start("two");
    let (consumer, thief) = (one.consumer.id(), WorkerId::new("two").unwrap());
    let seen = world.store.leases(consumer).await.unwrap();
    assert!(world.store.take(consumer, &seen[0], &thief).await.unwrap().is_some());
    world.pass(DURATION).await;
    assert_eq!((*one.begun.borrow(), *one.unfinished.borrow()), (1, 1), "it was dropped");
    assert_effects(&world, 1, 1, &["two"]);
    // What was dropped holds up nothing: the worker goes on with what it is given later.
    one.held_up.send_replace(false);
    two.shuts_down().await;
    world.pass(DURATION).await;
    world.feed.put(&shard(0), "s").await;
    world.pass(DURATION).await;
    assert_effects(&world, 1, 2, &["one"]);
}

#[tokio::test]
async fn a_step_at_hand_is_finished_before_a_worker_with_leases_shuts_down() {
    let world = World::with(1);
    let one = world.start("one");
    world.pass(DURATION).await;
    one.held_up.send_replace(true);
    world.feed.put(&shard(0), "s").await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(*one.begun.borrow(), 1);
    let Running { held_up, unfinished, shutdown, task, .. } = one;
    shutdown.send(()).unwrap();
    // Longer than the lease would last without renewals.
    world.pass(2 * DURATION).await;
    assert!(!task.is_finished(), "it waits for the step");
    held_up.send_replace(false);
    task.await.unwrap().unwrap();
    assert_eq!(*unfinished.borrow(), 0);
    assert_effects(&world, 1, 1, &["one"]);
}

#[tokio::test]
async fn partitions_that_had_ended_are_begun_again_when_the_consumer_is_set_back() {
    let world = World::with(2);
    let one = world.start("one");
    world.feed.put_everywhere().await;
    (0..2).for_each(|n| world.feed.close(&shard(n)));
    world.pass(3 * DURATION).await;
    assert_effects(&world, 2, 1, &["one"]);
    assert_eq!(one.held().len(), 0);
    CheckpointStore::reset(&world.store, one.consumer.id()).await.unwrap();
    world.pass(Duration::from_secs(90)).await;
    assert_effects(&world, 2, 1, &["one"]);
}

#[tokio::test]
async fn a_child_waits_for_its_parents_again_when_the_consumer_is_set_back() {
    let world = World::with(1);
    world.feed.put(&shard(0), "of the parent").await;
    world.feed.close(&shard(0));
    world.feed.open(id("child"), &[shard(0)]);
    world.feed.put(&id("child"), "of the child").await;
    let one = world.start("one");
    let in_order = ["of the parent", "of the child"].map(|stream| {
        let (stream, version, by) = (stream.to_owned(), Version::new(1), "one".to_owned());
        (stream, version, by)
    });
    world.pass(3 * DURATION).await;
    assert_eq!(world.take_effects(), in_order);
    assert_eq!(one.held(), [id("child")].into());
    CheckpointStore::reset(&world.store, one.consumer.id()).await.unwrap();
    world.pass(Duration::from_secs(90)).await;
    assert_eq!(world.take_effects(), in_order);
}

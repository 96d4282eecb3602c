//! On a feed that keeps commits for a limited time nothing is skipped in silence: what is lost is told,
//! or the view is built again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Faults, FaultyFeed, FaultyViewStore, crash_at_every_await};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    CheckpointStore as _, Consumer, ConsumerState, Entropy as _, Error, Feed, Projecting, Result,
    RewindTo, ViewName, ViewStore as _, Workers,
};

use crate::moody::{Mood, Moody, balances, fold_of, projection_on};
use crate::retaining::{HISTORY, Retaining, id, shard};

const BEFORE: &[(&str, u64)] = &[("a", 1), ("b", 2), ("a", 3), ("c", 4)];

type Statements = Consumer<Projecting<Moody>>;

/// A consumer that takes two commits in a step.
fn consumer(feed: &Retaining) -> Statements {
    let views = Arc::new(feed.store.clone());
    projection_on(Arc::new(feed.clone()), &feed.store, views, &Mood::refusing(&[]))
        .with_batch_size(2)
        .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")))
}

async fn shown(consumer: &Statements) -> BTreeMap<String, u64> {
    balances(&consumer.view()).await
}

async fn assert_shows_the_log(consumer: &Statements, store: &MemoryStore) {
    assert_eq!(shown(consumer).await, fold_of(store, |_| false).await);
}

fn assert_trimmed<T: std::fmt::Debug>(outcome: Result<T>, in_partition: &str) {
    match outcome {
        Err(Error::FeedTrimmed { partition, .. }) if partition == in_partition => {}
        other => panic!("not told that {in_partition} was trimmed: {other:?}"),
    }
}

#[tokio::test]
async fn the_history_comes_first_and_then_what_was_appended_since_the_consumer_began() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed);
    let mut news = 10;
    let report = |_| {
        use futures::FutureExt as _;
        // While it is read: in no part of the history.
        if news < 15 {
            feed.credit("d", news).now_or_never().unwrap();
            feed.roll();
            news += 1;
        }
    };
    follower.catch_up_with(report).await.unwrap();
    assert_shows_the_log(&follower, &feed.store).await;
    feed.credit("a", 20).await;
    assert_eq!(follower.catch_up().await.unwrap().applied, 1);
}

#[tokio::test]
async fn children_of_a_partition_that_ends_are_read_in_the_same_call() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed);
    follower.catch_up().await.unwrap();
    for generation in 0..5 {
        feed.credit("a", generation + 1).await;
        feed.roll();
    }
    assert_eq!(follower.catch_up().await.unwrap().applied, 5);
    assert_shows_the_log(&follower, &feed.store).await;
}

#[tokio::test]
async fn what_the_feed_forgets_while_the_history_is_read_is_told() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed);
    let mut forgotten = false;
    let report = |_| {
        use futures::FutureExt as _;
        if !std::mem::replace(&mut forgotten, true) {
            feed.credit("d", 10).now_or_never().unwrap();
            feed.trim();
        }
    };
    assert_trimmed(follower.catch_up_with(report).await, "shard-0");
}

#[tokio::test]
async fn a_generation_of_shards_that_came_and_went_unseen_is_told() {
    let feed = Retaining::with_history(BEFORE).await;
    consumer(&feed).catch_up().await.unwrap();
    feed.credit("a", 10).await;
    feed.roll();
    feed.credit("b", 11).await;
    feed.roll();
    feed.trim();
    feed.credit("c", 12).await;
    let late = consumer(&feed);
    assert_trimmed(late.catch_up().await, "shard-2");
    let health = late.health().await.unwrap();
    let error = health.partitions[1].error.as_deref().unwrap();
    assert!(error.contains("shard-2") && error.contains("rebuild"), "{error}");
    assert!(!health.is_well());
}

#[tokio::test]
async fn a_consumer_that_has_not_begun_has_lost_nothing() {
    let feed = Retaining::with_history(BEFORE).await;
    feed.credit("a", 10).await;
    feed.roll();
    feed.credit("b", 11).await;
    feed.trim();
    feed.credit("c", 12).await;
    let follower = consumer(&feed);
    let health = follower.health().await.unwrap();
    assert!(health.is_well(), "{health:?}");
    assert!(
        health.partitions.iter().all(|partition| partition.checkpoint.is_start()),
        "{health:?}"
    );
    follower.catch_up().await.unwrap();
    assert_shows_the_log(&follower, &feed.store).await;
}

#[tokio::test]
async fn health_tells_a_loss_when_catching_up_would() {
    let mut told = 0;
    for suspension in 0..25 {
        let feed = Retaining::with_history(BEFORE).await;
        let _ = es_core::testing::faults::crash_at(suspension, suspending(&feed).catch_up()).await;
        feed.credit("a", 10).await;
        feed.trim();
        let follower = consumer(&feed);
        let health = follower.health().await.unwrap();
        let told_here = health.partitions.iter().any(|partition| partition.error.is_some());
        match follower.catch_up().await {
            Ok(_) => assert!(!told_here, "crashed at {suspension}: {health:?}"),
            Err(Error::FeedTrimmed { .. }) => {
                assert!(told_here, "crashed at {suspension}: {health:?}");
                told += 1;
            }
            Err(error) => panic!("crashed at {suspension}: {error}"),
        }
    }
    assert!(0 < told && told < 25, "{told} of 25 prove nothing");
}

#[tokio::test]
async fn a_parent_that_was_read_to_its_end_may_be_forgotten() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed);
    follower.catch_up().await.unwrap();
    feed.credit("a", 10).await;
    feed.roll();
    follower.catch_up().await.unwrap();
    feed.trim();
    feed.credit("b", 11).await;
    for follower in [follower, consumer(&feed)] {
        follower.catch_up().await.unwrap();
        assert_shows_the_log(&follower, &feed.store).await;
    }
}

#[tokio::test]
async fn what_was_closed_before_the_consumer_began_is_in_the_history() {
    let feed = Retaining::with_history(BEFORE).await;
    feed.credit("a", 10).await;
    feed.roll();
    feed.trim();
    feed.roll();
    let follower = consumer(&feed);
    follower.catch_up().await.unwrap();
    assert_shows_the_log(&follower, &feed.store).await;
    let reads = feed.take_reads();
    assert!(!reads.contains_key("shard-1"), "all of it was in the history: {reads:?}");
}

#[tokio::test]
async fn a_worker_stops_at_a_trimmed_feed_and_its_health_says_so() {
    let feed = Retaining::with_history(BEFORE).await;
    consumer(&feed).catch_up().await.unwrap();
    feed.credit("a", 10).await;
    feed.trim();
    let worker = consumer(&feed);
    assert_trimmed(worker.run(std::future::pending()).await, "shard-0");
    let health = worker.health().await.unwrap();
    assert_eq!(health.state, ConsumerState::Failed);
    assert!(health.last_error.unwrap().error.contains("rebuild from the log"));
    // The operator does.
    worker.rebuild(|_| {}).await.unwrap();
    assert_shows_the_log(&worker, &feed.store).await;
    feed.credit("a", 11).await;
    assert_eq!(worker.catch_up().await.unwrap().applied, 1);
}

/// While a worker waits for the first time, another one reads on, and the feed forgets what it read.
#[derive(Debug)]
struct Outrunning {
    feed: Retaining,
    waits: AtomicUsize,
    /// Somebody waits once more.
    again: tokio::sync::Notify,
}

#[async_trait::async_trait]
impl Feed for Outrunning {
    async fn partitions(&self) -> Result<Vec<es_core::Partition>> {
        self.feed.partitions().await
    }

    async fn anchors(&self) -> Result<Vec<(es_core::PartitionId, es_core::Checkpoint)>> {
        self.feed.anchors().await
    }

    async fn read(
        &self,
        partition: &es_core::PartitionId,
        after: &es_core::Checkpoint,
        max_commits: usize,
    ) -> Result<es_core::FeedPage> {
        self.feed.read(partition, after, max_commits).await
    }

    async fn wait(
        &self,
        partition: &es_core::PartitionId,
        after: &es_core::Checkpoint,
    ) -> Result<()> {
        if self.waits.fetch_add(1, Ordering::Relaxed) > 0 {
            self.again.notify_one();
            return std::future::pending().await;
        }
        self.feed.credit("a", 10).await;
        self.feed.roll();
        consumer(&self.feed).catch_up().await.unwrap();
        self.feed.trim();
        let (partition, after) = (partition.to_string(), after.as_str().to_owned());
        Err(Error::FeedTrimmed { partition, after })
    }
}

#[tokio::test]
async fn a_worker_that_waits_where_another_one_has_read_on_has_lost_nothing() {
    let feed = Retaining::with_history(BEFORE).await;
    let again = tokio::sync::Notify::new();
    let outrunning = Outrunning { feed: feed.clone(), waits: AtomicUsize::new(0), again };
    let outrunning = Arc::new(outrunning);
    let views = Arc::new(feed.store.clone());
    let worker = projection_on(outrunning.clone(), &feed.store, views, &Mood::refusing(&[]))
        .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")));
    worker.run(outrunning.again.notified()).await.unwrap();
    assert!(worker.health().await.unwrap().last_error.is_none());
    assert_shows_the_log(&worker, &feed.store).await;
}

#[tokio::test]
async fn finished_partitions_cost_no_request() {
    let feed = Retaining::with_history(BEFORE).await;
    let faults = Faults::none();
    let views = FaultyViewStore::new(Arc::new(feed.store.clone()), faults.clone());
    let mood = Mood::refusing(&[]);
    let follower = projection_on(Arc::new(feed.clone()), &feed.store, Arc::new(views), &mood);
    for _ in 0..5 {
        feed.roll();
    }
    follower.catch_up().await.unwrap();
    feed.take_reads();
    let loads = faults.calls(Call::LoadPosition);
    follower.catch_up().await.unwrap();
    assert_eq!(feed.take_reads(), BTreeMap::from([("shard-5".to_owned(), 1)]));
    // It looks whether somebody has moved it.
    assert_eq!(faults.calls(Call::LoadPosition) - loads, 1);
}

#[tokio::test]
async fn a_consumer_that_somebody_resets_begins_anew_with_anchors_of_now() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed);
    follower.catch_up().await.unwrap();
    feed.roll();
    follower.catch_up().await.unwrap();
    for at_the_end in [true, false] {
        let view = ViewName::new("moody_v1").unwrap();
        feed.store.clear(&view, follower.id()).await.unwrap();
        feed.store
            .prepare(&es_core::ViewSchema { name: view, indexed_fields: &[], expires_by: None })
            .await
            .unwrap();
        if !at_the_end {
            feed.credit("a", 10).await;
            feed.trim();
            feed.credit("a", 11).await;
        }
        follower.catch_up().await.unwrap();
        assert_shows_the_log(&follower, &feed.store).await;
        let history = feed.store.load(follower.id(), &id(HISTORY)).await.unwrap();
        assert!(history.checkpoint.is_end(), "the history was read again");
        let open = feed.store.load(follower.id(), &shard(1)).await.unwrap();
        assert!(!open.checkpoint.is_start(), "the anchors were kept again");
    }
}

#[tokio::test]
async fn a_reset_is_noticed_when_every_partition_has_ended() {
    let feed = Retaining::with_history(BEFORE).await;
    let faults = Faults::none();
    let views = FaultyViewStore::new(Arc::new(feed.store.clone()), faults);
    let only_history = Arc::new(OnlyHistory(feed.clone()));
    let mood = Mood::refusing(&[]);
    let follower = projection_on(only_history, &feed.store, Arc::new(views), &mood);
    assert_eq!(follower.catch_up().await.unwrap().applied, 4);
    assert_eq!(follower.catch_up().await.unwrap().applied, 0);
    let view = ViewName::new("moody_v1").unwrap();
    feed.store.clear(&view, follower.id()).await.unwrap();
    feed.store
        .prepare(&es_core::ViewSchema { name: view, indexed_fields: &[], expires_by: None })
        .await
        .unwrap();
    assert_eq!(follower.catch_up().await.unwrap().applied, 4);
}

/// The first partition of the other feed alone.
#[derive(Debug)]
struct OnlyHistory(Retaining);

#[async_trait::async_trait]
impl Feed for OnlyHistory {
    async fn partitions(&self) -> Result<Vec<es_core::Partition>> {
        Ok(vec![self.0.partitions().await?.remove(0)])
    }

    async fn read(
        &self,
        partition: &es_core::PartitionId,
        after: &es_core::Checkpoint,
        max_commits: usize,
    ) -> Result<es_core::FeedPage> {
        self.0.read(partition, after, max_commits).await
    }

    async fn wait(&self, _: &es_core::PartitionId, _: &es_core::Checkpoint) -> Result<()> {
        std::future::pending().await
    }
}

/// A consumer whose requests are suspension points.
fn suspending(feed: &Retaining) -> Statements {
    let faults = Faults::none().suspending();
    let views = FaultyViewStore::new(Arc::new(feed.store.clone()), faults.clone());
    let fed = FaultyFeed::new(Arc::new(feed.clone()), faults);
    projection_on(Arc::new(fed), &feed.store, Arc::new(views), &Mood::refusing(&[]))
        .with_batch_size(2)
}

#[tokio::test]
async fn a_crash_while_the_anchors_are_kept_skips_nothing() {
    let crashes = crash_at_every_await(
        async || {
            let feed = Retaining::with_history(BEFORE).await;
            feed.roll();
            feed
        },
        async |feed: &Retaining| suspending(feed).catch_up().await.unwrap(),
        async |feed| {
            feed.credit("a", 10).await;
            feed.roll();
            feed.credit("e", 11).await;
            consumer(feed).catch_up().await.unwrap();
            assert_shows_the_log(&consumer(feed), &feed.store).await;
        },
    );
    assert!(crashes.await > 30);
}

#[tokio::test]
async fn what_is_forgotten_after_a_crash_is_told_or_was_not_needed() {
    let crashes = crash_at_every_await(
        async || Retaining::with_history(BEFORE).await,
        async |feed: &Retaining| suspending(feed).catch_up().await.unwrap(),
        async |feed| {
            feed.credit("a", 10).await;
            feed.roll();
            feed.credit("e", 11).await;
            feed.trim();
            let follower = consumer(feed);
            match follower.catch_up().await {
                Ok(_) => assert_shows_the_log(&follower, &feed.store).await,
                Err(error) => assert!(matches!(error, Error::FeedTrimmed { .. }), "{error}"),
            }
        },
    );
    assert!(crashes.await > 20);
}

#[tokio::test]
async fn a_view_is_built_again_when_the_feed_was_trimmed_and_that_was_asked_for() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed).with_rebuild_when_trimmed();
    follower.catch_up().await.unwrap();
    for round in 0..3 {
        feed.credit("a", 10 + round).await;
        feed.roll();
        feed.credit("d", 20 + round).await;
        feed.roll();
        feed.trim();
        feed.credit("e", 30 + round).await;
        follower.catch_up().await.unwrap();
        assert_shows_the_log(&follower, &feed.store).await;
    }
}

#[tokio::test]
async fn a_worker_builds_its_view_again_and_goes_on() {
    let feed = Retaining::with_history(BEFORE).await;
    consumer(&feed).catch_up().await.unwrap();
    feed.credit("a", 10).await;
    feed.trim();
    let worker = Arc::new(consumer(&feed).with_rebuild_when_trimmed());
    let mut workers = Workers::new();
    workers.start(Arc::clone(&worker));
    for amount in 11..14 {
        feed.credit("f", amount).await;
    }
    let last = es_core::Version::new(3);
    let stream = crate::moody::account("f");
    while worker.wait_for_version(&stream, last, Duration::from_millis(1)).await.is_err() {
        tokio::task::yield_now().await;
    }
    workers.shutdown().await.unwrap();
    assert_shows_the_log(&worker, &feed.store).await;
}

#[tokio::test]
async fn of_two_workers_that_meet_a_trimmed_feed_one_builds_the_view_again() {
    let feed = Retaining::with_history(BEFORE).await;
    consumer(&feed).catch_up().await.unwrap();
    feed.credit("a", 10).await;
    feed.trim();
    let faults = Faults::none().suspending();
    let worker = || {
        let views = FaultyViewStore::new(Arc::new(feed.store.clone()), faults.clone());
        let mood = Mood::refusing(&[]);
        projection_on(Arc::new(feed.clone()), &feed.store, Arc::new(views), &mood)
            .with_batch_size(1)
            .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")))
            .with_rebuild_when_trimmed()
    };
    let (first, second) = (worker(), worker());
    let both = futures::join!(first.catch_up(), async {
        // When the first has begun.
        while faults.calls(Call::ClearView) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        second.catch_up().await
    });
    both.0.unwrap();
    both.1.unwrap();
    assert_eq!((faults.calls(Call::ClearView), faults.calls(Call::SwapViews)), (1, 1));
    assert_shows_the_log(&second, &feed.store).await;
}

#[tokio::test]
async fn a_rebuild_that_nobody_goes_on_with_is_begun_anew() {
    let feed = Retaining::with_history(BEFORE).await;
    consumer(&feed).catch_up().await.unwrap();
    // A worker that begins a rebuild and dies in it.
    let dying = suspending(&feed);
    assert!(es_core::testing::faults::crash_at(25, dying.rebuild(|_| {})).await.is_err());
    feed.credit("a", 10).await;
    feed.trim();
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let follower = consumer(&feed).with_clock(clock.clone()).with_rebuild_when_trimmed();
    follower.catch_up().await.unwrap();
    assert_shows_the_log(&follower, &feed.store).await;
    let waited: Duration = clock.slept().iter().sum();
    assert_eq!(waited, Duration::from_secs(60), "as long as somebody could be at it");
}

#[tokio::test]
async fn rewinding_keeps_anchors_too() {
    let feed = Retaining::with_history(BEFORE).await;
    let follower = consumer(&feed);
    follower.catch_up().await.unwrap();
    feed.roll();
    for to in [RewindTo::Start, RewindTo::End] {
        follower.rewind(to, |_| {}).await.unwrap();
        feed.credit("a", 10).await;
        feed.roll();
        follower.catch_up().await.unwrap();
        assert_shows_the_log(&follower, &feed.store).await;
    }
    follower.rewind(RewindTo::Start, |_| {}).await.unwrap();
    feed.credit("a", 10).await;
    feed.trim();
    assert!(matches!(follower.catch_up().await, Err(Error::FeedTrimmed { .. })));
}

/// Whatever happens in whatever order: the view shows the log, or the loss is told.
#[tokio::test]
async fn random_lives_of_a_feed_end_with_the_log_or_with_a_loss_that_is_told() {
    let mut told = 0;
    for seed in 0..200 {
        let random = SeededEntropy::new(seed);
        let any = |n: u64| random.next_u64() % n;
        let feed = Retaining::with_history(BEFORE).await;
        let mut follower = consumer(&feed);
        for _ in 0..40 {
            match any(12) {
                0 => feed.roll(),
                1 if any(4) == 0 => feed.trim(),
                2 => follower = consumer(&feed),
                3..6 => {
                    let suspension = 1 + usize::try_from(any(40)).unwrap();
                    let begun = suspending(&feed);
                    let _ = es_core::testing::faults::crash_at(suspension, begun.catch_up()).await;
                }
                6 => match follower.catch_up().await {
                    Ok(_) => assert_shows_the_log(&follower, &feed.store).await,
                    Err(error) => {
                        assert!(matches!(error, Error::FeedTrimmed { .. }), "seed {seed}: {error}");
                        told += 1;
                        follower.rebuild(|_| {}).await.unwrap();
                    }
                },
                _ => feed.credit(["a", "b", "c"][usize::try_from(any(3)).unwrap()], 1).await,
            }
        }
        let follower = follower.with_rebuild_when_trimmed();
        follower.catch_up().await.unwrap();
        let (shown, log) = (shown(&follower).await, fold_of(&feed.store, |_| false).await);
        assert_eq!(shown, log, "seed {seed}");
    }
    assert!(told > 20, "{told} losses in all lives are too few to prove anything");
}

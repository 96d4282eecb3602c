//! How consumers are while their feed says nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{
    Checkpoint, Clock, Consumers, Error, Feed, FeedPage, Health, Partition, PartitionId,
    Projection, Result,
};

use crate::moody::{Mood, credit, projection_on};
use crate::support::Statements;

/// A feed of several partitions, each with the whole log, of which some do not answer.
#[derive(Debug)]
struct Silent {
    log: MemoryStore,
    /// A partition that answers takes a second for it.
    clock: Arc<VirtualClock>,
    /// Whether nobody answers who the partitions are.
    unlisted: bool,
    /// The first partition that answers nothing, as do those behind it.
    from: usize,
}

const PARTITIONS: usize = 40;
const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(10);

impl Silent {
    fn new(log: MemoryStore, unlisted: bool, from: usize) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
        Self { log, clock, unlisted, from }
    }
}

#[async_trait]
impl Feed for Silent {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        if self.unlisted {
            std::future::pending::<()>().await;
        }
        let id = |n: usize| PartitionId::new(&format!("{n:02}")).unwrap();
        Ok((0..PARTITIONS).map(|n| Partition { id: id(n), parents: Vec::new() }).collect())
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        if partition.to_string().parse::<usize>().unwrap() >= self.from {
            std::future::pending::<()>().await;
        }
        self.clock.sleep(SECOND).await;
        let all = self.log.partitions().await?;
        self.log.read(&all[0].id, after, max_commits).await
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        std::future::pending().await
    }
}

/// The health of two consumers of the feed, which is there in time.
async fn health(feed: Silent) -> Result<Vec<Health>> {
    let (clock, log, feed) = (feed.clock.clone(), Arc::new(feed.log.clone()), Arc::new(feed));
    let moody = projection_on(feed.clone(), &log, log.clone(), &Mood::refusing(&[]));
    let statements = Projection::new(Statements, feed, log.clone(), log).unwrap();
    let consumers = Consumers::new()
        .with(Arc::new(moody.with_clock(clock.clone())))
        .with(Arc::new(statements.with_clock(clock.clone())));
    let turns = async || {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    let passing = async {
        turns().await;
        for _ in 0..LIMIT.as_secs() {
            clock.advance(SECOND);
            turns().await;
        }
    };
    tokio::select! {
        health = consumers.health() => health,
        () = passing => panic!("it takes longer"),
    }
}

#[tokio::test]
async fn partitions_that_do_not_answer_are_told_beside_those_that_do_and_all_in_time() {
    let log = MemoryStore::new();
    credit(&log, "a", 1).await;
    let health = health(Silent::new(log, false, 12)).await.unwrap();
    assert_eq!(health.len(), 2);
    for consumer in health {
        assert!(!consumer.is_well());
        assert_eq!(consumer.partitions.len(), PARTITIONS);
        for (n, partition) in consumer.partitions.iter().enumerate() {
            match &partition.error {
                None => assert!(n < 12 && partition.lag_commits == Some(1), "{partition:?}"),
                Some(error) => assert!(n >= 12 && error.contains("within 10s"), "{partition:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_feed_that_does_not_say_what_its_partitions_are_is_an_error_in_time() {
    let error = health(Silent::new(MemoryStore::new(), true, 0)).await.unwrap_err();
    let Error::DeadlineExceeded { what, waited } = error else { panic!("{error:?}") };
    assert_eq!((what.as_str(), waited), ("a look at how moody_v1 is", LIMIT));
}

//! A log, what publishes it, the stream that it is published to, and consumers of that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use es_core::cloud_events::Source;
use es_core::memory::MemoryStore;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Checkpoint, Commit, Error, EventStore, Feed, FeedPage, Partition, PartitionId, Projection,
    ReadStream, Repository, Result, StreamId, ViewQuery,
};
use es_kinesis::{Begin, DataStream, KinesisFeed, Publisher, PublisherOptions, Publishing};
use futures::{FutureExt as _, TryStreamExt as _};

use crate::support::fake_kinesis::FakeKinesis;

#[allow(dead_code, reason = "accounts can do more")]
mod accounts {
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/account.rs"));
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/statements.rs"));
}

pub(crate) use accounts::{Account, AccountCommand, AccountEvent, Statement, Statements};

pub(crate) const STREAM: &str = "commits";
const BEGINNING: &str = "2026-03-01T12:00:00Z";

/// What is left of a day in which a stream keeps records, and some more.
pub(crate) const OVER_A_DAY: Duration = Duration::from_secs(25 * 3_600);

/// What was credited, as a view is to show it.
pub(crate) type Balances = BTreeMap<String, u64>;

pub(crate) struct Scene {
    /// Of the server and of all programs; sleepers put it forward.
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) kinesis: FakeKinesis,
    pub(crate) log: Arc<MemoryStore>,
    /// Documents and progress of consumers.
    pub(crate) views: Arc<MemoryStore>,
    publisher: Publisher,
}

impl Scene {
    pub(crate) fn new(shards: u64) -> Self {
        Self::with(shards, |options| options)
    }

    /// One in which nobody but the test puts the clock forward, for several who wait at the same time: see
    /// [`in_time`](Self::in_time).
    pub(crate) fn standing_still(shards: u64) -> Self {
        Self::on(VirtualClock::at(BEGINNING), shards, 7, |options| options)
    }

    /// The same, with faults from a seed.
    pub(crate) fn in_storm(shards: u64, seed: u64) -> Self {
        Self::on(VirtualClock::at(BEGINNING), shards, seed, |options| options)
    }

    /// With a publisher of another kind.
    pub(crate) fn with(
        shards: u64,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Self {
        Self::on(VirtualClock::auto_advancing(BEGINNING), shards, 7, options)
    }

    fn on(
        clock: VirtualClock,
        shards: u64,
        seed: u64,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Self {
        let clock = Arc::new(clock);
        let kinesis = FakeKinesis::new(clock.clone(), seed);
        kinesis.set_options(|options| options.subscriptions_sleep = false);
        kinesis.create_stream(STREAM, shards);
        let (log, views) = <(Arc<MemoryStore>, Arc<MemoryStore>)>::default();
        let publisher = publisher(&stream(kinesis.plain_client(), &clock, 1), &log, options);
        Self { clock, kinesis, log, views, publisher }
    }

    pub(crate) fn feed(&self, begin: Begin) -> KinesisFeed {
        self.seeded_feed(3, begin)
    }

    /// The feed of a program that has just been started, with random bits of its own.
    pub(crate) fn seeded_feed(&self, seed: u64, begin: Begin) -> KinesisFeed {
        let stream = stream(self.kinesis.client(), &self.clock, seed);
        KinesisFeed::of(&stream, self.log.clone(), begin)
    }

    /// As it is used with a log that is older than the stream.
    pub(crate) fn after_history(&self) -> Begin {
        Begin::AfterHistory(Arc::new(History(self.log.clone())))
    }

    /// Statements that follow the feed, of a program that has just been started.
    pub(crate) fn statements(&self, feed: KinesisFeed) -> Projection<Statements> {
        self.statements_on(Arc::new(feed))
    }

    pub(crate) fn statements_on(&self, feed: Arc<dyn Feed>) -> Projection<Statements> {
        Projection::new(Statements, feed, self.log.clone(), self.views.clone())
            .expect("a valid name")
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(5)))
    }

    /// Appends a commit to the log, and nothing to the stream.
    pub(crate) async fn credit_unseen(&self, id: &str, amount: u64) -> Commit {
        let accounts = Repository::<Account>::new(self.log.clone());
        let receipt = accounts.execute(id, AccountCommand::Credit(amount)).await;
        receipt.expect("it is appended").commit().expect("a commit").clone()
    }

    pub(crate) async fn credit(&self, id: &str, amount: u64) -> Commit {
        let commit = self.credit_unseen(id, amount).await;
        self.publish().await;
        commit
    }

    /// Credits each of so many accounts 1.
    pub(crate) async fn credit_all(&self, accounts: u64) {
        for n in 0..accounts {
            self.credit_unseen(&format!("a-{n}"), 1).await;
        }
        self.publish().await;
    }

    /// Publishes what the log has.
    pub(crate) async fn publish(&self) {
        self.publisher.catch_up().await.expect("nothing is in the way");
    }

    /// Publishes what the log has, by a publisher of another kind.
    pub(crate) async fn publish_by(
        &self,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) {
        let publisher = self.publisher(1, options);
        publisher.catch_up().await.expect("nothing is in the way");
    }

    /// A publisher that has just been started, behind the faults.
    pub(crate) fn publisher(
        &self,
        seed: u64,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Publisher {
        let stream = stream(self.kinesis.client(), &self.clock, seed);
        publisher(&stream, &self.log, options)
    }

    /// Lets consumers begin anew from now on.
    pub(crate) fn forget_views(&mut self) {
        self.views = Arc::default();
    }

    /// Puts a record that no publisher has made.
    pub(crate) async fn put(&self, partition_key: &str, data: impl Into<Vec<u8>>) {
        let put = self.kinesis.plain_client().put_record().stream_name(STREAM);
        let put = put.partition_key(partition_key).data(Blob::new(data.into()));
        put.send().await.expect("it is put");
    }

    /// What the log comes to.
    pub(crate) async fn folded(&self) -> Balances {
        let mut balances = Balances::new();
        let mut after = Checkpoint::start();
        let log = PartitionId::new("log").expect("a valid name");
        loop {
            let page = Feed::read(&*self.log, &log, &after, 1_000).await.expect("the log answers");
            for commit in &page.commits {
                for event in commit.decode::<AccountEvent>().expect("events of accounts") {
                    let AccountEvent::Credited { amount } = event.event else { continue };
                    *balances.entry(commit.stream().id().to_owned()).or_default() += amount;
                }
            }
            if page.commits.is_empty() {
                return balances;
            }
            after = page.checkpoint;
        }
    }

    /// What the view shows.
    pub(crate) async fn shown(&self) -> Balances {
        let view = self.statements(self.feed(Begin::Horizon)).view();
        let documents = view.list(&ViewQuery::default().limit(10_000)).await;
        let documents = documents.expect("the view can be read");
        documents.into_iter().map(|(key, statement)| (key, statement.balance)).collect()
    }

    /// Panics unless the view shows what the log comes to.
    #[track_caller]
    pub(crate) fn assert_all_shown(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move { assert_eq!(self.shown().await, self.folded().await, "at {caller}") }
    }

    /// The commits that the log has of an account.
    pub(crate) async fn commits(&self, id: &str) -> Vec<Commit> {
        let read = EventStore::read(&*self.log, ReadStream::new(account(id)));
        read.try_concat().await.expect("the log can be read").into_vec()
    }

    /// The stream is deleted, and another one of its name is made.
    pub(crate) async fn make_again(&self, shards: u64) {
        let delete = self.kinesis.plain_client().delete_stream().stream_name(STREAM);
        delete.enforce_consumer_deletion(true).send().await.expect("it is deleted");
        // As long as it takes at least.
        self.clock.advance(Duration::from_secs(10));
        self.kinesis.create_stream(STREAM, shards);
    }

    /// Lets time go by while the work is done.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            for _ in 0..50 {
                if let Some(done) = work.as_mut().now_or_never() {
                    return done;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(10));
        }
    }

    /// Time goes by in which nothing is asked for.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn split_all(&self) {
        for shard in self.kinesis.open_shards(STREAM) {
            self.kinesis.split(STREAM, &shard);
        }
    }

    pub(crate) fn merge_all(&self) {
        for pair in self.kinesis.open_shards(STREAM).chunks_exact(2) {
            self.kinesis.merge(STREAM, &pair[0], &pair[1]);
        }
    }
}

/// The stream, for a program that has just been started.
fn stream(client: Client, clock: &Arc<VirtualClock>, seed: u64) -> DataStream {
    let entropy = Arc::new(SeededEntropy::new(seed));
    let stream = DataStream::builder(STREAM).clock(clock.clone()).entropy(entropy);
    stream.with_client(client).expect("a valid name")
}

fn publisher(
    stream: &DataStream,
    log: &Arc<MemoryStore>,
    options: impl FnOnce(PublisherOptions) -> PublisherOptions,
) -> Publisher {
    let source = Source::new("/tests").expect("a valid source");
    let publisher = options(Publishing::to(stream, source)).on(log.clone());
    publisher.expect("a valid publisher")
}

pub(crate) fn account(id: &str) -> StreamId {
    StreamId::new("account", id).expect("a valid id")
}

/// The shards among the partitions, parents first.
pub(crate) async fn shards_of(feed: &KinesisFeed) -> Vec<PartitionId> {
    let listed = feed.partitions().await.expect("the feed answers");
    let ids = listed.into_iter().map(|partition| partition.id);
    ids.filter(|id| id.as_str().starts_with("shardId-")).collect()
}

pub(crate) async fn only_shard_of(feed: &KinesisFeed) -> PartitionId {
    let [only] = <[PartitionId; 1]>::try_from(shards_of(feed).await).expect("one shard");
    only
}

#[track_caller]
pub(crate) fn assert_trimmed<T: std::fmt::Debug>(outcome: Result<T>) {
    assert!(matches!(outcome, Err(Error::FeedTrimmed { .. })), "{outcome:?}");
}

/// The commits of a log in one partition that ends where the log does when it is read to there.
#[derive(Debug)]
pub(crate) struct History(pub(crate) Arc<MemoryStore>);

#[async_trait]
impl Feed for History {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        Feed::partitions(&*self.0).await
    }

    async fn read(&self, id: &PartitionId, after: &Checkpoint, max: usize) -> Result<FeedPage> {
        if after.is_end() {
            let (commits, checkpoint) = (Vec::new(), Checkpoint::end());
            return Ok(FeedPage { commits, checkpoint, remaining: Some(0), ended: true });
        }
        let mut page = Feed::read(&*self.0, id, after, max).await?;
        page.ended = page.remaining == Some(0);
        if page.ended {
            page.checkpoint = Checkpoint::end();
        }
        Ok(page)
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        Ok(())
    }
}

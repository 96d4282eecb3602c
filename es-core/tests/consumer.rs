//! Projections and policies: once in effect and in order, whatever the feed and the process do.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::Call;
use es_core::{
    Backoff, BoxError, Codec, CommitId, Compression, EncodedEvents, Error, EventStore,
    ExecuteOptions, Expected, Metadata, NewCommit, Policy, Projection, Projector, Reaction,
    ReactionError, Reactor, Recorded, Repository, StreamId, Timestamp, UnknownEvents, ViewQuery,
    ViewStore, Workers,
};
use support::{
    Account, AccountCommand, AccountEvent, Statement, Statements, Totals, credited, scrambled_feed,
    views_held_up_at,
};

fn accounts(store: &MemoryStore) -> Repository<Account> {
    Repository::new(Arc::new(store.clone()))
}

fn projection(store: &MemoryStore) -> Projection<Statements> {
    let store = Arc::new(store.clone());
    Projection::new(Statements, store.clone(), store.clone(), store).unwrap()
}

/// Several streams of several commits, interleaved; returns the statements that they add up to.
async fn some_history(store: &MemoryStore) -> BTreeMap<String, (u64, u32)> {
    let accounts = accounts(store);
    let mut expected = BTreeMap::<String, (u64, u32)>::new();
    for n in 1..=60_u64 {
        let id = format!("a-{}", n % 7);
        accounts.execute(&id, AccountCommand::Credit(n)).await.unwrap();
        let statement = expected.entry(id).or_default();
        *statement = (statement.0 + n, statement.1 + 1);
    }
    expected
}

async fn statements(views: Arc<dyn ViewStore>) -> BTreeMap<String, (u64, u32)> {
    let store = Arc::new(MemoryStore::new());
    let view = Projection::new(Statements, store.clone(), store, views).unwrap().view();
    let documents = view.list(&ViewQuery::default().limit(1000)).await.unwrap();
    documents.into_iter().map(|(key, s): (_, Statement)| (key, (s.balance, s.movements))).collect()
}

#[tokio::test]
async fn a_projection_folds_the_log_into_documents() {
    let store = MemoryStore::new();
    let expected = some_history(&store).await;
    let projection = projection(&store).with_batch_size(7);
    let mut reports = Vec::new();
    let done = projection.catch_up_with(|step| reports.push(step)).await.unwrap();
    assert_eq!((done.applied, done.remaining), (60, Some(0)));
    assert!(reports.is_sorted_by_key(|step| step.applied) && reports.len() > 1);
    assert_eq!(statements(Arc::new(store)).await, expected);
    assert_eq!(projection.catch_up().await.unwrap().applied, 0, "nothing is done twice");
}

#[tokio::test]
async fn deliveries_out_of_order_and_repeated_come_to_the_same_views() {
    for seed in 0..20 {
        let store = MemoryStore::new();
        let expected = some_history(&store).await;
        let feed = scrambled_feed(&store, seed);
        let shared = Arc::new(store);
        let projection = Projection::new(Statements, feed, shared.clone(), shared.clone()).unwrap();
        projection.with_batch_size(9).catch_up().await.unwrap();
        assert_eq!(statements(shared).await, expected, "seed {seed}");
    }
}

#[tokio::test]
async fn two_workers_of_one_projection_have_each_effect_once() {
    let store = MemoryStore::new();
    let expected = some_history(&store).await;
    let (one, two) = (projection(&store).with_batch_size(3), projection(&store).with_batch_size(5));
    let (one, two) = futures::join!(one.catch_up(), two.catch_up());
    one.unwrap();
    two.unwrap();
    assert_eq!(statements(Arc::new(store)).await, expected);
}

#[tokio::test]
async fn a_rebuild_comes_to_the_same_views() {
    let store = MemoryStore::new();
    let expected = some_history(&store).await;
    let projection = projection(&store);
    projection.catch_up().await.unwrap();
    let done = projection.rebuild(|_| {}).await.unwrap();
    assert_eq!(done.applied, 60);
    assert_eq!(statements(Arc::new(store)).await, expected);
}

#[tokio::test]
async fn a_worker_follows_live_and_readers_can_wait_for_their_own_writes() {
    let store = MemoryStore::new();
    let statements = Arc::new(projection(&store));
    let mut workers = Workers::new();
    workers.start(statements.clone());
    let accounts = accounts(&store);
    for amount in 1..=5 {
        let receipt = accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
        statements.wait_for(&receipt, Duration::from_secs(60)).await.unwrap();
        let statement = statements.view().get("a").await.unwrap().unwrap();
        assert_eq!(u64::from(statement.movements), amount);
    }
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn waiting_ends_at_the_deadline() {
    let store = MemoryStore::new();
    let receipt = accounts(&store).execute("a", AccountCommand::Credit(1)).await.unwrap();
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let statements = projection(&store).with_clock(clock);
    let error = statements.wait_for(&receipt, Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }) && error.is_transient());
    let other = StreamId::new("order", "1").unwrap();
    let error =
        statements.wait_for_version(&other, receipt.version(), Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)));
}

/// Fails at one event, for good.
#[derive(Debug)]
struct Stubborn;

impl Projector for Stubborn {
    const NAME: &'static str = "stubborn";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Statement;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Statement>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        if event.event == credited(3) {
            return Err("three is too much".into());
        }
        view.get_or_insert_default().movements += 1;
        Ok(())
    }
}

#[tokio::test]
async fn a_projector_that_fails_stops_at_the_event_and_skips_nothing() {
    let store = MemoryStore::new();
    for amount in 1..=5 {
        accounts(&store).execute("a", AccountCommand::Credit(amount)).await.unwrap();
    }
    let shared = Arc::new(store);
    let stubborn = Projection::new(Stubborn, shared.clone(), shared.clone(), shared)
        .unwrap()
        .with_dead_letter_limit(0);
    for _ in 0..2 {
        match stubborn.run(std::future::pending()).await.unwrap_err() {
            Error::Handler { version, transient: false, source, .. } => {
                assert_eq!((version.get(), source.to_string().as_str()), (3, "three is too much"));
            }
            other => panic!("{other:?}"),
        }
    }
    let movements = stubborn.view().get("a").await.unwrap().unwrap().movements;
    assert_eq!(movements, 2);
}

/// Reads some of the names only.
#[derive(Debug, PartialEq, es_core::Event)]
#[event(prefix = "Account")]
enum OnlyDebits {
    Debited { amount: u64 },
}

#[derive(Debug)]
struct Debits(UnknownEvents);

impl Projector for Debits {
    const NAME: &'static str = "debits";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = OnlyDebits;
    type View = u64;

    fn unknown_events(&self) -> UnknownEvents {
        self.0
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, OnlyDebits>,
    ) -> Result<(), BoxError> {
        let OnlyDebits::Debited { amount } = event.event;
        *view.get_or_insert_default() += amount;
        Ok(())
    }
}

#[tokio::test]
async fn unknown_names_stop_a_projection_unless_it_chose_to_leave_them_out() {
    let store = MemoryStore::new();
    let accounts = accounts(&store);
    accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    accounts.execute("a", AccountCommand::Debit(2)).await.unwrap();
    let shared = Arc::new(store);
    let debits = |unknown| {
        Projection::new(Debits(unknown), shared.clone(), shared.clone(), shared.clone())
            .unwrap()
            .with_dead_letter_limit(0)
    };
    let error = debits(UnknownEvents::Fail).catch_up().await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }));
    let debits = debits(UnknownEvents::Skip);
    debits.catch_up().await.unwrap();
    assert_eq!(debits.view().get("a").await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_commit_that_the_log_does_not_lead_up_to_is_an_error() {
    #[derive(Debug)]
    struct Amnesiac(MemoryStore);

    #[async_trait]
    impl EventStore for Amnesiac {
        async fn append(
            &self,
            stream: &StreamId,
            expected: Expected,
            commit: NewCommit,
        ) -> es_core::Result<es_core::Appended> {
            self.0.append(stream, expected, commit).await
        }

        fn read(
            &self,
            _: es_core::ReadStream,
        ) -> futures::stream::BoxStream<'_, es_core::Result<es_core::Page>> {
            Box::pin(futures::stream::empty())
        }

        fn limits(&self) -> es_core::Limits {
            self.0.limits()
        }
    }

    let store = MemoryStore::new();
    some_history(&store).await;
    let feed = scrambled_feed(&store, 3);
    let log = Arc::new(Amnesiac(store.clone()));
    let projection = Projection::new(Statements, feed, log, Arc::new(store)).unwrap();
    assert!(matches!(projection.catch_up().await, Err(Error::Gap { .. })));
}

/// Credits a bonus account with a tenth of every credit, and fails as told before and after.
#[derive(Debug)]
struct Bonus {
    accounts: Repository<Account>,
    failures: AtomicU32,
}

#[async_trait]
impl Policy for Bonus {
    const NAME: &'static str = "bonus";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        if event.aggregate_id() == "bonus" {
            return Ok(());
        }
        let fails = |left| (left > 0).then(|| left - 1);
        let failures = &self.failures;
        if failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) == Ok(2) {
            return Err(ReactionError::transient("before the effect"));
        }
        let credit = AccountCommand::Credit(amount / 10);
        self.accounts.execute_with("bonus", credit, reaction.options(0)?).await?;
        if failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) == Ok(1) {
            return Err(ReactionError::transient("after the effect"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_policy_has_its_effect_once_though_it_is_run_again() {
    let store = MemoryStore::new();
    let accounts = accounts(&store);
    let mut metadata = Metadata::new();
    metadata.correlation_id = Some("c-1".to_owned());
    metadata.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    let options = ExecuteOptions::new().metadata(metadata.clone());
    let cause = accounts.execute_with("a", AccountCommand::Credit(50), options).await.unwrap();
    accounts.execute("b", AccountCommand::Credit(70)).await.unwrap();

    let bonus = Bonus { accounts: accounts.clone(), failures: AtomicU32::new(2) };
    let shared = Arc::new(store.clone());
    let at_once = Backoff { base: Duration::ZERO, max: Duration::ZERO };
    let reactor = Reactor::new(bonus, shared.clone(), shared.clone(), shared);
    let reactor = Arc::new(reactor.unwrap().with_backoff(at_once));
    let mut workers = Workers::new();
    workers.start(reactor.clone());
    for id in ["a", "b"] {
        let stream = StreamId::new("account", id).unwrap();
        let first = es_core::Version::new(1);
        reactor.wait_for_version(&stream, first, Duration::from_secs(60)).await.unwrap();
    }
    workers.shutdown().await.unwrap();

    let loaded = accounts.load("bonus").await.unwrap();
    assert_eq!((loaded.balance, loaded.version().get()), (12, 2));
    let stream = StreamId::new("account", "bonus").unwrap();
    let id = store.head(&stream).await.unwrap().unwrap().commit_id();
    assert!(store.find(&stream, id).await.unwrap().is_some());

    // Another reactor without the first one's progress: the commands are recognised all the same.
    es_core::CheckpointStore::reset(&store, reactor.id()).await.unwrap();
    let bonus = Bonus { accounts: accounts.clone(), failures: AtomicU32::new(0) };
    let shared = Arc::new(store.clone());
    let again = Reactor::new(bonus, shared.clone(), shared.clone(), shared).unwrap();
    again.catch_up().await.unwrap();
    assert_eq!(accounts.load("bonus").await.unwrap().balance, 12);

    // Correlation and trace are handed on; the cause is named.
    let mut pages = store.read(es_core::ReadStream::new(stream));
    let page = futures::StreamExt::next(&mut pages).await.unwrap().unwrap();
    let caused_by = cause.commit_id().map(|id| id.to_string());
    let all = page.iter().map(|commit| commit.metadata().unwrap());
    let handed_on = all.into_iter().find(|m| m.causation_id == caused_by).unwrap();
    assert_eq!(handed_on.correlation_id, metadata.correlation_id);
    assert_eq!(handed_on.traceparent, metadata.traceparent);
}

#[tokio::test]
async fn a_worker_that_stops_for_good_is_reported() {
    let store = MemoryStore::new();
    accounts(&store).execute("a", AccountCommand::Credit(3)).await.unwrap();
    let shared = Arc::new(store);
    let stubborn = Projection::new(Stubborn, shared.clone(), shared.clone(), shared).unwrap();
    let mut workers = Workers::new();
    workers.start(Arc::new(stubborn.with_dead_letter_limit(0)));
    assert!(matches!(workers.failed().await, Err(Error::Handler { .. })));
}

#[tokio::test]
async fn names_that_cannot_be_stored_are_refused() {
    struct Misnamed;
    impl Projector for Misnamed {
        const NAME: &'static str = "Mis named";
        const VERSION: u32 = 1;
        const CATEGORIES: &'static [&'static str] = &["account"];
        type Event = AccountEvent;
        type View = u64;
        fn project(
            &self,
            _: &str,
            _: &mut Option<u64>,
            _: &Recorded<'_, AccountEvent>,
        ) -> Result<(), BoxError> {
            Ok(())
        }
    }
    let store = Arc::new(MemoryStore::new());
    let refused = Projection::new(Misnamed, store.clone(), store.clone(), store);
    assert!(matches!(refused, Err(Error::InvalidId { .. })));
}

#[tokio::test]
async fn commits_with_several_events_are_taken_whole() {
    let store = MemoryStore::new();
    let events = [credited(1), credited(2), AccountEvent::Debited { amount: 3 }];
    let encoded = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0).unwrap();
    let id = CommitId::from_bytes([1; 16]);
    let commit = NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), encoded);
    let stream = StreamId::new("account", "a").unwrap();
    store.append(&stream, Expected::NoStream, commit).await.unwrap();
    projection(&store).catch_up().await.unwrap();
    assert_eq!(statements(Arc::new(store)).await["a"], (0, 3));
}

mod partitions {
    use std::sync::Mutex;

    use es_core::{Checkpoint, Commit, Feed, FeedPage, Partition, PartitionId};

    use super::*;

    /// Partitions that come and go as the test says.
    #[derive(Debug, Default)]
    struct Shards(Mutex<Vec<Shard>>);

    #[derive(Debug, Clone)]
    struct Shard {
        partition: Partition,
        commits: Vec<Commit>,
        ended: bool,
    }

    fn id(name: &str) -> PartitionId {
        PartitionId::new(name).unwrap()
    }

    impl Shards {
        fn add(&self, name: &str, parents: &[&str], commits: &[Commit], ended: bool) {
            let parents = parents.iter().map(|name| id(name)).collect();
            let partition = Partition { id: id(name), parents };
            let shard = Shard { partition, commits: commits.to_vec(), ended };
            self.0.lock().unwrap().push(shard);
        }

        fn one(name: &str, commit: &Commit) -> Arc<Self> {
            let shards = Self::default();
            shards.add(name, &[], std::slice::from_ref(commit), false);
            Arc::new(shards)
        }
    }

    #[async_trait]
    impl Feed for Shards {
        async fn partitions(&self) -> es_core::Result<Vec<Partition>> {
            Ok(self.0.lock().unwrap().iter().map(|shard| shard.partition.clone()).collect())
        }

        async fn read(
            &self,
            partition: &PartitionId,
            after: &Checkpoint,
            max_commits: usize,
        ) -> es_core::Result<FeedPage> {
            let shards = self.0.lock().unwrap();
            let shard = shards.iter().find(|shard| shard.partition.id == *partition).unwrap();
            let start = after.as_str().parse().unwrap_or(0);
            let end = shard.commits.len().min(start + max_commits);
            Ok(FeedPage {
                commits: shard.commits[start..end].to_vec(),
                checkpoint: Checkpoint::from_stored(end.to_string()),
                remaining: None,
                ended: shard.ended && end == shard.commits.len(),
            })
        }

        async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> es_core::Result<()> {
            std::future::pending().await
        }
    }

    async fn credit(store: &MemoryStore, id: &str, amount: u64) -> Commit {
        let receipt = accounts(store).execute(id, AccountCommand::Credit(amount)).await.unwrap();
        receipt.commit().unwrap().clone()
    }

    #[tokio::test]
    async fn a_feed_without_partitions_is_looked_at_again() {
        let feed = Arc::new(Shards::default());
        let store = MemoryStore::new();
        let shared = Arc::new(store.clone());
        let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
        let statements =
            Projection::new(Statements, feed.clone(), shared.clone(), shared.clone()).unwrap();
        let statements = Arc::new(statements.with_clock(clock.clone()));
        statements.prepare().await.unwrap();
        let mut workers = Workers::new();
        workers.start(statements.clone());

        let commit = credit(&store, "a", 5).await;
        feed.add("first", &[], &[], true);
        feed.add("second", &["first"], &[commit], false);
        while statements.view().get("a").await.is_ok_and(|view| view.is_none()) {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        assert_eq!(statements.view().get("a").await.unwrap().unwrap().balance, 5);
        workers.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn a_child_is_not_begun_before_its_parent_has_ended() {
        let feed = Arc::new(Shards::default());
        let store = MemoryStore::new();
        feed.add("child", &["parent"], &[credit(&store, "child", 1).await], false);
        feed.add("parent", &[], &[credit(&store, "parent", 1).await], false);
        let shared = Arc::new(store);
        let statements =
            Projection::new(Statements, feed.clone(), shared.clone(), shared.clone()).unwrap();
        statements.catch_up().await.unwrap();
        assert!(statements.view().get("child").await.unwrap().is_none());
        let one_round = Duration::from_millis(0);
        let _ = tokio::time::timeout(one_round, statements.run(std::future::pending())).await;
        assert!(statements.view().get("parent").await.unwrap().is_some());
        assert!(statements.view().get("child").await.unwrap().is_none());

        feed.0.lock().unwrap()[1].ended = true;
        let _ = tokio::time::timeout(one_round, statements.run(std::future::pending())).await;
        assert!(statements.view().get("child").await.unwrap().is_some());
    }

    /// One worker is held up in its write; another one, in another partition, is faster. Then the
    /// first goes on. Returns the document.
    async fn overtaken<P: Projector<View = Statement>>(
        store: &MemoryStore,
        projector: impl Fn() -> P,
        slow: &Commit,
        fast: &Commit,
        key: &str,
    ) -> (u64, u32) {
        let log = Arc::new(store.clone());
        let (held_up, hold_up) = views_held_up_at(store, Call::WriteDocuments, 1);
        let slow = Projection::new(projector(), Shards::one("p", slow), log.clone(), held_up);
        let fast = Projection::new(projector(), Shards::one("q", fast), log.clone(), log);
        let (slow, fast) = (slow.unwrap(), fast.unwrap());
        let (slow, fast) = futures::join!(slow.catch_up(), async {
            hold_up.reached().await;
            fast.catch_up().await.unwrap();
            hold_up.let_go();
            fast
        });
        slow.unwrap();
        let statement = fast.view().get(key).await.unwrap().unwrap();
        (statement.balance, statement.movements)
    }

    #[tokio::test]
    async fn workers_that_meet_one_stream_in_two_partitions_do_each_event_once() {
        let store = MemoryStore::new();
        let (first, second) = (credit(&store, "a", 1).await, credit(&store, "a", 10).await);
        assert_eq!(overtaken(&store, || Statements, &first, &second, "a").await, (11, 2));
    }

    #[tokio::test]
    async fn streams_in_two_partitions_can_share_a_document() {
        let store = MemoryStore::new();
        let (first, second) = (credit(&store, "a", 1).await, credit(&store, "b", 10).await);
        assert_eq!(overtaken(&store, || Totals, &first, &second, "all").await, (11, 2));
    }
}

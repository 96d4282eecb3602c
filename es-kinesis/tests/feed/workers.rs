//! Workers that share the shards by leases, which come and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::SeededEntropy;
use es_core::{CheckpointStore, LeaseStore, Projection, View, ViewQuery, ViewStore, WorkerId};
use es_kinesis::{Begin, KinesisFeed};
use es_sqlite::SqliteStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::scene::{Balances, STREAM, Scene, Statement, Statements};

const LEASE: Duration = Duration::from_secs(9);

/// What views, progress and leases are kept in.
trait Store: ViewStore + CheckpointStore + LeaseStore {}

impl<S: ViewStore + CheckpointStore + LeaseStore> Store for S {}

struct Workers<S> {
    scene: Scene,
    store: Arc<S>,
    fanned_out: bool,
}

struct Worker {
    consumer: Arc<Projection<Statements>>,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<es_core::Result<()>>,
}

impl<S: Store> Workers<S> {
    fn on(store: Arc<S>, fanned_out: bool) -> Self {
        Self { scene: Scene::standing_still(2), store, fanned_out }
    }

    fn feed(&self, seed: u64) -> KinesisFeed {
        let feed = self.scene.seeded_feed(seed, Begin::Horizon);
        if self.fanned_out { feed.fan_out("statements") } else { feed }
    }

    fn statements(&self, seed: u64) -> Projection<Statements> {
        let feed = Arc::new(self.feed(seed));
        Projection::new(Statements, feed, self.scene.log.clone(), self.store.clone())
            .expect("a valid name")
            .with_clock(self.scene.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(seed)))
    }

    fn start(&self, seed: u64) -> Worker {
        let worker = WorkerId::new(&format!("worker {seed}")).expect("a valid name");
        let statements = self.statements(seed).with_leases(self.store.clone(), worker, LEASE);
        let consumer = Arc::new(statements);
        let (shutdown, asked) = oneshot::channel::<()>();
        let runs = Arc::clone(&consumer);
        let task = tokio::spawn(async move { runs.run(async { drop(asked.await) }).await });
        Worker { consumer, shutdown, task }
    }

    fn view(&self) -> View<Statement> {
        self.statements(0).view()
    }

    async fn shown(&self) -> Balances {
        let documents = self.view().list(&ViewQuery::default().limit(1_000)).await;
        let documents = documents.expect("the view can be read");
        documents.into_iter().map(|(key, statement)| (key, statement.balance)).collect()
    }

    /// Lets time go by until it is so.
    async fn until(&self, is_so: impl AsyncFn() -> bool) {
        while !is_so().await {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            self.scene.clock.advance(Duration::from_millis(100));
        }
    }

    async fn credit_all(&self) {
        self.scene.in_time(self.scene.credit_all(12)).await;
    }

    async fn until_all_is_shown(&self) {
        let folded = self.scene.folded().await;
        self.until(async || self.shown().await == folded).await;
    }
}

impl Worker {
    fn held(&self) -> BTreeSet<String> {
        let leases = self.consumer.leases().expect("it shares").held();
        leases.iter().map(|held| held.partition().to_string()).collect()
    }
}

/// Workers come and go while shards are split and merged.
async fn come_and_go<S: Store>(workers: Workers<S>) {
    let scene = &workers.scene;
    workers.statements(0).prepare().await.expect("the view can be made");
    let (one, two) = (workers.start(1), workers.start(2));
    workers.credit_all().await;
    workers.until_all_is_shown().await;
    workers.until(async || one.held().len() == 1 && two.held().len() == 1).await;

    scene.split_all();
    workers.credit_all().await;
    workers.until_all_is_shown().await;
    // One is gone without a word.
    one.task.abort();
    workers.credit_all().await;
    let three = workers.start(3);
    scene.merge_all();
    workers.credit_all().await;
    workers.until_all_is_shown().await;

    // One gives back what it has.
    two.shutdown.send(()).expect("it runs");
    let mut stopped = two.task;
    workers.until(async || stopped.is_finished()).await;
    (&mut stopped).await.expect("no panic").expect("it stops in order");
    workers.credit_all().await;
    workers.until_all_is_shown().await;
    let open: BTreeSet<_> = scene.kinesis.open_shards(STREAM).into_iter().collect();
    workers
        .until(async || {
            let held = three.held();
            let of_shards = held.iter().filter_map(|id| id.split('@').next().map(str::to_owned));
            of_shards.collect::<BTreeSet<_>>() == open
        })
        .await;
    three.task.abort();
    let later = workers.statements(4);
    let later = scene.in_time(later.catch_up()).await.expect("nothing is in the way");
    assert_eq!((later.applied, later.parked), (0, 0), "all was done, and nothing twice");
    assert_eq!(workers.shown().await, scene.folded().await);
}

#[tokio::test]
async fn workers_come_and_go_and_share_the_shards_by_leases_in_memory() {
    for fanned_out in [false, true] {
        come_and_go(Workers::on(Arc::new(MemoryStore::new()), fanned_out)).await;
    }
}

#[tokio::test]
async fn workers_come_and_go_and_share_the_shards_by_leases_in_a_file() {
    for fanned_out in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path().join("views.db")).await.expect("it opens");
        come_and_go(Workers::on(Arc::new(store), fanned_out)).await;
    }
}

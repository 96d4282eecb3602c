//! Consumers on the feed: what they show is what the log comes to, or they say what they have lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use es_core::memory::MemoryStore;
use es_core::{
    Batch, CheckpointStore, Consumer, ConsumerId, Error, Handled, Handler, Progress, Projection,
    RewindTo,
};
use es_dynamodb::DynamoStore;

use crate::scene::{Scene, Statements, shown};

/// What was credited, as a view is to show it.
type Balances = BTreeMap<String, u64>;

fn assert_trimmed<T: std::fmt::Debug>(outcome: es_core::Result<T>) {
    assert!(matches!(outcome, Err(Error::FeedTrimmed { .. })), "{outcome:?}");
}

/// A scene with a history that no shard has.
async fn with_history() -> (Scene, Balances) {
    let scene = Scene::new().await;
    let mut balances = Balances::new();
    for amount in 1..=12 {
        let id = format!("a-{}", amount % 5);
        scene.credit_unseen(&id, amount).await;
        *balances.entry(id).or_default() += amount;
    }
    (scene, balances)
}

#[tokio::test]
async fn a_consumer_reads_the_history_and_then_the_stream() {
    let (scene, mut balances) = with_history().await;
    let views = MemoryStore::new();
    let statements = scene.statements(&views);
    assert_eq!(statements.catch_up().await.unwrap().applied, 12);
    scene.credit("a-1", 100).await;
    *balances.get_mut("a-1").unwrap() += 100;
    assert_eq!(statements.catch_up().await.unwrap().applied, 1);
    scene.stream.model().split(0, 2);
    scene.credit("b", 7).await;
    balances.insert("b".to_owned(), 7);
    assert_eq!(statements.catch_up().await.unwrap().applied, 1, "a child, in the same call");
    assert_eq!(shown(&statements).await, balances);
    // It is known that the scan has ended: nothing is scanned again.
    let again = scene.statements(&views);
    let (_, cost) = es_core::Cost::of(again.catch_up()).await;
    assert_eq!(cost.read_units, 0.0);
}

#[tokio::test]
async fn what_the_stream_forgets_before_it_is_read_is_told_and_mended_by_a_rebuild() {
    let (scene, mut balances) = with_history().await;
    let views = MemoryStore::new();
    scene.statements(&views).catch_up().await.unwrap();
    scene.credit("b", 7).await;
    balances.insert("b".to_owned(), 7);
    for days in [1, 2] {
        scene.credit("b", 1).await;
        *balances.get_mut("b").unwrap() += 1;
        for _ in 0..days {
            scene.stream.model().age();
        }
        scene.let_lists_grow_old();
        let statements = scene.statements(&views);
        assert_trimmed(statements.catch_up().await);
        statements.rebuild(|_| {}).await.unwrap();
        assert_eq!(shown(&statements).await, balances);
        statements.catch_up().await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_was_switched_off_and_on_is_another_one() {
    let (scene, mut balances) = with_history().await;
    let views = MemoryStore::new();
    scene.statements(&views).catch_up().await.unwrap();
    scene.stream.model().begin_anew();
    scene.let_lists_grow_old();
    scene.credit("b", 7).await;
    balances.insert("b".to_owned(), 7);
    let statements = scene.statements(&views);
    assert_trimmed(statements.catch_up().await);
    let statements = statements.with_rebuild_when_trimmed();
    statements.catch_up().await.unwrap();
    assert_eq!(shown(&statements).await, balances);
}

#[tokio::test]
async fn rewinding_reads_the_history_again() {
    let (scene, balances) = with_history().await;
    let statements = scene.statements(&MemoryStore::new());
    statements.catch_up().await.unwrap();
    statements.rewind(RewindTo::Start, |_| {}).await.unwrap();
    assert_eq!(shown(&statements).await, Balances::new());
    assert_eq!(statements.catch_up().await.unwrap().applied, 12);
    assert_eq!(shown(&statements).await, balances);
}

/// Notes what it handles, and keeps its progress in the store that limits steps.
struct Noting {
    store: DynamoStore,
    handled: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Handler for Noting {
    type Effect = ();

    fn handles(&self, category: &str) -> bool {
        category == "account"
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &self.store
    }

    async fn prepare(&self) -> es_core::Result<()> {
        Ok(())
    }

    async fn handle(&self, batch: &Batch<'_>) -> es_core::Result<Handled<()>> {
        let streams = batch.commits.iter().map(|commit| commit.stream().to_string());
        self.handled.lock().unwrap().extend(streams);
        Ok(Handled { effect: (), failed: Vec::new() })
    }

    async fn save(&self, (): (), progress: Progress) -> es_core::Result<()> {
        CheckpointStore::save(&self.store, progress).await
    }
}

#[tokio::test]
async fn what_no_transaction_has_room_for_is_divided_before_it_is_handled() {
    let scene = Scene::with(|options| options.scan_segments(1)).await;
    for n in 0..130 {
        scene.credit_unseen(&format!("a-{n}"), 1).await;
    }
    let store = Arc::new(scene.store.clone());
    let handled = Arc::new(Mutex::default());
    let noting = Noting { store: scene.store.clone(), handled: Arc::clone(&handled) };
    let id = ConsumerId::new("noting").unwrap();
    let consumer = Consumer::with_handler(noting, id, store.clone(), store, 500);
    assert_eq!(consumer.catch_up().await.unwrap().applied, 130);
    let mut handled = handled.lock().unwrap().clone();
    handled.sort_unstable();
    let times = handled.len();
    handled.dedup();
    assert_eq!((handled.len(), times), (130, 130), "each commit is handled once");
}

/// A life of a table: records that come late, out of order and again, in shards that split and forget.
struct Life {
    scene: Scene,
    random: fastrand::Rng,
    balances: Balances,
    /// Items that were written, and that the stream does not show yet.
    late: Vec<HashMap<String, AttributeValue>>,
    shown: Vec<HashMap<String, AttributeValue>>,
}

impl Life {
    async fn credit(&mut self) {
        let id = format!("a-{}", self.random.u8(..4));
        let amount = self.random.u64(1..100);
        let commit = self.scene.credit_unseen(&id, amount).await;
        self.late.push(self.scene.item_of(&commit).await);
        *self.balances.entry(id).or_default() += amount;
    }

    /// Shows some of what was written, in any order, in any of the open shards.
    fn show(&mut self, most: usize) {
        let mut model = self.scene.stream.model();
        let open = model.open_shards();
        for _ in 0..most.min(self.late.len()) {
            let item = self.late.swap_remove(self.random.usize(..self.late.len()));
            model.record(open[self.random.usize(..open.len())], &item);
            self.shown.push(item);
            if self.random.u8(..3) == 0 {
                let again = &self.shown[self.random.usize(..self.shown.len())];
                model.record(open[self.random.usize(..open.len())], again);
            }
        }
    }

    fn change_shards(&mut self) {
        let mut model = self.scene.stream.model();
        let open = model.open_shards();
        if open.len() < 4 {
            model.split(open[self.random.usize(..open.len())], self.random.usize(1..=2));
        }
        model.shards_per_page = self.random.usize(1..4);
    }

    fn disturb(&mut self) {
        let mut model = self.scene.stream.model();
        match self.random.u8(..3) {
            0 => model.expire(),
            1 => model.empty_answers = self.random.usize(..8),
            _ => {
                model.refuse = self.random.usize(1..3);
                model.refusal = "LimitExceededException";
            }
        }
    }
}

/// Reads on until an error that trying again cannot help.
async fn follow(statements: &Projection<Statements>) -> es_core::Result<()> {
    loop {
        match statements.catch_up().await {
            Err(error) if error.is_transient() => {}
            done => return done.map(drop),
        }
    }
}

#[tokio::test]
async fn a_view_shows_the_log_after_any_life_of_its_stream() {
    let mut told = 0;
    for seed in 0..5 {
        let (scene, balances) = with_history().await;
        let random = fastrand::Rng::with_seed(seed);
        let mut life = Life { scene, random, balances, late: Vec::new(), shown: Vec::new() };
        let views = MemoryStore::new();
        let mut statements = life.scene.statements(&views).with_batch_size(3);
        for _ in 0..60 {
            match life.random.u8(..12) {
                0..5 => life.credit().await,
                5..7 => life.show(3),
                7 => life.change_shards(),
                8 => life.disturb(),
                9 if life.random.u8(..3) == 0 => {
                    life.show(usize::MAX);
                    life.scene.stream.model().age();
                }
                10 => statements = life.scene.statements(&views).with_batch_size(3),
                _ => {
                    life.scene.let_lists_grow_old();
                    if let Err(error) = follow(&statements).await {
                        assert!(
                            matches!(error, Error::FeedTrimmed { .. }),
                            "seed {seed}: {}",
                            error.with_causes()
                        );
                        told += 1;
                        while let Err(error) = statements.rebuild(|_| {}).await {
                            assert!(error.is_transient(), "seed {seed}: {}", error.with_causes());
                        }
                    }
                }
            }
        }
        life.show(usize::MAX);
        life.scene.stream.model().empty_answers = 0;
        life.scene.stream.model().expire();
        life.scene.let_lists_grow_old();
        let statements = statements.with_rebuild_when_trimmed();
        follow(&statements).await.unwrap();
        // An empty answer may have been taken for the end.
        follow(&statements).await.unwrap();
        assert_eq!(shown(&statements).await, life.balances, "seed {seed}");
        let early = &life.scene.stream.model().too_early;
        assert!(early.is_empty(), "seed {seed}: {early:?} were read before their parents");
    }
    assert!(told > 1, "{told} losses in all lives are too few to prove anything");
}

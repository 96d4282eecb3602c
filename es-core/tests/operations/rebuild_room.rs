//! How much a rebuild keeps until it saves it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Faults, FaultyViewStore};
use es_core::{
    BoxError, Checkpoint, Feed, FeedPage, Partition, PartitionId, Projection, Projector, Recorded,
};

use crate::moody::{Mood, balances, credit, fold_of, projection_on};
use crate::rebuild_in_memory::many_credits;
use crate::support::AccountEvent;
use crate::turns::within_turns;

/// Views whose requests are counted.
fn counted(store: &MemoryStore) -> (Arc<FaultyViewStore>, Faults) {
    let faults = Faults::none();
    (Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults.clone())), faults)
}

/// A kilobyte for each event.
#[derive(Debug)]
struct Verbose;

impl Projector for Verbose {
    const NAME: &'static str = "verbose";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = String;

    fn project(
        &self,
        _: &str,
        view: &mut Option<String>,
        _: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default().push_str(&"x".repeat(1_000));
        Ok(())
    }
}

fn verbose(store: &MemoryStore, views: Arc<FaultyViewStore>) -> Projection<Verbose> {
    let shared = Arc::new(store.clone());
    Projection::new(Verbose, shared.clone(), shared, views).unwrap().with_batch_size(10)
}

#[tokio::test]
async fn new_documents_that_are_much_larger_than_their_events_are_saved_when_the_room_is_full() {
    let store = MemoryStore::new();
    for n in 0..1_000 {
        credit(&store, &format!("account-{n}"), 1).await;
    }
    let (views, faults) = counted(&store);
    let verbose = verbose(&store, views).with_rebuild_memory(100 * 1_000);
    verbose.rebuild(|_| {}).await.unwrap();
    // With the overhead of documents and streams a room of a hundred kilobytes has some eighty of them.
    let writes = faults.calls(Call::WriteDocuments);
    assert!((10..=15).contains(&writes), "{writes}");
}

#[tokio::test]
async fn documents_that_grow_by_more_than_their_events_are_saved_when_the_room_is_full() {
    let store = MemoryStore::new();
    for n in 0..1_000 {
        credit(&store, ["a", "b", "c"][n % 3], 1).await;
    }
    let (views, faults) = counted(&store);
    // The three documents come to a megabyte.
    let verbose = verbose(&store, views).with_rebuild_memory(500 * 1_000);
    verbose.rebuild(|_| {}).await.unwrap();
    // Half of the log fits into the room at once, give or take a quarter of the room. From there on the documents take
    // more than there is when they are read, and each page is saved.
    let writes = faults.calls(Call::WriteDocuments);
    assert!((38..=51).contains(&writes), "{writes}");
}

/// Ten thousand new documents for each event.
#[derive(Debug)]
struct Many;

impl Projector for Many {
    const NAME: &'static str = "many";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = u8;

    fn keys(&self, event: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        keys.extend((0..10_000).map(|n| format!("{}-{n}", event.version())));
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<u8>,
        _: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        *view = Some(1);
        Ok(())
    }
}

#[tokio::test]
async fn half_a_million_documents_are_saved_in_whatever_room() {
    let store = MemoryStore::new();
    for _ in 0..51 {
        credit(&store, "a", 1).await;
    }
    let (views, faults) = counted(&store);
    let shared = Arc::new(store);
    let many = Projection::new(Many, shared.clone(), shared, views).unwrap().with_batch_size(1);
    many.with_rebuild_memory(usize::MAX).rebuild(|_| {}).await.unwrap();
    // With the stream they are one more behind the fiftieth page.
    assert_eq!(faults.calls(Call::WriteDocuments), 2);
}

/// A feed that takes ten seconds for a page.
#[derive(Debug)]
struct Slow {
    store: MemoryStore,
    clock: Arc<VirtualClock>,
}

#[async_trait]
impl Feed for Slow {
    async fn partitions(&self) -> es_core::Result<Vec<Partition>> {
        self.store.partitions().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max: usize,
    ) -> es_core::Result<FeedPage> {
        self.clock.advance(Duration::from_secs(10));
        Feed::read(&self.store, partition, after, max).await
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> es_core::Result<()> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_slow_rebuild_is_saved_before_others_take_it_for_dead() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let (views, faults) = counted(&store);
    let slow = Arc::new(Slow { store: store.clone(), clock: clock.clone() });
    let moody = projection_on(slow, &store, views, &Mood::refusing(&[]));
    let moody = moody.with_batch_size(10).with_clock(clock);
    moody.rebuild(|_| {}).await.unwrap();
    // Every other of ten pages, as two take more than fifteen seconds.
    assert_eq!(faults.calls(Call::WriteDocuments), 5);
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn other_tasks_have_their_turn_while_much_is_made_ready_to_be_saved() {
    let store = MemoryStore::new();
    for n in 0..640 {
        credit(&store, &n.to_string(), 1).await;
    }
    let (views, _) = counted(&store);
    let verbose = verbose(&store, views);
    // Ten times 64 kilobytes; nothing else of it waits, as memory answers at once.
    assert!(within_turns(5, verbose.rebuild(|_| {})).await.is_none());
}

//! A rebuild works beside the live view and takes its place in one step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyViewStore, crash_at_every_await};
use es_core::{
    BoxError, CatchUp, Checkpoint, CheckpointStore as _, ConsumerId, DeadLetterFilter, Error, Feed,
    FeedPage, Partition, PartitionId, Projection, Projector, Recorded, Repository, Version, View,
    ViewName, Workers,
};

use crate::moody::{
    Mood, Moody, account, balances, credit, credit_all, expected, fold_of, parked, projection,
    projection_on,
};
use crate::support::{
    Account, AccountCommand, AccountEvent, Statement, scrambled_feed, views_failing_at,
    views_held_up_at,
};
use crate::turns::within_turns;

const HISTORY: &[(&str, u64)] = &[("a", 1), ("b", 3), ("a", 2), ("c", 4), ("b", 5), ("a", 6)];

async fn live(store: &MemoryStore, mood: &Mood) -> Projection<Moody> {
    credit_all(store, HISTORY).await;
    let moody = projection(store, mood).with_batch_size(2);
    moody.catch_up().await.unwrap();
    moody
}

fn times(balances: &BTreeMap<String, u64>, factor: u64) -> BTreeMap<String, u64> {
    balances.iter().map(|(id, balance)| (id.clone(), balance * factor)).collect()
}

fn view(store: &MemoryStore) -> View<Statement> {
    View::new(Arc::new(store.clone()), ViewName::new("moody_v1").unwrap())
}

/// Memory answers at once, so a report can look.
fn now<T>(looking: impl Future<Output = T>) -> T {
    use futures::FutureExt as _;
    looking.now_or_never().unwrap()
}

#[tokio::test]
async fn readers_see_the_whole_old_view_and_then_the_whole_new_one() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let moody = live(&store, &mood).await;
    let before = balances(&moody.view()).await;
    mood.multiply_by(10);
    let mut reports = Vec::new();
    let report = |step: CatchUp| {
        assert_eq!(now(balances(&view(&store))), before, "at {step:?}");
        reports.push((step.applied, step.remaining));
    };
    let done = moody.rebuild(report).await.unwrap();
    assert_eq!((done.applied, done.parked), (6, 0));
    assert_eq!(reports, [(2, Some(4)), (4, Some(2)), (6, Some(0))]);
    assert_eq!(balances(&moody.view()).await, times(&before, 10));
    credit(&store, "a", 7).await;
    assert_eq!(moody.catch_up().await.unwrap().applied, 1, "it goes on from there");
}

#[tokio::test]
async fn a_view_that_was_never_built_can_be_rebuilt() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let moody = projection(&store, &Mood::refusing(&[]));
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    assert_eq!(moody.catch_up().await.unwrap().applied, 0);
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn the_live_view_moves_on_during_a_rebuild_and_never_goes_backwards() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let moody = live(&store, &mood).await;
    let worker = projection(&store, &mood);
    // With every step of the rebuild there is more to do, and the live view has done it.
    let mut highest = 0;
    let mut news = 5;
    let report = |_: CatchUp| {
        let a = now(balances(&view(&store)))["a"];
        assert!(a >= highest, "{a} after {highest}");
        highest = a;
        if news > 0 {
            news -= 1;
            now(credit(&store, "a", 100));
            now(worker.catch_up()).unwrap();
        }
    };
    moody.rebuild(report).await.unwrap();
    assert_eq!(balances(&view(&store)).await["a"], 509);
    credit(&store, "a", 1).await;
    worker.catch_up().await.unwrap();
    assert_eq!(balances(&view(&store)).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_worker_that_runs_meanwhile_goes_on_with_the_new_view() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let moody = Arc::new(live(&store, &mood).await);
    let mut workers = Workers::new();
    workers.start(Arc::clone(&moody));
    for amount in 10..20 {
        projection(&store, &mood).rebuild(|_| {}).await.unwrap();
        let last = credit(&store, "a", amount).await;
        let minute = Duration::from_secs(60);
        moody.wait_for_version(last.stream(), last.last_version(), minute).await.unwrap();
    }
    workers.shutdown().await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_worker_in_the_middle_of_a_step_cannot_write_into_the_new_view() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    live(&store, &mood).await;
    credit(&store, "a", 100).await;
    let (held_up, hold_up) = views_held_up_at(&store, Call::WriteDocuments, 1);
    let slow = projection_on(Arc::new(store.clone()), &store, held_up, &mood);
    let (slow, ()) = futures::join!(slow.catch_up(), async {
        hold_up.reached().await;
        mood.multiply_by(10);
        projection(&store, &mood).rebuild(|_| {}).await.unwrap();
        hold_up.let_go();
    });
    slow.unwrap();
    let log = fold_of(&store, |_| false).await;
    assert_eq!(balances(&view(&store)).await, times(&log, 10));
}

#[tokio::test]
async fn a_rebuild_gets_over_a_store_that_fails_now_and_then() {
    for fault in [Fault::LostRequest, Fault::LostAcknowledgement] {
        for (call, nth) in
            [(Call::WriteDocuments, 1), (Call::WriteDocuments, 3), (Call::SwapViews, 1)]
        {
            let store = MemoryStore::new();
            let mood = Mood::refusing(&[]);
            live(&store, &mood).await;
            let views = views_failing_at(&store, call, nth, fault);
            let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
            let rebuilt = projection_on(scrambled_feed(&store, 7), &store, views, &mood);
            mood.multiply_by(10);
            let rebuilt = rebuilt.with_batch_size(2).with_rebuild_memory(0).with_clock(clock);
            rebuilt.rebuild(|_| {}).await.unwrap();
            let log = fold_of(&store, |_| false).await;
            assert_eq!(balances(&view(&store)).await, times(&log, 10), "{call:?} {nth} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_crash_anywhere_in_a_rebuild_leaves_a_whole_view_and_the_next_one_succeeds() {
    struct Shop {
        store: MemoryStore,
        mood: Mood,
    }
    async fn fresh() -> Shop {
        let (store, mood) = (MemoryStore::new(), Mood::refusing(&[]));
        live(&store, &mood).await;
        mood.multiply_by(10);
        Shop { store, mood }
    }
    // Page by page, and with one write at the end.
    for (memory, at_least) in [(0, 20), (usize::MAX, 5)] {
        let rebuild = async |shop: &Shop| {
            let faults = Faults::none().suspending();
            let views = Arc::new(FaultyViewStore::new(Arc::new(shop.store.clone()), faults));
            let dying = projection_on(Arc::new(shop.store.clone()), &shop.store, views, &shop.mood);
            dying.with_batch_size(2).with_rebuild_memory(memory).rebuild(|_| {}).await.unwrap();
        };
        let crashes = crash_at_every_await(fresh, rebuild, async |shop: &Shop| {
            let log = fold_of(&shop.store, |_| false).await;
            let shown = balances(&view(&shop.store)).await;
            assert!(shown == log || shown == times(&log, 10), "{shown:?}");
            // In between, the program was changed once more.
            shop.mood.multiply_by(100);
            projection(&shop.store, &shop.mood).rebuild(|_| {}).await.unwrap();
            assert_eq!(balances(&view(&shop.store)).await, times(&log, 100));
        });
        assert!(crashes.await > at_least);
    }
}

#[tokio::test]
async fn of_two_rebuilds_at_once_the_later_goes_on_and_the_earlier_ends() {
    let writes = [(1, true, 0), (2, true, 0), (3, true, 0), (2, false, 0), (1, true, usize::MAX)];
    let writes = writes.map(|(nth, first, memory)| (Call::WriteDocuments, nth, first, memory));
    let swaps = [0, usize::MAX].map(|memory| (Call::SwapViews, 1, true, memory));
    for (call, nth, finished_first, memory) in writes.into_iter().chain(swaps) {
        let store = MemoryStore::new();
        let mood = Mood::refusing(&[]);
        live(&store, &mood).await;
        let log = fold_of(&store, |_| false).await;
        let (held_up, hold_up) = views_held_up_at(&store, call, nth);
        let earlier = projection_on(Arc::new(store.clone()), &store, held_up, &mood);
        let earlier = earlier.with_batch_size(2).with_rebuild_memory(memory);
        let later_mood = Mood::refusing(&[]);
        later_mood.multiply_by(10);
        let later = projection(&store, &later_mood);
        let later = later.with_batch_size(2).with_rebuild_memory(memory);
        let (ended, ()) = futures::join!(earlier.rebuild(|_| {}), async {
            hold_up.reached().await;
            if finished_first {
                later.rebuild(|_| {}).await.unwrap();
                hold_up.let_go();
            } else {
                // The earlier one goes on when the later one is half done.
                let report = |step: CatchUp| {
                    if step.applied == 4 {
                        hold_up.let_go();
                    }
                };
                later.rebuild(report).await.unwrap();
            }
        });
        assert!(matches!(ended, Err(Error::Fenced { .. })), "{ended:?}");
        assert_eq!(balances(&view(&store)).await, times(&log, 10));
        let left = ConsumerId::new("moody_v1").unwrap().rebuild();
        let progress = store.stream_progress(&left, &[account("a")]).await.unwrap();
        assert_eq!(progress[0].version.get(), 0, "nothing is left behind");
    }
}

#[tokio::test]
async fn a_rebuild_that_was_overtaken_before_its_first_step_does_none_in_the_later_ones_place() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    live(&store, &mood).await;
    let log = fold_of(&store, |_| false).await;
    // Both have signed, one after the other, and look where they are in the feed.
    let held_up_at_first_step = || views_held_up_at(&store, Call::LoadPosition, 2);
    let (earlier_views, earlier_held) = held_up_at_first_step();
    let (later_views, later_held) = held_up_at_first_step();
    let rebuilding = |views, mood: &Mood| {
        projection_on(Arc::new(store.clone()), &store, views, mood)
            .with_batch_size(2)
            .with_rebuild_memory(0)
    };
    let later_mood = Mood::refusing(&[]);
    later_mood.multiply_by(10);
    let earlier = rebuilding(earlier_views, &mood);
    let later = rebuilding(later_views, &later_mood);
    let (ended, done, ()) = futures::join!(
        async {
            let ended = earlier.rebuild(|_| {}).await;
            later_held.let_go();
            ended
        },
        async {
            earlier_held.reached().await;
            later.rebuild(|_| {}).await
        },
        async {
            later_held.reached().await;
            earlier_held.let_go();
        },
    );
    assert!(matches!(ended, Err(Error::Fenced { .. })), "{ended:?}");
    assert_eq!(done.unwrap().applied, 6);
    assert_eq!(balances(&view(&store)).await, times(&log, 10));
}

#[tokio::test]
async fn a_rebuild_that_was_overtaken_before_its_end_its_end_does_not_put_anything_in_place() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let earlier = live(&store, &mood).await;
    let log = fold_of(&store, |_| false).await;
    let later_mood = Mood::refusing(&[]);
    later_mood.multiply_by(10);
    let later = projection(&store, &later_mood);
    let report = |step: CatchUp| {
        if step.remaining == Some(0) {
            now(later.rebuild(|_| {})).unwrap();
        }
    };
    let ended = earlier.rebuild(report).await;
    assert!(matches!(ended, Err(Error::Fenced { .. })), "{ended:?}");
    assert_eq!(balances(&view(&store)).await, times(&log, 10));
}

#[tokio::test]
async fn a_rebuild_that_fails_at_what_the_live_view_shows_does_not_take_its_place() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let moody = live(&store, &mood).await;
    let before = balances(&moody.view()).await;
    mood.refuse(&[3]);
    match moody.rebuild(|_| {}).await.unwrap_err() {
        Error::RebuildParked { consumer, stream, source } => {
            assert_eq!((consumer.as_str(), stream), ("moody_v1", account("b")));
            assert!(source.to_string().contains("3 is bad luck"), "{source}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(balances(&moody.view()).await, before);
    mood.refuse(&[]);
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(balances(&moody.view()).await, before);
}

/// Has lost the category of the view, and not raised its version.
#[derive(Debug)]
struct Narrow;

impl Projector for Narrow {
    const NAME: &'static str = Moody::NAME;
    const VERSION: u32 = Moody::VERSION;
    const CATEGORIES: &'static [&'static str] = &["other"];
    type Event = AccountEvent;
    type View = Statement;

    fn project(
        &self,
        _: &str,
        _: &mut Option<Statement>,
        _: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Views that let others have their turn at each request.
fn suspending(store: &MemoryStore) -> Arc<FaultyViewStore> {
    Arc::new(FaultyViewStore::new(Arc::new(store.clone()), Faults::none().suspending()))
}

#[tokio::test]
async fn a_rebuild_that_cannot_come_to_what_the_live_view_shows_ends() {
    let store = MemoryStore::new();
    live(&store, &Mood::refusing(&[])).await;
    let before = balances(&view(&store)).await;
    let shared = Arc::new(store.clone());
    let narrow = Projection::new(Narrow, shared.clone(), shared, suspending(&store)).unwrap();
    let ended = within_turns(10_000, narrow.rebuild(|_| {})).await.unwrap();
    assert!(matches!(&ended, Err(Error::Misuse(text)) if text.contains("category")), "{ended:?}");
    assert_eq!(balances(&view(&store)).await, before);
}

/// A feed that shows the first commit only: the others come late.
#[derive(Debug)]
struct Late(MemoryStore);

#[async_trait]
impl Feed for Late {
    async fn partitions(&self) -> es_core::Result<Vec<Partition>> {
        self.0.partitions().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        _: usize,
    ) -> es_core::Result<FeedPage> {
        match after.is_start() {
            true => Feed::read(&self.0, partition, after, 1).await,
            false => Ok(FeedPage {
                commits: Vec::new(),
                checkpoint: after.clone(),
                remaining: Some(0),
                ended: false,
            }),
        }
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> es_core::Result<()> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_was_dropped_stays_dropped_though_the_feed_is_late() {
    let store = MemoryStore::new();
    credit_all(&store, &[("b", 1), ("a", 13), ("a", 2), ("a", 3)]).await;
    let mood = Mood::refusing(&[13]);
    let live = projection(&store, &mood);
    live.catch_up().await.unwrap();
    live.drop_dead_letter(&account("a"), 1.into(), "a test booking").await.unwrap().unwrap();
    live.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    let shown = balances(&live.view()).await;
    let feed = Arc::new(Late(store.clone()));
    let moody = projection_on(feed, &store, Arc::new(store.clone()), &mood);
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(balances(&moody.view()).await, shown);
}

#[tokio::test]
async fn what_the_live_view_shows_before_the_feed_does_is_taken_from_the_log() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let feed = Arc::new(Late(store.clone()));
    let moody = Arc::new(projection_on(feed, &store, suspending(&store), &mood));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(moody.clone());
    for amount in [1, 2] {
        accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
    }
    assert_eq!(balances(&view(&store)).await, expected(&[("a", 3)]));
    mood.multiply_by(10);
    within_turns(10_000, moody.rebuild(|_| {})).await.unwrap().unwrap();
    assert_eq!(balances(&view(&store)).await, expected(&[("a", 30)]));
}

#[tokio::test]
async fn a_rebuild_with_the_fix_leaves_no_dead_letters() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("b", 1), ("a", 2)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    assert_eq!(parked(&moody).await.len(), 2);
    mood.refuse(&[]);
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(parked(&moody).await, []);
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_rebuild_without_the_fix_keeps_the_dead_letters() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("b", 1), ("a", 2)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(parked(&moody).await, [("a".into(), 1, true), ("a".into(), 2, false)]);
    mood.refuse(&[]);
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 15), ("b", 1)]));
}

#[tokio::test]
async fn what_was_dropped_stays_dropped_as_long_as_it_fails() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 1), ("a", 13), ("b", 1), ("a", 2)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    moody.drop_dead_letter(&account("a"), 2.into(), "a test booking").await.unwrap().unwrap();
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    let without = expected(&[("a", 3), ("b", 1)]);
    for _ in 0..2 {
        moody.rebuild(|_| {}).await.unwrap();
        assert_eq!(balances(&moody.view()).await, without);
        assert_eq!(parked(&moody).await, []);
    }
    mood.refuse(&[]);
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 16), ("b", 1)]));
}

#[tokio::test]
async fn a_letter_that_is_dropped_during_a_rebuild_does_not_fail_it() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("a", 2), ("b", 1)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood).with_batch_size(2);
    moody.catch_up().await.unwrap();
    let operator = projection(&store, &mood);
    let mut steps = 0;
    let report = |_: CatchUp| {
        steps += 1;
        if steps == 1 {
            now(operator.drop_dead_letter(&account("a"), Version::FIRST, "bad luck")).unwrap();
            now(operator.retry_dead_letters(&DeadLetterFilter::all())).unwrap();
        }
    };
    moody.rebuild(report).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 2), ("b", 1)]));
    assert_eq!(parked(&moody).await, []);
}

#[tokio::test]
async fn what_a_worker_parks_during_the_swap_is_parked_again_behind_it() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[13]);
    let worker = live(&store, &mood).await;
    let (held_up, hold_up) = views_held_up_at(&store, Call::SwapViews, 1);
    let rebuilding = projection_on(Arc::new(store.clone()), &store, held_up, &mood);
    let (rebuilt, ()) = futures::join!(rebuilding.rebuild(|_| {}), async {
        hold_up.reached().await;
        credit(&store, "d", 13).await;
        assert_eq!(worker.catch_up().await.unwrap().parked, 1);
        hold_up.let_go();
    });
    rebuilt.unwrap();
    worker.catch_up().await.unwrap();
    assert_eq!(parked(&worker).await, [("d".into(), 1, true)], "neither handled nor lost");
}

#[tokio::test]
async fn a_paused_projection_can_be_rebuilt_and_stays_paused() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let moody = live(&store, &mood).await;
    moody.pause().await.unwrap();
    mood.multiply_by(10);
    moody.rebuild(|_| {}).await.unwrap();
    assert_eq!(balances(&moody.view()).await["c"], 40);
    assert!(matches!(moody.catch_up().await, Err(Error::Paused { .. })));
}

#[test]
fn the_names_that_a_rebuild_uses_are_refused() {
    assert!(matches!(ConsumerId::new("moody_v1_rebuild"), Err(Error::InvalidId { .. })));
    assert!(matches!(PartitionId::new("es:rebuild"), Err(Error::InvalidId { .. })));
}

/// The log in a partition of another name.
#[derive(Debug)]
struct Named(MemoryStore);

#[async_trait]
impl Feed for Named {
    async fn partitions(&self) -> es_core::Result<Vec<Partition>> {
        Ok(vec![Partition { id: PartitionId::new("rebuild")?, parents: Vec::new() }])
    }

    async fn read(
        &self,
        _: &PartitionId,
        after: &Checkpoint,
        max: usize,
    ) -> es_core::Result<FeedPage> {
        Feed::read(&self.0, &PartitionId::new("log")?, after, max).await
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> es_core::Result<()> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_partition_may_be_called_rebuild() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let mood = Mood::refusing(&[]);
    let feed = Arc::new(Named(store.clone()));
    let moody = projection_on(feed, &store, Arc::new(store.clone()), &mood);
    moody.catch_up().await.unwrap();
    mood.multiply_by(10);
    moody.rebuild(|_| {}).await.unwrap();
    let log = fold_of(&store, |_| false).await;
    assert_eq!(balances(&moody.view()).await, times(&log, 10));
}

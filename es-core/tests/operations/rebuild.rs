//! A rebuild works beside the live view and takes its place in one step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyViewStore, crash_at_every_await};
use es_core::{
    CatchUp, CheckpointStore as _, ConsumerId, DeadLetterFilter, Error, Projection, View, ViewName,
    Workers,
};

use crate::moody::{
    Mood, Moody, account, balances, credit, credit_all, expected, fold_of, parked, projection,
    projection_on,
};
use crate::support::{Statement, scrambled_feed, views_failing_at, views_held_up_at};

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
            let rebuilt = rebuilt.with_batch_size(2).with_clock(clock);
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
    let fresh = async || {
        let (store, mood) = (MemoryStore::new(), Mood::refusing(&[]));
        live(&store, &mood).await;
        mood.multiply_by(10);
        Shop { store, mood }
    };
    let rebuild = async |shop: &Shop| {
        let faults = Faults::none().suspending();
        let views = Arc::new(FaultyViewStore::new(Arc::new(shop.store.clone()), faults));
        let dying = projection_on(Arc::new(shop.store.clone()), &shop.store, views, &shop.mood);
        dying.with_batch_size(2).rebuild(|_| {}).await.unwrap();
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
    assert!(crashes.await > 20);
}

#[tokio::test]
async fn of_two_rebuilds_at_once_the_later_goes_on_and_the_earlier_ends() {
    let writes = [(1, true), (2, true), (3, true), (2, false)];
    let writes = writes.map(|(nth, finished_first)| (Call::WriteDocuments, nth, finished_first));
    for (call, nth, finished_first) in writes.into_iter().chain([(Call::SwapViews, 1, true)]) {
        let store = MemoryStore::new();
        let mood = Mood::refusing(&[]);
        live(&store, &mood).await;
        let log = fold_of(&store, |_| false).await;
        let (held_up, hold_up) = views_held_up_at(&store, call, nth);
        let earlier = projection_on(Arc::new(store.clone()), &store, held_up, &mood);
        let earlier = earlier.with_batch_size(2);
        let later_mood = Mood::refusing(&[]);
        later_mood.multiply_by(10);
        let later = projection(&store, &later_mood).with_batch_size(2);
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
async fn a_rebuild_that_was_overtaken_before_its_end_does_not_put_anything_in_place() {
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

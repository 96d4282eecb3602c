//! A rebuild folds what it reads in memory for as long as there is room; what it meets on the way changes nothing
//! about what it comes to.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed, FaultyViewStore};
use es_core::{CatchUp, Commit, DeadLetterFilter, Projection};
use proptest::prelude::*;

use crate::moody::{
    Mood, Moody, account, append_all, balances, credit, fold_of, parked, projection, projection_on,
};
use crate::support::{AccountEvent, Totals, scrambled_feed, views_failing_at};

/// A feed, and how often it is read.
pub(crate) fn counted_feed(store: &MemoryStore) -> (Arc<FaultyFeed>, impl Fn() -> u64) {
    let faults = Faults::none();
    let feed = Arc::new(FaultyFeed::new(Arc::new(store.clone()), faults.clone()));
    (feed, move || faults.calls(Call::ReadFeed))
}

/// The amounts 1 to 100, to three accounts in turn.
pub(crate) async fn many_credits(store: &MemoryStore) {
    for n in 1..=100 {
        credit(store, ["a", "b", "c"][n % 3], n as u64).await;
    }
}

/// What [`many_credits`] come to.
pub(crate) const ALL_CREDITS: u64 = 100 * 101 / 2;

fn amount_of(commit: &Commit) -> u64 {
    match commit.decode::<AccountEvent>().unwrap()[0].event {
        AccountEvent::Credited { amount } | AccountEvent::Debited { amount } => amount,
    }
}

#[tokio::test]
async fn a_rebuild_is_saved_once_when_it_fits_in_memory() {
    for (memory, fails_at, is_met) in [(1_000_000, 2, false), (1_000_000, 1, true), (0, 10, true)] {
        let store = MemoryStore::new();
        many_credits(&store).await;
        // The n-th write fails, and what was not saved is done again.
        let views = views_failing_at(&store, Call::WriteDocuments, fails_at, Fault::LostRequest);
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        let moody = projection_on(Arc::new(store.clone()), &store, views, &Mood::refusing(&[]));
        let moody = moody.with_batch_size(10).with_rebuild_memory(memory).with_clock(clock.clone());
        let mut most = 0;
        let done = moody.rebuild(|done: CatchUp| most = most.max(done.applied)).await.unwrap();
        assert_eq!((done.applied, most), (100, 100), "nothing is counted twice");
        assert_eq!(!clock.slept().is_empty(), is_met, "{memory} {fails_at}");
        assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    }
}

#[tokio::test]
async fn a_document_of_many_streams_is_whole_however_often_it_is_saved() {
    for memory in [0, 1_000_000] {
        let store = MemoryStore::new();
        // Each stream begins behind what was saved before: nothing in its order tells that the document is there.
        for n in 1..=30 {
            credit(&store, &n.to_string(), n).await;
        }
        let totals = Projection::on(Totals, Arc::new(store)).unwrap();
        let totals = totals.with_batch_size(5).with_rebuild_memory(memory);
        totals.rebuild(|_| {}).await.unwrap();
        assert_eq!(totals.view().get("all").await.unwrap().unwrap().balance, 30 * 31 / 2);
    }
}

#[tokio::test]
async fn what_was_folded_before_the_feed_fails_is_not_folded_again() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let faults = Faults::none();
    faults.at(Call::ReadFeed, 6, Fault::LostRequest);
    let feed = Arc::new(FaultyFeed::new(Arc::new(store.clone()), faults));
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let moody = projection_on(feed, &store, Arc::new(store.clone()), &Mood::refusing(&[]));
    let moody = moody.with_batch_size(10).with_clock(clock.clone());
    let mut applied = Vec::new();
    moody.rebuild(|done| applied.push(done.applied)).await.unwrap();
    assert!(!clock.slept().is_empty(), "it has failed");
    assert_eq!(applied, (1..=10).map(|pages| pages * 10).collect::<Vec<_>>());
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn what_was_folded_before_a_document_cannot_be_read_is_not_folded_again() {
    let store = MemoryStore::new();
    // Each page has accounts of its own.
    for n in 1..=100 {
        credit(&store, &format!("account-{n}"), n).await;
    }
    let faults = Faults::none();
    // What is saved then is not looked up, and what comes next is: the third time fails.
    faults.at(Call::ReadFeed, 3, Fault::LostRequest);
    faults.at(Call::GetDocuments, 3, Fault::LostRequest);
    let feed = Arc::new(FaultyFeed::new(Arc::new(store.clone()), faults.clone()));
    let views = Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults.clone()));
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let moody = projection_on(feed, &store, views, &Mood::refusing(&[]));
    let moody = moody.with_batch_size(10).with_clock(clock.clone());
    let mut applied = Vec::new();
    moody.rebuild(|done| applied.push(done.applied)).await.unwrap();
    assert_eq!(clock.slept().len(), 2, "both have failed");
    assert_eq!(applied, (1..=10).map(|pages| pages * 10).collect::<Vec<_>>());
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_stream_that_waits_in_every_page_is_not_met_anew_in_every_page() {
    let store = MemoryStore::new();
    credit(&store, "a", 57).await;
    credit(&store, "b", 1).await;
    for n in 1..40 {
        credit(&store, "a", n).await;
        credit(&store, "b", n).await;
    }
    let (feed, reads) = counted_feed(&store);
    let shared = Arc::new(store.clone());
    let moody = projection_on(feed, &store, shared, &Mood::refusing(&[57]));
    let done = moody.with_batch_size(2).rebuild(|_| {}).await.unwrap();
    assert_eq!((done.applied, done.parked), (40, 40));
    // Forty pages in steps. In vain: the first one twice, as it was refused half done, then before 2, 4, 8, 16
    // and 32 steps; and twice there is nothing more.
    assert_eq!(reads(), 40 + 2 + 5 + 2);
}

#[tokio::test]
async fn what_a_rebuild_cannot_take_in_memory_it_takes_step_by_step() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    // Amount 57 is in the middle of a page and of the log, and the third in its page of its stream.
    let moody = projection(&store, &Mood::refusing(&[57, 73])).with_batch_size(10);
    let done = moody.rebuild(|_| {}).await.unwrap();
    let live = parked(&moody).await;
    // All later commits of both streams wait, too.
    assert_eq!((done.applied, done.parked), (100 - live.len() as u64, live.len() as u64));
    assert_eq!(live.iter().filter(|(_, _, failed)| *failed).count(), 2);
    let log = fold_of(&store, |commit| match commit.stream().id() {
        "a" => amount_of(commit) >= 57,
        "b" => amount_of(commit) >= 73,
        _ => false,
    });
    assert_eq!(balances(&moody.view()).await, log.await);
}

#[tokio::test]
async fn behind_a_commit_that_was_dropped_a_rebuild_goes_on_in_memory() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let mood = Mood::refusing(&[6]);
    let live = projection(&store, &mood);
    live.catch_up().await.unwrap();
    live.drop_dead_letter(&account("a"), 2.into(), "a test booking").await.unwrap().unwrap();
    live.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    // The first of ten pages takes two steps, and the others are saved together; in steps they would be eleven.
    let views = views_failing_at(&store, Call::WriteDocuments, 4, Fault::LostRequest);
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let moody = projection_on(Arc::new(store.clone()), &store, views, &mood);
    let moody = moody.with_batch_size(10).with_clock(clock.clone());
    moody.rebuild(|_| {}).await.unwrap();
    assert!(clock.slept().is_empty(), "no fourth write");
    let without = fold_of(&store, |commit| amount_of(commit) == 6).await;
    assert_eq!(balances(&moody.view()).await, without);
    assert_eq!(parked(&moody).await, []);
}

#[tokio::test]
async fn a_rebuild_of_a_feed_that_repeats_and_reorders_shows_the_log() {
    for seed in 0..20 {
        let store = MemoryStore::new();
        many_credits(&store).await;
        let views = Arc::new(store.clone());
        let feed = scrambled_feed(&store, seed);
        let moody = projection_on(feed, &store, views, &Mood::refusing(&[])).with_batch_size(7);
        moody.rebuild(|_| {}).await.unwrap();
        assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await, "{seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever fits in memory, and whatever fails where.
    #[test]
    fn a_rebuild_comes_to_what_following_the_log_comes_to(
        log in prop::collection::vec(
            (prop::sample::select(vec!["a", "b", "c", "d"]),
             prop::collection::vec(1_u64..16, 1..4)), 1..40),
        refused in prop::collection::vec(1_u64..40, 0..3),
        batch in 1_usize..8,
        memory in prop::sample::select(vec![0, 300, 1_000, usize::MAX]),
        threads in 1_usize..3,
    ) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let current = tokio::runtime::Builder::new_current_thread().build();
        let runtime = if threads == 1 { current } else { runtime.worker_threads(2).build() };
        runtime.unwrap().block_on(async {
            let store = MemoryStore::new();
            for (stream, amounts) in &log {
                let credited = |&amount: &u64| AccountEvent::Credited { amount };
                append_all(&store, stream, &amounts.iter().map(credited).collect::<Vec<_>>()).await;
            }
            let mood = Mood::refusing(&refused);
            let moody = projection(&store, &mood).with_batch_size(batch);
            moody.catch_up().await.unwrap();
            let followed = (balances(&moody.view()).await, parked(&moody).await);
            // A live view never falls behind, so it is made anew beside nothing.
            let again = MemoryStore::new();
            let shared = Arc::new(store.clone());
            let rebuilt =
                Projection::new(Moody(mood.clone()), shared.clone(), shared, Arc::new(again));
            let rebuilt = rebuilt.unwrap().with_batch_size(batch).with_rebuild_memory(memory);
            rebuilt.rebuild(|_| {}).await.unwrap();
            assert_eq!((balances(&rebuilt.view()).await, parked(&rebuilt).await), followed);
        });
    }
}

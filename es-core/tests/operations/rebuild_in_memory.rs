//! A rebuild folds what it reads in memory for as long as there is room; what it meets on the way changes nothing
//! about what it comes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed};
use es_core::{
    BoxError, CatchUp, Checkpoint, Commit, Consumers, DeadLetterFilter, Error, Feed, FeedPage,
    Partition, PartitionId, Policy, Projection, Projector, Reaction, ReactionError, Reactor,
    Recorded, StreamId, View, ViewStore,
};
use proptest::prelude::*;

use crate::moody::{
    Mood, Moody, account, append_all, append_to, balances, credit, expected, fold_of, parked,
    projection, projection_on,
};
use crate::support::{AccountEvent, Statement, scrambled_feed, views_failing_at};

/// A feed that counts how often it is read.
#[derive(Debug)]
struct Counted {
    store: MemoryStore,
    reads: AtomicUsize,
}

impl Counted {
    fn new(store: &MemoryStore) -> Arc<Self> {
        Arc::new(Self { store: store.clone(), reads: AtomicUsize::new(0) })
    }

    fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Feed for Counted {
    async fn partitions(&self) -> es_core::Result<Vec<Partition>> {
        self.store.partitions().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max: usize,
    ) -> es_core::Result<FeedPage> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Feed::read(&self.store, partition, after, max).await
    }

    async fn wait(&self, _: &PartitionId, _: &Checkpoint) -> es_core::Result<()> {
        std::future::pending().await
    }
}

/// All credits in one document.
#[derive(Debug)]
struct Totals;

impl Projector for Totals {
    const NAME: &'static str = "totals";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Statement;

    fn keys(&self, _: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        keys.push("all".to_owned());
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<Statement>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        if let AccountEvent::Credited { amount } = event.event {
            view.get_or_insert_default().balance += amount;
        }
        Ok(())
    }
}

/// The amounts 1 to 100, to three accounts in turn.
async fn many_credits(store: &MemoryStore) {
    for n in 1..=100 {
        credit(store, ["a", "b", "c"][n % 3], n as u64).await;
    }
}

/// What [`many_credits`] come to.
const ALL_CREDITS: u64 = 100 * 101 / 2;

fn amount_of(commit: &Commit) -> u64 {
    match commit.decode::<AccountEvent>().unwrap()[0].event {
        AccountEvent::Credited { amount } | AccountEvent::Debited { amount } => amount,
    }
}

#[tokio::test]
async fn views_that_are_rebuilt_together_read_the_log_once() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let (feed, shared) = (Counted::new(&store), Arc::new(store.clone()));
    let moody = projection_on(feed.clone(), &store, shared.clone(), &Mood::refusing(&[]));
    let totals = Projection::new(Totals, feed.clone(), shared.clone(), shared).unwrap();
    let (moody, totals) = (moody.with_batch_size(10), totals.with_batch_size(10));
    moody.rebuild(|_| {}).await.unwrap();
    let alone = feed.reads();
    totals.rebuild(|_| {}).await.unwrap();
    assert_eq!(feed.reads(), alone);

    let (moody, totals) = (Arc::new(moody), Arc::new(totals));
    let views = Consumers::new().with(moody.clone()).with(totals.clone());
    let mut reported = Vec::new();
    let done = views.rebuild(|view, done| reported.push((view.to_string(), done.applied))).await;
    assert_eq!(done.unwrap().iter().map(|done| done.applied).collect::<Vec<_>>(), [100, 100]);
    // Each view looks once more at the end whether something came meanwhile.
    assert!(feed.reads() <= alone + 1, "{alone} alone");
    assert!(reported.contains(&("moody_v1".to_owned(), 50)), "{reported:?}");
    assert!(reported.contains(&("totals_v1".to_owned(), 50)), "{reported:?}");
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    assert_eq!(totals.view().get("all").await.unwrap().unwrap().balance, ALL_CREDITS);
}

#[tokio::test]
async fn views_that_cannot_share_a_pass_are_rebuilt_in_one_each() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let (feed, shared) = (Counted::new(&store), Arc::new(store.clone()));
    let moody = projection_on(feed.clone(), &store, shared.clone(), &Mood::refusing(&[]));
    let totals = Projection::new(Totals, feed.clone(), shared.clone(), shared).unwrap();
    // Their steps would lead to other places.
    let (moody, totals) =
        (Arc::new(moody.with_batch_size(10)), Arc::new(totals.with_batch_size(50)));
    let views = Consumers::new().with(moody.clone()).with(totals.clone());
    let done = views.rebuild(|_, _| {}).await.unwrap();
    assert_eq!(done.iter().map(|done| done.applied).collect::<Vec<_>>(), [100, 100]);
    // Each looks once more at the end whether something came meanwhile.
    assert_eq!(feed.reads(), (10 + 1) + (2 + 1));
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    assert_eq!(totals.view().get("all").await.unwrap().unwrap().balance, ALL_CREDITS);
}

#[tokio::test]
async fn of_views_that_are_rebuilt_together_one_may_be_saved_and_the_other_not() {
    for failing in [0, 1] {
        let store = MemoryStore::new();
        many_credits(&store).await;
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        let shared = Arc::new(store.clone());
        let views = |number| -> Arc<dyn ViewStore> {
            let nth = if number == failing { 1 } else { 1_000 };
            views_failing_at(&store, Call::WriteDocuments, nth, Fault::LostRequest)
        };
        let moody = projection_on(shared.clone(), &store, views(0), &Mood::refusing(&[]));
        let totals = Projection::new(Totals, shared.clone(), shared, views(1)).unwrap();
        let moody = Arc::new(moody.with_clock(clock.clone()).with_batch_size(10));
        let totals = Arc::new(totals.with_clock(clock.clone()).with_batch_size(10));
        let both = Consumers::new().with(moody.clone()).with(totals.clone());
        let done = both.rebuild(|_, _| {}).await.unwrap();
        assert!(!clock.slept().is_empty(), "a write has failed");
        let applied: Vec<_> = done.iter().map(|done| done.applied).collect();
        assert_eq!(applied, [100, 100], "each is counted when it is saved");
        assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
        assert_eq!(totals.view().get("all").await.unwrap().unwrap().balance, ALL_CREDITS);
    }
}

/// All credits to savings in one document.
#[derive(Debug)]
struct Savings;

impl Projector for Savings {
    const NAME: &'static str = "savings";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["savings"];
    type Event = AccountEvent;
    type View = Statement;

    fn keys(&self, event: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        Totals.keys(event, keys);
    }

    fn project(
        &self,
        key: &str,
        view: &mut Option<Statement>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        Totals.project(key, view, event)
    }
}

#[tokio::test]
async fn a_page_that_one_of_several_views_cannot_take_moves_none_of_them() {
    for seed in 0..10 {
        let store = MemoryStore::new();
        // A page of ten has one commit of the account, and nine of one stream of savings.
        let savings = StreamId::new("savings", "s").unwrap();
        for n in 1..=100 {
            let stream = if n % 10 == 5 { account("a") } else { savings.clone() };
            append_to(&store, &stream, &[AccountEvent::Credited { amount: n }]).await;
        }
        let of_account: u64 = (0..10).map(|page| page * 10 + 5).sum();
        // The fourth page comes out of order; what was before it is in memory then.
        let faults = Faults::seeded(seed);
        faults.at(Call::ReadFeed, 4, Fault::Reordering);
        let feed = Arc::new(FaultyFeed::new(Arc::new(store.clone()), faults));
        let shared = Arc::new(store.clone());
        let totals = Projection::new(Totals, feed.clone(), shared.clone(), shared.clone());
        let saved = Projection::new(Savings, feed, shared.clone(), shared);
        let totals = Arc::new(totals.unwrap().with_batch_size(10));
        let saved = Arc::new(saved.unwrap().with_batch_size(10));
        let both = Consumers::new().with(totals.clone()).with(saved.clone());
        let done = both.rebuild(|_, _| {}).await.unwrap();
        assert_eq!(done.iter().map(|done| done.applied).collect::<Vec<_>>(), [10, 90], "{seed}");
        let balance = async |view: View<Statement>| view.get("all").await.unwrap().unwrap().balance;
        assert_eq!(balance(totals.view()).await, of_account, "{seed}");
        assert_eq!(balance(saved.view()).await, ALL_CREDITS - of_account, "{seed}");
    }
}

#[derive(Debug)]
struct Careless;

#[async_trait]
impl Policy for Careless {
    const NAME: &'static str = "careless";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        _: &Recorded<'_, AccountEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_policy_is_not_rebuilt_together_with_views() {
    let store = MemoryStore::new();
    credit(&store, "a", 1).await;
    let moody = Arc::new(projection(&store, &Mood::refusing(&[])));
    let careless = Reactor::on(Careless, Arc::new(store.clone())).unwrap();
    let both = Consumers::new().with(moody.clone()).with(Arc::new(careless));
    assert!(matches!(both.rebuild(|_, _| {}).await, Err(Error::Misuse(_))));
    moody.prepare().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[]), "nothing was done");
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

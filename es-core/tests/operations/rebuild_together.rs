//! Several views are built again in one pass over the log; what one of them meets keeps none of the others from theirs.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed, FaultyViewStore};
use es_core::{
    BoxError, Consumers, DeadLetterFilter, Error, Event, Policy, Projection, Projector, Reaction,
    ReactionError, Reactor, Recorded, StreamId, View, ViewStore,
};
use futures::FutureExt as _;
use serde::Deserialize;

use crate::moody::{
    Mood, account, append_to, balances, credit, expected, fold_of, projection, projection_on,
};
use crate::rebuild_in_memory::{ALL_CREDITS, counted_feed, many_credits};
use crate::support::{AccountEvent, Statement, Totals, views_failing_at, views_held_up_at};

#[tokio::test]
async fn views_that_are_rebuilt_together_read_the_log_once() {
    read_the_log_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_that_are_rebuilt_together_by_two_threads_read_the_log_once() {
    read_the_log_once().await;
}

async fn read_the_log_once() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let ((feed, reads), shared) = (counted_feed(&store), Arc::new(store.clone()));
    let moody = projection_on(feed.clone(), &store, shared.clone(), &Mood::refusing(&[]));
    let totals = Projection::new(Totals, feed.clone(), shared.clone(), shared).unwrap();
    let (moody, totals) = (moody.with_batch_size(10), totals.with_batch_size(10));
    moody.rebuild(|_| {}).await.unwrap();
    let alone = reads();
    totals.rebuild(|_| {}).await.unwrap();
    assert_eq!(reads(), 2 * alone);

    let (moody, totals) = (Arc::new(moody), Arc::new(totals));
    let views = Consumers::new().with(moody.clone()).with(totals.clone());
    let mut reported = Vec::new();
    let done = views.rebuild(|view, done| reported.push((view.to_string(), done.applied))).await;
    assert_eq!(done.unwrap().iter().map(|done| done.applied).collect::<Vec<_>>(), [100, 100]);
    // Each view looks once more at the end whether something came meanwhile.
    assert_eq!(reads(), 3 * alone + 1);
    assert!(reported.contains(&("moody_v1".to_owned(), 50)), "{reported:?}");
    assert!(reported.contains(&("totals_v1".to_owned(), 50)), "{reported:?}");
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    assert_eq!(totals.view().get("all").await.unwrap().unwrap().balance, ALL_CREDITS);
}

#[tokio::test]
async fn views_that_cannot_share_a_pass_are_rebuilt_in_one_each() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let ((feed, reads), shared) = (counted_feed(&store), Arc::new(store.clone()));
    let moody = projection_on(feed.clone(), &store, shared.clone(), &Mood::refusing(&[]));
    let totals = Projection::new(Totals, feed.clone(), shared.clone(), shared).unwrap();
    // Their steps would lead to other places.
    let (moody, totals) =
        (Arc::new(moody.with_batch_size(10)), Arc::new(totals.with_batch_size(50)));
    let views = Consumers::new().with(moody.clone()).with(totals.clone());
    let done = views.rebuild(|_, _| {}).await.unwrap();
    assert_eq!(done.iter().map(|done| done.applied).collect::<Vec<_>>(), [100, 100]);
    // Each looks once more at the end whether something came meanwhile.
    assert_eq!(reads(), (10 + 1) + (2 + 1));
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
async fn what_one_of_several_views_has_parked_is_not_handled_by_the_others() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let mood = Mood::refusing(&[57]);
    let shared = Arc::new(store.clone());
    let totals = Arc::new(Projection::on(Totals, shared.clone()).unwrap().with_batch_size(1));
    let moody = projection_on(shared.clone(), &store, shared, &mood);
    let moody = Arc::new(moody.with_batch_size(1));
    let both = Consumers::new().with(totals.clone()).with(moody.clone());
    let done = both.rebuild(|_, _| {}).await.unwrap();
    assert_eq!((done[0].applied, done[0].parked), (100, 0));
    // All amounts from 57 on that go to the same account.
    assert_eq!((done[1].applied, done[1].parked), (100 - 15, 15));
    let waited = moody.wait_for_version(&account("a"), 19.into(), Duration::MAX).await;
    assert!(matches!(waited, Err(Error::Parked { .. })), "{waited:?}");
    mood.refuse(&[]);
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_view_that_somebody_else_builds_keeps_no_other_from_its_place() {
    for overtaken_first in [true, false] {
        let store = MemoryStore::new();
        many_credits(&store).await;
        let faults = Faults::none();
        let views = Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults.clone()));
        let shared = Arc::new(store.clone());
        // Two pages are saved then, as far as that goes.
        let torn = Faults::none();
        torn.at(Call::ReadFeed, 3, Fault::LostRequest);
        let feed = Arc::new(FaultyFeed::new(shared.clone(), torn));
        let moody = projection_on(feed.clone(), &store, views, &Mood::refusing(&[]));
        let moody = Arc::new(moody.with_batch_size(10));
        let ours = Projection::new(Totals, feed, shared.clone(), shared.clone()).unwrap();
        let ours = Arc::new(ours.with_batch_size(10));
        let totals = || Projection::on(Totals, shared.clone()).unwrap();
        let others = totals();
        let both = match overtaken_first {
            true => Consumers::new().with(ours).with(moody.clone()),
            false => Consumers::new().with(moody.clone()).with(ours),
        };
        let mut is_overtaken = false;
        let done = both.rebuild(|_, _| {
            if !std::mem::replace(&mut is_overtaken, true) {
                // Memory answers at once.
                others.rebuild(|_| {}).now_or_never().unwrap().unwrap();
            }
        });
        assert!(matches!(done.await, Err(Error::Fenced { .. })));
        assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
        assert_eq!(totals().view().get("all").await.unwrap().unwrap().balance, ALL_CREDITS);
        assert_eq!(faults.calls(Call::WriteDocuments), 2, "it went on in memory");
    }
}

#[tokio::test]
async fn views_that_share_no_pass_are_begun_one_after_the_other() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let shared = Arc::new(store.clone());
    let totals = || Projection::on(Totals, shared.clone()).unwrap().with_batch_size(50);
    let moody = Arc::new(projection(&store, &Mood::refusing(&[])).with_batch_size(10));
    let others = totals();
    let both = Consumers::new().with(moody.clone()).with(Arc::new(totals()));
    let done = both.rebuild(|view, _| {
        if view == moody.id() {
            // It would be fenced by one that has begun before it, and fence it.
            others.rebuild(|_| {}).now_or_never().unwrap().unwrap();
        }
    });
    let done = done.await.unwrap();
    assert_eq!(done.iter().map(|done| done.applied).collect::<Vec<_>>(), [100, 100]);
}

#[tokio::test]
async fn views_are_saved_one_after_the_other() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let (held_up, hold_up) = views_held_up_at(&store, Call::WriteDocuments, 1);
    let faults = Faults::none();
    let second = Arc::new(FaultyViewStore::new(Arc::new(store.clone()), faults.clone()));
    let shared = Arc::new(store.clone());
    let moody = projection_on(shared.clone(), &store, held_up, &Mood::refusing(&[]));
    let totals = Projection::new(Totals, shared.clone(), shared, second).unwrap();
    let both = Consumers::new().with(Arc::new(moody)).with(Arc::new(totals));
    let (done, ()) = futures::join!(both.rebuild(|_, _| {}), async {
        hold_up.reached().await;
        assert_eq!(faults.calls(Call::WriteDocuments), 0, "its turn has not come");
        hold_up.let_go();
    });
    done.unwrap();
    assert_eq!(faults.calls(Call::WriteDocuments), 1);
}

thread_local! {
    /// How many amounts this thread has decoded.
    static DECODED: Cell<usize> = const { Cell::new(0) };
}

#[derive(Debug)]
struct Amount(u64);

impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        DECODED.set(DECODED.get() + 1);
        u64::deserialize(from).map(Self)
    }
}

/// An account's event, counted when it is decoded.
#[derive(Debug, Event)]
#[event(prefix = "Account")]
enum CountedEvent {
    Credited { amount: Amount },
}

#[derive(Debug)]
struct Sums<const VERSION: u32>;

impl<const V: u32> Projector for Sums<V> {
    const NAME: &'static str = "sums";
    const VERSION: u32 = V;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = CountedEvent;
    type View = u64;

    fn project(
        &self,
        _: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, CountedEvent>,
    ) -> Result<(), BoxError> {
        let CountedEvent::Credited { amount } = &event.event;
        *view.get_or_insert_default() += amount.0;
        Ok(())
    }
}

#[tokio::test]
async fn views_of_one_type_of_events_that_are_rebuilt_together_decode_each_once() {
    let store = MemoryStore::new();
    many_credits(&store).await;
    let shared = Arc::new(store.clone());
    let one = Arc::new(Projection::on(Sums::<1>, shared.clone()).unwrap());
    let two = Arc::new(Projection::on(Sums::<2>, shared).unwrap());
    let both = Consumers::new().with(one.clone()).with(two.clone());
    let before = DECODED.get();
    both.rebuild(|_, _| {}).await.unwrap();
    assert_eq!(DECODED.get() - before, 100);
    let (one, two) = (one.view().get("a").await.unwrap(), two.view().get("a").await.unwrap());
    let log = fold_of(&store, |_| false).await;
    assert_eq!((one, two), (Some(log["a"]), Some(log["a"])));
}

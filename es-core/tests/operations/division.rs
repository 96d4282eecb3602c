//! Steps that are too large for the store are taken in parts.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault};
use es_core::{
    BoxError, DeadLetterFilter, Error, Projection, Projector, Recorded, RewindTo, Version,
    ViewQuery,
};

use crate::moody::{
    Mood, account, balances, credit, credit_all, fold_of, parked, projection, projection_on,
};
use crate::support::{AccountEvent, views_failing_at};

/// Thirty streams of three commits each.
async fn filled(max_step_items: usize) -> MemoryStore {
    let store = MemoryStore::with_max_step_items(max_step_items);
    for round in 0..3 {
        for n in 0..30 {
            credit(&store, &format!("{n:02}"), 1 + round * 30 + n).await;
        }
    }
    store
}

#[tokio::test]
async fn a_page_that_is_too_large_for_one_step_is_taken_in_several() {
    // Three is a position, a stream and its document.
    for max_step_items in [3, 4, 10, 61, 62] {
        let store = filled(max_step_items).await;
        let moody = projection(&store, &Mood::refusing(&[]));
        let caught_up = moody.catch_up().await.unwrap();
        assert_eq!((caught_up.applied, caught_up.passed), (90, 90), "{max_step_items}");
        let expected = fold_of(&store, |_| false).await;
        assert_eq!(balances(&moody.view()).await, expected, "{max_step_items}");
        assert_eq!(moody.catch_up().await.unwrap().applied, 0, "{max_step_items}");
    }
}

/// Keeps a document for each event, as the mood allows.
#[derive(Debug)]
struct Movements(Mood);

impl Projector for Movements {
    const NAME: &'static str = "movements";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = u64;

    fn keys(&self, event: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        keys.push(format!("{:03}", event.version().get()));
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        *view = Some(self.0.check(amount)?);
        Ok(())
    }
}

impl Movements {
    async fn listed(movements: &Projection<Self>) -> Vec<u64> {
        let listed = movements.view().list(&ViewQuery::default()).await.unwrap();
        listed.into_iter().map(|(_, amount)| amount).collect()
    }
}

#[tokio::test]
async fn a_page_of_one_stream_is_divided_between_its_commits() {
    let store = MemoryStore::with_max_step_items(7);
    for amount in 1..=40 {
        credit(&store, "a", amount).await;
    }
    let movements = Projection::on(Movements(Mood::refusing(&[])), Arc::new(store)).unwrap();
    assert_eq!(movements.catch_up().await.unwrap().applied, 40);
    assert_eq!(Movements::listed(&movements).await, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_held_in_one_part_holds_its_stream_in_the_next() {
    let store = MemoryStore::with_max_step_items(7);
    for amount in 1..=40 {
        credit(&store, "a", amount).await;
    }
    let mood = Mood::refusing(&[3]);
    let movements = Projection::on(Movements(mood), Arc::new(store)).unwrap();
    movements.catch_up().await.unwrap();
    let third = Version::new(3);
    movements.drop_dead_letter(&account("a"), third, "a test").await.unwrap();
    movements.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    let all_but_the_third: Vec<u64> = (1..=40).filter(|amount| *amount != 3).collect();
    assert_eq!(Movements::listed(&movements).await, all_but_the_third);
    // What was given up is passed, and those behind it in the part come in the next step only.
    movements.rewind(RewindTo::Start, |_| {}).await.unwrap();
    movements.catch_up().await.unwrap();
    assert_eq!(Movements::listed(&movements).await, all_but_the_third);
}

#[tokio::test]
async fn letters_that_are_too_many_for_one_step_are_parked_in_several() {
    // The streams and their documents would fit; that all of them fail is seen too late to count.
    let store = filled(61).await;
    let mood = Mood::refusing(&(0..=90).collect::<Vec<_>>());
    let moody = projection(&store, &mood);
    let caught_up = moody.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (0, 90));
    assert_eq!(parked(&moody).await.len(), 90);
    mood.refuse(&[]);
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_commit_that_no_step_has_room_for_is_parked() {
    /// Copies each account so often.
    struct Copies(u64);

    impl Projector for Copies {
        const NAME: &'static str = "copies";
        const VERSION: u32 = 1;
        const CATEGORIES: &'static [&'static str] = &["account"];
        type Event = AccountEvent;
        type View = u64;

        fn keys(&self, event: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
            let AccountEvent::Credited { amount } = event.event else { return };
            keys.extend((0..amount).map(|n| format!("{}-{n}", event.aggregate_id())));
        }

        fn project(
            &self,
            _: &str,
            view: &mut Option<u64>,
            _: &Recorded<'_, AccountEvent>,
        ) -> Result<(), BoxError> {
            *view.get_or_insert(0) += self.0;
            Ok(())
        }
    }

    let store = MemoryStore::with_max_step_items(10);
    credit_all(&store, &[("a", 2), ("b", 3), ("b", 50), ("b", 1), ("c", 8)]).await;
    let copies = Projection::on(Copies(1), Arc::new(store.clone())).unwrap();
    let caught_up = copies.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (3, 2));
    let letters = copies.dead_letters(&Default::default()).await.unwrap();
    let failure = letters[0].failure.as_ref().unwrap();
    assert!(failure.error.contains("too large"), "{}", failure.error);
    let retried = copies.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!((retried.handled, retried.failed.len()), (0, 1), "it fails in the same way again");
    let keys = copies.view().list(&ViewQuery::default()).await.unwrap();
    assert_eq!(keys.len(), 2 + 3 + 8);
}

#[tokio::test]
async fn what_fails_between_two_parts_comes_again_and_has_its_effect_once() {
    for call in 1..=4 {
        for fault in [Fault::LostRequest, Fault::LostAcknowledgement] {
            let store = filled(20).await;
            let views = views_failing_at(&store, Call::WriteDocuments, call, fault);
            let mood = Mood::refusing(&[]);
            let moody = projection_on(Arc::new(store.clone()), &store, views, &mood);
            let failed = moody.catch_up().await;
            assert!(matches!(failed, Err(Error::Unavailable { .. })), "{call} {fault:?}");
            moody.catch_up().await.unwrap();
            let expected = fold_of(&store, |_| false).await;
            assert_eq!(balances(&moody.view()).await, expected, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_store_without_a_limit_takes_a_page_in_one_step() {
    let store = filled(usize::MAX).await;
    let views = views_failing_at(&store, Call::WriteDocuments, 2, Fault::LostRequest);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &Mood::refusing(&[]));
    assert_eq!(moody.catch_up().await.unwrap().applied, 90, "there is no second write");
}

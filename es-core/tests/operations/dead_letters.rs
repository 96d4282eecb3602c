//! What fails for good is parked with everything behind it; nothing is lost, and the order is kept.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault};
use es_core::{
    Backoff, BoxError, CheckpointStore as _, DeadLetterFilter, DeadLetterQuery, DeadLetterState,
    Error, Event, ExecuteOptions, Policy, Projection, Projector, Reaction, ReactionError, Reactor,
    Recorded, Repository, Version,
};

use crate::moody::{
    Mood, account, append_all, balances, credit, credit_all, expected, fold_of, parked, projection,
    projection_on,
};
use crate::support::{
    Account, AccountCommand, AccountEvent, Statement, credited, scrambled_feed, views_failing_at,
    views_held_up_at,
};

const HISTORY: &[(&str, u64)] = &[("a", 1), ("b", 13), ("a", 2), ("b", 3), ("c", 4), ("b", 5)];

#[tokio::test]
async fn the_failed_commit_and_the_later_ones_of_its_stream_are_parked_and_others_flow() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let mood = Mood::refusing(&[13]);
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let moody = projection(&store, &mood).with_batch_size(2).with_clock(clock);
    let done = moody.catch_up().await.unwrap();
    assert_eq!((done.applied, done.parked, done.remaining), (3, 3, Some(0)));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3), ("c", 4)]));
    assert_eq!(
        parked(&moody).await,
        [("b".into(), 1, true), ("b".into(), 2, false), ("b".into(), 3, false)]
    );
    let letters = moody.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    let failure = letters[0].failure.as_ref().unwrap();
    assert!(failure.error.contains("13 is bad luck"), "{}", failure.error);
    assert_eq!((failure.attempts, failure.version.get()), (1, 1));
    assert_eq!(failure.last_attempt_at.to_string(), "2026-01-01T00:00:00Z");

    credit_all(&store, &[("b", 6), ("a", 7)]).await;
    assert_eq!(moody.catch_up().await.unwrap().applied, 1);
    assert_eq!(parked(&moody).await.len(), 4, "later ones wait behind");
}

#[tokio::test]
async fn a_letter_has_the_commit_as_it_was_delivered() {
    let store = MemoryStore::new();
    let poison = credit(&store, "a", 13).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    let letters = moody.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    assert_eq!(letters[0].commit, poison);
}

#[tokio::test]
async fn after_a_fix_a_retry_keeps_the_order() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    mood.refuse(&[]);
    let retried = moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!((retried.handled, retried.freed), (3, vec![account("b")]));
    assert_eq!(retried.failed, []);
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    assert_eq!(parked(&moody).await, []);
    credit(&store, "b", 8).await;
    assert_eq!(moody.catch_up().await.unwrap().applied, 1, "the stream flows again");
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_retry_that_fails_again_counts_the_attempts_and_stops_there() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("a", 2), ("a", 14), ("a", 3)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    for attempts in 2..=3 {
        let retried = moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
        assert_eq!((retried.handled, retried.failed.len()), (0, 1));
        let letters = moody.dead_letters(&DeadLetterQuery::default()).await.unwrap();
        assert_eq!(letters[0].failure.as_ref().unwrap().attempts, attempts);
    }
    mood.refuse(&[14]);
    let retried = moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(retried.handled, 2);
    assert_eq!(retried.failed[0].0, account("a"));
    assert!(retried.failed[0].1.contains("14 is bad luck"));
    assert_eq!(parked(&moody).await, [("a".into(), 3, true), ("a".into(), 4, false)]);
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 15)]));
}

#[tokio::test]
async fn a_retry_that_fails_late_does_not_park_what_another_has_handled() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("a", 2)]).await;
    let old = Mood::refusing(&[13]);
    projection(&store, &old).catch_up().await.unwrap();
    let (held_up, hold_up) = views_held_up_at(&store, Call::WriteDocuments, 1);
    let slow = projection_on(Arc::new(store.clone()), &store, held_up, &old);
    let fixed = projection(&store, &Mood::refusing(&[]));
    let all = DeadLetterFilter::all();
    let (slow, ()) = futures::join!(slow.retry_dead_letters(&all), async {
        hold_up.reached().await;
        assert_eq!(fixed.retry_dead_letters(&all).await.unwrap().handled, 2);
        hold_up.let_go();
    });
    assert_eq!(slow.unwrap().failed, []);
    assert_eq!(parked(&fixed).await, []);
    assert_eq!(balances(&fixed.view()).await, expected(&[("a", 15)]));
}

#[tokio::test]
async fn a_long_sequence_is_tried_again_in_steps() {
    let store = MemoryStore::new();
    credit(&store, "a", 13).await;
    for _ in 0..250 {
        credit(&store, "a", 1).await;
    }
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    mood.refuse(&[]);
    let retried = moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!((retried.handled, retried.freed), (251, vec![account("a")]));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 263)]));
}

#[tokio::test]
async fn a_letter_that_is_missing_in_the_store_is_noticed() {
    use es_core::{CheckpointStore, DeadLetterChange, Progress};
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("a", 2), ("a", 3)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    mood.refuse(&[]);
    let mut damage = Progress::new(moody.id().clone(), None);
    let (stream, version) = (account("a"), Version::new(2));
    damage.dead_letters.push(DeadLetterChange::Remove { stream, version });
    CheckpointStore::save(&store, damage).await.unwrap();
    let retried = moody.retry_dead_letters(&DeadLetterFilter::all()).await;
    assert!(matches!(retried, Err(Error::Gap { .. })), "{retried:?}");
    assert_eq!(parked(&moody).await.len(), 2);
}

#[tokio::test]
async fn a_retry_can_be_for_one_stream_or_for_those_that_match() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("b", 14), ("c", 13), ("d", 13)]).await;
    let mood = Mood::refusing(&[13, 14]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    mood.refuse(&[]);
    let freed =
        async |filter: DeadLetterFilter| moody.retry_dead_letters(&filter).await.unwrap().freed;
    assert_eq!(freed(DeadLetterFilter::stream(account("c"))).await, [account("c")]);
    let filter = |event: &str| DeadLetterFilter {
        category: Some("account".into()),
        event: Some(event.into()),
        error_contains: Some("13 is".into()),
        ..DeadLetterFilter::all()
    };
    assert_eq!(freed(filter("Account:Debited")).await, []);
    let other = DeadLetterFilter { category: Some("order".into()), ..DeadLetterFilter::all() };
    assert_eq!(freed(other).await, []);
    assert_eq!(freed(filter("Account:Credited")).await, [account("a"), account("d")]);
    assert_eq!(parked(&moody).await, [("b".into(), 1, true)]);
}

#[tokio::test]
async fn a_dropped_commit_has_no_effect_and_the_later_ones_wait_for_a_retry() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    let dropped = moody
        .drop_dead_letter(&account("b"), Version::FIRST, "a test booking")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(dropped.commit.first_version().get(), 1);
    assert_eq!(parked(&moody).await, [("b".into(), 2, false), ("b".into(), 3, false)]);
    credit(&store, "b", 20).await;
    assert_eq!(moody.catch_up().await.unwrap().applied, 0, "the order is kept");
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3), ("b", 28), ("c", 4)]));

    let records = DeadLetterQuery::default().state(DeadLetterState::Dropped);
    let records = moody.dead_letters(&records).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].dropped.as_ref().unwrap().reason, "a test booking");
    assert!(records[0].failure.is_some());
}

#[tokio::test]
async fn a_drop_that_is_repeated_gives_up_nothing_more() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("a", 2), ("a", 3)]).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    let a = account("a");
    let early = moody.drop_dead_letter(&a, Version::new(2), "it only waits").await;
    assert!(matches!(early, Err(Error::Misuse(_))), "{early:?}");
    let first = moody.drop_dead_letter(&a, Version::FIRST, "bad luck").await.unwrap().unwrap();
    let again = moody.drop_dead_letter(&a, Version::FIRST, "bad luck!").await.unwrap().unwrap();
    assert_eq!(again.commit, first.commit);
    assert_eq!(again.dropped.unwrap().reason, "bad luck");
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert!(moody.drop_dead_letter(&a, Version::FIRST, "late").await.unwrap().is_some());
    assert_eq!(moody.drop_dead_letter(&a, Version::new(2), "late").await.unwrap(), None);
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 5)]));
}

#[tokio::test]
async fn a_letter_that_another_operator_drops_in_the_middle_of_a_retry_is_no_gap() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("a", 2)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    // It has seen how far the stream has come, and not yet its letters.
    let (held_up, hold_up) = views_held_up_at(&store, Call::ListDeadLetters, 2);
    let retrying = projection_on(Arc::new(store.clone()), &store, held_up, &mood);
    let all = DeadLetterFilter::all();
    let (retried, ()) = futures::join!(retrying.retry_dead_letters(&all), async {
        hold_up.reached().await;
        moody.drop_dead_letter(&account("a"), Version::FIRST, "bad luck").await.unwrap();
        hold_up.let_go();
    });
    assert_eq!(retried.unwrap().handled, 1);
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 2)]));
}

#[tokio::test]
async fn a_drop_needs_a_reason_and_something_to_drop() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13)]).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    for reason in ["", "  ", &"x".repeat(1_001)] {
        let refused = moody.drop_dead_letter(&account("a"), Version::FIRST, reason).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    }
    assert_eq!(
        moody.drop_dead_letter(&account("other"), Version::FIRST, "why not").await.unwrap(),
        None
    );
    assert_eq!(parked(&moody).await.len(), 1);
}

#[tokio::test]
async fn no_more_is_parked_than_the_limit_and_nothing_is_lost() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("b", 1), ("a", 2), ("a", 3), ("b", 4)]).await;
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood).with_batch_size(1).with_dead_letter_limit(2);
    for _ in 0..2 {
        match moody.run(std::future::pending()).await.unwrap_err() {
            Error::DeadLettersFull { stream, letters: 2, limit: 2, .. } => {
                assert_eq!(stream, account("a"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(balances(&moody.view()).await, expected(&[("b", 1)]), "it has stopped");
    let moody = projection(&store, &mood).with_batch_size(1);
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("b", 5)]));
    mood.refuse(&[]);
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn when_dead_letters_cannot_be_kept_the_projection_does_not_move_on() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    for fault in [Fault::LostRequest, Fault::LostAcknowledgement] {
        let views = views_failing_at(&store, Call::WriteDocuments, 1, fault);
        let feed = Arc::new(store.clone());
        let moody = projection_on(feed, &store, views, &Mood::refusing(&[13]));
        assert!(matches!(moody.catch_up().await, Err(Error::Unavailable { .. })));
        moody.catch_up().await.unwrap();
        assert_eq!(parked(&moody).await.len(), 3);
        assert_eq!(balances(&moody.view()).await, expected(&[("a", 3), ("c", 4)]));
        es_core::CheckpointStore::reset(&store, moody.id()).await.unwrap();
        let name = es_core::ViewName::new("moody_v1").unwrap();
        es_core::ViewStore::clear(&store, &name, moody.id()).await.unwrap();
    }
}

#[tokio::test]
async fn a_commit_that_fails_in_its_second_event_leaves_no_trace_of_its_first() {
    let store = MemoryStore::new();
    credit(&store, "a", 1).await;
    let poison = [credited(2), credited(13), credited(3)];
    append_all(&store, "a", &poison).await;
    credit(&store, "b", 4).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 1), ("b", 4)]));
    let letters = moody.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    assert_eq!(letters[0].failure.as_ref().unwrap().version.get(), 3, "the event that failed");
}

#[tokio::test]
async fn of_several_failures_in_a_stream_the_first_is_the_one_that_the_others_wait_for() {
    let store = MemoryStore::new();
    credit(&store, "a", 1).await;
    credit(&store, "a", 13).await;
    // Cannot even be decoded, which is noticed before anything is projected.
    append_all(&store, "a", &[LaterEvent::Credited { cents: 1 }]).await;
    append_all(&store, "a", &[credited(13)]).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    assert_eq!(
        parked(&moody).await,
        [("a".into(), 2, true), ("a".into(), 3, false), ("a".into(), 4, false)]
    );
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 1)]));
}

#[tokio::test]
async fn what_another_worker_has_handled_meanwhile_is_not_parked() {
    let store = MemoryStore::new();
    let old = Mood::refusing(&[13]);
    let (held_up, hold_up) = views_held_up_at(&store, Call::WriteDocuments, 1);
    // Inline, beside the feed: no place in a partition fences it.
    let inline = Arc::new(projection_on(Arc::new(store.clone()), &store, held_up, &old));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(inline);
    let fixed = projection(&store, &Mood::refusing(&[]));
    let (receipt, ()) = futures::join!(accounts.execute("a", AccountCommand::Credit(13)), async {
        hold_up.reached().await;
        fixed.catch_up().await.unwrap();
        hold_up.let_go();
    });
    assert!(receipt.unwrap().inline_error().is_none());
    assert_eq!(parked(&fixed).await, []);
    assert_eq!(balances(&fixed.view()).await, expected(&[("a", 13)]));
}

/// One document for all accounts, which panics, names bad keys, or makes documents that are none.
#[derive(Debug)]
struct Nasty;

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Tally {
    sum: u64,
    #[serde(serialize_with = "refuse_99")]
    last: u64,
}

fn refuse_99<S: serde::Serializer>(last: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if *last == 99 {
        return Err(serde::ser::Error::custom("99 cannot be written"));
    }
    serializer.serialize_u64(*last)
}

impl Projector for Nasty {
    const NAME: &'static str = "nasty";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Tally;

    fn keys(&self, event: &Recorded<'_, AccountEvent>, keys: &mut Vec<String>) {
        match event.event {
            AccountEvent::Credited { amount: 66 } => keys.push("a\nb".into()),
            AccountEvent::Credited { amount: 67 } => panic!("sixty-seven"),
            _ => keys.push("all".into()),
        }
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<Tally>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        assert_ne!(amount, 68, "sixty-eight");
        let tally = view.get_or_insert_default();
        tally.sum += amount;
        tally.last = amount;
        Ok(())
    }
}

#[tokio::test]
async fn panics_bad_keys_and_documents_that_cannot_be_written_concern_one_stream_only() {
    let store = MemoryStore::new();
    for (id, amount) in [("a", 1), ("b", 66), ("c", 67), ("d", 68), ("e", 2), ("f", 99), ("b", 3)] {
        credit(&store, id, amount).await;
    }
    let shared = Arc::new(store.clone());
    let nasty = Projection::new(Nasty, shared.clone(), shared.clone(), shared).unwrap();
    let done = nasty.catch_up().await.unwrap();
    assert_eq!((done.applied, done.parked), (2, 5));
    assert_eq!(nasty.view().get("all").await.unwrap().unwrap().sum, 3);
    let letters = nasty.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    let errors: Vec<(&str, &str)> = letters
        .iter()
        .map(|l| (l.commit.stream().id(), l.failure.as_ref().map_or("", |f| f.error.as_str())))
        .collect();
    let has = |id, text| errors.iter().any(|(of, error)| *of == id && error.contains(text));
    assert!(has("b", "view key"), "{errors:?}");
    assert!(has("c", "it panicked: sixty-seven"), "{errors:?}");
    assert!(has("d", "sixty-eight"), "{errors:?}");
    assert!(has("f", "99 cannot be written"), "{errors:?}");
}

/// A document that is written once: it can be read, and not be written again.
#[derive(Debug, Default)]
struct Once {
    was_stored: bool,
}

impl serde::Serialize for Once {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.was_stored {
            true => Err(serde::ser::Error::custom("once is enough")),
            false => serializer.serialize_unit(),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Once {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self { was_stored: true })
    }
}

#[derive(Debug)]
struct Seals;

impl Projector for Seals {
    const NAME: &'static str = "seals";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Once;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Once>,
        _: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default();
        Ok(())
    }
}

#[tokio::test]
async fn a_stored_document_that_cannot_be_written_again_parks_the_commit_that_changes_it() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 1), ("b", 1)]).await;
    let shared = Arc::new(store.clone());
    let seals = Projection::new(Seals, shared.clone(), shared.clone(), shared).unwrap();
    assert_eq!(seals.catch_up().await.unwrap().applied, 2);
    credit_all(&store, &[("a", 2), ("c", 1)]).await;
    let done = seals.catch_up().await.unwrap();
    assert_eq!((done.applied, done.parked), (1, 1));
    let letters = seals.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    let failure = letters[0].failure.as_ref().unwrap();
    assert!(failure.error.contains("once is enough"), "{}", failure.error);
}

/// An amount whose decoding panics for 13, as a bug in an upcaster does.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Touchy(u64);

impl<'de> serde::Deserialize<'de> for Touchy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = u64::deserialize(deserializer)?;
        assert_ne!(amount, 13, "thirteen");
        Ok(Self(amount))
    }
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Account")]
pub(crate) enum TouchyEvent {
    Credited { amount: Touchy },
    Debited { amount: u64 },
}

/// Counts movements of events that cannot all be decoded.
#[derive(Debug)]
pub(crate) struct Movements;

impl Projector for Movements {
    const NAME: &'static str = "movements";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = TouchyEvent;
    type View = Statement;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Statement>,
        _: &Recorded<'_, TouchyEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default().movements += 1;
        Ok(())
    }
}

#[tokio::test]
async fn a_panic_while_an_event_is_decoded_concerns_one_stream_only() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 13), ("b", 1)]).await;
    let shared = Arc::new(store);
    let movements = Projection::new(Movements, shared.clone(), shared.clone(), shared).unwrap();
    let done = movements.catch_up().await.unwrap();
    assert_eq!((done.applied, done.parked), (1, 1));
    assert_eq!(movements.view().get("b").await.unwrap().unwrap().movements, 1);
    let letters = movements.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    let failure = letters[0].failure.as_ref().unwrap();
    assert!(failure.error.contains("thirteen"), "{}", failure.error);
}

#[tokio::test]
async fn waiting_for_a_parked_stream_ends_at_once() {
    let store = MemoryStore::new();
    let poison = credit(&store, "a", 13).await;
    let moody = projection(&store, &Mood::refusing(&[13]));
    moody.catch_up().await.unwrap();
    let forever = Duration::from_secs(86_400);
    let waited = moody.wait_for_version(poison.stream(), poison.last_version(), forever).await;
    match waited {
        Err(Error::Parked { stream, .. }) => assert_eq!(stream, account("a")),
        other => panic!("{other:?}"),
    }
}

/// The same events as [`AccountEvent`], as a later program writes them.
#[derive(Debug, Clone, PartialEq, es_core::Event)]
#[event(prefix = "Account")]
enum LaterEvent {
    #[event(version = 2, upcast(from = 1, with = in_cents))]
    Credited { cents: u64 },
}

#[derive(serde::Deserialize)]
struct InUnits {
    amount: u64,
}

fn in_cents(old: InUnits) -> LaterEvent {
    LaterEvent::Credited { cents: old.amount * 100 }
}

#[derive(Debug)]
struct Cents;

impl Projector for Cents {
    const NAME: &'static str = "moody";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = LaterEvent;
    type View = Statement;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Statement>,
        event: &Recorded<'_, LaterEvent>,
    ) -> Result<(), BoxError> {
        let LaterEvent::Credited { cents } = event.event;
        view.get_or_insert_default().balance += cents;
        Ok(())
    }
}

#[tokio::test]
async fn an_event_that_is_newer_than_the_program_waits_for_a_program_that_knows_it() {
    use es_core::{Codec, CommitId, Compression, EncodedEvents, EventStore, Expected, NewCommit};
    let store = MemoryStore::new();
    let newer = [LaterEvent::Credited { cents: 250 }];
    let encoded = EncodedEvents::encode(&newer, Codec::Json, Compression::None, 0).unwrap();
    let id = CommitId::from_bytes([1; 16]);
    let commit = NewCommit::new(id, es_core::Timestamp::UNIX_EPOCH, Default::default(), encoded);
    store.append(&account("a"), Expected::NoStream, commit).await.unwrap();
    credit(&store, "b", 1).await;
    let old = projection(&store, &Mood::refusing(&[13]));
    old.catch_up().await.unwrap();
    credit(&store, "b", 13).await;
    old.catch_up().await.unwrap();
    assert_eq!(parked(&old).await, [("a".into(), 1, true), ("b".into(), 2, true)]);

    let shared = Arc::new(store.clone());
    let new = Projection::new(Cents, shared.clone(), shared.clone(), shared).unwrap();
    let retried = new.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(retried.handled, 2);
    let view = balances(&new.view()).await;
    assert_eq!(view, expected(&[("a", 250), ("b", 1 + 1_300)]), "read through the upcaster");
}

/// Fails transiently for one account, permanently for another, and counts what it is asked.
#[derive(Debug)]
struct Fussy {
    accounts: Repository<Account>,
    mood: Mood,
    unreachable: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl Policy for Fussy {
    const NAME: &'static str = "fussy";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        if event.aggregate_id().starts_with("bonus") {
            return Ok(());
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let fails = |left| Some(u32::saturating_sub(left, 1));
        if event.aggregate_id() == "far"
            && self.unreachable.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) != Ok(0)
        {
            return Err(ReactionError::transient("nobody answers"));
        }
        let amount = self.mood.check(amount).map_err(ReactionError::permanent)?;
        let bonus = format!("bonus-{}", event.aggregate_id());
        let credit = AccountCommand::Credit(amount);
        let options: ExecuteOptions = reaction.options(0)?;
        self.accounts.execute_with(&bonus, credit, options).await?;
        Ok(())
    }
}

struct Office {
    store: MemoryStore,
    mood: Mood,
    unreachable: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

impl Office {
    async fn with(credits: &[(&str, u64)]) -> Self {
        let store = MemoryStore::new();
        credit_all(&store, credits).await;
        let (unreachable, asked) = (Arc::default(), Arc::default());
        Self { store, mood: Mood::refusing(&[13]), unreachable, asked }
    }

    fn reactor(&self) -> Reactor<Fussy> {
        let shared = Arc::new(self.store.clone());
        let policy = Fussy {
            accounts: Repository::new(shared.clone()),
            mood: self.mood.clone(),
            unreachable: Arc::clone(&self.unreachable),
            asked: Arc::clone(&self.asked),
        };
        let at_once = Backoff { base: Duration::ZERO, max: Duration::ZERO };
        Reactor::new(policy, shared.clone(), shared.clone(), shared).unwrap().with_backoff(at_once)
    }

    async fn bonus(&self, id: &str) -> u64 {
        let accounts = Repository::<Account>::new(Arc::new(self.store.clone()));
        accounts.load(&format!("bonus-{id}")).await.unwrap().balance
    }
}

#[tokio::test]
async fn a_policys_commit_that_fails_for_good_is_parked_too() {
    let office = Office::with(&[("a", 13), ("b", 1), ("a", 2)]).await;
    let reactor = office.reactor();
    reactor.catch_up().await.unwrap();
    assert_eq!((office.bonus("a").await, office.bonus("b").await), (0, 1));
    office.mood.refuse(&[]);
    let retried = reactor.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(retried.handled, 2);
    assert_eq!((office.bonus("a").await, office.bonus("b").await), (15, 1));
}

#[tokio::test]
async fn a_stream_with_a_transient_error_holds_up_no_other_of_its_batch() {
    let office = Office::with(&[("far", 1), ("b", 2), ("far", 3)]).await;
    office.unreachable.store(1, Ordering::SeqCst);
    let reactor = office.reactor();
    let error = reactor.catch_up().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!((office.bonus("far").await, office.bonus("b").await), (0, 2));
    let asked = office.asked.load(Ordering::SeqCst);
    reactor.catch_up().await.unwrap();
    assert_eq!(office.asked.load(Ordering::SeqCst) - asked, 2, "b is not asked again");
    assert_eq!((office.bonus("far").await, office.bonus("b").await), (4, 2));
}

#[tokio::test]
async fn a_transient_error_is_parked_after_so_many_attempts_if_one_wishes() {
    let office = Office::with(&[("far", 1), ("b", 2)]).await;
    office.unreachable.store(100, Ordering::SeqCst);
    let reactor = Arc::new(office.reactor().with_max_attempts(3));
    let mut workers = es_core::Workers::new();
    workers.start(Arc::clone(&reactor));
    let minute = Duration::from_secs(60);
    let waited = reactor.wait_for_version(&account("far"), Version::FIRST, minute).await;
    assert!(matches!(waited, Err(Error::Parked { .. })), "{waited:?}");
    workers.shutdown().await.unwrap();
    let letters = reactor.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    let failure = letters[0].failure.as_ref().unwrap();
    assert_eq!((letters.len(), failure.attempts), (1, 3));
    assert!(failure.error.contains("nobody answers"), "{}", failure.error);
    office.unreachable.store(0, Ordering::SeqCst);
    reactor.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(office.bonus("far").await, 1);
}

#[tokio::test]
async fn attempts_are_counted_anew_when_a_commit_comes_again() {
    let office = Office::with(&[("far", 1)]).await;
    office.unreachable.store(100, Ordering::SeqCst);
    let reactor = office.reactor().with_max_attempts(2);
    let parked = async || reactor.health().await.unwrap().dead_letters;
    reactor.catch_up().await.unwrap_err();
    assert_eq!((reactor.catch_up().await.unwrap().parked, parked().await), (1, 1));
    // Set back by hand.
    office.store.reset(reactor.id()).await.unwrap();
    assert_eq!(parked().await, 0);
    reactor.catch_up().await.unwrap_err();
    assert_eq!(parked().await, 0, "it was the first attempt");
    assert_eq!((reactor.catch_up().await.unwrap().parked, parked().await), (1, 1));
}

/// Random histories, failures, retries, drops, crashes and deliveries out of order: in the end, with
/// everything fixed and tried again, the view shows the log without what was dropped.
#[tokio::test]
async fn whatever_happens_in_between_nothing_is_lost_and_nothing_twice() {
    for seed in 0..150 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let store = MemoryStore::new();
        let mood = Mood::refusing(&[]);
        let mut dropped = BTreeSet::new();
        let feed = scrambled_feed(&store, seed);
        credit(&store, "a", 1).await;
        for _ in 0..40 {
            let fault = if rng.bool() { Fault::LostRequest } else { Fault::LostAcknowledgement };
            let views = views_failing_at(&store, Call::WriteDocuments, rng.u64(1..12), fault);
            let moody =
                projection_on(feed.clone(), &store, views, &mood).with_batch_size(rng.usize(1..9));
            let id = ["a", "b", "c", "d"][rng.usize(..4)];
            // Each turn is a process of its own: the next one goes on.
            match rng.u32(..6) {
                0 | 1 => credit_all(&store, &[(id, rng.u64(1..20)), (id, 50)]).await,
                2 => mood.refuse(&[rng.u64(1..20), rng.u64(1..20)]),
                3 => drop(moody.catch_up().await),
                4 => drop(moody.retry_dead_letters(&DeadLetterFilter::all()).await),
                _ => {
                    let first = DeadLetterQuery::default().stream(account(id)).limit(1);
                    for letter in moody.dead_letters(&first).await.unwrap() {
                        let version = letter.commit.first_version();
                        drop(moody.drop_dead_letter(&account(id), version, "chance").await);
                    }
                }
            }
        }
        mood.refuse(&[]);
        let moody = projection_on(feed, &store, Arc::new(store.clone()), &mood);
        moody.catch_up().await.unwrap();
        moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
        assert_eq!(parked(&moody).await, [], "seed {seed}");
        let records = DeadLetterQuery::default().state(DeadLetterState::Dropped).limit(1_000);
        for letter in moody.dead_letters(&records).await.unwrap() {
            dropped.insert(letter.commit.id());
        }
        let log = fold_of(&store, |commit| dropped.contains(&commit.id())).await;
        let shown = balances(&moody.view()).await;
        assert_eq!(shown, log, "seed {seed}, {} dropped", dropped.len());
    }
}

//! Going back to a place, and going on from there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{
    AnyConsumer, Error, Policy, Reaction, ReactionError, Reactor, Recorded, Repository, RewindTo,
};

use crate::moody::{Mood, balances, credit, credit_all, expected, fold_of, projection};
use crate::support::{Account, AccountCommand, AccountEvent};

const HISTORY: &[(&str, u64)] = &[("a", 1), ("b", 3), ("a", 2), ("c", 4), ("b", 5), ("a", 6)];

#[tokio::test]
async fn a_projection_shows_the_place_and_goes_on_from_it() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let moody = projection(&store, &Mood::refusing(&[])).with_batch_size(2);
    moody.catch_up().await.unwrap();
    let places = [
        (RewindTo::Start, expected(&[])),
        (RewindTo::Position(3), expected(&[("a", 3), ("b", 3)])),
        (RewindTo::Position(1), expected(&[("a", 1)])),
        (RewindTo::Position(4), expected(&[("a", 3), ("b", 3), ("c", 4)])),
        (RewindTo::Position(1_000), fold_of(&store, |_| false).await),
    ];
    for (place, shown) in places {
        moody.rewind(place, |_| {}).await.unwrap();
        assert_eq!(balances(&moody.view()).await, shown, "{place:?}");
        let left = 6 - moody.health().await.unwrap().lag_commits.unwrap();
        assert_eq!(moody.catch_up().await.unwrap().applied, 6 - left, "{place:?}");
        assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    }
}

#[tokio::test]
async fn who_knows_only_the_place_before_a_rewind_goes_on_from_the_new_one() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let mood = Mood::refusing(&[]);
    let moody = projection(&store, &mood);
    moody.catch_up().await.unwrap();
    // By another process, as far as it knows; and nothing new comes.
    projection(&store, &mood).rewind(RewindTo::Start, |_| {}).await.unwrap();
    assert_eq!(moody.catch_up().await.unwrap().applied, 6);
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

/// Six commits, a minute apart.
async fn minutes(store: &MemoryStore) -> Arc<VirtualClock> {
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_clock(clock.clone());
    for (id, amount) in HISTORY {
        accounts.execute(id, AccountCommand::Credit(*amount)).await.unwrap();
        clock.advance(std::time::Duration::from_secs(60));
    }
    clock
}

#[tokio::test]
async fn a_time_is_a_place_too() {
    let store = MemoryStore::new();
    minutes(&store).await;
    let moody = projection(&store, &Mood::refusing(&[])).with_batch_size(4);
    moody.catch_up().await.unwrap();
    for (time, shown) in [
        ("2025-01-01T00:00:00Z", expected(&[])),
        ("2026-01-01T00:03:00Z", expected(&[("a", 3), ("b", 3)])),
        ("2026-01-01T00:03:01Z", expected(&[("a", 3), ("b", 3), ("c", 4)])),
        ("2027-01-01T00:00:00Z", fold_of(&store, |_| false).await),
    ] {
        let place = RewindTo::Time(time.parse().unwrap());
        AnyConsumer::rewind(&moody, place, &mut |_| {}).await.unwrap();
        assert_eq!(balances(&moody.view()).await, shown, "{time}");
    }
}

/// Sends a letter, and credits a bonus, for every credit.
#[derive(Debug)]
struct Letters {
    accounts: Repository<Account>,
    sent: Arc<Mutex<Vec<u64>>>,
    refused: Arc<AtomicU32>,
}

#[async_trait]
impl Policy for Letters {
    const NAME: &'static str = "letters";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        if event.aggregate_id() == "bonus" {
            return Ok(());
        }
        if u64::from(self.refused.load(Ordering::SeqCst)) == amount {
            return Err(ReactionError::permanent("no such address"));
        }
        self.sent.lock().unwrap().push(amount);
        let bonus = AccountCommand::Credit(amount);
        self.accounts.execute_with("bonus", bonus, reaction.options(0)?).await?;
        Ok(())
    }
}

type Sent = Arc<Mutex<Vec<u64>>>;

fn letters(store: &MemoryStore) -> (Reactor<Letters>, Sent, Arc<AtomicU32>) {
    let shared = Arc::new(store.clone());
    let (sent, refused) = (Sent::default(), Arc::new(AtomicU32::new(0)));
    let accounts = Repository::new(shared.clone());
    let policy = Letters { accounts, sent: sent.clone(), refused: refused.clone() };
    let reactor = Reactor::new(policy, shared.clone(), shared.clone(), shared).unwrap();
    (reactor.with_concurrency(1), sent, refused)
}

#[tokio::test]
async fn a_policy_reacts_again_behind_the_place_and_its_commands_have_their_effect_once() {
    let store = MemoryStore::new();
    minutes(&store).await;
    let (reactor, sent, _) = letters(&store);
    reactor.catch_up().await.unwrap();
    let bonus = async || {
        Repository::<Account>::new(Arc::new(store.clone())).load("bonus").await.unwrap().balance
    };
    assert_eq!(bonus().await, 21);
    assert_eq!(std::mem::take(&mut *sent.lock().unwrap()).len(), 6);
    reactor.rewind(RewindTo::Time("2026-01-01T00:03:00Z".parse().unwrap()), |_| {}).await.unwrap();
    assert!(sent.lock().unwrap().is_empty(), "rewinding itself reacts to nothing");
    reactor.catch_up().await.unwrap();
    let mut again = std::mem::take(&mut *sent.lock().unwrap());
    again.sort_unstable();
    assert_eq!((again, bonus().await), (vec![4, 5, 6], 21));
}

#[tokio::test]
async fn a_policy_has_nothing_to_rebuild() {
    let store = MemoryStore::new();
    let (reactor, ..) = letters(&store);
    let refused = AnyConsumer::rebuild(&reactor, &mut |_| {}).await;
    assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    let moody = projection(&store, &Mood::refusing(&[]));
    AnyConsumer::rebuild(&moody, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_policy_can_begin_at_the_end_of_an_old_log() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let (reactor, sent, _) = letters(&store);
    reactor.rewind(RewindTo::End, |_| {}).await.unwrap();
    credit(&store, "a", 7).await;
    reactor.catch_up().await.unwrap();
    assert_eq!(*sent.lock().unwrap(), [7]);
}

#[tokio::test]
async fn of_two_rewinds_at_once_the_later_counts() {
    use futures::FutureExt as _;
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let (earlier, ..) = letters(&store);
    let (later, sent, _) = letters(&store);
    let report = |_| {
        later.rewind(RewindTo::Position(4), |_| {}).now_or_never().unwrap().unwrap();
    };
    let ended = earlier.rewind(RewindTo::Position(2), report).await;
    assert!(matches!(ended, Err(Error::Fenced { .. })), "{ended:?}");
    later.catch_up().await.unwrap();
    assert_eq!(*sent.lock().unwrap(), [5, 6]);
}

#[tokio::test]
async fn a_policy_with_dead_letters_is_not_rewound() {
    let store = MemoryStore::new();
    credit_all(&store, HISTORY).await;
    let (reactor, sent, refused) = letters(&store);
    refused.store(3, Ordering::SeqCst);
    reactor.catch_up().await.unwrap();
    assert_eq!(reactor.health().await.unwrap().dead_letters, 2);
    let outcome = reactor.rewind(RewindTo::Position(6), |_| {}).await;
    assert!(matches!(&outcome, Err(Error::Misuse(text)) if text.contains("2 dead letters")));
    assert_eq!(reactor.health().await.unwrap().dead_letters, 2, "nothing has happened");
    refused.store(0, Ordering::SeqCst);
    reactor.retry_dead_letters(&Default::default()).await.unwrap();
    reactor.rewind(RewindTo::Position(6), |_| {}).await.unwrap();
    assert_eq!(sent.lock().unwrap().len(), 6);
}

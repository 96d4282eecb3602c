//! A projection in the call of the command.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault};
use es_core::{DeadLetterFilter, Error, Projection, Repository};

use crate::dead_letters::Movements;
use crate::moody::{
    Mood, balances, credit, credit_all, expected, fold_of, projection, projection_on,
};
use crate::support::{Account, AccountCommand, views_failing_at};

#[tokio::test]
async fn the_view_shows_the_command_when_it_returns_and_the_worker_does_not_repeat_it() {
    let store = MemoryStore::new();
    let moody = Arc::new(projection(&store, &Mood::refusing(&[])));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(moody.clone());
    for (id, amount) in [("a", 1), ("b", 2), ("a", 3)] {
        let receipt = accounts.execute(id, AccountCommand::Credit(amount)).await.unwrap();
        assert!(receipt.inline_error().is_none());
        assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    }
    let nothing = accounts.execute("a", AccountCommand::Credit(0)).await.unwrap();
    assert!(nothing.commit().is_none() && nothing.inline_error().is_none());
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 4), ("b", 2)]));
}

#[tokio::test]
async fn what_an_inline_projection_missed_comes_with_the_next_command_of_the_stream() {
    let store = MemoryStore::new();
    // Written by a program that does not run the projection inline.
    credit_all(&store, &[("a", 1), ("a", 2), ("b", 50)]).await;
    let moody = Arc::new(projection(&store, &Mood::refusing(&[])));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(moody.clone());
    accounts.execute("a", AccountCommand::Credit(4)).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 7)]));
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 7), ("b", 50)]));
}

#[tokio::test]
async fn a_caller_does_not_wait_for_the_past_of_a_long_stream() {
    let store = MemoryStore::new();
    for _ in 0..25 {
        credit(&store, "a", 1).await;
    }
    let moody = Arc::new(projection(&store, &Mood::refusing(&[])).with_batch_size(10));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(moody.clone());
    let receipt = accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    assert!(matches!(receipt.inline_error(), Some(Error::Unavailable { .. })));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 10)]), "one step");
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 26)]));
}

#[tokio::test]
async fn a_command_stands_though_its_inline_projection_fails() {
    let store = MemoryStore::new();
    let views = views_failing_at(&store, Call::WriteDocuments, 1, Fault::LostRequest);
    let mood = Mood::refusing(&[13]);
    let moody = Arc::new(projection_on(Arc::new(store.clone()), &store, views, &mood));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(moody.clone());
    let receipt = accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    assert!(matches!(receipt.inline_error(), Some(Error::Unavailable { .. })));
    assert_eq!(accounts.load("a").await.unwrap().balance, 1);
    accounts.execute("a", AccountCommand::Credit(2)).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3)]));

    for amount in [13, 4] {
        let receipt = accounts.execute("b", AccountCommand::Credit(amount)).await.unwrap();
        assert!(matches!(receipt.inline_error(), Some(Error::Parked { .. })), "{amount}");
    }
    mood.refuse(&[]);
    moody.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3), ("b", 17)]));

    moody.pause().await.unwrap();
    let receipt = accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    assert!(matches!(receipt.inline_error(), Some(Error::Paused { .. })));
    moody.resume().await.unwrap();
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn a_command_stands_though_its_inline_projection_panics() {
    let shared = Arc::new(MemoryStore::new());
    let movements = Projection::new(Movements, shared.clone(), shared.clone(), shared.clone());
    let accounts = Repository::<Account>::new(shared).with_inline(Arc::new(movements.unwrap()));
    let receipt = accounts.execute("a", AccountCommand::Credit(13)).await.unwrap();
    assert!(matches!(receipt.inline_error(), Some(Error::Parked { .. })), "{receipt:?}");
    assert_eq!(accounts.load("a").await.unwrap().balance, 13);
}

#[tokio::test]
async fn commands_and_a_worker_at_the_same_time_have_each_effect_once() {
    let store = MemoryStore::new();
    let moody = Arc::new(projection(&store, &Mood::refusing(&[])));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_inline(moody.clone());
    let mut workers = es_core::Workers::new();
    workers.start(Arc::new(projection(&store, &Mood::refusing(&[]))));
    let commands = (0..40).map(|n| {
        let accounts = accounts.clone();
        tokio::spawn(async move {
            let id = format!("a-{}", n % 3);
            accounts.execute(&id, AccountCommand::Credit(n + 1)).await.unwrap();
        })
    });
    for command in commands.collect::<Vec<_>>() {
        command.await.unwrap();
    }
    workers.shutdown().await.unwrap();
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
    credit(&store, "a-0", 1).await;
}

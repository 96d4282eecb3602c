//! Views that are folded when asked, and not stored.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{Error, LiveView, Repository, StreamId};

use crate::moody::{Mood, Moody, account, balances, credit_all, projection, projection_on};
use crate::support::{Account, AccountCommand, Statements};

#[tokio::test]
async fn a_live_view_shows_the_streams_that_are_asked_for_as_they_are() {
    let store = MemoryStore::new();
    let live = LiveView::new(Statements, Arc::new(store.clone())).unwrap();
    assert!(live.fold(&[account("a")]).await.unwrap().is_empty());
    for amount in 1..=3 {
        credit_all(&store, &[("a", amount), ("b", 10)]).await;
        let documents = live.fold(&[account("a")]).await.unwrap();
        assert_eq!(documents.len(), 1, "the other stream was not asked for");
        assert_eq!(documents["a"].balance, (1..=amount).sum::<u64>());
    }
    let order = StreamId::new("order", "1").unwrap();
    let both = live.fold(&[account("a"), account("b"), order]).await.unwrap();
    assert_eq!((both["a"].movements, both["b"].balance), (3, 30));
}

#[tokio::test]
async fn a_live_view_shows_any_time_in_the_past() {
    let store = MemoryStore::new();
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let accounts = Repository::<Account>::new(Arc::new(store.clone())).with_clock(clock.clone());
    for amount in [1, 2, 4] {
        accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
        clock.advance(std::time::Duration::from_secs(60));
    }
    let live = LiveView::new(Statements, Arc::new(store)).unwrap();
    for (time, balance) in [
        ("2025-12-31T23:59:59Z", None),
        ("2026-01-01T00:00:00Z", Some(1)),
        ("2026-01-01T00:01:59Z", Some(3)),
        ("2027-01-01T00:00:00Z", Some(7)),
    ] {
        let documents = live.fold_as_of(&[account("a")], time.parse().unwrap()).await.unwrap();
        assert_eq!(documents.get("a").map(|statement| statement.balance), balance, "{time}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_folded_is_an_error() {
    let store = MemoryStore::new();
    credit_all(&store, &[("a", 1), ("a", 13)]).await;
    let live = LiveView::new(Moody(Mood::refusing(&[13])), Arc::new(store)).unwrap();
    match live.fold(&[account("a")]).await.unwrap_err() {
        Error::Handler { version, .. } => assert_eq!(version.get(), 2),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_projector_gives_the_same_documents_inline_asynchronously_and_live() {
    let inline_store = MemoryStore::new();
    let mood = Mood::refusing(&[]);
    let inline = Arc::new(projection(&inline_store, &mood));
    let accounts = Repository::<Account>::new(Arc::new(inline_store.clone()));
    let accounts = accounts.with_inline(inline.clone());
    let mut streams = std::collections::BTreeSet::new();
    for n in 1..=30 {
        let id = format!("a-{}", n * n % 7);
        let command = if n % 4 == 0 { AccountCommand::Debit(1) } else { AccountCommand::Credit(n) };
        drop(accounts.execute(&id, command).await);
        streams.insert(account(&id));
    }
    let shown_inline = balances(&inline.view()).await;

    // The same log, followed later, into views of its own.
    let views = Arc::new(MemoryStore::new());
    let later = projection_on(Arc::new(inline_store.clone()), &inline_store, views, &mood);
    later.catch_up().await.unwrap();
    assert_eq!(balances(&later.view()).await, shown_inline);

    let live = LiveView::new(Moody(mood), Arc::new(inline_store)).unwrap();
    let streams: Vec<StreamId> = streams.into_iter().collect();
    let folded = live.fold(&streams).await.unwrap().into_iter();
    let folded: std::collections::BTreeMap<_, _> =
        folded.map(|(key, statement)| (key, statement.balance)).collect();
    assert_eq!(folded, shown_inline);
}

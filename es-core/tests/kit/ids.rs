//! What is the same in every run.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{EventStore, Repository, StreamId};
use futures::TryStreamExt as _;

use crate::support::{Account, AccountCommand};

async fn run(seed: u64) -> Vec<es_core::Commit> {
    let store = Arc::new(MemoryStore::new());
    let accounts = Repository::<Account>::new(store.clone())
        .with_clock(Arc::new(VirtualClock::at("2026-01-31T12:00:00Z")))
        .with_entropy(Arc::new(SeededEntropy::new(seed)));
    for amount in 1..=3 {
        accounts.execute("a-1", AccountCommand::Credit(amount)).await.unwrap();
    }
    let stream = StreamId::new("account", "a-1").unwrap();
    let pages = store.read(es_core::ReadStream::new(stream));
    pages.try_concat().await.unwrap().into_vec()
}

#[tokio::test]
async fn what_a_repository_writes_is_decided_by_clock_and_seed() {
    let (first, again, other) = (run(7).await, run(7).await, run(8).await);
    assert_eq!(first, again);
    let ids = |commits: &[es_core::Commit]| commits.iter().map(|c| c.id()).collect::<Vec<_>>();
    assert!(ids(&first).iter().all(|id| !ids(&other).contains(id)));
}

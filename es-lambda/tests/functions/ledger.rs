//! A projection of credits, and commits for it.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::{
    BoxError, Codec, Commit, CommitId, EncodedEvents, Error, Event, EventStore, Expected,
    NewCommit, Projection, Projector, Recorded, StreamId, SystemEntropy, Timestamp, View,
    ViewQuery,
};

use crate::kit::Desk;

#[derive(Debug, Event)]
#[event(prefix = "Account")]
pub(crate) enum AccountEvent {
    Credited { amount: u64 },
}

/// Adds credits up, but for those that it refuses.
#[derive(Default)]
pub(crate) struct Balances(Vec<u64>);

impl Projector for Balances {
    const NAME: &'static str = "ledger";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = u64;

    fn project(
        &self,
        _: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        let AccountEvent::Credited { amount } = event.event;
        if self.0.contains(&amount) {
            return Err(format!("{amount} is bad luck").into());
        }
        *view.get_or_insert_default() += amount;
        Ok(())
    }
}

pub(crate) fn ledger(store: &MemoryStore, desk: &Desk, refused: &[u64]) -> Projection<Balances> {
    let shared = Arc::new(store.clone());
    let projector = Balances(refused.to_vec());
    Projection::new(projector, shared.clone(), shared.clone(), shared)
        .unwrap()
        .with_batch_size(4)
        .with_clock(desk.clock.clone())
}

pub(crate) fn new_credit(amount: u64) -> NewCommit {
    let events = [AccountEvent::Credited { amount }];
    let events = EncodedEvents::encode(&events, Codec::Json, Default::default(), 0).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    NewCommit::new(CommitId::generate(now, &SystemEntropy), now, Default::default(), events)
}

pub(crate) async fn credit(store: &MemoryStore, id: &str, amount: u64) -> Commit {
    let stream = StreamId::new("account", id).unwrap();
    store.append(&stream, Expected::Any, new_credit(amount)).await.unwrap().commit
}

pub(crate) async fn credited(store: &MemoryStore, credits: &[(&str, u64)]) -> Vec<Commit> {
    let mut commits = Vec::new();
    for (id, amount) in credits {
        commits.push(credit(store, id, *amount).await);
    }
    commits
}

/// The view, in the order of its keys.
pub(crate) async fn balances(store: &MemoryStore) -> Vec<(&'static str, u64)> {
    let view: View<u64> = {
        let shared = Arc::new(store.clone());
        Projection::new(Balances(Vec::new()), shared.clone(), shared.clone(), shared)
            .unwrap()
            .view()
    };
    let mut documents = match view.list(&ViewQuery::default().limit(1_000)).await {
        Ok(documents) => documents,
        // No function has taken a step yet.
        Err(Error::Misuse(_)) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    documents.sort();
    documents.into_iter().map(|(key, balance)| (&*key.leak(), balance)).collect()
}

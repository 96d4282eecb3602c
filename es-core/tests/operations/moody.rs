//! A projector that fails as the test says, and what the tests do with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use es_core::memory::MemoryStore;
use es_core::{
    BoxError, Commit, DeadLetter, DeadLetterQuery, Event, EventStore, Feed, Projection, Projector,
    Recorded, Repository, StreamId, View, ViewQuery, ViewStore,
};

use crate::support::{Account, AccountCommand, AccountEvent, Statement, Statements};

/// The amounts that cannot be handled, shared by all projectors of a test; and what an amount counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mood {
    refused: Arc<Mutex<Vec<u64>>>,
    factor: Arc<Mutex<u64>>,
}

impl Mood {
    pub(crate) fn refusing(amounts: &[u64]) -> Self {
        let mood = Self { factor: Arc::new(Mutex::new(1)), ..Self::default() };
        mood.refuse(amounts);
        mood
    }

    /// As a new version of the program that refuses these and no others.
    pub(crate) fn refuse(&self, amounts: &[u64]) {
        *self.refused.lock().unwrap() = amounts.to_vec();
    }

    /// As a new version of the program that computes otherwise.
    pub(crate) fn multiply_by(&self, factor: u64) {
        *self.factor.lock().unwrap() = factor;
    }

    pub(crate) fn check(&self, amount: u64) -> Result<u64, BoxError> {
        if self.refused.lock().unwrap().contains(&amount) {
            return Err(format!("{amount} is bad luck").into());
        }
        Ok(amount * *self.factor.lock().unwrap())
    }
}

/// Statements, as the mood allows.
#[derive(Debug)]
pub(crate) struct Moody(pub(crate) Mood);

impl Projector for Moody {
    const NAME: &'static str = "moody";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Statement;

    fn project(
        &self,
        key: &str,
        view: &mut Option<Statement>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        let event_now = match event.event {
            AccountEvent::Credited { amount } => {
                AccountEvent::Credited { amount: self.0.check(amount)? }
            }
            AccountEvent::Debited { amount } => AccountEvent::Debited { amount },
        };
        let event_now = Recorded::new(event_now, event.commit(), event.version());
        Statements.project(key, view, &event_now)
    }
}

pub(crate) fn projection(store: &MemoryStore, mood: &Mood) -> Projection<Moody> {
    let shared = Arc::new(store.clone());
    projection_on(shared.clone(), store, shared, mood)
}

pub(crate) fn projection_on(
    feed: Arc<dyn Feed>,
    log: &MemoryStore,
    views: Arc<dyn ViewStore>,
    mood: &Mood,
) -> Projection<Moody> {
    Projection::new(Moody(mood.clone()), feed, Arc::new(log.clone()), views).unwrap()
}

pub(crate) async fn credit(store: &MemoryStore, id: &str, amount: u64) -> Commit {
    let accounts = Repository::<Account>::new(Arc::new(store.clone()));
    let receipt = accounts.execute(id, AccountCommand::Credit(amount)).await.unwrap();
    receipt.commit().unwrap().clone()
}

pub(crate) async fn credit_all(store: &MemoryStore, credits: &[(&str, u64)]) {
    for (id, amount) in credits {
        credit(store, id, *amount).await;
    }
}

pub(crate) fn account(id: &str) -> StreamId {
    StreamId::new("account", id).unwrap()
}

/// The balances in a view.
pub(crate) async fn balances(view: &View<Statement>) -> BTreeMap<String, u64> {
    let documents = view.list(&ViewQuery::default().limit(10_000)).await.unwrap();
    documents.into_iter().map(|(key, statement)| (key, statement.balance)).collect()
}

pub(crate) fn expected(balances: &[(&str, u64)]) -> BTreeMap<String, u64> {
    balances.iter().map(|&(id, balance)| (id.to_owned(), balance)).collect()
}

/// What the log comes to, without the commits for which `left_out` says so.
pub(crate) async fn fold_of(
    store: &MemoryStore,
    left_out: impl Fn(&Commit) -> bool,
) -> BTreeMap<String, u64> {
    let log = store.partitions().await.unwrap().remove(0).id;
    let all = Feed::read(store, &log, &es_core::Checkpoint::start(), usize::MAX).await.unwrap();
    let mut balances = BTreeMap::new();
    for commit in all.commits.iter().filter(|commit| !left_out(commit)) {
        for event in commit.decode::<AccountEvent>().unwrap() {
            let balance: &mut u64 = balances.entry(event.aggregate_id().to_owned()).or_default();
            match event.event {
                AccountEvent::Credited { amount } => *balance += amount,
                AccountEvent::Debited { amount } => *balance -= amount,
            }
        }
    }
    balances
}

/// The parked letters, as stream id, first version and whether it failed itself.
pub(crate) async fn parked(projection: &Projection<Moody>) -> Vec<(String, u64, bool)> {
    let letters = projection.dead_letters(&DeadLetterQuery::default().limit(1_000)).await.unwrap();
    let short = |letter: &DeadLetter| {
        let commit = &letter.commit;
        let id = commit.stream().id().to_owned();
        (id, commit.first_version().get(), letter.failure.is_some())
    };
    letters.iter().map(short).collect()
}

/// A commit of several events.
pub(crate) async fn append_all<E: Event>(store: &MemoryStore, id: &str, events: &[E]) -> Commit {
    append_to(store, &account(id), events).await
}

pub(crate) async fn append_to<E: Event>(
    store: &MemoryStore,
    stream: &StreamId,
    events: &[E],
) -> Commit {
    use es_core::{Codec, CommitId, Compression, EncodedEvents, Expected, NewCommit, Timestamp};
    let encoded = EncodedEvents::encode(events, Codec::Json, Compression::None, 0).unwrap();
    let commit_id = CommitId::generate(Timestamp::now(), &es_core::SystemEntropy);
    let commit = NewCommit::new(commit_id, Timestamp::now(), Default::default(), encoded);
    store.append(stream, Expected::Any, commit).await.unwrap().commit
}

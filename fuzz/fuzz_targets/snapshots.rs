//! Snapshots: whatever is stored as one, an aggregate loads. If it does not belong to the log, its state
//! is the fold of the log.

#![no_main]

use std::sync::{Arc, LazyLock};

use es_core::memory::MemoryStore;
use es_core::{
    Aggregate, Codec, Command, CommitId, Event, EventStore as _, Head, Repository, Snapshot,
    SnapshotPolicy, SnapshotStore as _, StoredSnapshot, StreamId, Version,
};
use es_fuzz::{SMALL, split, within};
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Ledger {
    amounts: Vec<u32>,
    note: Option<String>,
}

#[derive(Debug, Clone, Command)]
struct Enter(u32);

#[derive(Debug, Event)]
#[event(prefix = "Ledger")]
enum LedgerEvent {
    Entered(u32),
}

impl Aggregate for Ledger {
    const CATEGORY: &'static str = "ledger";
    type Command = Enter;
    type Event = LedgerEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, Enter(amount): Enter) -> Result<Vec<LedgerEvent>, Self::Error> {
        Ok(vec![LedgerEvent::Entered(amount)])
    }

    fn apply(&mut self, LedgerEvent::Entered(amount): LedgerEvent) {
        self.amounts.push(amount);
    }
}

impl Snapshot for Ledger {
    const SCHEMA_VERSION: u32 = 1;
}

/// A log of three commits.
static LOG: LazyLock<Arc<MemoryStore>> = LazyLock::new(|| {
    let store = Arc::new(MemoryStore::new());
    let ledgers = Repository::<Ledger>::new(store.clone());
    for amount in 1..=3 {
        block_on(ledgers.execute("a", Enter(amount))).expect("it is entered");
    }
    store
});

// `codec first last schema_version`, where `own` or another word says whose commit it is, then a line
// feed and the state.
fuzz_target!(|input: &[u8]| {
    let Some((head, state)) = split(input, b"\n") else { return };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut words = head.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let codec = if word() == "json" { Codec::Json } else { Codec::Postcard };
    let own = word() == "own";
    let mut number = || word().parse::<u64>().unwrap_or_default();
    let (first, last, schema_version) = (number(), number(), number() as u32);

    let stream = StreamId::new(Ledger::CATEGORY, "a").expect("a valid id");
    let end = block_on(LOG.head(&stream)).expect("memory").expect("three commits");
    let id = if own { end.commit_id() } else { CommitId::from_bytes([7; 16]) };
    let head = Head::from_stored(id, Version::new(first), Version::new(last));
    let state = state.to_vec().into();
    let snapshot = StoredSnapshot { stream: stream.clone(), head, schema_version, codec, state };

    let snapshots = Arc::new(MemoryStore::new());
    block_on(snapshots.save(snapshot.clone())).expect("memory");
    let ledgers =
        Repository::<Ledger>::new(LOG.clone()).with_snapshots(snapshots, SnapshotPolicy::Never);
    let loaded = within(SMALL, || block_on(ledgers.load("a")).expect("the log has everything"));
    assert_eq!(loaded.version(), Version::new(3));
    if head != end || schema_version != Ledger::SCHEMA_VERSION {
        let folded = Ledger { amounts: vec![1, 2, 3], note: None };
        assert_eq!(*loaded, folded, "{snapshot:?}");
    }
});

//! A domain whose log tells whether the engine did right.

use std::collections::BTreeMap;
use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Faults, FaultyEventStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Aggregate, Codec, Command, CommitId, Compression, EncodedEvents, Event, EventStore, NewCommit,
    ReadStream, Repository, Snapshot, StreamId, Timestamp,
};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

/// Enters what it is told, and remembers it.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// The numbers of the commands, one for each of their lines.
    pub lines: Vec<u64>,
}

/// Enters so many lines under a number.
#[derive(Debug, Clone, Copy, Command)]
pub(crate) struct Enter {
    pub number: u64,
    pub lines: u32,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Ledger")]
pub(crate) enum LedgerEvent {
    Entered {
        number: u64,
        line: u32,
        of: u32,
        /// How many lines there were when it was decided.
        before: u64,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("it cannot be entered")]
pub(crate) struct NotEntered;

impl Aggregate for Ledger {
    const CATEGORY: &'static str = "ledger";
    type Command = Enter;
    type Event = LedgerEvent;
    type Error = NotEntered;

    fn handle(&self, Enter { number, lines: of }: Enter) -> Result<Vec<LedgerEvent>, NotEntered> {
        let before = self.lines.len() as u64;
        Ok((1..=of).map(|line| LedgerEvent::Entered { number, line, of, before }).collect())
    }

    fn apply(&mut self, LedgerEvent::Entered { number, .. }: LedgerEvent) {
        self.lines.push(number);
    }
}

impl Snapshot for Ledger {
    const SCHEMA_VERSION: u32 = 2;
}

pub(crate) fn enter(number: u64) -> Enter {
    // Commits of different lengths, so that one that is torn or interleaved shows.
    Enter { number, lines: 1 + (number % 3) as u32 }
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new(Ledger::CATEGORY, id).unwrap()
}

/// The clock of all tests here: waiting takes no time.
pub(crate) fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"))
}

/// A client on the log.
pub(crate) fn ledgers(log: Arc<dyn EventStore>, seed: u64) -> Repository<Ledger> {
    Repository::new(log).with_clock(clock()).with_entropy(Arc::new(SeededEntropy::new(seed)))
}

/// A log under faults and a client on it.
pub(crate) fn on_faults(faults: &Faults) -> (Arc<MemoryStore>, Repository<Ledger>) {
    let store = Arc::new(MemoryStore::new());
    let log = FaultyEventStore::new(store.clone(), faults.clone());
    (store, ledgers(Arc::new(log), 1))
}

/// What another writer commits on its own: as many lines, decided on nothing.
pub(crate) fn foreign(number: u64, lines: u32) -> NewCommit {
    let events: Vec<_> = (1..=lines)
        .map(|line| LedgerEvent::Entered { number, line, of: lines, before: u64::MAX })
        .collect();
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0).unwrap();
    let id = CommitId::from_bytes(u128::from(number).to_be_bytes());
    NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), events)
}

/// The numbers of the commands in the log of one stream, in order; each command once, and whole.
///
/// Panics when a commit is not one command's, versions have a gap, or a decision was not made on the
/// lines before it.
pub(crate) async fn entered(log: &dyn EventStore, id: &str) -> Vec<u64> {
    let pages: Vec<_> = log.read(ReadStream::new(stream(id))).try_collect().await.unwrap();
    let mut numbers = Vec::new();
    let mut lines = 0;
    for commit in pages.iter().flatten() {
        assert_eq!(commit.first_version().get(), lines + 1, "versions have no gap");
        let events = commit.decode::<LedgerEvent>().unwrap();
        let LedgerEvent::Entered { number, of, before, .. } = events[0].event;
        for (line, recorded) in (1..).zip(&events) {
            let expected = LedgerEvent::Entered { number, line, of, before };
            assert_eq!(recorded.event, expected, "a commit is one decision");
        }
        assert_eq!(events.len(), of as usize, "a commit is a whole decision");
        assert!(before == lines || before == u64::MAX, "{number} was decided on another state");
        lines += u64::from(of);
        numbers.push(number);
    }
    numbers
}

/// How often each number is there.
pub(crate) fn counted(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts
}

/// The lines that the log of one stream adds up to.
pub(crate) async fn folded(log: &dyn EventStore, id: &str) -> Vec<u64> {
    let pages: Vec<_> = log.read(ReadStream::new(stream(id))).try_collect().await.unwrap();
    let mut ledger = Ledger::default();
    for commit in pages.iter().flatten() {
        for recorded in commit.decode::<LedgerEvent>().unwrap() {
            ledger.apply(recorded.event);
        }
    }
    ledger.lines
}

//! Ledgers behind faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Codec, Commit, CommitId, Compression, EncodedEvents, EventStore, Expected, NewCommit,
    ReadStream, Repository, Timestamp,
};
use es_dynamodb::{DynamoOptions, DynamoStore};
use futures::TryStreamExt as _;

use crate::support::Server;
use crate::support::faults::Faults;
use crate::support::ledger::{Ledger, LedgerEvent, lines, stream};

/// The clock of all tests here: waiting takes no time.
pub(crate) fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"))
}

/// How commit ids come about, which decides how a store recognises them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Id {
    Generated,
    Derived,
}

/// How a commit of this kind of id is written.
pub(crate) fn write(id: Id) -> &'static str {
    match id {
        Id::Generated => "PutItem",
        Id::Derived => "TransactWriteItems",
    }
}

/// What a writer commits that knows only how many lines there are.
pub(crate) fn commit(number: u64, before: u64, id: Id) -> NewCommit {
    let events = lines(number, before);
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0);
    // Later numbers come later.
    let time = 1_767_225_600_000 + i64::try_from(number).expect("a small number");
    let time = Timestamp::from_millisecond(time).expect("a time");
    let id = match id {
        Id::Generated => CommitId::generate(time, &SeededEntropy::new(number)),
        Id::Derived => CommitId::derive(&stream("any"), &number.to_string()),
    };
    NewCommit::new(id, time, Default::default(), events.expect("encodable events"))
}

/// A log behind faults, and beside them.
pub(crate) struct Scene {
    pub(crate) faults: Faults,
    pub(crate) faulty: DynamoStore,
    /// The same log for other programs, and to see what became of it.
    pub(crate) plain: DynamoStore,
    pub(crate) server: Server,
    pub(crate) prefix: String,
}

impl Scene {
    pub(crate) async fn with(faults: Faults) -> Self {
        Self::with_options(faults, |options| options).await
    }

    pub(crate) async fn with_options(
        faults: Faults,
        set: impl FnOnce(DynamoOptions) -> DynamoOptions,
    ) -> Self {
        let server = Server::start().await;
        let prefix = Server::prefix();
        let options = set(server.options(&prefix).clock(clock()));
        let plain = server.store_with(options.clone()).await;
        let faulty = server.store_with_behind(options, &faults).await;
        Self { faults, faulty, plain, server, prefix }
    }

    /// A program that executes commands behind the faults.
    pub(crate) fn ledgers(&self, seed: u64) -> Repository<Ledger> {
        Repository::new(Arc::new(self.faulty.clone()))
            .with_clock(clock())
            .with_entropy(Arc::new(SeededEntropy::new(seed)))
    }

    /// Another program's commit, at the end of the stream.
    pub(crate) async fn rival(&self, id: &str, number: u64, kind: Id) -> Commit {
        let before = self.lines(id).await;
        let commit = commit(number, before, kind);
        let appended = self.plain.append(&stream(id), Expected::Any, commit).await;
        appended.expect("nothing is in its way").commit
    }

    pub(crate) async fn head(&self, id: &str) -> Expected {
        Expected::end(self.plain.head(&stream(id)).await.expect("the log answers"))
    }

    async fn lines(&self, id: &str) -> u64 {
        let head = self.plain.head(&stream(id)).await.expect("the log answers");
        head.map_or(0, |head| head.version().get())
    }

    /// The numbers of the commands in the log of one stream, in order; each commit is whole.
    ///
    /// Panics when a commit is not one command's, versions have a gap, or a decision was not made on
    /// the lines before it.
    pub(crate) async fn entered(&self, id: &str) -> Vec<u64> {
        let pages: Vec<_> = self
            .plain
            .read(ReadStream::new(stream(id)))
            .try_collect()
            .await
            .expect("the log can be read");
        let mut numbers = Vec::new();
        let mut before = 0;
        for commit in pages.iter().flatten() {
            assert_eq!(commit.first_version().get(), before + 1, "versions have no gap");
            let events = commit.decode::<LedgerEvent>().expect("events of the ledger");
            let LedgerEvent::Entered { number, .. } = events[0].event;
            let events: Vec<_> = events.into_iter().map(|recorded| recorded.event).collect();
            assert_eq!(events, lines(number, before), "a commit is one whole decision");
            before += events.len() as u64;
            numbers.push(number);
        }
        numbers
    }
}

/// How often each number is there.
pub(crate) fn counted(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts
}

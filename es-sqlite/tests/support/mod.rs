//! What the tests are written with.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod other_process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytestring::ByteString;
use es_core::{
    Appended, Checkpoint, CheckpointStore, Clock, Commit, CommitId, ConsumerId, DeadLetter,
    DeadLetterChange, Dropped, EncodedEvents, EncodedMetadata, Error, EventStore, Expected,
    Failure, Feed, Metadata, NewCommit, PartitionId, Progress, ReadStream, Result, StreamId,
    SystemEntropy, Timestamp, Version,
};
use es_sqlite::SqliteStore;
use futures::StreamExt as _;
use tempfile::TempDir;

/// A directory for one test, and the path of the database in it.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.directory.path().join("test.db")
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.db()).await.expect("the store opens")
    }

    /// A connection beside the store, as of another program.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.db()).expect("the database opens")
    }

    /// Changes the log behind the store's back.
    pub(crate) fn tamper(&self, sql: &str) {
        self.raw()
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; \
                 DROP TRIGGER IF EXISTS commits_are_not_updated; \
                 DROP TRIGGER IF EXISTS commits_are_not_deleted; {sql}"
            ))
            .expect("the tampering is valid SQL");
    }
}

/// A clock on which nobody's sleep ends, and which tells when one has begun.
#[derive(Debug, Default)]
pub(crate) struct StandingClock {
    asleep: tokio::sync::Notify,
}

impl StandingClock {
    /// Returns when a sleep has begun, each time for another one.
    pub(crate) async fn asleep(&self) {
        self.asleep.notified().await;
    }
}

#[async_trait::async_trait]
impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {
        self.asleep.notify_one();
        std::future::pending().await
    }
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("test", id).expect("a valid stream")
}

pub(crate) fn new_id() -> CommitId {
    CommitId::generate(Timestamp::now(), &SystemEntropy)
}

/// One event per text.
pub(crate) fn events<T: AsRef<str>>(texts: &[T]) -> EncodedEvents {
    let payloads: Vec<String> =
        texts.iter().map(|text| format!("{{\"text\":{:?}}}", text.as_ref())).collect();
    let manifest: Vec<String> =
        payloads.iter().map(|payload| format!("Test:Noted 1 {}", payload.len())).collect();
    let text = |lines: Vec<String>| ByteString::from(lines.join("\n"));
    EncodedEvents::from_stored_json(text(manifest), text(payloads)).expect("they fit")
}

pub(crate) fn commit<T: AsRef<str>>(texts: &[T]) -> NewCommit {
    let mut metadata = Metadata::new();
    metadata.actor = Some("Ada".to_owned());
    let metadata: EncodedMetadata = metadata.encode().expect("it is short");
    NewCommit::new(new_id(), Timestamp::now(), metadata, events(texts))
}

/// A letter about a commit of one event per text, at this version.
pub(crate) fn letter(stream: StreamId, version: u64, texts: &[&str]) -> DeadLetter {
    let commit = commit(texts).place(stream, Version::new(version));
    // A commit that was read has its time as stores keep it; so does the letter then.
    let at = commit.recorded_at();
    let error = "no such article".to_owned();
    let failure =
        Failure { version: commit.last_version(), error, attempts: 3, last_attempt_at: at };
    DeadLetter::new(commit, at, Some(failure))
}

pub(crate) fn parking(letter: &DeadLetter) -> DeadLetterChange {
    DeadLetterChange::Park(Box::new(letter.clone()))
}

pub(crate) fn removing(letter: &DeadLetter) -> DeadLetterChange {
    let stream = letter.commit.stream().clone();
    DeadLetterChange::Remove { stream, version: letter.commit.first_version() }
}

pub(crate) fn dropping(letter: &DeadLetter, reason: &str) -> DeadLetterChange {
    let (stream, version) = (letter.commit.stream().clone(), letter.commit.first_version());
    let dropped = Dropped { reason: reason.to_owned(), at: letter.parked_at };
    DeadLetterChange::Drop { stream, version, dropped }
}

/// Makes changes beside the feed.
pub(crate) async fn change(
    store: &SqliteStore,
    consumer: &ConsumerId,
    dead_letters: Vec<DeadLetterChange>,
) {
    let progress = Progress { dead_letters, ..Progress::new(consumer.clone(), None) };
    CheckpointStore::save(store, progress).await.expect("it is not fenced");
}

/// Appends a commit of one event per text to the end of the stream.
pub(crate) async fn append(store: &SqliteStore, stream: &StreamId, texts: &[&str]) -> Commit {
    let Appended { commit, duplicate } =
        store.append(stream, Expected::Any, commit(texts)).await.expect("it is appended");
    assert!(!duplicate);
    commit
}

/// What a read delivers, and the error it ends with.
pub(crate) async fn read(store: &SqliteStore, query: ReadStream) -> (Vec<Commit>, Option<Error>) {
    let mut commits = Vec::new();
    let mut pages = EventStore::read(store, query);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                assert!(!page.is_empty(), "a page is never empty");
                commits.extend(page);
            }
            Err(error) => {
                assert!(pages.next().await.is_none(), "after an error a read ends");
                return (commits, Some(error));
            }
        }
    }
    (commits, None)
}

pub(crate) async fn read_all(store: &SqliteStore, stream: &StreamId) -> Vec<Commit> {
    match read(store, ReadStream::new(stream.clone())).await {
        (commits, None) => commits,
        (_, Some(error)) => panic!("{stream} cannot be read: {error}"),
    }
}

pub(crate) fn partition() -> PartitionId {
    PartitionId::new("log").expect("a valid name")
}

/// The whole feed, page by page.
pub(crate) async fn read_feed(store: &SqliteStore, page: usize) -> Result<Vec<Commit>> {
    let mut commits = Vec::new();
    let mut checkpoint = Checkpoint::start();
    loop {
        let page = Feed::read(store, &partition(), &checkpoint, page).await?;
        if page.commits.is_empty() {
            assert_eq!(page.remaining, Some(0));
            return Ok(commits);
        }
        commits.extend(page.commits);
        checkpoint = page.checkpoint;
    }
}

/// Every error that names a file must say which.
pub(crate) fn assert_names(error: &Error, path: &Path) {
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "{text:?} does not name {path:?}");
}

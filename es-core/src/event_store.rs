//! The log: the contract that every backend keeps.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::commit::{Commit, CommitId, NewCommit};
use crate::error::{Error, Result};
use crate::page::Page;
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

/// An append-only log of commits in streams.
///
/// # What an implementation promises
///
/// 1. [`append`](Self::append) is atomic and conditional. If the stream does not end exactly where
///    [`Expected`] says — it is behind, ahead, or the position is inside another commit — it fails
///    with [`Error::Conflict`], which says where the stream is, and nothing is written.
/// 2. Appending a commit id that is already in the stream returns the original commit, whatever was
///    appended since. The same id with other events is [`Error::CommitIdReused`]. So a lost
///    acknowledgement or a retry is never a false conflict and never a second write.
/// 3. Versions are 1..n without gap or overlap. Reads see whole commits, in order, forwards or
///    backwards, from any version, page by page in bounded memory, and see every append that was
///    acknowledged before the read began.
/// 4. What is too large or malformed is refused with a typed error before anything is written.
/// 5. A stored commit whose bytes are damaged is [`Error::CorruptCommit`] naming stream and
///    version: never a panic, never a shorter stream.
///
/// `es_core::testing::conformance` (feature `testing`) holds any implementation to this; call
/// it from the backend's tests with one line.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{EventStore, ReadStream, Repository, StreamId};
/// use futures::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
/// accounts.execute("a-1", AccountCommand::Debit(2)).await?;
///
/// let stream = StreamId::new("account", "a-1")?;
/// let mut pages = EventStore::read(&*store, ReadStream::new(stream));
/// while let Some(page) = pages.next().await {
///     for commit in page? {
///         println!("{} {:?}", commit.first_version(), commit.decode::<AccountEvent>()?[0].event);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait EventStore: Debug + Send + Sync + 'static {
    /// Appends a commit to the end of `stream`, if it ends where `expected` says.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`], [`Error::CommitIdReused`], [`Error::LimitExceeded`] and
    /// [`Error::EmptyCommit`]: nothing was written. [`Error::Unavailable`]: it may have been written;
    /// append the same commit again to find out.
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended>;

    /// Reads the commits of a stream as a sequence of pages, none of them empty; a stream that does
    /// not exist has no page. Reading stops when the returned stream is dropped; nothing is read
    /// before it is polled. After an error it ends.
    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>>;

    /// The commit with this id, if it is in the stream.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        let mut pages = self.read(ReadStream::new(stream.clone()).backwards());
        while let Some(page) = pages.next().await {
            if let Some(commit) = page?.into_iter().find(|commit| commit.id() == id) {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Where the stream ends; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    async fn head(&self, stream: &StreamId) -> Result<Option<Head>> {
        let mut pages = self.read(ReadStream::new(stream.clone()).backwards().page_size(1));
        match pages.next().await {
            Some(page) => Ok(page?.first().map(Commit::head)),
            None => Ok(None),
        }
    }

    /// The most that a commit may have.
    fn limits(&self) -> Limits;

    /// Whether each read is a round trip to a service. Readers then ask at the same time for what they
    /// are likely to need, rather than find out step by step. A store that wraps another one answers as
    /// that one does.
    fn reads_are_remote(&self) -> bool {
        false
    }
}

/// Where an append expects the end of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// The stream does not exist yet.
    NoStream,
    /// It ends where it did when it was read.
    Head(Head),
    /// Wherever it ends. For facts that need no decision; it never conflicts.
    Any,
}

impl Expected {
    /// The end of a stream that was read: its head, or that it does not exist.
    pub fn end(head: Option<Head>) -> Self {
        head.map_or(Self::NoStream, Self::Head)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream => f.write_str("not to exist"),
            Self::Head(head) => write!(f, "to end at version {}", head.version()),
            Self::Any => f.write_str("anywhere"),
        }
    }
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The commit in its place.
    pub commit: Commit,
    /// Whether it was there before: this append wrote nothing.
    pub duplicate: bool,
}

/// Which part of a stream to read, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStream {
    /// The stream.
    pub stream: StreamId,
    /// The version to begin at. The first commit is the one that contains it; `None` begins at
    /// the stream's first commit, or backwards at its last. A version past the end has nothing
    /// forwards and everything backwards; version 0, before the first, the other way round.
    pub from: Option<Version>,
    /// In which order.
    pub direction: Direction,
    /// The most commits in one page. Stores also bound the bytes of a page.
    pub page_size: usize,
}

/// The order of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From older to newer.
    Forwards,
    /// From newer to older.
    Backwards,
}

impl ReadStream {
    /// All of `stream`, forwards.
    pub fn new(stream: StreamId) -> Self {
        Self { stream, from: None, direction: Direction::Forwards, page_size: 1000 }
    }

    /// Begins with the commit that contains `version`.
    #[must_use]
    pub fn from(mut self, version: Version) -> Self {
        self.from = Some(version);
        self
    }

    /// From newer to older.
    #[must_use]
    pub fn backwards(mut self) -> Self {
        self.direction = Direction::Backwards;
        self
    }

    /// At most `commits` in one page; 0 counts as 1.
    #[must_use]
    pub fn page_size(mut self, commits: usize) -> Self {
        self.page_size = commits.max(1);
        self
    }
}

/// The most that a store takes in one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events.
    pub max_events: usize,
    /// Bytes of manifest, payloads and metadata.
    pub max_bytes: usize,
}

impl Limits {
    /// Checks a commit before it is written. For stores: this is the first line of every append.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyCommit`] or [`Error::LimitExceeded`].
    pub fn check(&self, stream: &StreamId, commit: &NewCommit) -> Result<()> {
        if commit.events.is_empty() {
            return Err(Error::EmptyCommit { stream: stream.clone() });
        }
        let exceeded = |what, actual: usize, limit: usize| Error::LimitExceeded {
            what,
            stream: stream.clone(),
            actual: actual as u64,
            limit: limit as u64,
        };
        if commit.events.len() > self.max_events {
            let what = "the number of events in a commit";
            return Err(exceeded(what, commit.events.len(), self.max_events));
        }
        if commit.stored_len() > self.max_bytes {
            let what = "the size in bytes of a commit";
            return Err(exceeded(what, commit.stored_len(), self.max_bytes));
        }
        Ok(())
    }
}

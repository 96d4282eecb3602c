//! Loading aggregates and executing commands on them.

mod cache;
mod counters;
mod execute;
mod load;
mod options;
mod receipt;
mod snapshots;
mod tail;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::aggregate::{Aggregate, Snapshot};
use crate::backoff::Backoff;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::codec::{Codec, Compression};
use crate::command::Addressed;
use crate::consumer::{Inline, Projection};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::event_store::EventStore;
use crate::projector::Projector;
use crate::snapshot_store::SnapshotStore;
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

use cache::AggregateCache;
pub use options::{ExecuteOptions, IdempotencyKey};
pub use receipt::{ExecuteError, Receipt};
pub use snapshots::SnapshotPolicy;
use snapshots::Snapshots;

/// Loads aggregates of one type and executes commands on them.
///
/// Cloning is cheap; clones share the cache.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{ExecuteOptions, Repository, Version};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let accounts = Repository::<Account>::new(Arc::new(MemoryStore::new())).with_cache(10_000);
///
/// let receipt = accounts.execute("a-1", AccountCommand::Credit(5)).await?;
/// assert_eq!(receipt.version(), Version::new(1));
///
/// // The same request again, under its idempotency key, has its effect once.
/// let request = || ExecuteOptions::new().idempotency_key("request-7");
/// let first = accounts.execute_with("a-1", AccountCommand::Credit(1), request()).await?;
/// let again = accounts.execute_with("a-1", AccountCommand::Credit(1), request()).await?;
/// assert_eq!(first.commit_id(), again.commit_id());
/// assert!(again.is_replay());
///
/// assert_eq!(accounts.load("a-1").await?.balance, 6);
/// assert_eq!(accounts.load_at("a-1", Version::new(1)).await?.balance, 5);
/// # Ok(())
/// # }
/// ```
pub struct Repository<A: Aggregate> {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    codec: Codec,
    compression: Compression,
    compress_from: usize,
    max_attempts: u32,
    backoff: Backoff,
    snapshots: Option<Snapshots<A>>,
    cache: Option<AggregateCache<A>>,
    inline: Vec<Arc<dyn Inline>>,
}

impl<A: Aggregate> Repository<A> {
    /// A repository on `store`: JSON payloads, no compression, no snapshots, no cache, up to 10
    /// attempts per command.
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            codec: Codec::default(),
            compression: Compression::None,
            compress_from: 0,
            max_attempts: 10,
            backoff: Backoff::default(),
            snapshots: None,
            cache: None,
            inline: Vec::new(),
        }
    }

    /// Writes new commits, and snapshots, with `codec`. What is stored already stays readable.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Compresses the payloads of new commits that have at least `from_bytes` bytes. What is stored
    /// already stays readable.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression, from_bytes: usize) -> Self {
        self.compression = compression;
        self.compress_from = from_bytes;
        self
    }

    /// Runs `projection` in the call of each command: when [`execute`](Self::execute) returns, the view
    /// shows the command's effect, unless the receipt tells [otherwise](Receipt::inline_error). The
    /// command stands in any case, as it is in the log.
    ///
    /// The projection should run as a worker or [catch up](crate::Consumer::catch_up) from time to time
    /// all the same: for what it missed, and for commits of other programs. Both have each effect once.
    ///
    /// ```
    /// # mod doc {
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
    /// # }
    /// # use doc::*;
    /// use std::sync::Arc;
    ///
    /// use es_core::memory::MemoryStore;
    /// use es_core::{Projection, Repository};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Arc::new(MemoryStore::new());
    /// let statements =
    ///     Arc::new(Projection::on(Statements, store.clone())?);
    /// let accounts = Repository::<Account>::new(store).with_inline(statements.clone());
    ///
    /// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
    /// assert_eq!(statements.view().get("a-1").await?.map(|s| s.balance), Some(5));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_inline<P: Projector>(mut self, projection: Arc<Projection<P>>) -> Self {
        if P::CATEGORIES.contains(&A::CATEGORY) {
            self.inline.push(projection);
        }
        self
    }

    /// Keeps snapshots in `store`, taken as `policy` says.
    #[must_use]
    pub fn with_snapshots(mut self, store: Arc<dyn SnapshotStore>, policy: SnapshotPolicy) -> Self
    where
        A: Snapshot,
    {
        self.snapshots = Some(Snapshots::new(store, policy));
        self
    }

    /// Keeps the states of up to `aggregates` aggregates after commands, so that the next command
    /// needs no read. The conditional append corrects a state that another process has made stale.
    /// Commands of this process for one aggregate then wait for each other instead of conflicting.
    #[must_use]
    pub fn with_cache(mut self, aggregates: usize) -> Self {
        self.cache = Some(AggregateCache::new(aggregates));
        self
    }

    /// Gives up a command after `attempts` appends that conflicted or could not reach the store, at
    /// least one, waiting between them as `backoff` says.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32, backoff: Backoff) -> Self {
        self.max_attempts = attempts.max(1);
        self.backoff = backoff;
        self
    }

    /// Stamps commits and waits by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes commit ids and jitter from `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// The aggregate as it is now; its default state, at version 0, if nothing has happened to it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`]; [`Error::Decode`], [`Error::CorruptCommit`] for events that cannot be
    /// read; [`Error::Unavailable`].
    pub async fn load(&self, id: &str) -> Result<Loaded<A>> {
        let stream = StreamId::new(A::CATEGORY, id)?;
        self.load_until(&stream, load::Until::Now).await
    }

    /// The aggregate as it was at `version`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and [`Error::NoSuchVersion`] when it has not come that far.
    pub async fn load_at(&self, id: &str, version: Version) -> Result<Loaded<A>> {
        let stream = StreamId::new(A::CATEGORY, id)?;
        self.load_until(&stream, load::Until::Version(version)).await
    }

    /// The aggregate as it was at `time`: before the first commit that is stamped later.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_as_of(&self, id: &str, time: Timestamp) -> Result<Loaded<A>> {
        let stream = StreamId::new(A::CATEGORY, id)?;
        self.load_until(&stream, load::Until::Time(time)).await
    }

    /// Decides `command` on the aggregate's newest state and appends the events.
    ///
    /// If other writers were faster, the decision is made again on the state with their events, a
    /// bounded number of times. The append of one decision is safe to repeat, so a lost
    /// acknowledgement is neither an error nor a second effect.
    ///
    /// # Errors
    ///
    /// [`ExecuteError::Rejected`] with the domain's own error; [`ExecuteError::Failed`] with
    /// [`Error::Conflict`] after the last attempt, or with any error of the store.
    pub async fn execute(
        &self,
        id: &str,
        command: A::Command,
    ) -> Result<Receipt, ExecuteError<A::Error>> {
        self.execute_with(id, command, ExecuteOptions::default()).await
    }

    /// Like [`execute`](Self::execute), for a command that says which aggregate it is for.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub async fn send(&self, command: A::Command) -> Result<Receipt, ExecuteError<A::Error>>
    where
        A::Command: Addressed,
    {
        let id = command.aggregate_id().to_owned();
        self.execute(&id, command).await
    }
}

impl<A: Aggregate> Clone for Repository<A> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            codec: self.codec,
            compression: self.compression,
            compress_from: self.compress_from,
            max_attempts: self.max_attempts,
            backoff: self.backoff,
            snapshots: self.snapshots.clone(),
            cache: self.cache.clone(),
            inline: self.inline.clone(),
        }
    }
}

impl<A: Aggregate> fmt::Debug for Repository<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("category", &A::CATEGORY)
            .field("store", &self.store)
            .field("codec", &self.codec)
            .field("compression", &self.compression)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}

/// An aggregate's state, and where its stream was when it was read. Dereferences to the state.
#[derive(Debug)]
pub struct Loaded<A> {
    stream: StreamId,
    state: A,
    version: Version,
    /// `None` while the stream does not exist. Not the last commit's head when `load_at` stopped
    /// inside a commit, but nothing is appended to such a state.
    head: Option<Head>,
    /// The version of the snapshot that is stored, as far as known.
    snapshot: Version,
}

impl<A: Aggregate> Loaded<A> {
    fn new(stream: StreamId) -> Self {
        let (version, snapshot) = (Version::ZERO, Version::ZERO);
        Self { stream, state: A::default(), version, head: None, snapshot }
    }
}

impl<A> Loaded<A> {
    /// The stream.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// How many events the state has taken in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether anything has happened to the aggregate.
    pub fn exists(&self) -> bool {
        self.version > Version::ZERO
    }

    /// The state.
    pub fn into_state(self) -> A {
        self.state
    }
}

impl<A> Deref for Loaded<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}

/// The error of a store that contradicts itself while an aggregate is loaded.
fn gap(stream: &StreamId, expected: Version, found: Version) -> Error {
    Error::Gap { stream: stream.clone(), expected, found }
}

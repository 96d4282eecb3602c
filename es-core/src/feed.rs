//! The commits of many streams, as they come.

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::stream_id::check_id;

/// The commits of many streams as a set of ordered partitions.
///
/// # What an implementation promises
///
/// Every commit that was acknowledged to its writer is delivered, at least once, in one of the
/// partitions: nothing is skipped. Its payloads may be uncompressed where they are compressed in the log.
/// Reading again from a checkpoint gives again everything after it.
/// Within a partition commits may come out of the order of their stream or twice; consumers check
/// and repair that (see [`Projection`](crate::Projection)). A partition that has ended is read to
/// its end before its children are begun.
///
/// The suite `es_core::testing::conformance::feed` holds any implementation to this.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Checkpoint, Feed, Repository};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
///
/// for partition in store.partitions().await? {
///     let page = Feed::read(&*store, &partition.id, &Checkpoint::start(), 100).await?;
///     assert_eq!((page.commits.len(), page.remaining), (1, Some(0)));
///     // Next time from `page.checkpoint` on.
/// }
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Feed: Debug + Send + Sync + 'static {
    /// The partitions that there are now.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn partitions(&self) -> Result<Vec<Partition>>;

    /// Where a consumer that begins now has to read on once it has read the history, in every
    /// partition that cannot be read from its start any more, or need not be. A consumer keeps these
    /// places before it reads its first commit, so that it is told when the feed has lost something
    /// between. A partition all of whose commits are in the history has [`Checkpoint::end`]; it may be
    /// one that is never listed and stands for where others come from.
    ///
    /// For feeds that keep commits for a limited time; once there are any, there always are. The
    /// default is none: a feed that keeps everything begins at the start.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        Ok(Vec::new())
    }

    /// Up to `max_commits` commits after `after`, without waiting: an empty page when there are
    /// none yet. After [`Checkpoint::end`] there is an empty page that has
    /// [ended](FeedPage::ended), and nothing is asked for it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable), a damaged checkpoint or commit as
    /// [`Error::Corrupt`](crate::Error::Corrupt) or
    /// [`Error::CorruptCommit`](crate::Error::CorruptCommit), and
    /// [`Error::FeedTrimmed`](crate::Error::FeedTrimmed) when the feed has lost what comes next.
    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage>;

    /// A page of one commit, if there is one, for who looks from outside how far a consumer is: it leaves
    /// those who read undisturbed. The default is to read.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    async fn peek(&self, partition: &PartitionId, after: &Checkpoint) -> Result<FeedPage> {
        self.read(partition, after, 1).await
    }

    /// Returns when there may be something after `after`. It may return early; a caller reads and,
    /// if there is nothing, waits again.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable), and
    /// [`Error::FeedTrimmed`](crate::Error::FeedTrimmed) as [`read`](Self::read).
    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()>;
}

/// One page of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// The commits, in the partition's order.
    pub commits: Vec<Commit>,
    /// The place behind the last of them; when there are none, the place read from, or a later one that
    /// nothing is before. At the end of a partition that has [ended](Self::ended) it is
    /// [`Checkpoint::end`].
    pub checkpoint: Checkpoint,
    /// How many commits are left behind this page, when the feed can tell: the lag.
    pub remaining: Option<u64>,
    /// Whether the partition has ended here for good, and its children can begin.
    pub ended: bool,
}

/// A partition of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub id: PartitionId,
    /// The partitions that must be finished before this one begins. One that is not listed any more
    /// must have been finished by whoever has no place in this one.
    pub parents: Vec<PartitionId>,
}

const REBUILD_MARK: &str = "es:rebuild";

const ANCHORS_MARK: &str = "es:anchored";

const END: &str = "es:end";

/// The name of a partition, unique in its feed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(Arc<str>);

impl PartitionId {
    /// A partition's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when it is empty, longer than 200 bytes, has
    /// control characters, or white space at an end, or when it is `es:rebuild` or `es:anchored`:
    /// those are kept for marks in a consumer's progress.
    pub fn new(name: &str) -> Result<Self> {
        check_id("partition", name, 200)?;
        if [REBUILD_MARK, ANCHORS_MARK].contains(&name) {
            return Err(Error::invalid_id("partition", name, "the name is reserved"));
        }
        Ok(Self(name.into()))
    }

    /// Stands for a partition in the progress of a rebuild, and tells it from another one.
    pub(crate) fn rebuild_mark() -> Self {
        Self(REBUILD_MARK.into())
    }

    /// Stands for a partition in the progress of a consumer that has kept the feed's anchors.
    pub(crate) fn anchors_mark() -> Self {
        Self(ANCHORS_MARK.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionId({:?})", &*self.0)
    }
}

/// A place in a partition, opaque to everybody but the feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(String);

impl Checkpoint {
    /// Before everything that the partition still has.
    pub fn start() -> Self {
        Self::default()
    }

    /// Behind everything that a partition which has ended ever had.
    pub fn end() -> Self {
        Self(END.to_owned())
    }

    /// Whether this is [`end`](Self::end): nothing comes after it.
    pub fn is_end(&self) -> bool {
        self.0 == END
    }

    /// Whether this is [`start`](Self::start).
    pub fn is_start(&self) -> bool {
        self.0.is_empty()
    }

    /// A place, in the feed's own notation. For feeds.
    pub fn from_stored(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    /// A place in a feed that counts its commits: behind the `n`-th. For feeds.
    pub fn from_position(n: u64) -> Self {
        Self(n.to_string())
    }

    /// How many commits are before this place, in a feed that counts them: 0 for the start. For feeds.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) when it is not a place of such a feed.
    pub fn position(&self) -> Result<u64> {
        if self.is_start() {
            return Ok(0);
        }
        // Digits only: `str::parse` would also take a sign.
        if !self.0.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.damaged("it is not a position"));
        }
        self.0.parse().map_err(|_| self.damaged("it is too large for a position"))
    }

    /// The error about a place that the feed does not have. For feeds.
    pub fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::Corrupt { what: format!("the checkpoint {:?}", self.0), reason: reason.into() }
    }

    /// The feed's notation; empty for the start.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

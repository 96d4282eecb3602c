//! How a store is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use es_core::{Clock, Entropy, Limits, Result, SystemClock, SystemEntropy};

use crate::store::SqliteStore;

/// How to open a [`SqliteStore`]; from [`SqliteStore::builder`].
///
/// ```no_run
/// # async fn example() -> es_core::Result<()> {
/// use std::time::Duration;
///
/// use es_sqlite::{SqliteStore, Synchronous};
///
/// let store = SqliteStore::builder("app.db")
///     .synchronous(Synchronous::Full)
///     .busy_timeout(Duration::from_secs(2))
///     .open()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a store is opened by `open`"]
pub struct SqliteOptions {
    pub(crate) path: PathBuf,
    pub(crate) synchronous: Synchronous,
    pub(crate) busy_timeout: Duration,
    pub(crate) max_group: usize,
    pub(crate) max_readers: usize,
    pub(crate) max_file_size: Option<u64>,
    pub(crate) poll_interval: Duration,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// When a commit counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Synchronous {
    /// When the disk has it: an acknowledged commit survives a crash of the program, of the
    /// operating system, and a power cut. One `fsync` per group of commits.
    #[default]
    Full,
    /// When the operating system has it: an acknowledged commit survives a crash of the program. A
    /// crash of the operating system or a power cut can take the last ones back, though never
    /// damage the file or leave a gap: the log ends earlier, and consumers that keep their progress
    /// elsewhere are then told that their checkpoint is past its end. For tests, and for logs that
    /// can be filled again.
    Normal,
}

impl Synchronous {
    pub(crate) fn as_sql(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

impl SqliteOptions {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            synchronous: Synchronous::default(),
            busy_timeout: Duration::from_secs(5),
            max_group: 256,
            max_readers: 8,
            max_file_size: None,
            poll_interval: Duration::from_millis(50),
            limits: Limits { max_events: 10_000, max_bytes: 16 * 1024 * 1024 },
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// When a commit counts as written. Default: [`Synchronous::Full`].
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How long to wait for a lock that another process holds before the call fails with
    /// [`Error::Unavailable`](es_core::Error::Unavailable). A write waits at most twice as long: once
    /// behind the group before it, once itself. Default: 5 s.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// The most writes that share one transaction; 0 counts as 1. Default: 256.
    pub fn max_group(mut self, writes: usize) -> Self {
        self.max_group = writes.max(1);
        self
    }

    /// The most reads that run at the same time, each on a connection of its own; 0 counts as 1.
    /// Further ones wait. Default: 8.
    pub fn max_readers(mut self, readers: usize) -> Self {
        self.max_readers = readers.max(1);
        self
    }

    /// The size in bytes past which the file does not grow: writes then fail as on a full disk, with
    /// [`Error::Unavailable`](es_core::Error::Unavailable). The write-ahead log beside the file comes
    /// on top. Default: no limit.
    pub fn max_file_size(mut self, bytes: u64) -> Self {
        self.max_file_size = Some(bytes);
        self
    }

    /// How often a waiting feed looks for commits, and a waiting receiver for messages, of other
    /// processes; those of this process are noticed at once. Default: 50 ms.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// The most that one commit may have. Default: 10,000 events and 16 MiB. A page of a read or a
    /// feed has room for at least one commit, so the limit is also one on memory.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The clock that waiting and queues go by. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What the ids and receipts of messages are made from. Default: the machine's.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Opens the file, and creates or migrates it when needed. Call it in a tokio runtime.
    ///
    /// # Errors
    ///
    /// Each names the path.
    ///
    /// - [`Error::Backend`](es_core::Error::Backend): the path is a directory, its directory does not
    ///   exist, or this process may not write there.
    /// - [`Error::Corrupt`](es_core::Error::Corrupt): the file is not an SQLite database, or damaged.
    /// - [`Error::UnsupportedFormat`](es_core::Error::UnsupportedFormat): a newer version of this
    ///   crate has written it.
    /// - [`Error::Misuse`](es_core::Error::Misuse): it is the database of another application.
    /// - [`Error::Unavailable`](es_core::Error::Unavailable): another process has locked it, or the
    ///   disk is full.
    pub async fn open(self) -> Result<SqliteStore> {
        SqliteStore::open_with(self).await
    }
}

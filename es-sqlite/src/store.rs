//! The store: one file, its writer and its readers.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use es_core::{Clock, Entropy, Limits, Result};

use crate::expiry::ExpiringViews;
use crate::file::DatabaseFile;
use crate::options::SqliteOptions;
use crate::readers::{ReaderStats, Readers};
use crate::writer::{Writer, WriterStats};

/// A backend in one SQLite file: it is [`EventStore`](es_core::EventStore),
/// [`Feed`](es_core::Feed), [`SnapshotStore`](es_core::SnapshotStore),
/// [`CheckpointStore`](es_core::CheckpointStore), [`ViewStore`](es_core::ViewStore),
/// [`LeaseStore`](es_core::LeaseStore), [`IdempotencyStore`](es_core::IdempotencyStore),
/// [`MessageQueue`](es_core::MessageQueue) and [`Topic`](es_core::Topic).
///
/// Clones share the file's connections. When the last one is dropped, what is queued is still
/// written; [`close`](Self::close) waits for that.
///
/// Several processes may have the file open. Their writes exclude each other, and appends that
/// conflict are told so.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    file: DatabaseFile,
    readers: Readers,
    writer: Writer,
    limits: Limits,
    poll_interval: Duration,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    expiring_views: ExpiringViews,
}

impl SqliteStore {
    /// Opens the file at `path` with the defaults, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open().await
    }

    /// Options for the file at `path`.
    pub fn builder(path: impl AsRef<Path>) -> SqliteOptions {
        SqliteOptions::new(path.as_ref())
    }

    pub(crate) async fn open_with(options: SqliteOptions) -> Result<Self> {
        let file = DatabaseFile::new(&options)?;
        let opened = file.clone();
        let writer = tokio::task::spawn_blocking(move || {
            let db = opened.open_writer()?;
            Writer::start(opened, db, options.max_group)
        });
        let writer = match writer.await {
            Ok(writer) => writer?,
            Err(error) => {
                return Err(es_core::Error::Unavailable {
                    what: "the runtime, which is shutting down,".to_owned(),
                    source: error.into(),
                });
            }
        };
        let readers = Readers::new(file.clone(), options.max_readers, Arc::clone(&options.clock));
        let SqliteOptions { limits, poll_interval, clock, entropy, .. } = options;
        let expiring_views = ExpiringViews::default();
        let shared =
            Shared { file, readers, writer, limits, poll_interval, clock, entropy, expiring_views };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits for what is queued and running, moves the write-ahead log into the file and closes it.
    /// All clones are closed with it: what they are asked then fails with
    /// [`Error::Misuse`](es_core::Error::Misuse). Closing again does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](es_core::Error::Unavailable) when the log cannot be moved. What was
    /// acknowledged is safe; the next one who opens the file finds it.
    pub async fn close(&self) -> Result<()> {
        self.shared.readers.close().await;
        self.shared.writer.close().await
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        self.shared.file.path()
    }

    /// How many transactions the writer has committed since the store was opened, and how many
    /// writes shared them.
    pub fn writer_stats(&self) -> WriterStats {
        self.shared.writer.stats()
    }

    /// How much the readers have done since the store was opened, and where.
    pub fn reader_stats(&self) -> ReaderStats {
        self.shared.readers.stats()
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.shared.readers
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.shared.writer
    }

    pub(crate) fn configured_limits(&self) -> Limits {
        self.shared.limits
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        self.shared.poll_interval
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    pub(crate) fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.entropy
    }

    pub(crate) fn expiring_views(&self) -> &ExpiringViews {
        &self.shared.expiring_views
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path())
            .field("writer", &self.writer_stats())
            .finish_non_exhaustive()
    }
}

//! The dispensary's parts, put together on a backend.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use es_core::{
    CheckpointStore, ConsumerState, Consumers, Error, EventStore, Feed, Projection, Reactor,
    Repository, SnapshotPolicy, SnapshotStore, StreamId, Version, ViewStore, Workers,
};
use es_sqlite::SqliteStore;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use super::analysis::{AnalysisPolicy, TextAnalyzer};
use super::domain::Dispense;
use super::files::PrescriptionFiles;
use super::views::{DispenseDetails, DispenseList};

/// Where everything is kept.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The log.
    pub log: Arc<dyn EventStore>,
    /// Its commits, as they come.
    pub feed: Arc<dyn Feed>,
    /// Snapshots of dispenses.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// The read models.
    pub views: Arc<dyn ViewStore>,
    /// The policy's progress.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The prescription files.
    pub objects: Arc<dyn ObjectStore>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A directory cannot be made.
    #[error("the data directory {} cannot be made", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// There is no data where some is to be read.
    #[error("there is no dispensary data in {}", .0.display())]
    Missing(PathBuf),
    /// The object store cannot be opened.
    #[error("the prescription files cannot be opened")]
    Objects(#[from] object_store::Error),
    /// The log cannot be opened.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The embedded backend: one directory with a database and the prescription files.
#[derive(Debug)]
pub struct Embedded {
    store: Arc<SqliteStore>,
    objects: Arc<LocalFileSystem>,
}

impl Embedded {
    const DATABASE: &'static str = "dispensary.db";

    /// Opens the data in `directory`, making it if it is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub async fn open(directory: &Path) -> Result<Self, OpenError> {
        let cannot = |source| OpenError::Directory { path: directory.to_owned(), source };
        let objects = directory.join("objects");
        std::fs::create_dir_all(&objects).map_err(cannot)?;
        let store = SqliteStore::open(directory.join(Self::DATABASE)).await?;
        // A file must not be lost when its event is kept.
        let objects = LocalFileSystem::new_with_prefix(objects)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), objects: Arc::new(objects) })
    }

    /// Opens the data in `directory`, which must be there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when it is not, and as [`open`](Self::open).
    pub async fn open_existing(directory: &Path) -> Result<Self, OpenError> {
        if !directory.join(Self::DATABASE).is_file() {
            return Err(OpenError::Missing(directory.to_owned()));
        }
        Self::open(directory).await
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        Backend {
            log: self.store.clone(),
            feed: self.store.clone(),
            snapshots: self.store.clone(),
            views: self.store.clone(),
            checkpoints: self.store.clone(),
            objects: self.objects.clone(),
        }
    }

    /// Waits until everything is on disk and closes the database.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn close(self) -> Result<(), Error> {
        self.store.close().await
    }
}

/// The dispensary.
#[derive(Debug)]
pub struct Dispensary {
    /// The aggregates.
    pub dispenses: Repository<Dispense>,
    /// The prescription files.
    pub files: PrescriptionFiles,
    /// The view for lists.
    pub list: Arc<Projection<DispenseList>>,
    /// The view for details.
    pub details: Arc<Projection<DispenseDetails>>,
    /// The policy and the projections, for those who operate them.
    pub consumers: Consumers,
    analysis: Arc<Reactor<AnalysisPolicy>>,
}

impl Dispensary {
    /// Puts the parts together and makes the views readable. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(backend: Backend) -> Result<Self, Error> {
        let Backend { log, feed, snapshots, views, checkpoints, objects } = backend;
        let dispenses = Repository::<Dispense>::new(log.clone())
            .with_cache(10_000)
            .with_snapshots(snapshots, SnapshotPolicy::Every(50));
        let files = PrescriptionFiles::new(objects);
        let list = Projection::new(DispenseList, feed.clone(), log.clone(), views.clone())?;
        let details = Projection::new(DispenseDetails, feed.clone(), log.clone(), views)?;
        let policy = AnalysisPolicy::new(dispenses.clone(), files.clone(), Arc::new(TextAnalyzer));
        let analysis = Reactor::new(policy, feed, log, checkpoints)?;
        list.prepare().await?;
        details.prepare().await?;
        let (list, details, analysis) = (Arc::new(list), Arc::new(details), Arc::new(analysis));
        let consumers =
            Consumers::new().with(analysis.clone()).with(list.clone()).with(details.clone());
        Ok(Self { dispenses, files, list, details, consumers, analysis })
    }

    /// Starts the policy and the projections.
    pub fn start_workers(&self) -> Workers {
        let mut workers = Workers::new();
        workers.start(self.analysis.clone());
        workers.start(self.list.clone());
        workers.start(self.details.clone());
        workers
    }

    /// Waits until both views show the dispense at `version`.
    ///
    /// # Errors
    ///
    /// [`Error::Parked`] when it does not come that far until an operator has looked at it;
    /// [`Error::Paused`] or [`Error::DeadlineExceeded`] after `timeout`.
    pub async fn views_show(
        &self,
        id: &str,
        version: Version,
        timeout: Duration,
    ) -> Result<(), Error> {
        let stream = StreamId::new("dispense", id)?;
        let began = Instant::now();
        let shown = async {
            self.wait_for_analysis(&stream, version, timeout).await?;
            let left = timeout.saturating_sub(began.elapsed());
            futures::try_join!(
                self.list.wait_for_version(&stream, version, left),
                self.details.wait_for_version(&stream, version, left),
            )
        };
        match shown.await {
            Ok(((), ())) => Ok(()),
            Err(Error::DeadlineExceeded { what, .. }) => match self.paused().await? {
                Some(consumer) => Err(Error::Paused { consumer }),
                None => Err(Error::DeadlineExceeded { what, waited: timeout }),
            },
            Err(error) => Err(error),
        }
    }

    /// A version that is not there yet may be the analysis's to bring about: waits for that, so that
    /// nobody waits for an analysis which is parked.
    async fn wait_for_analysis(
        &self,
        stream: &StreamId,
        version: Version,
        timeout: Duration,
    ) -> Result<(), Error> {
        let head = self.dispenses.store().head(stream).await?;
        let Some(head) = head.filter(|head| head.version() < version) else { return Ok(()) };
        self.analysis.wait_for_version(stream, head.version(), timeout).await
    }

    /// A consumer that rests, if any does.
    async fn paused(&self) -> Result<Option<String>, Error> {
        let health = self.consumers.health().await?;
        let paused = health.into_iter().find(|consumer| consumer.state == ConsumerState::Paused);
        Ok(paused.map(|consumer| consumer.consumer))
    }
}

#[cfg(test)]
mod tests;

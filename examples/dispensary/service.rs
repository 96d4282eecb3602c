//! The dispensary's parts, put together on a backend.

use std::sync::Arc;
use std::time::{Duration, Instant};

use es_core::{
    ConsumerState, Consumers, Error, Projection, Reactor, Repository, SnapshotPolicy, StreamId,
    Version, Workers,
};

use super::analysis::{AnalysisPolicy, TextAnalyzer};
use super::backend::Backend;
use super::domain::Dispense;
use super::files::PrescriptionFiles;
use super::views::{DispenseDetails, DispenseList};

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

    /// A view that rests, if one does: what is dispensed is not shown before it is resumed.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn paused_view(&self) -> Result<Option<String>, Error> {
        let views = [self.list.health().await?, self.details.health().await?];
        let paused = views.into_iter().find(|view| view.state == ConsumerState::Paused);
        Ok(paused.map(|view| view.consumer))
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

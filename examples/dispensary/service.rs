//! The dispensary's parts, put together on a backend.

use std::sync::Arc;
use std::time::{Duration, Instant};

use es_core::{
    AnyConsumer, Consumer, ConsumerState, Consumers, Error, Handler, Projection, Reactor,
    Repository, SnapshotPolicy, StreamId, Version, Workers,
};

use super::analysis::{AnalysisPolicy, TextAnalyzer};
use super::backend::{Backend, Pipeline, share};
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
    /// The policy that analyzes uploaded prescriptions.
    pub analysis: Arc<Reactor<AnalysisPolicy>>,
    /// What publishes commits, where they are published.
    pub publisher: Option<Arc<dyn AnyConsumer>>,
    /// All that follow a feed: the policy, the projections and the publisher.
    pub consumers: Consumers,
}

impl Dispensary {
    /// Puts the parts together and makes the views readable. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(backend: Backend) -> Result<Self, Error> {
        let dispensary = Self::assembled(backend)?;
        dispensary.prepare().await?;
        Ok(dispensary)
    }

    /// Puts the parts together and asks nobody for anything. The views can be read once they are
    /// [prepared](Self::prepare), or were written.
    ///
    /// # Errors
    ///
    /// None: its parts fit together.
    pub fn assembled(backend: Backend) -> Result<Self, Error> {
        let Backend { log, feed, snapshots, views, checkpoints, objects, pipeline } = backend;
        let pipeline = pipeline.as_ref();
        let feed = pipeline.map_or(feed, |pipeline| pipeline.feed.clone());
        let dispenses = Repository::<Dispense>::new(log.clone())
            .with_cache(10_000)
            .with_snapshots(snapshots, SnapshotPolicy::Every(50));
        let files = PrescriptionFiles::new(objects);
        let list = Projection::new(DispenseList, feed.clone(), log.clone(), views.clone())?;
        let list = shared(list, pipeline)?;
        let details = Projection::new(DispenseDetails, feed.clone(), log.clone(), views)?;
        let details = shared(details, pipeline)?;
        let policy = AnalysisPolicy::new(dispenses.clone(), files.clone(), Arc::new(TextAnalyzer));
        let analysis = shared(Reactor::new(policy, feed, log, checkpoints)?, pipeline)?;
        let publisher = pipeline.map(|pipeline| pipeline.publisher.clone());
        let mut consumers =
            Consumers::new().with(analysis.clone()).with(list.clone()).with(details.clone());
        if let Some(publisher) = &publisher {
            consumers = consumers.with(publisher.clone());
        }
        Ok(Self { dispenses, files, list, details, analysis, publisher, consumers })
    }

    /// Makes the views readable, where nothing was written yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn prepare(&self) -> Result<(), Error> {
        futures::try_join!(self.list.prepare(), self.details.prepare())?;
        Ok(())
    }

    /// Starts all that follow a feed.
    pub fn start_workers(&self) -> Workers {
        self.consumers.start()
    }

    /// The projections.
    pub fn projections(&self) -> Consumers {
        Consumers::new().with(self.list.clone()).with(self.details.clone())
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

/// The consumer, which shares the feed of a pipeline with those of other processes.
fn shared<H: Handler>(
    consumer: Consumer<H>,
    pipeline: Option<&Pipeline>,
) -> Result<Arc<Consumer<H>>, Error> {
    let consumer = match pipeline {
        Some(pipeline) => share(consumer, &pipeline.leases)?,
        None => consumer,
    };
    Ok(Arc::new(consumer))
}

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{CheckpointStore, ConsumerId, Progress, Revision};
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, Recorded, UnknownEvents};
use crate::event_store::EventStore;
use crate::feed::Feed;
use crate::policy::{Policy, Reaction};
use crate::telemetry;

use super::{Consumer, Handler};

/// A consumer that reacts with a [`Policy`].
pub type Reactor<P> = Consumer<Reacting<P>>;

/// The handler of a [`Reactor`].
pub struct Reacting<P> {
    policy: P,
    checkpoints: Arc<dyn CheckpointStore>,
}

impl<P: Policy> Consumer<Reacting<P>> {
    /// A reactor that follows `feed`, repairs gaps from `log`, and keeps its progress in
    /// `checkpoints`, under the policy's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the policy's name is not valid.
    pub fn new(
        policy: P,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> Result<Self> {
        /// What is saved at once is also what is done again after a crash.
        const BATCH_SIZE: usize = 20;
        let id = ConsumerId::new(P::NAME)?;
        Ok(Self::with_handler(Reacting { policy, checkpoints }, id, feed, log, BATCH_SIZE))
    }
}

impl<P: Policy> Reacting<P> {
    async fn react(&self, commit: &Commit, consumer: &ConsumerId) -> Result<()> {
        let unknown = self.policy.unknown_events();
        for event in events_of::<P::Event>(commit, unknown, consumer.as_str())? {
            let reaction = Reaction::new(P::NAME, commit.clone(), event.version());
            self.policy.react(&event, &reaction).await.map_err(|error| Error::Handler {
                consumer: consumer.to_string(),
                stream: event.stream().clone(),
                version: event.version(),
                transient: error.is_transient(),
                source: error.into_source(),
            })?;
        }
        Ok(())
    }
}

#[async_trait]
impl<P: Policy> Handler for Reacting<P> {
    fn categories(&self) -> &'static [&'static str] {
        P::CATEGORIES
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.checkpoints
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn handle(&self, commits: &[Commit], progress: Progress) -> Result<Revision> {
        for commit in commits {
            self.react(commit, &progress.consumer).await?;
        }
        self.checkpoints.save(progress).await
    }
}

/// The events of a commit, without those that the consumer chose to leave out.
pub(super) fn events_of<'a, E: Event>(
    commit: &'a Commit,
    unknown: UnknownEvents,
    consumer: &str,
) -> Result<Vec<Recorded<'a, E>>> {
    let mut events = Vec::with_capacity(commit.events().len());
    commit.for_each_event(|version, event| {
        match event {
            Ok(event) => events.push(Recorded::new(event, commit, version)),
            Err(Error::Decode { source: DecodeError::UnknownName, .. })
                if unknown == UnknownEvents::Skip =>
            {
                metrics::counter!(telemetry::EVENTS_SKIPPED, "consumer" => consumer.to_owned())
                    .increment(1);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    Ok(events)
}

impl<P: Policy> fmt::Debug for Reacting<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reacting").field("policy", &P::NAME).finish_non_exhaustive()
    }
}

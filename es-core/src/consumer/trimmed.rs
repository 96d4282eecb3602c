//! What is done when the feed has lost what comes next.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::checkpoint_store::Revision;
use crate::error::{Error, Result};
use crate::feed::PartitionId;
use crate::projector::Projector;

use super::control::ConsumerState;
use super::handler::{Handler, Rewindable};
use super::{CatchUp, Consumer, Projecting};

/// Builds the view again.
pub(super) type Rebuild<H> = for<'a> fn(&'a Consumer<H>) -> BoxFuture<'a, Result<CatchUp>>;

/// How long a rebuild that another worker has begun may stand still before it is begun anew.
const STANDSTILL: Duration = Duration::from_secs(60);

/// How long until it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl<P: Projector> Consumer<Projecting<P>> {
    /// Builds the view again from the log when the feed has lost what comes next, as
    /// [`rebuild`](Self::rebuild) does: beside the live view, which stays as it is until then. Of several
    /// workers one does it; the others wait for it. A rebuild that takes longer than the feed keeps its
    /// commits fails with the same error, and the consumer stops.
    ///
    /// Without, [`Error::FeedTrimmed`] stops the consumer until an operator rebuilds it: a rebuild reads
    /// the whole log, which takes time and money.
    #[must_use]
    pub fn with_rebuild_when_trimmed(mut self) -> Self {
        self.when_trimmed = Some(|consumer| Box::pin(consumer.rebuild_alone()));
        self
    }
}

impl<H: Handler> Consumer<H> {
    /// Rebuilds if the error is about a feed that was trimmed and the consumer is to rebuild then. Else
    /// gives the error back.
    pub(super) async fn rebuild_when_trimmed(&self, error: Error) -> Result<()> {
        let (Some(rebuild), Error::FeedTrimmed { .. }) = (self.when_trimmed, &error) else {
            return Err(error);
        };
        let (consumer, cause) = (&self.id, error.with_causes());
        tracing::error!(%consumer, cause, "the feed was trimmed: the view is built again from the log");
        self.control.met(&error, ConsumerState::Rebuilding, self.clock.now());
        let CatchUp { applied, elapsed, .. } = rebuild(self).await?;
        tracing::warn!(%consumer, applied, ?elapsed, "the view was built again");
        self.forget_positions();
        Ok(())
    }
}

impl<H: Rewindable> Consumer<H> {
    /// Rebuilds, unless another worker is at it: then returns when that one has come to its end or
    /// stands still. Two that began whenever they met the trimmed feed would undo each other's work for
    /// ever.
    async fn rebuild_alone(&self) -> Result<CatchUp> {
        let mut found = self.rebuild_progress().await?;
        if found.is_empty() {
            return self.build_again(&mut |_| {}).await;
        }
        let mut still = Duration::ZERO;
        while still < STANDSTILL {
            self.clock.sleep(LOOK_AGAIN).await;
            let now = self.rebuild_progress().await?;
            if now.is_empty() {
                return Ok(CatchUp::default());
            }
            still = if now == found { still + LOOK_AGAIN } else { Duration::ZERO };
            found = now;
        }
        self.build_again(&mut |_| {}).await
    }

    /// How far the rebuild is that somebody has begun and not ended; empty when there is none.
    async fn rebuild_progress(&self) -> Result<Vec<Revision>> {
        let (checkpoints, id) = (self.handler.checkpoints(), self.id.rebuild());
        let mark = checkpoints.load(&id, &PartitionId::rebuild_mark()).await?;
        if mark.checkpoint.is_start() {
            return Ok(Vec::new());
        }
        let mut revisions = vec![mark.revision];
        for partition in self.feed.partitions().await? {
            revisions.push(checkpoints.load(&id, &partition.id).await?.revision);
        }
        Ok(revisions)
    }
}

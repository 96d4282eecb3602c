//! Where a consumer that begins has to read on behind the history.

use std::sync::PoisonError;

use crate::checkpoint_store::{Advance, Progress, Revision};
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};

use super::Consumer;
use super::handler::Handler;
use super::round::Ready;

/// What the first step in a partition is based on: the mark that the feed's anchors are kept, at this
/// revision. `None` for a feed without anchors.
pub(super) type Anchored = Option<(PartitionId, Revision)>;

impl<H: Handler> Consumer<H> {
    /// Keeps the anchors of the feed as the consumer's positions, unless that was done since it began.
    ///
    /// The mark that it is done is saved last, and no partition is begun without it. So the anchors of
    /// a worker that stops in the middle are overwritten by the next one, and those of one that comes
    /// late are refused: it could take them when the history is being read already, and what came
    /// between would be skipped.
    pub(super) async fn keep_anchors(&self) -> Result<()> {
        if self.known_anchored().is_some() {
            return Ok(());
        }
        let anchors = self.feed.anchors().await?;
        let anchored = if anchors.is_empty() { None } else { Some(self.keep(anchors).await?) };
        *self.anchored.lock().unwrap_or_else(PoisonError::into_inner) = Some(anchored);
        Ok(())
    }

    /// Whether the anchors are kept, as far as this object knows.
    fn known_anchored(&self) -> Option<Anchored> {
        self.anchored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn keep(
        &self,
        anchors: Vec<(PartitionId, Checkpoint)>,
    ) -> Result<(PartitionId, Revision)> {
        let checkpoints = self.handler.checkpoints();
        let mark = PartitionId::anchors_mark();
        let found = checkpoints.load(&self.id, &mark).await?;
        if !found.checkpoint.is_start() {
            return Ok((mark, found.revision));
        }
        for (partition, checkpoint) in anchors {
            let at = checkpoints.load(&self.id, &partition).await?;
            if at.checkpoint == checkpoint {
                continue;
            }
            let advance = Advance { partition, based_on: at.revision, checkpoint };
            let mut anchor = Progress::new(self.id.clone(), Some(advance));
            anchor.based_on.clone_from(&self.based_on);
            anchor.based_on.push((mark.clone(), found.revision));
            checkpoints.save(anchor).await?;
        }
        // There is one thing to say about it.
        let (based_on, checkpoint) = (found.revision, Checkpoint::end());
        let advance = Advance { partition: mark.clone(), based_on, checkpoint };
        let mut complete = Progress::new(self.id.clone(), Some(advance));
        complete.based_on.clone_from(&self.based_on);
        checkpoints.save(complete).await?;
        Ok((mark, based_on.next()))
    }

    /// What a step from `after` on is based on, besides its own partition and the mark of a rebuild. A
    /// later one is fenced by the position that the first one saved.
    pub(super) fn basis_of_step_after(&self, after: &Checkpoint) -> Anchored {
        self.known_anchored().flatten().filter(|_| after.is_start())
    }

    /// Forgets what this object knows about the stored progress: somebody else has changed it, perhaps
    /// set it back.
    pub(super) fn forget_positions(&self) {
        self.positions().clear();
        *self.anchored.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Refuses to begin a partition some of whose parents came and went without being read to their
    /// end: what they had is lost.
    pub(super) async fn check_parents(&self, partition: &Ready, after: &Checkpoint) -> Result<()> {
        if !after.is_start() {
            return Ok(());
        }
        for parent in &partition.gone_parents {
            let at = self.handler.checkpoints().load(&self.id, parent).await?;
            if !at.checkpoint.is_end() {
                let (partition, after) = (partition.id.to_string(), after.as_str().to_owned());
                return Err(Error::FeedTrimmed { partition, after });
            }
        }
        Ok(())
    }
}

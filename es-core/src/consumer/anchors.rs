//! Where a consumer that begins has to read on behind the history.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use crate::checkpoint_store::{Advance, Progress, Revision};
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};

use super::Consumer;
use super::handler::Handler;
use super::round::Ready;

/// What a consumer knows of the anchors of its feed.
#[derive(Debug, Clone, Default)]
pub(super) enum Anchors {
    /// Nothing yet.
    #[default]
    Unknown,
    /// The feed has none.
    None,
    /// It has some; whether they are kept must be looked up.
    Unsure,
    /// They are kept, as a mark of this revision says.
    Kept(Revision),
}

/// What the first step in a partition is based on: the mark that the feed's anchors are kept. `None` for
/// a feed without anchors.
pub(super) type Anchored = Option<(PartitionId, Revision)>;

impl<H: Handler> Consumer<H> {
    /// Keeps the anchors of the feed as the consumer's positions, unless that was done since it began.
    ///
    /// The mark that it is done is saved last, and no partition is begun without it. So the anchors of
    /// a worker that stops in the middle are overwritten by the next one, and those of one that comes
    /// late are refused: it could take them when the history is being read already, and what came
    /// between would be skipped.
    pub(super) async fn keep_anchors(&self) -> Result<()> {
        let anchors = match self.known_anchors() {
            Anchors::None | Anchors::Kept(_) => return Ok(()),
            Anchors::Unsure => None,
            Anchors::Unknown => match self.feed.anchors().await? {
                anchors if anchors.is_empty() => {
                    *self.lock_anchors() = Anchors::None;
                    return Ok(());
                }
                anchors => Some(anchors),
            },
        };
        let mark = PartitionId::anchors_mark();
        let found = self.handler.checkpoints().load(&self.id, &mark).await?;
        let mut revision = found.revision;
        if found.checkpoint.is_start() {
            let anchors = match anchors {
                Some(anchors) => anchors,
                None => self.feed.anchors().await?,
            };
            self.keep(anchors, (mark, found.revision)).await?;
            revision = revision.next();
        }
        *self.lock_anchors() = Anchors::Kept(revision);
        Ok(())
    }

    /// Saves the anchors, and then the mark.
    async fn keep(
        &self,
        anchors: Vec<(PartitionId, Checkpoint)>,
        mark: (PartitionId, Revision),
    ) -> Result<()> {
        let checkpoints = self.handler.checkpoints();
        for (partition, checkpoint) in anchors {
            let at = checkpoints.load(&self.id, &partition).await?;
            if at.checkpoint == checkpoint {
                continue;
            }
            let advance = Advance { partition, based_on: at.revision, checkpoint };
            let mut anchor = Progress::new(self.id.clone(), Some(advance));
            anchor.based_on.clone_from(&self.based_on);
            anchor.based_on.push(mark.clone());
            checkpoints.save(anchor).await?;
        }
        let (partition, based_on) = mark;
        // There is one thing to say about it.
        let advance = Advance { partition, based_on, checkpoint: Checkpoint::end() };
        let mut complete = Progress::new(self.id.clone(), Some(advance));
        complete.based_on.clone_from(&self.based_on);
        checkpoints.save(complete).await
    }

    /// Where the consumer would read on behind the history if it began now; `None` when it has begun, or
    /// the feed has no anchors.
    pub(super) async fn anchors_unless_begun(
        &self,
    ) -> Result<Option<HashMap<PartitionId, Checkpoint>>> {
        if matches!(self.known_anchors(), Anchors::None) {
            return Ok(None);
        }
        let mark = self.handler.checkpoints().load(&self.id, &PartitionId::anchors_mark()).await?;
        if !mark.checkpoint.is_start() {
            return Ok(None);
        }
        let anchors: HashMap<_, _> = self.feed.anchors().await?.into_iter().collect();
        Ok((!anchors.is_empty()).then_some(anchors))
    }

    /// What a step from `after` on is based on, besides its own partition and the mark of a rebuild. A
    /// later one is fenced by the position that the first one saved.
    pub(super) fn basis_of_step_after(&self, after: &Checkpoint) -> Anchored {
        match self.known_anchors() {
            Anchors::Kept(revision) if after.is_start() => {
                Some((PartitionId::anchors_mark(), revision))
            }
            _ => None,
        }
    }

    /// Forgets what this object knows about the stored progress: somebody else has changed it, perhaps
    /// set it back.
    pub(super) fn forget_positions(&self) {
        self.positions().clear();
        let mut anchors = self.lock_anchors();
        if matches!(*anchors, Anchors::Kept(_)) {
            *anchors = Anchors::Unsure;
        }
    }

    fn known_anchors(&self) -> Anchors {
        self.lock_anchors().clone()
    }

    fn lock_anchors(&self) -> MutexGuard<'_, Anchors> {
        self.anchors.lock().unwrap_or_else(PoisonError::into_inner)
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

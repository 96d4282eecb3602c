use crate::clock::Timestamp;
use crate::commit::Commit;
use crate::error::Result;
use crate::feed::{Checkpoint, FeedPage};

/// How far a consumer reads its feed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// To its end.
    End,
    /// Behind so many commits.
    Position(u64),
    /// In each partition before the first commit that was recorded then or later.
    Time(Timestamp),
}

impl Until {
    /// How many commits may be read after a place, at most `batch_size`.
    pub(super) fn room(self, after: &Checkpoint, batch_size: usize) -> Result<usize> {
        let Self::Position(end) = self else { return Ok(batch_size) };
        let room = end.saturating_sub(after.position()?);
        Ok(usize::try_from(room).unwrap_or(usize::MAX).min(batch_size))
    }

    /// How many commits of a page are before the end, if not all.
    pub(super) fn cut(self, page: &[Commit]) -> Option<usize> {
        let Self::Time(end) = self else { return None };
        page.iter().position(|commit| commit.recorded_at() >= end)
    }

    /// The page at the end.
    pub(super) fn reached(self, after: &Checkpoint) -> FeedPage {
        let (commits, checkpoint) = (Vec::new(), after.clone());
        FeedPage { commits, checkpoint, remaining: Some(0), ended: false }
    }
}

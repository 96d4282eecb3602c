//! The order within streams.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::checkpoint_store::{CheckpointStore, ConsumerId};
use crate::commit::Commit;
use crate::error::Result;
use crate::stream_id::StreamId;
use crate::version::Version;

/// How far each stream is with consumers of the same categories, as far as it was needed.
#[derive(Default)]
pub(super) struct Streams {
    reached: HashMap<StreamId, Version, RandomState>,
    /// Streams that wait in the dead letters of one of them.
    parked: HashSet<StreamId>,
    /// What the last page moved, as it was before.
    undo: Vec<(StreamId, Version)>,
}

impl Streams {
    /// Looks up the streams of a page that are not known yet, for consumers that are at the same place.
    pub(super) async fn load(
        &mut self,
        commits: &[Commit],
        consumers: impl Iterator<Item = (&ConsumerId, &dyn CheckpointStore)> + Send,
    ) -> Result<()> {
        let missing: HashSet<&StreamId> = commits
            .iter()
            .map(Commit::stream)
            .filter(|stream| !self.reached.contains_key(*stream))
            .collect();
        let missing: Vec<StreamId> = missing.into_iter().cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        for (consumer, checkpoints) in consumers {
            let found = checkpoints.stream_progress(consumer, &missing).await?;
            for (stream, progress) in missing.iter().zip(found) {
                let known = *self.reached.entry(stream.clone()).or_insert(progress.version);
                // What one of them has parked, the others may have handled: steps know what to do.
                if progress.is_parked() || known != progress.version {
                    self.parked.insert(stream.clone());
                }
            }
        }
        Ok(())
    }

    /// Says of each commit of a page whether it comes next in its stream, or is passed over, because it was taken
    /// before or `follows` does not have it. `None` when one cannot be taken: something is missing before it, or its
    /// stream waits. Then nothing has changed.
    pub(super) fn accept(
        &mut self,
        commits: &[Commit],
        follows: impl Fn(&Commit) -> bool,
    ) -> Option<Vec<bool>> {
        self.undo.clear();
        let mut accepted = Vec::with_capacity(commits.len());
        for commit in commits {
            match follows(commit).then(|| self.comes_next(commit)) {
                None | Some(Next::TakenBefore) => accepted.push(false),
                Some(Next::Next) => accepted.push(true),
                Some(Next::CannotBeTaken) => {
                    self.undo();
                    return None;
                }
            }
        }
        Some(accepted)
    }

    fn comes_next(&mut self, commit: &Commit) -> Next {
        let stream = commit.stream();
        if !self.parked.is_empty() && self.parked.contains(stream) {
            return Next::CannotBeTaken;
        }
        let last = commit.last_version();
        let Some(reached) = self.reached.get_mut(stream) else {
            if commit.first_version() != Version::FIRST {
                return Next::CannotBeTaken;
            }
            self.undo.push((stream.clone(), Version::ZERO));
            self.reached.insert(stream.clone(), last);
            return Next::Next;
        };
        if last <= *reached {
            return Next::TakenBefore;
        }
        if commit.first_version() != reached.next() {
            return Next::CannotBeTaken;
        }
        self.undo.push((stream.clone(), *reached));
        *reached = last;
        Next::Next
    }

    /// Takes back what the last page moved.
    pub(super) fn undo(&mut self) {
        for (stream, version) in self.undo.drain(..).rev() {
            self.reached.insert(stream, version);
        }
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        /// An entry, and the allocation of the name.
        const OF_ONE: usize = 104;
        self.reached.len() * OF_ONE
    }

    /// Takes all out of memory.
    pub(super) fn take(&mut self) -> Vec<(StreamId, Version)> {
        self.parked.clear();
        self.undo.clear();
        let reached = std::mem::take(&mut self.reached).into_iter();
        let mut reached: Vec<_> = reached.filter(|(_, version)| *version > Version::ZERO).collect();
        // A table is written faster in its order.
        reached.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        reached
    }
}

enum Next {
    Next,
    TakenBefore,
    CannotBeTaken,
}

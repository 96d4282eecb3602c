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
    parked: HashSet<StreamId, RandomState>,
    /// What the last page moved: the place of the commit in the page, and its stream's version before.
    undo: Vec<(usize, Version)>,
}

/// What is to become of the commits of a page.
#[derive(Debug)]
pub(super) struct Accepted {
    /// By commit, whether it is to have its effect. The others are passed over.
    pub(super) commits: Vec<bool>,
    /// How many are to have their effect.
    pub(super) count: u64,
    /// How many were taken before.
    pub(super) duplicates: u64,
}

impl Streams {
    /// Looks up the streams of a page that are not known yet, for consumers that are at the same place.
    pub(super) async fn load(
        &mut self,
        commits: &[Commit],
        categories: &[&str],
        consumers: impl Iterator<Item = (&ConsumerId, &dyn CheckpointStore)> + Send,
    ) -> Result<()> {
        let missing: HashSet<&StreamId, RandomState> = commits
            .iter()
            .map(Commit::stream)
            .filter(|stream| categories.contains(&stream.category()))
            .filter(|stream| !self.reached.contains_key(*stream))
            .collect();
        let missing: Vec<StreamId> = missing.into_iter().cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut known: Vec<Option<Version>> = vec![None; missing.len()];
        for (consumer, checkpoints) in consumers {
            let found = checkpoints.stream_progress(consumer, &missing).await?;
            for ((stream, known), progress) in missing.iter().zip(&mut known).zip(found) {
                let first = *known.get_or_insert(progress.version);
                // What one of them has parked, the others may have handled: steps know what to do.
                if progress.is_parked() || first != progress.version {
                    self.parked.insert(stream.clone());
                }
            }
        }
        // Only when all were asked: a page that is tried again after an error asks all of them again.
        let known = known.into_iter().map(Option::unwrap_or_default);
        self.reached.extend(missing.into_iter().zip(known));
        Ok(())
    }

    /// Says of each commit of a page whether it comes next in its stream, or is passed over, because it was taken
    /// before or is of another category. `None` when one cannot be taken: something is missing before it, or its
    /// stream waits. Then nothing has changed.
    pub(super) fn accept(&mut self, commits: &[Commit], categories: &[&str]) -> Option<Accepted> {
        self.undo.clear();
        let mut accepted =
            Accepted { commits: vec![false; commits.len()], count: 0, duplicates: 0 };
        for (at, commit) in commits.iter().enumerate() {
            if !categories.contains(&commit.stream().category()) {
                continue;
            }
            match self.turn_of(at, commit) {
                Turn::Now => {
                    accepted.commits[at] = true;
                    accepted.count += 1;
                }
                Turn::Over => accepted.duplicates += 1,
                Turn::NotYet => {
                    self.undo(commits);
                    return None;
                }
            }
        }
        Some(accepted)
    }

    fn turn_of(&mut self, at: usize, commit: &Commit) -> Turn {
        let stream = commit.stream();
        if !self.parked.is_empty() && self.parked.contains(stream) {
            return Turn::NotYet;
        }
        let last = commit.last_version();
        let Some(reached) = self.reached.get_mut(stream) else {
            if commit.first_version() != Version::FIRST {
                return Turn::NotYet;
            }
            self.undo.push((at, Version::ZERO));
            self.reached.insert(stream.clone(), last);
            return Turn::Now;
        };
        if last <= *reached {
            return Turn::Over;
        }
        if commit.first_version() != reached.next() {
            return Turn::NotYet;
        }
        self.undo.push((at, *reached));
        *reached = last;
        Turn::Now
    }

    /// Takes back what the last page moved, which had these commits.
    pub(super) fn undo(&mut self, commits: &[Commit]) {
        for (at, version) in self.undo.drain(..).rev() {
            if let Some(reached) = self.reached.get_mut(commits[at].stream()) {
                *reached = version;
            }
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.reached.len()
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        /// A place in a table that is not full, and the allocation of the name.
        const OF_ONE: usize = 2 * size_of::<(StreamId, Version)>() + 40;
        self.reached.len() * OF_ONE
    }

    /// Takes all out of memory.
    pub(super) fn take(&mut self) -> Vec<(StreamId, Version)> {
        self.undo.clear();
        let mut reached = std::mem::take(&mut self.reached);
        // Those are where they were, which is not the same place with all consumers.
        for stream in self.parked.drain() {
            reached.remove(&stream);
        }
        let reached = reached.into_iter();
        let mut reached: Vec<_> = reached.filter(|(_, version)| *version > Version::ZERO).collect();
        // A table is written faster in its order.
        reached.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        reached
    }
}

/// Whether a commit's turn has come.
enum Turn {
    Now,
    /// It was taken before.
    Over,
    /// Something is missing before it, or its stream waits.
    NotYet,
}

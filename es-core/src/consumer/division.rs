//! A step that is too large for the store is taken in parts.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::checkpoint_store::StreamProgress;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::stream_id::StreamId;

use super::Consumer;
use super::handler::Handler;
use super::step::{Move, Taken};

impl<H: Handler> Consumer<H> {
    /// Takes commits in as few steps as the store allows; the place in the partition moves with the last
    /// of them. What is done when one fails stays done: the commits come again, and are known then.
    ///
    /// `seen` is how far their streams are, `complete` whether they are all that was delivered.
    pub(super) async fn take_in_parts(
        &self,
        commits: Vec<Commit>,
        mut seen: HashMap<StreamId, StreamProgress>,
        complete: bool,
        moves: Option<Move>,
    ) -> Result<Taken> {
        let mut parts = VecDeque::from(divide(commits, &|part| self.fits(part)));
        let mut taken = Taken { complete, ..Taken::default() };
        let mut held = None;
        let mut unfinished: HashSet<StreamId> = HashSet::new();
        while let Some(mut part) = parts.pop_front() {
            // What comes behind a commit of its stream that is to be tried again has to wait for it.
            part.retain(|commit| !unfinished.contains(commit.stream()));
            let moves = moves.clone().filter(|_| parts.is_empty() && taken.complete);
            let is_begun = part.iter().any(|commit| !seen.contains_key(commit.stream()));
            let seen_of_part = match is_begun {
                true => self.stream_progress(&part).await?,
                false => of_streams(&mut seen, &part),
            };
            match self.take_part(&part, seen_of_part.clone(), moves).await {
                Ok(outcome) => {
                    taken.applied += outcome.applied;
                    taken.parked += outcome.parked;
                    if !outcome.complete {
                        taken.complete = false;
                        unfinished.extend(part.iter().map(|commit| commit.stream().clone()));
                    }
                    held = held.or(outcome.held);
                }
                // The count of what a step changes is an estimate, and says nothing of bytes.
                Err(Error::StepTooLarge { .. }) if part.len() > 1 => {
                    seen.extend(seen_of_part);
                    let (first, second) = halves(part);
                    parts.push_front(second);
                    parts.push_front(first);
                }
                Err(error) => return Err(error),
            }
        }
        match held {
            Some(error) => Err(error),
            None => Ok(taken),
        }
    }

    /// Whether the commits are likely to fit in one step of the store.
    fn fits(&self, commits: &[Commit]) -> bool {
        let limit = self.handler.max_step_items();
        if limit == usize::MAX {
            return true;
        }
        let streams: HashSet<&StreamId> = commits.iter().map(Commit::stream).collect();
        // The place in the partition and, when that is begun, the mark of the anchors.
        let positions = 2 + self.based_on.len();
        positions + streams.len() + self.handler.count_items(&self.id, commits) <= limit
    }
}

/// What was seen of the streams of these commits. It is taken out, because it is another one when they
/// were taken.
fn of_streams(
    seen: &mut HashMap<StreamId, StreamProgress>,
    commits: &[Commit],
) -> HashMap<StreamId, StreamProgress> {
    commits.iter().filter_map(|commit| seen.remove_entry(commit.stream())).collect()
}

/// Divides commits until each part fits or is a single commit. Those of one stream stay in their order,
/// within a part and from part to part.
fn divide(commits: Vec<Commit>, fits: &dyn Fn(&[Commit]) -> bool) -> Vec<Vec<Commit>> {
    if commits.len() < 2 || fits(&commits) {
        return vec![commits];
    }
    let (first, second) = halves(commits);
    let mut parts = divide(first, fits);
    parts.extend(divide(second, fits));
    parts
}

/// Two parts of two or more commits: each with half of the streams, or, if there is only one, with half
/// of its commits.
fn halves(mut commits: Vec<Commit>) -> (Vec<Commit>, Vec<Commit>) {
    let mut known = HashSet::new();
    let streams: Vec<&StreamId> =
        commits.iter().map(Commit::stream).filter(|&stream| known.insert(stream)).collect();
    if streams.len() < 2 {
        let second = commits.split_off(commits.len() / 2);
        return (commits, second);
    }
    let first: HashSet<StreamId> = streams[..streams.len() / 2].iter().copied().cloned().collect();
    commits.into_iter().partition(|commit| first.contains(commit.stream()))
}

//! Where in a stream a commit id is.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::chunks::Chunks;
use crate::commit::{Commit, CommitId};
use crate::version::Version;

/// Finds commits by their ids. Generated ids grow along a stream, and need no index for it; from the first
/// id on that does not, there is one.
#[derive(Default)]
pub(super) struct CommitIds {
    unordered: Option<Unordered>,
}

/// The commits from the first one on whose id is not greater than the one before it.
struct Unordered {
    from: Version,
    by_id: HashMap<CommitId, usize, RandomState>,
}

impl CommitIds {
    /// Takes in the commit that will be the next one of `commits`.
    pub(super) fn push(&mut self, commit: &Commit, commits: &Chunks) {
        if self.unordered.is_none() {
            if commits.last().is_none_or(|last| last.id() < commit.id()) {
                return;
            }
            let from = commit.first_version();
            self.unordered = Some(Unordered { from, by_id: HashMap::default() });
        }
        if let Some(Unordered { by_id, .. }) = &mut self.unordered {
            by_id.insert(commit.id(), commits.len());
        }
    }

    /// The index of the commit with this id.
    pub(super) fn position(&self, id: CommitId, commits: &Chunks) -> Option<usize> {
        let Some(Unordered { from, by_id }) = &self.unordered else {
            // As it is of nearly all ids that are asked for: the next commit's, and the last one's.
            let last = commits.last()?.id();
            return if id < last {
                Self::among_ordered(id, commits, Version::new(u64::MAX))
            } else {
                (id == last).then(|| commits.len() - 1)
            };
        };
        by_id.get(&id).copied().or_else(|| Self::among_ordered(id, commits, *from))
    }

    fn among_ordered(id: CommitId, commits: &Chunks, before: Version) -> Option<usize> {
        let less = |commit: &Commit| commit.first_version() < before && commit.id() < id;
        let index = commits.partition_point(less);
        let found = commits.get(index)?;
        (found.first_version() < before && found.id() == id).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::chunks::tests::commit_with;
    use super::*;

    fn stream(ids: &[u16]) -> (CommitIds, Chunks) {
        let (mut index, mut commits) = (CommitIds::default(), Chunks::default());
        for &id in ids {
            let commit = commit_with(id_of(id), commits.len() + 1);
            index.push(&commit, &commits);
            commits.push(commit);
        }
        (index, commits)
    }

    fn id_of(n: u16) -> CommitId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        CommitId::from_bytes(bytes)
    }

    proptest! {
        #[test]
        fn each_id_is_found_where_it_is_and_no_other(
            ordered in prop::collection::btree_set(0..2000_u16, 0..600),
            behind in prop::collection::hash_set(0..2000_u16, 0..20),
        ) {
            let others = behind.into_iter().filter(|id| !ordered.contains(id));
            let ids: Vec<_> = ordered.iter().copied().chain(others).collect();
            let (index, commits) = stream(&ids);
            for id in 0..2000 {
                let expected = ids.iter().position(|&one| one == id);
                prop_assert_eq!(index.position(id_of(id), &commits), expected, "{}", id);
            }
        }
    }

    #[test]
    fn a_stream_whose_ids_grow_keeps_no_index() {
        let (index, commits) = stream(&[1, 5, 7]);
        assert!(index.unordered.is_none());
        assert_eq!(index.position(id_of(5), &commits), Some(1));
    }
}

//! The commits of one stream, in pieces that readers share with the log.

use std::ops::{Index, Range};
use std::sync::Arc;

use crate::commit::Commit;
use crate::page::Page;

/// The most bytes of one page, unless a single commit has more.
const PAGE_BYTES: usize = 1 << 20;

/// Commits in the first piece. Each piece has room for twice as many as the one before it, so that short
/// streams take little memory, and no commit is ever moved.
const FIRST: usize = 16;

/// Commits in each later piece, at most. What a writer has to copy when a reader holds the last piece is no
/// more.
const LARGEST: usize = 256;

/// How many pieces are smaller than the largest, and the commits in them.
const SMALL: usize = (LARGEST / FIRST).ilog2() as usize;
const IN_SMALL: usize = LARGEST - FIRST;

/// A list that only grows. All pieces but the last are full.
#[derive(Default)]
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
    len: usize,
}

#[derive(Default)]
struct Chunk {
    commits: Arc<Vec<Commit>>,
    bytes: usize,
}

impl Chunks {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, index: usize) -> Option<&Commit> {
        let (chunk, inside) = place(index);
        self.chunks.get(chunk)?.commits.get(inside)
    }

    pub(super) fn first(&self) -> Option<&Commit> {
        self.get(0)
    }

    pub(super) fn last(&self) -> Option<&Commit> {
        self.chunks.last()?.commits.last()
    }

    pub(super) fn push(&mut self, commit: Commit) {
        let (chunk, _) = place(self.len);
        if chunk == self.chunks.len() {
            let room = capacity(chunk);
            self.chunks.push(Chunk { commits: Arc::new(Vec::with_capacity(room)), bytes: 0 });
        }
        if let Some(last) = self.chunks.last_mut() {
            last.bytes += commit.bytes_len();
            Arc::make_mut(&mut last.commits).push(commit);
            self.len += 1;
        }
    }

    /// The index of the first commit of which `before` is not true; it is true of all those before.
    pub(super) fn partition_point(&self, before: impl Fn(&Commit) -> bool) -> usize {
        let all_before = |chunk: &Chunk| chunk.commits.last().is_some_and(&before);
        let index = self.chunks.partition_point(all_before);
        let inside = |chunk: &Chunk| chunk.commits.partition_point(&before);
        let inside = self.chunks.get(index).map_or(0, inside);
        (start(index) + inside).min(self.len)
    }

    /// Commits from `start` on, at most so many, and not many more than [`PAGE_BYTES`]: shared ones to the end of
    /// their piece, unless so few are asked for that a page over several pieces is copied.
    pub(super) fn page(&self, start: usize, max: usize) -> Page {
        let (chunk, inside) = place(start);
        let Some(Chunk { commits, bytes }) = self.chunks.get(chunk) else {
            return Page::default();
        };
        let there = commits.len() - inside;
        if there < max && max <= LARGEST && start + there < self.len {
            let end = start.saturating_add(max).min(self.len);
            return take_page(self.range(start..end), max).into();
        }
        let max = if *bytes > PAGE_BYTES { within_bytes(&commits[inside..], max) } else { max };
        Page::shared(commits.clone(), inside..inside.saturating_add(max))
    }

    pub(super) fn range(
        &self,
        range: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = &Commit> + Clone {
        range.filter_map(|index| self.get(index))
    }
}

impl Index<usize> for Chunks {
    type Output = Commit;

    fn index(&self, index: usize) -> &Commit {
        let (chunk, inside) = place(index);
        &self.chunks[chunk].commits[inside]
    }
}

/// How many commits there is room for in a piece.
fn capacity(chunk: usize) -> usize {
    FIRST << chunk.min(SMALL)
}

/// The index of a piece's first commit.
fn start(chunk: usize) -> usize {
    match chunk.checked_sub(SMALL) {
        Some(large) => IN_SMALL + large * LARGEST,
        None => capacity(chunk) - FIRST,
    }
}

/// In which piece the commit with this index is, and where in it.
fn place(index: usize) -> (usize, usize) {
    let chunk = match index.checked_sub(IN_SMALL) {
        Some(large) => SMALL + large / LARGEST,
        None => (index / FIRST + 1).ilog2() as usize,
    };
    (chunk, index - start(chunk))
}

/// The next commits, up to a number and about a mebibyte; at least one, if there is one and one was asked
/// for.
pub(super) fn take_page<'a>(
    commits: impl Iterator<Item = &'a Commit> + Clone,
    max_commits: usize,
) -> Vec<Commit> {
    let fitting = within_bytes(commits.clone(), max_commits);
    commits.take(fitting).cloned().collect()
}

/// How many of the commits have [`PAGE_BYTES`] together, at least one and at most `max`.
fn within_bytes<'a>(commits: impl IntoIterator<Item = &'a Commit>, max: usize) -> usize {
    let mut bytes = 0;
    let fitting = commits.into_iter().take(max).take_while(|commit| {
        let is_first = bytes == 0;
        bytes += commit.bytes_len();
        is_first || bytes <= PAGE_BYTES
    });
    fitting.count()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::codec::Encoding;
    use crate::commit::{CommitId, NewCommit};
    use crate::encoded_events::EncodedEvents;
    use crate::metadata::EncodedMetadata;
    use crate::stream_id::StreamId;
    use crate::version::Version;

    fn commit(version: usize) -> Commit {
        commit_with(CommitId::from_bytes([version as u8; 16]), version)
    }

    pub(in super::super) fn commit_with(id: CommitId, version: usize) -> Commit {
        let events = EncodedEvents::from_stored(Encoding::default(), "A:B 1 2".into(), "{}".into());
        let (metadata, at) = (EncodedMetadata::default(), Timestamp::UNIX_EPOCH);
        NewCommit::new(id, at, metadata, events.expect("they fit"))
            .place(StreamId::new("a", "b").expect("a valid id"), Version::new(version as u64))
    }

    fn filled(commits: usize) -> Chunks {
        let mut chunks = Chunks::default();
        (1..=commits).for_each(|version| chunks.push(commit(version)));
        chunks
    }

    #[test]
    fn the_pieces_follow_one_another() {
        let mut index = 0;
        for chunk in 0..20 {
            assert_eq!(start(chunk), index);
            assert!(capacity(chunk) <= LARGEST);
            for inside in 0..capacity(chunk) {
                assert_eq!(place(index), (chunk, inside));
                index += 1;
            }
        }
    }

    #[test]
    fn pages_one_after_the_other_are_all_commits() {
        for (commits, max) in
            [(0, 5), (1, 5), (LARGEST, 7), (LARGEST + 1, 1000), (3 * LARGEST, LARGEST)]
        {
            let chunks = filled(commits);
            let mut read = Vec::new();
            loop {
                let page = chunks.page(read.len(), max);
                assert!(page.len() <= max);
                if page.is_empty() {
                    break;
                }
                read.extend(page);
            }
            assert_eq!(read, (1..=commits).map(commit).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_page_stays_as_it_is_when_the_log_grows() {
        let mut chunks = filled(3);
        let page = chunks.page(0, 10);
        chunks.push(commit(4));
        assert_eq!(page.len(), 3);
        assert_eq!(chunks.page(0, 10).len(), 4);
    }

    #[test]
    fn a_version_is_found_in_any_piece() {
        let chunks = filled(2 * LARGEST + 5);
        for version in 0..=chunks.len() {
            let before = |commit: &Commit| commit.first_version().get() <= version as u64;
            assert_eq!(chunks.partition_point(before), version);
        }
    }
}

//! The commits of one stream, in pieces that readers share with the log.

use std::ops::{Index, Range};
use std::sync::Arc;

use crate::commit::Commit;
use crate::page::Page;

/// The most bytes of one page, unless a single commit has more.
const PAGE_BYTES: usize = 1 << 20;

/// Commits in one piece. What a writer has to copy when a reader holds the last piece is no more.
const CHUNK: usize = 256;

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
        self.chunks.get(index / CHUNK)?.commits.get(index % CHUNK)
    }

    pub(super) fn first(&self) -> Option<&Commit> {
        self.get(0)
    }

    pub(super) fn last(&self) -> Option<&Commit> {
        self.chunks.last()?.commits.last()
    }

    pub(super) fn push(&mut self, commit: Commit) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk::default());
        }
        if let Some(last) = self.chunks.last_mut() {
            last.bytes += bytes_of(&commit);
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
        (index * CHUNK + inside).min(self.len)
    }

    /// Commits from `start` on, at most so many, at most to the end of their piece, and not many more than
    /// [`PAGE_BYTES`].
    pub(super) fn page(&self, start: usize, max: usize) -> Page {
        let Some(Chunk { commits, bytes }) = self.chunks.get(start / CHUNK) else {
            return Page::default();
        };
        let inside = start % CHUNK;
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
        &self.chunks[index / CHUNK].commits[index % CHUNK]
    }
}

/// How many of the commits have [`PAGE_BYTES`] together, at least one and at most `max`.
pub(super) fn within_bytes<'a>(commits: impl IntoIterator<Item = &'a Commit>, max: usize) -> usize {
    let mut bytes = 0;
    let fitting = commits.into_iter().take(max).take_while(|commit| {
        let is_first = bytes == 0;
        bytes += bytes_of(commit);
        is_first || bytes <= PAGE_BYTES
    });
    fitting.count()
}

fn bytes_of(commit: &Commit) -> usize {
    commit.events().stored_len() + commit.encoded_metadata().as_str().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::codec::Encoding;
    use crate::commit::{CommitId, NewCommit};
    use crate::encoded_events::EncodedEvents;
    use crate::metadata::EncodedMetadata;
    use crate::stream_id::StreamId;
    use crate::version::Version;

    fn commit(version: usize) -> Commit {
        let events = EncodedEvents::from_stored(Encoding::default(), "A:B 1 2".into(), "{}".into());
        let metadata = EncodedMetadata::default();
        let (id, at) = (CommitId::from_bytes([version as u8; 16]), Timestamp::UNIX_EPOCH);
        NewCommit::new(id, at, metadata, events.expect("they fit"))
            .place(StreamId::new("a", "b").expect("a valid id"), Version::new(version as u64))
    }

    fn filled(commits: usize) -> Chunks {
        let mut chunks = Chunks::default();
        (1..=commits).for_each(|version| chunks.push(commit(version)));
        chunks
    }

    #[test]
    fn pages_one_after_the_other_are_all_commits() {
        for (commits, max) in [(0, 5), (1, 5), (CHUNK, 7), (CHUNK + 1, 1000), (3 * CHUNK, CHUNK)] {
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
        let chunks = filled(2 * CHUNK + 5);
        for version in 0..=chunks.len() {
            let before = |commit: &Commit| commit.first_version().get() <= version as u64;
            assert_eq!(chunks.partition_point(before), version);
        }
    }
}

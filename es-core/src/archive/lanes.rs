use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::reader::ArchivedCommit;
use crate::stream_id::StreamId;

/// How many bytes of lines wait at most. Archives of some stores have one stream after the other: only
/// who looks far ahead finds several to work on.
const MAX_WAITING_BYTES: usize = 32 << 20;

/// Commits that are to be appended: those of different streams side by side, those of one stream one
/// after the other, in a lane of its own.
#[derive(Default)]
pub(super) struct Lanes {
    /// What waits behind the commit that is being appended.
    waiting: HashMap<StreamId, VecDeque<ArchivedCommit>>,
    waiting_bytes: usize,
}

impl Lanes {
    /// How many streams are at work.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no more may wait.
    pub(super) fn are_full(&self) -> bool {
        self.waiting_bytes >= MAX_WAITING_BYTES
    }

    /// Puts a commit into the lane of its stream; gives it back if it is its turn.
    pub(super) fn enter(&mut self, commit: ArchivedCommit) -> Option<ArchivedCommit> {
        match self.waiting.entry(commit.commit.stream().clone()) {
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::new());
                Some(commit)
            }
            Entry::Occupied(mut lane) => {
                self.waiting_bytes += commit.len;
                lane.get_mut().push_back(commit);
                None
            }
        }
    }

    /// The commit whose turn it is when the one before it in the stream is done.
    pub(super) fn next(&mut self, stream: &StreamId) -> Option<ArchivedCommit> {
        let next = self.waiting.get_mut(stream)?.pop_front();
        match &next {
            Some(commit) => self.waiting_bytes -= commit.len,
            None => drop(self.waiting.remove(stream)),
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::commit::{CommitId, NewCommit};
    use crate::encoded_events::EncodedEvents;
    use crate::event_store::Expected;
    use crate::metadata::EncodedMetadata;
    use crate::version::Version;

    fn stream(id: &str) -> StreamId {
        StreamId::new("lane", id).unwrap()
    }

    fn archived(id: &str, line: u64, len: usize) -> ArchivedCommit {
        let events = EncodedEvents::from_stored_json("A:B 1 2".into(), "{}".into()).unwrap();
        let (at, metadata) = (Timestamp::UNIX_EPOCH, EncodedMetadata::default());
        let commit = NewCommit::new(CommitId::from_bytes([0; 16]), at, metadata, events);
        let commit = commit.place(stream(id), Version::new(line));
        ArchivedCommit { commit, expected: Expected::Any, line, len }
    }

    #[test]
    fn a_stream_has_one_commit_at_a_time_and_in_order() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.enter(archived("a", 1, 10)).unwrap().line, 1);
        assert!(lanes.enter(archived("a", 2, 10)).is_none());
        assert_eq!(lanes.enter(archived("b", 3, 10)).unwrap().line, 3);
        assert!(lanes.enter(archived("a", 4, 10)).is_none());
        assert_eq!(lanes.len(), 2);
        assert_eq!(lanes.next(&stream("a")).unwrap().line, 2);
        assert_eq!(lanes.next(&stream("a")).unwrap().line, 4);
        assert!(lanes.next(&stream("a")).is_none());
        assert_eq!(lanes.len(), 1);
        assert_eq!(lanes.enter(archived("a", 5, 10)).unwrap().line, 5);
    }

    #[test]
    fn what_waits_is_bounded_by_its_bytes() {
        let mut lanes = Lanes::default();
        let half = MAX_WAITING_BYTES / 2;
        for (line, full) in [(1, false), (2, false), (3, true)] {
            lanes.enter(archived("a", line, half));
            assert_eq!(lanes.are_full(), full, "line {line}");
        }
        lanes.next(&stream("a"));
        assert!(!lanes.are_full());
    }
}

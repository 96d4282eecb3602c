//! The log: streams of commits, and the order in which they came.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use foldhash::fast::RandomState;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::Notify;

use super::MemoryStore;
use super::chunks::{Chunks, take_page};
use super::commit_ids::CommitIds;
use crate::commit::{Commit, CommitId, NewCommit};
use crate::error::{CommitIdReused, Conflict, Result};
use crate::event_store::{Appended, Direction, EventStore, Expected, Limits, ReadStream};
use crate::page::Page;
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

#[derive(Default)]
pub(super) struct Log {
    state: RwLock<LogState>,
    /// Told of every commit.
    grown: Notify,
}

#[derive(Default)]
pub(super) struct LogState {
    index: HashMap<StreamId, usize, RandomState>,
    streams: Vec<Stream>,
    /// Where the commits are, in the order of their appends.
    order: Vec<Place>,
}

#[derive(Default)]
struct Stream {
    commits: Chunks,
    ids: CommitIds,
}

struct Place {
    stream: usize,
    commit: usize,
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.shared.limits.check(stream, &commit)?;
        self.shared.log.append(stream, expected, commit)
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        let log = &self.shared.log;
        // The lock is taken anew for every page: a slow reader holds up nobody.
        stream::unfold(Cursor::Start, move |cursor| {
            let page = log.page(&query, cursor);
            std::future::ready(page.map(|(page, next)| (Ok(page), next)))
        })
        .boxed()
    }

    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        let state = self.shared.log.read();
        Ok(state.stream(stream).and_then(|stream| stream.with_id(id)).cloned())
    }

    async fn head(&self, stream: &StreamId) -> Result<Option<Head>> {
        Ok(self.shared.log.read().stream(stream).and_then(Stream::head))
    }

    fn limits(&self) -> Limits {
        self.shared.limits
    }
}

impl Log {
    pub(super) fn len(&self) -> usize {
        self.read().order.len()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, LogState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, LogState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when there are more commits than that.
    pub(super) async fn longer_than(&self, commits: usize) {
        loop {
            // Asked for before the log is looked at, so that no commit comes unnoticed in between.
            let grown = self.grown.notified();
            if self.len() > commits {
                return;
            }
            grown.await;
        }
    }

    fn append(&self, stream: &StreamId, expected: Expected, commit: NewCommit) -> Result<Appended> {
        let mut state = self.write();
        let index = state.index.get(stream).copied();
        let existing = index.map(|index| &state.streams[index]);
        if let Some(original) = existing.and_then(|stream| stream.with_id(commit.id)) {
            return repeated(original, &commit);
        }
        let head = existing.and_then(Stream::head);
        let met = match expected {
            Expected::Any => true,
            Expected::NoStream => head.is_none(),
            Expected::Head(expected) => head == Some(expected),
        };
        if !met {
            let winner = existing.and_then(|stream| stream.behind(expected)).cloned();
            return Err(Conflict { stream: stream.clone(), expected, actual: head, winner }.into());
        }
        let first = head.map_or(Version::FIRST, |head| head.version().next());
        // All commits of a stream share one name.
        let stream =
            existing.and_then(|stream| stream.commits.last()).map_or(stream, Commit::stream);
        let commit = commit.place(stream.clone(), first);
        state.push(index, commit.clone());
        drop(state);
        self.grown.notify_waiters();
        Ok(Appended { commit, duplicate: false })
    }

    /// The page at `cursor` and the cursor behind it; `None` when there is nothing more.
    fn page(&self, query: &ReadStream, cursor: Cursor) -> Option<(Page, Cursor)> {
        if matches!(cursor, Cursor::End) {
            return None;
        }
        let state = self.read();
        let commits = &state.stream(&query.stream)?.commits;
        let at = match cursor {
            Cursor::At(index) => index,
            _ => start(commits, query),
        };
        let page_size = query.page_size.max(1);
        let (page, next, end) = match query.direction {
            Direction::Forwards => {
                let page = commits.page(at, page_size);
                let next = at + page.len();
                (page, next, commits.len())
            }
            Direction::Backwards => {
                let first = at.saturating_sub(page_size);
                let page = take_page(commits.range(first..at).rev(), page_size);
                let next = at - page.len();
                (page.into(), next, 0)
            }
        };
        let cursor = if next == end { Cursor::End } else { Cursor::At(next) };
        (!page.is_empty()).then_some((page, cursor))
    }
}

/// How far a read has come: to an index into the stream's commits, which only grow. Backwards it counts
/// what is left.
enum Cursor {
    Start,
    At(usize),
    End,
}

fn start(commits: &Chunks, query: &ReadStream) -> usize {
    match (query.direction, query.from) {
        (Direction::Forwards, None) => 0,
        (Direction::Forwards, Some(from)) => {
            commits.partition_point(|commit| commit.last_version() < from)
        }
        (Direction::Backwards, None) => commits.len(),
        (Direction::Backwards, Some(from)) => {
            commits.partition_point(|commit| commit.first_version() <= from)
        }
    }
}

/// The answer to an append whose commit id is taken.
fn repeated(original: &Commit, commit: &NewCommit) -> Result<Appended> {
    let original = original.clone();
    if original.events() == &commit.events {
        Ok(Appended { commit: original, duplicate: true })
    } else {
        let reused = CommitIdReused { commit_id: commit.id, original };
        Err(crate::Error::CommitIdReused(Box::new(reused)))
    }
}

impl LogState {
    fn stream(&self, id: &StreamId) -> Option<&Stream> {
        self.index.get(id).map(|&index| &self.streams[index])
    }

    /// Adds a commit to the stream of this index, or to a new one.
    fn push(&mut self, index: Option<usize>, commit: Commit) {
        let stream = index.unwrap_or_else(|| {
            self.streams.push(Stream::default());
            self.index.insert(commit.stream().clone(), self.streams.len() - 1);
            self.streams.len() - 1
        });
        let commits = &mut self.streams[stream];
        let place = Place { stream, commit: commits.commits.len() };
        commits.ids.push(&commit, &commits.commits);
        commits.commits.push(commit);
        self.order.push(place);
    }

    /// The commits in the order of their appends, without the first `skip`; `None` when there are not
    /// as many.
    pub(super) fn in_order(
        &self,
        skip: usize,
    ) -> Option<impl ExactSizeIterator<Item = &Commit> + Clone> {
        let places = self.order.get(skip..)?;
        Some(places.iter().map(|place| &self.streams[place.stream].commits[place.commit]))
    }
}

impl Stream {
    fn head(&self) -> Option<Head> {
        self.commits.last().map(Commit::head)
    }

    fn with_id(&self, id: CommitId) -> Option<&Commit> {
        self.commits.get(self.ids.position(id, &self.commits)?)
    }

    /// The commit that took the place which an append expected to be free. A head that this stream
    /// never had has no place in it.
    fn behind(&self, expected: Expected) -> Option<&Commit> {
        match expected {
            Expected::NoStream => self.commits.first(),
            Expected::Head(head) => {
                let index = self.ids.position(head.commit_id(), &self.commits)?;
                let had = self.commits.get(index).is_some_and(|commit| commit.head() == head);
                had.then(|| self.commits.get(index + 1))?
            }
            Expected::Any => None,
        }
    }
}

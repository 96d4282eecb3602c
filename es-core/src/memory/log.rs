//! The log: streams of commits, and the order in which they came.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::watch;

use super::MemoryStore;
use crate::commit::{Commit, CommitId, NewCommit};
use crate::error::{CommitIdReused, Conflict, Result};
use crate::event_store::{Appended, Direction, EventStore, Expected, Limits, ReadStream};
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

/// The most bytes of one page, unless a single commit has more.
const PAGE_BYTES: usize = 1 << 20;

pub(super) struct Log {
    state: RwLock<LogState>,
    /// How many commits there are, for those who wait for the next one.
    pub(super) len: watch::Sender<u64>,
}

#[derive(Default)]
pub(super) struct LogState {
    index: HashMap<StreamId, usize>,
    streams: Vec<Stream>,
    /// Where the commits are, in the order of their appends.
    order: Vec<Place>,
}

#[derive(Default)]
struct Stream {
    commits: Vec<Commit>,
    by_id: HashMap<CommitId, usize>,
}

struct Place {
    stream: usize,
    commit: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { state: RwLock::default(), len: watch::Sender::new(0) }
    }
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

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Vec<Commit>>> {
        let log = &self.shared.log;
        // The lock is taken anew for every page: a slow reader holds up nobody.
        stream::unfold(None, move |cursor| {
            let page = log.page(&query, cursor);
            std::future::ready(page.map(|(commits, next)| (Ok(commits), Some(next))))
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

    fn append(&self, stream: &StreamId, expected: Expected, commit: NewCommit) -> Result<Appended> {
        let mut state = self.write();
        if let Some(existing) = state.stream(stream)
            && let Some(original) = existing.with_id(commit.id)
        {
            return repeated(original, &commit);
        }
        let head = state.stream(stream).and_then(Stream::head);
        let met = match expected {
            Expected::Any => true,
            Expected::NoStream => head.is_none(),
            Expected::Head(expected) => head == Some(expected),
        };
        if !met {
            let winner = state.stream(stream).and_then(|stream| stream.behind(expected)).cloned();
            return Err(Conflict { stream: stream.clone(), expected, actual: head, winner }.into());
        }
        let first = head.map_or(Version::FIRST, |head| head.version().next());
        let commit = state.push(commit.place(stream.clone(), first));
        // Under the lock, so that the number told never goes back.
        self.len.send_replace(state.order.len() as u64);
        Ok(Appended { commit, duplicate: false })
    }

    /// The page at `cursor` and the cursor behind it; `None` when there is nothing more. A cursor is
    /// an index into the stream's commits, which only grow; backwards it counts what is left.
    fn page(&self, query: &ReadStream, cursor: Option<usize>) -> Option<(Vec<Commit>, usize)> {
        let state = self.read();
        let commits = &state.stream(&query.stream)?.commits;
        let cursor = cursor.unwrap_or_else(|| start(commits, query));
        let page_size = query.page_size.max(1);
        let page = match query.direction {
            Direction::Forwards => take_page(commits.get(cursor..)?.iter(), page_size),
            Direction::Backwards => take_page(commits[..cursor].iter().rev(), page_size),
        };
        if page.is_empty() {
            return None;
        }
        let next = match query.direction {
            Direction::Forwards => cursor + page.len(),
            Direction::Backwards => cursor - page.len(),
        };
        Some((page, next))
    }
}

fn start(commits: &[Commit], query: &ReadStream) -> usize {
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

/// The next commits, up to a number and about [`PAGE_BYTES`]; at least one, if there is one and one
/// was asked for.
pub(super) fn take_page<'a>(
    commits: impl ExactSizeIterator<Item = &'a Commit>,
    max_commits: usize,
) -> Vec<Commit> {
    // A caller that asks for everything gets what the bytes allow: no memory for more is taken ahead.
    let mut page = Vec::with_capacity(commits.len().min(max_commits).min(1_000));
    let mut bytes = 0;
    for commit in commits.take(max_commits) {
        bytes += commit.events().stored_len() + commit.encoded_metadata().as_str().len();
        if bytes > PAGE_BYTES && !page.is_empty() {
            break;
        }
        page.push(commit.clone());
    }
    page
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

    fn push(&mut self, commit: Commit) -> Commit {
        let stream = *self.index.entry(commit.stream().clone()).or_insert_with(|| {
            self.streams.push(Stream::default());
            self.streams.len() - 1
        });
        let commits = &mut self.streams[stream];
        let place = Place { stream, commit: commits.commits.len() };
        commits.by_id.insert(commit.id(), place.commit);
        commits.commits.push(commit.clone());
        self.order.push(place);
        commit
    }

    /// The commits in the order of their appends, without the first `skip`; `None` when there are not
    /// as many.
    pub(super) fn in_order(&self, skip: usize) -> Option<impl ExactSizeIterator<Item = &Commit>> {
        let places = self.order.get(skip..)?;
        Some(places.iter().map(|place| &self.streams[place.stream].commits[place.commit]))
    }
}

impl Stream {
    fn head(&self) -> Option<Head> {
        self.commits.last().map(Commit::head)
    }

    fn with_id(&self, id: CommitId) -> Option<&Commit> {
        self.by_id.get(&id).map(|&index| &self.commits[index])
    }

    /// The commit that took the place which an append expected to be free. A head that this stream
    /// never had has no place in it.
    fn behind(&self, expected: Expected) -> Option<&Commit> {
        match expected {
            Expected::NoStream => self.commits.first(),
            Expected::Head(head) => {
                let &index = self.by_id.get(&head.commit_id())?;
                (self.commits[index].head() == head).then(|| self.commits.get(index + 1))?
            }
            Expected::Any => None,
        }
    }
}

use std::pin::pin;

use futures::StreamExt as _;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::aggregate::Aggregate;
use crate::clock::Timestamp;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, UnknownEvents};
use crate::event_store::ReadStream;
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::{Head, Version};

use super::counters::Counters;
use super::{Loaded, Repository, gap};

/// Where a load stops.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    Now,
    Version(Version),
    Time(Timestamp),
}

impl<A: Aggregate> Repository<A> {
    /// Reads the state: from the snapshot, if there is one that the log confirms, and the events
    /// after it; from all events otherwise.
    pub(super) async fn load_until(&self, stream: &StreamId, until: Until) -> Result<Loaded<A>> {
        let span = tracing::debug_span!("load", %stream, version = Empty);
        let work = pin!(self.load_in_span(stream, until));
        let loaded = work.instrument(span.clone()).await?;
        span.record("version", loaded.version.get());
        Ok(loaded)
    }

    async fn load_in_span(&self, stream: &StreamId, until: Until) -> Result<Loaded<A>> {
        let mut loaded = match &self.snapshots {
            Some(snapshots) if matches!(until, Until::Now) && self.store.reads_are_remote() => {
                self.load_with_tail(stream, snapshots).await?
            }
            _ => self.load_step_by_step(stream, until).await?,
        };
        if let Until::Version(asked) = until {
            let actual = loaded.version;
            if actual < asked {
                return Err(Error::NoSuchVersion { stream: stream.clone(), asked, actual });
            }
            // What is stored as a snapshot does not describe a past state.
            loaded.snapshot = Version::ZERO;
        }
        Ok(loaded)
    }

    async fn load_step_by_step(&self, stream: &StreamId, until: Until) -> Result<Loaded<A>> {
        if let Some(loaded) = self.load_from_snapshot(stream, until).await? {
            return Ok(loaded);
        }
        let mut loaded = Loaded::new(stream.clone());
        self.replay(&mut loaded, ReadStream::new(stream.clone()), None, until).await?;
        Ok(loaded)
    }

    /// Takes in what happened since `loaded` was read; tells whether there was anything. A state that
    /// is not of this log (it was restored meanwhile) is read anew.
    pub(super) async fn catch_up(&self, loaded: &mut Loaded<A>) -> Result<bool> {
        let before = loaded.head;
        let mut query = ReadStream::new(loaded.stream.clone());
        if let Some(head) = before {
            query = query.from(head.commit_start());
        }
        if !self.replay(loaded, query, before, Until::Now).await? {
            *loaded = self.load_until(&loaded.stream.clone(), Until::Now).await?;
        }
        Ok(loaded.head != before)
    }

    async fn load_from_snapshot(
        &self,
        stream: &StreamId,
        until: Until,
    ) -> Result<Option<Loaded<A>>> {
        let Some(snapshots) = &self.snapshots else { return Ok(None) };
        // Times may go backwards within a stream, so that a late commit says nothing about those
        // before it: the state as of a time is always folded from the beginning.
        if matches!(until, Until::Time(_)) {
            return Ok(None);
        }
        let Some(unconfirmed) = snapshots.load(stream).await else {
            return Ok(None);
        };
        let head = unconfirmed.head;
        if matches!(until, Until::Version(last) if last < head.version()) {
            return Ok(None);
        }
        let mut loaded = unconfirmed.into_loaded(stream);
        let tail = ReadStream::new(stream.clone()).from(head.commit_start());
        let confirmed = self.replay(&mut loaded, tail, Some(head), until).await?;
        snapshots.count_use(confirmed);
        Ok(confirmed.then_some(loaded))
    }

    /// Applies the commits of `query` to `loaded`.
    ///
    /// With `confirm`, the first commit must be the one that the state was taken after: it is not
    /// applied, and if it is another one, or there is none, nothing is applied and the answer is
    /// `false`. So a snapshot that is ahead of the log, or of another log, is found out by the same
    /// request that reads the tail.
    pub(super) async fn replay(
        &self,
        loaded: &mut Loaded<A>,
        query: ReadStream,
        mut confirm: Option<Head>,
        until: Until,
    ) -> Result<bool> {
        let before = loaded.version;
        let mut pages = self.store.read(query);
        'pages: while let Some(page) = pages.next().await {
            for commit in &page? {
                if let Some(head) = confirm.take() {
                    if commit.head() != head {
                        return Ok(false);
                    }
                } else {
                    let last = match until {
                        Until::Now => commit.last_version(),
                        Until::Version(last) if last < commit.first_version() => break 'pages,
                        Until::Version(last) => last.min(commit.last_version()),
                        Until::Time(time) if commit.recorded_at() > time => break 'pages,
                        Until::Time(_) => commit.last_version(),
                    };
                    apply_commit(loaded, commit, last)?;
                }
                // The next page may be another request.
                if matches!(until, Until::Version(last) if last <= loaded.version) {
                    break 'pages;
                }
            }
        }
        Counters::<A>::loaded(loaded.version.get() - before.get());
        Ok(confirm.is_none())
    }
}

/// Applies the events of the next commit, up to `last`.
pub(super) fn apply_commit<A: Aggregate>(
    loaded: &mut Loaded<A>,
    commit: &Commit,
    last: Version,
) -> Result<()> {
    if commit.first_version() != loaded.version.next() {
        return Err(gap(&loaded.stream, loaded.version.next(), commit.first_version()));
    }
    let events = commit.open()?;
    let mut version = commit.first_version();
    for encoded in events.iter() {
        if version > last {
            break;
        }
        match A::Event::decode(encoded) {
            Ok(event) => loaded.state.apply(event),
            Err(DecodeError::UnknownName) if A::Event::UNKNOWN == UnknownEvents::Skip => {
                metrics::counter!(telemetry::EVENTS_SKIPPED, "category" => A::CATEGORY)
                    .increment(1);
            }
            Err(source) => return Err(commit.undecodable(version, encoded, source)),
        }
        version = version.next();
    }
    loaded.version = last;
    loaded.head = Some(commit.head());
    Ok(())
}

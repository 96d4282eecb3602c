//! Loading from a store whose reads are round trips: the snapshot and the newest commits are asked for
//! at the same time, and only what lies between them, if anything, afterwards.

use futures::StreamExt as _;

use crate::aggregate::Aggregate;
use crate::commit::Commit;
use crate::error::Result;
use crate::event_store::ReadStream;
use crate::stream_id::StreamId;
use crate::version::Version;

use super::counters::Counters;
use super::load::{Until, apply_commit};
use super::snapshots::Snapshots;
use super::{Loaded, Repository};

/// How many commits are read beside the snapshot. With a snapshot every 50 commits of some 300 bytes a
/// load is then at most 4 read units on DynamoDB, and half of all loads need nothing else.
const TAIL: usize = 25;

/// The most commits in one page of what lies between.
const PAGE: u64 = 1000;

impl<A: Aggregate> Repository<A> {
    /// Reads the state as it is now.
    pub(super) async fn load_with_tail(
        &self,
        stream: &StreamId,
        snapshots: &Snapshots<A>,
    ) -> Result<Loaded<A>> {
        let (snapshot, tail) = futures::join!(snapshots.load(stream), self.read_tail(stream));
        let tail = tail?;
        if let Some(snapshot) = snapshot {
            let mut loaded = snapshot.into_loaded(stream);
            let confirmed = self.replay_to(&mut loaded, &tail).await?;
            snapshots.count_use(confirmed);
            if confirmed {
                return Ok(loaded);
            }
        }
        let mut loaded = Loaded::new(stream.clone());
        self.replay_to(&mut loaded, &tail).await?;
        Ok(loaded)
    }

    /// The newest commits, in order; all of them, if there are few.
    async fn read_tail(&self, stream: &StreamId) -> Result<Vec<Commit>> {
        let query = ReadStream::new(stream.clone()).backwards().page_size(TAIL);
        let page = self.store.read(query).next().await.transpose()?.unwrap_or_default();
        let mut tail = page.into_vec();
        tail.reverse();
        Ok(tail)
    }

    /// Applies the commits behind `loaded`, which end with `tail`. If the log does not have the commit
    /// that the state was taken after, nothing is applied and the answer is `false`.
    async fn replay_to(&self, loaded: &mut Loaded<A>, tail: &[Commit]) -> Result<bool> {
        let Some(oldest) = tail.first().map(Commit::first_version) else {
            return Ok(loaded.head.is_none());
        };
        let start = loaded.head.map_or(Version::FIRST, |head| head.commit_start());
        let behind = if start < oldest {
            let versions = oldest.get() - start.get();
            let between = ReadStream::new(loaded.stream.clone())
                .from(start)
                .page_size(versions.min(PAGE) as usize);
            let until = Until::Version(Version::new(oldest.get() - 1));
            if !self.replay(loaded, between, loaded.head, until).await? {
                return Ok(false);
            }
            tail
        } else if let Some(head) = loaded.head {
            match tail.iter().position(|commit| commit.head() == head) {
                Some(confirmed) => &tail[confirmed + 1..],
                None => return Ok(false),
            }
        } else {
            tail
        };
        let before = loaded.version;
        for commit in behind {
            apply_commit(loaded, commit, commit.last_version())?;
        }
        Counters::<A>::loaded(loaded.version.get() - before.get());
        Ok(true)
    }
}

//! Feeds with a history that ends, broken in one way each.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::feed::SUITE;
use es_core::{Checkpoint, Error, Feed, FeedPage, Partition, PartitionId, Result};

use crate::{assert_breaks, assert_keeps};

/// The log as it is when its reading begins, and behind that partition the log as it goes on.
#[derive(Debug)]
struct HistoryFirst {
    store: MemoryStore,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Gives a place of its own for the end.
    NamesTheEnd,
    /// Does not know that nothing is behind the end.
    ForgetsTheEnd,
    /// Takes its anchors when the history was read: at what is newest then.
    AnchorsLate,
}

const HISTORY: &str = "history";
const ANCHORED: &str = "from ";

impl HistoryFirst {
    async fn log(&self) -> Result<PartitionId> {
        Ok(self.store.partitions().await?.remove(0).id)
    }

    async fn length(&self) -> Result<u64> {
        let log = self.log().await?;
        let all = Feed::read(&self.store, &log, &Checkpoint::start(), usize::MAX).await?;
        Ok(all.commits.len() as u64)
    }

    async fn read_history(&self, after: &Checkpoint, max_commits: usize) -> Result<FeedPage> {
        let (start, end) = match after.as_str().split_once(" of ") {
            Some((start, end)) => (start.parse().ok(), end.parse().ok()),
            None if after.is_start() => (Some(0), Some(self.length().await?)),
            None => (None, None),
        };
        let (Some(start), Some(end)) = (start, end) else {
            return Err(after.damaged("it is not a place of the history"));
        };
        let room = usize::try_from(end - start).unwrap().min(max_commits);
        let from = Checkpoint::from_position(start);
        let page = Feed::read(&self.store, &self.log().await?, &from, room).await?;
        let next = start + page.commits.len() as u64;
        let ended = next == end;
        let named = self.fault == Some(Fault::NamesTheEnd);
        let checkpoint = match ended && !named {
            true => Checkpoint::end(),
            false => Checkpoint::from_stored(format!("{next} of {end}")),
        };
        Ok(FeedPage { commits: page.commits, checkpoint, remaining: None, ended })
    }

    /// The place in the log that an anchor stands for.
    async fn place(&self, after: &Checkpoint) -> Result<Checkpoint> {
        if after.is_start() && self.fault == Some(Fault::AnchorsLate) {
            return Ok(Checkpoint::from_position(self.length().await?));
        }
        Ok(match after.as_str().strip_prefix(ANCHORED) {
            Some(position) => Checkpoint::from_stored(position),
            None => after.clone(),
        })
    }
}

#[async_trait]
impl Feed for HistoryFirst {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        let history = PartitionId::new(HISTORY)?;
        let log = Partition { id: self.log().await?, parents: vec![history.clone()] };
        Ok(vec![Partition { id: history, parents: Vec::new() }, log])
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        if self.fault == Some(Fault::AnchorsLate) {
            return Ok(Vec::new());
        }
        let now = format!("{ANCHORED}{}", self.length().await?);
        Ok(vec![(self.log().await?, Checkpoint::from_stored(now))])
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        if partition.as_str() != HISTORY {
            let place = self.place(after).await?;
            let page = Feed::read(&self.store, partition, &place, max_commits).await?;
            let checkpoint = if page.commits.is_empty() { after.clone() } else { page.checkpoint };
            return Ok(FeedPage { checkpoint, remaining: None, ..page });
        }
        if after.is_end() && self.fault == Some(Fault::ForgetsTheEnd) {
            return self.read_history(&Checkpoint::start(), max_commits).await;
        }
        if after.is_end() {
            let (commits, checkpoint) = (Vec::new(), Checkpoint::end());
            return Ok(FeedPage { commits, checkpoint, remaining: Some(0), ended: true });
        }
        self.read_history(after, max_commits).await
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        if partition.as_str() == HISTORY {
            return self.read_history(after, 1).await.map(drop);
        }
        let place = self.place(after).await?;
        if self.fault == Some(Fault::AnchorsLate) && place.position()? == self.length().await? {
            // Who waits for what was lost need not do so for a minute.
            let (what, source) = ("anything more".to_owned(), "all was read".into());
            return Err(Error::Unavailable { what, source });
        }
        self.store.wait(partition, &place).await
    }
}

fn feed(fault: Option<Fault>) -> impl Fn() -> (MemoryStore, HistoryFirst) {
    move || {
        let store = MemoryStore::new();
        (store.clone(), HistoryFirst { store, fault })
    }
}

#[tokio::test]
async fn a_history_that_ends_keeps_all_rules() {
    assert_eq!(SUITE.failures(|| async { feed(None)() }).await, []);
}

#[tokio::test]
async fn an_end_that_is_not_said_to_be_one_is_found() {
    let rules = [("a_partition_that_has_ended_is_at_its_end", "its checkpoint is")];
    assert_breaks(&SUITE, feed(Some(Fault::NamesTheEnd)), &rules).await;
}

#[tokio::test]
async fn commits_behind_an_end_are_found() {
    let rules = [("a_partition_that_has_ended_is_at_its_end", "behind the end of history")];
    assert_breaks(&SUITE, feed(Some(Fault::ForgetsTheEnd)), &rules).await;
}

#[tokio::test]
async fn what_is_appended_while_the_history_is_read_and_lost_is_found() {
    let feed = feed(Some(Fault::AnchorsLate));
    let rules = [("nothing_is_lost_behind_the_anchors", "anything more is not available")];
    assert_breaks(&SUITE, &feed, &rules).await;
    assert_keeps(&SUITE, &feed, &["a_partition_that_has_ended_is_at_its_end"]).await;
}

//! Stores that keep less than an archive has, and feeds that deliver less than their log has.

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::archive::SUITE;
use es_core::{
    Appended, Checkpoint, EncodedMetadata, EventStore, Expected, Feed, FeedPage, Limits, NewCommit,
    Page, Partition, PartitionId, ReadStream, Result, StreamId, Timestamp,
};
use futures::stream::BoxStream;

use crate::{assert_breaks, assert_keeps};

/// A store that changes what is to be appended.
#[derive(Debug)]
struct Changing(MemoryStore, fn(&mut NewCommit));

#[async_trait]
impl EventStore for Changing {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        mut commit: NewCommit,
    ) -> Result<Appended> {
        self.1(&mut commit);
        self.0.append(stream, expected, commit).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        EventStore::read(&self.0, query)
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }
}

fn changing(change: fn(&mut NewCommit)) -> impl Fn() -> (Changing, MemoryStore) {
    move || {
        let store = MemoryStore::new();
        (Changing(store.clone(), change), store)
    }
}

#[tokio::test]
async fn a_store_without_a_fault_keeps_all_rules() {
    assert_eq!(SUITE.failures(|| async { changing(|_| {})() }).await, []);
}

#[tokio::test]
async fn a_store_that_stamps_commits_itself_is_found() {
    let stamping = changing(|commit| commit.recorded_at = Timestamp::UNIX_EPOCH);
    let rules = [
        ("a_log_gets_in_as_it_was", "another place, time or metadata"),
        ("what_is_there_already_is_not_written_again", "another place, time or metadata"),
    ];
    assert_breaks(&SUITE, &stamping, &rules).await;
    assert_keeps(&SUITE, &stamping, &["a_log_comes_out_as_it_is"]).await;
}

#[tokio::test]
async fn a_store_that_loses_metadata_is_found() {
    let losing = changing(|commit| commit.metadata = EncodedMetadata::default());
    assert_breaks(&SUITE, losing, &[("a_log_gets_in_as_it_was", "metadata")]).await;
}

/// A feed that leaves out the last commit of a page.
#[derive(Debug)]
struct Forgetful(MemoryStore);

#[async_trait]
impl Feed for Forgetful {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.0.partitions().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = Feed::read(&self.0, partition, after, max_commits).await?;
        if page.commits.len() > 1 {
            page.commits.pop();
        }
        Ok(page)
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        self.0.wait(partition, after).await
    }
}

#[tokio::test]
async fn a_feed_that_leaves_commits_out_is_found() {
    let forgetful = || {
        let store = MemoryStore::new();
        (store.clone(), Forgetful(store))
    };
    let rules = [
        ("a_log_comes_out_as_it_is", "the number of commits"),
        ("a_log_that_got_in_comes_out_again", "the number of commits"),
    ];
    assert_breaks(&SUITE, forgetful, &rules).await;
}

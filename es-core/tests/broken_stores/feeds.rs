//! Feeds that are broken in one way each.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::feed::SUITE;
use es_core::testing::conformance::ordered_feed::SUITE as ORDERED;
use es_core::{Checkpoint, Error, Feed, FeedPage, Partition, PartitionId, Result};

use crate::{assert_breaks, assert_keeps};

/// A feed with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug)]
struct Broken<F> {
    inner: MemoryStore,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Send + Sync + 'static {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        Feed::read(feed, partition, after, max_commits).await
    }

    async fn wait(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
    ) -> Result<()> {
        feed.wait(partition, after).await
    }
}

#[async_trait]
impl<F: Fault> Feed for Broken<F> {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.inner.partitions().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        self.fault.read(&self.inner, partition, after, max_commits).await
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        self.fault.wait(&self.inner, partition, after).await
    }
}

/// The log is sound, its feed is not.
fn feed<F: Fault + Clone>(fault: F) -> impl Fn() -> (MemoryStore, Broken<F>) {
    move || {
        let inner = MemoryStore::new();
        (inner.clone(), Broken { inner, fault: fault.clone() })
    }
}

#[derive(Debug, Clone)]
struct Sound;

impl Fault for Sound {}

#[tokio::test]
async fn a_feed_without_a_fault_keeps_all_rules() {
    assert_eq!(SUITE.failures(|| async { feed(Sound)() }).await, []);
    assert_eq!(ORDERED.failures(|| async { feed(Sound)() }).await, []);
}

/// Passes by a commit that was not there yet when its place was given out.
#[derive(Debug, Clone)]
struct SwallowsAGap;

#[async_trait]
impl Fault for SwallowsAGap {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = Feed::read(feed, partition, after, max_commits).await?;
        if page.commits.len() > 2 {
            page.commits.remove(1);
        }
        Ok(page)
    }
}

#[tokio::test]
async fn a_swallowed_gap_is_found() {
    let rules = [
        (
            "commits_come_once_and_in_the_order_of_their_appends",
            "from the start: 26 commits, expected 30",
        ),
        ("every_page_size_gives_the_same_order", "pages of 3"),
    ];
    assert_breaks(&ORDERED, feed(SwallowsAGap), &rules).await;
}

/// Gives newer commits first.
#[derive(Debug, Clone)]
struct NewestFirst;

#[async_trait]
impl Fault for NewestFirst {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = Feed::read(feed, partition, after, max_commits).await?;
        page.commits.reverse();
        Ok(page)
    }
}

#[tokio::test]
async fn a_feed_out_of_order_is_found_where_order_is_promised() {
    let rules = [
        ("commits_come_once_and_in_the_order_of_their_appends", "commit 0 of the order"),
        ("every_page_size_gives_the_same_order", "pages of 2"),
    ];
    assert_breaks(&ORDERED, feed(NewestFirst), &rules).await;
    assert_eq!(SUITE.failures(|| async { feed(NewestFirst)() }).await, []);
}

/// Gives the last commit of a page again with the next.
#[derive(Debug, Clone)]
struct StepsBack;

#[async_trait]
impl Fault for StepsBack {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = Feed::read(feed, partition, after, max_commits).await?;
        if let Ok(place @ 1..) = page.checkpoint.as_str().parse::<u64>()
            && !page.commits.is_empty()
        {
            page.checkpoint = Checkpoint::from_stored((place - 1).to_string());
        }
        Ok(page)
    }
}

#[tokio::test]
async fn a_checkpoint_that_goes_backwards_is_found() {
    let rules = [("every_commit_is_delivered", "the feed does not come to an end")];
    assert_breaks(&SUITE, feed(StepsBack), &rules).await;
    let rules = [("commits_come_once_and_in_the_order_of_their_appends", "checkpoint")];
    assert_breaks(&ORDERED, feed(StepsBack), &rules).await;
}

/// Goes on where this reader was, not where it is asked to: a cursor in the feed.
#[derive(Debug, Clone, Default)]
struct RemembersItsReader(std::sync::Arc<std::sync::Mutex<Checkpoint>>);

#[async_trait]
impl Fault for RemembersItsReader {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let furthest = self.0.lock().unwrap().clone();
        let place = |checkpoint: &Checkpoint| checkpoint.as_str().parse::<u64>().unwrap_or(0);
        let after = if place(&furthest) > place(after) { &furthest } else { after };
        let page = Feed::read(feed, partition, after, max_commits).await?;
        *self.0.lock().unwrap() = page.checkpoint.clone();
        Ok(page)
    }
}

#[tokio::test]
async fn a_feed_that_does_not_read_again_is_found() {
    let fresh = || feed(RemembersItsReader::default())();
    let rule = "reading_again_from_a_checkpoint_gives_everything_after_it";
    assert_breaks(&SUITE, fresh, &[(rule, "do not come again")]).await;
    let rules = ["a_feed_read_to_its_end_goes_on_with_what_comes_next"];
    assert_keeps(&SUITE, fresh, &rules).await;
}

/// Moves the checkpoint of an empty page.
#[derive(Debug, Clone)]
struct LosesItsPlace;

#[async_trait]
impl Fault for LosesItsPlace {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = Feed::read(feed, partition, after, max_commits).await?;
        if page.commits.is_empty() {
            page.checkpoint = Checkpoint::start();
        }
        Ok(page)
    }
}

#[tokio::test]
async fn an_empty_page_that_loses_the_place_is_found() {
    let rules = [("an_empty_page_stays_where_it_was", "")];
    assert_breaks(&SUITE, feed(LosesItsPlace), &rules).await;
}

/// Gives more than was asked for.
#[derive(Debug, Clone)]
struct Generous;

#[async_trait]
impl Fault for Generous {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        Feed::read(feed, partition, after, max_commits.saturating_add(1)).await
    }
}

#[tokio::test]
async fn a_page_that_is_too_large_is_found() {
    let rules = [("a_page_has_no_more_than_asked_for", "a page of 2 commits for 1 asked")];
    assert_breaks(&SUITE, feed(Generous), &rules).await;
}

/// Counts what is left before the page instead of behind it.
#[derive(Debug, Clone)]
struct CountsTooMuch;

#[async_trait]
impl Fault for CountsTooMuch {
    async fn read(
        &self,
        feed: &MemoryStore,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut page = Feed::read(feed, partition, after, max_commits).await?;
        page.remaining = page.remaining.map(|left| left + page.commits.len() as u64);
        Ok(page)
    }
}

#[tokio::test]
async fn a_wrong_lag_is_found() {
    let rules = [("what_is_said_to_remain_comes", "what is left behind page 0")];
    assert_breaks(&SUITE, feed(CountsTooMuch), &rules).await;
}

/// Begins at the start when it does not understand a checkpoint, in the partition that it knows.
#[derive(Debug, Clone)]
struct BeginsAnew;

#[async_trait]
impl Fault for BeginsAnew {
    async fn read(
        &self,
        feed: &MemoryStore,
        _: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let known = feed.partitions().await?.remove(0).id;
        match Feed::read(feed, &known, after, max_commits).await {
            Err(Error::Corrupt { .. }) => {
                Feed::read(feed, &known, &Checkpoint::start(), max_commits).await
            }
            page => page,
        }
    }

    async fn wait(&self, _: &MemoryStore, _: &PartitionId, _: &Checkpoint) -> Result<()> {
        tokio::task::yield_now().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_feed_that_guesses_is_found() {
    let rules = [
        ("an_unknown_partition_is_an_error", "an unknown partition has a page"),
        ("a_damaged_checkpoint_is_an_error", "the checkpoint \"?\" gives"),
    ];
    assert_breaks(&SUITE, feed(BeginsAnew), &rules).await;
    // A wait that returns early is no fault.
    assert_keeps(&SUITE, feed(BeginsAnew), &["a_wait_is_ended_by_an_append"]).await;
}

//! The rules of a [`Feed`] that is in one total order, as an embedded store has it: one partition,
//! every commit once, in the order of the appends. They come on top of those of
//! [`feed`](super::feed()).

use std::collections::HashSet;
use std::sync::Arc;

use super::concurrently::{beside, finished};
pub use super::feed::LogAndFeed;
use super::feed::{append, assert_ends, fill, read_page, write_concurrently};
use super::sample::stream;
use crate::commit::{Commit, CommitId};
use crate::feed::{Checkpoint, Feed, PartitionId};

suite! { ($)
    ordered_feed for LogAndFeed, tested by ordered_feed_conformance;
    self: [
        there_is_one_partition_and_it_never_ends,
        an_acknowledged_commit_is_there_at_once,
        commits_come_once_and_in_the_order_of_their_appends,
        every_page_size_gives_the_same_order,
        concurrent_appends_come_once_and_in_the_order_of_their_streams,
        a_feed_has_the_same_order_for_ever,
    ],
}

async fn partition(feed: &dyn Feed) -> PartitionId {
    let mut partitions = feed.partitions().await.expect("the partitions can be listed");
    assert_eq!(partitions.len(), 1, "a feed in one order has one partition: {partitions:?}");
    let partition = partitions.remove(0);
    assert!(partition.parents.is_empty(), "the only partition has parents");
    partition.id
}

/// Everything behind `after` that is there, and the place behind it.
async fn read_to_end(
    feed: &dyn Feed,
    mut after: Checkpoint,
    page_size: usize,
) -> (Vec<Commit>, Checkpoint) {
    let partition = partition(feed).await;
    let mut read = Vec::new();
    loop {
        let page = read_page(feed, &partition, &after, page_size).await;
        assert!(!page.ended, "the only partition has ended");
        if page.commits.is_empty() {
            return (read, after);
        }
        assert_ne!(page.checkpoint, after, "a page with commits does not move the checkpoint");
        read.extend(page.commits);
        assert_ends(read.len(), read.iter().map(Commit::id).collect::<HashSet<_>>().len());
        after = page.checkpoint;
    }
}

/// Compares as lists.
fn assert_order(read: &[Commit], expected: &[Commit], what: &str) {
    let ids = |commits: &[Commit]| commits.iter().map(Commit::id).collect::<Vec<CommitId>>();
    let (read_ids, expected_ids) = (ids(read), ids(expected));
    let differs = |at: &usize| read_ids.get(*at) != expected_ids.get(*at);
    if let Some(at) = (0..read_ids.len().max(expected_ids.len())).find(differs) {
        panic!(
            "{what}: {} commits, expected {}; commit {at} of the order is {:?}, expected {:?}",
            read_ids.len(),
            expected_ids.len(),
            read_ids.get(at),
            expected_ids.get(at)
        );
    }
    assert!(read == expected, "{what}: a commit was delivered other than it was appended");
}

async fn there_is_one_partition_and_it_never_ends(LogAndFeed { log, feed }: LogAndFeed) {
    let before = partition(&*feed).await;
    let (nothing, _) = read_to_end(&*feed, Checkpoint::start(), 10).await;
    assert_order(&nothing, &[], "an empty log");
    fill(&log, 10).await;
    read_to_end(&*feed, Checkpoint::start(), 3).await;
    assert_eq!(partition(&*feed).await, before, "the partition has another name");
}

async fn an_acknowledged_commit_is_there_at_once(LogAndFeed { log, feed }: LogAndFeed) {
    let mut after = Checkpoint::start();
    for n in 0..20 {
        let commit = append(&log, &stream(&(n % 3).to_string()), 1 + n % 4).await;
        let (read, end) = read_to_end(&*feed, after, 10).await;
        assert_order(&read, &[commit], "after an append");
        after = end;
    }
}

async fn commits_come_once_and_in_the_order_of_their_appends(LogAndFeed { log, feed }: LogAndFeed) {
    let mut commits = fill(&log, 30).await;
    let (read, end) = read_to_end(&*feed, Checkpoint::start(), 7).await;
    assert_order(&read, &commits, "from the start");
    let more = fill(&log, 30).await;
    let (read, _) = read_to_end(&*feed, end, 7).await;
    assert_order(&read, &more, "from a checkpoint");
    commits.extend(more);
    let (read, _) = read_to_end(&*feed, Checkpoint::start(), 1_000_000).await;
    assert_order(&read, &commits, "from the start again");
}

async fn every_page_size_gives_the_same_order(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 23).await;
    for page_size in (1..=24).chain([1_000_000]) {
        let (read, _) = read_to_end(&*feed, Checkpoint::start(), page_size).await;
        assert_order(&read, &commits, &format!("pages of {page_size}"));
    }
    let partition = partition(&*feed).await;
    let mut after = Checkpoint::start();
    for done in 0..commits.len() {
        let (rest, _) = read_to_end(&*feed, after.clone(), 5).await;
        assert_order(&rest, &commits[done..], &format!("from the checkpoint behind {done}"));
        after = read_page(&*feed, &partition, &after, 1).await.checkpoint;
    }
}

async fn concurrent_appends_come_once_and_in_the_order_of_their_streams(
    LogAndFeed { log, feed }: LogAndFeed,
) {
    let (read, appended) = follow_writers(log, feed).await;
    let by_stream = |commits: &[Commit]| {
        let mut sorted = commits.to_vec();
        // A stable sort: within a stream the order stays as it came.
        sorted.sort_by(|a, b| a.stream().cmp(b.stream()));
        sorted
    };
    let mut expected = appended;
    expected.sort_by_key(Commit::first_version);
    assert_order(&by_stream(&read), &by_stream(&expected), "the streams, one after the other");
}

async fn a_feed_has_the_same_order_for_ever(LogAndFeed { log, feed }: LogAndFeed) {
    let (read, _) = follow_writers(log, Arc::clone(&feed)).await;
    let (again, _) = read_to_end(&*feed, Checkpoint::start(), 50).await;
    assert_order(&again, &read, "read again after the writers were done");
}

/// Reads beside concurrent writers: what was read, and what was appended.
async fn follow_writers(
    log: Arc<dyn crate::EventStore>,
    feed: Arc<dyn Feed>,
) -> (Vec<Commit>, Vec<Commit>) {
    let writing = beside(write_concurrently(log));
    let mut read = Vec::new();
    let mut after = Checkpoint::start();
    let mut done = false;
    while !done {
        // Looked at before the read: what was acknowledged by then must be in it.
        done = writing.is_finished();
        let (new, end) = read_to_end(&*feed, after, 3).await;
        read.extend(new);
        after = end;
        tokio::task::yield_now().await;
    }
    (read, finished(writing).await)
}

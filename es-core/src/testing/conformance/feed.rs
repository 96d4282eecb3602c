//! The rules of [`Feed`], whatever order its partitions have.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use tokio::time::timeout;

use super::Fixture;
use super::concurrently::{beside, concurrently, finished};
use super::sample::{Fact, stream_in};
use super::sample::{commit, commit_of, commit_of_bytes, encode_all_ways, hostile_ids, stream};
use crate::commit::{Commit, CommitId, NewCommit};
use crate::error::{Error, Result};
use crate::event_store::{EventStore, Expected};
use crate::feed::{Checkpoint, Feed, FeedPage, PartitionId};
use crate::stream_id::StreamId;

/// What the rules are about: a feed, and the log whose commits it delivers.
#[derive(Debug, Clone)]
pub struct LogAndFeed {
    /// Where commits are appended.
    pub log: Arc<dyn EventStore>,
    /// Where they must come out.
    pub feed: Arc<dyn Feed>,
}

/// A store that is both.
impl<S: EventStore + Feed> From<S> for Fixture<LogAndFeed> {
    fn from(store: S) -> Self {
        let store = Arc::new(store);
        Self::new(LogAndFeed { log: Arc::clone(&store) as Arc<dyn EventStore>, feed: store })
    }
}

impl<L: EventStore, F: Feed> From<(L, F)> for Fixture<LogAndFeed> {
    fn from((log, feed): (L, F)) -> Self {
        Self::new(LogAndFeed { log: Arc::new(log), feed: Arc::new(feed) })
    }
}

suite! { ($)
    feed for LogAndFeed, tested by feed_conformance;
    self: [
        partitions_have_names_of_their_own,
        every_commit_is_delivered,
        nothing_is_delivered_that_was_not_appended,
        many_commits_are_delivered,
        many_bytes_are_delivered,
        a_feed_read_to_its_end_goes_on_with_what_comes_next,
        commits_appended_by_many_at_once_are_all_delivered,
        reading_again_from_a_checkpoint_gives_everything_after_it,
        a_checkpoint_can_be_kept_as_text,
        readers_do_not_disturb_each_other,
        a_page_has_no_more_than_asked_for,
        an_empty_page_stays_where_it_was,
        what_is_said_to_remain_comes,
        a_partition_that_has_ended_is_at_its_end,
        nothing_is_lost_behind_the_anchors,
        a_wait_ends_when_there_is_something,
        a_wait_is_ended_by_an_append,
        every_waiter_is_woken,
        an_unknown_partition_is_an_error,
        a_damaged_checkpoint_is_an_error,
    ],
}

/// How long an acknowledged commit may take to come out of a feed, or to end a wait. It only bounds
/// how long a broken feed is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Appends where it must succeed.
pub(super) async fn append(log: &Arc<dyn EventStore>, stream: &StreamId, length: usize) -> Commit {
    match log.append(stream, Expected::Any, commit(length)).await {
        Ok(appended) => appended.commit,
        Err(error) => panic!("an append was refused: {error}"),
    }
}

/// Appends commits to a few streams in turns.
pub(super) async fn fill(log: &Arc<dyn EventStore>, commits: usize) -> Vec<Commit> {
    let mut filled = Vec::new();
    for n in 0..commits {
        filled.push(append(log, &stream(&(n * n % 5).to_string()), 1 + n % 3).await);
    }
    filled
}

pub(super) async fn read_page(
    feed: &dyn Feed,
    partition: &PartitionId,
    after: &Checkpoint,
    max_commits: usize,
) -> FeedPage {
    let page = feed.read(partition, after, max_commits).await;
    let page = page.unwrap_or_else(|error| panic!("reading {partition} failed: {error}"));
    let length = page.commits.len();
    assert!(length <= max_commits, "a page of {length} commits for {max_commits} asked");
    page
}

/// Reads a feed as a consumer does: every partition from its checkpoint on, parents before children.
struct Follower {
    feed: Arc<dyn Feed>,
    page_size: usize,
    places: BTreeMap<PartitionId, Place>,
    /// Every page that had commits, as it came.
    pages: Vec<Page>,
}

#[derive(Clone, Default)]
struct Place {
    checkpoint: Checkpoint,
    ended: bool,
}

struct Page {
    partition: PartitionId,
    after: Checkpoint,
    page: FeedPage,
}

impl Follower {
    fn new(feed: &Arc<dyn Feed>, page_size: usize) -> Self {
        Self { feed: Arc::clone(feed), page_size, places: BTreeMap::new(), pages: Vec::new() }
    }

    fn delivered(&self) -> impl Iterator<Item = &Commit> {
        self.pages.iter().flat_map(|page| &page.page.commits)
    }

    /// The partitions that can be read now.
    async fn open(&mut self) -> Vec<PartitionId> {
        let partitions = self.feed.partitions().await.expect("the partitions can be listed");
        for partition in &partitions {
            self.places.entry(partition.id.clone()).or_default();
        }
        let listed: HashSet<_> = partitions.iter().map(|partition| &partition.id).collect();
        let open = partitions.iter().filter(|partition| {
            let before = |parent| listed.contains(parent) && !self.places[parent].ended;
            !self.places[&partition.id].ended && !partition.parents.iter().any(before)
        });
        open.map(|partition| partition.id.clone()).collect()
    }

    /// Reads one page of every open partition; whether there was a commit.
    async fn step(&mut self) -> bool {
        let mut found = false;
        for partition in self.open().await {
            let after = self.places[&partition].checkpoint.clone();
            let page = read_page(&*self.feed, &partition, &after, self.page_size).await;
            let place = Place { checkpoint: page.checkpoint.clone(), ended: page.ended };
            self.places.insert(partition.clone(), place);
            if !page.commits.is_empty() {
                found = true;
                self.pages.push(Page { partition, after, page });
            }
        }
        found
    }

    /// Reads until all of `commits` were delivered and nothing more is there.
    async fn until(&mut self, commits: &[Commit]) {
        let ids: HashSet<CommitId> = commits.iter().map(Commit::id).collect();
        loop {
            let found = self.step().await;
            let delivered: HashSet<CommitId> = self.delivered().map(Commit::id).collect();
            let missing = ids.difference(&delivered).count();
            assert_ends(self.delivered().count(), delivered.len());
            if missing == 0 && !found {
                return;
            }
            if !found && timeout(PATIENCE, self.something()).await.is_err() {
                panic!("{missing} of {} acknowledged commits were not delivered", ids.len());
            }
        }
    }

    /// Waits until there may be something in one of the partitions.
    async fn something(&mut self) {
        let open = self.open().await;
        assert!(!open.is_empty(), "a feed without a partition that can be read ends for ever");
        let waits = open.iter().map(|partition| {
            let after = &self.places[partition].checkpoint;
            self.feed.wait(partition, after)
        });
        let (waited, _, _) = select_all(waits).await;
        waited.unwrap_or_else(|error| panic!("a wait failed: {error}"));
    }
}

/// Panics when a feed repeats itself so often that it goes in circles.
pub(super) fn assert_ends(delivered: usize, different: usize) {
    assert!(
        delivered <= 1_000 + 10 * different,
        "{delivered} deliveries of {different} commits: the feed does not come to an end"
    );
}

/// Compares as sets: order and repetition are free.
fn assert_delivers(follower: &Follower, commits: &[Commit]) {
    let by_id: BTreeMap<_, _> = commits.iter().map(|c| ((c.stream(), c.id()), c)).collect();
    let mut seen = HashSet::new();
    for delivered in follower.delivered() {
        let Some(appended) = by_id.get(&(delivered.stream(), delivered.id())) else {
            panic!("a commit was delivered that nobody appended: {delivered:?}");
        };
        let (delivered_so, appended_so) = (plain(delivered), plain(appended));
        assert_eq!(delivered_so, appended_so, "a commit was delivered other than it was appended");
        seen.insert(delivered.id());
    }
    let missing = commits.iter().filter(|commit| !seen.contains(&commit.id())).count();
    assert_eq!(missing, 0, "of {} acknowledged commits some were not delivered", commits.len());
}

/// The commit without compression, which a feed is free to undo.
fn plain(commit: &Commit) -> Commit {
    let events = commit.events().decompressed().expect("the rules compress what can be opened");
    let metadata = commit.encoded_metadata().clone();
    let new = NewCommit::new(commit.id(), commit.recorded_at(), metadata, events);
    new.place(commit.stream().clone(), commit.first_version())
}

/// Follows the feed from its start and compares.
async fn delivers(feed: &Arc<dyn Feed>, page_size: usize, commits: &[Commit]) -> Follower {
    let mut follower = Follower::new(feed, page_size);
    follower.until(commits).await;
    assert_delivers(&follower, commits);
    follower
}

async fn partitions_have_names_of_their_own(subject: LogAndFeed) {
    fill(&subject.log, 3).await;
    let partitions = subject.feed.partitions().await.expect("the partitions can be listed");
    assert!(!partitions.is_empty(), "a feed has at least one partition");
    let names: HashSet<_> = partitions.iter().map(|partition| partition.id.as_str()).collect();
    assert_eq!(names.len(), partitions.len(), "two partitions share a name");
    for partition in &partitions {
        assert!(!partition.parents.contains(&partition.id), "a partition is its own parent");
    }
}

async fn every_commit_is_delivered(LogAndFeed { log, feed }: LogAndFeed) {
    let mut commits = fill(&log, 20).await;
    for id in hostile_ids() {
        commits.push(append(&log, &stream_in("hostile", &id), 1).await);
    }
    for events in encode_all_ways(&[Fact::noted("ü".repeat(500)), Fact::Nothing]) {
        let appended = log.append(&stream("encoded"), Expected::Any, commit_of(events)).await;
        commits.push(appended.unwrap_or_else(|error| panic!("{error}")).commit);
    }
    for page_size in [1, 3, 1000] {
        delivers(&feed, page_size, &commits).await;
    }
}

async fn nothing_is_delivered_that_was_not_appended(LogAndFeed { log, feed }: LogAndFeed) {
    let stream = stream("s");
    let first = commit(1);
    let mut commits = Vec::new();
    for new in [&first, &commit(2), &commit(1)] {
        let appended = log.append(&stream, Expected::Any, new.clone()).await;
        commits.push(appended.unwrap_or_else(|error| panic!("{error}")).commit);
        let repeated = log.append(&stream, Expected::NoStream, first.clone()).await;
        assert!(repeated.is_ok_and(|answer| answer.duplicate), "a repetition was not recognised");
        let refused = log.append(&stream, Expected::NoStream, commit(1)).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "a stale append was accepted");
    }
    delivers(&feed, 1000, &commits).await;
}

async fn many_commits_are_delivered(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 1_101).await;
    delivers(&feed, 1_000_000, &commits).await;
    delivers(&feed, 100, &commits).await;
}

async fn many_bytes_are_delivered(LogAndFeed { log, feed }: LogAndFeed) {
    let mut commits = Vec::new();
    for n in 0..64 {
        let new = commit_of_bytes(60 * 1024);
        let appended = log.append(&stream(&(n % 3).to_string()), Expected::Any, new).await;
        commits.push(appended.unwrap_or_else(|error| panic!("{error}")).commit);
    }
    delivers(&feed, 1_000_000, &commits).await;
}

async fn a_feed_read_to_its_end_goes_on_with_what_comes_next(subject: LogAndFeed) {
    let mut follower = Follower::new(&subject.feed, 4);
    let mut commits = Vec::new();
    for n in 0..12 {
        follower.until(&commits).await;
        commits.extend(fill(&subject.log, 1 + n % 6).await);
    }
    follower.until(&commits).await;
    assert_delivers(&follower, &commits);
}

async fn commits_appended_by_many_at_once_are_all_delivered(subject: LogAndFeed) {
    let writing = beside(write_concurrently(Arc::clone(&subject.log)));
    // Reads on while writers are at work: a place given out before it is taken would be passed by.
    let mut follower = Follower::new(&subject.feed, 3);
    while !writing.is_finished() {
        follower.step().await;
        tokio::task::yield_now().await;
    }
    let commits = finished(writing).await;
    follower.until(&commits).await;
    assert_delivers(&follower, &commits);
}

/// Eight writers, some of them on the same streams, with commits small and large.
pub(super) async fn write_concurrently(log: Arc<dyn EventStore>) -> Vec<Commit> {
    let writers = (0..8).map(|writer: usize| {
        let log = Arc::clone(&log);
        async move {
            let mut commits = Vec::new();
            for n in 0..25_usize {
                let stream = stream(&format!("of-{}", (writer + n) % 5));
                let new = if n % 8 == 7 { commit_of_bytes(20_000) } else { commit(1 + n % 3) };
                let appended = log.append(&stream, Expected::Any, new).await;
                commits.push(appended.unwrap_or_else(|error| panic!("{error}")).commit);
            }
            commits
        }
    });
    concurrently(writers).await.concat()
}

async fn reading_again_from_a_checkpoint_gives_everything_after_it(subject: LogAndFeed) {
    let commits = fill(&subject.log, 30).await;
    let follower = delivers(&subject.feed, 7, &commits).await;
    for start in 0..follower.pages.len() {
        let Page { partition, after, .. } = &follower.pages[start];
        let expected: Vec<CommitId> = follower.pages[start..]
            .iter()
            .filter(|page| page.partition == *partition)
            .flat_map(|page| page.page.commits.iter().map(Commit::id))
            .collect();
        let again = read_from(&*subject.feed, partition, after.clone()).await;
        // At least once: more may come, but everything must.
        let again: HashSet<CommitId> = again.iter().map(Commit::id).collect();
        let missing = expected.iter().filter(|id| !again.contains(id)).count();
        assert_eq!(missing, 0, "of {} after {after:?} some do not come again", expected.len());
    }
}

/// Everything in the partition behind `after`, which is complete already.
async fn read_from(feed: &dyn Feed, partition: &PartitionId, mut after: Checkpoint) -> Vec<Commit> {
    let mut read = Vec::new();
    loop {
        let page = read_page(feed, partition, &after, 4).await;
        if page.commits.is_empty() {
            return read;
        }
        assert_ne!(page.checkpoint, after, "a page with commits does not move the checkpoint");
        read.extend(page.commits);
        assert_ends(read.len(), read.iter().map(Commit::id).collect::<HashSet<_>>().len());
        after = page.checkpoint;
    }
}

async fn a_checkpoint_can_be_kept_as_text(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 10).await;
    let mut follower = Follower::new(&feed, 1);
    while follower.delivered().count() < commits.len() {
        if !follower.step().await && timeout(PATIENCE, follower.something()).await.is_err() {
            panic!("acknowledged commits were not delivered");
        }
        for place in follower.places.values_mut() {
            place.checkpoint = Checkpoint::from_stored(place.checkpoint.as_str().to_owned());
        }
    }
    follower.until(&commits).await;
    assert_delivers(&follower, &commits);
    for Page { page, .. } in &follower.pages {
        assert!(!page.checkpoint.is_start(), "the place behind a commit is not the start");
    }
}

async fn readers_do_not_disturb_each_other(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 20).await;
    let mut slow = Follower::new(&feed, 1);
    slow.step().await;
    delivers(&feed, 5, &commits).await;
    slow.step().await;
    delivers(&feed, 1000, &commits).await;
    slow.until(&commits).await;
    assert_delivers(&slow, &commits);
}

async fn a_page_has_no_more_than_asked_for(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 12).await;
    for page_size in 1..=13 {
        // Every page is checked where it is read.
        delivers(&feed, page_size, &commits).await;
    }
}

async fn an_empty_page_stays_where_it_was(LogAndFeed { log, feed }: LogAndFeed) {
    let mut follower = Follower::new(&feed, 10);
    for commits in [Vec::new(), fill(&log, 5).await, fill(&log, 1).await] {
        follower.until(&commits).await;
        for (partition, place) in &follower.places {
            let page = read_page(&*feed, partition, &place.checkpoint, 10).await;
            assert!(page.commits.is_empty(), "commits come out of a feed that was read to its end");
            assert_eq!(page.checkpoint, place.checkpoint, "an empty page moved the checkpoint");
            assert!(
                page.remaining.is_none_or(|remaining| remaining == 0),
                "an empty page says that {:?} are left",
                page.remaining
            );
        }
    }
}

async fn what_is_said_to_remain_comes(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 25).await;
    for page_size in [1, 4, 25, 26] {
        let follower = delivers(&feed, page_size, &commits).await;
        for (at, Page { partition, page, .. }) in follower.pages.iter().enumerate() {
            let later = follower.pages[at + 1..].iter().filter(|page| page.partition == *partition);
            let later: usize = later.map(|page| page.page.commits.len()).sum();
            if let Some(remaining) = page.remaining {
                assert_eq!(remaining, later as u64, "what is left behind page {at} of {partition}");
            }
        }
    }
}

async fn a_partition_that_has_ended_is_at_its_end(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 12).await;
    for page_size in [1, 5, 100] {
        let follower = delivers(&feed, page_size, &commits).await;
        for (partition, place) in follower.places.iter().filter(|(_, place)| place.ended) {
            let at = &place.checkpoint;
            assert!(at.is_end(), "{partition} has ended, and its checkpoint is {at:?}");
            let page = read_page(&*feed, partition, at, page_size).await;
            assert!(
                page.ended && page.commits.is_empty(),
                "behind the end of {partition}: {page:?}"
            );
            assert!(page.checkpoint.is_end(), "behind the end of {partition}: {page:?}");
        }
        for place in follower.places.values().filter(|place| !place.ended) {
            assert!(!place.checkpoint.is_end(), "a partition is at its end and has not ended");
        }
    }
}

async fn nothing_is_lost_behind_the_anchors(LogAndFeed { log, feed }: LogAndFeed) {
    for page_size in [3, 1000] {
        let mut commits = fill(&log, 10).await;
        let anchors = feed.anchors().await.expect("the anchors can be taken");
        let names: HashSet<_> = anchors.iter().map(|(partition, _)| partition).collect();
        assert_eq!(names.len(), anchors.len(), "a partition has two anchors");
        // Between, while the history is read, and behind it.
        let between = fill(&log, 5).await;
        let mut follower = Follower::new(&feed, page_size);
        for (partition, checkpoint) in anchors {
            let ended = checkpoint.is_end();
            follower.places.insert(partition, Place { checkpoint, ended });
        }
        let mut meanwhile = Vec::new();
        for _ in 0..5 {
            follower.step().await;
            meanwhile.extend(fill(&log, 2).await);
        }
        commits.extend(between.into_iter().chain(meanwhile));
        follower.until(&commits).await;
        let delivered: HashSet<CommitId> = follower.delivered().map(Commit::id).collect();
        let missing = commits.iter().filter(|commit| !delivered.contains(&commit.id())).count();
        assert_eq!(missing, 0, "of {} commits some were lost at the anchors", commits.len());
    }
}

async fn a_wait_ends_when_there_is_something(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 3).await;
    let follower = delivers(&feed, 1, &commits).await;
    for Page { partition, after, .. } in &follower.pages {
        match timeout(PATIENCE, feed.wait(partition, after)).await {
            Ok(waited) => waited.unwrap_or_else(|error| panic!("a wait failed: {error}")),
            Err(_) => panic!("a wait goes on though a commit is there"),
        }
    }
}

async fn a_wait_is_ended_by_an_append(LogAndFeed { log, feed }: LogAndFeed) {
    let mut follower = Follower::new(&feed, 100);
    let mut commits = fill(&log, 1).await;
    for round in 0..30 {
        follower.until(&commits).await;
        let waiting = beside(async move {
            let woken = timeout(PATIENCE, follower.something()).await;
            assert!(woken.is_ok(), "a wait goes on though a commit was appended");
            follower
        });
        // The append comes before, while and after the wait begins: no order may lose it.
        for _ in 0..round % 10 {
            tokio::task::yield_now().await;
        }
        commits.push(append(&log, &stream("s"), 1).await);
        follower = finished(waiting).await;
    }
}

async fn every_waiter_is_woken(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 1).await;
    let places = delivers(&feed, 100, &commits).await.places;
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let mut waiter = Follower::new(&feed, 100);
            waiter.places = places.clone();
            beside(async move { timeout(PATIENCE, waiter.something()).await.is_ok() })
        })
        .collect();
    append(&log, &stream("s"), 1).await;
    for waiter in waiting {
        assert!(finished(waiter).await, "of many who wait one was not woken");
    }
}

async fn an_unknown_partition_is_an_error(LogAndFeed { log, feed }: LogAndFeed) {
    fill(&log, 1).await;
    let unknown = PartitionId::new("a partition that nobody has").expect("a valid name");
    let page = feed.read(&unknown, &Checkpoint::start(), 10).await;
    assert!(page.is_err(), "an unknown partition has a page: {page:?}");
    assert!(
        waited(&*feed, &unknown, &Checkpoint::start()).await.is_err(),
        "a wait for an unknown partition succeeds"
    );
}

async fn a_damaged_checkpoint_is_an_error(LogAndFeed { log, feed }: LogAndFeed) {
    let commits = fill(&log, 3).await;
    let follower = delivers(&feed, 1, &commits).await;
    let damaged =
        ["?", " ", "\0", "not a checkpoint", "{}", "ä", "-", "999999999999999999999999999x"];
    for partition in follower.places.keys() {
        for text in damaged {
            let checkpoint = Checkpoint::from_stored(text);
            match feed.read(partition, &checkpoint, 10).await {
                Err(Error::Corrupt { .. }) => {}
                page => panic!("the checkpoint {text:?} gives {page:?}"),
            }
            let waited = waited(&*feed, partition, &checkpoint).await;
            assert!(waited.is_err(), "a wait after the checkpoint {text:?} succeeds");
        }
    }
}

/// A wait that must come to an end by itself.
async fn waited(feed: &dyn Feed, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
    match timeout(PATIENCE, feed.wait(partition, after)).await {
        Ok(waited) => waited,
        Err(_) => panic!("a wait for what cannot come goes on for ever"),
    }
}

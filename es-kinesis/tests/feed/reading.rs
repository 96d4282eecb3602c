//! Pages of a shard, asked for: iterators, empty answers, answers that are lost, and how often is asked.

use std::time::Duration;

use es_core::{Checkpoint, Clock as _, Commit, Error, Feed as _};
use es_kinesis::{Begin, KinesisFeed};
use futures::FutureExt as _;

use crate::scene::{Scene, only_shard_of};
use crate::support::faults::Fault;

/// All that is behind a place, in pages of this size, and where it ends. What fails is tried again.
async fn read_on(
    feed: &KinesisFeed,
    mut after: Checkpoint,
    page_size: usize,
) -> (Vec<Commit>, Checkpoint) {
    let shard = only_shard_of(feed).await;
    let mut commits = Vec::new();
    loop {
        let page = match feed.read(&shard, &after, page_size).await {
            Ok(page) => page,
            Err(error) if error.is_transient() => continue,
            Err(error) => panic!("{}", error.with_causes()),
        };
        commits.extend(page.commits.clone());
        after = page.checkpoint;
        if page.commits.is_empty() && page.remaining == Some(0) {
            return (commits, after);
        }
    }
}

async fn credit_many(scene: &Scene, commits: u64) {
    for n in 0..commits {
        scene.credit_unseen(&format!("a-{}", n % 5), n + 1).await;
    }
    scene.publish().await;
}

#[tokio::test]
async fn reading_goes_on_where_it_was_when_an_iterator_has_expired() {
    for first in [0, 3, 10] {
        let scene = Scene::new(1);
        let feed = scene.feed(Begin::Horizon).records_per_request(4);
        credit_many(&scene, 10).await;
        let shard = only_shard_of(&feed).await;
        let mut after = Checkpoint::start();
        let mut commits = Vec::new();
        while commits.len() < first {
            let page = feed.read(&shard, &after, 1).await.unwrap();
            commits.extend(page.commits);
            after = page.checkpoint;
        }
        // Longer than five minutes.
        scene.pass(Duration::from_secs(400));
        let before = scene.kinesis.count("GetShardIterator");
        commits.extend(read_on(&feed, after, 3).await.0);
        assert!(scene.kinesis.count("GetShardIterator") > before, "it had expired");
        let expected = commits_in_order(&scene).await;
        assert_eq!(commits, expected, "from {first} on");
    }
}

/// What the log has, in its order.
async fn commits_in_order(scene: &Scene) -> Vec<Commit> {
    let log = es_core::PartitionId::new("log").unwrap();
    es_core::Feed::read(&*scene.log, &log, &Checkpoint::start(), 1_000).await.unwrap().commits
}

#[tokio::test]
async fn whatever_happens_to_a_request_nothing_is_skipped_and_nothing_comes_twice() {
    let faults = [
        Fault::ExpiredIterator,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Timeout,
        Fault::ThroughputExceeded,
        Fault::KeyServiceThrottled,
        Fault::InternalError,
        Fault::InternalErrorAfterwards,
    ];
    for fault in faults {
        for nth in 1..=6 {
            let scene = Scene::new(1);
            credit_many(&scene, 20).await;
            let feed = scene.feed(Begin::Horizon).records_per_request(4);
            scene.kinesis.faults().at("GetRecords", nth, fault);
            let (commits, _) = read_on(&feed, Checkpoint::start(), 3).await;
            assert_eq!(commits, commits_in_order(&scene).await, "{fault:?} at {nth}");
            assert_eq!(scene.kinesis.faults().injected(fault), 1);
        }
    }
}

#[tokio::test]
async fn records_behind_empty_answers_are_found() {
    let scene = Scene::new(1);
    scene.kinesis.set_options(|options| options.empty_answers = 50);
    credit_many(&scene, 10).await;
    let feed = scene.feed(Begin::Horizon);
    let shard = only_shard_of(&feed).await;
    let (mut after, mut commits, mut pages) = (Checkpoint::start(), Vec::new(), 0);
    while commits.len() < 10 {
        pages += 1;
        assert!(pages < 20, "it does not come to them");
        let before = scene.kinesis.count("GetRecords");
        let page = feed.read(&shard, &after, 100).await.unwrap();
        assert!(scene.kinesis.count("GetRecords") - before <= 21, "a page has an end");
        assert_eq!(page.remaining, None, "until then nobody knows");
        commits.extend(page.commits);
        after = page.checkpoint;
    }
    assert_eq!(commits, commits_in_order(&scene).await);
}

#[tokio::test]
async fn a_reader_that_is_dropped_leaves_all_to_the_next_one() {
    for turns in 0..40 {
        let scene = Scene::new(1);
        credit_many(&scene, 6).await;
        let feed = scene.feed(Begin::Horizon).records_per_request(4);
        let shard = only_shard_of(&feed).await;
        let first = feed.read(&shard, &Checkpoint::start(), 2).await.unwrap();
        let waiting = feed.read(&shard, &first.checkpoint, 2).await.unwrap();
        {
            let mut dropped = Box::pin(feed.wait(&shard, &waiting.checkpoint));
            for _ in 0..turns {
                if dropped.as_mut().now_or_never().is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let (rest, _) = read_on(&feed, waiting.checkpoint, 2).await;
        let commits: Vec<_> = [first.commits, waiting.commits, rest].concat();
        assert_eq!(commits, commits_in_order(&scene).await, "dropped after {turns} turns");
        assert_eq!(scene.kinesis.count("GetShardIterator"), 1, "the iterator is used again");
    }
}

#[tokio::test]
async fn a_shard_is_asked_at_most_five_times_in_a_second_by_all_readers_of_a_feed() {
    let scene = Scene::standing_still(1);
    scene.kinesis.set_options(|options| options.read_limits = true);
    scene.in_time(credit_many(&scene, 30)).await;
    let feed = scene.feed(Begin::Horizon).records_per_request(1);
    let reading = (1..=4).map(|page_size| read_on(&feed, Checkpoint::start(), page_size));
    let expected = commits_in_order(&scene).await;
    for (commits, _) in scene.in_time(futures::future::join_all(reading)).await {
        assert_eq!(commits, expected);
    }
    assert!(scene.kinesis.count("GetRecords") > 30);
    assert_eq!(refused_reads(&scene), 0, "none of them was one too many");
}

fn refused_reads(scene: &Scene) -> usize {
    let requests = scene.kinesis.requests();
    requests.iter().filter(|it| it.operation == "GetRecords" && it.status == Some(400)).count()
}

#[tokio::test]
async fn reads_that_others_leave_no_room_for_are_tried_again() {
    let scene = Scene::standing_still(1);
    scene.kinesis.set_options(|options| options.read_limits = true);
    scene.in_time(credit_many(&scene, 30)).await;
    // Two programs, which do not know of each other.
    let feeds = [(); 2].map(|()| scene.feed(Begin::Horizon).records_per_request(1));
    let [one, two] = feeds.each_ref().map(|feed| read_patiently(&scene, feed));
    let (one, two) = scene.in_time(async { tokio::join!(one, two) }).await;
    let expected = commits_in_order(&scene).await;
    assert_eq!((&one, &two), (&expected, &expected));
    assert!(refused_reads(&scene) > 0);
}

/// As a consumer: it waits a little before it tries again.
async fn read_patiently(scene: &Scene, feed: &KinesisFeed) -> Vec<Commit> {
    let shard = only_shard_of(feed).await;
    let (mut after, mut commits) = (Checkpoint::start(), Vec::new());
    while commits.len() < 30 {
        match feed.read(&shard, &after, 10).await {
            Ok(page) => {
                commits.extend(page.commits);
                after = page.checkpoint;
            }
            Err(error) => {
                assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
                scene.clock.sleep(Duration::from_millis(130)).await;
            }
        }
    }
    commits
}

#[tokio::test]
async fn nothing_is_asked_for_while_there_is_something_to_hand_on() {
    let scene = Scene::new(1);
    credit_many(&scene, 100).await;
    let feed = scene.feed(Begin::Horizon).records_per_request(25);
    let shard = only_shard_of(&feed).await;
    let mut after = Checkpoint::start();
    for read in 0..100_u64 {
        // One answer at a time is in memory, however slow the reader is.
        let page = feed.read(&shard, &after, 1).await.unwrap();
        assert_eq!(page.commits.len(), 1);
        assert_eq!(scene.kinesis.count("GetRecords"), read / 25 + 1);
        after = page.checkpoint;
        if read % 25 < 24 {
            feed.wait(&shard, &after).await.unwrap();
            assert_eq!(scene.kinesis.count("GetRecords"), read / 25 + 1);
        }
    }
}

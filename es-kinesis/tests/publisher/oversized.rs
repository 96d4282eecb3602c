//! Commits that are too large for a record.

use es_core::testing::faults::crash_at;
use es_core::{Checkpoint, Commit, DeadLetter, DeadLetterFilter, DeadLetterQuery, Feed};
use es_kinesis::{Begin, KinesisFeed, Oversized, Publisher, PublisherOptions};

use crate::scene::{STREAM, Scene, stream_id};
use crate::support::fake_kinesis::Options;

/// The second commit of stream `large` is so.
async fn scene(options: Options) -> Scene {
    let scene = Scene::with(6, 2, options);
    scene.append("large", 1).await;
    scene.append_to_each(40).await;
    scene.append_bytes("large", 3_000).await;
    scene.append("large", 2).await;
    scene.append_to_each(40).await;
    scene
}

async fn letters(publisher: &Publisher) -> Vec<DeadLetter> {
    publisher.dead_letters(&DeadLetterQuery::default()).await.expect("the store is there")
}

fn smaller(options: PublisherOptions) -> PublisherOptions {
    options.limits(2_000, 1 << 20)
}

#[tokio::test]
async fn one_is_parked_with_what_comes_behind_it_and_the_others_flow() {
    let scene = scene(Options::default()).await;
    let publisher = scene.publisher_with(smaller);
    let caught_up = publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!((caught_up.applied, caught_up.parked), (81, 2));
    let [large, behind] = <[DeadLetter; 2]>::try_from(letters(&publisher).await).expect("two");
    let failure = large.failure.expect("it failed itself");
    let data = scene.logged("large").await[1].events().payloads().len();
    assert!(failure.error.contains("note:large"), "{}", failure.error);
    assert!(failure.error.contains("1990"), "the limit without the key: {}", failure.error);
    let said = failure.error.split(|it: char| !it.is_ascii_digit());
    let largest = said.filter_map(|digits| digits.parse::<usize>().ok()).max();
    assert!(largest.is_some_and(|size| size > data && size < data + 1_000), "{}", failure.error);
    assert_eq!((large.commit.first_version().get(), behind.failure), (2, None));
    assert_eq!(scene.count_of_arrivals(), 81);

    let again = publisher.retry_dead_letters(&DeadLetterFilter::all()).await.expect("it is there");
    assert_eq!((again.handled, again.failed.len()), (0, 1), "it is still too large");
    assert_eq!(scene.count_of_arrivals(), 81);
    let raised = scene.publisher();
    let again = raised.retry_dead_letters(&DeadLetterFilter::all()).await.expect("it is there");
    assert_eq!((again.handled, again.freed), (2, vec![stream_id("large")]));
    scene.append("large", 1).await;
    raised.catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.count_of_arrivals(), 84, "nothing twice");
    scene.assert_published().await;
}

#[tokio::test]
async fn trying_again_may_crash_anywhere() {
    for nth in 1..30 {
        let scene = scene(Options::default()).await;
        scene.publisher_with(smaller).catch_up().await.expect("nothing is in the way");
        let (raised, all) = (scene.publisher(), DeadLetterFilter::all());
        let crashed = crash_at(nth, raised.retry_dead_letters(&all)).await;
        scene.publisher().retry_dead_letters(&all).await.expect("nothing is in the way");
        scene.assert_published().await;
        if crashed.is_ok() {
            assert!(nth > 4);
            return;
        }
    }
    panic!("it has few awaits");
}

#[tokio::test]
async fn a_reference_is_published_in_its_place_and_a_feed_reads_the_commit() {
    let scene = scene(Options::default()).await;
    let publisher = scene.publisher_with(|it| smaller(it).oversized(Oversized::Refer));
    let caught_up = publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!((caught_up.applied, caught_up.parked), (83, 0));
    let largest = scene.kinesis.records(STREAM).into_values().flatten();
    let largest = largest.map(|record| record.data.len() + record.partition_key.len()).max();
    assert!(largest.is_some_and(|bytes| bytes <= 2_000), "{largest:?}");
    let delivered = delivered(&scene).await;
    assert_eq!(delivered.len(), 83);
    let large = delivered.into_iter().filter(|commit| *commit.stream() == stream_id("large"));
    assert_eq!(large.collect::<Vec<_>>(), scene.logged("large").await);
}

async fn delivered(scene: &Scene) -> Vec<Commit> {
    let feed = KinesisFeed::of(&scene.stream, scene.log.clone(), Begin::Horizon);
    let mut delivered = Vec::new();
    for partition in feed.partitions().await.expect("the stream is there") {
        let mut at = Checkpoint::start();
        loop {
            let page = feed.read(&partition.id, &at, 100).await.expect("it can be read");
            if page.commits.is_empty() {
                break;
            }
            delivered.extend(page.commits);
            at = page.checkpoint;
        }
    }
    delivered
}

/// The limit of the data stream is lower than the publisher was told: Kinesis refuses the whole request.
#[tokio::test]
async fn of_a_request_that_is_refused_only_the_commit_that_is_at_fault_is_parked() {
    for aggregate_bytes in [None, Some(1_500)] {
        let scene = scene(Options { max_record_bytes: 2_000, ..Options::default() }).await;
        let publisher = scene.publisher_with(|options| match aggregate_bytes {
            Some(bytes) => options.aggregated(bytes),
            None => options,
        });
        let caught_up = publisher.catch_up().await.expect("nothing is in the way");
        assert_eq!((caught_up.applied, caught_up.parked), (81, 2), "{aggregate_bytes:?}");
        let letters = letters(&publisher).await;
        let failure = letters[0].failure.as_ref().expect("it failed itself");
        assert_eq!(*letters[0].commit.stream(), stream_id("large"));
        for part in ["note:large", "version 2", "ValidationException", "2000"] {
            assert!(failure.error.contains(part), "{}", failure.error);
        }
        let requests = scene.kinesis.count("PutRecords");
        assert!(requests < 30, "{requests} requests: it is halved, not tried one by one");
        scene.kinesis.set_options(|options| options.max_record_bytes = 1 << 20);
        publisher.retry_dead_letters(&DeadLetterFilter::all()).await.expect("it is there");
        assert_eq!(scene.count_of_arrivals(), 83);
        scene.assert_published().await;
    }
}

/// And so when the limit of a request is.
#[tokio::test]
async fn a_request_that_is_too_large_is_halved_until_it_is_not() {
    let scene = scene(Options { max_request_bytes: 5_000, ..Options::default() }).await;
    let caught_up = scene.publisher().catch_up().await.expect("nothing is in the way");
    assert_eq!((caught_up.applied, caught_up.parked), (83, 0));
    assert_eq!(scene.count_of_arrivals(), 83);
    scene.assert_published().await;
}

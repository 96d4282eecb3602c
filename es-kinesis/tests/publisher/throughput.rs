//! The shards are given what they take.

use std::time::Duration;

use es_core::Clock as _;
use es_kinesis::ShardThroughput;

use crate::scene::{STREAM, Scene, while_time_passes};
use crate::support::fake_kinesis::Options;

fn limited(shards: u64) -> Scene {
    Scene::in_time(4, shards, Options { write_limits: true, ..Options::default() })
}

#[tokio::test]
async fn two_shards_are_filled_and_refuse_nothing() {
    const COMMITS: usize = 20_000;
    let scene = limited(2);
    scene.append_to_each(COMMITS).await;
    while_time_passes(&scene, scene.publisher().catch_up()).await.expect("nothing is in the way");
    let stored: usize = scene.kinesis.records(STREAM).values().map(Vec::len).sum();
    assert_eq!(stored, COMMITS);
    let refused = scene.records_sent() - COMMITS;
    assert_eq!(refused, 0, "records were refused");
    let took = scene.clock.monotonic();
    println!("{refused} refused, {} requests, {took:?}", scene.records_of_requests().len());
    assert!(took >= Duration::from_secs(9), "{took:?}: that is more than two shards take");
    assert!(took < Duration::from_secs(12), "{took:?} for 10 s of two shards");
    let requests = scene.records_of_requests().len();
    assert!(requests <= 80, "{requests} requests, which are not full");
}

/// One that others write to as well: it takes a quarter of what the publisher thinks.
#[tokio::test]
async fn a_shard_that_refuses_is_given_less_and_the_other_one_is_not_slower() {
    let scene = limited(2);
    for number in 0..4_000 {
        scene.append(&format!("hot-{number}"), 1).await;
        if number % 8 == 0 {
            scene.append(&format!("cold-{number}"), 1).await;
        }
    }
    let throughput = ShardThroughput { records_per_second: 4_000, bytes_per_second: 4_000_000 };
    let publisher = scene.publisher_with(|options| {
        let options = options.throughput(throughput);
        options.hash_key(|stream| if stream.id().starts_with("hot") { 0 } else { u128::MAX })
    });
    let publisher = publisher.with_batch_size(4_500);
    while_time_passes(&scene, publisher.catch_up()).await.expect("nothing is in the way");
    scene.assert_published().await;
    let refused = scene.records_sent() - 4_500;
    assert!(refused > 0, "the limits are those of the service");
    assert!(refused < 3_500, "{refused} were refused");
    let took = scene.clock.monotonic();
    println!("{refused} refused in {took:?}");
    assert!(took < Duration::from_secs(8), "{took:?} for 4 s of a shard");
    let arrivals = scene.arrivals();
    let last_cold = arrivals.iter().rfind(|it| it.commit.stream().id().starts_with("cold"));
    let waited = last_cold.expect("there are some").arrived.millis - arrivals[0].arrived.millis;
    assert!(waited < 1_000, "the last cold one came after {waited} ms");
}

#[tokio::test]
async fn large_records_are_counted_by_their_bytes() {
    let scene = limited(1);
    for number in 0..40 {
        scene.append_bytes(&format!("s-{number}"), 100_000).await;
    }
    while_time_passes(&scene, scene.publisher().catch_up()).await.expect("nothing is in the way");
    assert_eq!(scene.records_sent(), 40, "no record is refused");
    let took = scene.clock.monotonic();
    assert!((4..6).contains(&took.as_secs()), "{took:?} for 4 MB");
    scene.assert_published().await;
}

//! Requests are full, within all limits, and at once.

use std::collections::BTreeSet;

use crate::scene::Scene;
use crate::support::fake_kinesis::{Options, Request};

fn puts(scene: &Scene) -> Vec<Request> {
    let requests = scene.kinesis.requests().into_iter();
    requests.filter(|request| request.operation == "PutRecords").collect()
}

#[tokio::test]
async fn a_thousand_small_commits_are_two_requests() {
    let scene = Scene::new(1);
    scene.append_to_each(1_000).await;
    scene.publisher().catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.records_of_requests(), [500, 500]);
    assert!(scene.clock.slept().is_empty(), "nothing waits");
    scene.assert_published().await;
}

#[tokio::test]
async fn a_single_commit_is_one_request_at_once() {
    let scene = Scene::new(4);
    let publisher = scene.publisher();
    publisher.catch_up().await.expect("nothing is in the way");
    let before = scene.kinesis.requests().len();
    scene.append("a", 2).await;
    publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.kinesis.requests().len() - before, 1);
    assert!(scene.clock.slept().is_empty());
    scene.assert_published().await;
}

#[tokio::test]
async fn a_request_has_one_commit_of_a_stream() {
    let scene = Scene::new(2);
    scene.append_at_random(200, 20).await;
    scene.publisher().catch_up().await.expect("nothing is in the way");
    for request in puts(&scene) {
        let records = request.body["Records"].as_array().expect("a list").clone();
        let keys: BTreeSet<_> = records.iter().map(|it| it["PartitionKey"].to_string()).collect();
        assert_eq!(keys.len(), records.len());
    }
    assert_eq!(scene.count_of_arrivals(), 200);
    scene.assert_published().await;
}

/// The one in memory refuses what is over its limits, so they are the publisher's here.
#[tokio::test]
async fn no_request_and_no_record_is_over_the_limits() {
    let (max_record_bytes, max_request_bytes) = (3_000, 10_000);
    let options = Options { max_record_bytes, max_request_bytes, ..Options::default() };
    for aggregate_bytes in [None, Some(100_000)] {
        let scene = Scene::with(2, 2, options.clone());
        let sizes = [10, 500, 2_500, 2, 1_200, 2_400];
        for (number, size) in sizes.into_iter().cycle().take(60).enumerate() {
            scene.append_bytes(&format!("s-{}", number % 40), size).await;
        }
        let publisher = scene.publisher_with(|options| {
            let options = options.limits(max_record_bytes, max_request_bytes);
            match aggregate_bytes {
                Some(bytes) => options.aggregated(bytes),
                None => options,
            }
        });
        let caught_up = publisher.catch_up().await.expect("nothing is in the way");
        assert_eq!((caught_up.applied, caught_up.parked), (60, 0));
        assert!(puts(&scene).iter().all(|put| put.status == Some(200)));
        assert_eq!(scene.count_of_arrivals(), 60);
        scene.assert_published().await;
    }
}

#[tokio::test]
async fn so_many_records_as_are_asked_for_are_in_a_request_and_never_over_500() {
    for (asked, most) in [(7, 7), (0, 1), (9_999, 500)] {
        let scene = Scene::new(1);
        scene.append_to_each(520).await;
        let publisher = scene.publisher_with(|options| options.records_per_request(asked));
        publisher.catch_up().await.expect("nothing is in the way");
        assert_eq!(scene.records_of_requests().into_iter().max(), Some(most));
        scene.assert_published().await;
    }
}

#[tokio::test]
async fn so_many_requests_as_are_asked_for_are_on_their_way() {
    for (asked, most) in [(None, 4), (Some(0), 1), (Some(1), 1), (Some(9), 9)] {
        let scene = Scene::new(1);
        scene.append_to_each(100).await;
        let publisher = scene.publisher_with(|options| {
            let options = options.records_per_request(5);
            match asked {
                Some(requests) => options.requests_in_flight(requests),
                None => options,
            }
        });
        publisher.catch_up().await.expect("nothing is in the way");
        assert_eq!(scene.kinesis.faults().take_most_in_flight(), most);
        scene.assert_published().await;
    }
}

#[tokio::test]
async fn only_the_categories_that_are_asked_for_are_published() {
    let scene = Scene::new(1);
    scene.append_to_each(3).await;
    let publisher = scene.publisher_with(|options| options.named("others").categories(["other"]));
    publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.count_of_arrivals(), 0);
    let publisher = scene.publisher_with(|options| options.categories(["other", "note"]));
    publisher.catch_up().await.expect("nothing is in the way");
    scene.assert_published().await;
}

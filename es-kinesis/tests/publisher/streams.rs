//! Streams go side by side: one that waits does not keep the others back.

use crate::scene::{Arrival, Scene, stream_id};
use crate::support::faults::Fault;

#[tokio::test]
async fn a_stream_that_always_fails_does_not_keep_the_others_back() {
    let scene = Scene::new(2);
    for _ in 0..3 {
        scene.append("bad", 1).await;
        scene.append_to_each(20).await;
    }
    let bad = stream_id("bad").as_str().to_owned();
    scene.kinesis.set_options(|options| options.failing_keys.extend([bad]));
    let error = scene.publisher().catch_up().await.expect_err("one stream cannot be published");
    assert!(error.is_transient(), "{error:?}");
    let text = error.with_causes();
    for part in ["note:bad", "version 1", "commits", "InternalFailure"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(scene.count_of_arrivals(), 60);
    let millis: Vec<i64> = scene.arrivals().iter().map(|it| it.arrived.millis).collect();
    let waited = scene.clock.slept();
    assert_eq!(waited.len(), 7, "eight attempts");
    let slept: u128 = waited.iter().map(|slept| slept.as_millis()).sum();
    assert!(millis[59] - millis[0] < 60, "the others did not wait {slept} ms: {millis:?}");

    scene.kinesis.set_options(|options| options.failing_keys.clear());
    scene.publisher().catch_up().await.expect("nothing is in the way any more");
    assert_eq!(scene.count_of_arrivals(), 63, "the others were saved");
    scene.assert_published().await;
    assert_eq!(scene.publisher().health().await.expect("it is there").dead_letters, 0);
}

/// There are as many of these as a request has records.
#[tokio::test]
async fn long_streams_do_not_keep_short_ones_back() {
    let scene = Scene::new(1);
    for number in 0..160 {
        scene.append(&format!("long-{}", number % 8), 1).await;
    }
    scene.append_to_each(30).await;
    let publisher =
        scene.publisher_with(|options| options.records_per_request(8).requests_in_flight(1));
    publisher.catch_up().await.expect("nothing is in the way");
    let arrivals = scene.arrivals();
    let is_short = |arrival: &Arrival| !arrival.commit.stream().id().starts_with("long");
    let last_short = arrivals.iter().rposition(is_short).expect("there are some");
    assert!(last_short < 8 + 30 + 8, "the last short one is number {last_short}");
}

/// What was refused goes again together, not one by one.
#[tokio::test]
async fn what_an_answer_refuses_goes_again_in_one_request() {
    for fault in [Fault::LostRequest, Fault::InternalError, Fault::KeyServiceThrottled] {
        let scene = Scene::new(2);
        scene.append_to_each(300).await;
        scene.kinesis.faults().at("PutRecords", 1, fault);
        scene.publisher().catch_up().await.expect("it passes");
        assert_eq!(scene.records_of_requests(), [300, 300], "{fault:?}");
        scene.assert_published().await;
    }
}

#[tokio::test]
async fn while_requests_are_on_their_way_nothing_wakes_up_in_vain() {
    let scene = Scene::new(1);
    scene.append_to_each(2).await;
    // The first waits while the second one's answer takes long.
    scene.kinesis.faults().at("PutRecords", 1, Fault::PartialFailure);
    scene.kinesis.faults().before("PutRecords", 2, async {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    });
    let publisher =
        scene.publisher_with(|options| options.records_per_request(1).requests_in_flight(1));
    publisher.catch_up().await.expect("nothing is in the way");
    assert_eq!(scene.clock.slept().len(), 1, "{:?}", scene.clock.slept());
    scene.assert_published().await;
}

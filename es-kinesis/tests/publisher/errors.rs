//! What is wrong with the data stream as a whole stops the publisher or lets it wait: it says what and
//! where, and parks nothing.

use es_core::cloud_events::Source;
use es_core::{ConsumerState, Error, Health};
use es_kinesis::{DataStream, Publisher, Publishing};

use crate::scene::{STREAM, Scene};
use crate::support::faults::Fault;

async fn health(publisher: &Publisher) -> Health {
    publisher.health().await.expect("the store is there")
}

/// It runs until it is in a state, or stops at an error.
async fn run_until(publisher: &Publisher, state: ConsumerState) -> Result<Health, Error> {
    let mut seen = None;
    let reached = async {
        loop {
            let health = health(publisher).await;
            if health.state == state {
                seen = Some(health);
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    publisher.run(reached).await?;
    Ok(seen.expect("it was reached"))
}

/// It runs until it stops at an error, or has nothing left to do.
async fn run_to_its_end(publisher: &Publisher) -> Result<(), Error> {
    let done = async {
        while health(publisher).await.lag_commits != Some(0) {
            tokio::task::yield_now().await;
        }
    };
    publisher.run(done).await
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not said: {text}");
    }
}

#[tokio::test]
async fn a_data_stream_that_is_missing_stops_it() {
    let scene = Scene::new(1);
    scene.append_to_each(5).await;
    let missing = DataStream::builder("missing").clock(scene.clock.clone());
    let missing = missing.with_client(scene.kinesis.client()).expect("a valid name");
    let source = Source::new("/tests").expect("a valid source");
    let publisher = Publishing::to(&missing, source).on(scene.log.clone()).expect("valid");
    let error = run_to_its_end(&publisher).await.expect_err("there is nothing");
    assert!(!error.is_transient());
    let said = error.with_causes();
    assert_says(
        &said,
        &["missing", "us-east-1", "DataStream::ensure", "ResourceNotFoundException"],
    );
    let stopped = health(&publisher).await;
    assert_eq!((stopped.state, stopped.dead_letters), (ConsumerState::Failed, 0));
    assert_eq!(stopped.last_error.expect("it is noted").error, said);

    scene.kinesis.create_stream("missing", 1);
    publisher.catch_up().await.expect("it is there now");
    assert_eq!(scene.kinesis.records("missing").values().map(Vec::len).sum::<usize>(), 5);
}

#[tokio::test]
async fn a_caller_without_permission_stops_it_wherever_it_is() {
    for nth in [1, 3] {
        let scene = Scene::new(1);
        scene.append_at_random(40, 6).await;
        scene.kinesis.faults().at("PutRecords", nth, Fault::AccessDenied);
        let publisher = scene.publisher();
        let error = run_to_its_end(&publisher).await.expect_err("it is not allowed");
        let said = error.with_causes();
        assert_says(&said, &["publishing to commits", "AccessDeniedException", "us-east-1"]);
        let stopped = health(&publisher).await;
        assert_eq!((stopped.state, stopped.dead_letters), (ConsumerState::Failed, 0));
        publisher.catch_up().await.expect("it is allowed now");
        scene.assert_published().await;
    }
}

#[tokio::test]
async fn it_waits_for_a_kinesis_that_does_not_answer() {
    for fault in [Fault::LostRequest, Fault::Timeout, Fault::ThroughputExceeded] {
        let scene = Scene::new(1);
        scene.append_to_each(10).await;
        scene.kinesis.faults().always("PutRecords", fault);
        let publisher = scene.publisher();
        let waiting = run_until(&publisher, ConsumerState::Retrying).await;
        let waiting = waiting.expect("it does not stop at that");
        let said = waiting.last_error.expect("it is noted").error;
        assert_says(&said, &["publishing note:s-", "version 1", "to commits", "us-east-1"]);
        assert_eq!((waiting.dead_letters, waiting.lag_commits), (0, Some(10)), "{fault:?}");
        assert_eq!(scene.count_of_arrivals(), 0);

        scene.kinesis.faults().stop();
        publisher.catch_up().await.expect("it answers now");
        assert_eq!(scene.count_of_arrivals(), 10);
        scene.assert_published().await;
    }
}

/// Kinesis stores what it does not say: that is the case that duplicates are for.
#[tokio::test]
async fn answers_that_are_all_lost_lose_nothing() {
    let scene = Scene::new(1);
    scene.append_at_random(20, 4).await;
    scene.kinesis.faults().always("PutRecords", Fault::LostAnswer);
    let publisher = scene.publisher();
    let waiting = run_until(&publisher, ConsumerState::Retrying).await;
    assert_eq!(waiting.expect("it does not stop at that").dead_letters, 0);
    scene.kinesis.faults().stop();
    publisher.catch_up().await.expect("it answers now");
    assert!(scene.count_of_arrivals() > 20);
    scene.assert_published().await;
}

#[tokio::test]
async fn shards_that_cannot_be_listed_are_waited_for() {
    let scene = Scene::new(1);
    scene.append_to_each(3).await;
    scene.kinesis.faults().at("ListShards", 1, Fault::LimitExceeded);
    let publisher = scene.publisher();
    let error = publisher.catch_up().await.expect_err("it cannot begin");
    assert!(error.is_transient());
    assert_says(&error.with_causes(), &["listing the shards of commits", "us-east-1"]);
    publisher.catch_up().await.expect("it can");
    assert_eq!(scene.kinesis.records(STREAM).values().map(Vec::len).sum::<usize>(), 3);
}

#[tokio::test]
async fn a_name_that_no_consumer_can_have_is_refused() {
    let scene = Scene::new(1);
    let refused = scene.publishing().named("").on(scene.log.clone());
    assert!(matches!(refused, Err(Error::InvalidId { .. })), "{refused:?}");
}

#[tokio::test]
async fn limits_without_room_for_a_commit_are_refused() {
    let scene = Scene::new(1);
    for (record, request) in [(0, 5 << 20), (1 << 20, 0), (251, 251)] {
        let refused = scene.publishing().limits(record, request).on(scene.log.clone());
        assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    }
}

//! Faults on the way of a request do what they say, and follow from the seed.

use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::ShardIteratorType;

use crate::scene::{STREAM, Scene, code, numbered, texts_of};
use crate::support::fake_kinesis::FakeKinesis;
use crate::support::faults::{Fault, Injection};

/// What is stored in all shards together, as texts in the order of their arrival.
fn stored(kinesis: &FakeKinesis) -> Vec<String> {
    let mut records: Vec<_> = kinesis.records(STREAM).into_values().flatten().collect();
    records.sort_by_key(|record| record.arrived);
    let data = records.iter().map(|record| record.data.to_vec());
    data.map(|data| String::from_utf8(data).expect("a text")).collect()
}

#[tokio::test]
async fn a_lost_request_does_nothing_and_a_lost_answer_hides_what_was_done() {
    let scene = Scene::new(1);
    scene.kinesis.faults().at("PutRecords", 1, Fault::LostRequest);
    scene.kinesis.faults().at("PutRecords", 3, Fault::LostAnswer);
    let client = scene.kinesis.client_with_attempts(3);
    for text in ["1", "2"] {
        let put = client.put_records().stream_name(STREAM);
        let put = put.records(crate::scene::entry(text, text.as_bytes())).send().await;
        put.expect("the SDK asked again");
    }
    assert_eq!(stored(&scene.kinesis), ["1", "2", "2"], "a repetition is a second record");
    assert_eq!(scene.kinesis.count("PutRecords"), 4);
    assert!(scene.kinesis.faults().slept() > Duration::ZERO, "the SDK backed off, in no time");
    let statuses = scene.kinesis.requests();
    let statuses: Vec<_> = statuses.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, Some(200), None, Some(200)]);
}

#[tokio::test]
async fn a_late_request_arrives_behind_a_later_one() {
    let scene = Scene::new(1);
    scene.kinesis.faults().at("PutRecords", 1, Fault::LateRequest);
    scene.put_all(&["late".to_owned()]).await.expect_err("it is given up");
    for text in numbered(0..6) {
        scene.put(&text).await;
    }
    let arrived = stored(&scene.kinesis);
    let place = arrived.iter().position(|text| text == "late").expect("it arrived");
    assert!((1..=4).contains(&place), "{arrived:?}");
    scene.kinesis.faults().at("PutRecords", 1, Fault::LateRequest);
    scene.put_all(&["last".to_owned()]).await.expect_err("it is given up");
    scene.kinesis.let_late_requests_arrive();
    assert_eq!(stored(&scene.kinesis).last().map(String::as_str), Some("last"));
}

#[tokio::test]
async fn a_server_that_refuses_does_nothing() {
    let scene = Scene::new(1);
    for (fault, told) in [
        (Fault::ThroughputExceeded, "ProvisionedThroughputExceededException"),
        (Fault::KeyServiceThrottled, "KMSThrottlingException"),
        (Fault::InternalError, "InternalFailure"),
        (Fault::Timeout, "none"),
    ] {
        scene.kinesis.faults().always("PutRecords", fault);
        let refused = scene.put_all(&numbered(0..3)).await.expect_err("it is refused");
        assert_eq!(refused, told);
        scene.kinesis.faults().stop();
    }
    assert_eq!(stored(&scene.kinesis), [""; 0]);
    scene.kinesis.faults().at("PutRecords", 1, Fault::InternalErrorAfterwards);
    scene.put_all(&numbered(0..3)).await.expect_err("it failed, it says");
    assert_eq!(stored(&scene.kinesis), numbered(0..3));
    scene.kinesis.faults().at("ListShards", 1, Fault::LimitExceeded);
    let listed = scene.client.list_shards().stream_name(STREAM).send().await;
    assert_eq!(code(&listed.expect_err("it is refused")), "LimitExceededException");
}

#[tokio::test]
async fn of_a_partial_failure_the_others_are_stored_in_their_order() {
    let mut failed_in_all = Vec::new();
    for seed in 0..20 {
        let scene = Scene::with_seed(seed);
        let texts = numbered(0..10);
        scene.kinesis.faults().at("PutRecords", 1, Fault::PartialFailure);
        let put = scene.put_all(&texts).await.expect("an answer for each");
        let failed = put.records().iter().filter(|entry| entry.error_code().is_some()).count();
        assert_eq!(put.failed_record_count, i32::try_from(failed).ok());
        assert!(failed > 0);
        let accepted = texts.iter().zip(put.records());
        let accepted = accepted.filter(|(_, entry)| entry.sequence_number().is_some());
        assert_eq!(
            stored(&scene.kinesis),
            accepted.map(|(text, _)| text.clone()).collect::<Vec<_>>()
        );
        for code in put.records().iter().filter_map(|entry| entry.error_code()) {
            assert!(["ProvisionedThroughputExceededException", "InternalFailure"].contains(&code));
        }
        failed_in_all.push(failed);
    }
    failed_in_all.sort_unstable();
    assert!(failed_in_all[0] <= 2 && failed_in_all[19] >= 9, "few and many: {failed_in_all:?}");
}

#[tokio::test]
async fn an_iterator_can_expire_early() {
    let scene = Scene::new(1);
    scene.put("1").await;
    let iterator = scene.iterator(&scene.only_shard(), ShardIteratorType::TrimHorizon).await;
    scene.kinesis.faults().at("GetRecords", 1, Fault::ExpiredIterator);
    let expired = scene.get(&iterator).await.expect_err("it is too old");
    assert_eq!(expired, "ExpiredIteratorException");
    assert_eq!(texts_of(&scene.get(&iterator).await.expect("it is not")), ["1"]);
}

#[tokio::test]
async fn shards_are_split_and_merged_around_a_request() {
    let scene = Scene::new(1);
    let parent = scene.only_shard();
    scene.kinesis.faults().at("PutRecords", 1, Fault::SplitAfter);
    scene.kinesis.faults().at("PutRecords", 2, Fault::SplitBefore);
    for text in ["parent", "grandchild"] {
        scene.put_all(&[text.to_owned()]).await.expect("it is put");
    }
    let records = scene.kinesis.records(STREAM);
    let lengths: Vec<_> = records.values().map(Vec::len).collect();
    assert_eq!(records[&parent][0].partition_key, "parent");
    assert_eq!((lengths.len(), lengths.iter().sum::<usize>()), (5, 2));
    assert_eq!(lengths[3] + lengths[4], 1, "the shard that the record goes to is split");

    let iterator = scene.iterator(&parent, ShardIteratorType::TrimHorizon).await;
    scene.kinesis.faults().at("GetRecords", 1, Fault::MergeBefore);
    scene.get(&iterator).await.expect("records");
    assert_eq!(scene.kinesis.open_shards(STREAM).len(), 2, "any, as this one is closed");
    scene.kinesis.faults().at("PutRecord", 1, Fault::MergeAfter);
    scene.put("another").await;
    assert_eq!(scene.kinesis.open_shards(STREAM).len(), 1);
    scene.kinesis.faults().at("PutRecord", 1, Fault::MergeAfter);
    scene.put("last").await;
    assert_eq!(scene.kinesis.faults().injected(Fault::MergeAfter), 1, "one cannot be merged");
}

#[tokio::test]
async fn something_can_happen_between_two_requests() {
    let scene = Scene::new(1);
    let kinesis = scene.kinesis.clone();
    scene.kinesis.faults().before("PutRecord", 2, async move {
        let put = kinesis.plain_client().put_record().stream_name(STREAM).partition_key("k");
        put.data(Blob::new("between")).send().await.expect("it is put");
    });
    scene.put("1").await;
    scene.put("2").await;
    assert_eq!(stored(&scene.kinesis), ["1", "between", "2"]);
}

#[tokio::test]
async fn requests_that_go_side_by_side_are_counted() {
    let scene = Scene::new(1);
    scene.put("1").await;
    scene.put("2").await;
    assert_eq!(scene.kinesis.faults().take_most_in_flight(), 1);
    tokio::join!(scene.put("3"), scene.put("4"));
    assert_eq!(scene.kinesis.faults().take_most_in_flight(), 2);
    assert_eq!(scene.kinesis.faults().take_most_in_flight(), 0);
}

#[tokio::test]
async fn the_same_seed_injects_the_same_faults_and_a_plan_leaves_the_others() {
    async fn run(seed: u64, plan: Option<u64>) -> Vec<Injection<Fault>> {
        let scene = Scene::with_seed(seed);
        scene.kinesis.faults().set_rates(&[Fault::LostRequest, Fault::LostAnswer], 0.2);
        if let Some(nth) = plan {
            scene.kinesis.faults().at("PutRecords", nth, Fault::Timeout);
        }
        for text in numbered(0..30) {
            scene.put_all(&[text]).await.ok();
        }
        scene.kinesis.faults().injections()
    }
    let first = run(5, None).await;
    assert!(first.len() > 3);
    assert_eq!(first, run(5, None).await);
    assert_ne!(first, run(6, None).await);
    let planned = run(5, Some(1)).await;
    let (mut rest, mut expected) = (planned.clone(), first);
    rest.retain(|injection| injection.nth > 1);
    expected.retain(|injection| injection.nth > 1);
    assert_eq!((planned[0].fault, rest), (Fault::Timeout, expected));
}

/// A stream that splits and merges all the time loses nothing, and every shard keeps its order.
#[tokio::test]
async fn what_is_acknowledged_under_faults_is_stored_once_and_in_order() {
    for seed in 0..10 {
        let scene = Scene::with_seed(seed);
        let reshaping =
            [Fault::SplitBefore, Fault::SplitAfter, Fault::MergeBefore, Fault::MergeAfter];
        scene.kinesis.faults().set_rates(&reshaping, 0.2);
        scene.kinesis.faults().set_rates(&[Fault::PartialFailure, Fault::LostRequest], 0.2);
        let mut acknowledged = Vec::new();
        for texts in numbered(0..300).chunks(10) {
            let Ok(put) = scene.put_all(texts).await else { continue };
            let stored = texts.iter().zip(put.records());
            let stored = stored.filter(|(_, entry)| entry.sequence_number().is_some());
            acknowledged.extend(stored.map(|(text, _)| text.clone()));
        }
        assert_eq!(stored(&scene.kinesis), acknowledged, "seed {seed}");
        scene.kinesis.faults().stop();
        let mut seen = Vec::new();
        for shard in scene.kinesis.shards(STREAM) {
            let texts = scene.texts(&shard.id).await;
            assert!(texts.is_sorted_by_key(|text| text.parse::<u32>().ok()), "seed {seed}");
            seen.extend(texts);
        }
        seen.sort_by_key(|text| text.parse::<u32>().ok());
        assert_eq!(seen, acknowledged, "seed {seed}");
        assert!(scene.kinesis.shards(STREAM).len() > 10);
    }
}

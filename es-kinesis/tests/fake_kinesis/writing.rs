//! What is put, and how much can be.

use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

use crate::scene::{STREAM, Scene, code, entry, numbered};
use crate::support::fake_kinesis::Options;

#[tokio::test]
async fn a_shard_keeps_the_order_of_what_is_put() {
    let scene = Scene::new(3);
    let texts = numbered(0..40);
    let put = scene.put_all(&texts[..39]).await.expect("they are put");
    scene.put(&texts[39]).await;
    assert_eq!(put.failed_record_count, Some(0));
    let mut seen = Vec::new();
    for shard in scene.kinesis.open_shards(STREAM) {
        let in_shard = scene.texts(&shard).await;
        let routed = texts.iter().filter(|text| scene.kinesis.shard_of(STREAM, text) == shard);
        assert_eq!(in_shard, routed.cloned().collect::<Vec<_>>());
        seen.extend(in_shard);
    }
    assert_eq!(seen.len(), texts.len());
    for (shard, records) in scene.kinesis.records(STREAM) {
        let numbers: Vec<_> =
            records.iter().map(|record| record.sequence_number.as_str()).collect();
        assert!(numbers.is_sorted(), "{shard}: {numbers:?}");
        assert!(numbers.iter().all(|number| number.len() == 56));
    }
}

#[tokio::test]
async fn an_explicit_hash_key_chooses_the_shard() {
    let scene = Scene::new(2);
    for (hash_key, shard) in [(0, 0), (u128::MAX / 2 - 1, 0), (u128::MAX / 2, 1), (u128::MAX, 1)] {
        let put = scene.client.put_record().stream_name(STREAM).partition_key("same");
        let put = put.explicit_hash_key(hash_key.to_string()).data(Blob::new("x"));
        let put = put.send().await.expect("it is put");
        assert_eq!(put.shard_id, format!("shardId-{shard:012}"), "{hash_key}");
    }
}

#[tokio::test]
async fn too_much_at_once_is_refused_and_stores_nothing() {
    let limits =
        Options { max_record_bytes: 1_000, max_request_bytes: 5_000, ..Options::default() };
    let scene = Scene::with(1, limits);
    let put = |entries: Vec<PutRecordsRequestEntry>| async {
        let put = scene.client.put_records().stream_name(STREAM).set_records(Some(entries));
        put.send().await.map(drop).map_err(|error| code(&error))
    };
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(put(vec![entry("k", b""); 501]).await, refused("ValidationException"));
    assert_eq!(put(vec![entry("k", &[b'x'; 1_000])]).await, refused("ValidationException"));
    assert_eq!(put(vec![entry("", b"x")]).await, refused("ValidationException"));
    assert_eq!(put(vec![entry(&"k".repeat(257), b"x")]).await, refused("ValidationException"));
    let largest = entry("k", &[b'x'; 999]);
    assert_eq!(put(vec![largest.clone(); 6]).await, refused("InvalidArgumentException"));
    assert_eq!(scene.kinesis.records(STREAM)[&scene.only_shard()].len(), 0);
    assert_eq!(put(vec![largest; 5]).await, Ok(()));
    assert_eq!(put(vec![entry("ü", b""); 500]).await, Ok(()));
    assert_eq!(put(vec![entry(&"ü".repeat(256), b"")]).await, Ok(()));
    let nowhere = scene.client.put_record().stream_name("nowhere").partition_key("k");
    let nowhere = nowhere.data(Blob::new("x")).send().await.expect_err("there is no such stream");
    assert_eq!(code(&nowhere), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_shard_takes_a_thousand_records_and_a_mebibyte_a_second() {
    let scene = Scene::with(1, Options { write_limits: true, ..Options::default() });
    for _ in 0..2 {
        let put = scene.put_all(&numbered(0..500)).await.expect("they are put");
        assert_eq!(put.failed_record_count, Some(0));
    }
    let put = scene.put_all(&numbered(0..2)).await.expect("an answer for each");
    assert_eq!(put.failed_record_count, Some(2));
    let failed = &put.records()[0];
    assert_eq!(failed.error_code(), Some("ProvisionedThroughputExceededException"));
    assert_eq!((failed.sequence_number(), failed.shard_id()), (None, None));
    let put = scene.client.put_record().stream_name(STREAM).partition_key("k");
    let throttled = put.clone().data(Blob::new("x")).send().await.expect_err("too much");
    assert_eq!(code(&throttled), "ProvisionedThroughputExceededException");
    scene.clock.advance(Duration::from_secs(1));
    put.clone().data(Blob::new(vec![0; 1 << 19])).send().await.expect("another second");
    let throttled = put.clone().data(Blob::new(vec![0; 1 << 19])).send().await;
    throttled.expect_err("the keys take room, too");
    put.data(Blob::new("small")).send().await.expect("this fits, and overtakes");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_records_and_every_request_is_noted() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let scene = Scene::new(2);
        scene.put_all(&numbered(0..20)).await.expect("they are put");
        scene.get("garbage").await.expect_err("it is none");
        let noted = scene.kinesis.requests();
        let noted = noted.iter().map(|request| (request.operation.clone(), request.status));
        let expected = [("PutRecords".to_owned(), Some(200)), ("GetRecords".to_owned(), Some(400))];
        assert_eq!(noted.collect::<Vec<_>>(), expected);
        assert_eq!((scene.kinesis.count("PutRecords"), scene.kinesis.count("PutRecord")), (1, 0));
        runs.push(scene.kinesis.records(STREAM));
    }
    assert_eq!(runs[0], runs[1]);
}

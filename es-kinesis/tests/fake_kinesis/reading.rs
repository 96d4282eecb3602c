//! Iterators, and what they give.

use std::time::Duration;

use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::ShardIteratorType;
use es_core::Clock;

use crate::scene::{STREAM, Scene, code, numbered};
use crate::support::fake_kinesis::Options;

#[tokio::test]
async fn iterators_begin_where_they_are_told() {
    let scene = Scene::new(1);
    let shard = scene.only_shard();
    let mut numbers = Vec::new();
    for text in ["0", "1", "2"] {
        numbers.push(scene.put(text).await);
        scene.clock.advance(Duration::from_secs(10));
    }
    let (at, after) = (ShardIteratorType::AtSequenceNumber, ShardIteratorType::AfterSequenceNumber);
    let at = scene.iterator_at(&shard, at, &numbers[1]).await.expect("an iterator");
    assert_eq!(scene.texts_from(at).await, numbered(1..3));
    let after = scene.iterator_at(&shard, after, &numbers[1]).await.expect("an iterator");
    assert_eq!(scene.texts_from(after.clone()).await, numbered(2..3));
    assert_eq!(scene.texts_from(after).await, numbered(2..3), "it can be used again");
    let latest = scene.iterator(&shard, ShardIteratorType::Latest).await;
    scene.put("3").await;
    assert_eq!(scene.texts_from(latest).await, numbered(3..4));
    let seconds = scene.clock.now().as_second();
    for (back, first) in [(40, 0), (20, 1), (15, 2), (5, 3)] {
        let asked = scene.client.get_shard_iterator().stream_name(STREAM).shard_id(&shard);
        let asked = asked.shard_iterator_type(ShardIteratorType::AtTimestamp);
        let asked = asked.timestamp(DateTime::from_secs(seconds - back)).send().await;
        let iterator = asked.expect("an iterator").shard_iterator.expect("an iterator");
        assert_eq!(scene.texts_from(iterator).await, numbered(first..4), "{back} seconds ago");
    }
}

#[tokio::test]
async fn a_number_of_another_shard_or_stream_is_no_beginning() {
    let scene = Scene::new(2);
    let shards = scene.kinesis.open_shards(STREAM);
    let number = scene.put("1").await;
    let shard = scene.kinesis.shard_of(STREAM, "1");
    let other = shards.iter().find(|it| **it != shard).expect("two shards");
    let after = ShardIteratorType::AfterSequenceNumber;
    for (shard, number) in [(other.as_str(), number.as_str()), (&shard, "12"), (&shard, "LATEST")] {
        let refused = scene.iterator_at(shard, after.clone(), number).await;
        assert_eq!(refused, Err("InvalidArgumentException".into()), "{shard} {number}");
    }
    let missing = scene.iterator_at("shardId-000000000009", after, &number).await;
    assert_eq!(missing, Err("ResourceNotFoundException".into()));
}

#[tokio::test]
async fn iterators_expire_after_five_minutes() {
    let scene = Scene::new(1);
    let iterator = scene.iterator(&scene.only_shard(), ShardIteratorType::TrimHorizon).await;
    scene.clock.advance(Duration::from_secs(300));
    let next = scene.get(&iterator).await.expect("still good").next_shard_iterator;
    scene.clock.advance(Duration::from_millis(1));
    let expired = scene.get(&iterator).await.expect_err("too old");
    assert_eq!(expired, "ExpiredIteratorException");
    scene.get(&next.expect("it is open")).await.expect("it is newer");
    let garbage = scene.get("garbage").await.expect_err("it is none");
    assert_eq!(garbage, "InvalidArgumentException");
}

#[tokio::test]
async fn answers_are_cut_and_say_how_far_behind_they_are() {
    let scene = Scene::with(1, Options { bytes_per_answer: 1_000, ..Options::default() });
    let shard = scene.only_shard();
    let large = "x".repeat(400);
    for key in ["1", "2", "3"] {
        let put = scene.client.put_record().stream_name(STREAM).partition_key(key);
        put.data(Blob::new(large.as_str())).send().await.expect("it is put");
        scene.clock.advance(Duration::from_secs(7));
    }
    let iterator = scene.iterator(&shard, ShardIteratorType::TrimHorizon).await;
    let first = scene.get(&iterator).await.expect("records");
    assert_eq!((first.records().len(), first.millis_behind_latest), (2, Some(7_000)));
    let one = scene.client.get_records().shard_iterator(&iterator).limit(1).send().await;
    let one = one.expect("records");
    assert_eq!((one.records().len(), one.millis_behind_latest), (1, Some(14_000)));
    let arrived = one.records()[0].approximate_arrival_timestamp.expect("a time");
    assert_eq!(arrived.secs(), scene.clock.now().as_second() - 21);
    let too_many = scene.client.get_records().shard_iterator(&iterator).limit(10_001).send().await;
    assert_eq!(code(&too_many.expect_err("at most 10,000")), "InvalidArgumentException");

    scene.kinesis.set_options(|options| options.empty_answers = 2);
    let mut next = Some(scene.iterator(&shard, ShardIteratorType::TrimHorizon).await);
    let mut lengths = Vec::new();
    while let Some(iterator) = next.filter(|_| lengths.iter().sum::<usize>() < 3) {
        let answer = scene.get(&iterator).await.expect("records");
        lengths.push(answer.records().len());
        let has_more = lengths.iter().sum::<usize>() < 3;
        assert_eq!(answer.millis_behind_latest > Some(0), has_more);
        next = answer.next_shard_iterator;
    }
    assert_eq!(lengths, [0, 0, 2, 0, 0, 1]);
}

#[tokio::test]
async fn a_shard_is_read_five_times_a_second() {
    let scene = Scene::with(1, Options { read_limits: true, ..Options::default() });
    let iterator = scene.iterator(&scene.only_shard(), ShardIteratorType::TrimHorizon).await;
    for _ in 0..5 {
        scene.get(&iterator).await.expect("an answer");
    }
    let throttled = scene.get(&iterator).await.expect_err("the sixth");
    assert_eq!(throttled, "ProvisionedThroughputExceededException");
    scene.clock.advance(Duration::from_secs(1));
    scene.get(&iterator).await.expect("an answer");
    let large = Blob::new(vec![0; 1_000_000]);
    for _ in 0..3 {
        let put = scene.client.put_record().stream_name(STREAM).partition_key("k");
        put.data(large.clone()).send().await.expect("it is put");
    }
    assert_eq!(scene.get(&iterator).await.expect("records").records().len(), 3);
    scene.clock.advance(Duration::from_secs(1));
    let throttled = scene.get(&iterator).await.expect_err("2 MiB a second");
    assert_eq!(throttled, "ProvisionedThroughputExceededException");
    scene.clock.advance(Duration::from_secs(2));
    scene.get(&iterator).await.expect("an answer");
}

//! What is trimmed.

use std::time::Duration;

use aws_sdk_kinesis::types::{ShardFilterType, ShardIteratorType};

use crate::scene::{STREAM, Scene, numbered};
use crate::support::fake_kinesis::BehindHorizon;

#[tokio::test]
async fn what_is_older_than_the_retention_is_gone() {
    let scene = Scene::new(1);
    let parent = scene.only_shard();
    let number = scene.put("old").await;
    scene.put("also old").await;
    scene.clock.advance(Duration::from_hours(12));
    let [low, _] = scene.kinesis.split(STREAM, &parent);
    scene.put("new").await;
    scene.clock.advance(Duration::from_hours(12) + Duration::from_millis(1));
    let at = ShardIteratorType::AtSequenceNumber;
    let iterator = scene.iterator_at(&parent, at.clone(), &number).await.expect("the horizon");
    assert_eq!(scene.texts_from(iterator).await, [""; 0]);
    scene.kinesis.set_options(|options| options.behind_horizon = BehindHorizon::Refused);
    let refused = scene.iterator_at(&parent, at, &number).await;
    assert_eq!(refused, Err("InvalidArgumentException".into()));
    assert_eq!(scene.listed(ShardFilterType::AtTrimHorizon).await, [parent.as_str()]);

    scene.clock.advance(Duration::from_hours(12));
    assert!(!scene.listed(ShardFilterType::FromTrimHorizon).await.contains(&parent));
    assert!(scene.listed(ShardFilterType::AtTrimHorizon).await.contains(&low));
    let gone = scene.iterator_at(&parent, ShardIteratorType::TrimHorizon, &number).await;
    assert_eq!(gone, Err("ResourceNotFoundException".into()));
}

#[tokio::test]
async fn a_test_can_trim_a_part_or_all() {
    let scene = Scene::new(1);
    let shard = scene.only_shard();
    scene.put_all(&numbered(0..5)).await.expect("they are put");
    for text in ["5", "6", "7"] {
        scene.put(text).await;
    }
    let record = scene.kinesis.records(STREAM)[&shard][6].clone();
    scene.kinesis.trim_before(STREAM, &record);
    assert_eq!(scene.texts(&shard).await, numbered(6..8));
    let [child, _] = scene.kinesis.split(STREAM, &shard);
    scene.kinesis.trim(STREAM);
    assert!(scene.kinesis.records(STREAM).values().all(Vec::is_empty));
    assert_eq!(scene.kinesis.shards(STREAM).len(), 2);
    assert_eq!(scene.kinesis.shards(STREAM)[0].id, child);
    assert_eq!(scene.listed(ShardFilterType::AtTrimHorizon).await.len(), 2);
}

#[tokio::test]
async fn longer_retention_keeps_more() {
    let scene = Scene::new(1);
    scene.put("old").await;
    let longer = scene.client.increase_stream_retention_period().stream_name(STREAM);
    longer.retention_period_hours(48).send().await.expect("longer");
    scene.clock.advance(Duration::from_hours(47));
    assert_eq!(scene.texts(&scene.only_shard()).await, ["old"]);
    let stream = scene.client.describe_stream_summary().stream_name(STREAM).send().await;
    let stream = stream.expect("the stream").stream_description_summary.expect("a description");
    assert_eq!((stream.retention_period_hours, stream.open_shard_count), (48, 1));
}

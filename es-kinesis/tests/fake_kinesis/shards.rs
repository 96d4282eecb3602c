//! Streams and their shards: split, merged, listed.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{ScalingType, ShardFilterType, ShardIteratorType, StreamStatus};

use crate::scene::{STREAM, Scene, code, numbered, texts_of};
use crate::support::fake_kinesis::Options;

#[tokio::test]
async fn a_split_or_merged_shard_ends_and_nothing_of_it_is_lost() {
    let scene = Scene::new(1);
    let parent = scene.only_shard();
    scene.put_all(&numbered(0..10)).await.expect("they are put");
    let children = scene.kinesis.split(STREAM, &parent);
    scene.put_all(&numbered(10..30)).await.expect("they are put");
    let [low, high] = &children;
    let grandchild = scene.kinesis.merge(STREAM, low, high);
    scene.put_all(&numbered(30..40)).await.expect("they are put");

    let shards = scene.kinesis.shards(STREAM);
    let parents: Vec<_> = shards.iter().map(|shard| shard.parents.clone()).collect();
    assert_eq!(
        parents,
        [vec![], vec![parent.clone()], vec![parent.clone()], vec![low.clone(), high.clone()]]
    );
    assert_eq!(scene.texts(&parent).await, numbered(0..10));
    scene.kinesis.set_options(|options| options.records_per_answer = 3);
    assert_eq!(scene.texts(&parent).await, numbered(0..10), "in several answers, too");
    assert_eq!(scene.texts(low).await.len() + scene.texts(high).await.len(), 20);
    assert_eq!(scene.texts(&grandchild).await, numbered(30..40));
    let records = scene.kinesis.records(STREAM);
    let last_of_parent = &records[&parent].last().expect("ten").sequence_number;
    for child in &children {
        let first = &records[child].first().expect("some").sequence_number;
        assert!(first > last_of_parent, "the children's numbers are greater");
        assert!(records[&grandchild][0].sequence_number > *first);
    }
}

#[tokio::test]
async fn the_end_of_a_shard_names_its_children() {
    let scene = Scene::new(1);
    let parent = scene.only_shard();
    scene.put("1").await;
    let open = scene.get(&scene.iterator(&parent, ShardIteratorType::TrimHorizon).await).await;
    let at_tip = open.expect("records").next_shard_iterator.expect("it is open");
    let [low, high] = scene.kinesis.split(STREAM, &parent);
    let end = scene.get(&at_tip).await.expect("an answer");
    assert_eq!(end.next_shard_iterator, None);
    let children: Vec<_> = end.child_shards().iter().map(|child| child.shard_id()).collect();
    assert_eq!(children, [&low, &high]);
    assert_eq!(end.child_shards()[0].parent_shards(), std::slice::from_ref(&parent));
    let both = "340282366920938463463374607431768211455";
    assert_eq!(end.child_shards()[1].hash_key_range().expect("one").ending_hash_key(), both);

    scene.kinesis.set_options(|options| options.end_comes_alone = true);
    let first = scene.get(&scene.iterator(&parent, ShardIteratorType::TrimHorizon).await).await;
    let first = first.expect("records");
    assert_eq!((texts_of(&first), first.child_shards().len()), (numbered(1..2), 0));
    let end = scene.get(&first.next_shard_iterator.expect("not yet")).await.expect("an answer");
    assert_eq!((end.records().len(), end.child_shards().len()), (0, 2));
}

#[tokio::test]
async fn reshaping_is_refused_where_it_makes_no_sense() {
    let scene = Scene::new(3);
    let shards = scene.kinesis.open_shards(STREAM);
    let split = |shard: &str, key: u128| {
        let split = scene.client.split_shard().stream_name(STREAM).shard_to_split(shard);
        split.new_starting_hash_key(key.to_string()).send()
    };
    let outside = split(&shards[0], u128::MAX).await.expect_err("it is the last shard's");
    assert_eq!(code(&outside), "InvalidArgumentException");
    split(&shards[0], 5).await.expect("it is in the shard");
    let twice = split(&shards[0], 6).await.expect_err("it is closed");
    assert_eq!(code(&twice), "InvalidArgumentException");
    let merge = |low: &str, high: &str| {
        let merge = scene.client.merge_shards().stream_name(STREAM);
        merge.shard_to_merge(low).adjacent_shard_to_merge(high).send()
    };
    let apart = merge(&shards[2], &shards[1]).await.expect_err("in the other order");
    assert_eq!(code(&apart), "InvalidArgumentException");
    merge(&shards[1], &shards[2]).await.expect("they are neighbours");
    let scaled = scene.client.update_shard_count().stream_name(STREAM).target_shard_count(6);
    let scaled = scaled.scaling_type(ScalingType::UniformScaling);
    scaled.send().await.expect("twice as many");
    let open = scene.kinesis.shards(STREAM).into_iter().filter(|shard| shard.is_open);
    let mut ranges: Vec<_> = open.map(|shard| shard.hash_keys.into_inner()).collect();
    ranges.sort_unstable();
    assert_eq!((ranges.len(), ranges[0].0, ranges[5].1), (6, 0, u128::MAX));
    assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{ranges:?}");
}

#[tokio::test]
async fn shards_are_listed_in_pages_and_by_filters() {
    let scene = Scene::new(5);
    let shards = scene.kinesis.open_shards(STREAM);
    scene.clock.advance(Duration::from_secs(60));
    let [low, high] = scene.kinesis.split(STREAM, &shards[2]);
    let first = scene.client.list_shards().stream_name(STREAM).max_results(3).send().await;
    let first = first.expect("a page");
    assert_eq!(first.shards().len(), 3);
    let closed = &first.shards()[2];
    assert!(closed.sequence_number_range().expect("one").ending_sequence_number().is_some());
    let open = &first.shards()[1];
    assert!(open.sequence_number_range().expect("one").ending_sequence_number().is_none());
    let token = first.next_token().expect("there is more");
    let second = scene.client.list_shards().next_token(token).send().await.expect("a page");
    let seen = first.shards().iter().chain(second.shards()).map(|shard| shard.shard_id());
    assert_eq!(seen.collect::<HashSet<_>>().len(), 7);
    assert_eq!(second.next_token(), None);
    assert_eq!(second.shards()[2].parent_shard_id(), Some(shards[2].as_str()));
    assert_eq!(second.shards()[2].adjacent_parent_shard_id(), None);
    scene.clock.advance(Duration::from_secs(301));
    let expired = scene.client.list_shards().next_token(token).send().await;
    assert_eq!(code(&expired.expect_err("too old")), "ExpiredNextTokenException");

    let latest = scene.listed(ShardFilterType::AtLatest).await;
    assert!(!latest.contains(&shards[2]) && latest.contains(&low) && latest.contains(&high));
    let horizon = scene.listed(ShardFilterType::AtTrimHorizon).await;
    assert_eq!(horizon, shards);
    assert_eq!(scene.listed(ShardFilterType::FromTrimHorizon).await.len(), 7);
    let merged = scene.kinesis.merge(STREAM, &low, &high);
    let after = scene.client.list_shards().stream_name(STREAM).exclusive_start_shard_id(&high);
    let after = after.send().await.expect("a page");
    let only = &after.shards()[0];
    assert_eq!((after.shards().len(), only.shard_id()), (1, merged.as_str()));
    assert_eq!(only.parent_shard_id(), Some(low.as_str()));
    assert_eq!(only.adjacent_parent_shard_id(), Some(high.as_str()));
}

#[tokio::test]
async fn a_stream_is_not_active_at_once() {
    let transition = Duration::from_secs(30);
    let scene = Scene::with(1, Options { transition, ..Options::default() });
    let create = scene.client.create_stream().stream_name("new").shard_count(2);
    create.send().await.expect("it is created");
    let status = || async {
        let stream = scene.client.describe_stream_summary().stream_name("new").send().await;
        let stream = stream.expect("the stream").stream_description_summary.expect("a description");
        (stream.stream_status, stream.stream_arn)
    };
    let (creating, arn) = status().await;
    assert_eq!(creating, StreamStatus::Creating);
    let put = scene.client.put_record().stream_arn(arn).partition_key("k").data(Blob::new("x"));
    let early = put.clone().send().await.expect_err("it is not there yet");
    assert_eq!(code(&early), "ResourceNotFoundException");
    scene.clock.advance(transition);
    assert_eq!(status().await.0, StreamStatus::Active);
    let stored = put.clone().send().await.expect("it is put");
    let split = scene.client.split_shard().stream_name("new").shard_to_split(stored.shard_id);
    let shards = scene.kinesis.shards("new");
    let shard = shards.iter().find(|shard| shard.is_open).expect("two");
    let middle = shard.hash_keys.start() + 10;
    let split = split.shard_to_split(&shard.id).new_starting_hash_key(middle.to_string());
    split.clone().send().await.expect("it is split");
    assert_eq!(status().await.0, StreamStatus::Updating);
    let again = split.send().await.expect_err("one at a time");
    assert_eq!(code(&again), "ResourceInUseException");
    put.clone().send().await.expect("writing goes on");
    scene.clock.advance(transition);
    scene.client.delete_stream().stream_name("new").send().await.expect("it is deleted");
    assert_eq!(code(&put.send().await.expect_err("it is gone")), "ResourceNotFoundException");
}

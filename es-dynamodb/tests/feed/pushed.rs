//! Items that somebody else reads from the table's stream.

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{
    CommitId, EncodedEvents, Error, EventStore as _, Expected, NewCommit, StreamId, SystemEntropy,
    Timestamp,
};

use crate::scene::Scene;

fn image(item: std::collections::HashMap<String, AttributeValue>) -> serde_dynamo::Item {
    item.into()
}

#[tokio::test]
async fn a_new_image_is_the_commit_that_was_appended_and_asks_for_nothing() {
    let scene = Scene::new().await;
    let commit = scene.credit_unseen("a", 7).await;
    let item = scene.item_of(&commit).await;
    let reading = scene.store.commit_of_new_image(image(item));
    let (read, cost) = es_core::Cost::of(reading).await;
    assert_eq!((read.unwrap(), cost.requests), (Some(commit), 0));
}

#[tokio::test]
async fn the_parts_of_a_large_commit_are_one_commit_and_otherwise_passed_over() {
    let scene = Scene::new().await;
    // More than an item takes.
    let text = format!("{:?}", "x".repeat(600_000));
    let manifest = format!("Notes:Written 1 {}", text.len());
    let events = EncodedEvents::from_stored_json(manifest.into(), text.into()).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let id = CommitId::generate(now, &SystemEntropy);
    let new = NewCommit::new(id, now, Default::default(), events);
    let stream = StreamId::new("notes", "n").unwrap();
    let large = scene.store.append(&stream, Expected::NoStream, new).await.unwrap().commit;
    let images: Vec<_> = scene.items().await.into_iter().map(image).collect();
    assert!(images.len() > 1, "it is kept in several items");
    let mut commits = Vec::new();
    for image in images {
        commits.extend(scene.store.commit_of_new_image(image).await.unwrap());
    }
    assert_eq!(commits, [large]);
}

#[tokio::test]
async fn a_damaged_image_is_corrupt() {
    let scene = Scene::new().await;
    let commit = scene.credit_unseen("a", 7).await;
    let whole = scene.item_of(&commit).await;
    for attribute in whole.keys() {
        let mut damaged = whole.clone();
        damaged.insert(attribute.clone(), AttributeValue::Bool(true));
        let read = scene.store.commit_of_new_image(image(damaged)).await;
        let refused = matches!(read, Err(Error::Corrupt { .. } | Error::CorruptCommit { .. }));
        assert!(refused, "{attribute}: {read:?}");
    }
}

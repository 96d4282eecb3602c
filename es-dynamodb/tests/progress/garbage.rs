//! What is out of use is removed.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue::S;
use es_core::{Adopted, Adoption, CheckpointStore as _, Error, Progress, Revision};

use crate::samples::{adoption, beside, consumer, letter, parking, reached, seen, step};
use crate::scene::{Scene, change, key, parked, save, version};
use crate::support::faults::Fault;

/// The partitions of the state table that have items.
async fn partitions(scene: &Scene) -> BTreeSet<String> {
    scene.items().await.iter().map(|item| key(item).0).collect()
}

/// `c` has something of every kind, in 6 items.
async fn fill(scene: &Scene) {
    let first = Progress {
        streams: reached(&[("s", 3), ("t", 4)]),
        dead_letters: vec![parking(&letter("u", 1))],
        ..step(Revision::default(), "1")
    };
    save(&scene.store, first).await;
    assert_eq!(scene.items().await.len(), 6);
}

#[tokio::test]
async fn a_reset_leaves_nothing_but_the_control_item() {
    let scene = Scene::new().await;
    fill(&scene).await;
    scene.store.reset(&consumer("c")).await.unwrap();
    assert_eq!(partitions(&scene).await, ["consumer#c".to_owned()].into());
    assert_eq!(scene.store.collect_garbage().await.unwrap(), 0);
}

#[tokio::test]
async fn an_adoption_that_is_interrupted_leaves_garbage_for_later() {
    let scene = Scene::new().await;
    fill(&scene).await;
    let again = Progress { streams: reached(&[("s", 3), ("t", 9)]), ..beside() };
    save(&scene.store, Progress { consumer: consumer("again"), ..again }).await;
    scene.faults.always("BatchWriteItem", Fault::LostRequest);
    let asked = Adoption { replaces_dead_letters: true, ..adoption() };
    assert_eq!(scene.store.adopt(&asked).await.unwrap(), Adopted::Done, "it is done all the same");
    let left = partitions(&scene).await;
    assert!(left.contains("garbage") && left.contains("positions#c"), "{left:?}");
    assert_eq!(parked(&scene.other).await.unwrap(), [], "nobody sees what is left");

    assert_eq!(scene.other.collect_garbage().await.unwrap(), 6);
    let left = partitions(&scene).await;
    let of_the_old_book = |name: &String| name.ends_with("#c") && name != "consumer#c";
    assert!(!left.iter().any(of_the_old_book), "{left:?}");
    assert!(!left.contains("garbage"), "{left:?}");
    assert_eq!(scene.other.collect_garbage().await.unwrap(), 0);
    assert_eq!(version(&scene.other, "t").await, 9.into(), "the book in use is left alone");
}

#[tokio::test]
async fn the_next_reset_removes_what_was_left() {
    let scene = Scene::new().await;
    fill(&scene).await;
    scene.faults.always("BatchWriteItem", Fault::LostRequest);
    scene.store.reset(&consumer("c")).await.unwrap();
    assert!(partitions(&scene).await.contains("positions#c"));
    scene.other.reset(&consumer("d")).await.unwrap();
    let left = ["consumer#c", "consumer#d"].map(str::to_owned);
    assert_eq!(partitions(&scene).await, left.into());
}

#[tokio::test]
async fn a_batch_that_is_not_processed_whole_is_sent_again() {
    let scene = Scene::new().await;
    let letters = (1..=60).map(|version| parking(&letter("s", version))).collect();
    change(&scene.store, letters).await.unwrap();
    scene.faults.always("BatchWriteItem", Fault::LostRequest);
    scene.store.reset(&consumer("c")).await.unwrap();
    scene.faults.stop();
    for nth in 1..=3 {
        scene.faults.at("BatchWriteItem", nth, Fault::Unprocessed);
    }
    // The letters, their stream, and the stream among those that wait: each counts once.
    assert_eq!(scene.store.collect_garbage().await.unwrap(), 62);
    assert_eq!(partitions(&scene).await, ["consumer#c".to_owned()].into());
}

#[tokio::test]
async fn a_reset_removes_so_much_and_leaves_the_rest() {
    let scene = Scene::new().await;
    let mut revision = Revision::default();
    for part in 0..26 {
        let names: Vec<String> = (0..99).map(|n| format!("{part}-{n}")).collect();
        let streams: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let saw = names.iter().map(|name| seen(name, 0)).collect();
        let step = step(revision, "x");
        save(&scene.store, Progress { seen: saw, streams: reached(&streams), ..step }).await;
        revision = revision.next();
    }
    scene.store.reset(&consumer("c")).await.unwrap();
    let all = 26 * 99 + 1;
    assert_eq!(scene.store.collect_garbage().await.unwrap(), all - 2_500);
    assert_eq!(partitions(&scene).await, ["consumer#c".to_owned()].into());
}

#[tokio::test]
async fn garbage_of_an_unknown_kind_is_named_and_left() {
    let scene = Scene::new().await;
    scene.faults.always("BatchWriteItem", Fault::LostRequest);
    fill(&scene).await;
    let unknown = [("pk", "garbage"), ("sk", "a scroll")];
    let unknown = unknown.map(|(name, text)| (name.to_owned(), S(text.to_owned())));
    let put = scene.plain.put_item().table_name(&scene.table).set_item(Some(unknown.into()));
    put.send().await.unwrap();
    scene.store.reset(&consumer("c")).await.unwrap();
    match scene.other.collect_garbage().await {
        Err(Error::Corrupt { what, .. }) => assert_eq!(what, "the garbage \"a scroll\""),
        outcome => panic!("{outcome:?}"),
    }
    let left = ["consumer#c", "garbage"].map(str::to_owned);
    assert_eq!(partitions(&scene).await, left.into(), "the rest is removed");
}

//! What is damaged is named.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::AttributeValue::{Bool, L, N, S};
use es_core::{CheckpointStore as _, Error, Progress, Revision};

use crate::samples::{consumer, letter, parking, partition, reached, step, stream};
use crate::scene::{Scene, change, parked, save};

fn n(digits: &str) -> AttributeValue {
    N(digits.to_owned())
}

fn s(text: &str) -> AttributeValue {
    S(text.to_owned())
}

/// Sets an attribute, or takes it away, and gives back what was there.
async fn set(
    scene: &Scene,
    partition: &str,
    name: &str,
    value: Option<AttributeValue>,
) -> Option<AttributeValue> {
    let mut before = None;
    scene
        .tamper(partition, |item| {
            before = match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
        })
        .await;
    before
}

#[track_caller]
fn assert_damaged<T: std::fmt::Debug>(outcome: es_core::Result<T>, named: &str, case: &str) {
    match outcome {
        Err(Error::Corrupt { what, .. }) => assert_eq!(what, named, "{case}"),
        outcome => panic!("{case}: {outcome:?}"),
    }
}

#[tokio::test]
async fn a_damaged_control_item_is_named() {
    let scene = &Scene::new().await;
    save(&scene.store, step(Revision::default(), "1")).await;
    scene.store.reset(&consumer("c")).await.unwrap();
    for (name, value) in [
        ("epoch", None),
        ("epoch", Some(s("1"))),
        ("epoch", Some(n("-1"))),
        ("epoch", Some(n("1.5"))),
        ("epoch", Some(n("16777216"))),
        ("book", None),
        ("book", Some(n("1"))),
        ("records", None),
        ("records", Some(s("c"))),
        ("records", Some(L(Vec::new()))),
        ("records", Some(L(vec![n("1")]))),
        ("paused", Some(s("true"))),
    ] {
        let case = format!("{name} = {value:?}");
        let before = set(scene, "consumer#c", name, value).await;
        let named = "the control item of c";
        let (c, p) = (consumer("c"), partition("p"));
        assert_damaged(scene.store.load(&c, &p).await, named, &case);
        assert_damaged(scene.store.save(step(Revision::default(), "2")).await, named, &case);
        assert_damaged(scene.store.is_paused(&c).await, named, &case);
        assert_damaged(scene.store.reset(&c).await, named, &case);
        assert_damaged(parked(&scene.store).await, named, &case);
        set(scene, "consumer#c", name, before).await;
    }
    scene.store.set_paused(&consumer("c"), true).await.unwrap();
    assert!(scene.store.is_paused(&consumer("c")).await.unwrap(), "it is as before");
}

#[tokio::test]
async fn a_damaged_position_is_named() {
    let scene = &Scene::new().await;
    save(&scene.store, step(Revision::default(), "1")).await;
    for (name, value) in [
        ("saves", None),
        ("saves", Some(n("0"))),
        ("saves", Some(n("-1"))),
        ("saves", Some(s("1"))),
        ("checkpoint", None),
        ("checkpoint", Some(n("1"))),
    ] {
        let case = format!("{name} = {value:?}");
        let before = set(scene, "positions#c", name, value).await;
        let found = scene.store.load(&consumer("c"), &partition("p")).await;
        assert_damaged(found, "the position of c in partition p", &case);
        set(scene, "positions#c", name, before).await;
    }
    save(&scene.store, step(Revision::from_stored(1), "2")).await;
}

#[tokio::test]
async fn a_damaged_stream_is_named() {
    let scene = &Scene::new().await;
    let first = Progress { streams: reached(&[("s", 1)]), ..step(Revision::default(), "1") };
    save(&scene.store, first).await;
    for (name, value) in [
        ("version", s("1")),
        ("version", n("-1")),
        ("version", n("18446744073709551616")),
        ("parked", Bool(true)),
        ("letters", n("0.5")),
    ] {
        let case = format!("{name} = {value:?}");
        let before = set(scene, "streams#", name, Some(value)).await;
        let found = scene.store.stream_progress(&consumer("c"), &[stream("s")]).await;
        assert_damaged(found, "the progress of c in test:s", &case);
        set(scene, "streams#", name, before).await;
    }
}

#[tokio::test]
async fn a_damaged_letter_is_named() {
    let scene = &Scene::new().await;
    let [first, second] = [letter("s", 4), letter("t", 1)];
    change(&scene.store, vec![parking(&first)]).await.unwrap();
    for (name, value) in [
        ("n", Some(n("2"))),
        ("n", None),
        ("i", None),
        ("i", Some(s("x"))),
        ("t", Some(n("1"))),
        ("e", Some(s("lz4"))),
        ("m", Some(s("garbage"))),
        ("m", None),
        ("p", Some(s("{}"))),
        ("p", Some(n("7"))),
        ("d", Some(s("{\"actor\":\"Eve\"}"))),
        ("c", Some(n("1"))),
        ("c", Some(n("-1"))),
        ("x", Some(n("1"))),
    ] {
        let case = format!("{name} = {value:?}");
        let before = set(scene, "letters#", name, value).await;
        match parked(&scene.store).await {
            Err(Error::CorruptCommit { stream: named, version, .. }) => {
                assert_eq!((named, version), (stream("s"), 4.into()), "{case}");
            }
            outcome => panic!("{case}: {outcome:?}"),
        }
        set(scene, "letters#", name, before).await;
    }
    for (name, value) in [
        ("parked_at", None),
        ("parked_at", Some(n("9223372036854775807"))),
        ("failed_version", None),
        ("failed_version", Some(n("-1"))),
        ("error", None),
        ("error", Some(n("1"))),
        ("attempts", None),
        ("attempts", Some(n("4294967296"))),
        ("last_attempt_at", None),
        ("drop_reason", Some(s("x"))),
        ("dropped_at", Some(n("1"))),
    ] {
        let case = format!("{name} = {value:?}");
        let before = set(scene, "letters#", name, value).await;
        let named = "the dead letter of test:s at version 4";
        assert_damaged(parked(&scene.store).await, named, &case);
        set(scene, "letters#", name, before).await;
    }
    change(&scene.store, vec![parking(&second)]).await.unwrap();
    assert_eq!(parked(&scene.store).await.unwrap(), [first, second]);
}

#[tokio::test]
async fn a_damaged_letter_can_be_removed_and_dropped() {
    let scene = &Scene::new().await;
    let letter = letter("s", 4);
    for change_of in [crate::samples::removing(&letter), crate::samples::dropping(&letter, "x")] {
        change(&scene.store, vec![parking(&letter)]).await.unwrap();
        set(scene, "letters#", "p", Some(s("{}"))).await;
        change(&scene.store, vec![change_of]).await.unwrap();
        assert_eq!(parked(&scene.store).await.unwrap(), []);
    }
}

#[tokio::test]
async fn damaged_keys_and_counts_of_letters_are_named() {
    let scene = &Scene::new().await;
    change(&scene.store, vec![parking(&letter("s", 4))]).await.unwrap();
    let before = set(scene, "parked#c", "letters", Some(s("1"))).await;
    let counted = scene.store.dead_letter_count(&consumer("c")).await;
    assert_damaged(counted, "the number of dead letters of c in test:s", "a text");
    set(scene, "parked#c", "letters", before).await;
    for key in ["test:s", "test:s\u{1}4x", "test\u{1}00000000000000000004"] {
        set(scene, "letters#", "sk", Some(s(key))).await;
        assert_damaged(
            parked(&scene.store).await,
            &format!("the key {key:?} of a dead letter"),
            key,
        );
    }
}

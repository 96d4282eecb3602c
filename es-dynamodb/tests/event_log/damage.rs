//! Items that are not what was written.

use es_core::Error;
use futures::StreamExt as _;

use super::*;

const MEGABYTE: usize = 1 << 20;

fn blob(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(bytes.to_vec().into())
}

/// The version that a damage is reported at, and the commits that were read before it.
async fn read_to_the_damage(scene: &Scene, query: ReadStream) -> (Vec<Commit>, Version, String) {
    let mut pages = scene.store.read(query);
    let mut before = Vec::new();
    loop {
        match pages.next().await.expect("the read does not just end") {
            Ok(page) => before.extend(page),
            Err(Error::CorruptCommit { stream: named, version, reason }) => {
                assert_eq!(named, stream());
                assert!(pages.next().await.is_none(), "a read ends with its error");
                return (before, version, reason);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn all() -> ReadStream {
    ReadStream::new(stream())
}

#[tokio::test]
async fn whatever_attribute_is_missing_or_of_another_type_is_reported() {
    let scene = scene().await;
    let commits = scene.history(3).await;
    let at = commits[1].first_version();
    let whole = scene.commit_item(at.get()).await;
    for name in whole.keys().filter(|name| !matches!(name.as_str(), "pk" | "sk")) {
        let mut damaged_items = vec![("missing", None)];
        for other in [blob(b"1"), number(1), text("1"), AttributeValue::Bool(true)] {
            damaged_items.push(("changed", Some(other)));
        }
        for (case, other) in damaged_items {
            let mut item = whole.clone();
            match other {
                Some(other) => item.insert(name.clone(), other),
                None => item.remove(name),
            };
            scene.put(item).await;
            let (before, version, reason) = read_to_the_damage(&scene, all()).await;
            assert_eq!((before.len(), version), (1, at), "{name} {case}: {reason}");
            let (before, version, _) = read_to_the_damage(&scene, all().backwards()).await;
            assert_eq!((before.len(), version), (1, at), "{name} {case}");
        }
    }
}

#[tokio::test]
async fn every_value_out_of_place_is_reported() {
    let scene = scene().await;
    let commits = scene.history(3).await;
    let at = commits[1].first_version();
    let whole = scene.commit_item(at.get()).await;
    let values = [
        ("n", number(0)),
        ("n", number(2)),
        ("n", number(4)),
        ("n", number(-1)),
        ("n", number(1.5)),
        ("n", number(u64::MAX)),
        ("n", number("1e40")),
        ("i", blob(&[7; 16])),
        ("i", blob(&[7; 15])),
        ("t", number(1)),
        ("t", number("9e18")),
        ("e", text("postcard")),
        ("e", text("of a later program")),
        ("m", text("")),
        ("m", text("Notes:Noted 1")),
        ("p", text("{}")),
        ("d", text("{}")),
        ("c", number(1)),
        ("c", number(u64::MAX)),
        ("o", text("1")),
        ("x", number(1)),
        ("v", text("1")),
    ];
    for (name, value) in values {
        let mut item = whole.clone();
        item.insert(name.to_owned(), value.clone());
        scene.put(item).await;
        let (before, version, _) = read_to_the_damage(&scene, all()).await;
        assert_eq!((before.len(), version), (1, at), "{name} {value:?}");
    }
}

#[tokio::test]
async fn a_damaged_end_is_neither_a_head_nor_appended_to_nor_searched() {
    let scene = scene().await;
    let commits = scene.history(3).await;
    let end = commits[2].first_version();
    let mut item = scene.commit_item(end.get()).await;
    item.insert("n".to_owned(), number(9));
    scene.put(item).await;
    let damages = [
        scene.store.head(&stream()).await.map(drop),
        scene.store.find(&stream(), commits[2].id()).await.map(drop),
        scene.append_as(Expected::Any, &large(generated(9), 100)).await.map(drop),
        // The damaged commit is in the way.
        scene
            .append_as(Expected::Head(commits[1].head()), &large(generated(9), 100))
            .await
            .map(drop),
    ];
    for damage in damages {
        let Err(Error::CorruptCommit { version, .. }) = damage else { panic!("{damage:?}") };
        assert_eq!(version, end);
    }
}

#[tokio::test]
async fn a_commit_that_is_gone_is_missed_from_both_sides() {
    // Commits of 2, 3, 1, 2 and 3 events.
    for gone in 1..4 {
        let scene = scene().await;
        let commits = scene.history(5).await;
        let missing = commits[gone].first_version();
        scene.delete(&scene.commit_item(missing.get()).await).await;
        for page_size in [1, 1000] {
            let forwards = all().page_size(page_size);
            let (before, version, _) = read_to_the_damage(&scene, forwards).await;
            assert_eq!((before.len(), version), (gone, missing));
            let backwards = all().backwards().page_size(page_size);
            let (before, version, _) = read_to_the_damage(&scene, backwards).await;
            assert_eq!((before.len(), version), (4 - gone, missing));
        }
        let (before, version, _) = read_to_the_damage(&scene, all().from(missing)).await;
        assert_eq!((before.len(), version), (0, missing));
    }
    let scene = scene().await;
    scene.history(2).await;
    scene.delete(&scene.commit_item(1).await).await;
    let (before, version, _) = read_to_the_damage(&scene, all()).await;
    assert_eq!((before.len(), version.get()), (0, 1));
    let (before, version, _) = read_to_the_damage(&scene, all().backwards()).await;
    assert_eq!((before.len(), version.get()), (1, 1));
}

#[tokio::test]
async fn commits_that_overlap_are_reported() {
    let scene = scene().await;
    let commits = scene.history(2).await;
    // From another history of the stream, whole in itself, and inside the commit at 1 and 2.
    let inside = version(2);
    let lone = super::scene().await;
    let before = lone.append(None, &large(generated(1), 100)).await;
    lone.append(Some(&before), &large(generated(8), 100)).await;
    scene.put(lone.commit_item(2).await).await;
    let (read, at, reason) = read_to_the_damage(&scene, all()).await;
    assert_eq!((read, at), (vec![commits[0].clone()], inside), "{reason}");
    let (read, at, reason) = read_to_the_damage(&scene, all().backwards()).await;
    assert_eq!((read.len(), at), (2, inside), "{reason}");
}

#[tokio::test]
async fn a_newer_layout_asks_for_a_newer_program() {
    let scene = scene().await;
    let commits = scene.history(2).await;
    let mut item = scene.commit_item(commits[1].first_version().get()).await;
    item.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
    item.insert("v".to_owned(), number(2));
    scene.put(item).await;
    let id = generated(9);
    let outcomes = [
        scene.read_all().await.map(drop),
        scene.store.head(&stream()).await.map(drop),
        scene.store.find(&stream(), id).await.map(drop),
        scene.append_as(Expected::Any, &large(id, 100)).await.map(drop),
        scene.append_as(Expected::Head(commits[0].head()), &large(id, 100)).await.map(drop),
    ];
    for outcome in outcomes {
        let Err(Error::UnsupportedFormat { what, found, supported }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((found.as_str(), supported.as_str()), ("layout 2", "layout 1"));
        assert!(what.contains("notes:n-1") && what.contains('3'), "{what}");
    }
}

#[tokio::test]
async fn damaged_continuation_items_are_reported() {
    let scene = scene().await;
    let first = scene.append(None, &large(generated(1), 100)).await;
    scene.append(Some(&first), &large(generated(2), 2 * MEGABYTE)).await;
    let mut pieces = scene.items().await;
    pieces.retain(|item| item["pk"].as_s().expect("a text").contains('\u{1}'));
    pieces.sort_by_key(|item| item["sk"].as_n().expect("a number").parse::<u32>().ok());
    assert_eq!(pieces.len(), 6);
    for at in [0, 2, 5] {
        let whole = pieces[at].clone();
        let with = |value: AttributeValue| {
            let mut item = whole.clone();
            item.insert("p".to_owned(), value);
            item
        };
        let mut bare = whole.clone();
        bare.remove("p");
        let mut flipped = whole["p"].as_b().expect("bytes").clone().into_inner();
        flipped[17] ^= 1;
        for damaged in [bare, with(text("x")), with(blob(b"")), with(blob(&flipped))] {
            scene.put(damaged).await;
            let (before, version, _) = read_to_the_damage(&scene, all()).await;
            assert_eq!((before.len(), version.get()), (1, 2));
        }
        scene.delete(&whole).await;
        let (_, version, reason) = read_to_the_damage(&scene, all()).await;
        assert_eq!(version.get(), 2);
        assert!(reason.contains("continuation"), "{reason}");
        scene.put(whole).await;
        assert_eq!(scene.read_all().await.expect("whole again").len(), 2);
    }
    let whole = scene.commit_item(2).await;
    for (name, value) in [
        ("x", number(5)),
        ("x", number(7)),
        ("x", number(0)),
        ("x", text("6")),
        ("h", blob(b"another digest")),
        ("a", number(3)),
        ("b", number(3)),
        ("b", number(3 * MEGABYTE)),
        ("c", number(3)),
        ("n", number(2)),
    ] {
        let mut item = whole.clone();
        item.insert(name.to_owned(), value.clone());
        scene.put(item).await;
        let (before, version, _) = read_to_the_damage(&scene, all()).await;
        assert_eq!((before.len(), version.get()), (1, 2), "{name} {value:?}");
    }
}

#[tokio::test]
async fn a_marker_without_its_commit_is_reported() {
    let scene = scene().await;
    let ours = large(derived("key"), 100);
    scene.append(None, &ours).await;
    let items = scene.items().await;
    assert_eq!(items.len(), 2);
    let is_marker = |item: &&Item| item["sk"].as_n().is_ok_and(|version| version.starts_with('-'));
    let marker = items.iter().find(is_marker).expect("a marker").clone();
    let mut elsewhere = marker.clone();
    elsewhere.insert("f".to_owned(), number(7));
    scene.put(elsewhere).await;
    let found = scene.store.find(&stream(), ours.id).await;
    assert!(matches!(found, Err(Error::CorruptCommit { version, .. }) if version.get() == 7));
    let mut nowhere = marker;
    nowhere.remove("f");
    scene.put(nowhere).await;
    let found = scene.store.find(&stream(), ours.id).await;
    assert!(matches!(found, Err(Error::Corrupt { .. })), "{found:?}");
}

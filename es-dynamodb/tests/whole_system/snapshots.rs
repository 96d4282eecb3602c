//! Whatever is stored as a snapshot: the state is the fold of the log.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use es_core::{
    Codec, Error, EventStore as _, Expected, Head, SnapshotStore as _, StoredSnapshot, Version,
};

use crate::scenario::commit;
use crate::support::ledger::{Enter, stream};
use crate::world::{Item, World};

/// A log of so many commits in ledger `a`.
async fn log_of(commits: u64) -> World {
    let world = World::without_waiting().await;
    let mut before = 0;
    for number in 1..=commits {
        let new = commit(number, before);
        before += new.events.len() as u64;
        world.plain.append(&stream("a"), Expected::Any, new).await.expect("nothing is in its way");
    }
    world
}

/// The snapshot that a writer leaves at the end of such a log.
async fn snapshot_at(commits: u64) -> StoredSnapshot {
    let world = log_of(commits - 1).await;
    let number = commits;
    world.ledgers().execute("a", Enter { number }).await.expect("nothing is in its way");
    let snapshot = world.plain.load(&stream("a")).await.expect("it can be loaded");
    snapshot.expect("the writer left one")
}

/// Of the commit at this place of the log itself: what the log confirms.
async fn confirmed(world: &World, commits: usize) -> StoredSnapshot {
    let commit = &world.commits("a").await[commits - 1];
    let lines: Vec<u64> = world.logged().await["a"].iter().map(|(number, _)| *number).collect();
    let lines = &lines[..usize::try_from(commit.last_version().get()).expect("a small number")];
    let state = serde_json::json!({ "lines": lines }).to_string();
    StoredSnapshot {
        stream: stream("a"),
        head: commit.head(),
        schema_version: 2,
        codec: Codec::Json,
        state: state.into(),
    }
}

async fn assert_folded(world: &World, what: &str) {
    let logged = world.logged().await;
    let lines = logged.get("a").into_iter().flatten();
    let lines: Vec<u64> = lines.map(|(number, _)| *number).collect();
    let loaded = world.ledgers().load("a").await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(loaded.lines, lines, "{what}");
    assert_eq!(loaded.version().get(), lines.len() as u64, "{what}");
}

/// With this snapshot the log's state is loaded, and goes on from there.
async fn assert_folded_with(world: &World, snapshot: StoredSnapshot) {
    let what = format!("{snapshot:?}");
    world.plain.delete(&stream("a")).await.expect("it can be deleted");
    world.plain.save(snapshot).await.expect("it can be saved");
    assert_folded(world, &what).await;
}

#[tokio::test]
async fn a_snapshot_that_the_log_confirms_is_where_the_state_begins() {
    let world = log_of(40).await;
    for commits in [1, 5, 14, 39, 40] {
        let snapshot = confirmed(&world, commits).await;
        assert_folded_with(&world, snapshot.clone()).await;
        // It is really used: a state that is not the log's shows.
        let lines = "[7],".repeat(3);
        let false_state =
            format!(r#"{{"lines":[{}]}}"#, lines.replace(['[', ']'], "").trim_end_matches(','));
        let snapshot = StoredSnapshot { state: false_state.into(), ..snapshot };
        world.plain.delete(&stream("a")).await.expect("it can be deleted");
        world.plain.save(snapshot).await.expect("it can be saved");
        let loaded = world.ledgers().load("a").await.expect("it can be loaded");
        assert_eq!(loaded.lines[..3], [7, 7, 7]);
    }
}

#[tokio::test]
async fn a_log_that_lost_its_tail_is_not_made_up_for_by_a_snapshot() {
    let ahead = snapshot_at(9).await;
    for kept in [0, 1, 4, 8] {
        let world = log_of(kept).await;
        assert_folded_with(&world, ahead.clone()).await;
        // It goes on over the place that the snapshot is of.
        for number in kept + 1..kept + 7 {
            let entered = world.ledgers().execute("a", Enter { number }).await;
            entered.expect("nothing is in its way");
            assert_folded(&world, "behind it").await;
        }
    }
}

#[tokio::test]
async fn a_snapshot_that_is_of_no_commit_of_the_log_is_ignored() {
    let world = log_of(9).await;
    assert_folded_with(&world, snapshot_at(9).await).await;
    let snapshot = confirmed(&world, 8).await;
    let state = Bytes::from_static(br#"{"lines":[666]}"#);
    let (id, first, last) =
        (snapshot.head.commit_id(), snapshot.head.commit_start(), snapshot.head.version());
    assert!(first < last, "the commit has several lines");
    for (first, last) in [
        (first, first),
        (first, last.next()),
        (last, last),
        (Version::ZERO, Version::ZERO),
        (Version::FIRST, last),
        (Version::new(u64::MAX), Version::new(u64::MAX)),
    ] {
        let (head, state) = (Head::from_stored(id, first, last), state.clone());
        assert_folded_with(&world, StoredSnapshot { head, state, ..snapshot.clone() }).await;
    }
    for schema_version in [0, 1, 3, u32::MAX] {
        let state = state.clone();
        let snapshot = StoredSnapshot { schema_version, state, ..snapshot.clone() };
        assert_folded_with(&world, snapshot).await;
    }
}

#[tokio::test]
async fn a_snapshot_whose_bytes_are_no_state_is_ignored() {
    let world = log_of(9).await;
    let snapshot = confirmed(&world, 8).await;
    for state in [&b"\xff\xfe"[..], b"", b"null", b"{\"lines\":[-1]}", b"{\"lines\":[1]} x"] {
        let state = Bytes::from_static(state);
        assert_folded_with(&world, StoredSnapshot { state, ..snapshot.clone() }).await;
    }
    assert_folded_with(&world, StoredSnapshot { codec: Codec::Postcard, ..snapshot }).await;
}

#[tokio::test]
async fn a_snapshot_whose_item_is_damaged_is_ignored() {
    let world = log_of(9).await;
    let snapshot = confirmed(&world, 8).await;
    world.plain.save(snapshot).await.expect("it can be saved");
    let whole = snapshot_item(&world).await;
    let attributes: Vec<&String> =
        whole.keys().filter(|name| !["pk", "sk"].contains(&name.as_str())).collect();
    assert!(attributes.len() > 5);
    for name in attributes {
        let mut damaged = vec![without(&whole, name)];
        for value in [
            AttributeValue::N("7".to_owned()),
            AttributeValue::S(r#"{"lines":[666]}"#.to_owned()),
            AttributeValue::B(Blob::new([7; 16])),
            AttributeValue::Null(true),
        ] {
            let mut item = whole.clone();
            item.insert(name.clone(), value);
            damaged.push(item);
        }
        for item in damaged {
            world.put_state(item).await;
            assert_folded(&world, name).await;
        }
    }
    let mut newer = whole.clone();
    newer.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    world.put_state(newer).await;
    assert_folded(&world, "a newer layout").await;
}

fn without(item: &Item, name: &str) -> Item {
    let mut item = item.clone();
    item.remove(name);
    item
}

async fn snapshot_item(world: &World) -> Item {
    let get = world.server.dynamodb().get_item().table_name(world.state_table());
    let get = get.key("pk", AttributeValue::S(format!("snapshot#{}", stream("a"))));
    let get = get.key("sk", AttributeValue::S("snapshot".to_owned()));
    get.send().await.expect("the server answers").item.expect("it was saved")
}

#[tokio::test]
async fn a_snapshot_that_no_item_has_room_for_is_refused_before_anything_is_sent() {
    let world = log_of(1).await;
    let mut snapshot = confirmed(&world, 1).await;
    snapshot.state = vec![b'1'; 420_000].into();
    let before = world.faults.all_requests();
    let refused = world.store().save(snapshot).await;
    assert!(matches!(refused, Err(Error::LimitExceeded { .. })), "{refused:?}");
    assert_eq!(world.faults.all_requests(), before);
}

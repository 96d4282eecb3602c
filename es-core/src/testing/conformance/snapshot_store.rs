//! The rules of [`SnapshotStore`].

use std::sync::Arc;

use bytes::Bytes;

use super::Fixture;
use super::concurrently::concurrently;
use super::sample::{hostile_ids, new_id, stream, stream_in};
use crate::codec::Codec;
use crate::snapshot_store::{SnapshotStore, StoredSnapshot};
use crate::stream_id::StreamId;
use crate::version::{Head, Version};

/// What the rules are about.
pub type Store = Arc<dyn SnapshotStore>;

impl<S: SnapshotStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    snapshot_store for Store, tested by snapshot_store_conformance;
    self: [
        a_stream_without_a_snapshot_has_none,
        a_snapshot_comes_back_byte_for_byte,
        a_later_snapshot_replaces_an_earlier_one,
        an_older_snapshot_is_ignored,
        a_snapshot_of_the_same_head_is_ignored,
        another_schema_version_always_replaces,
        a_deleted_snapshot_is_gone,
        snapshots_of_different_streams_are_kept_apart,
        of_concurrent_saves_the_latest_stays,
    ],
}

/// A snapshot at `version` with a state of its own.
fn snapshot(stream: &StreamId, version: u64, schema_version: u32) -> StoredSnapshot {
    let id = new_id();
    StoredSnapshot {
        stream: stream.clone(),
        head: Head::from_stored(id, Version::new(version), Version::new(version)),
        schema_version,
        codec: Codec::Json,
        state: Bytes::from(format!(r#"{{"state":"{id}"}}"#)),
    }
}

async fn save(store: &Store, snapshot: &StoredSnapshot) {
    let saved = store.save(snapshot.clone()).await;
    saved.unwrap_or_else(|error| panic!("a snapshot was refused: {error}"));
}

/// Panics unless this is what the stream has.
async fn assert_stored(store: &Store, stream: &StreamId, expected: Option<&StoredSnapshot>) {
    let stored = store.load(stream).await;
    let stored = stored.unwrap_or_else(|error| panic!("a snapshot cannot be loaded: {error}"));
    assert_eq!(stored.as_ref(), expected, "the snapshot of {stream}");
}

async fn a_stream_without_a_snapshot_has_none(store: Store) {
    assert_stored(&store, &stream("missing"), None).await;
    save(&store, &snapshot(&stream("other"), 1, 1)).await;
    assert_stored(&store, &stream("missing"), None).await;
}

async fn a_snapshot_comes_back_byte_for_byte(store: Store) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let states = [
        (Codec::Json, b"{}".to_vec()),
        (Codec::Json, "{\"text\":\"ü🦀\\u0000'\\\"\"}".as_bytes().to_vec()),
        (Codec::Postcard, Vec::new()),
        (Codec::Postcard, every_byte.clone()),
        (Codec::Postcard, vec![0; 100]),
        // Larger than one page of any database, smaller than what an item of DynamoDB takes.
        (Codec::Postcard, every_byte.repeat(1_000)),
    ];
    for (n, (codec, state)) in states.into_iter().enumerate() {
        for (schema_version, last) in [(0, 7), (1, 9), (u32::MAX, 1_000_000)] {
            let stream = stream(&format!("{n}-{schema_version}"));
            let head = Head::from_stored(new_id(), Version::new(3), Version::new(last));
            let state = Bytes::from(state.clone());
            let snapshot =
                StoredSnapshot { stream: stream.clone(), head, schema_version, codec, state };
            save(&store, &snapshot).await;
            assert_stored(&store, &stream, Some(&snapshot)).await;
        }
    }
}

async fn a_later_snapshot_replaces_an_earlier_one(store: Store) {
    let stream = stream("s");
    // 9 and 10, 99 and 100: texts would sort the other way.
    for version in [1, 2, 9, 10, 99, 100, 1_000_000] {
        let later = snapshot(&stream, version, 1);
        save(&store, &later).await;
        assert_stored(&store, &stream, Some(&later)).await;
    }
}

async fn an_older_snapshot_is_ignored(store: Store) {
    let stream = stream("s");
    let stored = snapshot(&stream, 100, 3);
    save(&store, &stored).await;
    for version in [1, 9, 99] {
        save(&store, &snapshot(&stream, version, 3)).await;
        assert_stored(&store, &stream, Some(&stored)).await;
    }
}

async fn a_snapshot_of_the_same_head_is_ignored(store: Store) {
    let stream = stream("s");
    let stored = snapshot(&stream, 5, 1);
    save(&store, &stored).await;
    let again = StoredSnapshot { state: Bytes::from_static(b"\"other\""), ..stored.clone() };
    save(&store, &again).await;
    assert_stored(&store, &stream, Some(&stored)).await;
}

async fn another_schema_version_always_replaces(store: Store) {
    let stream = stream("s");
    for (version, schema_version) in [(10, 2), (11, 3), (11, 2), (5, 3), (5, 1), (1, 2), (9, 10)] {
        let other = snapshot(&stream, version, schema_version);
        save(&store, &other).await;
        assert_stored(&store, &stream, Some(&other)).await;
        save(&store, &snapshot(&stream, version - 1, schema_version)).await;
        assert_stored(&store, &stream, Some(&other)).await;
    }
}

async fn a_deleted_snapshot_is_gone(store: Store) {
    let (s, t) = (stream("s"), stream("t"));
    let kept = snapshot(&t, 9, 1);
    save(&store, &kept).await;
    save(&store, &snapshot(&s, 9, 1)).await;
    for _ in 0..2 {
        // The second time there is nothing to delete, and that is fine.
        store.delete(&s).await.unwrap_or_else(|error| panic!("a delete failed: {error}"));
        assert_stored(&store, &s, None).await;
        assert_stored(&store, &t, Some(&kept)).await;
    }
    let older = snapshot(&s, 2, 1);
    save(&store, &older).await;
    assert_stored(&store, &s, Some(&older)).await;
}

async fn snapshots_of_different_streams_are_kept_apart(store: Store) {
    let mut streams: Vec<StreamId> = hostile_ids().iter().map(|id| stream(id)).collect();
    streams.extend([stream_in("a", "b:c"), stream_in("b", "c"), stream_in("A", "b:c")]);
    let mut version = streams.len() as u64;
    let mut saved = Vec::new();
    for stream in &streams {
        // Each older than the one before: taken for the same stream, it would be ignored.
        version -= 1;
        saved.push(snapshot(stream, 1 + version, 1));
        save(&store, &saved[saved.len() - 1]).await;
    }
    for (stream, snapshot) in streams.iter().zip(&saved) {
        assert_stored(&store, stream, Some(snapshot)).await;
    }
}

async fn of_concurrent_saves_the_latest_stays(store: Store) {
    for round in 0..10 {
        let stream = stream(&round.to_string());
        let snapshots: Vec<_> = (1..=8).map(|version| snapshot(&stream, version, 1)).collect();
        let saves = snapshots.iter().rev().cloned().map(|snapshot| {
            let store = Arc::clone(&store);
            async move { save(&store, &snapshot).await }
        });
        concurrently(saves.collect::<Vec<_>>()).await;
        assert_stored(&store, &stream, snapshots.last()).await;
    }
}

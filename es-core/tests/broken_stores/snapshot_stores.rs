//! Snapshot stores that are broken in one way each.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::snapshot_store::SUITE;
use es_core::{Codec, Result, SnapshotStore, StoredSnapshot, StreamId};

use crate::{assert_breaks, assert_keeps};

/// A newer snapshot is whichever comes later.
#[derive(Debug, Default)]
struct LastWriteWins(MemoryStore);

#[async_trait]
impl SnapshotStore for LastWriteWins {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        SnapshotStore::load(&self.0, stream).await
    }

    async fn save(&self, snapshot: StoredSnapshot) -> Result<()> {
        self.0.delete(&snapshot.stream).await?;
        SnapshotStore::save(&self.0, snapshot).await
    }

    async fn delete(&self, stream: &StreamId) -> Result<()> {
        self.0.delete(stream).await
    }
}

#[tokio::test]
async fn an_older_snapshot_that_replaces_a_newer_one_is_found() {
    let rules = [
        ("an_older_snapshot_is_ignored", "the snapshot of conformance:s"),
        ("a_snapshot_of_the_same_head_is_ignored", "the snapshot of conformance:s"),
    ];
    assert_breaks(&SUITE, LastWriteWins::default, &rules).await;
    let rules = ["a_later_snapshot_replaces_an_earlier_one", "a_snapshot_comes_back_byte_for_byte"];
    assert_keeps(&SUITE, LastWriteWins::default, &rules).await;
}

/// Compares heads across schema versions, so that a rolled back program never saves again.
#[derive(Debug, Default)]
struct OneSchemaVersion(MemoryStore);

#[async_trait]
impl SnapshotStore for OneSchemaVersion {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        SnapshotStore::load(&self.0, stream).await
    }

    async fn save(&self, snapshot: StoredSnapshot) -> Result<()> {
        let stored = SnapshotStore::load(&self.0, &snapshot.stream).await?;
        if stored.is_some_and(|stored| stored.head.version() >= snapshot.head.version()) {
            return Ok(());
        }
        SnapshotStore::save(&self.0, snapshot).await
    }

    async fn delete(&self, stream: &StreamId) -> Result<()> {
        self.0.delete(stream).await
    }
}

#[tokio::test]
async fn a_schema_version_that_cannot_be_replaced_is_found() {
    let rules = [("another_schema_version_always_replaces", "the snapshot of conformance:s")];
    assert_breaks(&SUITE, OneSchemaVersion::default, &rules).await;
    assert_keeps(&SUITE, OneSchemaVersion::default, &["an_older_snapshot_is_ignored"]).await;
}

/// Reads and writes JSON on the way, and keeps what it deleted.
#[derive(Debug, Default)]
struct Rewrites(MemoryStore);

#[async_trait]
impl SnapshotStore for Rewrites {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        SnapshotStore::load(&self.0, stream).await
    }

    async fn save(&self, mut snapshot: StoredSnapshot) -> Result<()> {
        if snapshot.codec == Codec::Json {
            let value: serde_json::Value = serde_json::from_slice(&snapshot.state).expect("JSON");
            snapshot.state = format!("{value:#}").into();
        }
        SnapshotStore::save(&self.0, snapshot).await
    }

    async fn delete(&self, _: &StreamId) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn other_bytes_and_lost_deletes_are_found() {
    let rules = [
        ("a_snapshot_comes_back_byte_for_byte", "the snapshot of conformance:1-"),
        ("a_deleted_snapshot_is_gone", "the snapshot of conformance:"),
    ];
    assert_breaks(&SUITE, Rewrites::default, &rules).await;
}

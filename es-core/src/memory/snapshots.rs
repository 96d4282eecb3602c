//! Snapshots: the newest of each stream.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{MemoryStore, lock};
use crate::error::Result;
use crate::snapshot_store::{SnapshotStore, StoredSnapshot};
use crate::stream_id::StreamId;

pub(super) type Snapshots = HashMap<StreamId, StoredSnapshot>;

#[async_trait]
impl SnapshotStore for MemoryStore {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        Ok(lock(&self.shared.snapshots).get(stream).cloned())
    }

    async fn save(&self, snapshot: StoredSnapshot) -> Result<()> {
        let mut snapshots = lock(&self.shared.snapshots);
        let stale = snapshots.get(&snapshot.stream).is_some_and(|stored| {
            stored.schema_version == snapshot.schema_version
                && stored.head.version() >= snapshot.head.version()
        });
        if !stale {
            snapshots.insert(snapshot.stream.clone(), snapshot);
        }
        Ok(())
    }

    async fn delete(&self, stream: &StreamId) -> Result<()> {
        lock(&self.shared.snapshots).remove(stream);
        Ok(())
    }
}

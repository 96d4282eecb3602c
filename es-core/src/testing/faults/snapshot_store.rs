use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::snapshot_store::{SnapshotStore, StoredSnapshot};
use crate::stream_id::StreamId;

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults, damage};

/// A store of snapshots whose requests meet faults.
pub struct FaultySnapshotStore {
    inner: Arc<dyn SnapshotStore>,
    faults: Faults,
    late: LateRequests<StoredSnapshot>,
}

impl FaultySnapshotStore {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn SnapshotStore>, faults: Faults) -> Self {
        Self { inner, faults, late: LateRequests::default() }
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for snapshot in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = self.inner.save(snapshot).await;
        }
        self.faults.begin(call).await
    }
}

#[async_trait]
impl SnapshotStore for FaultySnapshotStore {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        let request = self.begin(Call::LoadSnapshot).await?;
        let Some(mut snapshot) = request.end(self.inner.load(stream).await).await? else {
            return Ok(None);
        };
        if request.meets(Fault::CorruptBytes) {
            let reason = "its bytes are not what was written (injected)".to_owned();
            return Err(Error::Corrupt { what: format!("the snapshot of {stream}"), reason });
        }
        if let Some(state) = damage::flipped(&snapshot.state, request.random())
            && request.meets(Fault::DamagedBytes)
        {
            snapshot.state = state;
        }
        Ok(Some(snapshot))
    }

    async fn save(&self, snapshot: StoredSnapshot) -> Result<()> {
        let request = self.begin(Call::SaveSnapshot).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up(snapshot, self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        request.end(self.inner.save(snapshot).await).await
    }

    async fn delete(&self, stream: &StreamId) -> Result<()> {
        let request = self.begin(Call::DeleteSnapshot).await?;
        request.end(self.inner.delete(stream).await).await
    }
}

impl fmt::Debug for FaultySnapshotStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultySnapshotStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish()
    }
}

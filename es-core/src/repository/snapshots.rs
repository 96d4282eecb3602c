use std::fmt;
use std::sync::Arc;

use crate::aggregate::{Aggregate, Snapshot};
use crate::codec::{Codec, Payload, PayloadError};
use crate::error::Result;
use crate::snapshot_store::{SnapshotStore, StoredSnapshot};
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Head;

use super::Loaded;

/// When a snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotPolicy {
    /// After a command, when at least so many events happened since the last snapshot.
    Every(u64),
    /// Never: stored snapshots are used, none is taken.
    Never,
}

/// The snapshots of a repository. The type parameter's serialization is captured here, so that
/// repositories of aggregates without snapshots need none.
pub(super) struct Snapshots<A> {
    store: Arc<dyn SnapshotStore>,
    policy: SnapshotPolicy,
    schema_version: u32,
    encode: fn(&A, Codec, &mut Vec<u8>) -> Result<(), PayloadError>,
    decode: fn(Payload<'_>) -> Result<A, PayloadError>,
}

/// A state that the log has yet to confirm: it counts only if the log has the commit.
pub(super) struct Unconfirmed<A> {
    pub(super) state: A,
    pub(super) head: Head,
}

impl<A> Unconfirmed<A> {
    /// The state as if the log had confirmed it.
    pub(super) fn into_loaded(self, stream: &StreamId) -> Loaded<A> {
        let Self { state, head } = self;
        let version = head.version();
        Loaded { stream: stream.clone(), state, version, head: Some(head), snapshot: version }
    }
}

impl<A: Aggregate> Snapshots<A> {
    pub(super) fn new(store: Arc<dyn SnapshotStore>, policy: SnapshotPolicy) -> Self
    where
        A: Snapshot,
    {
        Self {
            store,
            policy,
            schema_version: A::SCHEMA_VERSION,
            encode: |state, codec, out| codec.encode(state, out),
            decode: |payload| payload.decode(),
        }
    }

    /// The stored state, if there is one that this program can use. Nothing that is wrong with a
    /// snapshot is an error: the log has everything.
    pub(super) async fn load(&self, stream: &StreamId) -> Option<Unconfirmed<A>> {
        let snapshot = match self.store.load(stream).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => {
                count::<A>("missing");
                return None;
            }
            Err(error) => {
                tracing::warn!(%stream, %error, "the snapshot cannot be loaded; reading the log");
                count::<A>("ignored");
                return None;
            }
        };
        if snapshot.schema_version != self.schema_version || snapshot.stream != *stream {
            count::<A>("ignored");
            return None;
        }
        match self.decode(&snapshot) {
            Ok(state) => Some(Unconfirmed { state, head: snapshot.head }),
            Err(error) => {
                tracing::warn!(%stream, %error, "the snapshot cannot be decoded; reading the log");
                count::<A>("ignored");
                None
            }
        }
    }

    /// Counts what the log said to a loaded snapshot.
    pub(super) fn count_use(&self, confirmed: bool) {
        count::<A>(if confirmed { "used" } else { "ignored" });
    }

    fn decode(&self, snapshot: &StoredSnapshot) -> Result<A, PayloadError> {
        let payload = match snapshot.codec {
            Codec::Json => {
                Payload::Json(std::str::from_utf8(&snapshot.state).map_err(PayloadError::new)?)
            }
            Codec::Postcard => Payload::Postcard(&snapshot.state),
        };
        (self.decode)(payload)
    }

    /// Takes a snapshot if it is time. It never fails a command: the command has had its effect.
    pub(super) async fn save_if_due(&self, loaded: &mut Loaded<A>, codec: Codec) {
        let SnapshotPolicy::Every(events) = self.policy else { return };
        let since = loaded.version.get().saturating_sub(loaded.snapshot.get());
        let Some(head) = loaded.head.filter(|_| since >= events.max(1)) else { return };
        let mut state = Vec::new();
        let saved = match (self.encode)(&loaded.state, codec, &mut state) {
            Ok(()) => {
                let snapshot = StoredSnapshot {
                    stream: loaded.stream.clone(),
                    head,
                    schema_version: self.schema_version,
                    codec,
                    state: state.into(),
                };
                self.store.save(snapshot).await
            }
            Err(error) => Err(crate::error::Error::Encode {
                what: format!("the snapshot of {}", loaded.stream),
                source: error.into(),
            }),
        };
        match saved {
            Ok(()) => loaded.snapshot = loaded.version,
            Err(error) => {
                tracing::warn!(stream = %loaded.stream, %error, "the snapshot was not saved");
            }
        }
    }
}

fn count<A: Aggregate>(outcome: &'static str) {
    metrics::counter!(telemetry::SNAPSHOTS, "category" => A::CATEGORY, "outcome" => outcome)
        .increment(1);
}

impl<A> Clone for Snapshots<A> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            policy: self.policy,
            schema_version: self.schema_version,
            encode: self.encode,
            decode: self.decode,
        }
    }
}

impl<A> fmt::Debug for Snapshots<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots")
            .field("store", &self.store)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

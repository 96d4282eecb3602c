//! Aggregate states kept to shorten loading.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::codec::Codec;
use crate::error::Result;
use crate::stream_id::StreamId;
use crate::version::Head;

/// Keeps the newest snapshot of each stream. Snapshots are disposable: losing all of them costs
/// time only.
///
/// # What an implementation promises
///
/// [`load`](Self::load) returns what was saved, byte for byte, or nothing. A save whose head is not
/// later than the stored one of the same schema version is ignored, so a slow writer cannot bring
/// an older state back; a save of another schema version always replaces it.
///
/// ```
/// use es_core::memory::MemoryStore;
/// use es_core::{SnapshotStore, StreamId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let stream = StreamId::new("account", "a-1")?;
/// // None is no error: the aggregate is read from its log.
/// assert!(SnapshotStore::load(&store, &stream).await?.is_none());
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait SnapshotStore: Debug + Send + Sync + 'static {
    /// The stored snapshot of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable), or [`Error::Corrupt`](crate::Error::Corrupt)
    /// when its bytes are damaged. The repository then reads the whole stream.
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>>;

    /// Keeps a snapshot, unless a later one is there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable),
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded).
    async fn save(&self, snapshot: StoredSnapshot) -> Result<()>;

    /// Removes the snapshot of the stream, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn delete(&self, stream: &StreamId) -> Result<()>;
}

/// A state at the end of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The stream.
    pub stream: StreamId,
    /// The commit after which the state was taken. Readers begin with that commit: if the log does
    /// not have it, the snapshot is not of this log and is ignored.
    pub head: Head,
    /// The version of the state's form and meaning.
    pub schema_version: u32,
    /// The codec of the state.
    pub codec: Codec,
    /// The encoded state.
    pub state: Bytes,
}

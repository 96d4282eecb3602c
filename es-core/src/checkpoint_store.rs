//! How far a consumer of a feed has come.

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::{StreamId, check_id};
use crate::version::Version;

/// Keeps the progress of consumers: one checkpoint per partition, and per stream the version up to
/// which its events have had their effect.
///
/// # What an implementation promises
///
/// [`save`](Self::save) is atomic and fenced: it succeeds only if nobody saved the consumer's
/// partition since the given [`Revision`], so of two workers that do the same work one fails, and an
/// older checkpoint written late changes nothing. It is fenced, too, by the versions of streams that
/// the step is based on, for workers that meet the same stream in different partitions. The version
/// of a stream never goes backwards.
#[async_trait]
pub trait CheckpointStore: Debug + Send + Sync + 'static {
    /// Where the consumer is in the partition; the start, at revision 0, if it never saved.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position>;

    /// Up to which version the events of each stream have had their effect on the consumer, in the
    /// order of `streams`: [`Version::ZERO`] for a stream it has not seen.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn stream_versions(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<Version>>;

    /// Saves progress and returns the position's new revision.
    ///
    /// # Errors
    ///
    /// [`Error::Fenced`](crate::Error::Fenced) when another worker saved since the revision was
    /// loaded, or one of the streams is not at the version [seen](Progress::seen): nothing was
    /// written.
    async fn save(&self, progress: Progress) -> Result<Revision>;

    /// Forgets all of the consumer's progress, so that it begins at the start. A worker of the
    /// consumer that is at work meanwhile is fenced: revisions do not begin again at 0.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    async fn reset(&self, consumer: &ConsumerId) -> Result<()>;
}

/// Where a consumer is in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Everything up to here is done.
    pub checkpoint: Checkpoint,
    /// What the next save must present.
    pub revision: Revision,
}

/// Counts the saves of a position; it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

impl Revision {
    /// The revision `n`. For stores.
    pub fn from_stored(n: u64) -> Self {
        Self(n)
    }

    /// The number. For stores.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The revision after the next save. For stores.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A step of a consumer: what a save claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Who.
    pub consumer: ConsumerId,
    /// In which partition.
    pub partition: PartitionId,
    /// The revision that the step is based on.
    pub based_on: Revision,
    /// The versions of streams that the step is based on; [`Version::ZERO`] for a stream that was not
    /// seen before.
    pub seen: Vec<(StreamId, Version)>,
    /// Where it is now.
    pub checkpoint: Checkpoint,
    /// The streams whose events had their effect in this step, with the version reached; each
    /// stream once.
    pub streams: Vec<(StreamId, Version)>,
}

impl Progress {
    /// The error of a save that lost. For stores.
    pub fn fenced(&self) -> Error {
        Error::Fenced { consumer: self.consumer.to_string(), partition: self.partition.to_string() }
    }
}

/// The name of a projection or policy, as its progress is stored under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerId(Arc<str>);

impl ConsumerId {
    /// A consumer's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when it is empty, longer than 100 bytes, has
    /// control characters, or white space at an end.
    pub fn new(name: &str) -> Result<Self> {
        check_id("consumer", name, 100)?;
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsumerId({:?})", &*self.0)
    }
}

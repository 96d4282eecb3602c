//! Records that somebody else reads and pushes.

use std::fmt;
use std::sync::Arc;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::Record;
use bytes::Bytes;
use es_core::{Commit, Error, EventStore, Result};

use super::records::{commit_of, items_of_record};

/// Reads the records of a data stream that somebody else has read from its shards, as AWS Lambda does: as a
/// [`KinesisFeed`](crate::KinesisFeed) reads them, aggregated, compressed and referring to the log. It makes no
/// request to Kinesis.
///
/// ```
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_kinesis::PushedRecords;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let records = PushedRecords::of("bank-events", Arc::new(MemoryStore::new()));
/// let commits = records.commits("4963", "account:a-1", "no commit".into()).await;
/// assert!(commits.iter().all(Result::is_err), "and the log has no such stream");
/// # }
/// ```
#[derive(Clone)]
pub struct PushedRecords {
    data_stream: String,
    log: Arc<dyn EventStore>,
}

impl PushedRecords {
    /// Reads records of the data stream of this name, which stands in metrics, logs and errors. `log` is the one
    /// that its commits are of.
    pub fn of(data_stream: impl Into<String>, log: Arc<dyn EventStore>) -> Self {
        Self { data_stream: data_stream.into(), log }
    }

    /// The name of the data stream, for those who have to tell its records from others.
    pub fn data_stream(&self) -> &str {
        &self.data_stream
    }

    /// The commits of one record, in its order: one, or those of an aggregate. A record that cannot be read, of
    /// a stream that the log has, stands for the last commit of that stream.
    ///
    /// # Errors
    ///
    /// Each for itself: [`Error::Corrupt`] for what is no commit of this log, an aggregate that cannot be taken
    /// apart, and a reference to what the log does not have; trying again does not help then. Otherwise those of
    /// the log.
    pub async fn commits(
        &self,
        sequence_number: &str,
        partition_key: &str,
        data: Bytes,
    ) -> Vec<Result<Commit>> {
        let record = Record::builder()
            .sequence_number(sequence_number)
            .partition_key(partition_key)
            .data(Blob::new(data));
        let corrupt = |reason: String| Error::Corrupt {
            what: format!("record {sequence_number} of {}", self.data_stream),
            reason,
        };
        let record = match record.build() {
            Ok(record) => record,
            Err(error) => return vec![Err(corrupt(error.to_string()))],
        };
        let mut commits = Vec::new();
        for item in items_of_record(record) {
            let commit = commit_of(&item, &self.data_stream, &*self.log).await;
            let foreign = || corrupt("it is no commit of the log".to_owned());
            commits.push(commit.and_then(|commit| commit.ok_or_else(foreign)));
        }
        commits
    }
}

impl fmt::Debug for PushedRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedRecords")
            .field("data_stream", &self.data_stream)
            .finish_non_exhaustive()
    }
}

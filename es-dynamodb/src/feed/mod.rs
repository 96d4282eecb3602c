//! The feed: the history, read by a parallel scan, and then the changes, read from the table's stream.
//!
//! | file | what it is about |
//! |---|---|
//! | `partition` | the names of partitions |
//! | `scan`, `rate_limit` | the history: partitions `scan-<i>-of-<n>` |
//! | `history` | that alone |
//! | `shards` | which shards there are, and whose child each is |
//! | `anchors` | where a consumer that begins reads on behind the history |
//! | `shard_place`, `iterators` | places in a shard, and how reading goes on from them |
//! | `records`, `stream_item` | from the records of a shard to commits |
//! | `page` | the commits of a page, in bounded memory |
//! | `pushed` | records that somebody else reads |

mod anchors;
mod history;
mod iterators;
mod page;
mod partition;
mod pushed;
mod rate_limit;
mod records;
mod scan;
mod shard_place;
mod shards;
mod stream_item;

use std::time::Duration;

use async_trait::async_trait;
use es_core::{Checkpoint, Feed, FeedPage, Partition, PartitionId, Result};

use crate::options::DynamoOptions;
use crate::store::DynamoStore;
use iterators::Iterators;
use partition::Source;
use rate_limit::RateLimit;
use shards::Listed;

pub use history::DynamoHistory;

/// How long a wait goes on without anything: then its caller looks whether there are other partitions,
/// or its place is another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all readers of the feed share.
pub(crate) struct FeedState {
    scan_rate: RateLimit,
    listed: Listed,
    iterators: Iterators,
}

impl FeedState {
    pub(crate) fn new(options: &DynamoOptions) -> Self {
        Self {
            scan_rate: RateLimit::new(options.scan_units_per_second, options.clock.clone()),
            listed: Listed::default(),
            iterators: Iterators::new(options.clock.clone()),
        }
    }
}

/// The commits in the table, then those of its stream.
///
/// DynamoDB keeps the records of a stream for 24 hours. A consumer that begins scans the table first, in
/// [`scan_segments`](DynamoOptions::scan_segments) partitions that end, and has 24 hours for that, less
/// the age of the open shards, which is up to about 4 hours. A consumer that falls behind further, or
/// whose stream was switched off meanwhile, is told so by
/// [`Error::FeedTrimmed`](es_core::Error::FeedTrimmed): what it has missed is in the log, where a rebuild
/// reads it.
///
/// Scans are strongly consistent, so they cost one read unit per 4 KB of the table.
#[async_trait]
impl Feed for DynamoStore {
    /// The segments of the scan and the shards of the stream, as they were up to 5 seconds ago.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`](es_core::Error::Misuse) when the table has no stream, or one without the new
    /// images of items; [`Error::Unavailable`](es_core::Error::Unavailable).
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.shard_listing().await?.partitions(self.options().scan_segments)
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        self.anchors_of_stream().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let source = Source::of(partition)?;
        if after.is_end() {
            return Ok(page::ended(Vec::new()));
        }
        let max_commits = max_commits.max(1);
        match source {
            Source::Segment(segment) => self.read_segment(segment, after, max_commits).await,
            Source::Shard => self.read_shard(partition, after, max_commits).await,
        }
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        let source = Source::of(partition)?;
        if after.is_end() {
            self.options().clock.sleep(PATIENCE).await;
            return Ok(());
        }
        match source {
            // There is always something: a commit or the end.
            Source::Segment(_) => scan::start_key(after).map(drop),
            Source::Shard => self.wait_for_shard(partition, after).await,
        }
    }
}

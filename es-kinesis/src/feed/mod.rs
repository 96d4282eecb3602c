//! The feed: the commits that were published to a data stream.
//!
//! | file | what it is about |
//! |---|---|
//! | `begin` | where a consumer that begins reads |
//! | `reading` | pages of a shard, and what was lost |
//! | `cursor`, `shard_place`, `feed_shard` | how reading goes on, and from where |
//! | `start`, `polling`, `fan_out` | the two ways to have records |
//! | `records`, `pushed` | from records to commits, also of those that somebody else reads |

mod begin;
mod cursor;
mod fan_out;
mod feed_shard;
mod polling;
mod pushed;
mod reading;
mod records;
mod shard_place;
mod start;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::{Checkpoint, Error, EventStore, Feed, FeedPage, Partition, PartitionId, Result};
use tokio::sync::Mutex;

use crate::data_stream::DataStream;
use cursor::Cursors;
use feed_shard::FeedShard;
use polling::Pace;

pub use begin::Begin;
pub use pushed::PushedRecords;

/// How long a wait goes on without anything: then its caller looks whether there are other partitions,
/// or its place is another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The commits of a data stream, as a [`Publisher`](crate::Publisher) put them there: a partition for each
/// shard. Projections and policies follow it as any other feed, and share its shards by
/// [`Consumer::with_leases`](es_core::Consumer::with_leases).
///
/// ```no_run
/// # use std::sync::Arc;
/// # use es_core::{EventStore, Feed};
/// # async fn example(log: Arc<dyn EventStore>, history: Arc<dyn Feed>) -> es_core::Result<()> {
/// use es_kinesis::{Begin, DataStream, KinesisFeed};
///
/// let stream = DataStream::builder("pharmacy-events").connect().await?;
/// // The history is read from the log, as by `DynamoStore::history`, and then the stream.
/// let feed = KinesisFeed::of(&stream, log, Begin::AfterHistory(history));
/// # Ok(()) }
/// ```
///
/// # What it promises
///
/// - **Nothing is skipped.** A shard is read to its end before the shards that came of it. When the stream
///   has lost what a consumer has to read next, or may have, it says so by [`Error::FeedTrimmed`]: that
///   is when the consumer comes to it as late as the stream keeps records, less 15 minutes. A stream that was
///   deleted and made again is another one, and is told the same way, within five minutes. That goes by how
///   long the stream keeps records now: raise the retention while consumers are up to date, not to save one
///   that is behind.
/// - **Records that cannot be read lose nothing.** The log has what they announce: it is read there, up to
///   the last commit of the stream that the record's partition key names. What belongs to no stream of the log
///   is passed over, counted and logged. An aggregate under the key of a stream of the log that cannot be
///   taken apart is [`Error::Corrupt`], because nobody can tell which other streams had commits in it. So is
///   a reference to a commit that the log does not have. A projection that begins
///   [after the history](Begin::AfterHistory) gets over it by a rebuild, 15 minutes later.
/// - **The stream is trusted.** What is written as a commit is delivered as one: who may put records into the
///   stream may write what projections show.
/// - **Aggregates, compressed records and references to the log** are told by themselves, and mixed in any way.
///   A consumer that stops inside an aggregate goes on inside it.
/// - **Memory is bounded.** What is read and not handed on yet is one answer for each shard and place.
pub struct KinesisFeed {
    stream: DataStream,
    log: Arc<dyn EventStore>,
    begin: Begin,
    options: Options,
    cursors: Cursors,
    pace: Arc<Pace>,
    /// The ARN of the consumer that is registered for enhanced fan-out.
    registered: Mutex<Option<Arc<str>>>,
}

#[derive(Debug)]
struct Options {
    poll_interval: Duration,
    records_per_request: usize,
    fan_out: Option<String>,
}

impl KinesisFeed {
    /// The feed of `stream`, whose commits are in `log`.
    pub fn of(stream: &DataStream, log: Arc<dyn EventStore>, begin: Begin) -> Self {
        let options = Options {
            poll_interval: Duration::from_millis(500),
            records_per_request: 10_000,
            fan_out: None,
        };
        Self {
            stream: stream.clone(),
            log,
            begin,
            options,
            cursors: Cursors::new(Arc::clone(stream.clock())),
            pace: Arc::default(),
            registered: Mutex::default(),
        }
    }

    /// How often a waiting feed asks a shard for new records. Default: 500 ms. Kinesis answers five
    /// requests per second and shard to all consumers together: with more than two of them, let it be longer, or
    /// use [`fan_out`](Self::fan_out). A feed never asks more than that by itself.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.poll_interval = interval;
        self
    }

    /// The most records that are asked for at once, at most 10,000, the default. They are in memory together, up to 10
    /// MB of each shard.
    #[must_use]
    pub fn records_per_request(mut self, records: usize) -> Self {
        self.options.records_per_request = records.clamp(1, 10_000);
        self
    }

    /// Has records sent, by [enhanced fan-out](https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html),
    /// to the registered consumer of this name, which is registered if it is not: 2 MB per second and shard for it
    /// alone, about 70 ms after they were put. It is charged by shard and hour. Only one worker can subscribe to a
    /// shard in the name of one consumer, so consumers have names of their own, and their workers share the
    /// shards by [leases](es_core::Consumer::with_leases).
    #[must_use]
    pub fn fan_out(mut self, consumer: impl Into<String>) -> Self {
        self.options.fan_out = Some(consumer.into());
        self
    }

    /// The same feed for one page, of which nothing is kept.
    fn for_a_look(&self) -> Self {
        /// An aggregate has many commits, and records that are none are passed over.
        const RECORDS: usize = 10;
        let options = Options {
            poll_interval: self.options.poll_interval,
            records_per_request: RECORDS,
            fan_out: None,
        };
        Self {
            stream: self.stream.clone(),
            log: Arc::clone(&self.log),
            begin: self.begin.clone(),
            options,
            cursors: Cursors::new(Arc::clone(self.stream.clock())),
            pace: Arc::clone(&self.pace),
            registered: Mutex::default(),
        }
    }

    fn stream(&self) -> &DataStream {
        &self.stream
    }

    fn log(&self) -> &dyn EventStore {
        &*self.log
    }

    fn begin(&self) -> &Begin {
        &self.begin
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    fn pace(&self) -> &Pace {
        &self.pace
    }

    fn registered(&self) -> &Mutex<Option<Arc<str>>> {
        &self.registered
    }

    /// Where the partition is read.
    fn part<'a>(&'a self, partition: &'a PartitionId) -> Result<Part<'a>> {
        match (FeedShard::of(partition), self.begin.history()) {
            (Some(shard), _) => Ok(Part::Shard(shard)),
            (None, Some(history)) => Ok(Part::History(history)),
            (None, None) => Err(Error::Misuse(format!("the feed has no partition {partition}"))),
        }
    }
}

/// What a partition is a part of.
enum Part<'a> {
    History(&'a dyn Feed),
    Shard(FeedShard<'a>),
}

#[async_trait]
impl Feed for KinesisFeed {
    /// The shards, as they were up to 5 seconds ago, behind the history if there is one.
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.listed().await
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        self.places_to_begin().await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let shard = match self.part(partition)? {
            Part::History(history) => return history.read(partition, after, max_commits).await,
            Part::Shard(shard) => shard,
        };
        if after.is_end() {
            let (commits, checkpoint) = (Vec::new(), Checkpoint::end());
            return Ok(FeedPage { commits, checkpoint, remaining: Some(0), ended: true });
        }
        self.read_shard(shard, after, max_commits.max(1)).await
    }

    /// With requests of its own, which ask for a few records: also where records are sent otherwise.
    async fn peek(&self, partition: &PartitionId, after: &Checkpoint) -> Result<FeedPage> {
        self.for_a_look().read(partition, after, 1).await
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        let shard = match self.part(partition)? {
            Part::History(history) => return history.wait(partition, after).await,
            Part::Shard(shard) => shard,
        };
        if after.is_end() {
            self.stream().clock().sleep(PATIENCE).await;
            return Ok(());
        }
        self.wait_for_shard(shard, after).await
    }
}

impl fmt::Debug for KinesisFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KinesisFeed")
            .field("stream", &self.stream)
            .field("begin", &self.begin)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

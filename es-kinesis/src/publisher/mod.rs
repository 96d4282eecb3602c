//! Publishing: relays the commits of any feed to a data stream.
//!
//! | file | what it is about |
//! |---|---|
//! | `outgoing` | from commits to what is sent: form, compression, size |
//! | `lanes` | what may be sent next, in requests and aggregates |
//! | `sending` | requests, what they come to, and what is sent again |
//! | `shard_load` | how much each shard is given |

mod lanes;
mod outgoing;
mod sending;
mod shard_load;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::cloud_events::Source;
use es_core::{
    Adopted, Adoption, Batch, CheckpointStore, Compression, Consumer, ConsumerId, Error,
    EventStore, Feed, Handled, Handler, Passing, Progress, Result, Rewindable, StreamId,
};

use crate::data_stream::DataStream;
use lanes::RequestLimits;
use outgoing::{HashKeys, Packing};
use sending::Sender;

pub use outgoing::Oversized;
pub use shard_load::ShardThroughput;

/// A consumer of a feed that publishes what it reads to a Kinesis data stream.
///
/// # What it promises
///
/// - **Order.** The first occurrences of a stream's commits are in the order of the log: each is sent when
///   the one before it was taken, whatever is refused, throttled or retried, and also while shards split and
///   merge. A feed that delivers them out of order is repaired from the log, as for every [`Consumer`].
/// - **Nothing is left out.** The place in the feed moves on when everything before it was taken. What
///   Kinesis will never take is parked among the [dead letters](es_core::DeadLetter), with the later commits
///   of its stream behind it.
/// - **Duplicates are rare and can be told.** A commit may be there twice, and after later ones of its
///   stream: when an answer was lost, when the publisher stopped or lost its lease before it had saved its
///   progress, and when an aggregate came to a shard that not all of it belongs to, as right after a
///   resharding. Each event
///   has the same CloudEvents `id` and `streamversion` every time; a [feed](crate::KinesisFeed) delivers it
///   once in effect.
/// - **At once.** Nothing lingers: what the feed has goes in the next request, one commit or five hundred.
///   Streams whose shard is throttled wait, others go on.
///
/// A commit that Kinesis does not take for now is sent eight times: within seconds where it is refused,
/// within minutes where nobody answers. Then the progress of the other streams is saved, and the batch, of 1,000 commits unless
/// [`with_batch_size`](Consumer::with_batch_size) says otherwise, comes again without them until all of it was
/// taken: what is behind it in the partition of the feed waits. A data stream that is missing, or may not be
/// written to, stops the publisher, and nothing is parked.
///
/// A publisher that rests for longer than its feed keeps commits, as that of DynamoDB does for 24 hours, stops
/// with [`Error::FeedTrimmed`]: it cannot know what it has missed. [Rewound](Consumer::rewind) to the start it
/// publishes the whole log again, of which consumers know the most.
///
/// Several publishers of one name share the work as all consumers do, and are fenced as all are: with
/// [`with_leases`](Consumer::with_leases) each has partitions of its own.
pub type Publisher = Consumer<Publishing>;

/// What a [`Publisher`] does with commits; and how one is made, beginning with [`Publishing::to`].
///
/// ```no_run
/// # async fn example(shutdown: impl Future<Output = ()> + Send) -> es_core::Result<()> {
/// use std::sync::Arc;
///
/// use es_core::cloud_events::Source;
/// use es_kinesis::{DataStream, Publishing};
/// use es_sqlite::SqliteStore;
///
/// let store = Arc::new(SqliteStore::open("pharmacy.db").await?);
/// let stream = DataStream::builder("pharmacy-events").connect().await?;
/// let publisher = Publishing::to(&stream, Source::new("/pharmacy")?).on(store)?;
/// publisher.run(shutdown).await
/// # }
/// ```
pub struct Publishing {
    sender: Sender,
    packing: Packing,
    categories: Option<BTreeSet<String>>,
    checkpoints: Arc<dyn CheckpointStore>,
}

/// How a [`Publisher`] publishes.
#[derive(Debug, Clone)]
#[must_use = "a publisher is made by `on` or `from`"]
pub struct PublisherOptions {
    stream: DataStream,
    name: Option<String>,
    categories: Option<BTreeSet<String>>,
    packing: Packing,
    limits: RequestLimits,
    aggregate_bytes: Option<usize>,
    requests_in_flight: usize,
    throughput: ShardThroughput,
}

/// How many commits are read at once. They are in memory together, and those that come behind wait for
/// the slowest of them.
const BATCH_SIZE: usize = 1_000;

impl Publishing {
    /// Publishes to `stream`, with `source` as the CloudEvents source of all events.
    pub fn to(stream: &DataStream, source: Source) -> PublisherOptions {
        let packing = Packing {
            source,
            compression: Compression::None,
            oversized: Oversized::default(),
            max_record_bytes: 1 << 20,
            hash_keys: None,
        };
        PublisherOptions {
            stream: stream.clone(),
            name: None,
            categories: None,
            packing,
            limits: RequestLimits { records: 500, bytes: 5 << 20, aggregate_bytes: None },
            aggregate_bytes: None,
            requests_in_flight: 4,
            throughput: ShardThroughput::default(),
        }
    }
}

impl PublisherOptions {
    /// The name that the progress is kept under. Default: `publisher_of_<data stream>`. A publisher with
    /// another name begins at the feed's start.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Publishes these categories only. Default: all.
    pub fn categories<C: Into<String>>(mut self, categories: impl IntoIterator<Item = C>) -> Self {
        self.categories = Some(categories.into_iter().map(Into::into).collect());
        self
    }

    /// Compresses each record. A [feed](crate::KinesisFeed) finds out by itself; other readers have to
    /// decompress. Needs the feature `zstd`. Default: none.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.packing.compression = compression;
        self
    }

    /// What becomes of a commit that is too large for a record. Default: [`Oversized::Refuse`].
    pub fn oversized(mut self, oversized: Oversized) -> Self {
        self.packing.oversized = oversized;
        self
    }

    /// The most bytes of a record, and of a request, with partition keys. Default: 1 MiB and 5 MiB, which
    /// Kinesis takes everywhere; a stream may be
    /// [set to 10 MiB](https://docs.aws.amazon.com/streams/latest/dev/large-records.html), for both.
    pub fn limits(mut self, record_bytes: usize, request_bytes: usize) -> Self {
        self.packing.max_record_bytes = record_bytes;
        self.limits.bytes = request_bytes;
        self
    }

    /// The most records of a request, at most 500. Default: 500.
    pub fn records_per_request(mut self, records: usize) -> Self {
        self.limits.records = records.clamp(1, 500);
        self
    }

    /// Puts commits of several streams, and several of one, into one record of up to so many bytes, in the
    /// format of the [Kinesis Producer Library](crate::aggregation), where there are several at hand: far
    /// more commits per second and shard. The Kinesis Client Library and a [feed](crate::KinesisFeed) read
    /// it; who reads the data stream with its plain API has to take it apart. 51,200 is the library's own
    /// default. Default: nothing is aggregated.
    pub fn aggregated(mut self, bytes: usize) -> Self {
        self.aggregate_bytes = Some(bytes);
        self
    }

    /// How many requests are on their way at the same time, at least one. Default: 4.
    pub fn requests_in_flight(mut self, requests: usize) -> Self {
        self.requests_in_flight = requests;
        self
    }

    /// What one shard is given per second. Let it be less when others publish to the data stream, too; a
    /// shard that refuses is given less anyway. Default: what Kinesis takes.
    pub fn throughput(mut self, throughput: ShardThroughput) -> Self {
        self.throughput = throughput;
        self
    }

    /// Gives each stream its hash key, which decides about its shard; it must stay the same, for the order
    /// of a stream is that of a shard. Default: Kinesis takes the MD5 of the partition key, which is the
    /// stream.
    pub fn hash_key(
        mut self,
        of_stream: impl Fn(&StreamId) -> u128 + Send + Sync + 'static,
    ) -> Self {
        self.packing.hash_keys = Some(HashKeys(Arc::new(of_stream)));
        self
    }

    /// A publisher of a store that is log, feed and checkpoints in one.
    ///
    /// # Errors
    ///
    /// As [`from`](Self::from).
    pub fn on<S: EventStore + Feed + CheckpointStore>(self, store: Arc<S>) -> Result<Publisher> {
        self.from(store.clone(), store.clone(), store)
    }

    /// A publisher that follows `feed`, repairs gaps from `log`, and keeps its progress in `checkpoints`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when no consumer can have the name, and [`Error::Misuse`] when the program was
    /// built without the compression, or the limits have no room for a commit.
    pub fn from(
        self,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> Result<Publisher> {
        if self.packing.compression != Compression::None && !cfg!(feature = "zstd") {
            let what = "compressing records needs the feature `zstd` of es-kinesis";
            return Err(Error::Misuse(what.to_owned()));
        }
        if self.packing.max_record_bytes <= MAX_KEY_LEN || self.limits.bytes <= MAX_KEY_LEN {
            return Err(Error::Misuse(format!(
                "records and requests of {} and {} bytes have no room for a commit: a partition key alone \
                 has up to {MAX_KEY_LEN}",
                self.packing.max_record_bytes, self.limits.bytes
            )));
        }
        let name = self.name.unwrap_or_else(|| format!("publisher_of_{}", self.stream.name()));
        let id = ConsumerId::new(&name)?;
        let room = self.packing.max_record_bytes.saturating_sub(MAX_KEY_LEN);
        let aggregate_bytes = self.aggregate_bytes.map(|bytes| bytes.min(room));
        let limits = RequestLimits { aggregate_bytes, ..self.limits };
        let clock = Arc::clone(self.stream.clock());
        let sender = Sender::new(self.stream, limits, self.requests_in_flight, self.throughput);
        let (packing, categories) = (self.packing, self.categories);
        let publishing = Publishing { sender, packing, categories, checkpoints };
        Ok(Consumer::with_handler(publishing, id, feed, log, BATCH_SIZE).with_clock(clock))
    }
}

/// The longest partition key, in bytes: that of a stream.
const MAX_KEY_LEN: usize = StreamId::MAX_CATEGORY_LEN + 1 + StreamId::MAX_ID_LEN;

#[async_trait]
impl Handler for Publishing {
    type Effect = ();

    fn handles(&self, category: &str) -> bool {
        is_one_of(self.categories.as_ref(), category)
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.checkpoints
    }

    async fn prepare(&self) -> Result<()> {
        self.sender.look_at_shards().await
    }

    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<()>> {
        let (outgoing, mut failed) = batch.try_each(|at, commit| self.packing.pack(at, commit));
        failed.extend(self.sender.send(outgoing, batch.commits).await?.failed);
        Ok(Handled { effect: (), failed })
    }

    /// A request should be full, though a store may take less in one step.
    fn max_step_items(&self) -> usize {
        usize::MAX
    }

    async fn save(&self, (): (), progress: Progress) -> Result<()> {
        progress.save_divided(&*self.checkpoints).await
    }
}

/// Set to another place, it publishes from there on: again what comes behind the place, and not what comes before.
#[async_trait]
impl Rewindable for Publishing {
    type Beside = Passing;

    const HAS_VIEW: bool = false;

    fn beside(&self) -> Result<Passing> {
        let categories = self.categories.clone();
        let handles = move |category: &str| is_one_of(categories.as_ref(), category);
        Ok(Passing::new(handles, Arc::clone(&self.checkpoints)))
    }

    async fn start_over(&self, _: &Passing, consumer: &ConsumerId) -> Result<()> {
        self.checkpoints.reset(consumer).await
    }

    async fn adopt(&self, beside: &Passing, adoption: &Adoption) -> Result<Adopted> {
        beside.adopted(adoption).await
    }
}

/// `None` is all of them.
fn is_one_of(categories: Option<&BTreeSet<String>>, category: &str) -> bool {
    categories.is_none_or(|categories| categories.contains(category))
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing")
            .field("stream", self.sender.stream())
            .field("categories", &self.categories)
            .finish_non_exhaustive()
    }
}

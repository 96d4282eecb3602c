//! A log, a data stream, and what a reader finds there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use es_core::cloud_events::{self, Announcement, Source};
use es_core::memory::MemoryStore;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Checkpoint, Clock as _, Codec, Commit, CommitId, Compression, EncodedEvents, Entropy, Event,
    EventStore, Expected, Feed, Metadata, NewCommit, ReadStream, StreamId, Version,
};
use es_kinesis::aggregation::{Deaggregated, UserRecord, deaggregate};
use es_kinesis::{DataStream, Publisher, PublisherOptions, Publishing};
use futures::TryStreamExt as _;

use crate::support::fake_kinesis::{FakeKinesis, Moment, Options, hash_key};

pub(crate) const STREAM: &str = "commits";

pub(crate) struct Scene {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) kinesis: FakeKinesis,
    pub(crate) stream: DataStream,
    pub(crate) log: Arc<MemoryStore>,
    entropy: Arc<SeededEntropy>,
}

/// A commit as it is in the data stream.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) shard: String,
    pub(crate) arrived: Moment,
    pub(crate) explicit_hash_key: Option<u128>,
    pub(crate) data: Bytes,
    pub(crate) commit: Commit,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Note")]
enum Note {
    Taken { text: String },
}

impl Scene {
    pub(crate) fn new(shards: u64) -> Self {
        Self::with(7, shards, Options::default())
    }

    pub(crate) fn with(seed: u64, shards: u64, options: Options) -> Self {
        Self::of(seed, shards, options, MemoryStore::new())
    }

    pub(crate) fn of(seed: u64, shards: u64, options: Options, log: MemoryStore) -> Self {
        let clock = VirtualClock::auto_advancing("2026-03-01T12:00:00Z");
        Self::on(Arc::new(clock), seed, shards, options, log)
    }

    /// One in which time passes for everything at once: see [`while_time_passes`].
    pub(crate) fn in_time(seed: u64, shards: u64, options: Options) -> Self {
        let clock = VirtualClock::at("2026-03-01T12:00:00Z");
        Self::on(Arc::new(clock), seed, shards, options, MemoryStore::new())
    }

    fn on(
        clock: Arc<VirtualClock>,
        seed: u64,
        shards: u64,
        options: Options,
        log: MemoryStore,
    ) -> Self {
        let kinesis = FakeKinesis::with_options(clock.clone(), seed, options);
        kinesis.create_stream(STREAM, shards);
        let entropy = Arc::new(SeededEntropy::new(seed));
        let stream = DataStream::builder(STREAM).clock(clock.clone()).entropy(entropy.clone());
        let stream = stream.with_client(kinesis.client()).expect("a valid name");
        Self { clock, kinesis, stream, log: Arc::new(log), entropy }
    }

    /// A publisher by default.
    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher_with(|options| options)
    }

    pub(crate) fn publisher_with(
        &self,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Publisher {
        options(self.publishing()).on(self.log.clone()).expect("a valid publisher")
    }

    pub(crate) fn publishing(&self) -> PublisherOptions {
        Publishing::to(&self.stream, Source::new("/tests").expect("a valid source"))
    }

    /// Appends a commit of so many events to a stream.
    pub(crate) async fn append(&self, id: &str, events: u32) {
        let texts = (0..events).map(|number| format!("{number} of {id}")).collect();
        self.append_texts(id, texts).await;
    }

    /// Appends a commit of about so many bytes to a stream.
    pub(crate) async fn append_bytes(&self, id: &str, bytes: usize) {
        self.append_texts(id, vec!["x".repeat(bytes)]).await;
    }

    async fn append_texts(&self, id: &str, texts: Vec<String>) {
        let now = self.clock.now();
        let notes: Vec<_> = texts.into_iter().map(|text| Note::Taken { text }).collect();
        let events = EncodedEvents::encode(&notes, Codec::Json, Compression::None, 0);
        let metadata = Metadata::new().encode().expect("it is empty");
        let id_of_commit = CommitId::generate(now, &*self.entropy);
        let commit = NewCommit::new(id_of_commit, now, metadata, events.expect("valid JSON"));
        let stream = stream_id(id);
        let head = self.log.head(&stream).await.expect("the log is there");
        let expected = Expected::end(head);
        self.log.append(&stream, expected, commit).await.expect("nobody else appends");
    }

    /// One commit each for so many streams.
    pub(crate) async fn append_to_each(&self, streams: usize) {
        for stream in 0..streams {
            self.append(&format!("s-{stream}"), 1).await;
        }
    }

    /// So many commits of one to three events, on so many streams, in any order.
    pub(crate) async fn append_at_random(&self, commits: usize, streams: u64) {
        for _ in 0..commits {
            let stream = self.entropy.next_u64() % streams;
            let events = 1 + self.entropy.next_u64() % 3;
            self.append(&format!("s-{stream}"), u32::try_from(events).expect("few")).await;
        }
    }

    /// The commits of a stream in the log.
    pub(crate) async fn logged(&self, id: &str) -> Vec<Commit> {
        let pages = EventStore::read(&*self.log, ReadStream::new(stream_id(id)));
        let pages: Vec<_> = pages.try_collect().await.expect("the log can be read");
        pages.into_iter().flatten().collect()
    }

    /// All commits in the data stream, in the order in which they came.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals_where(|_, _| true)
    }

    /// What a reader with the Kinesis Client Library finds: it leaves out an aggregate with anything in it
    /// that does not belong to the shard.
    pub(crate) fn arrivals_by_the_client_library(&self) -> Vec<Arrival> {
        self.arrivals_where(|shard, records| {
            records.iter().all(|record| {
                let of_key = hash_key(&record.partition_key);
                shard.contains(&record.explicit_hash_key.unwrap_or(of_key))
            })
        })
    }

    fn arrivals_where(
        &self,
        takes: impl Fn(&RangeInclusive<u128>, &[UserRecord]) -> bool,
    ) -> Vec<Arrival> {
        let shards = self.kinesis.shards(STREAM).into_iter();
        let shards: HashMap<_, _> = shards.map(|shard| (shard.id, shard.hash_keys)).collect();
        let mut arrivals = Vec::new();
        for (shard, records) in self.kinesis.records(STREAM) {
            for record in records {
                let user_records = match deaggregate(record.data).expect("a sound record") {
                    Deaggregated::Plain(data) => vec![UserRecord {
                        partition_key: record.partition_key.into(),
                        explicit_hash_key: record.explicit_hash_key,
                        data,
                    }],
                    Deaggregated::Aggregate(records) => records,
                };
                if !takes(&shards[&shard], &user_records) {
                    continue;
                }
                arrivals.extend(user_records.into_iter().map(|record_in_it| {
                    let commit = match cloud_events::decode(&record_in_it.data) {
                        Ok(Announcement::Commit(commit)) => commit,
                        other => panic!("no commit but {other:?}"),
                    };
                    assert_eq!(*record_in_it.partition_key, *commit.stream().as_str());
                    Arrival {
                        shard: shard.clone(),
                        arrived: record.arrived,
                        explicit_hash_key: record_in_it.explicit_hash_key,
                        data: record_in_it.data,
                        commit,
                    }
                }));
            }
        }
        arrivals.sort_by_key(|arrival| arrival.arrived);
        arrivals
    }

    /// How many records were asked to be put, each time counted.
    pub(crate) fn records_sent(&self) -> usize {
        self.records_of_requests().iter().sum()
    }

    /// How many records each `PutRecords` had.
    pub(crate) fn records_of_requests(&self) -> Vec<usize> {
        let requests = self.kinesis.requests().into_iter();
        let puts = requests.filter(|request| request.operation == "PutRecords");
        puts.map(|request| request.body["Records"].as_array().expect("a list").len()).collect()
    }

    /// How many commits are in the data stream, duplicates counted.
    pub(crate) fn count_of_arrivals(&self) -> usize {
        self.arrivals().len()
    }

    /// The first occurrences of all commits of the log are there, in the order of each stream, and what is
    /// there twice is the same.
    pub(crate) async fn assert_published(&self) {
        self.assert_in_order(self.arrivals()).await;
    }

    pub(crate) async fn assert_in_order(&self, arrivals: Vec<Arrival>) {
        let mut first: BTreeMap<StreamId, Vec<Commit>> = BTreeMap::new();
        let mut known: HashMap<(StreamId, Version), Bytes> = HashMap::new();
        for Arrival { commit, data, .. } in arrivals {
            let place = (commit.stream().clone(), commit.first_version());
            match known.get(&place) {
                Some(same) => assert_eq!(*same, data, "a duplicate has the same events"),
                None => {
                    known.insert(place, data);
                    first.entry(commit.stream().clone()).or_default().push(commit);
                }
            }
        }
        for stream in self.streams().await {
            let published = first.remove(&stream_id(&stream)).unwrap_or_default();
            assert_eq!(published, self.logged(&stream).await, "{stream} in the order of the log");
        }
        assert!(first.is_empty(), "what is not in the log: {:?}", first.keys());
    }

    /// The streams of the log.
    async fn streams(&self) -> Vec<String> {
        let mut streams = BTreeSet::new();
        for partition in self.log.partitions().await.expect("the log is there") {
            let mut at = Checkpoint::start();
            loop {
                let page = Feed::read(&*self.log, &partition.id, &at, 10_000).await;
                let page = page.expect("the log can be read");
                if page.commits.is_empty() {
                    break;
                }
                streams.extend(page.commits.iter().map(|it| it.stream().id().to_owned()));
                at = page.checkpoint;
            }
        }
        streams.into_iter().collect()
    }
}

pub(crate) fn stream_id(id: &str) -> StreamId {
    StreamId::new("note", id).expect("a valid id")
}

/// Catches up until nothing is in the way any more.
pub(crate) async fn catch_up(publisher: &Publisher) {
    for _ in 0..200 {
        match publisher.catch_up().await {
            Ok(_) => return,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("it never comes through");
}

/// Lets five milliseconds pass at a time until `work` is done. A request takes one or two of these.
pub(crate) async fn while_time_passes<T>(scene: &Scene, work: impl Future<Output = T>) -> T {
    let passing = async {
        loop {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            scene.clock.advance(Duration::from_millis(5));
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = passing => unreachable!("time does not end"),
    }
}

//! A log, a topic and announcers between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use es_core::announcer::{Announcer, AnnouncerOptions, Announcing};
use es_core::cloud_events::{CloudEvent, Source};
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Faults, FaultyCheckpointStore, FaultyFeed};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Codec, DeadLetter, DeadLetterQuery, EventStore, Expected, StreamId, Topic, TopicName,
};

use crate::patient::{PatientEvent, Stored, commit, stored};
use crate::post::{Post, Weather};

pub(crate) struct Scene {
    pub store: Arc<MemoryStore>,
    pub post: Arc<Post>,
    pub clock: Arc<VirtualClock>,
    /// Of the feed and the checkpoints.
    pub faults: Faults,
    topic: TopicName,
    seed: u64,
    commits: AtomicU64,
}

impl Scene {
    pub(crate) fn standard() -> Self {
        Self::new("patients", 0, Weather::default(), Faults::none())
    }

    pub(crate) fn fifo() -> Self {
        Self::new("patients.fifo", 0, Weather::default(), Faults::none())
    }

    pub(crate) fn new(topic: &str, seed: u64, weather: Weather, faults: Faults) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        Self {
            store: Arc::new(MemoryStore::new()),
            post: Arc::new(Post::seeded(seed, weather)),
            faults: faults.with_clock(clock.clone()),
            clock,
            topic: TopicName::new(topic).unwrap(),
            seed,
            commits: AtomicU64::new(0),
        }
    }

    pub(crate) fn announcer(&self) -> Announcer {
        self.announcer_with(|options| options)
    }

    pub(crate) fn announcer_with(
        &self,
        options: impl FnOnce(AnnouncerOptions) -> AnnouncerOptions,
    ) -> Announcer {
        self.announcer_through(self.post.clone(), options)
    }

    pub(crate) fn announcer_through(
        &self,
        topics: Arc<dyn Topic>,
        options: impl FnOnce(AnnouncerOptions) -> AnnouncerOptions,
    ) -> Announcer {
        let source = Source::new("/clinic").unwrap();
        let announcing = Announcing::to_topic(topics, self.topic.clone(), source)
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(self.seed)));
        let feed = FaultyFeed::new(self.store.clone(), self.faults.clone());
        let checkpoints = FaultyCheckpointStore::new(self.store.clone(), self.faults.clone());
        let (feed, checkpoints) = (Arc::new(feed), Arc::new(checkpoints));
        options(announcing).from(feed, self.store.clone(), checkpoints).unwrap()
    }

    pub(crate) async fn append_stored(&self, id: &str, events: &[Stored], codec: Codec) {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let new = commit(number, stored(events, codec));
        let stream = StreamId::new("patient", id).unwrap();
        self.store.append(&stream, Expected::Any, new).await.unwrap();
    }

    /// One commit of so many events.
    pub(crate) async fn append(&self, id: &str, events: usize) {
        let moved = |n| Stored::Now(PatientEvent::Moved { ward: format!("{id} {n}") });
        let events: Vec<_> = (0..events).map(moved).collect();
        self.append_stored(id, &events, Codec::Json).await;
    }

    /// So many commits of two events, over so many streams.
    pub(crate) async fn append_commits(&self, commits: usize, streams: usize) {
        for n in 0..commits {
            self.append(&format!("p-{}", n % streams), 2).await;
        }
    }

    /// That everything in the log was announced, each once in effect, and to FIFO topics in order.
    pub(crate) fn assert_announced(&self, events: usize) {
        let first = self.post.first_occurrences();
        assert_eq!(first.len(), events);
        let mut by_stream: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for event in &first {
            let versions = by_stream.entry(event.subject().unwrap()).or_default();
            versions.push(event.stream_version().unwrap().get());
        }
        for (stream, mut versions) in by_stream {
            if !self.topic.is_fifo() {
                versions.sort_unstable();
            }
            let all: Vec<u64> = (1..=versions.len() as u64).collect();
            assert_eq!(versions, all, "{stream}");
        }
    }
}

pub(crate) async fn letters(announcer: &Announcer) -> Vec<DeadLetter> {
    announcer.dead_letters(&DeadLetterQuery::default()).await.unwrap()
}

pub(crate) fn ids(events: &[CloudEvent]) -> Vec<&str> {
    events.iter().map(CloudEvent::id).collect()
}

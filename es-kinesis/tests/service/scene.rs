//! A log in a file, the data stream that it is published to, and a view of what comes out.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use es_core::cloud_events::Source;
use es_core::memory::MemoryStore;
use es_core::{
    Aggregate, BoxError, Command, Event, EventStore as _, Projection, Projector, Recorded,
    Repository, StreamId, SystemEntropy, ViewQuery, WorkerId, Workers,
};
use es_kinesis::{
    Begin, Capacity, DataStream, KinesisFeed, Publisher, PublisherOptions, Publishing,
};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::support::Server;

/// How long it may take until a view shows what was published.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a worker that is gone keeps its leases.
const LEASE: Duration = Duration::from_secs(10);

/// Counts what it is told to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    count: u64,
}

#[derive(Debug, Clone, Command)]
pub(crate) struct Count {
    /// Makes the commit so large.
    note: String,
}

#[derive(Debug, Event)]
#[event(prefix = "Tally")]
pub(crate) enum TallyEvent {
    Counted { count: u64, note: String },
}

impl Aggregate for Tally {
    const CATEGORY: &'static str = "tally";
    type Command = Count;
    type Event = TallyEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, Count { note }: Count) -> Result<Vec<TallyEvent>, Self::Error> {
        Ok(vec![TallyEvent::Counted { count: self.count + 1, note }])
    }

    fn apply(&mut self, TallyEvent::Counted { count, .. }: TallyEvent) {
        self.count = count;
    }
}

/// Shows what was counted, in the order in which it came.
#[derive(Debug)]
pub(crate) struct Tallies;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    counts: Vec<u64>,
}

impl Projector for Tallies {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["tally"];
    type Event = TallyEvent;
    type View = Counts;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Counts>,
        recorded: &Recorded<'_, TallyEvent>,
    ) -> Result<(), BoxError> {
        let TallyEvent::Counted { count, .. } = recorded.event;
        view.get_or_insert_default().counts.push(count);
        Ok(())
    }
}

pub(crate) struct Scene {
    server: Server,
    name: String,
    /// Log, progress, leases and views.
    store: Arc<SqliteStore>,
    folder: TempDir,
}

impl Scene {
    /// With a stream of so many shards.
    pub(crate) async fn new(shards: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder).await;
        let scene = Self { server: Server::start(), name: Server::stream_name(), store, folder };
        scene.stream().ensure(Capacity::Shards(shards)).await.expect("it can be made");
        scene
    }

    /// As after the end of the program: with another connection and the file opened again.
    pub(crate) async fn restart(mut self) -> Self {
        self.store.close().await.expect("it can be closed");
        self.store = open(&self.folder).await;
        self
    }

    /// The client of a test that changes the stream itself.
    pub(crate) fn client(&self) -> Client {
        self.server.client()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }

    fn stream(&self) -> DataStream {
        DataStream::builder(&self.name).with_client(self.server.client()).expect("a valid name")
    }

    /// Counts once in each of these streams.
    pub(crate) async fn count(&self, streams: Range<u32>) {
        self.count_with(streams, "").await;
    }

    pub(crate) async fn count_with(&self, streams: Range<u32>, note: &str) {
        let tallies = Repository::<Tally>::new(self.store.clone());
        for stream in streams {
            let count = Count { note: note.to_owned() };
            tallies.execute(&id(stream), count).await.expect("it is counted");
        }
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher_with(|options| options)
    }

    pub(crate) fn publisher_with(
        &self,
        change: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Publisher {
        let source = Source::new("/tests").expect("a valid source");
        let options = change(Publishing::to(&self.stream(), source));
        options.on(self.store.clone()).expect("a valid publisher")
    }

    pub(crate) fn feed(&self, begin: Begin) -> KinesisFeed {
        KinesisFeed::of(&self.stream(), self.store.clone(), begin)
    }

    pub(crate) fn projection(&self, feed: KinesisFeed) -> Projection<Tallies> {
        let (log, views) = (self.store.clone(), self.store.clone());
        Projection::new(Tallies, Arc::new(feed), log, views).expect("a valid name")
    }

    /// One of several workers that share the shards.
    pub(crate) fn sharing_worker(&self) -> Arc<Projection<Tallies>> {
        let worker = WorkerId::generate("worker", &SystemEntropy).expect("a valid name");
        let projection = self.projection(self.feed(Begin::Horizon));
        Arc::new(projection.with_leases(self.store.clone(), worker, LEASE))
    }

    /// Lets `projection` run until it has shown what is in the log.
    pub(crate) async fn run_until_shown(&self, projection: Projection<Tallies>) {
        let projection = Arc::new(projection);
        let mut workers = Workers::new();
        workers.start(projection.clone());
        self.wait_until_shown(&projection).await;
        workers.shutdown().await.expect("it runs without an error");
    }

    /// Waits for all that is in the log, and compares the view with the fold of the log.
    pub(crate) async fn wait_until_shown(&self, projection: &Projection<Tallies>) {
        let expected = self.fold().await;
        for (id, _) in &expected {
            let stream = StreamId::new(Tally::CATEGORY, id).expect("a valid id");
            let head = self.store.head(&stream).await.expect("the log answers").expect("a head");
            let shown = projection.wait_for_version(&stream, head.version(), PATIENCE).await;
            shown.unwrap_or_else(|error| panic!("{}", error.with_causes()));
        }
        let shown = projection.view().list(&ViewQuery::default()).await.expect("a view");
        assert_eq!(shown, expected);
    }

    /// What the view shows that follows the log itself.
    async fn fold(&self) -> Vec<(String, Counts)> {
        let (log, views) = (self.store.clone(), Arc::new(MemoryStore::new()));
        let fold = Projection::new(Tallies, log.clone(), log, views).expect("a valid name");
        fold.catch_up().await.expect("the log can be folded");
        let fold = fold.view().list(&ViewQuery::default()).await.expect("a view");
        assert!(!fold.is_empty(), "there is nothing to show");
        fold
    }
}

async fn open(folder: &TempDir) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder.path().join("tallies.db")).await.expect("a file"))
}

fn id(stream: u32) -> String {
    format!("{stream:03}")
}

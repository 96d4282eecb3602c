//! The first steps with Kinesis, as the guide shows them.

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use es_core::cloud_events::Source;
use es_core::testing::VirtualClock;
use es_core::{
    Aggregate, BoxError, Command, Event, Projection, Projector, Recorded, Repository, Result,
    SystemEntropy, WorkerId,
};
use es_kinesis::{Begin, Capacity, DataStream, KinesisFeed, Publishing};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use support::fake_kinesis::FakeKinesis;

#[derive(Debug, Clone, Command)]
enum CounterCommand {
    Count,
}

#[derive(Debug, Event)]
#[event(prefix = "Counter")]
enum CounterEvent {
    Counted,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counter {
    count: u32,
}

impl Aggregate for Counter {
    const CATEGORY: &'static str = "counter";
    type Command = CounterCommand;
    type Event = CounterEvent;
    type Error = Infallible;

    fn handle(&self, command: CounterCommand) -> Result<Vec<CounterEvent>, Infallible> {
        match command {
            CounterCommand::Count => Ok(vec![CounterEvent::Counted]),
        }
    }

    fn apply(&mut self, event: CounterEvent) {
        match event {
            CounterEvent::Counted => self.count += 1,
        }
    }
}

struct Counts;

impl Projector for Counts {
    const NAME: &'static str = "counts";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["counter"];
    type Event = CounterEvent;
    type View = Counter;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Counter>,
        _event: &Recorded<'_, CounterEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default().count += 1;
        Ok(())
    }
}

// ANCHOR: connect
async fn connect() -> Result<DataStream> {
    let stream = DataStream::builder("counters").connect().await?;
    // For development; in production the stream comes from a template.
    stream.ensure(Capacity::OnDemand).await?;
    Ok(stream)
}
// ANCHOR_END: connect

// ANCHOR: publish
async fn publish(
    stream: &DataStream,
    store: Arc<SqliteStore>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let source = Source::new("/counters")?;
    let publisher = Publishing::to(stream, source).on(store)?;
    publisher.run(shutdown).await
}
// ANCHOR_END: publish

// ANCHOR: consume
async fn project(
    stream: &DataStream,
    store: Arc<SqliteStore>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let feed = KinesisFeed::of(stream, store.clone(), Begin::Horizon);
    let worker = WorkerId::generate("host-1", &SystemEntropy)?;
    let counts = Projection::new(Counts, Arc::new(feed), store.clone(), store.clone())?
        .with_leases(store, worker, Duration::from_secs(10));
    counts.run(shutdown).await
}
// ANCHOR_END: consume

#[tokio::test]
async fn a_command_is_published_and_projected() -> Result<(), BoxError> {
    // It asks AWS, so nobody calls it here: that it compiles is what is shown.
    let _ = connect;
    let directory = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(directory.path().join("counters.db")).await?);
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    let kinesis = FakeKinesis::new(clock.clone(), 1);
    let stream = DataStream::builder("counters").clock(clock).with_client(kinesis.client())?;
    stream.ensure(Capacity::Shards(2)).await?;

    let counters = Repository::<Counter>::new(store.clone());
    let receipt = counters.execute("visitors", CounterCommand::Count).await?;
    let counts = Projection::on(Counts, store.clone())?;
    let seen = async {
        let (id, version) = (receipt.stream(), receipt.version());
        counts.wait_for_version(id, version, Duration::from_secs(60)).await
    };
    tokio::select! {
        stopped = publish(&stream, store.clone(), std::future::pending()) => stopped?,
        stopped = project(&stream, store.clone(), std::future::pending()) => stopped?,
        seen = seen => seen?,
    }
    let visitors = counts.view().get("visitors").await?;
    assert_eq!(visitors.map(|counter| counter.count), Some(1));
    Ok(())
}

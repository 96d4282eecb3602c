//! A log, and the data stream that it is published to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use es_benches::order::{Order, OrderCommand, events};
use es_core::cloud_events::{self, Source};
use es_core::memory::MemoryStore;
use es_core::{
    Batch, CheckpointStore, Consumer, ConsumerId, Cost, EventStore as _, Handled, Handler,
    Progress, ReadStream, Repository, StreamId,
};
use es_kinesis::{
    Begin, Capacity, DataStream, KinesisFeed, Publisher, PublisherOptions, Publishing,
};
use futures::TryStreamExt as _;

use crate::{AnyError, COMMITS};

/// What a piece of work came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) commits: u64,
    pub(crate) requests: u64,
    pub(crate) took: Duration,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.commits as f64 / self.took.as_secs_f64()
    }

    /// Measures work that says how many commits it was about.
    pub(crate) async fn of(
        work: impl Future<Output = Result<u64, AnyError>>,
    ) -> Result<Self, AnyError> {
        let began = Instant::now();
        let (commits, cost) = Cost::of(work).await;
        Ok(Self { commits: commits?, requests: cost.requests, took: began.elapsed() })
    }
}

/// A log of [`COMMITS`] commits, not published yet.
pub(crate) struct Relay {
    log: Arc<MemoryStore>,
    stream: DataStream,
    publisher: Publisher,
}

impl Relay {
    pub(crate) async fn new(
        endpoint: &str,
        options: impl FnOnce(PublisherOptions) -> PublisherOptions,
    ) -> Result<Self, AnyError> {
        let log = Arc::new(MemoryStore::new());
        let orders = Repository::<Order>::new(log.clone());
        for (n, event) in events(COMMITS).into_iter().enumerate() {
            orders.execute(&format!("o-{n}"), OrderCommand::Record(vec![event])).await?;
        }
        let stream = data_stream(endpoint).await?;
        // The local server has no limits.
        let unlimited = es_kinesis::ShardThroughput {
            records_per_second: u32::MAX,
            bytes_per_second: u32::MAX,
        };
        let publishing = Publishing::to(&stream, Source::new("/benches")?).throughput(unlimited);
        let publisher = options(publishing).on(log.clone())?;
        Ok(Self { log, stream, publisher })
    }

    pub(crate) fn stream_name(&self) -> &str {
        self.stream.name()
    }

    /// Another data stream, for the floor.
    pub(crate) async fn floor_stream(&self, endpoint: &str) -> Result<Floor, AnyError> {
        let stream = data_stream(endpoint).await?;
        Ok(Floor { client: client(endpoint).await, stream: stream.name().to_owned() })
    }

    /// What is published, ready to be sent.
    pub(crate) async fn records(&self) -> Result<Vec<(String, Vec<u8>)>, AnyError> {
        let source = Source::new("/benches")?;
        let mut records = Vec::with_capacity(COMMITS);
        for n in 0..COMMITS {
            let stream = StreamId::new("order", &format!("o-{n}"))?;
            let page = self.log.read(ReadStream::new(stream.clone())).try_next().await?;
            let commit = &page.unwrap_or_default()[0];
            records.push((stream.to_string(), cloud_events::encode(commit, &source)?));
        }
        Ok(records)
    }

    pub(crate) async fn publish(&self) -> Result<Measured, AnyError> {
        Measured::of(async { Ok(self.publisher.catch_up().await?.applied) }).await
    }

    pub(crate) async fn consume(&self) -> Result<Measured, AnyError> {
        let counted = Arc::new(AtomicU64::default());
        let counting = Counting { counted: counted.clone(), checkpoints: MemoryStore::new() };
        let feed = KinesisFeed::of(&self.stream, self.log.clone(), Begin::Horizon);
        let id = ConsumerId::new("counting")?;
        let consumer =
            Consumer::with_handler(counting, id, Arc::new(feed), self.log.clone(), 1_000);
        let measured = Measured::of(async { Ok(consumer.catch_up().await?.applied) }).await?;
        assert_eq!(counted.load(Ordering::Relaxed), COMMITS as u64);
        Ok(measured)
    }
}

/// A data stream for the plain API.
pub(crate) struct Floor {
    pub(crate) client: aws_sdk_kinesis::Client,
    pub(crate) stream: String,
}

pub(crate) async fn client(endpoint: &str) -> aws_sdk_kinesis::Client {
    let connection = es_aws::Connection {
        endpoint_url: Some(endpoint.to_owned()),
        is_local: true,
        ..es_aws::Connection::default()
    };
    aws_sdk_kinesis::Client::new(&connection.sdk_config().await)
}

/// A new data stream of two shards.
pub(crate) async fn data_stream(endpoint: &str) -> Result<DataStream, AnyError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let stream = DataStream::builder(&name).local_endpoint(endpoint).connect().await?;
    stream.ensure(Capacity::Shards(2)).await?;
    Ok(stream)
}

/// Counts commits.
pub(crate) struct Counting<C> {
    pub(crate) counted: Arc<AtomicU64>,
    pub(crate) checkpoints: C,
}

#[async_trait]
impl<C: CheckpointStore> Handler for Counting<C> {
    type Effect = ();

    fn handles(&self, _: &str) -> bool {
        true
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &self.checkpoints
    }

    async fn prepare(&self) -> es_core::Result<()> {
        Ok(())
    }

    async fn handle(&self, batch: &Batch<'_>) -> es_core::Result<Handled<()>> {
        self.counted.fetch_add(batch.commits.len() as u64, Ordering::Relaxed);
        Ok(Handled { effect: (), failed: Vec::new() })
    }

    async fn save(&self, (): (), progress: Progress) -> es_core::Result<()> {
        self.checkpoints.save(progress).await
    }
}

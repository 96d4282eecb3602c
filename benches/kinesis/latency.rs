//! How long a commit takes when nothing else is going on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use aws_sdk_kinesis::primitives::Blob;
use comfy_table::{Cell, Table};
use es_benches::order::{Order, OrderCommand, events};
use es_core::cloud_events::Source;
use es_core::memory::MemoryStore;
use es_core::{Consumer, ConsumerId, Handler, Repository, Workers};
use es_kinesis::{Begin, DataStream, KinesisFeed, Publishing};

use crate::relay::{Counting, client, data_stream};
use crate::{AnyError, headed, right};

const COMMITS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn table(endpoint: &str) -> Result<Table, AnyError> {
    let mut table = headed(["", "median ms", "90th ms"]);
    row(&mut table, "one PutRecord of the plain API (the floor)", put(endpoint).await?);
    let (published, polled) = through(endpoint, |feed| feed).await?;
    row(&mut table, "appended until published, progress saved", published);
    row(&mut table, "appended until handled, asking every 500 ms", polled);
    let (_, pushed) = through(endpoint, |feed| feed.fan_out("bench")).await?;
    row(&mut table, "appended until handled, enhanced fan-out", pushed);
    Ok(table)
}

fn row(table: &mut Table, what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let of = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let text = |time: Duration| right(format!("{:.1}", time.as_secs_f64() * 1000.0));
    table.add_row([Cell::new(what), text(of(50)), text(of(90))]);
}

async fn put(endpoint: &str) -> Result<Vec<Duration>, AnyError> {
    let stream = data_stream(endpoint).await?;
    let client = client(endpoint).await;
    let mut times = Vec::new();
    for n in 0..COMMITS {
        let began = Instant::now();
        let request = client.put_record().stream_name(stream.name());
        request.partition_key(format!("o-{n}")).data(Blob::new([b'x'; 600])).send().await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// The times until a commit is published, and until it is handled.
async fn through(
    endpoint: &str,
    options: impl FnOnce(KinesisFeed) -> KinesisFeed,
) -> Result<(Vec<Duration>, Vec<Duration>), AnyError> {
    let log = Arc::new(MemoryStore::new());
    let stream: DataStream = data_stream(endpoint).await?;
    let publisher = Publishing::to(&stream, Source::new("/benches")?).on(log.clone())?;
    let publisher = Arc::new(publisher);
    let feed = options(KinesisFeed::of(&stream, log.clone(), Begin::Horizon));
    let counting =
        Counting { counted: Arc::new(AtomicU64::default()), checkpoints: MemoryStore::new() };
    let id = ConsumerId::new("counting")?;
    let consumer = Consumer::with_handler(counting, id, Arc::new(feed), log.clone(), 100);
    let consumer = Arc::new(consumer);
    let mut workers = Workers::new();
    workers.start(publisher.clone());
    workers.start(consumer.clone());

    let orders = Repository::<Order>::new(log);
    let (mut published, mut handled) = (Vec::new(), Vec::new());
    for (n, event) in events(COMMITS).into_iter().enumerate() {
        let began = Instant::now();
        let command = OrderCommand::Record(vec![event]);
        let receipt = orders.execute(&format!("o-{n}"), command).await?;
        let (stream, version) = (receipt.stream(), receipt.version());
        published.push(until(&publisher, stream, version, began).await?);
        handled.push(until(&consumer, stream, version, began).await?);
    }
    workers.shutdown().await?;
    Ok((published, handled))
}

async fn until<H: Handler>(
    consumer: &Consumer<H>,
    stream: &es_core::StreamId,
    version: es_core::Version,
    began: Instant,
) -> Result<Duration, AnyError> {
    consumer.wait_for_version(stream, version, PATIENCE).await?;
    Ok(began.elapsed())
}

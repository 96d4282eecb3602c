//! Whether memory stays flat while publishing and consuming goes on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use comfy_table::{Cell, Table};
use es_benches::order::{Order, OrderCommand, events};
use es_core::cloud_events::Source;
use es_core::{Consumer, ConsumerId, Repository};
use es_kinesis::{Begin, KinesisFeed, Publishing, ShardThroughput};
use es_sqlite::SqliteStore;

use crate::relay::{Counting, data_stream};
use crate::{AnyError, headed, right};

const ROUNDS: usize = 8;
const COMMITS_PER_ROUND: usize = 10_000;

pub(crate) async fn table(endpoint: &str) -> Result<Table, AnyError> {
    let directory = tempfile::tempdir()?;
    let log = Arc::new(SqliteStore::open(directory.path().join("log.db")).await?);
    let stream = data_stream(endpoint).await?;
    let unlimited = ShardThroughput { records_per_second: u32::MAX, bytes_per_second: u32::MAX };
    let publisher = Publishing::to(&stream, Source::new("/benches")?).throughput(unlimited);
    let publisher = publisher.on(log.clone())?;
    let feed = KinesisFeed::of(&stream, log.clone(), Begin::Horizon);
    let progress = SqliteStore::open(directory.path().join("progress.db")).await?;
    let counting = Counting { counted: Arc::new(AtomicU64::default()), checkpoints: progress };
    let id = ConsumerId::new("counting")?;
    let consumer = Consumer::with_handler(counting, id, Arc::new(feed), log.clone(), 1_000);
    let orders = Repository::<Order>::new(log);

    let mut table = headed(["commits so far", "MiB"]);
    for round in 0..ROUNDS {
        let appending = events(COMMITS_PER_ROUND).into_iter().enumerate().map(|(n, event)| {
            let (orders, id) = (orders.clone(), format!("o-{round}-{n}"));
            async move { orders.execute(&id, OrderCommand::Record(vec![event])).await.map(drop) }
        });
        let appending = futures::stream::iter(appending);
        let appending = futures::StreamExt::buffer_unordered(appending, 256);
        futures::TryStreamExt::try_collect::<()>(appending).await?;
        publisher.catch_up().await?;
        consumer.catch_up().await?;
        let so_far = (round + 1) * COMMITS_PER_ROUND;
        let memory = resident_mib().map_or("unknown here".to_owned(), |mib| format!("{mib:.1}"));
        table.add_row([Cell::new(so_far), right(memory)]);
    }
    Ok(table)
}

/// As Linux tells it.
fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

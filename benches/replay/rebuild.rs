//! (c): two views built again from a log of a million events.
//!
//! Views, log and progress are in one SQLite file, and the views are live when they are built again: each run
//! makes all documents anew beside them and puts these in their place, as a program does whose views came out
//! wrong. The floor does the same with raw rusqlite, in one thread: it reads all events in the order of the log,
//! decodes each once, folds it into two maps, and writes their documents in one transaction, in the order of their keys.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use es_benches::order::event;
use es_benches::order_views::{OrderTotal, OrderTotals, Revenue, RevenueByCustomer};
use es_benches::race::{Absent, Race, Results, Rounds, Timed};
use es_core::{
    Codec, CommitId, Compression, Consumers, EncodedEvents, EncodedMetadata, EventStore as _,
    Expected, NewCommit, Projection, StreamId, SystemEntropy, Timestamp, ViewQuery,
};
use es_sqlite::{SqliteStore, Synchronous};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::runtime::Runtime;

use crate::Size;
use crate::cores::{available_cores, on_cores};
use crate::raw_views::RawViews;

/// Documents by key, hashed as a rebuild hashes them.
pub(crate) type ByKey<V> = HashMap<String, V, foldhash::fast::RandomState>;

/// The documents of both views.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Documents {
    pub(crate) totals: ByKey<OrderTotal>,
    pub(crate) revenue: ByKey<Revenue>,
}

/// The place of an event: orders grow at the same time, so that hardly two events of one are near each other.
#[derive(Clone, Copy)]
struct Log {
    events: usize,
    streams: usize,
}

impl Log {
    fn stream_of(self, event: usize) -> String {
        format!("o-{}", event % self.streams)
    }
}

pub(crate) fn of_two_views(title: &str, runtime: &Runtime, size: Size) -> Results {
    let log = Log { events: size.of(1_000_000), streams: size.of(50_000) };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    runtime.block_on(fill(&path, log));
    let mut raw = RawViews::create(&directory.path().join("raw.db"));
    raw.fill((0..log.events).map(|n| (log.stream_of(n), n / log.streams, event(n))));

    let raw = RefCell::new(raw);
    let rebuild = |cores| {
        let took = on_cores(cores, |runtime| runtime.block_on(rebuild(&path)));
        let same = runtime.block_on(documents(&path)) == raw.borrow().documents();
        assert!(same, "the views differ from those of the floor");
        took
    };
    let mut race = Race::new(title);
    let floor = race.floor("raw rusqlite, one thread: select, from_slice, fold, insert", || {
        Timed::of(log.events, || raw.borrow_mut().rebuild())
    });
    let one = race.aimed("SQLite, one core", floor, 0.7, || rebuild(1));
    if available_cores() >= 2 {
        let two = race.aimed("SQLite, two cores", one, 1.7, || rebuild(2));
        race.part("the same, per core", two, 0.5, floor, 0.7);
    } else {
        let reason = "this program may use one core only";
        race.guest("SQLite, two cores", Some(one), || Err(Absent::Cannot(reason.to_owned())));
    }
    let results = race.run(Rounds { rounds: size.rounds.rounds.min(5), ..size.rounds });
    match memory_of_rebuilding(&path) {
        Some(mib) => {
            results.with_memory("SQLite, up to two cores: the most memory of a process", mib, 64.0)
        }
        None => results,
    }
}

/// The argument with which this program does nothing but build the views of a file again, and tells the most memory
/// that it ever had.
const ALONE: &str = "--rebuild-alone";

/// The most memory, in MiB, of a process that does nothing else: its program, threads and SQLite's pages included.
/// `None` where the kernel does not tell.
fn memory_of_rebuilding(path: &Path) -> Option<f64> {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg(ALONE).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().ok()
}

pub(crate) fn alone(path: &Path) {
    on_cores(available_cores().min(2), |runtime| runtime.block_on(rebuild(path)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = most.and_then(|most| most.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    println!("{}", kib.map_or_else(|| "unknown".to_owned(), |kib| (kib / 1024.0).to_string()));
}

async fn fill(path: &Path, log: Log) {
    let store = SqliteStore::builder(path).synchronous(Synchronous::Normal).max_group(4_096);
    let store = store.open().await.unwrap();
    let appends = (0..log.events).map(|n| {
        let stream = StreamId::new("order", &log.stream_of(n)).unwrap();
        let events =
            EncodedEvents::encode(&[event(n)], Codec::Json, Compression::None, usize::MAX).unwrap();
        let (now, metadata) = (Timestamp::now(), EncodedMetadata::default());
        let commit = NewCommit::new(CommitId::generate(now, &SystemEntropy), now, metadata, events);
        let store = &store;
        async move { store.append(&stream, Expected::Any, commit).await.unwrap() }
    });
    let appends = futures::stream::iter(appends).buffered(1_000);
    appends.for_each(|_| std::future::ready(())).await;
    store.close().await.unwrap();
}

/// Opens the file and builds both views again.
async fn rebuild(path: &Path) -> Timed {
    let store = Arc::new(SqliteStore::open(path).await.unwrap());
    let totals = Projection::on(OrderTotals, store.clone()).unwrap();
    let revenue = Projection::on(RevenueByCustomer, store.clone()).unwrap();
    let views = Consumers::new().with(Arc::new(totals)).with(Arc::new(revenue));
    let began = Instant::now();
    let done = views.rebuild(|_, _| {}).await.unwrap();
    let took = began.elapsed();
    assert_eq!(done[0].applied, done[1].applied);
    store.close().await.unwrap();
    Timed { items: done[0].applied, took }
}

async fn documents(path: &Path) -> Documents {
    let store = Arc::new(SqliteStore::open(path).await.unwrap());
    let page = || ViewQuery::default().limit(10_000);
    let totals = Projection::on(OrderTotals, store.clone()).unwrap().view().all(page());
    let revenue = Projection::on(RevenueByCustomer, store.clone()).unwrap().view().all(page());
    let documents = Documents {
        totals: totals.try_collect().await.unwrap(),
        revenue: revenue.try_collect().await.unwrap(),
    };
    store.close().await.unwrap();
    documents
}

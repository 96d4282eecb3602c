//! What must not become slower as a log or a stream grows. The floor is the same work on the smallest one.

use std::ops::Range;
use std::sync::Arc;

use es_benches::order::{Order, OrderCommand, OrderEvent, event};
use es_benches::race::{Race, Results, Timed};
use es_core::memory::MemoryStore;
use es_core::{
    Codec, CommitId, Compression, EncodedEvents, EncodedMetadata, EventStore, Expected, NewCommit,
    Repository, SnapshotPolicy, SnapshotStore, StreamId, SystemEntropy, Timestamp,
};
use es_sqlite::{SqliteStore, Synchronous};
use futures::stream::{self, StreamExt as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Size;

/// How near to the smallest one.
const FLAT: f64 = 0.9;

/// Callers at a time, each with a stream of its own.
const CALLERS: usize = 64;

/// Events per commit of what is there before, and per stream.
const FILLING: usize = 10;
const PER_STREAM: usize = 100;

/// Appends to logs of different sizes. They need not reach the disk before they are acknowledged: the time of
/// a disk would cover what is asked for.
pub(crate) fn of_logs(title: &str, runtime: &Runtime, size: Size) -> Results {
    let largest = if size.is_full { 7 } else { 6 };
    let logs: Vec<_> = (3..=largest)
        .map(|power| {
            let events = size.of(10_usize.pow(power));
            (events, Log::filled(events, runtime))
        })
        .collect();
    let mut race = Race::new(title);
    let mut first = None;
    for (events, log) in &logs {
        let appends = size.of(6_400);
        let recent =
            move || log.append(runtime, appends, move |caller, _| format!("recent-{caller}"));
        let title = |what| format!("{what}, {} events", thousands(*events));
        let recent_title = title("to the newest streams");
        match first {
            None => first = Some(race.floor(recent_title, recent)),
            Some(first) => {
                race.aimed(recent_title, first, FLAT, recent);
            }
        }
    }
    let mut first = None;
    for (events, log) in &logs {
        let appends = size.of(6_400);
        let streams = (events / PER_STREAM).max(1);
        // A prime number of streams further each time.
        let spread = move || {
            log.append(runtime, appends, move |caller, n| {
                format!("old-{}", (n * CALLERS + caller) * 7_919 % streams)
            })
        };
        let title = format!("to streams all over the log, {} events", thousands(*events));
        match first {
            None => first = Some(race.floor(title, spread)),
            Some(first) => race.row(title, first, spread),
        }
    }
    race.run(size.rounds)
}

/// A file that stays as it is: each run appends to a copy of it.
struct Log(TempDir);

const FILE: &str = "log.db";

async fn open(directory: &TempDir) -> SqliteStore {
    let options = SqliteStore::builder(directory.path().join(FILE));
    options.synchronous(Synchronous::Normal).open().await.unwrap()
}

impl Log {
    fn filled(events: usize, runtime: &Runtime) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = runtime.block_on(open(&directory));
        let batch: Vec<_> = (0..FILLING).map(event).collect();
        let batch = encoded(&batch);
        runtime.block_on(
            stream::iter(0..events.div_ceil(FILLING))
                .map(|n| {
                    let id = format!("old-{}", n * FILLING / PER_STREAM);
                    append(&store, id, batch.clone())
                })
                .buffer_unordered(256)
                .for_each(|()| async {}),
        );
        runtime.block_on(store.close()).unwrap();
        Self(directory)
    }

    fn append(
        &self,
        runtime: &Runtime,
        appends: usize,
        id: impl Fn(usize, usize) -> String + Copy + Send + 'static,
    ) -> Timed {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(self.0.path().join(FILE), copy.path().join(FILE)).unwrap();
        let store = runtime.block_on(open(&copy));
        let each = appends.div_ceil(CALLERS);
        let events = encoded(&[event(0)]);
        // The first ones meet a store that was just opened.
        runtime.block_on(by_callers(&store, &events, 0..each.div_ceil(2), id));
        let timed = Timed::of(each * CALLERS, || {
            runtime.block_on(by_callers(&store, &events, each..2 * each, id));
        });
        runtime.block_on(store.close()).unwrap();
        timed
    }
}

async fn by_callers(
    store: &SqliteStore,
    events: &EncodedEvents,
    appends: Range<usize>,
    id: impl Fn(usize, usize) -> String + Copy + Send + 'static,
) {
    let callers = (0..CALLERS).map(|caller| {
        let (store, events, appends) = (store.clone(), events.clone(), appends.clone());
        tokio::spawn(async move {
            for n in appends {
                append(&store, id(caller, n), events.clone()).await;
            }
        })
    });
    for done in futures::future::join_all(callers).await {
        done.unwrap();
    }
}

async fn append(store: &SqliteStore, id: String, events: EncodedEvents) {
    let stream = StreamId::new("order", &id).unwrap();
    let now = Timestamp::now();
    let commit_id = CommitId::generate(now, &SystemEntropy);
    let commit = NewCommit::new(commit_id, now, EncodedMetadata::default(), events);
    store.append(&stream, Expected::Any, commit).await.unwrap();
}

fn encoded(events: &[OrderEvent]) -> EncodedEvents {
    EncodedEvents::encode(events, Codec::Json, Compression::None, usize::MAX).unwrap()
}

/// Events behind the snapshot.
const TAIL: usize = 10;

/// Loads of streams of different lengths, from a snapshot and ten events behind it.
pub(crate) fn of_streams(title: &str, runtime: &Runtime, size: Size) -> Results {
    let memory = Arc::new(MemoryStore::new());
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteStore::builder(directory.path().join("log.db"));
    let sqlite = runtime.block_on(options.synchronous(Synchronous::Normal).open()).unwrap();
    let sqlite = Arc::new(sqlite);
    let stores = [
        ("memory", long_streams(&memory, runtime, size)),
        ("SQLite", long_streams(&sqlite, runtime, size)),
    ];
    let mut race = Race::new(title);
    for (store, orders) in &stores {
        let mut first = None;
        for length in lengths(size) {
            let loads = size.of(1_000);
            let id = length.to_string();
            let run = move || {
                Timed::of(loads, || {
                    runtime.block_on(async {
                        for _ in 0..loads {
                            let loaded = orders.load(&id).await.unwrap();
                            assert_eq!(loaded.version().get(), (length + 1 + TAIL) as u64);
                        }
                    });
                })
            };
            let title = format!("{store}, {} events", thousands(length));
            match first {
                None => first = Some(race.floor(title, run)),
                Some(first) => {
                    race.aimed(title, first, FLAT, run);
                }
            }
        }
    }
    race.run(size.rounds)
}

fn lengths(size: Size) -> impl Iterator<Item = usize> {
    (3..=6).map(move |power| size.of(10_usize.pow(power)))
}

fn long_streams<S>(store: &Arc<S>, runtime: &Runtime, size: Size) -> Repository<Order>
where
    S: EventStore + SnapshotStore,
{
    let (log, snapshots): (Arc<dyn EventStore>, Arc<dyn SnapshotStore>) =
        (Arc::clone(store) as _, Arc::clone(store) as _);
    let orders = Repository::<Order>::new(log).with_cache(1);
    let taking = orders.clone().with_snapshots(Arc::clone(&snapshots), SnapshotPolicy::Every(1));
    let orders = orders.with_snapshots(snapshots, SnapshotPolicy::Never);
    runtime.block_on(async {
        for length in lengths(size) {
            let id = length.to_string();
            let record = |events: Vec<_>| OrderCommand::Record(events);
            for begin in (0..length).step_by(1_000) {
                let events = (begin..length.min(begin + 1_000)).map(event).collect();
                taking.execute(&id, record(events)).await.unwrap();
            }
            // The snapshot is confirmed by its commit, which is read with the events behind it.
            taking.execute(&id, record(vec![event(0)])).await.unwrap();
            for n in 0..TAIL {
                orders.execute(&id, record(vec![event(n)])).await.unwrap();
            }
        }
    });
    orders
}

fn thousands(number: usize) -> String {
    es_benches::race::thousands(number as f64)
}

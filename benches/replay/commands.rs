//! (d) and (e): commands, decided and appended.

use std::sync::Arc;

use es_benches::floor;
use es_benches::order::{Order, OrderCommand, OrderEvent, event};
use es_benches::race::{Race, Results, Timed};
use es_core::memory::MemoryStore;
use es_core::{Codec, EventStore, Repository, SnapshotPolicy, SnapshotStore};
use es_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Size;
use crate::raw_sqlite::RawLog;

/// After so many events a stream gets no more.
const STREAM: usize = 50;

pub(crate) fn of_one_event(title: &str, runtime: &Runtime, size: Size) -> Results {
    in_memory(title, runtime, size, 1)
}

pub(crate) fn of_ten_events(title: &str, runtime: &Runtime, size: Size) -> Results {
    in_memory(title, runtime, size, 10)
}

/// Commands on aggregates that are cached, one after the other.
fn in_memory(title: &str, runtime: &Runtime, size: Size, events: usize) -> Results {
    let commands = size.of(5_000);
    let mut race = Race::new(title);
    let floor = race.floor("encode the events, apply them, push the bytes", || {
        let inputs: Vec<_> = (0..commands).map(|n| recorded(n, events)).collect();
        Timed::of(commands, || floor::record(inputs, STREAM / events))
    });
    race.aimed("memory, cached", floor, 0.5, || {
        let store = Arc::new(MemoryStore::new());
        execute(&Repository::new(store).with_cache(1_000), runtime, commands, events)
    });
    race.row("memory, compact, cached", floor, || {
        let orders = Repository::new(Arc::new(MemoryStore::new())).with_codec(Codec::Postcard);
        execute(&orders.with_cache(1_000), runtime, commands, events)
    });
    race.row("memory, loaded for each command", floor, || {
        execute(&Repository::new(Arc::new(MemoryStore::new())), runtime, commands, events)
    });
    race.row("memory, loaded with a snapshot every 20 events", floor, || {
        let orders = with_snapshots(Arc::new(MemoryStore::new()));
        execute(&orders, runtime, commands, events)
    });
    race.run(size.rounds)
}

/// A snapshot is taken when so many events have been appended behind the last one.
const SNAPSHOT: u64 = 20;

fn with_snapshots<S: EventStore + SnapshotStore>(store: Arc<S>) -> Repository<Order> {
    let snapshots = Arc::clone(&store) as Arc<dyn SnapshotStore>;
    Repository::new(store).with_snapshots(snapshots, SnapshotPolicy::Every(SNAPSHOT))
}

fn command(n: usize, events: usize) -> OrderCommand {
    OrderCommand::Record(recorded(n, events))
}

fn recorded(n: usize, events: usize) -> Vec<OrderEvent> {
    (n * events..(n + 1) * events).map(event).collect()
}

fn id(command: usize, events: usize) -> String {
    format!("o-{}", command * events / STREAM)
}

fn execute(orders: &Repository<Order>, runtime: &Runtime, commands: usize, events: usize) -> Timed {
    let inputs: Vec<_> = (0..commands).map(|n| (id(n, events), command(n, events))).collect();
    Timed::of(commands, || {
        runtime.block_on(async {
            for (id, command) in inputs {
                orders.execute(&id, command).await.unwrap();
            }
        });
    })
}

/// Callers at a time, each with a stream of its own.
const CALLERS: usize = 64;

/// A cache forgets by groups of states, which fill unevenly: with this much room it keeps one for each caller.
const ROOM: usize = 16 * CALLERS;

pub(crate) fn durable(title: &str, runtime: &Runtime, size: Size) -> Results {
    let each = size.of(50);
    let mut race = Race::new(title);
    let floor = race.floor("raw rusqlite: 64 inserts per transaction, synced", || {
        let directory = tempfile::tempdir().unwrap();
        let mut raw = RawLog::create(&directory.path().join("raw.db"));
        let events: Vec<_> = (0..each * CALLERS).map(event).collect();
        Timed::of(each * CALLERS, || {
            for (group, events) in events.chunks(CALLERS).enumerate() {
                let rows = events.iter().enumerate();
                raw.insert(rows.map(|(caller, event)| (format!("o-{caller}"), group, event)));
            }
        })
    });
    race.aimed("SQLite, 64 callers, all states cached", floor, 0.8, || {
        let (_directory, store) = file(runtime);
        let orders = Repository::<Order>::new(store).with_cache(ROOM);
        Timed::of(each * CALLERS, || runtime.block_on(by_callers(&orders, each)))
    });
    race.row("SQLite, 64 callers, loaded for each command", floor, || {
        let (_directory, store) = file(runtime);
        let orders = Repository::<Order>::new(store);
        Timed::of(each * CALLERS, || runtime.block_on(by_callers(&orders, each)))
    });
    race.row("SQLite, 64 callers, loaded with a snapshot every 20 events", floor, || {
        let (_directory, store) = file(runtime);
        let orders = with_snapshots(store);
        Timed::of(each * CALLERS, || runtime.block_on(by_callers(&orders, each)))
    });
    let alone = race.floor("raw rusqlite: one insert per transaction, synced", || {
        let directory = tempfile::tempdir().unwrap();
        let mut raw = RawLog::create(&directory.path().join("raw.db"));
        let events: Vec<_> = (0..each).map(event).collect();
        Timed::of(each, || {
            for (version, event) in events.iter().enumerate() {
                raw.insert(std::iter::once(("o-0".to_owned(), version, event)));
            }
        })
    });
    race.row("SQLite, one caller, its state cached", alone, || {
        let (_directory, store) = file(runtime);
        execute(&Repository::new(store).with_cache(ROOM), runtime, each, 1)
    });
    race.run(size.rounds)
}

fn file(runtime: &Runtime) -> (TempDir, Arc<SqliteStore>) {
    let directory = tempfile::tempdir().unwrap();
    let opened = runtime.block_on(SqliteStore::open(directory.path().join("log.db")));
    (directory, Arc::new(opened.unwrap()))
}

async fn by_callers(orders: &Repository<Order>, each: usize) {
    let callers = (0..CALLERS).map(|caller| {
        let orders = orders.clone();
        tokio::spawn(async move {
            for n in 0..each {
                let command = OrderCommand::Record(vec![event(n * CALLERS + caller)]);
                orders.execute(&format!("o-{caller}"), command).await.unwrap();
            }
        })
    });
    for done in futures::future::join_all(callers).await {
        done.unwrap();
    }
}

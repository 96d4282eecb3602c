//! Replay and append throughput, beside their floors. All rows of a group do the same work in the
//! same run: compare ratios, not absolute figures.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use es_benches::{Order, OrderCommand, OrderEvent, event, events};
use es_core::memory::MemoryStore;
use es_core::{Aggregate, Codec, EncodedEvents, Event, EventStore, Repository};
use es_sqlite::SqliteStore;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// Events in the replayed stream, each its own commit.
const STREAM: usize = 10_000;
/// Commands in the append groups.
const COMMANDS: usize = 500;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

fn filled(store: Arc<dyn EventStore>, codec: Codec, runtime: &Runtime) -> Repository<Order> {
    let orders = Repository::<Order>::new(store).with_codec(codec);
    let writer = orders.clone().with_cache(1);
    runtime.block_on(async {
        for event in events(STREAM) {
            writer.execute("o-1", OrderCommand::Record(vec![event])).await.unwrap();
        }
    });
    orders
}

/// One stream of 10,000 single-event commits into one state.
mod replay {
    use super::*;

    /// The floor: the payloads one after the other in one buffer, nothing but the parser and
    /// `apply`. What name an event has is known beforehand.
    #[divan::bench]
    fn floor_serde_json_from_slice(bencher: Bencher<'_, '_>) {
        #[derive(serde::Deserialize)]
        struct ItemsAdded {
            customer: String,
            items: Vec<es_benches::Item>,
            at: String,
        }
        #[derive(serde::Deserialize)]
        struct StatusChanged {
            status: String,
            note: String,
            location: (f64, f64),
            at: String,
        }
        let mut buffer = Vec::new();
        let mut parts = Vec::new();
        for event in events(STREAM) {
            let start = buffer.len();
            event.encode(Codec::Json, &mut buffer).unwrap();
            parts.push((matches!(event, OrderEvent::ItemsAdded { .. }), start..buffer.len()));
        }
        bencher.counter(ItemsCount::new(STREAM)).bench(|| {
            let mut order = Order::default();
            for (items_added, range) in &parts {
                let payload = black_box(&buffer[range.clone()]);
                order.apply(if *items_added {
                    let ItemsAdded { customer, items, at } =
                        serde_json::from_slice(payload).unwrap();
                    OrderEvent::ItemsAdded { customer, items, at }
                } else {
                    let StatusChanged { status, note, location, at } =
                        serde_json::from_slice(payload).unwrap();
                    OrderEvent::StatusChanged { status, note, location, at }
                });
            }
            order
        });
    }

    #[divan::bench(args = ["json", "postcard"])]
    fn memory(bencher: Bencher<'_, '_>, codec: &str) {
        let runtime = runtime();
        let orders = filled(Arc::new(MemoryStore::new()), codec_named(codec), &runtime);
        bencher
            .counter(ItemsCount::new(STREAM))
            .bench(|| runtime.block_on(orders.load("o-1")).unwrap().into_state());
    }

    #[divan::bench(args = ["json", "postcard"])]
    fn sqlite(bencher: Bencher<'_, '_>, codec: &str) {
        let (runtime, directory) = (runtime(), tempfile::tempdir().unwrap());
        let opened = runtime.block_on(SqliteStore::open(directory.path().join("log.db")));
        let orders = filled(Arc::new(opened.unwrap()), codec_named(codec), &runtime);
        bencher
            .counter(ItemsCount::new(STREAM))
            .bench(|| runtime.block_on(orders.load("o-1")).unwrap().into_state());
    }
}

/// Single-event commands on one cached aggregate, one after the other.
mod append {
    use super::*;

    /// The floor: encode the event, apply it, keep the bytes.
    #[divan::bench]
    fn floor_encode_apply_push(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(COMMANDS)).with_inputs(|| events(COMMANDS)).bench_values(
            |events| {
                let (mut order, mut log) = (Order::default(), Vec::new());
                for event in events {
                    let one = std::slice::from_ref(&event);
                    let none = Default::default();
                    log.push(EncodedEvents::encode(one, Codec::Json, none, 0).unwrap());
                    order.apply(event);
                }
                (order, log)
            },
        );
    }

    #[divan::bench]
    fn memory(bencher: Bencher<'_, '_>) {
        let runtime = runtime();
        bencher
            .counter(ItemsCount::new(COMMANDS))
            .with_inputs(|| Repository::<Order>::new(Arc::new(MemoryStore::new())).with_cache(1))
            .bench_values(|orders| runtime.block_on(commands(&orders)));
    }

    /// Each command is durable before the next one begins: this is the disk's `fsync`.
    #[divan::bench(sample_count = 10)]
    fn sqlite_durable_one_by_one(bencher: Bencher<'_, '_>) {
        let (runtime, directory) = (runtime(), tempfile::tempdir().unwrap());
        let mut files = 0;
        bencher
            .counter(ItemsCount::new(COMMANDS))
            .with_inputs(|| {
                files += 1;
                let path = directory.path().join(format!("{files}.db"));
                let store = runtime.block_on(SqliteStore::open(path)).unwrap();
                Repository::<Order>::new(Arc::new(store)).with_cache(1)
            })
            .bench_local_values(|orders| runtime.block_on(commands(&orders)));
    }

    /// 64 callers at once, each on its own aggregate: what group commit is for.
    #[divan::bench(sample_count = 10)]
    fn sqlite_durable_64_callers(bencher: Bencher<'_, '_>) {
        let (runtime, directory) = (runtime(), tempfile::tempdir().unwrap());
        let mut files = 0;
        bencher
            .counter(ItemsCount::new(COMMANDS))
            .with_inputs(|| {
                files += 1;
                let path = directory.path().join(format!("{files}.db"));
                let store = runtime.block_on(SqliteStore::open(path)).unwrap();
                Repository::<Order>::new(Arc::new(store)).with_cache(64)
            })
            .bench_local_values(|orders| {
                runtime.block_on(async {
                    let callers = (0..64).map(|caller| {
                        let orders = orders.clone();
                        tokio::spawn(async move {
                            for n in (caller..COMMANDS).step_by(64) {
                                let command = OrderCommand::Record(vec![event(n)]);
                                orders.execute(&format!("o-{caller}"), command).await.unwrap();
                            }
                        })
                    });
                    for done in futures::future::join_all(callers).await {
                        done.unwrap();
                    }
                });
            });
    }

    async fn commands(orders: &Repository<Order>) {
        for n in 0..COMMANDS {
            let command = OrderCommand::Record(vec![event(n)]);
            orders.execute("o-1", command).await.unwrap();
        }
    }
}

fn codec_named(name: &str) -> Codec {
    match name {
        "json" => Codec::Json,
        _ => Codec::Postcard,
    }
}

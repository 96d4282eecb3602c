//! (a) and (b): states folded from their events.

use std::sync::Arc;

use es_benches::floor::Payloads;
use es_benches::order::{Order, OrderCommand, OrderEvent, event};
use es_benches::race::{Race, Results, Timed};
use es_core::memory::MemoryStore;
use es_core::{Codec, EventStore, Repository};
use es_sqlite::{SqliteStore, Synchronous};
use tokio::runtime::Runtime;

use crate::Size;
use crate::raw_sqlite::RawLog;

pub(crate) fn one_stream(title: &str, runtime: &Runtime, size: Size) -> Results {
    Log { streams: 1, per_stream: size.of(10_000), json: 1.05 }.race(title, runtime, size)
}

pub(crate) fn many_streams(title: &str, runtime: &Runtime, size: Size) -> Results {
    Log { streams: size.of(10_000), per_stream: 10, json: 0.95 }.race(title, runtime, size)
}

/// Streams of commits of one event each.
#[derive(Clone, Copy)]
struct Log {
    streams: usize,
    per_stream: usize,
    /// The ratio that replay from memory is to have with JSON.
    json: f64,
}

impl Log {
    fn race(self, title: &str, runtime: &Runtime, size: Size) -> Results {
        let events = self.events();
        let count = events.len();
        let json = Payloads::of(&events, Codec::Json).unwrap();
        let postcard = Payloads::of(&events, Codec::Postcard).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let raw = RawLog::fill(&directory.path().join("raw.db"), self.per_stream, &events);
        let stores = [Codec::Json, Codec::Postcard].map(|codec| {
            let memory = self.fill(Arc::new(MemoryStore::new()), codec, runtime);
            let path = directory.path().join(format!("{codec:?}.db"));
            let options = SqliteStore::builder(path).synchronous(Synchronous::Normal);
            let sqlite = runtime.block_on(options.open()).unwrap();
            (memory, self.fill(Arc::new(sqlite), codec, runtime))
        });
        let [(memory_json, sqlite_json), (memory_postcard, sqlite_postcard)] = &stores;

        let mut race = Race::new(title);
        let a = race.floor("JSON in one buffer: from_slice, apply", || {
            Timed::of(count, || json.fold(self.per_stream))
        });
        let b = race.floor("compact codec in one buffer: from_bytes, apply", || {
            Timed::of(count, || postcard.fold(self.per_stream))
        });
        let c = race.floor("JSON in raw rusqlite: select, from_slice, apply", || {
            Timed::of(count, || raw.fold(self.streams))
        });
        race.row("the same, checked to be text all at once: from_str", a, || {
            Timed::of(count, || json.fold_text(self.per_stream))
        });
        race.row("the JSON bytes copied (memcpy)", a, || Timed::of(count, || json.copy()));
        race.row("compact floor beside the JSON floor", a, || {
            Timed::of(count, || postcard.fold(self.per_stream))
        });
        race.aimed("memory, JSON", a, self.json, || self.load(memory_json, runtime));
        race.aimed("memory, compact", b, 0.95, || self.load(memory_postcard, runtime));
        race.aimed("memory, compact", a, 1.9, || self.load(memory_postcard, runtime));
        race.aimed("SQLite, JSON", c, 0.85, || self.load(sqlite_json, runtime));
        race.row("SQLite, compact", c, || self.load(sqlite_postcard, runtime));
        race.run(size.rounds)
    }

    fn events(self) -> Vec<OrderEvent> {
        (0..self.streams * self.per_stream).map(event).collect()
    }

    fn fill(
        self,
        store: Arc<dyn EventStore>,
        codec: Codec,
        runtime: &Runtime,
    ) -> Repository<Order> {
        let orders = Repository::<Order>::new(store).with_codec(codec);
        let writer = orders.clone().with_cache(1);
        runtime.block_on(async {
            for (index, event) in self.events().into_iter().enumerate() {
                let id = id(index / self.per_stream);
                writer.execute(&id, OrderCommand::Record(vec![event])).await.unwrap();
            }
        });
        orders
    }

    /// Loads all streams, one after the other.
    fn load(self, orders: &Repository<Order>, runtime: &Runtime) -> Timed {
        Timed::of(self.streams * self.per_stream, || {
            runtime.block_on(async {
                let mut last = Order::default();
                for stream in 0..self.streams {
                    last = orders.load(&id(stream)).await.unwrap().into_state();
                }
                last
            })
        })
    }
}

fn id(stream: usize) -> String {
    format!("o-{stream}")
}

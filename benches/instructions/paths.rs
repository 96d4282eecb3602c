//! What is counted.

use std::hint::black_box;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_benches::floor::Payloads;
use es_benches::order::{Order, OrderCommand, OrderEvent, event, events};
use es_core::memory::MemoryStore;
use es_core::{
    Clock, Codec, CommitId, Compression, EncodedEvents, EventStore, Expected, NewCommit,
    Repository, StreamId, SystemEntropy, Timestamp,
};
use es_sqlite::{SqliteStore, Synchronous};
use tokio::runtime::{Builder, Runtime};

/// A hot path.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// How many items it works on each time, for a figure per item.
    pub(crate) items: usize,
    pub(crate) item: &'static str,
    /// Prepares what it needs for [`TIMES`] and one more. The folder has the [files](make_files).
    pub(crate) prepare: fn(&FilePath) -> Box<dyn FnMut()>,
}

/// How often each is run to be counted. What varies from run to run of the program is divided by it.
pub(crate) const TIMES: usize = 10;

pub(crate) const PATHS: &[Path] = &[
    Path {
        name: "decoding-floor-json",
        items: 1000,
        item: "event",
        prepare: |_| decoding(Codec::Json),
    },
    Path {
        name: "decoding-floor-compact",
        items: 1000,
        item: "event",
        prepare: |_| decoding(Codec::Postcard),
    },
    Path {
        name: "replay-one-stream-memory-json",
        items: 1000,
        item: "event",
        prepare: |_| replay_from_memory(1, 1000, Codec::Json),
    },
    Path {
        name: "replay-one-stream-memory-compact",
        items: 1000,
        item: "event",
        prepare: |_| replay_from_memory(1, 1000, Codec::Postcard),
    },
    Path {
        name: "replay-100-streams-memory-json",
        items: 1000,
        item: "event",
        prepare: |_| replay_from_memory(100, 10, Codec::Json),
    },
    Path {
        name: "replay-100-streams-memory-compact",
        items: 1000,
        item: "event",
        prepare: |_| replay_from_memory(100, 10, Codec::Postcard),
    },
    Path {
        name: "replay-one-stream-sqlite-json",
        items: 1000,
        item: "event",
        prepare: |folder| replay_from_file(folder, Codec::Json),
    },
    Path {
        name: "replay-one-stream-sqlite-compact",
        items: 1000,
        item: "event",
        prepare: |folder| replay_from_file(folder, Codec::Postcard),
    },
    Path {
        name: "replay-100-streams-sqlite-json",
        items: 1000,
        item: "event",
        prepare: |folder| replay_short_streams_from_file(folder),
    },
    Path { name: "appends-sqlite-json", items: 50, item: "commit", prepare: |_| appends_to_file() },
    Path {
        name: "commands-memory-cached",
        items: 50,
        item: "command",
        prepare: |_| cached_commands(),
    },
    Path {
        name: "commands-memory-loading-50-events",
        items: 10,
        item: "command",
        prepare: |_| loading_commands(),
    },
    Path {
        name: "encoding-commits-of-10-events-json",
        items: 100,
        item: "commit",
        prepare: |_| encoding(Codec::Json),
    },
    Path {
        name: "encoding-commits-of-10-events-compact",
        items: 100,
        item: "commit",
        prepare: |_| encoding(Codec::Postcard),
    },
];

/// With what happens on threads of its own, too, but no more threads than needed.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn id(stream: usize) -> String {
    format!("o-{stream}")
}

/// The first events of streams of so many, a commit each, without metadata.
async fn fill(store: &dyn EventStore, streams: usize, per_stream: usize, codec: Codec) {
    let mut events = events(streams * per_stream).into_iter();
    for stream in 0..streams {
        append_all(store, stream, events.by_ref().take(per_stream), codec).await;
    }
}

async fn append_all(
    store: &dyn EventStore,
    stream: usize,
    events: impl Iterator<Item = OrderEvent>,
    codec: Codec,
) {
    let stream = StreamId::new("order", &id(stream)).unwrap();
    for event in events {
        let events = EncodedEvents::encode(&[event], codec, Compression::None, 0).unwrap();
        let now = Timestamp::now();
        let id = CommitId::generate(now, &SystemEntropy);
        let commit = NewCommit::new(id, now, Default::default(), events);
        store.append(&stream, Expected::Any, commit).await.unwrap();
    }
}

/// What has to be done at least, for comparison.
fn decoding(codec: Codec) -> Box<dyn FnMut()> {
    let payloads = Payloads::of(&events(1000), codec).unwrap();
    Box::new(move || {
        black_box(payloads.fold(1000));
    })
}

fn replay_from_memory(streams: usize, per_stream: usize, codec: Codec) -> Box<dyn FnMut()> {
    let (runtime, store) = (runtime(), Arc::new(MemoryStore::new()));
    runtime.block_on(fill(&*store, streams, per_stream, codec));
    replay(runtime, store, streams)
}

fn replay(runtime: Runtime, store: Arc<dyn EventStore>, streams: usize) -> Box<dyn FnMut()> {
    let orders = Repository::<Order>::new(store);
    let ids: Vec<String> = (0..streams).map(id).collect();
    Box::new(move || {
        for id in &ids {
            black_box(runtime.block_on(orders.load(id)).unwrap().into_state());
        }
    })
}

fn file(folder: &FilePath, codec: Codec) -> PathBuf {
    folder.join(format!("{codec:?}.db"))
}

/// Of a hundred streams.
fn short_streams(folder: &FilePath) -> PathBuf {
    folder.join("short.db")
}

/// By a clock that stands still: what is counted does not take paths that depend on how long something takes.
async fn open(file: PathBuf) -> SqliteStore {
    let options = SqliteStore::builder(file).synchronous(Synchronous::Normal);
    options.clock(Arc::new(Standing)).open().await.unwrap()
}

#[derive(Debug)]
struct Standing;

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// The files that are read: commits of one event, 1,000 in each, of one stream or of a hundred.
pub(crate) fn make_files(folder: &FilePath) {
    let runtime = runtime();
    let make = |file, streams, codec| {
        runtime.block_on(async {
            let store = open(file).await;
            fill(&store, streams, 1000 / streams, codec).await;
            store.close().await.unwrap();
        });
    };
    for codec in [Codec::Json, Codec::Postcard] {
        make(file(folder, codec), 1, codec);
    }
    make(short_streams(folder), 100, Codec::Json);
}

fn replay_from_file(folder: &FilePath, codec: Codec) -> Box<dyn FnMut()> {
    let runtime = runtime();
    let store = runtime.block_on(open(file(folder, codec)));
    replay(runtime, Arc::new(store), 1)
}

/// Short streams are read where they are asked for.
fn replay_short_streams_from_file(folder: &FilePath) -> Box<dyn FnMut()> {
    let runtime = runtime();
    let store = runtime.block_on(open(short_streams(folder)));
    replay(runtime, Arc::new(store), 100)
}

/// Commits of one event, 50 on each of new streams, one after the other.
fn appends_to_file() -> Box<dyn FnMut()> {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = runtime.block_on(open(folder.path().join("log.db")));
    let (events, mut stream) = (events(50), 0);
    Box::new(move || {
        // Its folder is there as long as it is.
        let _ = &folder;
        runtime.block_on(append_all(&store, stream, events.iter().cloned(), Codec::Json));
        stream += 1;
    })
}

/// Commands of one event, 50 on each of new streams, whose aggregates are cached.
fn cached_commands() -> Box<dyn FnMut()> {
    let runtime = runtime();
    let orders = Repository::<Order>::new(Arc::new(MemoryStore::new())).with_cache(1000);
    let mut left = inputs(50);
    let mut stream = 0;
    Box::new(move || {
        stream += 1;
        for command in left.pop().unwrap() {
            runtime.block_on(orders.execute(&id(stream), command)).unwrap();
        }
    })
}

/// Commands of one event, each on another stream of 50 events, which is loaded.
fn loading_commands() -> Box<dyn FnMut()> {
    const EACH: usize = 10;
    let (runtime, store) = (runtime(), Arc::new(MemoryStore::new()));
    runtime.block_on(fill(&*store, EACH * (TIMES + 1), 50, Codec::Json));
    let orders = Repository::<Order>::new(store);
    let mut left = inputs(EACH);
    let mut stream = 0;
    Box::new(move || {
        for command in left.pop().unwrap() {
            runtime.block_on(orders.execute(&id(stream), command)).unwrap();
            stream += 1;
        }
    })
}

/// So many commands for each time.
fn inputs(commands: usize) -> Vec<Vec<OrderCommand>> {
    let for_once = |_| (0..commands).map(|n| OrderCommand::Record(vec![event(n)])).collect();
    (0..=TIMES).map(for_once).collect()
}

fn encoding(codec: Codec) -> Box<dyn FnMut()> {
    let commits: Vec<Vec<OrderEvent>> = events(1000).chunks(10).map(<[_]>::to_vec).collect();
    Box::new(move || {
        for events in &commits {
            black_box(EncodedEvents::encode(events, codec, Compression::None, 0).unwrap());
        }
    })
}

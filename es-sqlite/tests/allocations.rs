//! What a load takes from the allocator. SQLite's own memory, which C allocates, is not counted: that is its page
//! cache, out of which payloads are copied once.
#![allow(missing_docs)]

#[path = "../../es-core/tests/allocations/counting.rs"]
mod counting;
#[path = "../../es-core/tests/allocations/domain.rs"]
mod domain;

use counting::{Taken, alone, taken};
use domain::{Basket, BasketEvent, append, described, filled, taken_alone, weighed};
use es_core::{Codec, EventStore, Repository};
use es_sqlite::{SqliteStore, Synchronous};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const CODECS: [Codec; 2] = [Codec::Json, Codec::Postcard];

/// The most that is allocated for one page, which has up to 512 commits and about 1 MiB: its request to another
/// thread, and buffers for its text, its bytes and its rows, which are made as large as the page before lets expect.
const A_PAGE: usize = 40;

/// A file with one basket.
struct Shelf {
    runtime: Runtime,
    store: Arc<SqliteStore>,
    _directory: TempDir,
}

impl Shelf {
    fn with(codec: Codec, per_commit: usize, events: &[BasketEvent]) -> Self {
        // With one thread for what blocks, so that none is started while it is counted.
        let runtime = Builder::new_current_thread().max_blocking_threads(4).build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteStore::builder(directory.path().join("log.db"));
        let options = options.synchronous(Synchronous::Normal);
        let store = Arc::new(runtime.block_on(options.open()).unwrap());
        runtime.block_on(append(&*store, "b", codec, per_commit, events));
        Self { runtime, store, _directory: directory }
    }

    fn taken_by_load(&self, events: usize) -> Taken {
        let store: Arc<dyn EventStore> = self.store.clone();
        let baskets = Repository::<Basket>::new(store);
        taken(|| {
            let basket = self.runtime.block_on(baskets.load("b")).unwrap();
            assert_eq!(basket.events, events as u64);
        })
    }
}

fn taken_by_load(codec: Codec, per_commit: usize, events: &[BasketEvent]) -> Taken {
    Shelf::with(codec, per_commit, events).taken_by_load(events.len())
}

#[test]
fn a_load_takes_nothing_for_a_commit_or_an_event_but_what_decoding_it_does() {
    let _alone = alone();
    let events: Vec<_> = (0..1001).map(filled).collect();
    for codec in CODECS {
        let alone = taken_alone(codec, &events[1..]).times;
        assert!(alone >= 4 * 1000, "three strings and a list: {alone}");
        for (per_commit, pages) in [(1, 5), (10, 2)] {
            let one = taken_by_load(codec, per_commit, &events[..1]).times;
            let all = taken_by_load(codec, per_commit, &events).times;
            let more = (all - one).checked_sub(alone);
            let in_bounds = more.is_some_and(|more| more <= pages * A_PAGE);
            assert!(in_bounds, "{codec:?} in commits of {per_commit}: {one}, {all}, {alone} alone");
        }
    }
}

#[test]
fn a_load_takes_nothing_for_events_that_need_nothing() {
    let _alone = alone();
    let events: Vec<_> = (0..1001).map(weighed).collect();
    for codec in CODECS {
        for (per_commit, pages) in [(1, 5), (10, 2)] {
            let all = taken_by_load(codec, per_commit, &events).times;
            assert!(all <= (pages + 1) * A_PAGE, "{codec:?} in commits of {per_commit}: {all}");
        }
    }
}

#[test]
fn a_payload_is_copied_once_out_of_the_page_cache_of_sqlite() {
    let _alone = alone();
    for codec in CODECS {
        let of = |bytes| taken_by_load(codec, 1, &[described(bytes)]).bytes;
        // Both are too large for the small page with which a read begins.
        let (less, more) = (of(100_000), of(900_000));
        assert!(more - less >= 800_000, "{codec:?}: {less} bytes, {more} bytes");
        assert!(more - less <= 800_000 + 100, "{codec:?}: {less} bytes, {more} bytes");
    }
}

/// The buffer of a page doubles while commits come to it.
#[test]
fn the_payloads_of_a_page_take_less_than_twice_their_size() {
    let _alone = alone();
    for codec in CODECS {
        let of = |bytes| taken_by_load(codec, 1, &vec![described(bytes); 90]).bytes;
        let (small, large) = (of(100), of(10_100));
        let payloads = 90 * 10_000;
        assert!(large - small >= payloads, "{codec:?}: {small} bytes, {large} bytes");
        assert!(large - small <= 2 * payloads, "{codec:?}: {small} bytes, {large} bytes");
    }
}

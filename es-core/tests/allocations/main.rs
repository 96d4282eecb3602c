//! What a load from memory takes from the allocator. Compressed payloads are not meant: they are decompressed
//! into memory of their own.
#![allow(missing_docs)]

mod counting;
mod domain;

use std::sync::Arc;

use counting::{Taken, alone, taken};
use domain::{Basket, BasketEvent, append, described, filled, stream, taken_alone, weighed};
use es_core::memory::MemoryStore;
use es_core::{Codec, EventStore, Page, ReadStream, Repository};
use futures::TryStreamExt as _;
use tokio::runtime::{Builder, Runtime};

const CODECS: [Codec; 2] = [Codec::Json, Codec::Postcard];

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// What one load takes of a basket that has these events, in commits of so many.
fn taken_by_load(codec: Codec, per_commit: usize, events: &[BasketEvent]) -> Taken {
    let (runtime, store) = (runtime(), Arc::new(MemoryStore::new()));
    runtime.block_on(append(&*store, "b", codec, per_commit, events));
    let baskets = Repository::<Basket>::new(store);
    let load = || {
        let basket = runtime.block_on(baskets.load("b")).unwrap();
        assert_eq!(basket.events, events.len() as u64);
    };
    taken(load)
}

#[test]
fn a_load_takes_nothing_for_an_event_but_what_decoding_it_does() {
    let _alone = alone();
    let events: Vec<_> = (0..1001).map(filled).collect();
    for codec in CODECS {
        let alone = taken_alone(codec, &events[1..]);
        assert!(alone.times >= 4 * 1000, "three strings and a list: {alone:?}");
        for per_commit in [1, 10] {
            let one = taken_by_load(codec, per_commit, &events[..1]);
            let all = taken_by_load(codec, per_commit, &events);
            let more = Taken { times: all.times - one.times, bytes: all.bytes - one.bytes };
            assert_eq!(more, alone, "{codec:?} in commits of {per_commit}");
        }
    }
}

#[test]
fn a_load_takes_nothing_for_events_that_need_nothing() {
    let _alone = alone();
    let events: Vec<_> = (0..1001).map(weighed).collect();
    for codec in CODECS {
        for per_commit in [1, 10] {
            let one = taken_by_load(codec, per_commit, &events[..1]);
            assert_eq!(taken_by_load(codec, per_commit, &events), one, "{codec:?}, {per_commit}");
        }
    }
}

#[test]
fn a_load_takes_as_much_whatever_the_size_of_payloads() {
    let _alone = alone();
    for codec in CODECS {
        for per_commit in [1, 10] {
            let of = |bytes| taken_by_load(codec, per_commit, &vec![described(bytes); 100]);
            assert_eq!(of(10_000), of(10), "{codec:?} in commits of {per_commit}");
        }
    }
}

#[test]
fn each_read_hands_out_the_payloads_where_the_store_has_them() {
    let _alone = alone();
    let runtime = runtime();
    for codec in CODECS {
        let store = MemoryStore::new();
        let events: Vec<_> = (0..600).map(filled).collect();
        runtime.block_on(append(&store, "b", codec, 2, &events));
        let read = || {
            let pages = EventStore::read(&store, ReadStream::new(stream("b")));
            runtime.block_on(pages.try_collect::<Vec<_>>()).unwrap()
        };
        // Both are there at the same time, so that no copy can lie where another one lay.
        let (first, second) = (read(), read());
        assert_eq!(places(&first).len(), 300);
        assert_eq!(places(&first), places(&second), "{codec:?}");
    }
}

/// Where the payloads of all commits are.
fn places(pages: &[Page]) -> Vec<*const u8> {
    pages.iter().flat_map(|page| page.iter()).map(|it| it.events().payloads().as_ptr()).collect()
}

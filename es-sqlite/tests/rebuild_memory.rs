//! How much memory a rebuild takes. All that is allocated in this process counts, so it has one test.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::alloc::System;
use std::sync::Arc;

use cap::Cap;
use es_core::{BoxError, Codec, Compression, Consumers, Projection, Projector, Recorded};
use es_core::{CommitId, EncodedEvents, EncodedMetadata, EventStore as _, Expected, NewCommit};
use es_core::{Event, StreamId, SystemEntropy, Timestamp};
use es_sqlite::SqliteStore;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use support::Place;

#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

#[derive(Debug, Event)]
#[event(prefix = "Test")]
enum Note {
    Noted { text: String },
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Last {
    text: String,
    count: u64,
}

/// The last note of each stream.
#[derive(Debug)]
struct Lasts;

impl Projector for Lasts {
    const NAME: &'static str = "lasts";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["test"];
    type Event = Note;
    type View = Last;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Last>,
        event: &Recorded<'_, Note>,
    ) -> Result<(), BoxError> {
        let Note::Noted { text } = &event.event;
        let last = view.get_or_insert_default();
        last.text.clone_from(text);
        last.count += 1;
        Ok(())
    }
}

/// Two notes in each stream.
async fn append_notes(store: &SqliteStore, from: usize, to: usize) {
    let appends = (from..to).map(|n| {
        let stream = StreamId::new("test", &format!("s-{}", n / 2)).unwrap();
        let text = format!("{n:0200}");
        let note = [Note::Noted { text }];
        let events = EncodedEvents::encode(&note, Codec::Json, Compression::None, 0).unwrap();
        let (now, metadata) = (Timestamp::now(), EncodedMetadata::default());
        let id = CommitId::generate(now, &SystemEntropy);
        let commit = NewCommit::new(id, now, metadata, events);
        async move { store.append(&stream, Expected::Any, commit).await.unwrap() }
    });
    futures::stream::iter(appends).buffered(100).for_each(|_| std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_takes_no_more_memory_for_a_longer_log() {
    const ROOM: usize = 256 * 1024;
    let place = Place::new();
    let store = Arc::new(place.open().await);
    // The highest that there ever was is what the allocator tells, so the shorter log comes first.
    let mut most = Vec::new();
    for (from, to) in [(0, 2_000), (2_000, 20_000)] {
        append_notes(&store, from, to).await;
        let lasts = Projection::on(Lasts, store.clone()).unwrap().with_batch_size(100);
        let views = Consumers::new().with(Arc::new(lasts.with_rebuild_memory(ROOM)));
        let before = ALLOCATED.allocated();
        let done = views.rebuild(|_, _| {}).await.unwrap();
        assert_eq!(done[0].applied, to as u64);
        most.push(ALLOCATED.max_allocated() - before);
    }
    // Without a limit the documents of the longer log alone would take 4 MiB. What is written is in memory twice, and
    // pages are read ahead.
    assert!(most.iter().all(|most| *most < 8 * ROOM), "{most:?}");
    assert!(most[1] < 3 * most[0], "{most:?}");
    store.close().await.unwrap();
}

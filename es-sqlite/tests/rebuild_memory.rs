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

/// What the view may keep in memory: documents and progress of about two thousand streams.
const ROOM: usize = 1024 * 1024;

/// Builds the view again, and gives the most bytes that were ever allocated at once in this process.
async fn most_after_a_rebuild(store: &Arc<SqliteStore>, room: usize, events: u64) -> usize {
    let lasts = Projection::on(Lasts, store.clone()).unwrap().with_batch_size(100);
    let views = Consumers::new().with(Arc::new(lasts.with_rebuild_memory(room)));
    let done = views.rebuild(|_, _| {}).await.unwrap();
    assert_eq!(done[0].applied, events);
    ALLOCATED.max_allocated()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_takes_no_more_memory_for_a_longer_log() {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    // Both logs have more documents than fit into the room: 4,000 and 20,000.
    append_notes(&store, 0, 8_000).await;
    let (before, highest) = (ALLOCATED.allocated(), ALLOCATED.max_allocated());
    let shorter = most_after_a_rebuild(&store, ROOM, 8_000).await;
    assert!(
        shorter > highest,
        "filling the log has taken more, which hides what the rebuild takes"
    );
    // What is in the room, once more as it is written, and the pages that are read ahead: six of some 100 KiB.
    assert!(shorter - before < 3 * ROOM, "{} bytes", shorter - before);

    append_notes(&store, 8_000, 40_000).await;
    let longer = most_after_a_rebuild(&store, ROOM, 40_000).await;
    assert!(longer < shorter + ROOM, "{} bytes more", longer - shorter);

    // It is the room that keeps it small: with more of it the documents of the longer log are all in memory.
    let unlimited = most_after_a_rebuild(&store, usize::MAX, 40_000).await;
    assert!(unlimited > longer + 4 * ROOM, "{} bytes more", unlimited - longer);
    store.close().await.unwrap();
}

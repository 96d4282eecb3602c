//! Projections in operation on the file, with threads and handles that are really at it at the same
//! time. What must hold in each single case is tested in es-core.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use es_core::{
    BoxError, DeadLetterFilter, Error, Event, Projection, Projector, Recorded, View, ViewQuery,
    Workers,
};
use es_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use support::{Place, append, stream};

#[derive(Debug, Event)]
#[event(prefix = "Test")]
enum Note {
    Noted { text: String },
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Notes {
    count: u64,
    last: String,
}

/// Counts notes, and cannot read those that say "poison" until there is an antidote.
#[derive(Debug, Clone, Default)]
struct NoteBook {
    antidote: Arc<AtomicBool>,
}

impl Projector for NoteBook {
    const NAME: &'static str = "notes";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["test"];
    const INDEXED_FIELDS: &'static [&'static str] = &["last"];
    type Event = Note;
    type View = Notes;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Notes>,
        event: &Recorded<'_, Note>,
    ) -> Result<(), BoxError> {
        let Note::Noted { text } = &event.event;
        if text == "poison" && !self.antidote.load(Ordering::SeqCst) {
            return Err("it is poison".into());
        }
        let notes = view.get_or_insert_default();
        notes.count += 1;
        notes.last.clone_from(text);
        Ok(())
    }
}

fn projection(store: &Arc<SqliteStore>, projector: NoteBook) -> Projection<NoteBook> {
    Projection::on(projector, store.clone()).unwrap().with_batch_size(20)
}

async fn counts(view: &View<Notes>) -> BTreeMap<String, u64> {
    let notes = view.list(&ViewQuery::default().limit(1_000)).await.unwrap();
    notes.into_iter().map(|(key, notes)| (key, notes.count)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rebuilds_beside_writers_workers_and_readers_never_show_less_than_before() {
    const STREAMS: u64 = 7;
    const WRITERS: u64 = 3;
    const EACH: u64 = 60;
    let place = Place::new();
    let store = Arc::new(place.open().await);
    // As another process would have it: readers, connections and prepared statements of its own.
    let other = Arc::new(place.open().await);
    for n in 0..300 {
        append(&store, &stream(&(n % STREAMS).to_string()), &["before"]).await;
    }
    let live = Arc::new(projection(&store, NoteBook::default()));
    live.catch_up().await.unwrap();
    let mut workers = Workers::new();
    workers.start(Arc::clone(&live));
    workers.start(Arc::new(projection(&other, NoteBook::default())));

    let done = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicU64::new(0));
    let readers = [&store, &other].map(|store| {
        let view = projection(store, NoteBook::default()).view();
        let (done, looks) = (Arc::clone(&done), Arc::clone(&looks));
        tokio::spawn(async move {
            let mut before = BTreeMap::new();
            while !done.load(Ordering::SeqCst) {
                let now = counts(&view).await;
                for (key, count) in &before {
                    assert!(now.get(key) >= Some(count), "{key}: {:?} after {count}", now.get(key));
                }
                let last = ViewQuery::default().equals("last", "before");
                assert!(view.list(&last).await.is_ok(), "the index is there at all times");
                before = now;
                looks.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(if writer == 0 { &other } else { &store });
        tokio::spawn(async move {
            for n in 0..EACH {
                let stream = stream(&((n + writer) % STREAMS).to_string());
                append(&store, &stream, &["beside"]).await;
            }
        })
    });
    let rebuilds = [&store, &other].map(|store| {
        let rebuilt = projection(store, NoteBook::default());
        tokio::spawn(async move {
            let mut succeeded = 0;
            for _ in 0..3 {
                match rebuilt.rebuild(|_| {}).await {
                    Ok(_) => succeeded += 1,
                    // The other one began later, and goes on. Beginning anew would fence it in turn, without end.
                    Err(Error::Fenced { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
                tokio::task::yield_now().await;
            }
            succeeded
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let mut succeeded = 0;
    for rebuild in rebuilds {
        succeeded += rebuild.await.unwrap();
    }
    assert!(succeeded > 0, "the one that began last");
    live.catch_up().await.unwrap();
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    workers.shutdown().await.unwrap();
    assert!(looks.load(Ordering::SeqCst) > 0);
    let total: u64 = counts(&live.view()).await.values().sum();
    assert_eq!(total, 300 + WRITERS * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_incident_with_a_poison_event_loses_nothing_and_keeps_the_order() {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    let book = NoteBook::default();
    let live = Arc::new(projection(&store, book.clone()));
    let mut workers = Workers::new();
    workers.start(Arc::clone(&live));
    for n in 0..100 {
        let id = (n % 5).to_string();
        let text = if n == 42 { "poison".to_owned() } else { n.to_string() };
        append(&store, &stream(&id), &[&text]).await;
    }
    // Of stream 2 the first 8 are shown; 42 is its ninth.
    let minute = Duration::from_secs(60);
    for id in ["0", "1", "3", "4"] {
        live.wait_for_version(&stream(id), 20.into(), minute).await.unwrap();
    }
    let parked = live.wait_for_version(&stream("2"), 20.into(), minute).await;
    assert!(matches!(parked, Err(Error::Parked { .. })), "{parked:?}");
    while live.health().await.unwrap().dead_letters < 12 {
        tokio::task::yield_now().await;
    }
    let health = live.health().await.unwrap();
    assert_eq!((health.parked_streams, health.lag_commits), (1, Some(0)));
    assert_eq!(counts(&live.view()).await["2"], 8);

    // What is stored outlives the program.
    workers.shutdown().await.unwrap();
    drop(live);
    Arc::into_inner(store).unwrap().close().await.unwrap();
    let store = Arc::new(place.open().await);
    let live = Arc::new(projection(&store, book.clone()));
    let mut workers = Workers::new();
    workers.start(Arc::clone(&live));
    book.antidote.store(true, Ordering::SeqCst);
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for n in 100..150 {
                append(&store, &stream("2"), &[&n.to_string()]).await;
            }
        }
    });
    loop {
        live.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
        if writer.is_finished() && live.health().await.unwrap().is_well() {
            break;
        }
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    live.wait_for_version(&stream("2"), 70.into(), minute).await.unwrap();
    let two = live.view().get("2").await.unwrap().unwrap();
    assert_eq!(two, Notes { count: 70, last: "149".to_owned() });
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_rebuild_that_fits_in_memory_is_one_write_however_long_the_log_is() {
    let place = Place::new();
    let store = Arc::new(place.open().await);
    for n in 0..1_000 {
        append(&store, &stream(&(n % 100).to_string()), &[&n.to_string()]).await;
    }
    let writes = async |memory: usize| {
        let projection = projection(&store, NoteBook::default()).with_batch_size(50);
        let before = store.writer_stats().jobs;
        projection.with_rebuild_memory(memory).rebuild(|_| {}).await.unwrap();
        store.writer_stats().jobs - before
    };
    // The first makes the table, and the others find none: it has taken the place of the live one.
    for _ in 0..2 {
        // The place is cleared and made, the rebuild signs in, writes, and puts the view in place.
        assert_eq!(writes(1024 * 1024).await, 5);
    }
    // Without room each page of 50 commits is written.
    assert_eq!(writes(0).await, 5 - 1 + 20);
    let counts = counts(&projection(&store, NoteBook::default()).view()).await;
    assert!(counts.len() == 100 && counts.values().all(|count| *count == 10), "{counts:?}");
}

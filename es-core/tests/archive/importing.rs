use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use es_core::archive::{ArchiveError, Import, Report};
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::{
    Appended, Clock as _, Error, EventStore, Expected, Limits, NewCommit, Page, ReadStream, Result,
    StreamId, Timestamp, Version,
};
use futures::stream::BoxStream;

use crate::logs::{append, export, filled, import, in_order, note, stream, streams};

/// Three commits of one stream.
async fn three_notes() -> MemoryStore {
    let store = MemoryStore::new();
    for n in 1..=3 {
        append(&store, &stream("s"), note(n, &format!("text {n}"))).await;
    }
    store
}

async fn assert_occupied(new: &MemoryStore, line: u64, version: u64) {
    let (file, _) = export(&three_notes().await).await;
    let before = streams(new).await;
    let refused = import(&file, new).await.unwrap_err();
    let ArchiveError::Occupied { line: at, stream: of, version: place, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!((*at, of, *place), (line, &stream("s"), Version::new(version)), "{refused}");
    assert!(!refused.is_transient());
    assert_eq!(streams(new).await, before, "nothing is overwritten or appended");
}

#[tokio::test]
async fn another_commit_in_the_place_is_left_as_it_is() {
    let new = MemoryStore::new();
    append(&new, &stream("s"), note(1, "text 1")).await;
    append(&new, &stream("s"), note(9, "text 2")).await;
    assert_occupied(&new, 3, 2).await;
}

#[tokio::test]
async fn the_same_id_with_other_events_is_another_commit() {
    let new = MemoryStore::new();
    append(&new, &stream("s"), note(1, "another text")).await;
    assert_occupied(&new, 2, 1).await;
}

#[tokio::test]
async fn the_same_id_at_another_place_is_another_commit() {
    let new = MemoryStore::new();
    append(&new, &stream("s"), note(2, "text 2")).await;
    assert_occupied(&new, 2, 1).await;
    append(&new, &stream("s"), note(1, "text 1")).await;
    assert_occupied(&new, 2, 1).await;
}

#[tokio::test]
async fn the_same_events_at_another_time_are_another_commit() {
    let new = MemoryStore::new();
    let recorded_at = Timestamp::from_microsecond(7).unwrap();
    append(&new, &stream("s"), NewCommit { recorded_at, ..note(1, "text 1") }).await;
    assert_occupied(&new, 2, 1).await;
}

#[tokio::test]
async fn what_the_store_has_beyond_the_archive_stays() {
    let new = three_notes().await;
    append(&new, &stream("s"), note(4, "later")).await;
    append(&new, &stream("t"), note(5, "elsewhere")).await;
    let before = streams(&new).await;
    let (file, _) = export(&three_notes().await).await;
    let report = import(&file, &new).await.unwrap();
    assert_eq!((report.commits, report.skipped), (3, 3));
    assert_eq!(streams(&new).await, before);
}

#[tokio::test]
async fn what_the_store_does_not_take_is_its_own_error() {
    let (file, _) = export(&three_notes().await).await;
    let new = MemoryStore::with_limits(Limits { max_events: 10, max_bytes: 5 });
    let refused = import(&file, &new).await.unwrap_err();
    let ArchiveError::Append { line: 2, source: Error::LimitExceeded { limit: 5, .. }, .. } =
        refused
    else {
        panic!("{refused}")
    };
}

#[tokio::test]
async fn one_after_the_other_keeps_the_order_of_the_archive() {
    let old = filled(40).await;
    let (file, _) = export(&old).await;
    let new = MemoryStore::new();
    Import::new(Arc::new(new.clone())).with_concurrency(1).read_from(&file[..]).await.unwrap();
    assert_eq!(in_order(&new).await, in_order(&old).await);
}

/// A log whose appends take a few turns, and which counts how many are on their way.
#[derive(Debug, Default)]
struct Busy {
    inner: MemoryStore,
    appending: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl EventStore for Busy {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let now = self.appending.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.appending.fetch_sub(1, Ordering::SeqCst);
        self.inner.append(stream, expected, commit).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        self.inner.read(query)
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }
}

#[tokio::test]
async fn streams_are_written_side_by_side_up_to_the_concurrency() {
    // One stream after the other, as a store that is scanned delivers them.
    let old = MemoryStore::new();
    for n in 0..60 {
        append(&old, &stream(&(n / 10).to_string()), note(n, "text")).await;
    }
    let (file, _) = export(&old).await;
    for concurrency in [1, 2, 4] {
        let busy = Arc::new(Busy::default());
        let import = Import::new(busy.clone()).with_concurrency(concurrency);
        import.read_from(&file[..]).await.unwrap();
        assert_eq!(busy.most.load(Ordering::SeqCst), concurrency);
        assert_eq!(streams(&busy.inner).await, streams(&old).await);
    }
}

/// A log on which every append takes a second.
#[derive(Debug)]
struct Slow(MemoryStore, Arc<VirtualClock>);

#[async_trait]
impl EventStore for Slow {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.1.sleep(Duration::from_secs(1)).await;
        self.0.append(stream, expected, commit).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        self.0.read(query)
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }
}

#[tokio::test]
async fn an_import_tells_how_far_it_is() {
    let (file, exported) = export(&filled(10).await).await;
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let new = Slow(MemoryStore::new(), clock.clone());
    let import = Import::new(Arc::new(new)).with_clock(clock).with_concurrency(1);
    let mut reports: Vec<Report> = Vec::new();
    let total = import.read_from_with(&file[..], |report| reports.push(report)).await.unwrap();

    assert_eq!(reports.len(), 11, "after each commit and at the end");
    for (n, report) in (1..).zip(&reports[..10]) {
        assert_eq!((report.commits, report.events), (n, n));
        assert_eq!(report.elapsed, Duration::from_secs(n));
        assert_eq!(report.rate(), Some(1.0));
    }
    assert!(reports.windows(2).all(|two| two[0].bytes <= two[1].bytes));
    assert_eq!(reports.last(), Some(&total));
    assert_eq!((total.bytes, total.digest), (file.len() as u64, exported.digest));
}

#[tokio::test]
async fn an_import_can_run_as_a_task_of_its_own() {
    let (file, _) = export(&filled(10).await).await;
    let new = MemoryStore::new();
    let import = Import::new(Arc::new(new.clone()));
    let task = tokio::spawn(async move { import.read_from(&file[..]).await });
    assert_eq!(task.await.unwrap().unwrap().commits, 10);
}

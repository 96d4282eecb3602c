//! Where reads are done, and when.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use es_core::{
    Clock, Codec, Commit, EncodedEvents, EncodedMetadata, EventStore as _, Expected, NewCommit,
    ReadStream, SnapshotStore, StoredSnapshot, Timestamp,
};
use es_sqlite::{ReaderStats, SqliteStore};
use futures::StreamExt as _;
use support::{Place, append, commit, read, read_all, stream};

/// A clock on which reads take no time, or long.
#[derive(Debug, Default)]
struct DiskClock {
    is_slow: AtomicBool,
    seconds: AtomicU64,
}

#[async_trait::async_trait]
impl Clock for DiskClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        let more = u64::from(self.is_slow.load(Ordering::Relaxed));
        Duration::from_secs(self.seconds.fetch_add(more, Ordering::Relaxed))
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// Reads handed over and done by callers, since those stats.
fn since(store: &SqliteStore, before: ReaderStats) -> (u64, u64) {
    let now = store.reader_stats();
    (now.handed_over - before.handed_over, now.by_callers - before.by_callers)
}

async fn read_times(store: &SqliteStore, times: usize) {
    for _ in 0..times {
        assert_eq!(read_all(store, &stream("a")).await.len(), 1);
    }
}

#[tokio::test]
async fn callers_read_themselves_while_reads_are_fast() {
    let place = Place::new();
    let clock = Arc::new(DiskClock::default());
    let store = SqliteStore::builder(place.db()).clock(clock.clone()).open().await.unwrap();
    append(&store, &stream("a"), &["x"]).await;

    let before = store.reader_stats();
    read_times(&store, 40).await;
    assert_eq!(since(&store, before), (16, 24), "sixteen fast reads prove it");

    clock.is_slow.store(true, Ordering::Relaxed);
    let before = store.reader_stats();
    read_times(&store, 40).await;
    assert_eq!(since(&store, before), (39, 1), "the first slow one is the last");

    clock.is_slow.store(false, Ordering::Relaxed);
    let before = store.reader_stats();
    read_times(&store, 40).await;
    assert_eq!(since(&store, before), (32, 8), "the second proof takes twice as long");
}

#[tokio::test]
async fn a_caller_that_only_reads_lets_others_have_the_thread() {
    let place = Place::new();
    let clock = Arc::new(DiskClock::default());
    let store = SqliteStore::builder(place.db()).clock(clock).open().await.unwrap();
    append(&store, &stream("a"), &["x"]).await;
    read_times(&store, 16).await;

    // This runtime has one thread. The other task is ready, and has its turn when the reader gives the thread up.
    let others_turn = Arc::new(AtomicBool::new(false));
    let turn = Arc::clone(&others_turn);
    let other = tokio::spawn(async move { turn.store(true, Ordering::Relaxed) });
    let before = store.reader_stats();
    let mut reads = 0;
    while !others_turn.load(Ordering::Relaxed) {
        read_times(&store, 1).await;
        reads += 1;
        assert!(reads < 100, "a hundred reads without a break");
    }
    assert_eq!(since(&store, before), (0, reads), "all of them were done here");
    other.await.unwrap();
}

#[tokio::test]
async fn small_snapshots_are_read_by_callers_and_large_ones_are_handed_over() {
    let place = Place::new();
    let clock = Arc::new(DiskClock::default());
    let store = SqliteStore::builder(place.db()).clock(clock).open().await.unwrap();
    let head = append(&store, &stream("a"), &["x"]).await.head();
    read_times(&store, 16).await;

    for (size, by_caller) in [(10, 1), (32 * 1024, 1), (32 * 1024 + 1, 0)] {
        let snapshot = StoredSnapshot {
            stream: stream(&format!("s-{size}")),
            head,
            schema_version: 1,
            codec: Codec::Json,
            state: format!("{:?}", "d".repeat(size - 2)).into(),
        };
        store.save(snapshot.clone()).await.unwrap();
        let before = store.reader_stats();
        let found = SnapshotStore::load(&store, &snapshot.stream).await.unwrap();
        assert_eq!(found, Some(snapshot));
        assert_eq!(since(&store, before), (1 - by_caller, by_caller), "{size}");
    }
    let before = store.reader_stats();
    assert_eq!(SnapshotStore::load(&store, &stream("none")).await.unwrap(), None);
    assert_eq!(since(&store, before), (0, 1), "what is not there is small");
}

/// Commits of one event each.
async fn filled(store: &SqliteStore, commits: usize) -> Vec<Commit> {
    let mut all = Vec::new();
    for n in 0..commits {
        all.push(append(store, &stream("a"), &[&n.to_string()]).await);
    }
    all
}

#[tokio::test]
async fn pages_are_read_ahead_from_the_second_on() {
    let place = Place::new();
    let store = place.open().await;
    let commits = filled(&store, 500).await;
    let before = store.reader_stats();
    let query = ReadStream::new(stream("a")).page_size(100);
    let (found, error) = read(&store, query).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found, commits);
    let after = store.reader_stats();
    // 64, 100, and 100, 100, 100 and 36 ahead.
    assert_eq!(after.handed_over - before.handed_over, 6);
    assert_eq!(after.ahead - before.ahead, 4);
}

#[tokio::test]
async fn one_reader_reads_nothing_ahead() {
    let place = Place::new();
    let store = SqliteStore::builder(place.db()).max_readers(1).open().await.unwrap();
    let commits = filled(&store, 300).await;
    let query = ReadStream::new(stream("a")).page_size(50);
    let (found, error) = read(&store, query).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found, commits);
    assert_eq!(store.reader_stats().ahead, 0);
}

#[tokio::test]
async fn a_read_dropped_half_way_frees_its_connections() {
    let place = Place::new();
    let store = SqliteStore::builder(place.db()).max_readers(2).open().await.unwrap();
    let commits = filled(&store, 300).await;
    let mut pages = store.read(ReadStream::new(stream("a")).page_size(50));
    for _ in 0..2 {
        pages.next().await.unwrap().unwrap();
    }
    assert_eq!(store.reader_stats().ahead, 1, "the third page is under way");
    drop(pages);
    let target = stream("a");
    let both = futures::future::join(
        read_all(&store, &target),
        store.find(commits[7].stream(), commits[7].id()),
    );
    let (all, found) = both.await;
    assert_eq!(all, commits);
    assert_eq!(found.unwrap().as_ref(), Some(&commits[7]));
    // Closing waits for all connections.
    store.close().await.unwrap();
}

#[tokio::test]
async fn commits_that_are_too_large_for_a_small_page_are_read_all_the_same() {
    let large = "x".repeat(100_000);
    let of = |text: &str| commit(&[text, text]);
    let with_much_metadata = || {
        let metadata = EncodedMetadata::from_stored(format!("{{\"x\":{large:?}}}").into());
        NewCommit { metadata, ..of("a") }
    };
    // A line for each event is more than their payloads.
    let with_a_long_manifest = || commit(&["a"; 2_300]);
    let is_small = |events: &EncodedEvents| events.payloads().len() < 32 * 1024;
    assert!(is_small(&with_a_long_manifest().events));
    assert!(with_a_long_manifest().events.manifest().len() > 32 * 1024);

    for large in [&|| of(&large), &with_much_metadata, &with_a_long_manifest] as [&dyn Fn() -> _; 3]
    {
        let place = Place::new();
        let store = place.open().await;
        let commits = [of("a"), of("b"), large(), of("c"), large(), large(), of("d")];
        are_read_from_everywhere(&store, commits).await;
    }
}

async fn are_read_from_everywhere(store: &SqliteStore, appended: [NewCommit; 7]) {
    let mut commits = Vec::new();
    for commit in appended {
        let appended = store.append(&stream("a"), Expected::Any, commit).await.unwrap();
        commits.push(appended.commit);
    }
    for (begin, first) in commits.iter().enumerate() {
        for from in [first.first_version(), first.last_version()] {
            for page_size in [1, 2, 3, 100] {
                let query = ReadStream::new(stream("a")).from(from).page_size(page_size);
                let (found, error) = read(store, query).await;
                assert!(error.is_none(), "{error:?}");
                assert_eq!(found, commits[begin..], "from {from}, pages of {page_size}");
            }
        }
    }
    let behind = commits.last().unwrap().last_version().next();
    let (found, error) = read(store, ReadStream::new(stream("a")).from(behind)).await;
    assert!(error.is_none() && found.is_empty(), "{error:?}");
}

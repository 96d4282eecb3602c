//! Whatever is stored as a snapshot: the state is the fold of the log.

use std::sync::Arc;

use bytes::Bytes;
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultySnapshotStore};
use es_core::{
    EventStore, Expected, Head, Repository, SnapshotPolicy, SnapshotStore, StoredSnapshot, Version,
};

use crate::ledger::{Ledger, enter, entered, folded, foreign, ledgers, stream};
use crate::remote::Remote;

fn with_snapshots(
    log: &Arc<MemoryStore>,
    seed: u64,
    snapshots: Arc<dyn SnapshotStore>,
) -> Repository<Ledger> {
    ledgers(log.clone(), seed).with_snapshots(snapshots, SnapshotPolicy::Every(2))
}

/// A log of some commits, and the snapshot that its writers left.
async fn history(numbers: std::ops::RangeInclusive<u64>) -> (Arc<MemoryStore>, StoredSnapshot) {
    let store = Arc::new(MemoryStore::new());
    let ledgers = with_snapshots(&store, 1, store.clone());
    for number in numbers {
        ledgers.execute("a", enter(number)).await.unwrap();
    }
    let snapshot = SnapshotStore::load(&*store, &stream("a")).await.unwrap().unwrap();
    (store, snapshot)
}

/// With this snapshot, the log's state is loaded, and goes on from there. Logs that are far away are
/// loaded in another way, with the same outcome.
async fn assert_folded(log: &Arc<MemoryStore>, snapshot: StoredSnapshot) {
    let far: Arc<dyn EventStore> = Arc::new(Remote::new(log.clone()));
    let snapshots = Arc::new(MemoryStore::new());
    snapshots.save(snapshot.clone()).await.unwrap();
    let ledgers = ledgers(far, 99).with_snapshots(snapshots, SnapshotPolicy::Never);
    assert_eq!(ledgers.load("a").await.unwrap().lines, folded(&**log, "a").await, "{snapshot:?}");
    assert_folded_nearby(log, snapshot).await;
}

async fn assert_folded_nearby(log: &Arc<MemoryStore>, snapshot: StoredSnapshot) {
    let snapshots = Arc::new(MemoryStore::new());
    snapshots.save(snapshot.clone()).await.unwrap();
    let next = 1 + entered(&**log, "a").await.len() as u64;
    let ledgers = with_snapshots(log, 100 + next, snapshots);
    let loaded = ledgers.load("a").await.unwrap();
    assert_eq!(loaded.lines, folded(&**log, "a").await, "{snapshot:?}");
    assert_eq!(loaded.version().get(), loaded.lines.len() as u64);
    for number in next..next + 3 {
        ledgers.execute("a", enter(number)).await.unwrap();
        assert_eq!(ledgers.load("a").await.unwrap().lines, folded(&**log, "a").await);
    }
}

#[tokio::test]
async fn a_log_that_lost_its_tail_is_not_made_up_for_by_a_snapshot() {
    let (_, ahead) = history(1..=9).await;
    for kept in [0, 1, 4] {
        // The same clock and the same random bits: the commits that were kept are those that were lost.
        let restored = Arc::new(MemoryStore::new());
        let ledgers = ledgers(restored.clone(), 1);
        for number in 1..=kept {
            ledgers.execute("a", enter(number)).await.unwrap();
        }
        assert_folded(&restored, ahead.clone()).await;
    }
}

#[tokio::test]
async fn a_snapshot_of_another_history_of_the_same_length_is_ignored() {
    let (_, other) = history(1..=9).await;
    let log = Arc::new(MemoryStore::new());
    for number in 1..=9 {
        let lines = enter(number).lines;
        log.append(&stream("a"), Expected::Any, foreign(number, lines)).await.unwrap();
    }
    assert_folded(&log, other).await;
}

#[tokio::test]
async fn a_stale_snapshot_is_where_the_state_begins_not_where_it_ends() {
    let (log, stale) = history(1..=4).await;
    let without = ledgers(log.clone(), 2);
    for number in 5..=30 {
        without.execute("a", enter(number)).await.unwrap();
    }
    assert_folded(&log, stale).await;
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_ignored_and_replaced() {
    for schema_version in [0, 1, 3, u32::MAX] {
        let (log, snapshot) = history(1..=6).await;
        let state = Bytes::from_static(br#"{"lines":[666]}"#);
        assert_folded(&log, StoredSnapshot { schema_version, state, ..snapshot }).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_is_not_the_end_of_a_commit_is_ignored() {
    let (log, snapshot) = history(1..=6).await;
    let (first, last) = (snapshot.head.commit_start(), snapshot.head.version());
    assert!(first < last, "the last commit has several lines");
    for (first, last) in [
        (first, first),
        (first, last.next()),
        (last, last),
        (Version::ZERO, Version::ZERO),
        (Version::FIRST, last),
        (Version::new(u64::MAX), Version::new(u64::MAX)),
    ] {
        let head = Head::from_stored(snapshot.head.commit_id(), first, last);
        let state = Bytes::from_static(br#"{"lines":[666]}"#);
        assert_folded(&log, StoredSnapshot { head, state, ..snapshot.clone() }).await;
    }
}

#[tokio::test]
async fn a_snapshot_whose_bytes_are_no_state_is_ignored() {
    let (log, snapshot) = history(1..=6).await;
    let whole = snapshot.state.clone();
    for end in 0..whole.len() {
        assert_folded(&log, StoredSnapshot { state: whole.slice(..end), ..snapshot.clone() }).await;
    }
    for state in [&b"\xff\xfe"[..], b"null", b"{\"lines\":[-1]}", b"{\"lines\":[1]} x"] {
        let state = Bytes::from_static(state);
        assert_folded(&log, StoredSnapshot { state, ..snapshot.clone() }).await;
    }
    assert_folded(&log, StoredSnapshot { codec: es_core::Codec::Postcard, ..snapshot }).await;
}

#[tokio::test]
async fn a_snapshot_of_another_stream_is_ignored() {
    #[derive(Debug)]
    struct Mixed(StoredSnapshot);

    #[async_trait::async_trait]
    impl SnapshotStore for Mixed {
        async fn load(&self, _: &es_core::StreamId) -> es_core::Result<Option<StoredSnapshot>> {
            Ok(Some(self.0.clone()))
        }
        async fn save(&self, _: StoredSnapshot) -> es_core::Result<()> {
            Ok(())
        }
        async fn delete(&self, _: &es_core::StreamId) -> es_core::Result<()> {
            Ok(())
        }
    }

    let (log, snapshot) = history(1..=6).await;
    let other = StoredSnapshot {
        stream: stream("b"),
        state: Bytes::from_static(br#"{"lines":[666]}"#),
        ..snapshot
    };
    let ledgers = with_snapshots(&log, 3, Arc::new(Mixed(other)));
    assert_eq!(ledgers.load("a").await.unwrap().lines, folded(&*log, "a").await);
}

#[tokio::test]
async fn no_fault_of_the_snapshot_store_fails_a_command_or_changes_a_state() {
    let mut damaged = 0;
    for seed in 0..100 {
        let faults = Faults::seeded(seed)
            .with_rates(Fault::TRANSIENT, 0.15)
            .with_rate(Fault::CorruptBytes, 0.2);
        let store = Arc::new(MemoryStore::new());
        let snapshots = FaultySnapshotStore::new(store.clone(), faults.clone());
        let ledgers = with_snapshots(&store, seed, Arc::new(snapshots));
        for number in 1..=25 {
            ledgers.execute("a", enter(number)).await.unwrap();
            assert_eq!(ledgers.load("a").await.unwrap().lines, folded(&*store, "a").await);
        }
        assert_eq!(entered(&*store, "a").await, (1..=25).collect::<Vec<_>>());
        assert!(faults.calls(Call::SaveSnapshot) > 0);
        damaged += faults.injected(Fault::CorruptBytes);
    }
    assert!(damaged > 0);
}

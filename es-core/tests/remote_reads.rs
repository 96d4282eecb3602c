//! Loading from a log that is far away: what is likely to be needed is asked for at the same time.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore, FaultySnapshotStore};
use es_core::{
    EventStore, Repository, SnapshotPolicy, SnapshotStore, StoredSnapshot, StreamId, Version,
};
use futures::FutureExt as _;
use support::{Account, AccountCommand, Remote};

/// As many commits as are read beside the snapshot.
const TAIL: u64 = 25;

struct Scene {
    store: MemoryStore,
    log: Arc<Remote>,
    faults: Faults,
    accounts: Repository<Account>,
}

/// A log far away, with its snapshots, and faults between.
fn scene(policy: SnapshotPolicy, faults: Faults) -> Scene {
    let store = MemoryStore::new();
    let log = FaultyEventStore::new(Arc::new(store.clone()), faults.clone());
    let log = Arc::new(Remote::new(Arc::new(log)));
    let snapshots = Arc::new(FaultySnapshotStore::new(Arc::new(store.clone()), faults.clone()));
    let accounts = Repository::new(log.clone()).with_snapshots(snapshots, policy);
    Scene { store, log, faults, accounts }
}

fn stream() -> StreamId {
    StreamId::new("account", "a").unwrap()
}

/// Credits 1 so many times, without snapshots.
async fn credit(store: &MemoryStore, times: u64) {
    let accounts = Repository::<Account>::new(Arc::new(store.clone()));
    for _ in 0..times {
        accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    }
}

/// Credits 1 until there are so many commits, and takes a snapshot at one of them.
async fn history(store: &MemoryStore, commits: u64, snapshot_at: u64) {
    credit(store, snapshot_at - 1).await;
    let accounts = Repository::<Account>::new(Arc::new(store.clone()))
        .with_snapshots(Arc::new(store.clone()), SnapshotPolicy::Every(1));
    accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    credit(store, commits - snapshot_at).await;
}

#[tokio::test]
async fn the_snapshot_and_the_tail_are_asked_for_at_the_same_time() {
    let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
    let delayed = Faults::none().with_clock(clock.clone()).with_delay(Duration::from_secs(1));
    delayed.at(Call::LoadSnapshot, 1, Fault::Delay);
    delayed.at(Call::ReadStream, 1, Fault::Delay);
    let Scene { store, faults, accounts, .. } = scene(SnapshotPolicy::Never, delayed);
    history(&store, 10, 5).await;
    let mut load = Box::pin(accounts.load("a"));
    assert!((&mut load).now_or_never().is_none(), "both are under way");
    assert_eq!((faults.calls(Call::LoadSnapshot), faults.calls(Call::ReadStream)), (1, 1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(load.await.unwrap().balance, 10);
    assert_eq!(faults.calls(Call::ReadStream), 1, "nothing lies between");
}

#[tokio::test]
async fn only_what_lies_between_is_read_afterwards() {
    for (commits, snapshot_at) in [(25, 1), (26, 2), (26, 1), (60, 36), (60, 35), (90, 3), (90, 90)]
    {
        let Scene { store, log, faults, accounts } = scene(SnapshotPolicy::Never, Faults::none());
        history(&store, commits, snapshot_at).await;
        let loaded = accounts.load("a").await.unwrap();
        assert_eq!((loaded.balance, loaded.version()), (commits, Version::new(commits)));
        // From the commit that confirms the snapshot on.
        let between = (commits - TAIL + 1).saturating_sub(snapshot_at);
        assert_eq!(log.handed_out() as u64, TAIL + between, "{commits} {snapshot_at}");
        assert_eq!(faults.calls(Call::ReadStream), 1 + u64::from(between > 0));
    }
}

#[tokio::test]
async fn without_a_snapshot_what_was_read_is_not_read_again() {
    for commits in [0, 1, 24, 25, 26, 100] {
        let Scene { store, log, accounts, .. } = scene(SnapshotPolicy::Never, Faults::none());
        credit(&store, commits).await;
        assert_eq!(accounts.load("a").await.unwrap().balance, commits);
        assert_eq!(log.handed_out() as u64, commits);
    }
}

#[tokio::test]
async fn a_snapshot_that_the_log_does_not_confirm_is_ignored() {
    for (commits, at) in [(10, 3), (60, 3), (60, 50), (60, 60)] {
        let store = MemoryStore::new();
        history(&store, commits, at).await;
        let snapshot = SnapshotStore::load(&store, &stream()).await.unwrap().unwrap();
        let of_another_log =
            StoredSnapshot { state: Bytes::from_static(br#"{"balance":666}"#), ..snapshot };
        for there in [0, 2, commits, commits + 30] {
            let Scene { store, accounts, .. } = scene(SnapshotPolicy::Never, Faults::none());
            credit(&store, there).await;
            store.save(of_another_log.clone()).await.unwrap();
            assert_eq!(accounts.load("a").await.unwrap().balance, there, "{commits} {at} {there}");
        }
    }
}

#[tokio::test]
async fn past_states_are_as_they_were() {
    let Scene { store, accounts, .. } = scene(SnapshotPolicy::Never, Faults::none());
    history(&store, 60, 40).await;
    for version in [1, 39, 40, 41, 60] {
        let loaded = accounts.load_at("a", Version::new(version)).await.unwrap();
        assert_eq!(loaded.balance, version);
    }
    let time = "9999-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(accounts.load_as_of("a", time).await.unwrap().balance, 60);
}

#[tokio::test]
async fn commands_go_on_from_what_was_loaded() {
    let Scene { store, accounts, .. } = scene(SnapshotPolicy::Every(7), Faults::none());
    for balance in 1..=80 {
        accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
        assert_eq!(accounts.load("a").await.unwrap().balance, balance);
    }
    let head = EventStore::head(&store, &stream()).await.unwrap().unwrap();
    assert_eq!(head.version(), Version::new(80));
}

#[tokio::test]
async fn a_tail_that_cannot_be_read_fails_the_load() {
    let Scene { store, faults, accounts, .. } = scene(SnapshotPolicy::Never, Faults::none());
    history(&store, 10, 5).await;
    faults.at(Call::ReadStream, 1, Fault::Throttling);
    assert!(accounts.load("a").await.unwrap_err().is_transient());
    faults.stop();
    assert_eq!(accounts.load("a").await.unwrap().balance, 10);
}

//! The repository: what it promises to callers, on a store with faults.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Backoff, Clock, Codec, CommitId, Compression, EncodedEvents, Error, EventStore, ExecuteError,
    ExecuteOptions, Expected, Head, IdempotencyKey, Metadata, NewCommit, Repository,
    SnapshotPolicy, SnapshotStore, StoredSnapshot, StreamId, Timestamp, Version,
};
use support::{Account, AccountCommand, AccountEvent, Overdrawn, Rivals, credited};

const START: &str = "2026-01-01T00:00:00Z";

struct Scene {
    store: MemoryStore,
    faults: Faults,
    rivals: Rivals,
    clock: Arc<VirtualClock>,
    accounts: Repository<Account>,
}

fn scene() -> Scene {
    let (store, faults) = (MemoryStore::new(), Faults::none());
    let rivals = Rivals::new(&faults);
    let log = rivals.on(FaultyEventStore::new(Arc::new(store.clone()), faults.clone()));
    let clock = Arc::new(VirtualClock::auto_advancing(START));
    let accounts = Repository::new(Arc::new(log))
        .with_clock(clock.clone())
        .with_entropy(Arc::new(SeededEntropy::new(1)));
    Scene { store, faults, rivals, clock, accounts }
}

fn stream(id: &str) -> StreamId {
    StreamId::new("account", id).unwrap()
}

fn commit_of(n: u64, events: &[AccountEvent]) -> NewCommit {
    let events = EncodedEvents::encode(events, Codec::Json, Compression::None, 0).unwrap();
    let id = CommitId::from_bytes(u128::from(n).to_be_bytes());
    NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), events)
}

/// All events of the stream, as amounts with a sign.
async fn movements(store: &dyn EventStore, id: &str) -> Vec<i64> {
    use futures::TryStreamExt as _;
    let pages: Vec<_> =
        store.read(es_core::ReadStream::new(stream(id))).try_collect().await.unwrap();
    let mut movements = Vec::new();
    for commit in pages.iter().flatten() {
        for recorded in commit.decode::<AccountEvent>().unwrap() {
            movements.push(match recorded.event {
                AccountEvent::Credited { amount } => amount as i64,
                AccountEvent::Debited { amount } => -(amount as i64),
            });
        }
    }
    movements
}

#[tokio::test]
async fn a_command_appends_its_events_and_says_where() {
    let Scene { store, accounts, .. } = scene();
    let receipt = accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    assert_eq!(receipt.version(), Version::new(1));
    assert_eq!(receipt.stream(), &stream("a"));
    assert_eq!(receipt.events::<AccountEvent>().unwrap()[0].event, credited(5));
    assert!(!receipt.is_replay());
    assert_eq!(accounts.load("a").await.unwrap().balance, 5);
    assert_eq!(movements(&store, "a").await, [5]);
}

#[tokio::test]
async fn a_rejection_comes_through_typed_and_writes_nothing() {
    let Scene { faults, accounts, .. } = scene();
    let error = accounts.execute("a", AccountCommand::Debit(1)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(Overdrawn(0))));
    assert!(!error.is_transient());
    assert_eq!(faults.calls(Call::Append), 0);
}

#[tokio::test]
async fn nothing_to_do_writes_nothing() {
    let Scene { faults, accounts, .. } = scene();
    let receipt = accounts.execute("a", AccountCommand::Credit(0)).await.unwrap();
    assert_eq!((receipt.version(), receipt.commit_id()), (Version::ZERO, None));
    assert_eq!(faults.calls(Call::Append), 0);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_neither_an_error_nor_a_second_effect() {
    let Scene { store, faults, clock, accounts, .. } = scene();
    faults.at(Call::Append, 1, Fault::LostAcknowledgement);
    let receipt = accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    assert_eq!((receipt.version(), receipt.attempts()), (Version::new(1), 2));
    assert_eq!(movements(&store, "a").await, [5]);
    assert_eq!(clock.slept().len(), 1, "it waits before it tries again");
}

#[tokio::test]
async fn a_lost_acknowledgement_is_recognised_after_another_writer_appended() {
    let Scene { store, faults, rivals, accounts, .. } = scene();
    faults.at(Call::Append, 1, Fault::LostAcknowledgement);
    rivals.overtake(2, commit_of(1, &[credited(7)]));
    let receipt = accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    assert_eq!(receipt.version(), Version::new(1));
    assert_eq!(movements(&store, "a").await, [5, 7]);
}

#[tokio::test]
async fn throttling_is_retried_and_given_up_with_a_transient_error() {
    let Scene { store, faults, accounts, .. } = scene();
    let accounts = accounts.with_attempts(3, Backoff::default());
    let faults = faults.with_throttling(2);
    faults.at(Call::Append, 1, Fault::Throttling);
    accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    assert_eq!(faults.calls(Call::Append), 3);
    let faults = faults.with_throttling(3);
    faults.at(Call::Append, 1, Fault::Throttling);
    let error = accounts.execute("a", AccountCommand::Credit(5)).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(faults.calls(Call::Append), 3 + 3);
    assert_eq!(movements(&store, "a").await, [5]);
}

#[tokio::test]
async fn after_a_conflict_the_decision_is_made_again_on_the_winners_state() {
    let Scene { store, rivals, accounts, .. } = scene();
    accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
    rivals.overtake(1, commit_of(1, &[AccountEvent::Debited { amount: 4 }]));
    let error = accounts.execute("a", AccountCommand::Debit(3)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Rejected(Overdrawn(1))));
    assert_eq!(movements(&store, "a").await, [5, -4]);

    let winner = commit_of(2, &[credited(1), credited(1), credited(1)]);
    rivals.overtake(1, winner);
    let receipt = accounts.execute("a", AccountCommand::Debit(1)).await.unwrap();
    assert_eq!((receipt.version(), receipt.attempts()), (Version::new(6), 2));
    assert_eq!(movements(&store, "a").await, [5, -4, 1, 1, 1, -1]);
}

#[tokio::test]
async fn conflicts_are_retried_a_bounded_number_of_times_with_jitter() {
    let Scene { store, faults, rivals, clock, accounts } = scene();
    let accounts = accounts.with_attempts(4, Backoff::default());
    for n in 1..=4 {
        rivals.overtake(n, commit_of(n, &[credited(1)]));
    }
    let error = accounts.execute("a", AccountCommand::Credit(5)).await.unwrap_err();
    assert!(matches!(&error, ExecuteError::Failed(Error::Conflict(_))), "{error:?}");
    assert!(error.is_transient());
    assert_eq!(faults.calls(Call::Append), 4);
    assert_eq!(clock.slept().len(), 2, "the first retry goes at once");
    assert_eq!(movements(&store, "a").await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn concurrent_commands_are_each_applied_once() {
    let Scene { store, accounts, .. } = scene();
    let accounts = accounts.with_attempts(200, Backoff::default());
    for cached in [false, true] {
        let accounts = if cached { accounts.clone().with_cache(8) } else { accounts.clone() };
        let id = format!("cached-{cached}");
        let commands = (1..=40).map(|n| {
            let (accounts, id) = (accounts.clone(), id.clone());
            tokio::spawn(async move { accounts.execute(&id, AccountCommand::Credit(n)).await })
        });
        for done in futures::future::join_all(commands).await {
            done.unwrap().unwrap();
        }
        let mut amounts = movements(&store, &id).await;
        amounts.sort_unstable();
        assert_eq!(amounts, (1..=40).collect::<Vec<i64>>());
    }
}

mod idempotency {
    use super::*;

    fn keyed(key: &str) -> ExecuteOptions {
        ExecuteOptions::new().idempotency_key(key)
    }

    #[tokio::test]
    async fn a_repeated_request_gets_the_first_receipt() {
        let Scene { store, accounts, .. } = scene();
        let first =
            accounts.execute_with("a", AccountCommand::Credit(5), keyed("k")).await.unwrap();
        accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
        let again =
            accounts.execute_with("a", AccountCommand::Credit(5), keyed("k")).await.unwrap();
        assert!(again.is_replay() && !first.is_replay());
        assert_eq!(again.commit(), first.commit());
        assert_eq!(again.version(), Version::new(1));
        assert_eq!(movements(&store, "a").await, [5, 1]);
    }

    #[tokio::test]
    async fn a_repetition_leaves_the_cached_state_where_it_is() {
        let Scene { store, accounts, .. } = scene();
        let accounts = accounts.with_cache(8);
        let credit = || accounts.execute_with("a", AccountCommand::Credit(5), keyed("k"));
        credit().await.unwrap();
        accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
        assert!(credit().await.unwrap().is_replay());
        let error = accounts.execute("a", AccountCommand::Debit(7)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Rejected(Overdrawn(6))), "{error:?}");
        let receipt = accounts.execute("a", AccountCommand::Debit(6)).await.unwrap();
        assert_eq!((receipt.version().get(), receipt.attempts()), (3, 1));
        assert_eq!(movements(&store, "a").await, [5, 1, -6]);
    }

    #[tokio::test]
    async fn a_repetition_that_would_now_be_rejected_gets_the_first_receipt() {
        let Scene { store, accounts, .. } = scene();
        for accounts in [accounts.clone(), accounts.with_cache(8)] {
            accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
            let debit = || accounts.execute_with("a", AccountCommand::Debit(5), keyed("k"));
            let first = debit().await.unwrap();
            let again = debit().await.unwrap();
            assert_eq!(again.commit_id(), first.commit_id());
            assert!(again.is_replay());
        }
        assert_eq!(movements(&store, "a").await, [5, -5, 5]);
    }

    #[tokio::test]
    async fn a_repetition_with_if_match_gets_the_first_receipt() {
        let Scene { accounts, .. } = scene();
        let options = || keyed("k").expected_version(Version::ZERO);
        accounts.execute_with("a", AccountCommand::Credit(5), options()).await.unwrap();
        let again = accounts.execute_with("a", AccountCommand::Credit(5), options()).await;
        assert!(again.unwrap().is_replay());
    }

    #[tokio::test]
    async fn a_key_on_another_request_is_refused() {
        let Scene { store, accounts, .. } = scene();
        let options = |request: &str| {
            ExecuteOptions::new()
                .idempotency_key(IdempotencyKey::for_request("k", request).unwrap())
        };
        accounts.execute_with("a", AccountCommand::Credit(5), options("five")).await.unwrap();
        let error = accounts
            .execute_with("a", AccountCommand::Credit(6), options("six"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ExecuteError::Failed(Error::IdempotencyKeyReused { key, .. }) if key == "k")
        );
        assert_eq!(movements(&store, "a").await, [5]);
    }

    #[tokio::test]
    async fn a_key_on_another_command_is_refused() {
        let Scene { accounts, .. } = scene();
        accounts.execute_with("a", AccountCommand::Credit(5), keyed("k")).await.unwrap();
        for command in [AccountCommand::Debit(5), AccountCommand::Debit(50)] {
            let error = accounts.execute_with("a", command, keyed("k")).await.unwrap_err();
            assert!(
                matches!(&error, ExecuteError::Failed(Error::IdempotencyKeyReused { .. })),
                "{error:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_request_that_lost_to_another_one_under_its_key_is_refused() {
        let Scene { rivals, accounts, .. } = scene();
        let options = |request: &str| {
            ExecuteOptions::new()
                .idempotency_key(IdempotencyKey::for_request("k", request).unwrap())
        };
        // The other request wins, with equal events, while this one is after its first conflict.
        let other = accounts.execute_with("b", AccountCommand::Credit(5), options("x")).await;
        let other = other.unwrap().commit().unwrap().clone();
        let won = NewCommit {
            id: CommitId::derive(&stream("a"), "k"),
            recorded_at: other.recorded_at(),
            metadata: other.encoded_metadata().clone(),
            events: other.events().clone(),
        };
        rivals.overtake(1, commit_of(1, &[credited(1)]));
        rivals.overtake(2, won);
        let error = accounts.execute_with("a", AccountCommand::Credit(5), options("y")).await;
        let error = error.unwrap_err();
        assert!(
            matches!(&error, ExecuteError::Failed(Error::IdempotencyKeyReused { .. })),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_key_is_for_one_aggregate() {
        let Scene { accounts, .. } = scene();
        for id in ["a", "b"] {
            let receipt = accounts.execute_with(id, AccountCommand::Credit(5), keyed("k")).await;
            assert!(!receipt.unwrap().is_replay());
        }
    }

    #[tokio::test]
    async fn simultaneous_repetitions_have_one_effect() {
        let Scene { store, accounts, .. } = scene();
        let requests = (0..20).map(|_| {
            let accounts = accounts.clone();
            tokio::spawn(async move {
                accounts.execute_with("a", AccountCommand::Credit(5), keyed("k")).await
            })
        });
        let ids: std::collections::BTreeSet<_> = futures::future::join_all(requests)
            .await
            .into_iter()
            .map(|done| done.unwrap().unwrap().commit_id())
            .collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(movements(&store, "a").await, [5]);
    }

    #[tokio::test]
    async fn hostile_keys_are_refused() {
        let Scene { accounts, .. } = scene();
        for key in ["", "a\nb", &"k".repeat(201)] {
            let error = accounts.execute_with("a", AccountCommand::Credit(5), keyed(key)).await;
            assert!(matches!(error, Err(ExecuteError::Failed(Error::InvalidId { .. }))), "{key:?}");
        }
    }
}

#[tokio::test]
async fn a_command_on_another_version_than_expected_is_refused() {
    let Scene { rivals, accounts, .. } = scene();
    for accounts in [accounts.clone(), accounts.with_cache(8)] {
        accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
        let at = |version| ExecuteOptions::new().expected_version(Version::new(version));
        let before = accounts.load("a").await.unwrap().version().get();
        let error = accounts.execute_with("a", AccountCommand::Credit(1), at(before - 1)).await;
        assert!(matches!(
            error,
            Err(ExecuteError::Failed(Error::VersionMismatch { actual, .. })) if actual.get() == before
        ));
        rivals.overtake(1, commit_of(90 + before, &[credited(2)]));
        let error = accounts.execute_with("a", AccountCommand::Credit(1), at(before)).await;
        assert!(
            matches!(error, Err(ExecuteError::Failed(Error::VersionMismatch { .. }))),
            "a conflict must not lift the condition"
        );
        let receipt = accounts.execute_with("a", AccountCommand::Credit(1), at(before + 1)).await;
        assert_eq!(receipt.unwrap().version().get(), before + 2);
    }
}

#[tokio::test]
async fn past_states_can_be_loaded_by_version_and_by_time() {
    let Scene { store, clock, accounts, .. } = scene();
    for amount in 1..=3 {
        accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    let pair = commit_of(1, &[credited(10), credited(100)]);
    store.append(&stream("a"), Expected::Any, pair).await.unwrap();
    let snapshots: Arc<dyn SnapshotStore> = Arc::new(store.clone());
    let with_snapshots = accounts.clone().with_snapshots(snapshots, SnapshotPolicy::Every(1));
    with_snapshots.execute("a", AccountCommand::Credit(1000)).await.unwrap();
    for accounts in [accounts, with_snapshots] {
        let balances = [0, 1, 3, 6, 16, 116, 1116];
        for (version, balance) in (0..).zip(balances) {
            let loaded = accounts.load_at("a", Version::new(version)).await.unwrap();
            assert_eq!((loaded.version().get(), loaded.balance), (version, balance));
        }
        assert!(matches!(
            accounts.load_at("a", Version::new(7)).await,
            Err(Error::NoSuchVersion { asked, actual, .. }) if (asked.get(), actual.get()) == (7, 6)
        ));
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let load = |time| accounts.load_as_of("a", at(time));
        assert_eq!(load("2025-12-31T23:59:59Z").await.unwrap().version(), Version::ZERO);
        assert_eq!(load("2026-01-01T00:00:00Z").await.unwrap().balance, 1);
        assert_eq!(load("2026-01-01T00:01:59Z").await.unwrap().balance, 3);
        assert_eq!(load("2027-01-01T00:00:00Z").await.unwrap().balance, 1116);
    }
}

#[tokio::test]
async fn metadata_is_stored_with_the_commit() {
    let Scene { clock, accounts, .. } = scene();
    let mut metadata = Metadata::new();
    metadata.correlation_id = Some("order-7".to_owned());
    metadata.actor = Some("ada".to_owned());
    metadata.entries.insert("tenant".to_owned(), "t1".to_owned());
    let options = ExecuteOptions::new().metadata(metadata.clone()).idempotency_key("k");
    let receipt = accounts.execute_with("a", AccountCommand::Credit(5), options).await.unwrap();
    let commit = receipt.commit().unwrap();
    let stored = commit.metadata().unwrap();
    assert_eq!(stored.correlation_id, metadata.correlation_id);
    assert_eq!(stored.actor, metadata.actor);
    assert_eq!(stored.entries, metadata.entries);
    assert_eq!(stored.command.as_deref(), Some("Credit"));
    assert_eq!(stored.idempotency_key.as_deref(), Some("k"));
    assert_eq!(commit.recorded_at(), clock.now());

    let mut metadata = Metadata::new();
    metadata.entries.insert("large".to_owned(), "x".repeat(Metadata::MAX_LEN));
    let options = ExecuteOptions::new().metadata(metadata);
    let error = accounts.execute_with("a", AccountCommand::Credit(5), options).await;
    assert!(matches!(error, Err(ExecuteError::Failed(Error::MetadataTooLarge { .. }))));
}

mod cache {
    use super::*;

    #[tokio::test]
    async fn a_command_on_a_cached_aggregate_needs_no_read() {
        let Scene { faults, accounts, .. } = scene();
        let accounts = accounts.with_cache(8);
        accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
        let requests = || (faults.calls(Call::ReadStream), faults.calls(Call::Append));
        assert_eq!(requests(), (1, 1));
        for _ in 0..3 {
            accounts.execute("a", AccountCommand::Debit(1)).await.unwrap();
        }
        assert_eq!(requests(), (1, 1 + 3));
    }

    #[tokio::test]
    async fn a_stale_state_is_corrected_by_the_conditional_append() {
        let Scene { store, accounts, .. } = scene();
        let (here, there) = (accounts.clone().with_cache(8), accounts);
        here.execute("a", AccountCommand::Credit(5)).await.unwrap();
        there.execute("a", AccountCommand::Debit(5)).await.unwrap();
        let error = here.execute("a", AccountCommand::Debit(1)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Rejected(Overdrawn(0))), "{error:?}");
        assert_eq!(movements(&store, "a").await, [5, -5]);
    }

    #[tokio::test]
    async fn a_stale_state_rejects_nothing() {
        let Scene { accounts, .. } = scene();
        let (here, there) = (accounts.clone().with_cache(8), accounts);
        here.execute("a", AccountCommand::Credit(1)).await.unwrap();
        there.execute("a", AccountCommand::Credit(5)).await.unwrap();
        here.execute("a", AccountCommand::Debit(6)).await.unwrap();
        assert_eq!(here.load("a").await.unwrap().balance, 0);
    }

    #[tokio::test]
    async fn a_state_that_is_not_of_this_log_is_read_anew() {
        let (old, new) = (MemoryStore::new(), MemoryStore::new());
        let swapped = SwappedStore { stores: [old, new.clone()], restored: Default::default() };
        let swapped = Arc::new(swapped);
        let accounts = Repository::<Account>::new(swapped.clone()).with_cache(8);
        accounts.execute("a", AccountCommand::Credit(1000)).await.unwrap();
        for n in 1..=2 {
            let commit = commit_of(n, &[credited(1)]);
            new.append(&stream("a"), Expected::Any, commit).await.unwrap();
        }
        swapped.restored.store(true, std::sync::atomic::Ordering::SeqCst);
        let error = accounts.execute("a", AccountCommand::Debit(500)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Rejected(Overdrawn(2))), "{error:?}");
    }

    /// A store that is restored from another one's backup while it is in use.
    #[derive(Debug)]
    struct SwappedStore {
        stores: [MemoryStore; 2],
        restored: std::sync::atomic::AtomicBool,
    }

    impl SwappedStore {
        fn current(&self) -> &MemoryStore {
            &self.stores[usize::from(self.restored.load(std::sync::atomic::Ordering::SeqCst))]
        }
    }

    #[async_trait::async_trait]
    impl EventStore for SwappedStore {
        async fn append(
            &self,
            stream: &StreamId,
            expected: Expected,
            commit: NewCommit,
        ) -> es_core::Result<es_core::Appended> {
            self.current().append(stream, expected, commit).await
        }

        fn read(
            &self,
            query: es_core::ReadStream,
        ) -> futures::stream::BoxStream<'_, es_core::Result<es_core::Page>> {
            EventStore::read(self.current(), query)
        }

        fn limits(&self) -> es_core::Limits {
            self.current().limits()
        }
    }

    #[tokio::test]
    async fn a_cancelled_command_leaves_no_half_done_state_behind() {
        let Scene { store, faults, accounts, .. } = scene();
        // A clock that stands still: the retry after the throttling never comes.
        let accounts = accounts.with_clock(Arc::new(VirtualClock::at(START))).with_cache(8);
        accounts.execute("a", AccountCommand::Credit(5)).await.unwrap();
        faults.at(Call::Append, 1, Fault::LostAcknowledgement);
        let command = accounts.execute("a", AccountCommand::Debit(5));
        assert!(futures::FutureExt::now_or_never(command).is_none(), "it waits for its retry");
        let error = accounts.execute("a", AccountCommand::Debit(1)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Rejected(Overdrawn(0))));
        assert_eq!(movements(&store, "a").await, [5, -5]);
    }
}

mod snapshots {
    use super::*;

    struct WithSnapshots {
        store: MemoryStore,
        faults: Faults,
        accounts: Repository<Account>,
    }

    fn with_snapshots(every: u64) -> WithSnapshots {
        let Scene { store, faults, accounts, .. } = scene();
        let snapshots: Arc<dyn SnapshotStore> = Arc::new(store.clone());
        let accounts = accounts.with_snapshots(snapshots, SnapshotPolicy::Every(every));
        WithSnapshots { store, faults, accounts }
    }

    async fn stored(store: &MemoryStore) -> Option<StoredSnapshot> {
        SnapshotStore::load(store, &stream("a")).await.unwrap()
    }

    #[tokio::test]
    async fn a_snapshot_is_taken_when_it_is_time_and_shortens_loading() {
        let WithSnapshots { store, faults, accounts } = with_snapshots(3);
        for _ in 0..8 {
            accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
        }
        assert_eq!(stored(&store).await.unwrap().head.version(), Version::new(6));
        let before = faults.calls(Call::ReadStream);
        assert_eq!(accounts.load("a").await.unwrap().balance, 8);
        let reads = faults.calls(Call::ReadStream) - before;
        assert_eq!(reads, 1, "snapshot check and tail come with one read");
    }

    /// Replaces the stored snapshot, loads, and expects the state of the log.
    async fn ignored(change: impl FnOnce(&mut StoredSnapshot)) {
        let WithSnapshots { store, accounts, .. } = with_snapshots(2);
        for amount in 1..=5 {
            accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
        }
        let mut snapshot = stored(&store).await.unwrap();
        change(&mut snapshot);
        store.delete(&stream("a")).await.unwrap();
        store.save(snapshot).await.unwrap();
        let loaded = accounts.load("a").await.unwrap();
        assert_eq!((loaded.balance, loaded.version()), (15, Version::new(5)));
        accounts.execute("a", AccountCommand::Debit(15)).await.unwrap();
        assert_eq!(accounts.load("a").await.unwrap().balance, 0);
    }

    const WRONG_STATE: Bytes = Bytes::from_static(br#"{"balance":1000000}"#);

    #[tokio::test]
    async fn a_snapshot_ahead_of_the_log_is_ignored() {
        ignored(|snapshot| {
            let (first, last) = (Version::new(9), Version::new(9));
            snapshot.head = Head::from_stored(snapshot.head.commit_id(), first, last);
            snapshot.state = WRONG_STATE;
        })
        .await;
    }

    #[tokio::test]
    async fn a_snapshot_of_another_log_is_ignored() {
        ignored(|snapshot| {
            let (first, last) = (snapshot.head.commit_start(), snapshot.head.version());
            snapshot.head = Head::from_stored(CommitId::from_bytes([7; 16]), first, last);
            snapshot.state = WRONG_STATE;
        })
        .await;
    }

    #[tokio::test]
    async fn a_snapshot_of_another_schema_is_ignored() {
        ignored(|snapshot| {
            snapshot.schema_version = 2;
            snapshot.state = WRONG_STATE;
        })
        .await;
    }

    #[tokio::test]
    async fn a_snapshot_that_cannot_be_decoded_is_ignored() {
        ignored(|snapshot| snapshot.state = Bytes::from_static(b"{")).await;
        ignored(|snapshot| snapshot.state = Bytes::from_static(b"\xff\xfe")).await;
        ignored(|snapshot| snapshot.codec = Codec::Postcard).await;
    }
}

#[tokio::test]
async fn codecs_and_compression_can_change_over_a_streams_life() {
    let Scene { store, accounts, .. } = scene();
    let variants = [
        accounts.clone(),
        accounts.clone().with_codec(Codec::Postcard),
        accounts.clone().with_compression(Compression::Zstd, 0),
        accounts.with_codec(Codec::Postcard).with_compression(Compression::Zstd, 1),
    ];
    for (amount, accounts) in (1..).zip(&variants) {
        accounts.execute("a", AccountCommand::Credit(amount)).await.unwrap();
    }
    for accounts in &variants {
        assert_eq!(accounts.load("a").await.unwrap().balance, 10);
    }
    assert_eq!(movements(&store, "a").await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_unknown_event_stops_loading_with_its_place() {
    use es_core::DecodeError;
    #[derive(Debug, es_core::Event)]
    #[event(prefix = "Account")]
    enum Other {
        Frozen,
    }
    let Scene { store, accounts, .. } = scene();
    accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    let events = EncodedEvents::encode(&[Other::Frozen], Codec::Json, Compression::None, 0);
    let commit = NewCommit { events: events.unwrap(), ..commit_of(1, &[credited(1)]) };
    store.append(&stream("a"), Expected::Any, commit).await.unwrap();
    let error = accounts.load("a").await.unwrap_err();
    assert!(!error.is_transient());
    match error {
        Error::Decode { stream: at, version, name, source: DecodeError::UnknownName, .. } => {
            assert_eq!((at, version.get(), name.as_str()), (stream("a"), 2, "Account:Frozen"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn hostile_ids_never_reach_the_store() {
    let Scene { faults, accounts, .. } = scene();
    for id in ["", "a\nb", &"x".repeat(201)] {
        assert!(matches!(accounts.load(id).await, Err(Error::InvalidId { .. })));
        assert!(accounts.execute(id, AccountCommand::Credit(1)).await.is_err());
    }
    assert_eq!((faults.calls(Call::ReadStream), faults.calls(Call::Append)), (0, 0));
}

/// A server keeps one for each request that is under way, and each move of it, as into a task, is a copy of
/// all of it. What is needed seldom is boxed, so that no command carries it.
#[test]
fn the_future_of_a_command_is_small() {
    let Scene { accounts, .. } = scene();
    let plain = accounts.execute("a", AccountCommand::Credit(1));
    let options = ExecuteOptions::default();
    let with_options = accounts.execute_with("a", AccountCommand::Credit(1), options);
    let sizes = [size_of_val(&plain), size_of_val(&with_options)];
    assert!(sizes.iter().all(|size| *size <= 2560), "{sizes:?} bytes");
}

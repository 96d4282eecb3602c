//! Writers on one head: exactly one wins, nothing is interleaved, and nothing is left out.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Fault, Faults, FaultyEventStore};
use es_core::{Backoff, Error, EventStore, ExecuteError, Expected};

use crate::ledger::{Enter, entered, foreign, ledgers, on_faults, stream};

#[tokio::test]
async fn of_two_commits_of_different_lengths_on_one_head_one_wins() {
    for (here, there) in [(1, 5), (5, 1), (2, 3), (3, 2), (4, 4)] {
        let store = Arc::new(MemoryStore::new());
        store.append(&stream("a"), Expected::NoStream, foreign(1, 2)).await.unwrap();
        let head = Expected::end(store.head(&stream("a")).await.unwrap());
        let log = FaultyEventStore::new(store.clone(), Faults::none().suspending());
        let append = async |commit| log.append(&stream("a"), head, commit).await;
        let results = futures::join!(append(foreign(2, here)), append(foreign(3, there)));
        let won = [results.0.is_ok(), results.1.is_ok()];
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        assert_eq!(entered(&*store, "a").await, [1, if won[0] { 2 } else { 3 }]);
    }
}

#[tokio::test]
async fn an_append_inside_a_commit_or_past_the_end_is_refused_by_the_log_under_a_wrapper_too() {
    use es_core::{CommitId, Head, Version};
    let store = Arc::new(MemoryStore::new());
    let log = FaultyEventStore::new(store.clone(), Faults::none());
    log.append(&stream("a"), Expected::NoStream, foreign(1, 5)).await.unwrap();
    let id = CommitId::from_bytes(1_u128.to_be_bytes());
    for last in [1, 2, 4, 6, 1_000] {
        let head = Head::from_stored(id, Version::FIRST, Version::new(last));
        let refused = log.append(&stream("a"), Expected::Head(head), foreign(2, 1)).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "at {last}");
    }
    assert_eq!(entered(&*store, "a").await, [1]);
}

/// Commands of one to five lines each, from processes that know nothing of each other.
#[tokio::test]
async fn commands_of_many_writers_are_each_decided_on_the_state_before_them() {
    for seed in 0..60 {
        let faults = Faults::seeded(seed).with_rate(Fault::Delay, 0.3).suspending();
        let store = Arc::new(MemoryStore::new());
        let writers = (0..5).map(|writer| {
            let log = FaultyEventStore::new(store.clone(), faults.clone());
            let ledgers = ledgers(Arc::new(log), seed + writer);
            let ledgers = ledgers.with_attempts(1_000, Backoff::default());
            async move {
                for step in 0..5 {
                    let command = Enter { number: writer * 10 + step, lines: 1 + writer as u32 };
                    ledgers.execute("a", command).await.unwrap();
                }
            }
        });
        futures::future::join_all(writers).await;
        let mut numbers = entered(&*store, "a").await;
        numbers.sort_unstable();
        let all: Vec<u64> = (0..5).flat_map(|w| (0..5).map(move |s| w * 10 + s)).collect();
        assert_eq!(numbers, all, "seed {seed}");
    }
}

#[tokio::test]
async fn a_writer_that_missed_several_commits_is_right_at_its_second_attempt() {
    let (store, writer) = on_faults(&Faults::none());
    let writer = writer.with_cache(1);
    writer.execute("a", Enter { number: 1, lines: 2 }).await.unwrap();
    for number in 2..=4 {
        store.append(&stream("a"), Expected::Any, foreign(number, 3)).await.unwrap();
    }
    let receipt = writer.execute("a", Enter { number: 5, lines: 1 }).await.unwrap();
    assert_eq!((receipt.version().get(), receipt.attempts()), (2 + 3 * 3 + 1, 2));
    assert_eq!(entered(&*store, "a").await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_writer_that_is_overtaken_every_time_gives_up_with_a_conflict() {
    let faults = Faults::none();
    let (store, _) = on_faults(&faults);
    let numbers = std::sync::atomic::AtomicU64::new(1);
    let log = FaultyEventStore::new(store.clone(), faults.clone()).with_rival(move |_| {
        Some(foreign(numbers.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 2))
    });
    let faults = faults.with_rate(Fault::Overtaken, 1.0);
    let ledgers = ledgers(Arc::new(log), 1).with_attempts(6, Backoff::default());
    let error = ledgers.execute("a", Enter { number: 100, lines: 1 }).await.unwrap_err();
    assert!(matches!(&error, ExecuteError::Failed(Error::Conflict(_))), "{error:?}");
    assert_eq!(faults.injected(Fault::Overtaken), 6);
    assert_eq!(entered(&*store, "a").await, [1, 2, 3, 4, 5, 6]);
}

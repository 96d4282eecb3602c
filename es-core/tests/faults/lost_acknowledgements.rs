//! An acknowledgement that is lost is neither an error nor a second effect: the caller sees success
//! once, and the log has the commit once.

use std::sync::Arc;

use es_core::testing::faults::{Call, Fault, Faults, FaultyEventStore};
use es_core::{Backoff, EventStore as _, ExecuteOptions, Expected, Repository, Version};

use crate::ledger::{Ledger, counted, enter, entered, folded, foreign, ledgers, on_faults, stream};

fn keyed(number: u64) -> ExecuteOptions {
    ExecuteOptions::new().idempotency_key(format!("request-{number}"))
}

#[tokio::test]
async fn an_acknowledgement_lost_again_and_again_is_asked_for_again_and_again() {
    for key in [ExecuteOptions::new(), keyed(1)] {
        let faults = Faults::none();
        let (store, ledgers) = on_faults(&faults);
        for nth in 1..=9 {
            faults.at(Call::Append, nth, Fault::LostAcknowledgement);
        }
        let receipt = ledgers.execute_with("a", enter(1), key).await.unwrap();
        assert_eq!((receipt.attempts(), receipt.is_replay()), (10, false));
        assert_eq!(faults.injected(Fault::LostAcknowledgement), 9);
        assert_eq!(entered(&*store, "a").await, [1]);
    }
}

#[tokio::test]
async fn a_client_that_gave_up_asks_long_after_and_gets_the_first_receipt() {
    for others in [0, 1, 500] {
        let faults = Faults::none().with_throttling(9);
        let (store, ledgers) = on_faults(&faults);
        faults.at(Call::Append, 1, Fault::LostAcknowledgement);
        faults.at(Call::Append, 2, Fault::Throttling);
        let error = ledgers.execute_with("a", enter(1), keyed(1)).await.unwrap_err();
        assert!(error.is_transient());
        for number in 2..2 + others {
            store.append(&stream("a"), Expected::Any, foreign(number, 2)).await.unwrap();
        }
        let receipt = ledgers.execute_with("a", enter(1), keyed(1)).await.unwrap();
        assert!(receipt.is_replay());
        assert_eq!(receipt.version(), Version::new(2));
        let numbers: Vec<u64> = (1..2 + others).collect();
        assert_eq!(entered(&*store, "a").await, numbers);
    }
}

#[tokio::test]
async fn a_request_that_arrives_behind_its_own_repetition_has_no_second_effect() {
    let faults = Faults::none();
    let (store, ledgers) = on_faults(&faults);
    for number in 1..=5 {
        faults.at(Call::Append, 1, Fault::LateRequest);
        ledgers.execute("a", enter(number)).await.unwrap();
    }
    for number in 6..=9 {
        ledgers.execute("a", enter(number)).await.unwrap();
    }
    assert_eq!(faults.injected(Fault::LateRequest), 5);
    assert_eq!(entered(&*store, "a").await, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_late_request_whose_command_was_decided_again_finds_its_place_taken() {
    let faults = Faults::none();
    let store = Arc::new(es_core::memory::MemoryStore::new());
    let log = FaultyEventStore::new(store.clone(), faults.clone());
    let ledgers = ledgers(Arc::new(log.with_rival(|_| Some(foreign(100, 3)))), 1);
    faults.at(Call::Append, 1, Fault::LateRequest);
    faults.at(Call::Append, 2, Fault::Overtaken);
    ledgers.execute("a", enter(1)).await.unwrap();
    for number in 2..=6 {
        ledgers.execute("a", enter(number)).await.unwrap();
    }
    let mut numbers = entered(&*store, "a").await;
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 100]);
}

/// Asks until there is an answer, as a client with an idempotency key does.
async fn ask(ledgers: &Repository<Ledger>, id: &str, number: u64) -> Version {
    for _ in 0..100 {
        match ledgers.execute_with(id, enter(number), keyed(number)).await {
            Ok(receipt) => return receipt.version(),
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("the faults let nothing through");
}

#[tokio::test]
async fn every_command_is_applied_once_whatever_is_lost_late_or_overtaken() {
    for seed in 0..150 {
        let faults =
            Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.12).with_throttling(2).suspending();
        let store = Arc::new(es_core::memory::MemoryStore::new());
        let rivals = std::sync::atomic::AtomicU64::new(1_000);
        let log = FaultyEventStore::new(store.clone(), faults.clone()).with_rival(move |_| {
            let number = rivals.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Some(foreign(number, 1 + (number % 4) as u32))
        });
        let log = Arc::new(log);
        let few = |ledgers: Repository<Ledger>| ledgers.with_attempts(4, Backoff::default());
        // Two processes; in one, two requests share a cache.
        let plain = few(ledgers(log.clone(), seed));
        let cached = few(ledgers(log, seed + 1)).with_cache(4);
        let client = async |ledgers: &Repository<Ledger>, first: u64| {
            for number in (first..=24).step_by(3) {
                ask(ledgers, if number % 2 == 0 { "a" } else { "b" }, number).await;
            }
        };
        futures::join!(client(&plain, 1), client(&cached, 2), client(&cached, 3));

        faults.stop();
        let mut numbers = Vec::new();
        for id in ["a", "b"] {
            numbers.extend(entered(&*store, id).await);
            for ledgers in [&plain, &cached] {
                assert_eq!(ledgers.load(id).await.unwrap().lines, folded(&*store, id).await);
            }
        }
        let own = counted(numbers.into_iter().filter(|number| *number < 1_000));
        assert_eq!(own, counted(1..=24), "seed {seed}");
        assert!(faults.injections().len() > 10);
    }
}

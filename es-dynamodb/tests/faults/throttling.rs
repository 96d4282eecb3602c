//! A server that is asked too much, or has a transaction in the way: bounded retries, and then an error
//! that says that trying again can help.

use std::time::Duration;

use es_core::{Cost, Error, EventStore as _, Expected, ReadStream};
use futures::TryStreamExt as _;

use crate::scene::{Id, Scene, commit};
use crate::support::faults::{Fault, Faults};
use crate::support::ledger::{Enter, stream};

/// How often the SDK sends a request.
const ATTEMPTS: u64 = 5;

#[tokio::test]
async fn a_throttling_storm_ends_in_an_error_that_passes() {
    for fault in [Fault::Throttled, Fault::InternalError, Fault::LostRequest, Fault::Timeout] {
        let scene = Scene::with(Faults::none()).await;
        scene.faults.always("PutItem", fault);
        let first = || commit(1, 0, Id::Generated);
        let stream = stream("a");
        let append = || scene.faulty.append(&stream, Expected::NoStream, first());
        let (refused, cost) = Cost::of(append()).await;
        let error = refused.expect_err("nothing comes through");
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert!(error.is_transient());
        assert_eq!(scene.faults.requests("PutItem"), ATTEMPTS);
        assert_eq!((cost.requests, cost.retries), (1, ATTEMPTS - 1));
        assert_eq!(cost.throttles, if fault == Fault::Throttled { ATTEMPTS } else { 0 });
        let slept = scene.faults.slept();
        assert!(slept > Duration::ZERO && slept < Duration::from_secs(60), "{slept:?}");
        assert_eq!(scene.entered("a").await, [0; 0]);

        scene.faults.stop();
        append().await.expect("it passed");
        assert_eq!(scene.entered("a").await, [1]);
    }
}

#[tokio::test]
async fn a_throttled_transaction_passes_too() {
    for fault in [Fault::Throttled, Fault::ItemThrottled, Fault::TransactionConflict] {
        let scene = Scene::with(Faults::none()).await;
        scene.faults.always("TransactWriteItems", fault);
        let first = || commit(1, 0, Id::Derived);
        let refused = scene.faulty.append(&stream("a"), Expected::NoStream, first()).await;
        let error = refused.expect_err("nothing comes through");
        assert!(matches!(error, Error::Unavailable { .. }), "{fault:?}: {error:?}");
        let requests = scene.faults.requests("TransactWriteItems");
        assert!((2..=10).contains(&requests), "{fault:?}: {requests} requests");
        scene.faults.stop();
        scene.faulty.append(&stream("a"), Expected::NoStream, first()).await.expect("it passed");
        assert_eq!(scene.entered("a").await, [1]);
    }
}

#[tokio::test]
async fn a_transaction_in_the_way_is_waited_for() {
    for (id, write) in [(Id::Generated, "PutItem"), (Id::Derived, "TransactWriteItems")] {
        let scene = Scene::with(Faults::none()).await;
        for nth in 1..=5 {
            scene.faults.at(write, nth, Fault::TransactionConflict);
        }
        let first = commit(1, 0, id);
        scene.faulty.append(&stream("a"), Expected::NoStream, first).await.expect("it passed");
        assert_eq!(scene.entered("a").await, [1]);
    }
}

#[tokio::test]
async fn a_read_that_is_throttled_in_the_middle_is_an_error_and_not_an_end() {
    let scene = Scene::with(Faults::none()).await;
    for number in 1..=30 {
        scene.rival("a", number, Id::Generated).await;
    }
    for nth in 1..=4 {
        // The storm begins with the nth page.
        let page_size = 5;
        let before = scene.faults.requests("Query");
        for attempt in 0..ATTEMPTS {
            scene.faults.at("Query", nth + attempt, Fault::Throttled);
        }
        let read = scene.faulty.read(ReadStream::new(stream("a")).page_size(page_size));
        let pages: Result<Vec<_>, _> = read.try_collect().await;
        let error = pages.expect_err("the stream is not at its end");
        assert!(error.is_transient(), "{error:?}");
        assert!(scene.faults.requests("Query") - before >= nth + ATTEMPTS - 1);
    }
    scene.faults.stop();
    let ledger = scene.ledgers(1).load("a").await.expect("it passed");
    assert_eq!(ledger.lines.len(), 60);
}

#[tokio::test]
async fn a_command_goes_over_a_short_storm_in_one_call() {
    let scene = Scene::with(Faults::none()).await;
    for (operation, requests) in [("Query", ATTEMPTS - 1), ("PutItem", 2 * ATTEMPTS)] {
        for nth in 1..=requests {
            scene.faults.at(operation, nth, Fault::Throttled);
        }
    }
    let receipt = scene.ledgers(1).execute("a", Enter { number: 1 }).await.expect("it passed");
    assert_eq!(receipt.cost().throttles, 3 * ATTEMPTS - 1);
    assert_eq!(scene.entered("a").await, [1]);
}

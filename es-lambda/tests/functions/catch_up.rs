use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed};
use es_core::{AnyConsumer, Consumers, Projection};
use es_lambda::{CatchUpEnded, CatchUpFunction, FunctionError, catch_up};
use serde_json::json;

use crate::kit::{Desk, SECOND, fixture};
use crate::ledger::{Balances, balances, credit, credited, ledger};

const HOUR: std::time::Duration = std::time::Duration::from_secs(60 * 60);

fn function(desk: &Desk, consumers: impl Into<Consumers>) -> CatchUpFunction {
    catch_up(consumers).with_clock(desk.clock.clone())
}

/// The projection, of a process whose feed meets faults.
fn ledger_behind(store: &MemoryStore, desk: &Desk, faults: Faults) -> Projection<Balances> {
    let shared = Arc::new(store.clone());
    let feed = Arc::new(FaultyFeed::new(shared.clone(), faults));
    Projection::new(Balances::default(), feed, shared.clone(), shared)
        .unwrap()
        .with_batch_size(4)
        .with_clock(desk.clock.clone())
}

#[tokio::test]
async fn what_was_never_pushed_has_its_effect_once_whatever_the_event_says() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let function = function(&desk, ledger(&store, &desk, &[]));
    let mut expected = 0;
    for event in [fixture!("schedule"), json!({}), json!("test"), json!(null)] {
        credit(&store, "a", 5).await;
        expected += 5;
        let caught_up = function.invoke(desk.event(&event)).await.unwrap();
        assert_eq!((caught_up[0].applied, caught_up[0].parked), (1, 0));
        assert_eq!(caught_up[0].ended, CatchUpEnded::AtTheEnd);
        assert_eq!(balances(&store).await, [("a", expected)]);
        let again = function.invoke(desk.event(&event)).await.unwrap();
        assert_eq!(again[0].applied, 0);
    }
}

#[tokio::test]
async fn what_a_mapping_pushes_before_after_and_meanwhile_has_its_effect_once() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("b", 2), ("a", 4), ("b", 8), ("a", 16)]).await;
    // Each another process, as functions are; of stream `a` the last commit is given up.
    let pushed = |count: usize| {
        let (ledger, commits) = (ledger(&store, &desk, &[]), commits[..count].to_vec());
        async move { ledger.push(commits, HOUR).await }
    };
    assert_eq!(pushed(2).await.applied, 2);
    let function = function(&desk, ledger(&store, &desk, &[]));
    let event = desk.event(&fixture!("schedule"));
    let both = async { futures::join!(function.invoke(event), pushed(4)) };
    let (caught_up, meanwhile) = desk.within(20 * SECOND, both).await;
    assert_eq!(meanwhile.left, Vec::<usize>::new());
    assert_eq!(caught_up.unwrap()[0].applied + meanwhile.applied, 3, "each of them once");
    assert_eq!(pushed(5).await.applied, 0);
    assert_eq!(balances(&store).await, [("a", 21), ("b", 10)]);
}

#[tokio::test]
async fn it_ends_before_the_invocation_does_and_the_next_one_goes_on_from_there() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let credits: Vec<_> = (0..20).map(|_| ("a", 1)).collect();
    credited(&store, &credits).await;
    // Each page takes three seconds, and has four commits.
    let slow = Faults::none().with_clock(desk.clock.clone()).with_delay(3 * SECOND);
    let slow = slow.with_rate(Fault::Delay, 1.0);
    let function = function(&desk, ledger_behind(&store, &desk, slow));
    let mut applied = Vec::new();
    loop {
        let event = desk.event_with(&fixture!("schedule"), 20 * SECOND);
        let began = es_core::Clock::monotonic(&*desk.clock);
        let caught_up = desk.within(21 * SECOND, function.invoke(event)).await.unwrap();
        let took = es_core::Clock::monotonic(&*desk.clock) - began;
        assert!(took < 20 * SECOND, "{took:?}");
        applied.push(caught_up[0].applied);
        if caught_up[0].ended == CatchUpEnded::AtTheEnd {
            break;
        }
        assert_eq!((caught_up[0].ended, took), (CatchUpEnded::OutOfTime, 19 * SECOND));
    }
    assert!(applied.len() > 1, "it took several: {applied:?}");
    assert_eq!(applied.iter().sum::<u64>(), 20, "{applied:?}");
    assert_eq!(balances(&store).await, [("a", 20)]);
}

#[tokio::test]
async fn one_that_hangs_or_fails_leaves_the_others_their_turn_and_fails_the_invocation() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    credit(&store, "a", 5).await;
    let faults = || Faults::none().with_clock(desk.clock.clone()).with_delay(HOUR);
    let (hanging, failing) = (faults(), faults());
    hanging.at(Call::ReadFeed, 1, Fault::Delay);
    failing.at(Call::ReadFeed, 1, Fault::LostRequest);
    let slow = Faults::none().with_clock(desk.clock.clone()).with_delay(SECOND);
    let slow = slow.with_rate(Fault::Delay, 1.0);
    let working: Arc<dyn AnyConsumer> = Arc::new(ledger_behind(&store, &desk, slow));

    let consumers = Consumers::new()
        .with(Arc::new(ledger_behind(&store, &desk, hanging)))
        .with(working.clone());
    let function_of_both = function(&desk, consumers);
    let answer = function_of_both.invoke(desk.event(&fixture!("schedule")));
    let error = desk.within(30 * SECOND, answer).await.unwrap_err();
    assert!(matches!(&error, FunctionError::Again { error } if error.contains("a first step")));
    assert_eq!(balances(&store).await, [("a", 5)]);

    credit(&store, "a", 6).await;
    let consumers =
        Consumers::new().with(Arc::new(ledger_behind(&store, &desk, failing))).with(working);
    let function_of_both = function(&desk, consumers);
    let answer = function_of_both.invoke(desk.event(&fixture!("schedule")));
    let error = desk.within(30 * SECOND, answer).await.unwrap_err();
    assert!(
        matches!(&error, FunctionError::Again { error } if error.contains("ledger")),
        "{error}"
    );
    assert_eq!(balances(&store).await, [("a", 11)]);
}

#[tokio::test]
async fn a_consumer_that_is_paused_stays_as_it_is_and_is_no_failure() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let projection = Arc::new(ledger(&store, &desk, &[]));
    projection.prepare().await.unwrap();
    projection.pause().await.unwrap();
    credit(&store, "a", 5).await;
    let function = function(&desk, projection.clone());
    let caught_up = function.invoke(desk.event(&fixture!("schedule"))).await.unwrap();
    assert_eq!((caught_up[0].applied, caught_up[0].ended), (0, CatchUpEnded::Paused));
    projection.resume().await.unwrap();
    let caught_up = function.invoke(desk.event(&fixture!("schedule"))).await.unwrap();
    assert_eq!((caught_up[0].applied, caught_up[0].ended), (1, CatchUpEnded::AtTheEnd));
}

#[tokio::test]
async fn a_commit_that_fails_for_good_is_parked_and_told() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    credited(&store, &[("a", 5), ("b", 13)]).await;
    let function = function(&desk, ledger(&store, &desk, &[13]));
    let caught_up = function.invoke(desk.event(&fixture!("schedule"))).await.unwrap();
    let answer = serde_json::to_value(&caught_up).unwrap();
    let told = json!([{
        "consumer": "ledger_v1", "applied": 1, "parked": 1, "passed": 2, "ended": "at_the_end",
    }]);
    assert_eq!(answer, told);
}

#[tokio::test]
async fn a_function_without_consumers_fails() {
    let desk = Desk::new().await;
    let answer = function(&desk, Consumers::new()).invoke(desk.event(&fixture!("schedule"))).await;
    assert!(matches!(answer, Err(FunctionError::NoConsumer)), "{answer:?}");
}

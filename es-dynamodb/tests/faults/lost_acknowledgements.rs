//! An acknowledgement that is lost is neither an error nor a second effect: the caller sees success
//! once, and the log has the commit once.

use es_core::{Backoff, EventStore as _, ExecuteOptions, Expected, Repository, Version};
use es_dynamodb::Heads;

use crate::scene::{Id, Scene, commit, counted, write};
use crate::support::faults::{Fault, Faults};
use crate::support::ledger::{Enter, Ledger, stream};

const AFTER_IT_ACTED: [Fault; 2] = [Fault::LostAnswer, Fault::InternalErrorAfterwards];

#[tokio::test]
async fn a_lost_acknowledgement_is_not_a_conflict() {
    for id in [Id::Generated, Id::Derived] {
        for fault in AFTER_IT_ACTED {
            for heads in [Heads::Trusted, Heads::Checked] {
                let scene = Scene::with_options(Faults::none(), |it| it.heads(heads)).await;
                scene.rival("a", 1, id).await;
                let head = scene.head("a").await;
                // Four of the five times that the SDK asks.
                for nth in 1..=4 {
                    scene.faults.at(write(id), nth, fault);
                }
                let sent = commit(2, 2, id);
                let events = sent.events.clone();
                let appended = scene.faulty.append(&stream("a"), head, sent).await;
                let appended = appended.unwrap_or_else(|error| panic!("{id:?}: {error:?}"));
                assert_eq!(scene.faults.injected(fault), 4);
                assert_eq!(appended.commit.events(), &events);
                assert_eq!(scene.entered("a").await, [1, 2]);
            }
        }
    }
}

#[tokio::test]
async fn an_acknowledgement_lost_before_others_appended_is_not_a_conflict() {
    for id in [Id::Generated, Id::Derived] {
        for others in [1, 40] {
            let scene = Scene::with(Faults::none()).await;
            scene.rival("a", 1, id).await;
            let head = scene.head("a").await;
            scene.faults.at(write(id), 1, Fault::LostAnswer);
            if let Id::Derived = id {
                scene.faults.at(write(id), 2, Fault::TokenForgotten);
            }
            // Between the two times that the SDK asks.
            let plain = scene.plain.clone();
            scene.faults.before(write(id), 2, async move {
                let mut before = 5;
                for number in 3..3 + others {
                    let new = commit(number, before, id);
                    before += new.events.len() as u64;
                    plain.append(&stream("a"), Expected::Any, new).await.expect("it appends");
                }
            });
            let appended = scene.faulty.append(&stream("a"), head, commit(2, 2, id)).await;
            let appended = appended.unwrap_or_else(|error| panic!("{id:?}: {error:?}"));
            assert_eq!(appended.commit.first_version(), Version::new(3));
            assert_eq!(scene.entered("a").await, (1..3 + others).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_transaction_is_recognised_when_its_token_is_forgotten() {
    let scene = Scene::with(Faults::none()).await;
    scene.faults.at("TransactWriteItems", 1, Fault::LostAnswer);
    scene.faults.at("TransactWriteItems", 2, Fault::TokenForgotten);
    let first = commit(1, 0, Id::Derived);
    let appended = scene.faulty.append(&stream("a"), Expected::NoStream, first).await;
    assert!(appended.expect("its own items are in its way").duplicate);
    assert_eq!(scene.entered("a").await, [1]);
}

#[tokio::test]
async fn a_caller_that_gave_up_asks_long_after_and_gets_what_was_appended_first() {
    for id in [Id::Generated, Id::Derived] {
        for others in [0, 1, 60] {
            let scene = Scene::with(Faults::none()).await;
            scene.rival("a", 1, id).await;
            let head = scene.head("a").await;
            scene.faults.always(write(id), Fault::LostAnswer);
            let error = scene.faulty.append(&stream("a"), head, commit(2, 2, id)).await;
            let error = error.expect_err("no answer came through");
            assert!(error.is_transient(), "{error:?}");
            scene.faults.stop();
            for number in 3..3 + others {
                scene.rival("a", number, id).await;
            }
            // Under the head of then, and under that of now.
            for expected in [head, scene.head("a").await] {
                let again = scene.faulty.append(&stream("a"), expected, commit(2, 2, id)).await;
                let again = again.unwrap_or_else(|error| panic!("{id:?}, {others}: {error:?}"));
                assert!(again.duplicate);
                assert_eq!(again.commit.first_version(), Version::new(3));
            }
            assert_eq!(scene.entered("a").await, (1..3 + others).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_request_that_arrives_behind_its_own_repetition_has_no_second_effect() {
    for id in [Id::Generated, Id::Derived] {
        let scene = Scene::with(Faults::none()).await;
        for number in 1..=5 {
            scene.faults.at(write(id), 1, Fault::LateRequest);
            let head = scene.head("a").await;
            let before = scene.faulty.head(&stream("a")).await.expect("the log answers");
            let before = before.map_or(0, |head| head.version().get());
            let appended =
                scene.faulty.append(&stream("a"), head, commit(number, before, id)).await;
            appended.expect("the SDK asks again");
        }
        assert_eq!(scene.faults.injected(Fault::LateRequest), 5);
        assert_eq!(scene.entered("a").await, [1, 2, 3, 4, 5]);
    }
}

/// Asks until there is an answer, as a client with an idempotency key does.
async fn ask(ledgers: &Repository<Ledger>, id: &str, number: u64) {
    let key = || ExecuteOptions::new().idempotency_key(format!("request-{number}"));
    for _ in 0..100 {
        match ledgers.execute_with(id, Enter { number }, key()).await {
            Ok(_) => return,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("the faults let nothing through");
}

#[tokio::test]
async fn every_command_is_applied_once_whatever_is_lost_or_late() {
    for seed in 0..5 {
        let faults = Faults::seeded(seed).with_rates(Fault::PASSING, 0.05);
        let scene = Scene::with(faults).await;
        let few = |ledgers: Repository<Ledger>| ledgers.with_attempts(4, Backoff::default());
        // Two processes; in one, two requests share a cache.
        let plain = few(scene.ledgers(seed));
        let cached = few(scene.ledgers(seed + 100)).with_cache(4);
        let client = async |ledgers: &Repository<Ledger>, first: u64| {
            for number in (first..=24).step_by(3) {
                ask(ledgers, if number % 2 == 0 { "a" } else { "b" }, number).await;
            }
        };
        futures::join!(client(&plain, 1), client(&cached, 2), client(&cached, 3));

        scene.faults.stop();
        let mut numbers = Vec::new();
        for id in ["a", "b"] {
            let entered = scene.entered(id).await;
            for ledgers in [&plain, &cached] {
                let lines = ledgers.load(id).await.expect("it can be loaded").lines.clone();
                assert_eq!(lines.len() as u64, entered.iter().map(|it| 1 + it % 3).sum::<u64>());
            }
            numbers.extend(entered);
        }
        assert_eq!(counted(numbers), counted(1..=24), "seed {seed}");
        assert!(scene.faults.injections().len() > 10);
    }
}

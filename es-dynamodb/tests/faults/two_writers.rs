//! Writers on one head: exactly one wins, nothing is interleaved, and nothing is left out.

use es_core::{Backoff, Error, EventStore as _, Expected};

use crate::scene::{Id, Scene, commit, counted, write};
use crate::support::faults::{Fault, Faults};
use crate::support::ledger::{Enter, stream};

#[tokio::test]
async fn of_two_commits_of_different_lengths_on_one_head_one_wins() {
    let scene = Scene::with(Faults::none()).await;
    let ids = [
        (Id::Generated, Id::Generated),
        (Id::Generated, Id::Derived),
        (Id::Derived, Id::Generated),
        (Id::Derived, Id::Derived),
    ];
    // One line, two and three.
    for (ours, theirs) in [(3, 4), (4, 3), (3, 5), (5, 3), (4, 5), (5, 4), (3, 6)] {
        for (at, (our_id, their_id)) in ids.into_iter().enumerate() {
            let id = &format!("{ours}-{theirs}-{at}");
            scene.rival(id, 2, Id::Generated).await;
            let head = scene.head(id).await;
            let (plain, stream) = (scene.plain.clone(), stream(id));
            let rival = stream.clone();
            scene.faults.before(write(our_id), 1, async move {
                let first = plain.append(&rival, head, commit(theirs, 3, their_id)).await;
                first.expect("it is the first");
            });
            let lost = scene.faulty.append(&stream, head, commit(ours, 3, our_id)).await;
            let Err(Error::Conflict(conflict)) = lost else { panic!("{lost:?}") };
            let winner = conflict.winner.expect("the refusal brings it along");
            assert_eq!(winner.id(), commit(theirs, 3, their_id).id);
            assert_eq!(conflict.actual, Some(winner.head()));
            assert_eq!(scene.entered(id).await, [2, theirs]);
        }
    }
}

#[tokio::test]
async fn a_conflict_is_answered_with_one_more_request() {
    let scene = Scene::with(Faults::none()).await;
    let ledgers = scene.ledgers(1).with_cache(1);
    ledgers.execute("a", Enter { number: 2 }).await.expect("nobody else is there");
    scene.rival("a", 3, Id::Generated).await;
    let before = (scene.faults.requests("PutItem"), scene.faults.requests("Query"));
    let receipt = ledgers.execute("a", Enter { number: 4 }).await.expect("decided again");
    assert_eq!(receipt.attempts(), 2);
    assert_eq!(scene.faults.requests("PutItem") - before.0, 2);
    assert_eq!(scene.faults.requests("Query") - before.1, 0, "the winner came with the refusal");
    assert_eq!(scene.entered("a").await, [2, 3, 4]);
}

/// Processes that know nothing of each other.
#[tokio::test]
async fn commands_of_many_writers_are_each_decided_on_the_state_before_them() {
    for seed in 0..2 {
        let rates = [Fault::LostAnswer, Fault::LateRequest, Fault::ShortPage];
        let scene = Scene::with(Faults::seeded(seed).with_rates(&rates, 0.1)).await;
        let writers = (0..6).map(|writer| {
            let ledgers = scene.ledgers(seed * 100 + writer);
            let ledgers = ledgers.with_attempts(1_000, Backoff::default());
            async move {
                for step in 0..5 {
                    let command = Enter { number: writer * 10 + step };
                    ledgers.execute("a", command).await.expect("there is no end of attempts");
                }
            }
        });
        futures::future::join_all(writers).await;
        let all = (0..6).flat_map(|writer| (0..5).map(move |step| writer * 10 + step));
        assert_eq!(counted(scene.entered("a").await), counted(all), "seed {seed}");
    }
}

#[tokio::test]
async fn a_rival_that_creates_the_stream_is_a_conflict() {
    let scene = Scene::with(Faults::none()).await;
    let plain = scene.plain.clone();
    scene.faults.before("PutItem", 1, async move {
        let first = commit(1, 0, Id::Generated);
        plain.append(&stream("a"), Expected::NoStream, first).await.expect("it is the first");
    });
    let late = commit(2, 0, Id::Generated);
    let late = scene.faulty.append(&stream("a"), Expected::NoStream, late).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
}

//! Steps that come too late, of a worker that others have passed or of a request that was given up: they
//! change neither documents nor progress.

use es_core::{CheckpointStore as _, Feed as _, PartitionId, Position};

use crate::support::faults::Fault;
use crate::world::World;

const TRANSACTION: &str = "TransactWriteItems";

const COMMITS: u64 = 7;

async fn world() -> World {
    World::with_commits(1..COMMITS + 1).await
}

/// How many transactions a catching up is.
async fn transactions() -> u64 {
    let world = world().await;
    let done = world.pages().catch_up().await.expect("nothing is in the way");
    assert_eq!(done.applied, COMMITS);
    world.faults.requests(TRANSACTION)
}

/// Where the consumer is in each partition.
async fn positions(world: &World) -> Vec<(PartitionId, Position)> {
    let consumer = world.watching().id().clone();
    let mut positions = Vec::new();
    for partition in world.plain.partitions().await.expect("the feed answers") {
        let position = world.plain.load(&consumer, &partition.id).await.expect("it can be read");
        positions.push((partition.id, position));
    }
    positions
}

#[tokio::test]
async fn a_worker_that_wakes_up_when_another_one_has_done_its_work_changes_nothing() {
    let transactions = transactions().await;
    assert!(transactions > 5);
    for nth in 1..=transactions {
        let world = std::rc::Rc::new(world().await);
        let (other, done) = (world.watching(), tokio::sync::oneshot::channel());
        let (tell, told) = done;
        // It has read all that its step is made of, and stands still before it sends it.
        world.faults.before(TRANSACTION, nth, async move {
            let theirs = other.catch_up().await.expect("nothing is in the way");
            tell.send(theirs.applied).expect("it is waited for");
        });
        let worker = world.pages();
        let ours = worker.catch_up().await.expect("it goes on from where the other is").applied;
        let theirs = told.await.expect("the other was at work");
        assert_eq!(ours + theirs, COMMITS, "a step that is refused is not applied ({nth})");
        let refused = world.faults.sent().iter().filter(|sent| sent.status == Some(400)).count();
        assert_eq!(refused, 1, "the late step was refused ({nth})");
        let before = positions(&world).await;
        world.assert_shown().await;
        assert_eq!(worker.catch_up().await.expect("nothing is in the way").applied, 0);
        assert_eq!(positions(&world).await, before);
    }
}

#[tokio::test]
async fn a_step_that_arrives_behind_its_repetition_changes_nothing() {
    for nth in 1..=transactions().await {
        let world = world().await;
        world.faults.at(TRANSACTION, nth, Fault::LateRequest);
        // The repetition has another token: nothing but the conditions tells that it is the same.
        world.faults.at(TRANSACTION, nth + 1, Fault::TokenForgotten);
        world.pages().catch_up().await.expect("the SDK asks again");
        assert_eq!(world.faults.injected(Fault::LateRequest), 1);
        let before = positions(&world).await;
        // It arrives behind one of these at the latest.
        for _ in 0..3 {
            world.pages().catch_up().await.expect("nothing is in the way");
        }
        assert_eq!(positions(&world).await, before);
        world.assert_shown().await;
    }
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_done_once() {
    for nth in 1..=transactions().await {
        for forgotten in [false, true] {
            let world = world().await;
            world.faults.at(TRANSACTION, nth, Fault::LostAnswer);
            if forgotten {
                world.faults.at(TRANSACTION, nth + 1, Fault::TokenForgotten);
            }
            world.pages().catch_up().await.expect("its own step is in its way at most");
            world.assert_shown().await;
        }
    }
}

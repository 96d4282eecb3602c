//! A run and a sweep of one sweeper share its room.

use super::slow::Slow;
use super::*;

fn sweeps(sweeper: &Arc<DeadlineSweeper>) -> JoinHandle<Result<Swept>> {
    let sweeper = sweeper.clone();
    tokio::spawn(async move { sweeper.sweep().await })
}

#[tokio::test]
async fn a_sweep_beside_a_run_waits_for_the_room_that_the_run_leaves() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    for instance in ["a", "b", "c", "d", "e"] {
        handler.takes(instance, 3 * SECOND);
    }
    world.set(&[("a", -5), ("b", -4)]).await;
    let at_work = AtWork::begin(handler.sweeper(&world).with_concurrency(2)).await;
    assert_eq!(handler.notes(), ["a 7 begins", "b 7 begins"]);

    world.set(&[("c", -3), ("d", -2), ("e", -1)]).await;
    let sweeping = sweeps(&at_work.sweeper);
    settled().await;
    assert_eq!(at_work.sweeper.health().under_way.len(), 2, "all that may");
    assert_eq!(handler.notes(), [""; 0]);
    let mut most = 0;
    for _ in 0..9 {
        world.passes(1).await;
        most = most.max(at_work.sweeper.health().under_way.len());
    }
    assert_eq!(most, 2);
    let mut ended = handler.notes();
    ended.retain(|note| note.ends_with("ends"));
    ended.sort();
    assert_eq!(ended, ["a 7 ends", "b 7 ends", "c 7 ends", "d 7 ends", "e 7 ends"]);
    assert!(sweeping.is_finished(), "it returns when all of its own has fired");
    assert_eq!(sweeping.await.unwrap().unwrap().failed, 0);
    assert_eq!(world.left().await, [""; 0]);
    at_work.stops().await;
}

#[tokio::test]
async fn what_failed_has_half_of_the_room_of_two_sweeps_together() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    for instance in ["p1", "p2", "p3", "p4"] {
        handler.takes(instance, 1_000 * SECOND);
    }
    let sweeper = handler.sweeper(&world).with_concurrency(4).with_time_limit(5 * SECOND);
    let sweeper = Arc::new(sweeper);
    // They fail after five seconds, and are tried again ten later.
    let mut sweepings = Vec::new();
    for (pair, wait) in [(["p1", "p2"], 2), (["p3", "p4"], 13)] {
        world.set(&pair.map(|instance| (instance, -1))).await;
        sweepings.push(sweeps(&sweeper));
        settled().await;
        world.passes(wait).await;
    }
    handler.notes();
    sweepings.push(sweeps(&sweeper));
    settled().await;
    assert_eq!(handler.notes(), ["p1 7 begins", "p2 7 begins"]);
    world.passes(2).await;

    world.set(&[("new", -1)]).await;
    sweepings.push(sweeps(&sweeper));
    settled().await;
    assert_eq!(handler.notes(), ["new 7 begins", "new 7 ends"], "the other half is free");
    world.passes(3).await;
    let dropped = ["p1 7 dropped", "p2 7 dropped"].map(str::to_owned);
    let (ended, begun): (Vec<_>, Vec<_>) =
        handler.notes().into_iter().partition(|note| dropped.contains(note));
    assert_eq!((ended.len(), begun), (2, ["p3 7 begins", "p4 7 begins"].map(str::to_owned).into()));
    world.passes(5).await;
    let mut failed = 0;
    for sweeping in sweepings {
        assert!(sweeping.is_finished(), "it waits for nothing any more");
        failed += sweeping.await.unwrap().unwrap().failed;
    }
    assert_eq!(failed, 8);
}

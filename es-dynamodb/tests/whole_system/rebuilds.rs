//! A view is built again by several at once, while a worker is at it.

use std::cell::RefCell;
use std::time::Duration;

use es_core::Error;

use crate::simulation::{Fate, Simulation};
use crate::support::faults::Faults;
use crate::world::World;

const ENOUGH: Duration = Duration::from_secs(120);

#[tokio::test]
async fn of_several_rebuilds_one_is_done_and_the_others_are_told() {
    let mut fenced = 0;
    for seed in 0..4 {
        let world = World::with(Faults::none(), seed).await;
        world.enter(1..9).await;
        let outcomes = RefCell::new(Vec::new());
        let mut simulation = Simulation::new(world.clock.clone(), seed);
        for _ in 0..2 {
            simulation.add(Fate::default(), || async {
                let outcome = world.pages().rebuild(|_| {}).await;
                outcomes.borrow_mut().push(outcome.map(drop));
            });
        }
        simulation.add(Fate::default(), || async {
            let outcome = world.pages().catch_up().await;
            outcomes.borrow_mut().push(outcome.map(drop));
        });
        assert!(simulation.run(ENOUGH, async || outcomes.borrow().len() == 3).await);
        let outcomes = outcomes.take();
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, Error::Fenced { .. }), "{refused:?}");
            fenced += 1;
        }
        world.watching().catch_up().await.expect("nothing is in the way");
        world.assert_shown().await;
    }
    assert!(fenced > 0, "they were never in each other's way");
}

//! Random steps against the simplest store that keeps the contract: a set of what it was told.

use std::collections::BTreeSet;

use super::{Store, after_noon, consumer, next, of, page, remove, set};
use crate::checkpoint_store::ConsumerId;
use crate::deadline_store::{Deadline, DuePage, DueQuery};
use crate::testing::conformance::sample::Seed;

const SEEDS: u64 = 3;
const STEPS: usize = 60;
const PROCESSES: [&str; 2] = ["p", "q"];

pub(super) async fn random_steps_are_as_in_a_model(store: Store) {
    let mut model = BTreeSet::new();
    for seed in 0..SEEDS {
        let seed = Seed::new(seed);
        let mut rng = seed.rng();
        for _ in 0..STEPS {
            let some: Vec<Deadline> = (0..rng.usize(..40)).map(|_| any(&mut rng)).collect();
            if rng.bool() {
                set(&store, &some).await;
                model.extend(some);
            } else {
                remove(&store, &some).await;
                model.retain(|deadline| !some.contains(deadline));
            }
            for process in PROCESSES.map(consumer) {
                assert_same(&store, &model, process, &mut rng).await;
            }
        }
    }
}

/// One of so few that the same ones come again.
fn any(rng: &mut fastrand::Rng) -> Deadline {
    let process = if rng.bool() { PROCESSES[0] } else { PROCESSES[1] };
    let instance = format!("order-{}", rng.u8(..6));
    of(process, &instance, rng.u128(..3), after_noon(rng.i64(-4..4)))
}

async fn assert_same(
    store: &Store,
    model: &BTreeSet<Deadline>,
    process: ConsumerId,
    rng: &mut fastrand::Rng,
) {
    let of_process = || model.iter().filter(|deadline| *deadline.process() == process);
    assert_eq!(next(store, &process).await, of_process().next().map(Deadline::due));
    let query = DueQuery {
        until: after_noon(rng.i64(-5..5)),
        after: rng.bool().then(|| any(rng)).filter(|after| *after.process() == process),
        limit: rng.usize(1..20),
        process: process.clone(),
    };
    let mut due = of_process()
        .filter(|deadline| query.after.as_ref().is_none_or(|after| *deadline > after))
        .filter(|deadline| deadline.due() <= query.until);
    let deadlines = due.by_ref().take(query.limit).cloned().collect();
    let expected = DuePage { deadlines, more: due.next().is_some() };
    assert_eq!(page(store, &query).await, expected, "{query:?}");
}

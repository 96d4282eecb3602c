//! Leases change hands.

use std::sync::Arc;

use super::{
    Store, assert_lost, consumer, create, fence, held, list, progress, renew, stored, take, worker,
};
use crate::lease_store::{Lease, LeaseChange};
use crate::testing::conformance::concurrently::concurrently;

pub(super) async fn a_free_lease_is_taken(store: Store) {
    create(&store, "p").await;
    let seen = stored(&store, "p").await;
    let taken = take(&store, &seen, "one").await;
    let expected = Lease { owner: Some(worker("one")), counter: 1, ..seen };
    assert_eq!(taken, expected, "the answer to a take");
    assert_eq!(stored(&store, "p").await, expected);
}

pub(super) async fn a_lease_is_taken_from_another_worker(store: Store) {
    let mut seen = held(&store, "p", "one").await;
    for (n, by) in ["two", "ü", "one"].into_iter().enumerate() {
        let taken = take(&store, &seen, by).await;
        let expected = Lease {
            owner: Some(worker(by)),
            counter: seen.counter + 1,
            owner_switches: n as u64 + 1,
            ..seen
        };
        assert_eq!(taken, expected, "a lease that is taken away");
        assert_eq!(stored(&store, "p").await, expected);
        seen = taken;
    }
    // Nobody lost it to another here.
    let again = take(&store, &seen, "one").await;
    assert_eq!((again.owner_switches, again.counter), (3, seen.counter + 1));
}

pub(super) async fn a_lease_that_changed_since_it_was_seen_is_not_taken(store: Store) {
    create(&store, "p").await;
    let mut seen = vec![stored(&store, "p").await];
    let first = take(&store, &seen[0], "one").await;
    let renewed = renew(&store, &first).await;
    let written = store.checkpoint(&consumer("c"), &fence(&renewed), progress("1", 0, &[])).await;
    let written = super::had_its_effect(written, "a checkpoint by the owner");
    let released = store.release(&consumer("c"), &fence(&written)).await;
    let released = super::had_its_effect(released, "a release by the owner");
    let second = take(&store, &released, "two").await;
    seen.extend([first, renewed, written, released]);
    for seen in &seen {
        let take = LeaseChange::take(seen, &worker("three"));
        assert_lost(&store, vec![take], &format!("a take of what was seen at {}", seen.counter))
            .await;
    }
    assert_eq!(stored(&store, "p").await, second);
}

pub(super) async fn a_lease_that_is_not_there_is_not_taken(store: Store) {
    create(&store, "p").await;
    let seen = stored(&store, "p").await;
    for missing in ["q", "P", "p ü"] {
        let seen = Lease { partition: super::partition(missing), ..seen.clone() };
        assert_lost(&store, vec![LeaseChange::take(&seen, &worker("one"))], missing).await;
    }
    let outcome = store.take(&consumer("other"), &seen, &worker("one")).await;
    assert!(matches!(outcome, Ok(None)), "another consumer's lease was taken: {outcome:?}");
    assert_eq!(list(&store, "other").await, [], "a take makes no lease");
}

pub(super) async fn of_concurrent_takers_one_gets_the_lease(store: Store) {
    create(&store, "p").await;
    for round in 0..20 {
        let seen = stored(&store, "p").await;
        let taken = concurrently((0..8).map(|n| {
            let (store, seen) = (Arc::clone(&store), seen.clone());
            let by = worker(&format!("{round}-{n}"));
            async move { store.take(&consumer("c"), &seen, &by).await }
        }))
        .await;
        let mut winners = Vec::new();
        for outcome in taken {
            winners.extend(outcome.unwrap_or_else(|error| panic!("a take failed: {error}")));
        }
        assert_eq!(winners.len(), 1, "{} of 8 took the same lease", winners.len());
        assert_eq!(stored(&store, "p").await, winners[0]);
    }
}

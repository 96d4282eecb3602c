//! What an owner does with its lease, and a former owner cannot.

use std::sync::Arc;

use super::{
    Store, assert_lost, checkpoint, consumer, fence, had_its_effect, held, progress, renew, stored,
    take, uses, worker,
};
use crate::lease_store::{Lease, LeaseFence};
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::hostile_ids;

pub(super) async fn each_change_moves_the_counter_on_by_one(store: Store) {
    let mut lease = held(&store, "p", "one").await;
    assert_eq!(lease.counter, 1, "the counter after the first take");
    for _ in 0..3 {
        for change in uses(&fence(&lease)) {
            let change = crate::lease_store::LeaseChange { based_on: lease.counter, ..change };
            let changed = had_its_effect(store.change(&consumer("c"), change).await, "a change");
            assert_eq!(changed.counter, lease.counter + 1, "the counter after a change");
            assert_eq!(stored(&store, "p").await, changed);
            lease = changed;
        }
        lease = take(&store, &lease, "one").await;
    }
}

pub(super) async fn a_lost_lease_is_lost_for_everything(store: Store) {
    let first = held(&store, "p", "one").await;
    let renewed = renew(&store, &first).await;
    let stolen = take(&store, &renewed, "two").await;
    for (old, case) in [(&first, "a fence from before a renewal"), (&renewed, "a stolen lease")] {
        assert_lost(&store, uses(&fence(old)), case).await;
    }
    // The owner comes to have it again: what it held before does not count.
    let again = take(&store, &stolen, "one").await;
    let again = renew(&store, &again).await;
    assert_lost(&store, uses(&fence(&renewed)), "a fence from before it was stolen").await;
    assert_eq!(stored(&store, "p").await, again);
}

pub(super) async fn a_fence_of_another_worker_does_not_count(store: Store) {
    let held = held(&store, "p", "one").await;
    for other in ["two", "One", "one1", "o"] {
        let made_up = LeaseFence { owner: worker(other), ..fence(&held) };
        assert_lost(&store, uses(&made_up), &format!("{other} in place of one")).await;
    }
    let released = store.release(&consumer("c"), &fence(&held)).await;
    let released = had_its_effect(released, "a release by the owner");
    let made_up = LeaseFence { counter: released.counter, ..fence(&held) };
    assert_lost(&store, uses(&made_up), "a lease that nobody has").await;
}

pub(super) async fn a_fence_that_never_was_does_not_count(store: Store) {
    let held = held(&store, "p", "one").await;
    for ahead in [1, 2, 1_000] {
        let made_up = LeaseFence { counter: held.counter + ahead, ..fence(&held) };
        assert_lost(&store, uses(&made_up), &format!("a counter that is {ahead} ahead")).await;
    }
    let made_up = LeaseFence { partition: super::partition("q"), ..fence(&held) };
    assert_lost(&store, uses(&made_up), "a partition without a lease").await;
}

pub(super) async fn a_checkpoint_comes_back(store: Store) {
    let mut lease = held(&store, "p", "one").await;
    let mut places = hostile_ids();
    places.extend(["".to_owned(), "9".repeat(1_000), "a\nb\0c".to_owned()]);
    for (n, place) in places.iter().enumerate() {
        // A checkpoint says that the owner gets on with it.
        lease = take(&store, &lease, if n % 2 == 0 { "two" } else { "one" }).await;
        assert!(lease.owner_switches > 0, "an owner switch was not counted");
        let sub_sequence = [0, 1, u64::from(u32::MAX)][n % 3];
        let children: &[&str] = [&["b", "a"][..], &[], &["ü 1"]][n % 3];
        let written = progress(place, sub_sequence, children);
        let saved = store.checkpoint(&consumer("c"), &fence(&lease), written.clone()).await;
        let saved = had_its_effect(saved, "a checkpoint by the owner");
        let expected =
            Lease { counter: lease.counter + 1, progress: written, owner_switches: 0, ..lease };
        assert_eq!(saved, expected, "the answer to a checkpoint");
        assert_eq!(stored(&store, "p").await, expected);
        lease = saved;
    }
}

pub(super) async fn an_older_checkpoint_that_comes_late_changes_nothing(store: Store) {
    let held = held(&store, "p", "one").await;
    let early = fence(&held);
    let newer = store.checkpoint(&consumer("c"), &early, progress("2", 0, &[])).await;
    let newer = had_its_effect(newer, "a checkpoint by the owner");
    let late = store.checkpoint(&consumer("c"), &early, progress("1", 0, &[])).await;
    assert!(matches!(late, Ok(None)), "a fence was used for two checkpoints: {late:?}");
    assert_eq!(stored(&store, "p").await, newer);
    let renewed = renew(&store, &newer).await;
    let late = store.checkpoint(&consumer("c"), &fence(&newer), progress("1", 0, &[])).await;
    assert!(matches!(late, Ok(None)), "a checkpoint on a fence that was renewed: {late:?}");
    assert_eq!(stored(&store, "p").await.progress.checkpoint, checkpoint("2"));
    assert_eq!(stored(&store, "p").await, renewed);
}

pub(super) async fn a_renewal_leaves_the_progress_alone(store: Store) {
    let held = held(&store, "p", "one").await;
    let there = progress("1", 3, &["child"]);
    let written = store.checkpoint(&consumer("c"), &fence(&held), there).await;
    let written = had_its_effect(written, "a checkpoint by the owner");
    let stolen = take(&store, &written, "two").await;
    let renewed = renew(&store, &renew(&store, &stolen).await).await;
    let expected = Lease {
        owner: Some(worker("two")),
        counter: written.counter + 3,
        owner_switches: 1,
        ..written
    };
    assert_eq!(renewed, expected);
    assert_eq!(stored(&store, "p").await, expected);
}

pub(super) async fn a_released_lease_is_free(store: Store) {
    let held = held(&store, "p", "one").await;
    let written = store.checkpoint(&consumer("c"), &fence(&held), progress("1", 0, &[])).await;
    let written = had_its_effect(written, "a checkpoint by the owner");
    let released = store.release(&consumer("c"), &fence(&written)).await;
    let released = had_its_effect(released, "a release by the owner");
    let expected = Lease { owner: None, counter: written.counter + 1, ..written.clone() };
    assert_eq!(released, expected, "the answer to a release");
    assert_eq!(stored(&store, "p").await, expected);
    let renewals = vec![crate::lease_store::LeaseChange::renew(&fence(&written))];
    assert_lost(&store, renewals, "a renewal of what was released").await;
    let taken = take(&store, &released, "two").await;
    assert_eq!(taken.owner_switches, 0, "nobody lost it");
    assert_eq!(taken.progress.checkpoint, checkpoint("1"), "the next owner begins there");
}

pub(super) async fn leases_of_partitions_are_kept_apart(store: Store) {
    let mut leases = Vec::new();
    for (n, name) in hostile_ids().iter().enumerate() {
        let lease = held(&store, name, &format!("worker-{n}")).await;
        let written = progress(name, n as u64, &[name]);
        let written = store.checkpoint(&consumer("c"), &fence(&lease), written).await;
        leases.push(had_its_effect(written, "a checkpoint by the owner"));
    }
    for lease in &leases {
        assert_eq!(stored(&store, lease.partition.as_str()).await, *lease);
    }
}

pub(super) async fn of_a_renewal_and_a_take_one_succeeds(store: Store) {
    let mut lease = held(&store, "p", "0").await;
    for round in 0..20 {
        let outcomes = concurrently((0..2).map(|n| {
            let (store, lease) = (Arc::clone(&store), lease.clone());
            let thief = worker(&format!("{}", round + 1));
            async move {
                match n {
                    0 => store.renew(&consumer("c"), &fence(&lease)).await,
                    _ => store.take(&consumer("c"), &lease, &thief).await,
                }
            }
        }))
        .await;
        let mut changed = Vec::new();
        for outcome in outcomes {
            changed.extend(outcome.unwrap_or_else(|error| panic!("a change failed: {error}")));
        }
        assert_eq!(changed.len(), 1, "of a renewal and a take {} succeed", changed.len());
        lease = changed.remove(0);
        assert_eq!(stored(&store, "p").await, lease);
    }
}

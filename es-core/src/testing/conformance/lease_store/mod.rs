//! The rules of [`LeaseStore`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Fixture;
use super::checkpoint_store::{checkpoint, consumer, partition};
use crate::error::Result;
use crate::lease_store::{
    Lease, LeaseChange, LeaseFence, LeaseProgress, LeaseStore, NewLease, WorkerId,
};

mod creating;
mod deleting;
mod holding;
mod repeating;
mod taking;

/// What the rules are about.
pub type Store = Arc<dyn LeaseStore>;

impl<S: LeaseStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    lease_store for Store, tested by lease_store_conformance;
    creating: [
        a_new_lease_is_free_and_as_it_was_given,
        a_lease_is_created_once,
        leases_are_listed_by_partition,
        leases_of_consumers_are_kept_apart,
        of_concurrent_creators_one_makes_the_lease,
    ],
    taking: [
        a_free_lease_is_taken,
        a_lease_is_taken_from_another_worker,
        a_lease_that_changed_since_it_was_seen_is_not_taken,
        a_lease_that_is_not_there_is_not_taken,
        of_concurrent_takers_one_gets_the_lease,
    ],
    holding: [
        each_change_moves_the_counter_on_by_one,
        a_lost_lease_is_lost_for_everything,
        a_fence_of_another_worker_does_not_count,
        a_fence_that_never_was_does_not_count,
        a_checkpoint_comes_back,
        an_older_checkpoint_that_comes_late_changes_nothing,
        a_renewal_leaves_the_progress_alone,
        a_released_lease_is_free,
        leases_of_partitions_are_kept_apart,
        of_a_renewal_and_a_take_one_succeeds,
    ],
    repeating: [
        a_change_that_comes_again_is_answered_as_the_first_time,
        a_change_that_comes_again_after_another_is_lost,
    ],
    deleting: [
        a_deleted_lease_is_gone,
        a_lease_that_changed_since_it_was_seen_is_not_deleted,
        a_lease_that_is_made_again_begins_anew,
    ],
}

fn worker(id: &str) -> WorkerId {
    WorkerId::new(id).expect("the rules use valid workers")
}

/// What the rules do where it must succeed, for consumer `c`.
async fn create(store: &Store, of: &str) {
    let created = store.create(&consumer("c"), NewLease::new(partition(of))).await;
    let created = created.unwrap_or_else(|error| panic!("a lease cannot be made: {error}"));
    assert!(created, "there was a lease of {of} before");
}

async fn list(store: &Store, by: &str) -> Vec<Lease> {
    let listed = store.leases(&consumer(by)).await;
    listed.unwrap_or_else(|error| panic!("leases cannot be listed: {error}"))
}

/// The stored lease of consumer `c`.
async fn stored(store: &Store, of: &str) -> Lease {
    let listed = list(store, "c").await;
    let found = listed.into_iter().find(|lease| lease.partition == partition(of));
    found.unwrap_or_else(|| panic!("there is no lease of {of}"))
}

async fn take(store: &Store, seen: &Lease, by: &str) -> Lease {
    let taken = store.take(&consumer("c"), seen, &worker(by)).await;
    had_its_effect(taken, "a take of a lease as it is")
}

/// The lease of partition `of`, made and taken.
async fn held(store: &Store, of: &str, by: &str) -> Lease {
    create(store, of).await;
    take(store, &stored(store, of).await, by).await
}

async fn renew(store: &Store, held: &Lease) -> Lease {
    had_its_effect(store.renew(&consumer("c"), &fence(held)).await, "a renewal by the owner")
}

fn fence(held: &Lease) -> LeaseFence {
    held.fence().unwrap_or_else(|| panic!("the lease of {} is free", held.partition))
}

fn progress(place: &str, sub_sequence: u64, children: &[&str]) -> LeaseProgress {
    let children: BTreeSet<_> = children.iter().map(|child| partition(child)).collect();
    LeaseProgress { checkpoint: checkpoint(place), sub_sequence, children }
}

fn had_its_effect(outcome: Result<Option<Lease>>, what: &str) -> Lease {
    match outcome {
        Ok(Some(lease)) => lease,
        outcome => panic!("{what} was not done, but {outcome:?}"),
    }
}

/// Panics unless each change is lost, and leaves the lease as it is.
async fn assert_lost(store: &Store, changes: Vec<LeaseChange>, case: &str) {
    for change in changes {
        let before = list(store, "c").await;
        let outcome = store.change(&consumer("c"), change.clone()).await;
        assert!(matches!(outcome, Ok(None)), "{case}: not lost, but {outcome:?} for {change:?}");
        assert_eq!(list(store, "c").await, before, "{case}: what was lost wrote");
    }
}

/// Everything that an owner does with its lease.
fn uses(fence: &LeaseFence) -> Vec<LeaseChange> {
    vec![
        LeaseChange::renew(fence),
        LeaseChange::checkpoint(fence, progress("late", 7, &["late"])),
        LeaseChange::release(fence),
    ]
}

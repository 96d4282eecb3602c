//! Lease stores that are broken in one way each.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::lease_store::SUITE;
use es_core::{ConsumerId, Lease, LeaseChange, LeaseStore, NewLease, PartitionId, Result};

use crate::{Window, assert_breaks, assert_keeps};

/// Leases with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug, Default)]
struct Broken<F> {
    inner: MemoryStore,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Default + Send + Sync + 'static {
    async fn create(&self, by: &MemoryStore, of: &ConsumerId, lease: NewLease) -> Result<bool> {
        by.create(of, lease).await
    }

    async fn leases(&self, by: &MemoryStore, of: &ConsumerId) -> Result<Vec<Lease>> {
        by.leases(of).await
    }

    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        change: LeaseChange,
    ) -> Result<Option<Lease>> {
        by.change(of, change).await
    }

    async fn delete(&self, by: &MemoryStore, of: &ConsumerId, seen: &Lease) -> Result<bool> {
        LeaseStore::delete(by, of, seen).await
    }
}

#[async_trait]
impl<F: Fault> LeaseStore for Broken<F> {
    async fn create(&self, of: &ConsumerId, lease: NewLease) -> Result<bool> {
        self.fault.create(&self.inner, of, lease).await
    }

    async fn leases(&self, of: &ConsumerId) -> Result<Vec<Lease>> {
        self.fault.leases(&self.inner, of).await
    }

    async fn change(&self, of: &ConsumerId, change: LeaseChange) -> Result<Option<Lease>> {
        self.fault.change(&self.inner, of, change).await
    }

    async fn delete(&self, of: &ConsumerId, seen: &Lease) -> Result<bool> {
        self.fault.delete(&self.inner, of, seen).await
    }
}

async fn stored(by: &MemoryStore, of: &ConsumerId, partition: &PartitionId) -> Option<Lease> {
    let leases = by.leases(of).await.expect("memory does not fail");
    leases.into_iter().find(|lease| lease.partition == *partition)
}

/// Asks for the owner, and not for the counter.
#[derive(Debug, Default)]
struct WithoutCounter;

#[async_trait]
impl Fault for WithoutCounter {
    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        mut change: LeaseChange,
    ) -> Result<Option<Lease>> {
        if let Some(stored) = stored(by, of, &change.partition).await {
            change.based_on = stored.counter;
        }
        by.change(of, change).await
    }
}

#[tokio::test]
async fn leases_without_a_fence_are_found() {
    let rules = [
        ("a_lease_that_changed_since_it_was_seen_is_not_taken", "seen at 0: not lost, but Ok(Some"),
        ("a_lost_lease_is_lost_for_everything", "from before it was stolen: not lost"),
        ("a_fence_that_never_was_does_not_count", "1 ahead: not lost"),
        ("an_older_checkpoint_that_comes_late_changes_nothing", "used for two checkpoints"),
        ("a_change_that_comes_again_is_answered_as_the_first_time", "that comes again"),
        ("of_concurrent_takers_one_gets_the_lease", "took the same lease"),
    ];
    assert_breaks(&SUITE, Broken::<WithoutCounter>::default, &rules).await;
    let rules = ["a_free_lease_is_taken", "a_fence_of_another_worker_does_not_count"];
    assert_keeps(&SUITE, Broken::<WithoutCounter>::default, &rules).await;
}

/// Asks for the counter, and not for the owner.
#[derive(Debug, Default)]
struct WithoutOwner;

#[async_trait]
impl Fault for WithoutOwner {
    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        change: LeaseChange,
    ) -> Result<Option<Lease>> {
        by.change(of, LeaseChange { held_by: None, ..change }).await
    }
}

#[tokio::test]
async fn leases_that_anybody_renews_are_found() {
    let rules = [("a_fence_of_another_worker_does_not_count", "two in place of one: not lost")];
    assert_breaks(&SUITE, Broken::<WithoutOwner>::default, &rules).await;
    let rules = ["a_lease_that_changed_since_it_was_seen_is_not_taken"];
    assert_keeps(&SUITE, Broken::<WithoutOwner>::default, &rules).await;
}

/// Takes its own write, whose answer was lost, for somebody else's.
#[derive(Debug, Default)]
struct Forgetful;

#[async_trait]
impl Fault for Forgetful {
    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        change: LeaseChange,
    ) -> Result<Option<Lease>> {
        let stored = stored(by, of, &change.partition).await;
        if stored.is_some_and(|stored| stored.counter == change.next_counter()) {
            return Ok(None);
        }
        by.change(of, change).await
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_that_loses_the_lease_is_found() {
    let rule = "a_change_that_comes_again_is_answered_as_the_first_time";
    assert_breaks(&SUITE, Broken::<Forgetful>::default, &[(rule, "was not done, but Ok(None)")])
        .await;
}

/// Takes whatever its owner has written last for the change that comes again.
#[derive(Debug, Default)]
struct Credulous;

#[async_trait]
impl Fault for Credulous {
    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        change: LeaseChange,
    ) -> Result<Option<Lease>> {
        let stored = stored(by, of, &change.partition).await;
        let made = stored.filter(|stored| {
            stored.counter == change.next_counter() && stored.owner == change.owner
        });
        if made.is_some() {
            return Ok(made);
        }
        by.change(of, change).await
    }
}

#[tokio::test]
async fn a_late_checkpoint_that_seems_written_is_found() {
    let rule = "an_older_checkpoint_that_comes_late_changes_nothing";
    assert_breaks(&SUITE, Broken::<Credulous>::default, &[(rule, "used for two checkpoints")])
        .await;
    let rules = ["a_change_that_comes_again_is_answered_as_the_first_time"];
    assert_keeps(&SUITE, Broken::<Credulous>::default, &rules).await;
}

/// Looks first and writes then.
#[derive(Debug, Default)]
struct LooksFirst(Window);

#[async_trait]
impl Fault for LooksFirst {
    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        change: LeaseChange,
    ) -> Result<Option<Lease>> {
        let before = stored(by, of, &change.partition).await;
        if before.is_none_or(|before| before.counter != change.based_on) {
            return by.change(of, change).await;
        }
        self.0.stay().await;
        let change = LeaseChange { held_by: None, ..change };
        let outcome = WithoutCounter.change(by, of, change).await;
        self.0.pass();
        outcome
    }
}

#[tokio::test]
async fn a_condition_that_is_not_part_of_the_write_is_found() {
    let rules = [
        ("of_concurrent_takers_one_gets_the_lease", "of 8 took the same lease"),
        ("of_a_renewal_and_a_take_one_succeeds", "of a renewal and a take"),
    ];
    assert_breaks(&SUITE, Broken::<LooksFirst>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<LooksFirst>::default, &["a_checkpoint_comes_back"]).await;
}

/// Makes leases over those that are there.
#[derive(Debug, Default)]
struct MakesAnew;

#[async_trait]
impl Fault for MakesAnew {
    async fn create(&self, by: &MemoryStore, of: &ConsumerId, lease: NewLease) -> Result<bool> {
        if let Some(stored) = stored(by, of, &lease.partition).await {
            LeaseStore::delete(by, of, &stored).await?;
        }
        by.create(of, lease).await
    }
}

#[tokio::test]
async fn a_lease_that_is_made_twice_is_found() {
    let rules = [("a_lease_is_created_once", "made a second time: Ok(true)")];
    assert_breaks(&SUITE, Broken::<MakesAnew>::default, &rules).await;
}

/// Deletes leases as they are now.
#[derive(Debug, Default)]
struct DeletesWhatIsThere;

#[async_trait]
impl Fault for DeletesWhatIsThere {
    async fn delete(&self, by: &MemoryStore, of: &ConsumerId, seen: &Lease) -> Result<bool> {
        match stored(by, of, &seen.partition).await {
            Some(stored) => LeaseStore::delete(by, of, &stored).await,
            None => Ok(true),
        }
    }
}

#[tokio::test]
async fn a_delete_without_a_fence_is_found() {
    let rules = [("a_lease_that_changed_since_it_was_seen_is_not_deleted", "deleted as it was")];
    assert_breaks(&SUITE, Broken::<DeletesWhatIsThere>::default, &rules).await;
    assert_keeps(&SUITE, Broken::<DeletesWhatIsThere>::default, &["a_deleted_lease_is_gone"]).await;
}

/// Reads one page.
#[derive(Debug, Default)]
struct OnePage;

#[async_trait]
impl Fault for OnePage {
    async fn leases(&self, by: &MemoryStore, of: &ConsumerId) -> Result<Vec<Lease>> {
        let mut leases = by.leases(of).await?;
        leases.truncate(250);
        Ok(leases)
    }
}

#[tokio::test]
async fn a_listing_that_is_cut_is_found() {
    let rules = [("leases_are_listed_by_partition", "left")];
    assert_breaks(&SUITE, Broken::<OnePage>::default, &rules).await;
}

/// Writes the place, and forgets what else belongs to a checkpoint.
#[derive(Debug, Default)]
struct PlaceOnly;

#[async_trait]
impl Fault for PlaceOnly {
    async fn change(
        &self,
        by: &MemoryStore,
        of: &ConsumerId,
        change: LeaseChange,
    ) -> Result<Option<Lease>> {
        by.change(of, LeaseChange { owner_switches: None, ..change }).await
    }
}

#[tokio::test]
async fn owner_switches_that_are_not_counted_are_found() {
    let rules = [
        ("a_checkpoint_comes_back", "an owner switch was not counted"),
        ("a_lease_is_taken_from_another_worker", "a lease that is taken away"),
    ];
    assert_breaks(&SUITE, Broken::<PlaceOnly>::default, &rules).await;
}

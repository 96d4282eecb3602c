//! Leases of partitions that are gone.

use super::{
    Store, assert_lost, consumer, create, fence, held, list, progress, renew, stored, take, uses,
};
use crate::lease_store::Lease;

async fn delete(store: &Store, seen: &Lease) -> bool {
    let deleted = store.delete(&consumer("c"), seen).await;
    deleted.unwrap_or_else(|error| panic!("a lease cannot be deleted: {error}"))
}

pub(super) async fn a_deleted_lease_is_gone(store: Store) {
    let (lease, kept) = (held(&store, "p", "one").await, held(&store, "q", "one").await);
    for _ in 0..2 {
        // The second time there is none, and that is fine.
        assert!(delete(&store, &lease).await, "a lease as it was seen is deleted");
        assert_eq!(list(&store, "c").await, std::slice::from_ref(&kept));
    }
    assert_lost(&store, uses(&fence(&lease)), "a lease that was deleted").await;
}

pub(super) async fn a_lease_that_changed_since_it_was_seen_is_not_deleted(store: Store) {
    create(&store, "p").await;
    let seen = stored(&store, "p").await;
    let taken = take(&store, &seen, "one").await;
    let renewed = renew(&store, &taken).await;
    for seen in [&seen, &taken] {
        assert!(!delete(&store, seen).await, "deleted as it was at {}", seen.counter);
        assert_eq!(stored(&store, "p").await, renewed);
    }
}

pub(super) async fn a_lease_that_is_made_again_begins_anew(store: Store) {
    let lease = held(&store, "p", "one").await;
    let written = store.checkpoint(&consumer("c"), &fence(&lease), progress("1", 1, &["x"])).await;
    let written = super::had_its_effect(written, "a checkpoint by the owner");
    assert!(delete(&store, &written).await);
    create(&store, "p").await;
    let again = stored(&store, "p").await;
    assert_eq!((again.owner.as_ref(), again.counter, again.owner_switches), (None, 0, 0));
    assert_eq!(again.progress, progress("", 0, &[]));
    // Also once another owner's counter is as that of the old one.
    take(&store, &again, "two").await;
    assert_lost(&store, uses(&fence(&lease)), "a lease from before it was deleted").await;
}

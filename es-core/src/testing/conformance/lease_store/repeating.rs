//! Answers are lost, and requests come again.

use super::{
    Store, assert_lost, consumer, create, fence, had_its_effect, progress, stored, take, worker,
};
use crate::lease_store::{Lease, LeaseChange};

pub(super) async fn a_change_that_comes_again_is_answered_as_the_first_time(store: Store) {
    create(&store, "p").await;
    for change in all_in_turn() {
        let lease = stored(&store, "p").await;
        let change = change(&lease);
        let first = store.change(&consumer("c"), change.clone()).await;
        let first = had_its_effect(first, "a change");
        for _ in 0..2 {
            let again = store.change(&consumer("c"), change.clone()).await;
            let again = had_its_effect(again, "a change that comes again");
            assert_eq!(again, first, "the answer to {change:?} that comes again");
            assert_eq!(stored(&store, "p").await, first, "what came again wrote");
        }
    }
}

pub(super) async fn a_change_that_comes_again_after_another_is_lost(store: Store) {
    create(&store, "p").await;
    for change in all_in_turn() {
        let lease = stored(&store, "p").await;
        let owner = lease.owner.clone();
        let change = change(&lease);
        let made = store.change(&consumer("c"), change.clone()).await;
        let stolen = take(&store, &had_its_effect(made, "a change"), "thief").await;
        assert_lost(&store, vec![change], "a change that comes again after a take").await;
        // As the next change expects it.
        match owner {
            Some(owner) => drop(take(&store, &stolen, owner.as_str()).await),
            None => drop(take(&store, &stolen, "one").await),
        }
    }
}

type MakeChange = fn(&Lease) -> LeaseChange;

/// One change of each kind. Each is made to the lease as the one before left it.
fn all_in_turn() -> [MakeChange; 5] {
    [
        |lease| LeaseChange::take(lease, &worker("one")),
        |lease| LeaseChange::renew(&fence(lease)),
        |lease| LeaseChange::checkpoint(&fence(lease), progress("1", 2, &["child"])),
        |lease| LeaseChange::take(lease, &worker("two")),
        |lease| LeaseChange::release(&fence(lease)),
    ]
}

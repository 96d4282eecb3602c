//! Leases come into being, and are listed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Store, consumer, create, held, list, partition, stored};
use crate::feed::Checkpoint;
use crate::lease_store::{HashRange, Lease, LeaseProgress, NewLease};
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::hostile_ids;

pub(super) async fn a_new_lease_is_free_and_as_it_was_given(store: Store) {
    let both_ends = [(0, 0), (1, u128::MAX), (u128::MAX / 2, u128::MAX / 2 + 1)];
    let hash_ranges = both_ends.map(|(start, end)| Some(HashRange { start, end }));
    let parents: [&[&str]; 3] = [&[], &["p"], &["b", "a", "ü 1"]];
    let mut n = 0;
    for hash_range in hash_ranges.into_iter().chain([None]) {
        for (parents, place) in parents.iter().zip(["", "TRIM_HORIZON", "49590338271490256608559"])
        {
            n += 1;
            let new = NewLease {
                partition: partition(&n.to_string()),
                checkpoint: Checkpoint::from_stored(place),
                parents: parents.iter().map(|parent| partition(parent)).collect(),
                hash_range,
            };
            let created = store.create(&consumer("c"), new.clone()).await;
            assert!(matches!(created, Ok(true)), "not made, but {created:?}");
            let expected = Lease {
                partition: new.partition,
                owner: None,
                counter: 0,
                progress: LeaseProgress {
                    checkpoint: new.checkpoint,
                    sub_sequence: 0,
                    children: BTreeSet::new(),
                },
                owner_switches: 0,
                parents: new.parents,
                hash_range,
            };
            assert_eq!(stored(&store, &n.to_string()).await, expected);
        }
    }
}

pub(super) async fn a_lease_is_created_once(store: Store) {
    let held = held(&store, "p", "one").await;
    let other = NewLease {
        checkpoint: Checkpoint::from_stored("other"),
        parents: [partition("other")].into(),
        ..NewLease::new(partition("p"))
    };
    let created = store.create(&consumer("c"), other).await;
    assert!(matches!(created, Ok(false)), "made a second time: {created:?}");
    assert_eq!(stored(&store, "p").await, held, "a lease that was there");
}

pub(super) async fn leases_are_listed_by_partition(store: Store) {
    assert_eq!(list(&store, "c").await, []);
    let mut names = hostile_ids();
    names.extend((0..200).map(|n| format!("shardId-{:012}", n * 7919 % 200)));
    // Long names, so that a listing does not fit into one page of a service.
    names.extend((0..20).map(|n| format!("{n:02}{}", "x".repeat(198))));
    for name in &names {
        create(&store, name).await;
    }
    names.sort_unstable();
    let listed = list(&store, "c").await;
    let listed: Vec<_> = listed.iter().map(|lease| lease.partition.as_str()).collect();
    assert_eq!(listed, names);
}

pub(super) async fn leases_of_consumers_are_kept_apart(store: Store) {
    let names: Vec<_> = hostile_ids().into_iter().filter(|id| id.len() <= 100).collect();
    for (n, name) in names.iter().enumerate() {
        let lease = NewLease::new(partition(&n.to_string()));
        let created = store.create(&consumer(name), lease).await;
        assert!(matches!(created, Ok(true)), "not made, but {created:?}");
    }
    for (n, name) in names.iter().enumerate() {
        let listed = list(&store, name).await;
        let listed: Vec<_> = listed.iter().map(|lease| lease.partition.as_str()).collect();
        assert_eq!(listed, [n.to_string()], "the leases of {name:?}");
    }
}

pub(super) async fn of_concurrent_creators_one_makes_the_lease(store: Store) {
    for round in 0..10 {
        let name = round.to_string();
        let created = concurrently((0..8).map(|n| {
            let (store, name) = (Arc::clone(&store), name.clone());
            let checkpoint = Checkpoint::from_position(n);
            let lease = NewLease { checkpoint, ..NewLease::new(partition(&name)) };
            async move { store.create(&consumer("c"), lease).await }
        }))
        .await;
        let made: Vec<_> =
            (0..8).filter(|&n| matches!(created[n as usize], Ok(true))).collect::<Vec<u64>>();
        assert_eq!(made.len(), 1, "{} of 8 made the same lease", made.len());
        let checkpoint = stored(&store, &name).await.progress.checkpoint;
        assert_eq!(checkpoint, Checkpoint::from_position(made[0]));
    }
}

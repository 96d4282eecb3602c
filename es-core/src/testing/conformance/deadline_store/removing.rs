//! Deadlines are cancelled, or done.

use std::slice::from_ref;

use super::{Store, after_noon, all, deadline, due, next, noon, of, process, remove, set, sorted};
use crate::testing::conformance::checkpoint_store::consumer;

pub(super) async fn a_removed_deadline_is_gone(store: Store) {
    let (pay, ship) = (deadline("order-17", 7, noon()), deadline("order-17", 8, after_noon(5)));
    set(&store, &[pay.clone(), ship.clone()]).await;
    remove(&store, &[pay]).await;
    assert_eq!(all(&store).await, from_ref(&ship));
    assert_eq!(next(&store, &process()).await, Some(after_noon(5)), "the next of what is left");
    remove(&store, &[ship]).await;
    assert_eq!(all(&store).await, []);
    assert_eq!(next(&store, &process()).await, None, "the next of nothing");
}

pub(super) async fn removing_what_is_not_there_changes_nothing(store: Store) {
    let pay = deadline("order-17", 7, noon());
    remove(&store, from_ref(&pay)).await;
    remove(&store, &[]).await;
    set(&store, &[pay.clone(), of("q", "order-17", 7, noon())]).await;
    let others = [
        deadline("order-17", 7, after_noon(1)),
        deadline("order-17", 7, after_noon(-1)),
        deadline("order-17", 8, noon()),
        deadline("order-18", 7, noon()),
        deadline("ORDER-17", 7, noon()),
    ];
    for other in &others {
        remove(&store, from_ref(other)).await;
        assert_eq!(all(&store).await, from_ref(&pay), "after the removal of {other:?}");
    }
    remove(&store, &[of("q", "order-17", 7, noon())]).await;
    assert_eq!(all(&store).await, from_ref(&pay), "after that of another process");
    for _ in 0..2 {
        remove(&store, from_ref(&pay)).await;
        assert_eq!(all(&store).await, []);
    }
}

pub(super) async fn many_are_removed_at_once(store: Store) {
    let one = |n: u128| deadline(&format!("order-{n}"), n, after_noon(n as i64 % 7));
    let deadlines: Vec<_> = (0..300).map(one).collect();
    let of_another = of("q", "order-1", 1, noon());
    set(&store, &deadlines).await;
    set(&store, from_ref(&of_another)).await;
    let (mut removed, kept): (Vec<_>, Vec<_>) =
        deadlines.into_iter().partition(|deadline| deadline.instance().ends_with(['1', '4', '8']));
    removed.push(removed[3].clone());
    removed.push(deadline("never-set", 5, noon()));
    remove(&store, &removed).await;
    assert_eq!(all(&store).await, sorted(kept));
    assert_eq!(due(&store, &consumer("q"), noon()).await, [of_another]);
}

pub(super) async fn a_removed_deadline_can_be_set_again(store: Store) {
    let pay = deadline("order-17", 7, noon());
    for _ in 0..3 {
        set(&store, from_ref(&pay)).await;
        assert_eq!(all(&store).await, from_ref(&pay));
        remove(&store, from_ref(&pay)).await;
        assert_eq!(all(&store).await, []);
    }
}

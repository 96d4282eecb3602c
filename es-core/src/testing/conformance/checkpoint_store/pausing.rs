//! Whether a consumer is to rest.

use super::{
    State, Store, assert_state, commit_at, failed, hostile_names, is_paused, park, pause, reset,
    save, state, step,
};
use crate::checkpoint_store::Revision;

pub(super) async fn a_consumer_is_paused_when_somebody_says_so(store: Store) {
    assert!(!is_paused(&store, "c").await, "nobody ever paused it");
    save(&store, step(Revision::default(), "1", &[("s", 1)])).await;
    assert!(!is_paused(&store, "c").await, "saving paused it");
    for paused in [true, false, true, true, false, false] {
        pause(&store, "c", paused).await;
        assert_eq!(is_paused(&store, "c").await, paused, "after it was said");
    }
}

pub(super) async fn pausing_again_changes_nothing(store: Store) {
    for paused in [false, true, false] {
        for _ in 0..3 {
            pause(&store, "c", paused).await;
            assert_eq!(is_paused(&store, "c").await, paused, "said again");
        }
    }
}

pub(super) async fn pausing_leaves_progress_alone(store: Store) {
    pause(&store, "c", true).await;
    let revision = save(&store, step(Revision::default(), "1", &[("s", 3)])).await;
    park(&store, "c", &[failed(commit_at("t", 1, 2))]).await;
    let before = state(&store, "c").await;
    for paused in [false, true] {
        pause(&store, "c", paused).await;
        let expected = State { paused, ..before.clone() };
        assert_state(&store, "c", &expected, "paused or resumed").await;
    }
    // Being paused is for workers to ask for: a step at hand is finished.
    save(&store, step(revision, "2", &[("s", 4)])).await;
    assert!(is_paused(&store, "c").await, "saving resumed it");
}

pub(super) async fn consumers_are_paused_apart(store: Store) {
    let names = hostile_names();
    let is_even = |n: usize| n.is_multiple_of(2);
    for (n, name) in names.iter().enumerate() {
        if is_even(n) {
            pause(&store, name, true).await;
        }
    }
    for (n, name) in names.iter().enumerate() {
        assert_eq!(is_paused(&store, name).await, is_even(n), "of consumer {name:?}");
    }
}

pub(super) async fn a_reset_leaves_a_consumer_paused(store: Store) {
    for paused in [true, false, true] {
        pause(&store, "c", paused).await;
        for _ in 0..2 {
            reset(&store, "c").await;
            assert_eq!(is_paused(&store, "c").await, paused, "after a reset");
        }
    }
}

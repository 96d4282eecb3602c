//! Steps without an advance, as those of inline projections and of dead letters tried again.

use std::sync::Arc;

use super::{
    Store, assert_fenced, assert_fenced_beside, assert_state, beside_the_feed, commit_at, failed,
    in_partition, park, parked, parking, progress_of, reset, save, seen_at, seen_parked, state,
    step, versions,
};
use crate::checkpoint_store::{Progress, Revision, StreamProgress};
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::stream;
use crate::version::Version;

pub(super) async fn a_step_beside_the_feed_leaves_positions_alone(store: Store) {
    let held = save(&store, step(Revision::default(), "1", &[("s", 1)])).await;
    save(&store, in_partition("q", step(Revision::default(), "2", &[]))).await;
    let before = state(&store, "c").await;
    let letter = failed(commit_at("t", 5, 2));
    let streams = vec![(stream("s"), Version::new(4)), (stream("u"), Version::new(1))];
    save(&store, Progress { streams, ..beside_the_feed(vec![parking(&letter)]) }).await;
    let after = state(&store, "c").await;
    assert_eq!(after.positions, before.positions, "a position moved");
    assert_eq!(versions(&store, "c", &["s", "t", "u"].map(stream)).await, [4, 0, 1]);
    assert_eq!(after.parked, [letter]);
    // Who works in the partition has not been fenced by it.
    save(&store, step(held, "3", &[])).await;
}

pub(super) async fn a_step_beside_the_feed_is_fenced_by_what_it_saw(store: Store) {
    save(&store, step(Revision::default(), "1", &[("s", 2)])).await;
    park(&store, "c", &[failed(commit_at("t", 1, 3))]).await;
    let before = state(&store, "c").await;
    let stale = [
        seen_at("s", 0),
        seen_at("s", 1),
        seen_at("s", 3),
        seen_parked("s", 2, 2),
        seen_at("t", 0),
        seen_at("t", 3),
        seen_parked("t", 0, 2),
        seen_parked("t", 0, 4),
        seen_parked("t", 1, 3),
        seen_at("u", 1),
    ];
    let saw = |stale| vec![seen_at("s", 2), seen_parked("t", 0, 3), stale];
    let attempt = |seen| Progress {
        seen,
        streams: vec![(stream("s"), Version::new(9)), (stream("u"), Version::new(1))],
        ..beside_the_feed(vec![parking(&failed(commit_at("u", 1, 1)))])
    };
    for stale in stale {
        let case = format!("a step that saw {stale:?}");
        let outcome = store.save(attempt(saw(stale))).await;
        assert_fenced_beside(&outcome, "c", &case);
        assert_state(&store, "c", &before, &case).await;
    }
    save(&store, attempt(saw(seen_at("u", 0)))).await;
    assert_eq!(versions(&store, "c", &["s", "t", "u"].map(stream)).await, [9, 0, 1]);
}

pub(super) async fn a_step_beside_the_feed_that_saw_nothing_is_not_fenced(store: Store) {
    for (n, reached) in [(1, 1), (2, 2), (3, 3)] {
        save(&store, step(Revision::from_stored(n - 1), "x", &[("s", reached)])).await;
        let streams = vec![(stream("t"), Version::new(10 * n))];
        save(&store, Progress { streams, ..beside_the_feed(Vec::new()) }).await;
        assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [reached, 10 * n]);
    }
    reset(&store, "c").await;
    let streams = vec![(stream("t"), Version::new(1))];
    save(&store, Progress { streams, ..beside_the_feed(Vec::new()) }).await;
    assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [0, 1]);
}

pub(super) async fn steps_of_the_feed_and_beside_it_fence_each_other(store: Store) {
    let of_the_feed = |version, reached| Progress {
        seen: vec![seen_at("s", version)],
        ..step(Revision::default(), "1", &[("s", reached)])
    };
    let beside = |version, reached| Progress {
        seen: vec![seen_at("s", version)],
        streams: vec![(stream("s"), Version::new(reached))],
        ..beside_the_feed(Vec::new())
    };
    save(&store, beside(0, 1)).await;
    let before = state(&store, "c").await;
    let outcome = store.save(of_the_feed(0, 1)).await;
    assert_fenced(&outcome, "c", "p", "a step beside the feed was faster");
    assert_state(&store, "c", &before, "a fenced step of the feed").await;
    save(&store, of_the_feed(1, 2)).await;
    let before = state(&store, "c").await;
    let outcome = store.save(beside(1, 2)).await;
    assert_fenced_beside(&outcome, "c", "a step of the feed was faster");
    assert_state(&store, "c", &before, "a fenced step beside the feed").await;
}

pub(super) async fn of_concurrent_steps_beside_the_feed_exactly_one_succeeds(store: Store) {
    const WORKERS: u64 = 8;
    let mut letters = Vec::new();
    for round in 0..20 {
        let outcomes = concurrently((0..WORKERS).map(|worker| {
            let store = Arc::clone(&store);
            let letter = failed(commit_at("t", 1 + round * WORKERS + worker, 1));
            let progress = Progress {
                seen: vec![seen_at("s", round)],
                streams: vec![(stream("s"), Version::new(round + 1))],
                ..beside_the_feed(vec![parking(&letter)])
            };
            async move { (store.save(progress).await, letter) }
        }))
        .await;
        let mut winners = 0;
        for (outcome, letter) in outcomes {
            match outcome {
                Ok(()) => {
                    winners += 1;
                    letters.push(letter);
                }
                Err(_) => assert_fenced_beside(&outcome, "c", "the loser of a race"),
            }
        }
        assert_eq!(winners, 1, "of {WORKERS} steps that saw the same {winners} win");
    }
    assert_eq!(parked(&store, "c").await, letters, "the letters of the winners");
    let through = letters.last().map(|letter| letter.commit.last_version()).unwrap_or_default();
    let expected = [
        StreamProgress { version: Version::new(20), parked: Version::ZERO },
        StreamProgress { version: Version::ZERO, parked: through },
    ];
    assert_eq!(progress_of(&store, "c", &["s", "t"].map(stream)).await, expected);
}

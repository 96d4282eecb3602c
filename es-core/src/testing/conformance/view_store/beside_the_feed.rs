//! Writes without an advance, as those of inline projections and of dead letters tried again.

use std::sync::Arc;

use super::{Store, assert_view, get_one, prepare, put, write, write_step};
use crate::checkpoint_store::Progress;
use crate::testing::conformance::checkpoint_store::{
    assert_fenced_beside, assert_state, beside_the_feed, commit_at, failed, park, parking,
    removing, seen_at, seen_parked, state, versions,
};
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::stream;
use crate::version::Version;
use crate::view_store::{Replaces, ViewChange};

/// A step that saw stream `s` at a version, and reaches the next.
fn next(seen: u64) -> Progress {
    Progress {
        seen: vec![seen_at("s", seen)],
        streams: vec![(stream("s"), Version::new(seen + 1))],
        ..beside_the_feed(Vec::new())
    }
}

pub(super) async fn a_write_beside_the_feed_leaves_positions_alone(store: Store) {
    let v = prepare(&store, "v").await;
    let held = write(&store, vec![put(&v, "a", "1")]).await;
    let before = state(&store, "c").await;
    write_step(&store, vec![put(&v, "a", "2"), put(&v, "b", "2")], next(0)).await;
    let after = state(&store, "c").await;
    assert_eq!(after.positions, before.positions, "a position moved");
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [1]);
    assert_view(&store, &v, &[("a", "2"), ("b", "2")]).await;
    assert_eq!(write(&store, vec![put(&v, "a", "3")]).await, held.next());
}

pub(super) async fn a_write_beside_the_feed_is_fenced_by_what_it_saw(store: Store) {
    let v = prepare(&store, "v").await;
    write_step(&store, vec![put(&v, "a", "1")], next(0)).await;
    let letter = failed(commit_at("t", 1, 2));
    park(&store, "c", std::slice::from_ref(&letter)).await;
    let before = state(&store, "c").await;
    for seen in [seen_at("s", 0), seen_at("s", 2), seen_at("t", 0), seen_parked("t", 0, 1)] {
        let case = format!("a write that saw {seen:?}");
        let dead_letters = vec![removing(&letter), parking(&failed(commit_at("u", 1, 1)))];
        let late = Progress { seen: vec![seen], dead_letters, ..next(1) };
        let late = store.write(vec![put(&v, "a", "2"), put(&v, "b", "2")], late).await;
        assert_fenced_beside(&late, "c", &case);
        assert_view(&store, &v, &[("a", "1")]).await;
        assert_state(&store, "c", &before, &case).await;
    }
    // Tried again: the letter goes with the document that it had been missing from.
    let seen = vec![seen_at("s", 1), seen_parked("t", 0, 2)];
    let again = Progress { seen, dead_letters: vec![removing(&letter)], ..next(1) };
    write_step(&store, vec![put(&v, "b", "2")], again).await;
    assert_view(&store, &v, &[("a", "1"), ("b", "2")]).await;
    assert_eq!(state(&store, "c").await.parked, []);
}

pub(super) async fn a_write_beside_the_feed_is_fenced_by_what_it_replaces(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, vec![put(&v, "a", "1")]).await;
    let before = state(&store, "c").await;
    for found in [None, Some("0".to_owned())] {
        let case = format!("made from {found:?} when it is 1");
        let change = ViewChange { replaces: Replaces::Found(found), ..put(&v, "a", "2") };
        let late = store.write(vec![put(&v, "b", "2"), change], next(0)).await;
        assert_fenced_beside(&late, "c", &case);
        assert_view(&store, &v, &[("a", "1")]).await;
        assert_state(&store, "c", &before, &case).await;
    }
}

pub(super) async fn of_concurrent_writes_beside_the_feed_exactly_one_succeeds(store: Store) {
    const WORKERS: usize = 8;
    let v = prepare(&store, "v").await;
    for round in 0..15 {
        let outcomes = concurrently((0..WORKERS).map(|worker| {
            let (store, v) = (Arc::clone(&store), v.clone());
            let document = format!("\"{round}-{worker}\"");
            async move {
                let changes = ["a", &document].map(|key| put(&v, key, &document)).into();
                (store.write(changes, next(round)).await, document)
            }
        }))
        .await;
        let mut winners = Vec::new();
        for (outcome, document) in outcomes {
            match outcome {
                Ok(()) => winners.push(document),
                Err(_) => {
                    assert_fenced_beside(&outcome, "c", "the loser of a race");
                    assert_eq!(get_one(&store, &v, &document).await, None, "a loser wrote");
                }
            }
        }
        assert_eq!(winners.len(), 1, "of {WORKERS} writes that saw the same {} win", winners.len());
        assert_eq!(get_one(&store, &v, "a").await, winners.pop());
    }
}

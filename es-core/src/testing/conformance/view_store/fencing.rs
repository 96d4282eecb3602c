//! Of those who write the same one succeeds.

use std::sync::Arc;

use super::{Store, assert_view, get, get_one, prepare, put, remove, write, write_step};
use crate::checkpoint_store::{Position, Progress, Revision};
use crate::testing::conformance::checkpoint_store::{
    assert_fenced, assert_state, checkpoint, commit_at, failed, in_partition, load, park, parking,
    seen_at, seen_parked, state, step, versions,
};
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::stream;
use crate::view_store::{Replaces, ViewChange};

pub(super) async fn a_fenced_write_writes_nothing(store: Store) {
    let v = prepare(&store, "v").await;
    let first = write(&store, vec![put(&v, "a", "1"), put(&v, "b", "1")]).await;
    let progress = step(first, "2", &[("s", 6)]);
    let second = write_step(&store, vec![put(&v, "a", "2")], progress).await;
    let stale = [Revision::default(), first];
    for based_on in stale.into_iter().chain([Revision::from_stored(second.get() + 1)]) {
        let changes = vec![put(&v, "c", "3"), put(&v, "a", "3"), remove(&v, "b")];
        let late = store.write(changes, step(based_on, "late", &[("s", 9), ("t", 1)])).await;
        assert_fenced(&late, "c", "p", &format!("{based_on:?} when it is {second:?}"));
        assert_view(&store, &v, &[("a", "2"), ("b", "1")]).await;
        assert_eq!(
            load(&store, "c", "p").await,
            Position { checkpoint: checkpoint("2"), revision: second }
        );
        assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [6, 0]);
    }
}

pub(super) async fn a_write_based_on_another_version_of_a_stream_is_fenced(store: Store) {
    let v = prepare(&store, "v").await;
    let progress = step(Revision::default(), "1", &[("s", 2)]);
    store.write(vec![put(&v, "a", "12")], progress).await.expect("a first write");
    let late = step(Revision::default(), "late", &[("s", 1)]);
    let seen = vec![seen_at("s", 0)];
    let late = Progress { seen, ..in_partition("q", late) };
    let late = store.write(vec![put(&v, "a", "1")], late).await;
    assert_fenced(&late, "c", "q", "a stream that another partition moved on");
    assert_view(&store, &v, &[("a", "12")]).await;
    assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [2, 0]);
}

pub(super) async fn a_write_that_saw_other_letters_is_fenced(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, vec![put(&v, "a", "1")]).await;
    park(&store, "c", &[failed(commit_at("s", 1, 3))]).await;
    let before = state(&store, "c").await;
    let revision = before.positions[0].revision;
    let attempt = |parked| Progress {
        seen: vec![seen_parked("s", 0, parked)],
        dead_letters: vec![parking(&failed(commit_at("s", 4, 1)))],
        ..step(revision, "2", &[("t", 1)])
    };
    for wrong in [0, 2, 4] {
        let case = format!("parked through 3, seen at {wrong}");
        let late = store.write(vec![put(&v, "a", "2")], attempt(wrong)).await;
        assert_fenced(&late, "c", "p", &case);
        assert_view(&store, &v, &[("a", "1")]).await;
        assert_state(&store, "c", &before, &case).await;
    }
    write_step(&store, vec![put(&v, "a", "2")], attempt(3)).await;
    assert_view(&store, &v, &[("a", "2")]).await;
}

pub(super) async fn a_write_that_replaces_another_document_is_fenced(store: Store) {
    let v = prepare(&store, "v").await;
    let found = |change: ViewChange, found: Option<&str>| ViewChange {
        replaces: Replaces::Found(found.map(str::to_owned)),
        ..change
    };
    write(&store, vec![found(put(&v, "a", "1"), None), put(&v, "b", "1")]).await;
    // In another partition, so that nothing else can fence it.
    let elsewhere = |place| in_partition("q", step(Revision::default(), place, &[("s", 9)]));
    for wrong in [None, Some("2"), Some("1 "), Some("")] {
        for change in [put(&v, "a", "3"), remove(&v, "a")] {
            let changes = vec![put(&v, "b", "3"), found(change, wrong), put(&v, "c", "3")];
            let late = store.write(changes, elsewhere("late")).await;
            assert_fenced(&late, "c", "q", &format!("made from {wrong:?} when it is 1"));
            assert_view(&store, &v, &[("a", "1"), ("b", "1")]).await;
            assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [0, 0]);
        }
    }
    let changes = vec![
        found(remove(&v, "a"), Some("1")),
        found(put(&v, "b", "2"), Some("1")),
        found(put(&v, "c", "1"), None),
    ];
    store.write(changes, elsewhere("1")).await.expect("a write that replaces what is there");
    assert_view(&store, &v, &[("b", "2"), ("c", "1")]).await;
}

pub(super) async fn of_concurrent_writes_exactly_one_succeeds(store: Store) {
    const WORKERS: usize = 8;
    let v = prepare(&store, "v").await;
    for round in 0..15 {
        let based_on = load(&store, "c", "p").await.revision;
        let outcomes = concurrently((0..WORKERS).map(|worker| {
            let (store, v) = (Arc::clone(&store), v.clone());
            let document = format!("\"{round}-{worker}\"");
            async move {
                let changes = ["a", "b", &document].map(|key| put(&v, key, &document)).into();
                (store.write(changes, step(based_on, &document, &[])).await, document)
            }
        }))
        .await;
        let mut winners = Vec::new();
        for (outcome, document) in outcomes {
            match outcome {
                Ok(_) => winners.push(document),
                Err(_) => {
                    assert_fenced(&outcome, "c", "p", "the loser of a race");
                    assert_eq!(get_one(&store, &v, &document).await, None, "a loser wrote");
                }
            }
        }
        assert_eq!(winners.len(), 1, "of {WORKERS} writes on one revision {} win", winners.len());
        let won = Some(winners[0].clone());
        assert_eq!(get(&store, &v, &["a", "b", &winners[0]]).await, [&won; 3].map(Clone::clone));
    }
}

//! A step is documents, progress and dead letters, or nothing.

use std::sync::Arc;

use super::{Store, assert_view, list, prepare, put, remove, view, write, write_step};
use crate::checkpoint_store::{Position, Progress, Revision};
use crate::testing::conformance::checkpoint_store::{
    assert_fenced, assert_letters, assert_state, checkpoint, commit_at, dropping, failed, load,
    park, parked, parking, record, removing, state, step, versions, waiting,
};
use crate::testing::conformance::concurrently::{beside, finished};
use crate::testing::conformance::sample::stream;
use crate::view_store::{MAX_VIEW_KEY_LEN, ViewQuery};

pub(super) async fn a_write_of_many_documents_is_kept_whole(store: Store) {
    let v = prepare(&store, "v").await;
    let keys: Vec<String> = (0..80).map(|n| format!("{n:03}")).collect();
    let based_on = load(&store, "c", "p").await.revision;
    let changes = |document: &str| keys.iter().map(|key| put(&v, key, document)).collect();
    let first = store.write(changes("{}"), step(based_on, "1", &[("s", 80)])).await;
    first.unwrap_or_else(|error| panic!("a write of 80 documents was refused: {error}"));
    let expected: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, "{}")).collect();
    assert_view(&store, &v, &expected).await;
    let late = store.write(changes("[]"), step(based_on, "late", &[("s", 81)])).await;
    assert_fenced(&late, "c", "p", "a stale write of 80 documents");
    assert_view(&store, &v, &expected).await;
}

pub(super) async fn a_write_moves_the_progress_on(store: Store) {
    let v = prepare(&store, "v").await;
    let mut revision = load(&store, "c", "p").await.revision;
    for n in 1..=4 {
        let progress = step(revision, &n.to_string(), &[("s", n), ("t", 2 * n)]);
        let next = write_step(&store, vec![put(&v, "a", &n.to_string())], progress).await;
        let expected = Position { checkpoint: checkpoint(&n.to_string()), revision: next };
        assert_eq!(load(&store, "c", "p").await, expected);
        assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [n, 2 * n]);
        revision = next;
    }
    let back = store.write(Vec::new(), step(revision, "5", &[("s", 1)])).await;
    back.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    assert_eq!(
        versions(&store, "c", &["s", "t"].map(stream)).await,
        [4, 8],
        "the version of a stream went backwards"
    );
}

pub(super) async fn a_write_without_documents_moves_the_progress_on(store: Store) {
    prepare(&store, "v").await;
    let progress = step(Revision::default(), "1", &[("s", 3)]);
    let revision = write_step(&store, Vec::new(), progress).await;
    assert_eq!(load(&store, "c", "p").await, Position { checkpoint: checkpoint("1"), revision });
    assert_eq!(versions(&store, "c", &["s", "t"].map(stream)).await, [3, 0]);
}

pub(super) async fn a_write_parks_and_drops_letters(store: Store) {
    let v = prepare(&store, "v").await;
    let [first, second, third] = [1, 2, 3].map(|version| failed(commit_at("s", version, 1)));
    let behind = waiting(commit_at("s", 4, 2));
    park(&store, "c", &[first.clone(), second.clone()]).await;
    let dead_letters =
        vec![removing(&first), dropping(&second, "x"), parking(&third), parking(&behind)];
    let progress = Progress { dead_letters, ..step(Revision::default(), "1", &[("s", 1)]) };
    write_step(&store, vec![put(&v, "a", "1")], progress).await;
    let written = state(&store, "c").await;
    assert_letters(&written.parked, &[third, behind], "parked with a document");
    assert_letters(&written.dropped, &[record(&second, "x")], "dropped with a document");
    assert_eq!(written.positions[0].checkpoint, checkpoint("1"));
    assert_view(&store, &v, &[("a", "1")]).await;
    let dead_letters = written.parked.iter().map(removing).collect();
    let late = Progress { dead_letters, ..step(Revision::default(), "late", &[]) };
    let late = store.write(vec![put(&v, "a", "2")], late).await;
    assert_fenced(&late, "c", "p", "a write with letters");
    assert_state(&store, "c", &written, "a fenced write with letters").await;
    assert_view(&store, &v, &[("a", "1")]).await;
}

pub(super) async fn writes_and_saves_share_their_revisions(store: Store) {
    let v = prepare(&store, "v").await;
    let saved = store.save(step(Revision::default(), "1", &[])).await;
    saved.unwrap_or_else(|error| panic!("a save was refused: {error}"));
    let saved = Revision::default().next();
    let late = store.write(vec![put(&v, "a", "1")], step(Revision::default(), "x", &[])).await;
    assert_fenced(&late, "c", "p", "a write after a save");
    assert_view(&store, &v, &[]).await;
    let written = write_step(&store, vec![put(&v, "a", "2")], step(saved, "2", &[])).await;
    let late = store.save(step(saved, "x", &[])).await;
    assert_fenced(&late, "c", "p", "a save after a write");
    assert_eq!(
        load(&store, "c", "p").await,
        Position { checkpoint: checkpoint("2"), revision: written }
    );
    assert_view(&store, &v, &[("a", "2")]).await;
}

pub(super) async fn a_write_that_cannot_be_made_whole_is_not_made(store: Store) {
    let v = prepare(&store, "v").await;
    let revision = write(&store, vec![put(&v, "a", "1")]).await;
    let too_long = "k".repeat(MAX_VIEW_KEY_LEN + 1);
    let bad = [
        ("a view that was never prepared", put(&view("missing"), "b", "2")),
        ("an empty key", put(&v, "", "2")),
        ("a key that is too long", put(&v, &too_long, "2")),
        ("a key with a control character", put(&v, "b\0", "2")),
        ("a document that is no JSON", put(&v, "b", "{")),
    ];
    for (case, bad) in bad {
        let changes = vec![put(&v, "a", "2"), put(&v, "c", "2"), bad, remove(&v, "a")];
        let dead_letters = vec![parking(&failed(commit_at("t", 1, 1)))];
        let late = Progress { dead_letters, ..step(revision, "late", &[("s", 9)]) };
        let outcome = store.write(changes, late).await;
        assert!(outcome.is_err(), "{case} was taken");
        assert_view(&store, &v, &[("a", "1")]).await;
        let expected = Position { checkpoint: checkpoint("written"), revision };
        assert_eq!(load(&store, "c", "p").await, expected, "{case}: the progress moved on");
        assert_eq!(
            versions(&store, "c", &[stream("s")]).await,
            [0],
            "{case}: the progress moved on"
        );
        assert_letters(&parked(&store, "c").await, &[], case);
    }
    write(&store, vec![put(&v, "a", "2")]).await;
}

pub(super) async fn a_reader_beside_a_writer_sees_whole_steps(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, ["a", "b", "c"].map(|key| put(&v, key, "0")).into()).await;
    let writing = {
        let (store, v) = (Arc::clone(&store), v.clone());
        beside(async move {
            for n in 1..=40 {
                let changes = ["a", "b", "c"].map(|key| put(&v, key, &n.to_string()));
                write(&store, changes.into()).await;
            }
        })
    };
    while !writing.is_finished() {
        // The progress is loaded first, so documents are as new or newer.
        let listed = list(&store, &v, &ViewQuery::default()).await;
        assert_eq!(listed.len(), 3);
        let documents: Vec<&str> = listed.iter().map(|(_, document)| &**document).collect();
        assert!(
            documents.iter().all(|document| *document == documents[0]),
            "a listing shows a part of a step: {documents:?}"
        );
        tokio::task::yield_now().await;
    }
    finished(writing).await;
    assert_view(&store, &v, &[("a", "40"), ("b", "40"), ("c", "40")]).await;
}

//! Commits that are appended again.

use es_core::{Error, ExecuteOptions, Repository};
use es_dynamodb::Heads;
use notes::Notes;

use super::*;

/// Appends the commit again; it must be recognised.
async fn repeat(scene: &Scene, expected: Expected, commit: &NewCommit, original: &Commit) {
    let again = scene.append_as(expected, commit).await;
    let again = again.unwrap_or_else(|error| panic!("{expected:?}: {error}"));
    assert!(again.duplicate, "{expected:?}");
    assert_eq!(again.commit, *original);
}

async fn refused(scene: &Scene, expected: Expected, commit: &NewCommit, original: &Commit) {
    let other = NewCommit { events: large(commit.id, 999).events, ..commit.clone() };
    match scene.append_as(expected, &other).await {
        Err(Error::CommitIdReused(reused)) => assert_eq!(reused.original, *original),
        outcome => panic!("{expected:?}: {outcome:?}"),
    }
}

#[tokio::test]
async fn a_commit_is_recognised_200_commits_later() {
    for heads in [Heads::Trusted, Heads::Checked] {
        for id in [generated(3), derived("key")] {
            let scene = scene_with(|options| options.heads(heads)).await;
            let begin = scene.history(2).await;
            let ours = large(id, 100);
            let original = scene.append(begin.last(), &ours).await;
            let mut last = original.clone();
            for n in 4..=203 {
                last = scene.append(Some(&last), &large(generated(n), 100)).await;
            }
            // The head of the first time, as the SDK and the repository append again; and the end.
            for expected in
                [Expected::Head(begin[1].head()), Expected::Head(last.head()), Expected::Any]
            {
                repeat(&scene, expected, &ours, &original).await;
                refused(&scene, expected, &ours, &original).await;
            }
            assert_eq!(scene.read_all().await.expect("a read").len(), 203);
        }
    }
}

#[tokio::test]
async fn a_derived_id_is_recognised_under_any_head() {
    let scene = scene().await;
    let ours = large(derived("key"), 100);
    let original = scene.append(None, &ours).await;
    let mut heads = vec![original.head()];
    for n in 1..=5 {
        let expected = Expected::end(heads.last().copied());
        let new = large(generated(n), 100);
        let appended = scene.append_as(expected, &new).await.expect("an append");
        heads.push(appended.commit.head());
        for expected in heads.iter().map(|head| Expected::Head(*head)) {
            repeat(&scene, expected, &ours, &original).await;
        }
        repeat(&scene, Expected::NoStream, &ours, &original).await;
    }
}

#[tokio::test]
async fn generated_ids_that_do_not_grow_are_recognised_at_the_end() {
    for heads in [Heads::Trusted, Heads::Checked] {
        let scene = scene_with(|options| options.heads(heads)).await;
        let mut placed: Vec<(NewCommit, Commit)> = Vec::new();
        for (n, id) in [5, 9, 2, 7, 3, 100, 1, 50].map(generated).into_iter().enumerate() {
            if n % 3 == 2 {
                let between = large(derived(&n.to_string()), 100);
                let before = placed.last().map(|(_, commit)| commit.clone());
                let commit = scene.append(before.as_ref(), &between).await;
                placed.push((between, commit));
            }
            let new = large(id, 100);
            let appended = scene.append_as(Expected::Any, &new).await.expect("an append");
            assert!(!appended.duplicate);
            placed.push((new, appended.commit));
            for (new, original) in &placed {
                repeat(&scene, Expected::Any, new, original).await;
            }
        }
        assert_eq!(scene.read_all().await.expect("a read").len(), placed.len());
    }
}

#[tokio::test]
async fn a_request_is_recognised_by_its_key_200_commands_later() {
    let Scene { server: _server, store, .. } = scene().await;
    let notes = Repository::<Notes>::new(std::sync::Arc::new(store)).with_cache(1);
    let note = Note { texts: 2, bytes: 50 };
    let request = || ExecuteOptions::new().idempotency_key("request");
    notes.execute("n-1", note.clone()).await.expect("a receipt");
    let first = notes.execute_with("n-1", note.clone(), request()).await.expect("a receipt");
    for _ in 0..200 {
        notes.execute("n-1", note.clone()).await.expect("a receipt");
    }
    let again = notes.execute_with("n-1", note, request()).await.expect("a receipt");
    assert!(again.is_replay());
    assert_eq!(again.commit(), first.commit());
}

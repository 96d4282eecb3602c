//! Sizes and names at their limits.

use es_core::{Codec, Cost, Error, Head, SnapshotStore, StoredSnapshot};

use super::*;

#[tokio::test]
async fn a_stream_of_the_longest_name_has_commits_markers_continuations_and_a_snapshot() {
    let Scene { server: _server, store, .. } = scene().await;
    let stream = longest_stream();
    assert_eq!(stream.as_str().len(), 251);
    let mut commits: Vec<Commit> = Vec::new();
    for commit in [
        large(generated(1), 100),
        large(CommitId::derive(&stream, "key"), 100),
        large(generated(2), 1 << 20),
        large(CommitId::derive(&stream, &"\u{1f980}".repeat(50)), 1 << 20),
    ] {
        let expected = Expected::end(commits.last().map(Commit::head));
        let appended = store.append(&stream, expected, commit.clone()).await.expect("an append");
        let found = store.find(&stream, commit.id).await.expect("a search");
        assert!(found.as_ref() == Some(&appended.commit));
        commits.push(appended.commit);
    }
    let pages: Vec<_> =
        store.read(ReadStream::new(stream.clone())).try_collect().await.expect("a read");
    assert!(pages.into_iter().flatten().eq(commits));
    let snapshot = snapshot(&stream, 1000);
    store.save(snapshot.clone()).await.expect("a snapshot is kept");
    assert_eq!(SnapshotStore::load(&store, &stream).await.expect("a load"), Some(snapshot));
}

fn snapshot(stream: &StreamId, bytes: usize) -> StoredSnapshot {
    StoredSnapshot {
        stream: stream.clone(),
        head: Head::from_stored(generated(7), version(70), version(72)),
        schema_version: 1,
        codec: Codec::Json,
        state: "x".repeat(bytes).into(),
    }
}

#[tokio::test]
async fn a_snapshot_that_one_item_does_not_take_is_refused_before_anything_is_sent() {
    const LIMIT: u64 = 400 * 1024;
    let Scene { server: _server, store, .. } = scene().await;
    let save = async |bytes| Cost::of(store.save(snapshot(&stream(), bytes))).await;
    let (Err(Error::LimitExceeded { actual, limit, .. }), _) = save(LIMIT as usize).await else {
        panic!("a snapshot of 400 KB and its key was taken")
    };
    assert_eq!(limit, LIMIT);
    let about = (LIMIT - (actual - LIMIT)) as usize;
    let (mut taken, mut refused) = (0, 0);
    // The checksum makes the item a byte longer or shorter.
    for bytes in about - 3..about + 4 {
        let (outcome, cost) = save(bytes).await;
        match outcome {
            Ok(()) => {
                taken += 1;
                SnapshotStore::delete(&store, &stream()).await.expect("it is deleted");
            }
            Err(Error::LimitExceeded { actual, .. }) => {
                refused += 1;
                assert!((LIMIT + 1..LIMIT + 6).contains(&actual), "{actual}");
                assert_eq!(cost.requests, 0);
            }
            Err(error) => panic!("the server does not take what the store does: {error:?}"),
        }
    }
    assert!(taken >= 2 && refused >= 2, "{taken} were taken, {refused} refused");
}

use super::{Store, append, assert_stream, build, read_all};
use crate::clock::Timestamp;
use crate::commit::{Commit, NewCommit};
use crate::error::Error;
use crate::event_store::Expected;
use crate::metadata::EncodedMetadata;
use crate::testing::conformance::sample::{commit, encode, new_id, stream};
use crate::version::Version;

pub(super) async fn the_first_commit_begins_at_version_one(store: Store) {
    for (id, length) in [("one", 1), ("many", 10)] {
        let new = commit(length);
        let first = append(&store, &stream(id), Expected::NoStream, &new).await;
        assert_eq!(first, new.place(stream(id), Version::FIRST));
        assert_eq!(first.last_version(), Version::new(length as u64));
    }
}

pub(super) async fn a_commit_begins_behind_the_one_before(store: Store) {
    let lengths = [1, 3, 10, 1, 2, 7, 1, 1, 5];
    let commits = build(&store, &stream("s"), &lengths).await;
    let mut next = Version::FIRST;
    for (commit, length) in commits.iter().zip(lengths) {
        assert_eq!(commit.first_version(), next, "versions have a gap or overlap");
        assert_eq!(commit.events().len(), length);
        next = commit.last_version().next();
    }
    assert_stream(&store, &stream("s"), &commits).await;
}

pub(super) async fn an_appended_commit_is_read_at_once(store: Store) {
    let stream = stream("s");
    let mut commits: Vec<Commit> = Vec::new();
    for length in [1, 2, 1, 4, 1, 3, 1, 1] {
        let expected = Expected::end(commits.last().map(Commit::head));
        commits.push(append(&store, &stream, expected, &commit(length)).await);
        assert_stream(&store, &stream, &commits).await;
    }
}

pub(super) async fn any_appends_wherever_the_stream_ends(store: Store) {
    let stream = stream("s");
    let mut commits = Vec::new();
    for length in [2, 1, 3] {
        commits.push(append(&store, &stream, Expected::Any, &commit(length)).await);
    }
    let head = commits[2].head();
    commits.push(append(&store, &stream, Expected::Head(head), &commit(1)).await);
    commits.push(append(&store, &stream, Expected::Any, &commit(1)).await);
    assert_stream(&store, &stream, &commits).await;
    assert_eq!(commits[4].last_version(), Version::new(8));
}

pub(super) async fn the_head_is_the_same_however_it_is_learnt(store: Store) {
    let stream = stream("s");
    assert_eq!(store.head(&stream).await.expect("the head can be read"), None);
    for length in [3, 1, 2] {
        let receipt = append(&store, &stream, Expected::Any, &commit(length)).await.head();
        let asked = store.head(&stream).await.expect("the head can be read");
        assert_eq!(asked, Some(receipt), "asked for");
        let commits = read_all(&store, &stream).await;
        assert_eq!(commits.last().map(Commit::head), Some(receipt), "read");
        append(&store, &stream, Expected::Head(receipt), &commit(1)).await;
    }
}

pub(super) async fn a_commit_is_found_by_its_id(store: Store) {
    let commits = build(&store, &stream("s"), &[1, 3, 1, 2]).await;
    let others = build(&store, &stream("other"), &[1]).await;
    for commit in &commits {
        let found = store.find(&stream("s"), commit.id()).await.expect("a commit can be sought");
        assert_eq!(found.as_ref(), Some(commit));
    }
    for (id, case) in [(new_id(), "an unknown id"), (others[0].id(), "the id of another stream")] {
        let found = store.find(&stream("s"), id).await.expect("a commit can be sought");
        assert_eq!(found, None, "{case} was found");
    }
}

pub(super) async fn a_commit_without_events_is_refused(store: Store) {
    let existing = build(&store, &stream("existing"), &[1]).await;
    let cases = [
        (stream("new"), Expected::NoStream),
        (stream("new"), Expected::Any),
        (stream("existing"), Expected::Any),
        (stream("existing"), Expected::Head(existing[0].head())),
    ];
    for (stream, expected) in cases {
        let nothing = NewCommit::new(
            new_id(),
            Timestamp::UNIX_EPOCH,
            EncodedMetadata::default(),
            encode(&[]),
        );
        let outcome = store.append(&stream, expected, nothing).await;
        assert!(
            matches!(&outcome, Err(Error::EmptyCommit { stream: named }) if *named == stream),
            "a commit without events gave {outcome:?}"
        );
    }
    assert_stream(&store, &stream("new"), &[]).await;
    assert_stream(&store, &stream("existing"), &existing).await;
}

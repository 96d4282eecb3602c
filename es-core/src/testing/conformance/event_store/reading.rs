use futures::StreamExt as _;

use super::{Store, append, assert_same, assert_stream, build, pages, read};
use crate::commit::Commit;
use crate::event_store::{Expected, ReadStream};
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{commit, commit_of_bytes, new_id, stream, stream_in};
use crate::version::Version;

/// A read from `version`, if given, in either direction.
fn query(stream: &StreamId, from: Option<Version>, backwards: bool) -> ReadStream {
    let mut query = ReadStream::new(stream.clone());
    if let Some(from) = from {
        query = query.from(from);
    }
    if backwards { query.backwards() } else { query }
}

pub(super) async fn a_missing_stream_has_no_page(store: Store) {
    build(&store, &stream("other"), &[2]).await;
    let streams = [stream("missing"), stream_in("missing", "other"), stream("other2")];
    for missing in streams {
        for from in [None, Some(Version::ZERO), Some(Version::FIRST), Some(Version::new(7))] {
            for backwards in [false, true] {
                let pages = pages(&store, query(&missing, from, backwards)).await;
                assert!(pages.is_empty(), "{missing} does not exist and has {pages:?}");
            }
        }
        let found = store.find(&missing, new_id()).await.expect("a commit can be sought");
        assert_eq!(found, None);
        assert_eq!(store.head(&missing).await.expect("the head can be read"), None);
    }
}

pub(super) async fn a_read_begins_with_the_commit_that_contains_the_version(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[1, 3, 1, 5, 2]).await;
    for version in (1..=12).map(Version::new) {
        let at = commits.iter().position(|commit| commit.last_version() >= version);
        let at = at.expect("every version is in a commit");
        for page_size in [1, 2, 1000] {
            let forwards = query(&stream, Some(version), false).page_size(page_size);
            let what = format!("forwards from {version}");
            assert_same(&read(&store, forwards).await, &commits[at..], &what);
            let backwards = query(&stream, Some(version), true).page_size(page_size);
            let reversed: Vec<Commit> = commits[..=at].iter().rev().cloned().collect();
            let what = format!("backwards from {version}");
            assert_same(&read(&store, backwards).await, &reversed, &what);
        }
    }
}

pub(super) async fn a_read_from_before_the_first_version_has_everything_forwards(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[2, 1]).await;
    let forwards = read(&store, query(&stream, Some(Version::ZERO), false)).await;
    assert_same(&forwards, &commits, "forwards from 0");
    let backwards = read(&store, query(&stream, Some(Version::ZERO), true)).await;
    assert_same(&backwards, &[], "backwards from 0");
}

pub(super) async fn a_read_from_past_the_end_has_everything_backwards(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[2, 1, 3]).await;
    let reversed: Vec<Commit> = commits.iter().rev().cloned().collect();
    // The largest number is one that signed columns cannot hold.
    for past in [7, 8, 1_000_000, i64::MAX as u64, u64::MAX] {
        let forwards = read(&store, query(&stream, Some(Version::new(past)), false)).await;
        assert_same(&forwards, &[], &format!("forwards from {past}"));
        let backwards = read(&store, query(&stream, Some(Version::new(past)), true)).await;
        assert_same(&backwards, &reversed, &format!("backwards from {past}"));
    }
}

pub(super) async fn every_page_size_gives_the_same_commits(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[1, 2, 3, 1, 1, 4, 1, 2, 1, 1, 3]).await;
    let reversed: Vec<Commit> = commits.iter().rev().cloned().collect();
    for page_size in (1..=commits.len() + 1).chain([1_000, usize::MAX]) {
        let forwards = query(&stream, None, false).page_size(page_size);
        let what = format!("forwards by {page_size}");
        assert_same(&read(&store, forwards).await, &commits, &what);
        let backwards = query(&stream, None, true).page_size(page_size);
        let what = format!("backwards by {page_size}");
        assert_same(&read(&store, backwards).await, &reversed, &what);
    }
    let by_none = query(&stream, None, false).page_size(0);
    assert_same(&read(&store, by_none).await, &commits, "0 counts as 1");
}

pub(super) async fn a_stream_of_many_commits_is_read_whole(store: Store) {
    let stream = stream("s");
    let commits = build(&store, &stream, &[1; 1_101]).await;
    assert_stream(&store, &stream, &commits).await;
    let one_page = ReadStream::new(stream.clone()).page_size(usize::MAX);
    assert_same(&read(&store, one_page).await, &commits, "with no bound on a page");
    let from = Version::new(1_001);
    let tail = read(&store, query(&stream, Some(from), false)).await;
    assert_same(&tail, &commits[1_000..], "the tail");
}

pub(super) async fn a_stream_of_many_bytes_is_read_whole_and_in_pages(store: Store) {
    let stream = stream("s");
    let mut commits: Vec<Commit> = Vec::new();
    for _ in 0..128 {
        let expected = Expected::end(commits.last().map(Commit::head));
        commits.push(append(&store, &stream, expected, &commit_of_bytes(60 * 1024)).await);
    }
    let reversed: Vec<Commit> = commits.iter().rev().cloned().collect();
    for (backwards, expected) in [(false, &commits), (true, &reversed)] {
        let pages = pages(&store, query(&stream, None, backwards)).await;
        assert_same(&pages.concat(), expected, "7.5 MiB");
        assert!(pages.len() > 1, "7.5 MiB came as one page: the bytes of a page are not bounded");
    }
}

pub(super) async fn nothing_is_read_before_a_read_is_polled(store: Store) {
    let stream = stream("s");
    let mut early = store.read(ReadStream::new(stream.clone()));
    let commits = build(&store, &stream, &[1, 2]).await;
    let page = early.next().await.expect("a page").expect("a read succeeds");
    assert_same(&page, &commits[..page.len()], "a read polled after an append");
}

pub(super) async fn a_read_can_be_dropped_half_way(store: Store) {
    let stream = stream("s");
    let mut commits = build(&store, &stream, &[1, 2, 1, 1]).await;
    for backwards in [false, true] {
        drop(store.read(query(&stream, None, backwards)));
        let mut half = store.read(query(&stream, None, backwards).page_size(1));
        half.next().await.expect("a page").expect("a read succeeds");
        commits.push(append(&store, &stream, Expected::Any, &commit(1)).await);
        drop(half);
        assert_stream(&store, &stream, &commits).await;
    }
}

pub(super) async fn reads_do_not_disturb_each_other(store: Store) {
    let (s, t) = (stream("s"), stream("t"));
    let of_s = build(&store, &s, &[1, 2, 1, 3]).await;
    let of_t = build(&store, &t, &[2, 1, 1, 1]).await;
    let mut reads = [
        (store.read(query(&s, None, false).page_size(1)), of_s.clone()),
        (store.read(query(&t, None, false).page_size(1)), of_t),
        (store.read(query(&s, None, true).page_size(1)), of_s.into_iter().rev().collect()),
    ];
    for at in 0..4 {
        for (read, commits) in &mut reads {
            let page = read.next().await.expect("a page").expect("a read succeeds");
            assert_same(&page, &commits[at..=at], "a read beside others");
        }
    }
}

use std::sync::Arc;

use super::{Store, append, assert_same, assert_stream, build, read, read_all};
use crate::commit::Commit;
use crate::error::Error;
use crate::event_store::{Appended, Expected, ReadStream};
use crate::testing::conformance::concurrently::{beside, concurrently, finished};
use crate::testing::conformance::sample::{commit, stream};
use crate::version::Version;

const WRITERS: usize = 8;

pub(super) async fn of_concurrent_appends_from_one_head_exactly_one_wins(store: Store) {
    let stream = stream("s");
    let mut commits = build(&store, &stream, &[1]).await;
    for _ in 0..25 {
        let expected = Expected::end(commits.last().map(Commit::head));
        commits.push(race(&store, &stream, expected).await);
    }
    assert_stream(&store, &stream, &commits).await;
}

pub(super) async fn of_concurrent_first_appends_exactly_one_wins(store: Store) {
    for round in 0..25 {
        let stream = stream(&round.to_string());
        let winner = race(&store, &stream, Expected::NoStream).await;
        assert_stream(&store, &stream, &[winner]).await;
    }
}

/// Many appends of different lengths with one expectation: the one that wins.
async fn race(store: &Store, stream: &crate::StreamId, expected: Expected) -> Commit {
    let outcomes = concurrently((0..WRITERS).map(|writer| {
        let (store, stream) = (Arc::clone(store), stream.clone());
        async move { store.append(&stream, expected, commit(1 + writer % 4)).await }
    }))
    .await;
    let mut winners = Vec::new();
    let mut conflicts = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(Appended { commit, duplicate }) => {
                assert!(!duplicate, "a new commit was taken for a repeated one");
                winners.push(commit);
            }
            Err(Error::Conflict(conflict)) => conflicts.push(conflict),
            Err(error) => panic!("a concurrent append failed: {error}"),
        }
    }
    assert_eq!(winners.len(), 1, "of {WRITERS} appends from one head {} won", winners.len());
    for conflict in conflicts {
        assert_eq!(conflict.actual, Some(winners[0].head()), "a conflict knows the winner");
    }
    winners.remove(0)
}

pub(super) async fn concurrent_appends_anywhere_are_all_kept(store: Store) {
    let stream = stream("s");
    let mut appended: Vec<Commit> = concurrently((0..50).map(|writer| {
        let (store, stream) = (Arc::clone(&store), stream.clone());
        async move { append(&store, &stream, Expected::Any, &commit(1 + writer % 3)).await }
    }))
    .await;
    appended.sort_by_key(Commit::first_version);
    let mut next = Version::FIRST;
    for commit in &appended {
        assert_eq!(commit.first_version(), next, "versions have a gap or overlap");
        next = commit.last_version().next();
    }
    assert_stream(&store, &stream, &appended).await;
}

pub(super) async fn concurrent_repetitions_write_once(store: Store) {
    let stream = stream("s");
    let mut commits = build(&store, &stream, &[1]).await;
    for round in 0..10 {
        let new = commit(2);
        let expected =
            if round % 2 == 0 { Expected::Any } else { Expected::Head(commits[round].head()) };
        let answers = concurrently((0..WRITERS).map(|_| {
            let (store, stream, new) = (Arc::clone(&store), stream.clone(), new.clone());
            async move { store.append(&stream, expected, new).await }
        }))
        .await;
        let answers: Vec<Appended> = answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|error| panic!("a repetition failed: {error}")))
            .collect();
        let writes = answers.iter().filter(|answer| !answer.duplicate).count();
        assert_eq!(writes, 1, "of {WRITERS} equal appends {writes} say that they wrote");
        for answer in &answers {
            assert_eq!(answer.commit, answers[0].commit, "the answers differ");
        }
        commits.push(answers[0].commit.clone());
        assert_stream(&store, &stream, &commits).await;
    }
}

pub(super) async fn the_losers_of_a_race_go_on_from_the_conflict(store: Store) {
    const EACH: usize = 5;
    let stream = stream("s");
    let written = concurrently((0..WRITERS).map(|_| {
        let (store, stream) = (Arc::clone(&store), stream.clone());
        async move {
            let mut written = Vec::new();
            let mut expected = Expected::NoStream;
            let mut attempts = 0;
            while written.len() < EACH {
                attempts += 1;
                assert!(attempts <= 1_000, "a writer conflicts with what its conflicts tell it");
                match store.append(&stream, expected, commit(2)).await {
                    Ok(appended) => {
                        expected = Expected::Head(appended.commit.head());
                        written.push(appended.commit);
                    }
                    Err(Error::Conflict(conflict)) => expected = Expected::end(conflict.actual),
                    Err(error) => panic!("an append failed: {error}"),
                }
            }
            written
        }
    }))
    .await;
    let mut written = written.concat();
    written.sort_by_key(Commit::first_version);
    assert_stream(&store, &stream, &written).await;
    assert_eq!(written[WRITERS * EACH - 1].last_version().get(), (WRITERS * EACH * 2) as u64);
}

pub(super) async fn writers_of_different_streams_do_not_conflict(store: Store) {
    let all = concurrently((0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        async move { build(&store, &stream(&writer.to_string()), &[1, 2, 1, 3, 1]).await }
    }))
    .await;
    for commits in all {
        assert_stream(&store, commits[0].stream(), &commits).await;
    }
}

pub(super) async fn a_reader_beside_writers_sees_whole_commits_in_order(store: Store) {
    let stream = stream("s");
    let begin = build(&store, &stream, &[2]).await;
    let writing = {
        let (store, stream) = (Arc::clone(&store), stream.clone());
        beside(async move {
            let mut commits = begin;
            for length in (0..120).map(|n| 1 + n % 4) {
                commits.push(append(&store, &stream, Expected::Any, &commit(length)).await);
            }
            commits
        })
    };
    let mut seen = Vec::new();
    let mut done = false;
    while !done {
        // Looked at before the read, so that the last one comes after all writes.
        done = writing.is_finished();
        let query = ReadStream::new(stream.clone()).page_size(1 + seen.len() % 7);
        seen.push((false, read(&store, query.clone()).await));
        seen.push((true, read(&store, query.backwards()).await));
    }
    let commits = finished(writing).await;
    let mut longest = 0;
    for (backwards, mut read) in seen {
        if backwards {
            read.reverse();
        }
        assert!(read.len() >= longest, "a later read sees less than an earlier one");
        let there = &commits[..read.len().min(commits.len())];
        assert_same(&read, there, "a read beside a writer");
        longest = read.len();
    }
    assert_same(&read_all(&store, &stream).await, &commits, "the stream");
}

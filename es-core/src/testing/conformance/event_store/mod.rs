//! The rules of [`EventStore`].

use std::sync::Arc;

use futures::StreamExt as _;

use super::Fixture;
use super::sample::commit;
use crate::commit::{Commit, NewCommit};
use crate::error::{Conflict, Error, Result};
use crate::event_store::{Appended, EventStore, Expected, ReadStream};
use crate::stream_id::StreamId;

mod appending;
mod concurrency;
mod conflicts;
mod isolation;
pub(super) mod limits;
mod model;
mod reading;
mod repeating;
mod round_trips;

/// What the rules are about.
pub type Store = Arc<dyn EventStore>;

impl<S: EventStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    event_store for Store, tested by event_store_conformance;
    appending: [
        the_first_commit_begins_at_version_one,
        a_commit_begins_behind_the_one_before,
        an_appended_commit_is_read_at_once,
        any_appends_wherever_the_stream_ends,
        the_head_is_the_same_however_it_is_learnt,
        a_commit_is_found_by_its_id,
        a_commit_without_events_is_refused,
    ],
    conflicts: [
        a_stream_that_exists_is_not_new,
        a_head_conflicts_when_the_stream_does_not_exist,
        a_head_that_is_behind_conflicts,
        a_head_past_the_end_conflicts,
        a_version_inside_a_commit_is_not_a_head,
        a_head_of_another_stream_conflicts,
        a_conflict_says_where_the_stream_is,
        a_conflict_writes_nothing,
        a_refused_commit_can_be_appended_elsewhere_or_later,
    ],
    repeating: [
        a_lost_acknowledgement_is_not_a_conflict,
        a_repeated_append_is_recognised_after_others_appended,
        a_repeated_append_is_recognised_whatever_it_expects,
        a_repeated_append_returns_the_original,
        a_repeated_append_writes_nothing,
        a_commit_id_with_other_events_is_refused,
        a_commit_id_belongs_to_its_stream,
        an_old_commit_is_recognised_in_a_long_stream,
    ],
    concurrency: [
        of_concurrent_appends_from_one_head_exactly_one_wins,
        of_concurrent_first_appends_exactly_one_wins,
        concurrent_appends_anywhere_are_all_kept,
        concurrent_repetitions_write_once,
        the_losers_of_a_race_go_on_from_the_conflict,
        writers_of_different_streams_do_not_conflict,
        a_reader_beside_writers_sees_whole_commits_in_order,
    ],
    reading: [
        a_missing_stream_has_no_page,
        a_read_begins_with_the_commit_that_contains_the_version,
        a_read_from_before_the_first_version_has_everything_forwards,
        a_read_from_past_the_end_has_everything_backwards,
        every_page_size_gives_the_same_commits,
        a_stream_of_many_commits_is_read_whole,
        a_stream_of_many_bytes_is_read_whole_and_in_pages,
        nothing_is_read_before_a_read_is_polled,
        a_read_can_be_dropped_half_way,
        reads_do_not_disturb_each_other,
    ],
    isolation: [
        streams_with_hostile_ids_are_kept_apart,
        categories_are_kept_apart,
        the_longest_names_are_taken,
    ],
    limits: [
        a_commit_of_as_many_events_as_the_limit_is_taken,
        a_commit_of_one_event_too_many_is_refused,
        a_commit_of_as_many_bytes_as_the_limit_is_taken,
        a_commit_of_one_byte_too_many_is_refused,
    ],
    round_trips: [
        every_text_comes_back,
        every_encoding_comes_back,
        every_byte_comes_back,
        empty_payloads_come_back,
        event_names_and_schema_versions_come_back,
        metadata_come_back,
        times_come_back_to_the_microsecond,
        commit_ids_of_any_bits_come_back,
    ],
    model: [
        a_random_history_is_as_in_a_model,
    ],
}

/// Appends where it must succeed, and checks what every receipt must say.
async fn append(
    store: &Store,
    stream: &StreamId,
    expected: Expected,
    commit: &NewCommit,
) -> Commit {
    match store.append(stream, expected, commit.clone()).await {
        Ok(Appended { commit: appended, duplicate }) => {
            assert!(!duplicate, "a new commit was taken for a repeated one: {stream} {expected:?}");
            let placed = commit.clone().place(stream.clone(), appended.first_version());
            assert_eq!(appended, placed, "the receipt has another commit than was appended");
            appended
        }
        Err(error) => panic!("an append to {stream}, {expected:?}, was refused: {error}"),
    }
}

/// Appends commits of these lengths to `stream`, each behind the one before; they begin it.
async fn build(store: &Store, stream: &StreamId, lengths: &[usize]) -> Vec<Commit> {
    let mut commits: Vec<Commit> = Vec::new();
    for &length in lengths {
        let expected = Expected::end(commits.last().map(Commit::head));
        commits.push(append(store, stream, expected, &commit(length)).await);
    }
    commits
}

/// All pages of a read, with the promises that hold for every page checked.
async fn pages(store: &Store, query: ReadStream) -> Vec<Vec<Commit>> {
    let page_size = query.page_size;
    let mut read = store.read(query);
    let mut pages = Vec::new();
    while let Some(page) = read.next().await {
        let page = page.unwrap_or_else(|error| panic!("a read failed: {error}"));
        assert!(!page.is_empty(), "a page is empty");
        assert!(page.len() <= page_size, "a page of {} for {page_size} asked", page.len());
        pages.push(page.into_vec());
    }
    pages
}

/// All commits of a read.
async fn read(store: &Store, query: ReadStream) -> Vec<Commit> {
    pages(store, query).await.concat()
}

/// All commits of a stream.
async fn read_all(store: &Store, stream: &StreamId) -> Vec<Commit> {
    read(store, ReadStream::new(stream.clone())).await
}

/// Panics unless the stream has exactly these commits, by every way of reading it.
async fn assert_stream(store: &Store, stream: &StreamId, commits: &[Commit]) {
    assert_same(&read_all(store, stream).await, commits, "a read forwards");
    let backwards = read(store, ReadStream::new(stream.clone()).backwards()).await;
    let reversed: Vec<Commit> = commits.iter().rev().cloned().collect();
    assert_same(&backwards, &reversed, "a read backwards");
    let head = store.head(stream).await.expect("the head can be read");
    assert_eq!(head, commits.last().map(Commit::head), "the head of {stream}");
}

/// Compares first by place, which tells in a line what is wrong, then all of it.
fn assert_same(actual: &[Commit], expected: &[Commit], what: &str) {
    let places = |commits: &[Commit]| -> Vec<_> {
        commits.iter().map(|c| (c.first_version().get(), c.last_version().get(), c.id())).collect()
    };
    let (actual_places, expected_places) = (places(actual), places(expected));
    if let Some(at) = (0..actual.len().max(expected.len()))
        .find(|&at| actual_places.get(at) != expected_places.get(at))
    {
        panic!(
            "{what}: {} commits, expected {}; the first difference is at {at}: {:?}, expected {:?}",
            actual.len(),
            expected.len(),
            actual_places.get(at),
            expected_places.get(at),
        );
    }
    for (actual, expected) in actual.iter().zip(expected) {
        assert!(actual == expected, "{what}: {actual:?}, expected {expected:?}");
    }
}

/// The conflict that an append must meet.
fn conflict(outcome: Result<Appended>, case: &str) -> Conflict {
    match outcome {
        Err(Error::Conflict(conflict)) => *conflict,
        Ok(appended) => panic!("{case}: no conflict, but appended {:?}", appended.commit.head()),
        Err(error) => panic!("{case}: no conflict, but {error:?}"),
    }
}

//! The rules of [`CheckpointStore`].

use std::fmt::Debug;
use std::sync::Arc;

use super::Fixture;
use super::sample::{commit, hostile_ids, noon, stream};
use crate::checkpoint_store::{
    Adoption, Advance, CheckpointStore, ConsumerId, Position, Progress, Revision, StreamProgress,
};
use crate::commit::Commit;
use crate::dead_letter::{
    DeadLetter, DeadLetterChange, DeadLetterCount, DeadLetterQuery, DeadLetterState, Dropped,
    Failure,
};
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::StreamId;
use crate::version::Version;

mod adopting;
mod beside_the_feed;
mod fencing;
mod listing;
pub(super) mod model;
mod parking;
mod pausing;
mod positions;
mod resetting;
mod round_trips;
mod streams;

/// What the rules are about.
pub type Store = Arc<dyn CheckpointStore>;

impl<S: CheckpointStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    checkpoint_store for Store, tested by checkpoint_store_conformance;
    positions: [
        a_consumer_begins_at_the_start,
        saved_progress_comes_back,
        a_checkpoint_of_any_text_comes_back,
        a_save_moves_the_revision_on_by_one,
        consumers_are_kept_apart,
        partitions_are_kept_apart,
    ],
    fencing: [
        a_save_on_a_stale_revision_is_fenced,
        a_save_on_a_revision_that_never_was_is_fenced,
        a_save_based_on_another_version_of_a_stream_is_fenced,
        a_save_that_saw_other_letters_is_fenced,
        a_fenced_save_writes_nothing,
        a_fenced_save_changes_no_letter,
        of_concurrent_saves_exactly_one_succeeds,
    ],
    streams: [
        the_version_of_a_stream_never_goes_backwards,
        versions_come_in_the_order_asked_for,
        a_step_of_many_streams_is_kept_whole,
        streams_are_kept_apart,
    ],
    beside_the_feed: [
        a_step_beside_the_feed_leaves_positions_alone,
        a_step_beside_the_feed_is_fenced_by_what_it_saw,
        a_step_beside_the_feed_that_saw_nothing_is_not_fenced,
        steps_of_the_feed_and_beside_it_fence_each_other,
        of_concurrent_steps_beside_the_feed_exactly_one_succeeds,
    ],
    parking: [
        a_letter_is_parked_with_the_progress_past_it,
        a_stream_is_parked_through_its_last_letter,
        parking_again_replaces_a_letter,
        a_removed_letter_is_gone,
        a_dropped_letter_is_kept_as_a_record,
        a_later_record_takes_the_place_of_an_earlier_one,
        a_letter_that_says_to_be_dropped_is_parked,
        what_is_not_parked_is_not_removed_or_dropped,
        changes_of_letters_are_made_in_their_order,
        a_step_of_many_letters_is_kept_whole,
        letters_are_counted,
        letters_of_consumers_are_kept_apart,
    ],
    round_trips: [
        letters_in_every_encoding_come_back,
        letters_with_any_bytes_come_back,
        letters_with_any_metadata_come_back,
        a_letter_of_64_kib_comes_back,
        errors_and_reasons_of_any_text_come_back,
        numbers_of_failures_come_back,
        times_of_letters_come_back_to_the_microsecond,
    ],
    listing: [
        letters_are_listed_by_stream_and_version,
        a_listing_of_letters_has_no_more_than_its_limit,
        a_listing_of_letters_begins_behind_a_place,
        paging_sees_every_letter_once,
        letters_of_one_stream_are_listed,
        the_first_letter_of_each_stream_is_listed,
        dropped_letters_are_listed_apart,
    ],
    resetting: [
        a_reset_consumer_begins_at_the_start,
        a_reset_fences_those_at_work,
        a_reset_fences_a_first_step_in_another_partition,
        a_reset_fences_a_step_beside_the_feed,
        revisions_grow_over_many_resets,
        a_reset_forgets_parked_letters_and_keeps_records,
        a_reset_leaves_other_consumers_alone,
    ],
    adopting: [
        an_adoption_hands_over_everything,
        an_adoption_forgets_what_was_there,
        an_adoption_fences_workers_of_both,
        after_an_adoption_both_go_on,
        a_consumer_that_never_saved_adopts,
        a_consumer_that_never_saved_is_adopted,
        an_adoption_of_many_streams_is_kept_whole,
        an_adoption_does_not_go_backwards_unasked,
        an_adoption_does_not_lose_letters_unasked,
        an_adoption_based_on_another_revision_is_fenced,
        an_adoption_keeps_records_of_dropped_letters,
        an_adoption_leaves_both_paused_or_not,
        an_adoption_leaves_others_alone,
        a_consumer_does_not_adopt_itself,
        of_concurrent_adoptions_exactly_one_succeeds,
        of_an_adoption_and_a_save_exactly_one_succeeds,
    ],
    pausing: [
        a_consumer_is_paused_when_somebody_says_so,
        pausing_again_changes_nothing,
        pausing_leaves_progress_alone,
        consumers_are_paused_apart,
        a_reset_leaves_a_consumer_paused,
    ],
    model: [
        random_steps_are_as_in_a_model,
    ],
}

pub(super) fn consumer(name: &str) -> ConsumerId {
    ConsumerId::new(name).expect("the rules use valid consumers")
}

/// Names that a store may confuse, short enough for consumers.
fn hostile_names() -> Vec<String> {
    hostile_ids().into_iter().filter(|id| id.len() <= 100).collect()
}

pub(super) fn partition(name: &str) -> PartitionId {
    PartitionId::new(name).expect("the rules use valid partitions")
}

pub(super) fn checkpoint(place: &str) -> Checkpoint {
    Checkpoint::from_stored(place)
}

/// A step of consumer `c` in partition `p` to `place`.
pub(super) fn step(based_on: Revision, place: &str, streams: &[(&str, u64)]) -> Progress {
    let reached = streams.iter().map(|&(id, version)| (stream(id), Version::new(version)));
    let advance = Advance { partition: partition("p"), based_on, checkpoint: checkpoint(place) };
    let progress = Progress::new(consumer("c"), Some(advance));
    Progress { streams: reached.collect(), ..progress }
}

/// The same step in another partition.
pub(super) fn in_partition(of: &str, mut progress: Progress) -> Progress {
    if let Some(advance) = &mut progress.advance {
        advance.partition = partition(of);
    }
    progress
}

/// A step of consumer `c` beside the feed.
pub(super) fn beside_the_feed(dead_letters: Vec<DeadLetterChange>) -> Progress {
    Progress { dead_letters, ..Progress::new(consumer("c"), None) }
}

/// The same step of another consumer.
pub(super) fn by(name: &str, progress: Progress) -> Progress {
    Progress { consumer: consumer(name), ..progress }
}

/// What a stream without dead letters was seen at.
pub(super) fn seen_at(id: &str, version: u64) -> (StreamId, StreamProgress) {
    seen_parked(id, version, 0)
}

/// What a stream was seen at that is parked through this version.
pub(super) fn seen_parked(id: &str, version: u64, parked: u64) -> (StreamId, StreamProgress) {
    (stream(id), StreamProgress { version: version.into(), parked: parked.into() })
}

/// What `again` has goes to `live`, whatever that has.
pub(super) fn adoption(based_on: &[(&str, u64)]) -> Adoption {
    let known = |&(of, revision)| (partition(of), Revision::from_stored(revision));
    Adoption {
        from: consumer("again"),
        to: consumer("live"),
        based_on: based_on.iter().map(known).collect(),
        backwards: true,
        replaces_dead_letters: true,
    }
}

/// A commit of `count` events.
pub(super) fn commit_at(id: &str, first: u64, count: usize) -> Commit {
    commit(count).place(stream(id), Version::new(first))
}

/// A letter that waits behind another.
pub(super) fn waiting(commit: Commit) -> DeadLetter {
    DeadLetter::new(commit, noon(), None)
}

/// A letter that failed itself.
pub(super) fn failed(commit: Commit) -> DeadLetter {
    let failure = Failure {
        version: commit.last_version(),
        error: format!("{} cannot be handled", commit.id()),
        attempts: 3,
        last_attempt_at: noon(),
    };
    DeadLetter::new(commit, noon(), Some(failure))
}

pub(super) fn parking(letter: &DeadLetter) -> DeadLetterChange {
    DeadLetterChange::Park(Box::new(letter.clone()))
}

pub(super) fn removing(letter: &DeadLetter) -> DeadLetterChange {
    let (stream, version) = place(letter);
    DeadLetterChange::Remove { stream, version }
}

pub(super) fn dropping(letter: &DeadLetter, reason: &str) -> DeadLetterChange {
    let (stream, version) = place(letter);
    DeadLetterChange::Drop { stream, version, dropped: given_up(reason) }
}

/// The record that [`dropping`] leaves.
pub(super) fn record(letter: &DeadLetter, reason: &str) -> DeadLetter {
    DeadLetter { dropped: Some(given_up(reason)), ..letter.clone() }
}

fn given_up(reason: &str) -> Dropped {
    Dropped { reason: reason.to_owned(), at: noon() }
}

fn place(letter: &DeadLetter) -> (StreamId, Version) {
    (letter.commit.stream().clone(), letter.commit.first_version())
}

/// Saves, and gives the revision that the position has then.
pub(super) async fn save<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    progress: Progress,
) -> Revision {
    let saved = progress.advance.as_ref().map(|advance| advance.based_on.next());
    let outcome = store.save(progress).await;
    outcome.unwrap_or_else(|error| panic!("a save was refused: {error}"));
    saved.unwrap_or_default()
}

/// Saves these changes and nothing else.
pub(super) async fn change<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    of: &str,
    changes: Vec<DeadLetterChange>,
) {
    save(store, by(of, beside_the_feed(changes))).await;
}

pub(super) async fn park<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    of: &str,
    letters: &[DeadLetter],
) {
    change(store, of, letters.iter().map(parking).collect()).await;
}

pub(super) async fn load<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    of: &str,
) -> Position {
    let position = store.load(&consumer(by), &partition(of)).await;
    position.unwrap_or_else(|error| panic!("a position cannot be loaded: {error}"))
}

pub(super) async fn progress_of<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    streams: &[StreamId],
) -> Vec<StreamProgress> {
    let progress = store.stream_progress(&consumer(by), streams).await;
    let progress = progress.unwrap_or_else(|error| panic!("no progress of streams: {error}"));
    assert_eq!(progress.len(), streams.len(), "one answer per stream");
    progress
}

pub(super) async fn versions<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    streams: &[StreamId],
) -> Vec<u64> {
    progress_of(store, by, streams).await.into_iter().map(|at| at.version.get()).collect()
}

pub(super) async fn reset<S: CheckpointStore + ?Sized>(store: &Arc<S>, by: &str) {
    let reset = store.reset(&consumer(by)).await;
    reset.unwrap_or_else(|error| panic!("a reset failed: {error}"));
}

pub(super) async fn pause<S: CheckpointStore + ?Sized>(store: &Arc<S>, by: &str, paused: bool) {
    let said = store.set_paused(&consumer(by), paused).await;
    said.unwrap_or_else(|error| panic!("{by} cannot be paused: {error}"));
}

pub(super) async fn is_paused<S: CheckpointStore + ?Sized>(store: &Arc<S>, by: &str) -> bool {
    let paused = store.is_paused(&consumer(by)).await;
    paused.unwrap_or_else(|error| panic!("it is not known whether {by} is paused: {error}"))
}

pub(super) async fn list<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    query: &DeadLetterQuery,
) -> Vec<DeadLetter> {
    let listed = store.dead_letters(&consumer(by), query).await;
    let listed = listed.unwrap_or_else(|error| panic!("{query:?} cannot be listed: {error}"));
    assert!(listed.len() <= query.limit, "{} listed, {} asked", listed.len(), query.limit);
    listed
}

pub(super) async fn parked<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> Vec<DeadLetter> {
    list(store, by, &DeadLetterQuery::default().limit(10_000)).await
}

pub(super) async fn dropped<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> Vec<DeadLetter> {
    let query = DeadLetterQuery::default().state(DeadLetterState::Dropped).limit(10_000);
    list(store, by, &query).await
}

pub(super) async fn count<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> DeadLetterCount {
    let count = store.dead_letter_count(&consumer(by)).await;
    count.unwrap_or_else(|error| panic!("letters cannot be counted: {error}"))
}

/// All that a store tells of a consumer, in the partitions `p`, `q` and `r` and the streams `s`, `t`
/// and `u`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) positions: Vec<Position>,
    pub(super) streams: Vec<StreamProgress>,
    pub(super) parked: Vec<DeadLetter>,
    pub(super) dropped: Vec<DeadLetter>,
    pub(super) count: DeadLetterCount,
    pub(super) paused: bool,
}

pub(super) const PARTITIONS: [&str; 3] = ["p", "q", "r"];
pub(super) const STREAMS: [&str; 3] = ["s", "t", "u"];

pub(super) async fn state<S: CheckpointStore + ?Sized>(store: &Arc<S>, by: &str) -> State {
    let mut positions = Vec::new();
    for of in PARTITIONS {
        positions.push(load(store, by, of).await);
    }
    State {
        positions,
        streams: progress_of(store, by, &STREAMS.map(stream)).await,
        parked: parked(store, by).await,
        dropped: dropped(store, by).await,
        count: count(store, by).await,
        paused: is_paused(store, by).await,
    }
}

/// Panics unless the consumer is as it was.
pub(super) async fn assert_state<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    expected: &State,
    case: &str,
) {
    let state = state(store, by).await;
    assert_eq!(state.positions, expected.positions, "{case}: the positions of {by}");
    assert_eq!(state.streams, expected.streams, "{case}: the streams of {by}");
    assert_letters(&state.parked, &expected.parked, &format!("{case}: parked for {by}"));
    assert_letters(&state.dropped, &expected.dropped, &format!("{case}: dropped by {by}"));
    assert_eq!(state.count, expected.count, "{case}: the count of {by}");
    assert_eq!(state.paused, expected.paused, "{case}: whether {by} is paused");
}

/// Compares first by place, which tells in a line what is wrong, then all of it.
pub(super) fn assert_letters(actual: &[DeadLetter], expected: &[DeadLetter], case: &str) {
    let places = |letters: &[DeadLetter]| -> Vec<String> {
        letters
            .iter()
            .map(|l| format!("{}@{}", l.commit.stream(), l.commit.first_version()))
            .collect()
    };
    assert_eq!(places(actual), places(expected), "{case}: the places of the letters");
    for (actual, expected) in actual.iter().zip(expected) {
        assert!(actual == expected, "{case}: another letter, {actual:?}, expected {expected:?}");
    }
}

pub(super) fn assert_fenced<T: Debug>(outcome: &Result<T>, by: &str, of: &str, case: &str) {
    assert_fenced_in(outcome, by, Some(of), case);
}

/// Panics unless a step beside the feed, or an adoption, was fenced.
pub(super) fn assert_fenced_beside<T: Debug>(outcome: &Result<T>, by: &str, case: &str) {
    assert_fenced_in(outcome, by, None, case);
}

fn assert_fenced_in<T: Debug>(outcome: &Result<T>, by: &str, of: Option<&str>, case: &str) {
    match outcome {
        Err(Error::Fenced { consumer, partition }) => {
            let fenced = (&**consumer, partition.as_deref());
            assert_eq!(fenced, (by, of), "{case}: who was fenced");
        }
        outcome => panic!("{case}: not fenced, but {outcome:?}"),
    }
}

//! The rules of [`CheckpointStore`].

use std::fmt::Debug;
use std::sync::Arc;

use super::Fixture;
use crate::checkpoint_store::{CheckpointStore, Progress, Revision};
use crate::dead_letter::{DeadLetter, DeadLetterChange};
use crate::error::{Error, Result};

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
mod samples;
mod state;
mod streams;

pub(super) use samples::{
    adoption, beside_the_feed, by, checkpoint, commit_at, consumer, dropping, failed, in_partition,
    parking, partition, record, removing, seen_at, seen_parked, step, waiting,
};
use samples::{hostile_names, place};
use state::{PARTITIONS, STREAMS};
pub(super) use state::{
    State, assert_letters, assert_state, count, dropped, is_paused, list, load, parked,
    progress_of, state, versions,
};

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
        a_save_based_on_another_position_is_fenced,
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

/// The most dead letters of as many streams that the rules ask a store to change in one step.
pub(super) const MAX_LETTERS: usize = 20;

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

/// Parks letters, in as many steps as it takes.
pub(super) async fn park<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    of: &str,
    letters: &[DeadLetter],
) {
    for step in letters.chunks(MAX_LETTERS) {
        change(store, of, step.iter().map(parking).collect()).await;
    }
}

pub(super) async fn reset<S: CheckpointStore + ?Sized>(store: &Arc<S>, by: &str) {
    let reset = store.reset(&consumer(by)).await;
    reset.unwrap_or_else(|error| panic!("a reset failed: {error}"));
}

pub(super) async fn pause<S: CheckpointStore + ?Sized>(store: &Arc<S>, by: &str, paused: bool) {
    let said = store.set_paused(&consumer(by), paused).await;
    said.unwrap_or_else(|error| panic!("{by} cannot be paused: {error}"));
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

//! What a store tells of a consumer.

use std::sync::Arc;

use super::samples::{consumer, partition};
use crate::checkpoint_store::{CheckpointStore, Position, StreamProgress};
use crate::dead_letter::{DeadLetter, DeadLetterCount, DeadLetterQuery, DeadLetterState};
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::stream;

pub(in crate::testing::conformance) const PARTITIONS: [&str; 3] = ["p", "q", "r"];

pub(in crate::testing::conformance) const STREAMS: [&str; 3] = ["s", "t", "u"];

/// All that a store tells of a consumer, in the partitions `p`, `q` and `r` and the streams `s`, `t`
/// and `u`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::testing::conformance) struct State {
    pub(in crate::testing::conformance) positions: Vec<Position>,
    pub(in crate::testing::conformance) streams: Vec<StreamProgress>,
    pub(in crate::testing::conformance) parked: Vec<DeadLetter>,
    pub(in crate::testing::conformance) dropped: Vec<DeadLetter>,
    pub(in crate::testing::conformance) count: DeadLetterCount,
    pub(in crate::testing::conformance) paused: bool,
}

pub(in crate::testing::conformance) async fn state<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> State {
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
pub(in crate::testing::conformance) async fn assert_state<S: CheckpointStore + ?Sized>(
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
pub(in crate::testing::conformance) fn assert_letters(
    actual: &[DeadLetter],
    expected: &[DeadLetter],
    case: &str,
) {
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

pub(in crate::testing::conformance) async fn load<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    of: &str,
) -> Position {
    let position = store.load(&consumer(by), &partition(of)).await;
    position.unwrap_or_else(|error| panic!("a position cannot be loaded: {error}"))
}

pub(in crate::testing::conformance) async fn progress_of<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    streams: &[StreamId],
) -> Vec<StreamProgress> {
    let progress = store.stream_progress(&consumer(by), streams).await;
    let progress = progress.unwrap_or_else(|error| panic!("no progress of streams: {error}"));
    assert_eq!(progress.len(), streams.len(), "one answer per stream");
    progress
}

pub(in crate::testing::conformance) async fn versions<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    streams: &[StreamId],
) -> Vec<u64> {
    progress_of(store, by, streams).await.into_iter().map(|at| at.version.get()).collect()
}

pub(in crate::testing::conformance) async fn list<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
    query: &DeadLetterQuery,
) -> Vec<DeadLetter> {
    let listed = store.dead_letters(&consumer(by), query).await;
    let listed = listed.unwrap_or_else(|error| panic!("{query:?} cannot be listed: {error}"));
    assert!(listed.len() <= query.limit, "{} listed, {} asked", listed.len(), query.limit);
    listed
}

pub(in crate::testing::conformance) async fn parked<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> Vec<DeadLetter> {
    list(store, by, &DeadLetterQuery::default().limit(10_000)).await
}

pub(in crate::testing::conformance) async fn dropped<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> Vec<DeadLetter> {
    let query = DeadLetterQuery::default().state(DeadLetterState::Dropped).limit(10_000);
    list(store, by, &query).await
}

pub(in crate::testing::conformance) async fn count<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> DeadLetterCount {
    let count = store.dead_letter_count(&consumer(by)).await;
    count.unwrap_or_else(|error| panic!("letters cannot be counted: {error}"))
}

pub(in crate::testing::conformance) async fn is_paused<S: CheckpointStore + ?Sized>(
    store: &Arc<S>,
    by: &str,
) -> bool {
    let paused = store.is_paused(&consumer(by)).await;
    paused.unwrap_or_else(|error| panic!("it is not known whether {by} is paused: {error}"))
}

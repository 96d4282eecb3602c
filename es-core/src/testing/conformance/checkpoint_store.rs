//! The rules of [`CheckpointStore`].

use std::sync::Arc;

use super::Fixture;
use super::concurrently::concurrently;
use super::sample::{hostile_ids, stream, stream_in};
use crate::checkpoint_store::{
    Advance, CheckpointStore, ConsumerId, Position, Progress, Revision, StreamProgress,
};
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::StreamId;
use crate::version::Version;

/// What the rules are about.
pub type Store = Arc<dyn CheckpointStore>;

impl<S: CheckpointStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    checkpoint_store for Store, tested by checkpoint_store_conformance;
    self: [
        a_consumer_begins_at_the_start,
        saved_progress_comes_back,
        a_checkpoint_of_any_text_comes_back,
        a_save_moves_the_revision_on_by_one,
        a_save_on_a_stale_revision_is_fenced,
        a_save_on_a_revision_that_never_was_is_fenced,
        a_fenced_save_writes_nothing,
        of_concurrent_saves_exactly_one_succeeds,
        the_version_of_a_stream_never_goes_backwards,
        a_save_based_on_another_version_of_a_stream_is_fenced,
        versions_come_in_the_order_asked_for,
        a_step_of_many_streams_is_kept_whole,
        consumers_are_kept_apart,
        partitions_are_kept_apart,
        streams_are_kept_apart,
        a_reset_consumer_begins_at_the_start,
        a_reset_fences_those_at_work,
        a_reset_fences_a_first_step_in_another_partition,
        revisions_grow_over_many_resets,
        a_reset_leaves_other_consumers_alone,
    ],
}

pub(super) fn consumer(name: &str) -> ConsumerId {
    ConsumerId::new(name).expect("the rules use valid consumers")
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

/// What a stream without dead letters was seen at.
pub(super) fn seen_at(id: &str, version: u64) -> (StreamId, StreamProgress) {
    let version = Version::new(version);
    (stream(id), StreamProgress { version, ..StreamProgress::default() })
}

/// Saves, and gives the revision that the position has then.
async fn save(store: &Store, progress: Progress) -> Revision {
    let saved = progress.advance.as_ref().map(|advance| advance.based_on.next());
    let outcome = store.save(progress).await;
    outcome.unwrap_or_else(|error| panic!("a save was refused: {error}"));
    saved.unwrap_or_default()
}

async fn load(store: &Store, by: &str, of: &str) -> Position {
    let position = store.load(&consumer(by), &partition(of)).await;
    position.unwrap_or_else(|error| panic!("a position cannot be loaded: {error}"))
}

async fn versions(store: &Store, by: &str, streams: &[StreamId]) -> Vec<u64> {
    let progress = store.stream_progress(&consumer(by), streams).await;
    let progress = progress.unwrap_or_else(|error| panic!("no progress of streams: {error}"));
    assert_eq!(progress.len(), streams.len(), "one answer per stream");
    progress.into_iter().map(|stream| stream.version.get()).collect()
}

pub(super) fn assert_fenced(outcome: &Result<()>, by: &str, of: &str, case: &str) {
    match outcome {
        Err(Error::Fenced { consumer, partition }) => {
            let fenced = (&**consumer, partition.as_deref());
            assert_eq!(fenced, (by, Some(of)), "{case}: who was fenced");
        }
        outcome => panic!("{case}: not fenced, but {outcome:?}"),
    }
}

async fn a_consumer_begins_at_the_start(store: Store) {
    let start = Position { checkpoint: Checkpoint::start(), revision: Revision::from_stored(0) };
    assert_eq!(load(&store, "c", "p").await, start);
    assert_eq!(versions(&store, "c", &[stream("s"), stream("t")]).await, [0, 0]);
    assert_eq!(versions(&store, "c", &[]).await, [0; 0]);
    save(&store, step(Revision::default(), "1", &[("s", 1)])).await;
    assert_eq!(load(&store, "other", "p").await, start);
    assert_eq!(versions(&store, "other", &[stream("s")]).await, [0]);
}

async fn saved_progress_comes_back(store: Store) {
    let mut revision = load(&store, "c", "p").await.revision;
    for n in 1..=5 {
        revision = save(&store, step(revision, &n.to_string(), &[("s", n), ("t", 10 * n)])).await;
        let position = load(&store, "c", "p").await;
        assert_eq!(position, Position { checkpoint: checkpoint(&n.to_string()), revision });
        assert_eq!(versions(&store, "c", &[stream("s"), stream("t")]).await, [n, 10 * n]);
    }
}

async fn a_checkpoint_of_any_text_comes_back(store: Store) {
    let mut revision = Revision::default();
    let mut texts = hostile_ids();
    // A feed may also go back to the start: nothing is there any more that was read.
    texts.extend(["".to_owned(), "a\nb\0c".to_owned(), "9".repeat(1_000), "{\"a\":1}".to_owned()]);
    for text in texts {
        revision = save(&store, step(revision, &text, &[])).await;
        assert_eq!(load(&store, "c", "p").await.checkpoint, checkpoint(&text));
    }
}

async fn a_save_moves_the_revision_on_by_one(store: Store) {
    let mut revision = load(&store, "c", "p").await.revision;
    for n in 0..10 {
        let next = save(&store, step(revision, &n.to_string(), &[])).await;
        assert!(next > revision, "a revision did not grow: {next:?} after {revision:?}");
        assert_eq!(load(&store, "c", "p").await.revision, next);
        revision = next;
    }
}

async fn a_save_on_a_stale_revision_is_fenced(store: Store) {
    let mut stale = vec![Revision::default()];
    for n in 0..4 {
        let revision = save(&store, step(stale[n], &n.to_string(), &[])).await;
        for &stale in &stale {
            let outcome = store.save(step(stale, "late", &[])).await;
            assert_fenced(&outcome, "c", "p", &format!("{stale:?} when it is {revision:?}"));
        }
        stale.push(revision);
    }
    assert_eq!(load(&store, "c", "p").await.checkpoint, checkpoint("3"));
}

async fn a_save_on_a_revision_that_never_was_is_fenced(store: Store) {
    for ahead in [1, 7, 1_000] {
        let outcome = store.save(step(Revision::from_stored(ahead), "x", &[("s", 1)])).await;
        assert_fenced(&outcome, "c", "p", "a revision of a position that nobody saved");
    }
    assert_eq!(load(&store, "c", "p").await, Position::default());
    let revision = save(&store, step(Revision::default(), "1", &[])).await;
    let ahead = Revision::from_stored(revision.get() + 1);
    let outcome = store.save(step(ahead, "x", &[("s", 1)])).await;
    assert_fenced(&outcome, "c", "p", "a revision to come");
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [0]);
}

async fn a_fenced_save_writes_nothing(store: Store) {
    let first = save(&store, step(Revision::default(), "1", &[("s", 5)])).await;
    let second = save(&store, step(first, "2", &[("s", 6)])).await;
    let outcome = store.save(step(first, "late", &[("s", 9), ("t", 1), ("u", 2)])).await;
    assert_fenced(&outcome, "c", "p", "a stale save");
    let position = load(&store, "c", "p").await;
    assert_eq!(position, Position { checkpoint: checkpoint("2"), revision: second });
    let streams = [stream("s"), stream("t"), stream("u")];
    assert_eq!(versions(&store, "c", &streams).await, [6, 0, 0], "the versions of the streams");
    save(&store, step(second, "3", &[("t", 1)])).await;
}

async fn of_concurrent_saves_exactly_one_succeeds(store: Store) {
    const WORKERS: usize = 8;
    let mut revision = Revision::default();
    for round in 0..25 {
        let outcomes = concurrently((0..WORKERS).map(|worker| {
            let store = Arc::clone(&store);
            let name = format!("{round}-{worker}");
            async move { (store.save(step(revision, &name, &[(&name, 1)])).await, name) }
        }))
        .await;
        let mut winners = Vec::new();
        let mut losers = Vec::new();
        for (outcome, name) in outcomes {
            match outcome {
                Ok(()) => winners.push((revision.next(), name)),
                Err(_) => {
                    assert_fenced(&outcome, "c", "p", "the loser of a race");
                    losers.push(stream(&name));
                }
            }
        }
        assert_eq!(winners.len(), 1, "of {WORKERS} saves on one revision {} win", winners.len());
        revision = winners[0].0;
        let expected = Position { checkpoint: checkpoint(&winners[0].1), revision };
        assert_eq!(load(&store, "c", "p").await, expected);
        assert_eq!(versions(&store, "c", &[stream(&winners[0].1)]).await, [1]);
        assert_eq!(versions(&store, "c", &losers).await, [0; WORKERS - 1], "losers wrote");
    }
}

async fn the_version_of_a_stream_never_goes_backwards(store: Store) {
    let mut revision = Revision::default();
    for (saved, expected) in [(5, 5), (3, 5), (9, 9), (10, 10), (9, 10), (1, 10), (100, 100)] {
        revision = save(&store, step(revision, "x", &[("s", saved), ("other", 1)])).await;
        assert_eq!(versions(&store, "c", &[stream("s")]).await, [expected], "after {saved}");
    }
    // In another partition of the same consumer too: a stream may move between them.
    let elsewhere = in_partition("q", step(Revision::default(), "1", &[("s", 7)]));
    save(&store, elsewhere).await;
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [100], "after 7 in another partition");
}

async fn a_save_based_on_another_version_of_a_stream_is_fenced(store: Store) {
    // Two workers meet the stream in different partitions, as in a parent and its child.
    let seen = |version| vec![seen_at("s", version), seen_at("new", 0)];
    let in_p = Progress { seen: seen(0), ..step(Revision::default(), "1", &[("s", 2)]) };
    let in_p = save(&store, in_p).await;
    for wrong in [0, 1, 3] {
        let progress = step(Revision::default(), "late", &[("s", 9), ("t", 1)]);
        let late = Progress { seen: seen(wrong), ..in_partition("q", progress) };
        assert_fenced(&store.save(late).await, "c", "q", &format!("seen at {wrong}, it is at 2"));
        assert_eq!(load(&store, "c", "q").await, Position::default());
        assert_eq!(versions(&store, "c", &[stream("s"), stream("t")]).await, [2, 0]);
    }
    let progress = step(Revision::default(), "1", &[("s", 3)]);
    save(&store, Progress { seen: seen(2), ..in_partition("q", progress) }).await;
    save(&store, Progress { seen: seen(3), ..step(in_p, "2", &[("s", 4)]) }).await;
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [4]);
}

async fn versions_come_in_the_order_asked_for(store: Store) {
    save(&store, step(Revision::default(), "1", &[("a", 1), ("b", 2), ("c", 3)])).await;
    let asked = ["c", "missing", "a", "b", "a"].map(stream);
    assert_eq!(versions(&store, "c", &asked).await, [3, 0, 1, 2, 1]);
    // More than a batch read takes of most databases at once.
    let many: Vec<StreamId> = (0..250).map(|n| stream(["a", "b", "x"][n % 3])).collect();
    let expected: Vec<u64> = (0..250).map(|n| [1, 2, 0][n % 3]).collect();
    assert_eq!(versions(&store, "c", &many).await, expected);
}

async fn a_step_of_many_streams_is_kept_whole(store: Store) {
    let names: Vec<String> = (0..80).map(|n| n.to_string()).collect();
    let reached: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(1..).collect();
    let first = save(&store, step(Revision::default(), "1", &reached)).await;
    let streams: Vec<StreamId> = names.iter().map(|name| stream(name)).collect();
    let expected: Vec<u64> = (1..=80).collect();
    assert_eq!(versions(&store, "c", &streams).await, expected);
    let further: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(1_001..).collect();
    let outcome = store.save(step(Revision::default(), "late", &further)).await;
    assert_fenced(&outcome, "c", "p", "a stale save of many streams");
    assert_eq!(versions(&store, "c", &streams).await, expected, "a fenced save wrote a part");
    save(&store, step(first, "2", &further)).await;
}

/// Names that a store may confuse, short enough for consumers.
fn hostile_names() -> Vec<String> {
    hostile_ids().into_iter().filter(|id| id.len() <= 100).collect()
}

async fn consumers_are_kept_apart(store: Store) {
    let mut saved = Vec::new();
    for (n, name) in (1..).zip(hostile_names()) {
        let progress =
            Progress { consumer: consumer(&name), ..step(Revision::default(), &name, &[("s", n)]) };
        saved.push((save(&store, progress).await, name, n));
    }
    for (revision, name, n) in saved {
        let expected = Position { checkpoint: checkpoint(&name), revision };
        assert_eq!(load(&store, &name, "p").await, expected, "of consumer {name:?}");
        assert_eq!(versions(&store, &name, &[stream("s")]).await, [n], "of consumer {name:?}");
    }
}

async fn partitions_are_kept_apart(store: Store) {
    let names = hostile_ids();
    for name in &names {
        let progress = in_partition(name, step(Revision::default(), name, &[]));
        save(&store, progress).await;
    }
    for name in &names {
        let position = load(&store, "c", name).await;
        assert_eq!(position.checkpoint, checkpoint(name), "of partition {name:?}");
    }
    // A pair of names is not its joined text.
    for (by, of) in [("a", "b:c"), ("a:b", "c"), ("a#b", "c"), ("a", "b#c"), ("a/b", "c")] {
        let progress = step(Revision::default(), &format!("{by} {of}"), &[]);
        let progress = Progress { consumer: consumer(by), ..in_partition(of, progress) };
        save(&store, progress).await;
    }
    for (by, of) in [("a", "b:c"), ("a:b", "c"), ("a#b", "c"), ("a", "b#c"), ("a/b", "c")] {
        assert_eq!(load(&store, by, of).await.checkpoint, checkpoint(&format!("{by} {of}")));
    }
}

async fn streams_are_kept_apart(store: Store) {
    let mut streams: Vec<StreamId> = hostile_ids().iter().map(|id| stream(id)).collect();
    streams.extend([stream_in("a", "b:c"), stream_in("b", "c"), stream_in("A", "b:c")]);
    let mut revision = Revision::default();
    for (n, some) in streams.chunks(20).enumerate() {
        let reached = some.iter().cloned().zip((1 + 20 * n as u64..).map(Version::new)).collect();
        let progress = Progress { streams: reached, ..step(revision, "x", &[]) };
        revision = save(&store, progress).await;
    }
    let expected: Vec<u64> = (1..=streams.len() as u64).collect();
    assert_eq!(versions(&store, "c", &streams).await, expected);
}

async fn reset(store: &Store, by: &str) {
    let reset = store.reset(&consumer(by)).await;
    reset.unwrap_or_else(|error| panic!("a reset failed: {error}"));
}

async fn a_reset_consumer_begins_at_the_start(store: Store) {
    reset(&store, "c").await;
    assert!(load(&store, "c", "p").await.checkpoint.is_start());
    for (n, of) in ["p", "q"].into_iter().enumerate() {
        let revision = load(&store, "c", of).await.revision;
        let progress = step(revision, "9", &[("s", 4 + n as u64), (of, 7)]);
        save(&store, in_partition(of, progress)).await;
    }
    reset(&store, "c").await;
    for of in ["p", "q", "unknown"] {
        assert!(load(&store, "c", of).await.checkpoint.is_start(), "{of} is not at the start");
    }
    let streams = ["s", "p", "q"].map(stream);
    assert_eq!(versions(&store, "c", &streams).await, [0, 0, 0], "versions survived");
    let again = load(&store, "c", "p").await.revision;
    save(&store, step(again, "1", &[("s", 1)])).await;
    assert_eq!(load(&store, "c", "p").await.checkpoint, checkpoint("1"));
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [1]);
}

async fn a_reset_fences_those_at_work(store: Store) {
    let mut held = vec![Revision::default()];
    for n in 0..3 {
        held.push(save(&store, step(held[n], "x", &[("s", 1 + n as u64)])).await);
    }
    reset(&store, "c").await;
    for &held in &held {
        let outcome = store.save(step(held, "late", &[("s", 9)])).await;
        assert_fenced(&outcome, "c", "p", &format!("{held:?} from before a reset"));
    }
    assert!(load(&store, "c", "p").await.checkpoint.is_start());
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [0]);
}

/// The worker has read, for its step, what the reset takes away: its revision is the consumer's, even
/// if its partition has no position yet.
async fn a_reset_fences_a_first_step_in_another_partition(store: Store) {
    save(&store, step(Revision::default(), "x", &[("s", 1)])).await;
    let in_q = load(&store, "c", "q").await.revision;
    reset(&store, "c").await;
    let first = in_partition("q", step(in_q, "late", &[("s", 2)]));
    assert_fenced(&store.save(first).await, "c", "q", "a first step from before a reset");
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [0]);
    let revision = load(&store, "c", "q").await.revision;
    let again = in_partition("q", step(revision, "1", &[("s", 1)]));
    save(&store, again).await;
}

async fn revisions_grow_over_many_resets(store: Store) {
    let mut last = Revision::default();
    for _ in 0..4 {
        let loaded = load(&store, "c", "p").await.revision;
        assert!(loaded >= last, "{loaded:?} after {last:?}: a revision came again");
        let saved = save(&store, step(loaded, "x", &[])).await;
        assert!(saved > last, "{saved:?} after {last:?}: a revision came again");
        reset(&store, "c").await;
        last = saved;
    }
    reset(&store, "c").await;
    reset(&store, "c").await;
    assert!(load(&store, "c", "p").await.revision > last, "a revision came again");
}

async fn a_reset_leaves_other_consumers_alone(store: Store) {
    for by in ["c", "c2", "C", "c:", "%"] {
        let progress =
            Progress { consumer: consumer(by), ..step(Revision::default(), by, &[("s", 3)]) };
        save(&store, progress).await;
    }
    reset(&store, "c").await;
    reset(&store, "%").await;
    for by in ["c2", "C", "c:"] {
        assert_eq!(load(&store, by, "p").await.checkpoint, checkpoint(by));
        assert_eq!(versions(&store, by, &[stream("s")]).await, [3]);
    }
    assert!(load(&store, "c", "p").await.checkpoint.is_start());
}

//! How far each stream is.

use super::{Store, assert_fenced, in_partition, save, step, versions};
use crate::checkpoint_store::{Progress, Revision};
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{hostile_ids, stream, stream_in};
use crate::version::Version;

pub(super) async fn the_version_of_a_stream_never_goes_backwards(store: Store) {
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

pub(super) async fn versions_come_in_the_order_asked_for(store: Store) {
    save(&store, step(Revision::default(), "1", &[("a", 1), ("b", 2), ("c", 3)])).await;
    let asked = ["c", "missing", "a", "b", "a"].map(stream);
    assert_eq!(versions(&store, "c", &asked).await, [3, 0, 1, 2, 1]);
    // More than a batch read takes of most databases at once.
    let many: Vec<StreamId> = (0..250).map(|n| stream(["a", "b", "x"][n % 3])).collect();
    let expected: Vec<u64> = (0..250).map(|n| [1, 2, 0][n % 3]).collect();
    assert_eq!(versions(&store, "c", &many).await, expected);
}

pub(super) async fn a_step_of_many_streams_is_kept_whole(store: Store) {
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

pub(super) async fn streams_are_kept_apart(store: Store) {
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

use super::{Store, append, assert_stream, build};
use crate::commit::Commit;
use crate::event_store::Expected;
use crate::stream_id::StreamId;
use crate::testing::conformance::sample::{commit, hostile_ids, stream, stream_in};

/// Fills the streams in turns and looks whether each has its own commits only.
async fn keep_apart(store: &Store, streams: Vec<StreamId>) {
    let mut filled: Vec<(StreamId, Vec<Commit>)> = Vec::new();
    for (at, stream) in streams.into_iter().enumerate() {
        let commits = build(store, &stream, &[1 + at % 3]).await;
        filled.push((stream, commits));
    }
    for (stream, commits) in &mut filled {
        let head = Expected::end(commits.last().map(Commit::head));
        commits.push(append(store, stream, head, &commit(1)).await);
    }
    for (stream, commits) in &filled {
        assert_stream(store, stream, commits).await;
    }
}

pub(super) async fn streams_with_hostile_ids_are_kept_apart(store: Store) {
    keep_apart(&store, hostile_ids().iter().map(|id| stream(id)).collect()).await;
}

pub(super) async fn categories_are_kept_apart(store: Store) {
    let names = [
        ("a", "b"),
        ("b", "a"),
        ("a", "a"),
        ("A", "b"),
        ("a_", "b"),
        ("a-", "b"),
        ("a", "b:c"),
        ("b", "c"),
        ("ab", "c"),
        ("a", "bc"),
        ("aa", "b"),
        ("0", "b"),
        ("00", "b"),
        ("a", "a:b"),
    ];
    keep_apart(&store, names.map(|(category, id)| stream_in(category, id)).into()).await;
}

pub(super) async fn the_longest_names_are_taken(store: Store) {
    let category = "c".repeat(StreamId::MAX_CATEGORY_LEN);
    let ids = ["x".repeat(200), "🦀".repeat(50), "ü".repeat(100), "\u{10fffd}".repeat(50)];
    keep_apart(&store, ids.iter().map(|id| stream_in(&category, id)).collect()).await;
}

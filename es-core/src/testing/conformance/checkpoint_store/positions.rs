//! Where a consumer is in its partitions.

use super::{Store, by, checkpoint, hostile_names, in_partition, load, save, step, versions};
use crate::checkpoint_store::{Position, Revision};
use crate::feed::Checkpoint;
use crate::testing::conformance::sample::{hostile_ids, stream};

pub(super) async fn a_consumer_begins_at_the_start(store: Store) {
    let start = Position { checkpoint: Checkpoint::start(), revision: Revision::from_stored(0) };
    assert_eq!(load(&store, "c", "p").await, start);
    assert_eq!(versions(&store, "c", &[stream("s"), stream("t")]).await, [0, 0]);
    assert_eq!(versions(&store, "c", &[]).await, [0; 0]);
    save(&store, step(Revision::default(), "1", &[("s", 1)])).await;
    assert_eq!(load(&store, "other", "p").await, start);
    assert_eq!(versions(&store, "other", &[stream("s")]).await, [0]);
}

pub(super) async fn saved_progress_comes_back(store: Store) {
    let mut revision = load(&store, "c", "p").await.revision;
    for n in 1..=5 {
        revision = save(&store, step(revision, &n.to_string(), &[("s", n), ("t", 10 * n)])).await;
        let position = load(&store, "c", "p").await;
        assert_eq!(position, Position { checkpoint: checkpoint(&n.to_string()), revision });
        assert_eq!(versions(&store, "c", &[stream("s"), stream("t")]).await, [n, 10 * n]);
    }
}

pub(super) async fn a_checkpoint_of_any_text_comes_back(store: Store) {
    let mut revision = Revision::default();
    let mut texts = hostile_ids();
    // A feed may also go back to the start: nothing is there any more that was read.
    texts.extend(["".to_owned(), "a\nb\0c".to_owned(), "9".repeat(1_000), "{\"a\":1}".to_owned()]);
    for text in texts {
        revision = save(&store, step(revision, &text, &[])).await;
        assert_eq!(load(&store, "c", "p").await.checkpoint, checkpoint(&text));
    }
}

pub(super) async fn a_save_moves_the_revision_on_by_one(store: Store) {
    let mut revision = load(&store, "c", "p").await.revision;
    for n in 0..10 {
        let next = save(&store, step(revision, &n.to_string(), &[])).await;
        assert!(next > revision, "a revision did not grow: {next:?} after {revision:?}");
        assert_eq!(load(&store, "c", "p").await.revision, next);
        revision = next;
    }
}

pub(super) async fn consumers_are_kept_apart(store: Store) {
    let mut saved = Vec::new();
    for (n, name) in (1..).zip(hostile_names()) {
        let progress = by(&name, step(Revision::default(), &name, &[("s", n)]));
        saved.push((save(&store, progress).await, name, n));
    }
    for (revision, name, n) in saved {
        let expected = Position { checkpoint: checkpoint(&name), revision };
        assert_eq!(load(&store, &name, "p").await, expected, "of consumer {name:?}");
        assert_eq!(versions(&store, &name, &[stream("s")]).await, [n], "of consumer {name:?}");
    }
}

pub(super) async fn partitions_are_kept_apart(store: Store) {
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
    for (name, of) in [("a", "b:c"), ("a:b", "c"), ("a#b", "c"), ("a", "b#c"), ("a/b", "c")] {
        let progress = step(Revision::default(), &format!("{name} {of}"), &[]);
        save(&store, by(name, in_partition(of, progress))).await;
    }
    for (name, of) in [("a", "b:c"), ("a:b", "c"), ("a#b", "c"), ("a", "b#c"), ("a/b", "c")] {
        assert_eq!(load(&store, name, of).await.checkpoint, checkpoint(&format!("{name} {of}")));
    }
}

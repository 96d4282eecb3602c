//! Of those who do the same work one succeeds.

use std::sync::Arc;

use super::{
    Store, assert_fenced, assert_fenced_beside, assert_state, beside_the_feed, change, checkpoint,
    commit_at, dropping, failed, in_partition, load, park, parked, parking, partition, removing,
    save, seen_at, seen_parked, state, step, versions, waiting,
};
use crate::checkpoint_store::{Position, Progress, Revision};
use crate::dead_letter::DeadLetterChange;
use crate::testing::conformance::concurrently::concurrently;
use crate::testing::conformance::sample::stream;
use crate::version::Version;

pub(super) async fn a_save_on_a_stale_revision_is_fenced(store: Store) {
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

pub(super) async fn a_save_on_a_revision_that_never_was_is_fenced(store: Store) {
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

pub(super) async fn a_save_based_on_another_version_of_a_stream_is_fenced(store: Store) {
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

pub(super) async fn a_save_based_on_another_position_is_fenced(store: Store) {
    let mark = |revision| vec![(partition("mark"), revision)];
    let signed = save(&store, in_partition("mark", step(Revision::default(), "mine", &[]))).await;
    for wrong in [Revision::default(), signed.next()] {
        let late =
            Progress { based_on: mark(wrong), ..step(Revision::default(), "x", &[("s", 1)]) };
        let case = format!("based on {wrong:?} when it is {signed:?}");
        assert_fenced(&store.save(late).await, "c", "p", &case);
        let beside = Progress { based_on: mark(wrong), ..beside_the_feed(Vec::new()) };
        assert_fenced_beside(&store.save(beside).await, "c", &case);
        assert_eq!(load(&store, "c", "p").await, Position::default());
        assert_eq!(versions(&store, "c", &[stream("s")]).await, [0]);
    }
    let first = Progress { based_on: mark(signed), ..step(Revision::default(), "1", &[("s", 1)]) };
    save(&store, first).await;
    assert_eq!(load(&store, "c", "mark").await.revision, signed, "it is looked at, and not moved");
    let never = vec![(partition("never saved"), Revision::default())];
    save(&store, Progress { based_on: never, ..beside_the_feed(Vec::new()) }).await;
    assert_eq!(versions(&store, "c", &[stream("s")]).await, [1]);
}

pub(super) async fn a_fenced_save_writes_nothing(store: Store) {
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

pub(super) async fn of_concurrent_saves_exactly_one_succeeds(store: Store) {
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

/// Letters that came or went since are as good a reason as a version: what the step did with the
/// stream is out of date.
pub(super) async fn a_save_that_saw_other_letters_is_fenced(store: Store) {
    let first = save(&store, step(Revision::default(), "1", &[("s", 3)])).await;
    park(&store, "c", &[failed(commit_at("s", 4, 2))]).await;
    let attempt = |parked| Progress {
        seen: vec![seen_at("t", 0), seen_parked("s", 3, parked)],
        streams: vec![(stream("t"), Version::new(1))],
        dead_letters: vec![parking(&waiting(commit_at("s", 6, 1)))],
        ..step(first, "2", &[])
    };
    for wrong in [0, 3, 4, 6, 100] {
        let before = state(&store, "c").await;
        let case = format!("parked through 5, seen at {wrong}");
        let outcome = store.save(attempt(wrong)).await;
        assert_fenced(&outcome, "c", "p", &case);
        assert_state(&store, "c", &before, &case).await;
    }
    save(&store, attempt(5)).await;
    // The stream is freed meanwhile, and a worker still takes it for parked.
    let letters: Vec<DeadLetterChange> = parked(&store, "c").await.iter().map(removing).collect();
    change(&store, "c", letters).await;
    let before = state(&store, "c").await;
    let late = Progress { seen: vec![seen_parked("s", 3, 6)], ..step(first.next(), "3", &[]) };
    let outcome = store.save(late).await;
    assert_fenced(&outcome, "c", "p", "nothing is parked any more");
    assert_state(&store, "c", &before, "nothing is parked any more").await;
}

pub(super) async fn a_fenced_save_changes_no_letter(store: Store) {
    let [there, other, new] =
        [("s", 1), ("s", 2), ("t", 1)].map(|(id, version)| failed(commit_at(id, version, 1)));
    save(&store, step(Revision::default(), "1", &[])).await;
    park(&store, "c", &[there.clone(), other.clone()]).await;
    let before = state(&store, "c").await;
    let again = waiting(there.commit.clone());
    for (what, dead_letters) in [
        ("a letter parked", vec![parking(&new)]),
        ("a letter replaced", vec![parking(&again)]),
        ("a letter removed", vec![removing(&there)]),
        ("a letter dropped", vec![dropping(&there, "x")]),
        ("all of it", vec![removing(&there), dropping(&other, "x"), parking(&new)]),
    ] {
        let case = format!("{what}, fenced");
        let stale = step(Revision::default(), "late", &[]);
        let outcome = store.save(Progress { dead_letters: dead_letters.clone(), ..stale }).await;
        assert_fenced(&outcome, "c", "p", &case);
        assert_state(&store, "c", &before, &case).await;
        let seen = vec![seen_at("u", 1)];
        let outcome = store.save(Progress { seen, ..beside_the_feed(dead_letters) }).await;
        assert_fenced_beside(&outcome, "c", &case);
        assert_state(&store, "c", &before, &case).await;
    }
}

//! Beginning again.

use super::{
    Store, assert_fenced, assert_fenced_beside, assert_letters, assert_state, beside_the_feed, by,
    change, checkpoint, commit_at, count, dropped, dropping, failed, in_partition, load, park,
    parked, parking, progress_of, record, reset, save, seen_at, seen_parked, state, step, versions,
};
use crate::checkpoint_store::{Progress, Revision, StreamProgress};
use crate::dead_letter::DeadLetterCount;
use crate::testing::conformance::sample::stream;

pub(super) async fn a_reset_consumer_begins_at_the_start(store: Store) {
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

pub(super) async fn a_reset_fences_those_at_work(store: Store) {
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
pub(super) async fn a_reset_fences_a_first_step_in_another_partition(store: Store) {
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

pub(super) async fn revisions_grow_over_many_resets(store: Store) {
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

pub(super) async fn a_reset_fences_a_step_beside_the_feed(store: Store) {
    save(&store, step(Revision::default(), "1", &[("s", 2)])).await;
    park(&store, "c", &[failed(commit_at("t", 1, 3))]).await;
    reset(&store, "c").await;
    for seen in [seen_at("s", 2), seen_parked("t", 0, 3)] {
        let case = format!("a step that saw {seen:?} before a reset");
        let letter = failed(commit_at("u", 1, 1));
        let late = Progress { seen: vec![seen], ..beside_the_feed(vec![parking(&letter)]) };
        assert_fenced_beside(&store.save(late).await, "c", &case);
        assert_letters(&parked(&store, "c").await, &[], &case);
    }
}

pub(super) async fn a_reset_forgets_parked_letters_and_keeps_records(store: Store) {
    let [first, second, other] =
        [("s", 1), ("s", 2), ("t", 1)].map(|(id, version)| failed(commit_at(id, version, 1)));
    let mut records = Vec::new();
    for reason in ["once", "twice"] {
        park(&store, "c", &[first.clone(), second.clone(), other.clone()]).await;
        change(&store, "c", vec![dropping(&first, reason)]).await;
        records = vec![record(&first, reason)];
        reset(&store, "c").await;
        assert_letters(&parked(&store, "c").await, &[], "parked before a reset");
        assert_letters(&dropped(&store, "c").await, &records, "dropped before a reset");
        let fresh = [StreamProgress::default(); 2];
        assert_eq!(progress_of(&store, "c", &["s", "t"].map(stream)).await, fresh);
        assert_eq!(count(&store, "c").await, DeadLetterCount::default(), "after a reset");
    }
    reset(&store, "c").await;
    assert_letters(&dropped(&store, "c").await, &records, "dropped before many resets");
}

pub(super) async fn a_reset_leaves_other_consumers_alone(store: Store) {
    let others = ["c2", "C", "c:"];
    for name in others.into_iter().chain(["c", "%"]) {
        save(&store, by(name, step(Revision::default(), name, &[("s", 3)]))).await;
        let letters = [1, 2].map(|version| failed(commit_at("t", version, 1)));
        park(&store, name, &letters).await;
        change(&store, name, vec![dropping(&letters[0], name)]).await;
    }
    let mut before = Vec::new();
    for name in others {
        before.push(state(&store, name).await);
    }
    reset(&store, "c").await;
    reset(&store, "%").await;
    for (name, before) in others.into_iter().zip(&before) {
        assert_state(&store, name, before, "after a reset of others").await;
    }
    assert!(load(&store, "c", "p").await.checkpoint.is_start());
}

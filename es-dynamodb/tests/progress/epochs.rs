//! A revision from before a reset or an adoption never fits again.

use es_core::{Adopted, CheckpointStore as _, Error, Progress};

use crate::samples::{adoption, consumer, partition, step};
use crate::scene::{Scene, place};

#[tokio::test]
async fn resets_that_meet_are_two_resets() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    let (c, p) = (consumer("c"), partition("p"));
    let rival = other.clone();
    faults.before("TransactWriteItems", 1, async move {
        rival.reset(&consumer("c")).await.unwrap();
        let after = rival.load(&consumer("c"), &partition("p")).await.unwrap().revision;
        rival.save(step(after, "between")).await.unwrap();
    });
    let before = store.load(&c, &p).await.unwrap().revision;
    store.reset(&c).await.unwrap();
    assert_eq!(faults.requests("TransactWriteItems"), 2, "it started over");
    assert_eq!(place(store).await, "");
    let now = store.load(&c, &p).await.unwrap().revision;
    assert_eq!((now.get() - before.get()) >> 40, 2, "{before:?}, {now:?}");
}

#[tokio::test]
async fn an_adoption_leaves_both_behind_the_revisions_of_both() {
    for (often, seldom) in [("again", "c"), ("c", "again")] {
        let Scene { store, .. } = &Scene::new().await;
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(store.load(&consumer(often), &partition("p")).await.unwrap().revision);
            store.reset(&consumer(often)).await.unwrap();
        }
        assert_eq!(store.adopt(&adoption()).await.unwrap(), Adopted::Done);
        for held in held {
            let late = Progress { consumer: consumer(often), ..step(held, "late") };
            let outcome = store.save(late).await;
            assert!(matches!(outcome, Err(Error::Fenced { .. })), "{held:?}: {outcome:?}");
        }
        let late = store.load(&consumer(seldom), &partition("p")).await.unwrap().revision;
        let first = Progress { consumer: consumer(seldom), ..step(late, "1") };
        store.save(first).await.unwrap();
    }
}

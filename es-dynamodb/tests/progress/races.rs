//! What others do between the reads of a step and its transaction.

use es_core::{Adopted, Adoption, CheckpointStore as _, Error, Progress, Revision, StreamProgress};

use crate::samples::{
    adoption, beside, consumer, dropping, letter, parking, partition, reached, removing, seen,
    step, stream,
};
use crate::scene::{Scene, change, dropped, parked, place, save, version};
use crate::support::faults::Fault;

const TRANSACTION: &str = "TransactWriteItems";

#[tokio::test]
async fn a_version_that_others_have_passed_meanwhile_stays() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    let rival = other.clone();
    faults.before(TRANSACTION, 1, async move {
        save(&rival, Progress { streams: reached(&[("s", 9)]), ..beside() }).await;
    });
    let streams = reached(&[("s", 5), ("t", 5)]);
    save(store, Progress { streams, ..step(Revision::default(), "1") }).await;
    assert_eq!(faults.requests(TRANSACTION), 2, "it started over");
    assert_eq!((version(store, "s").await, version(store, "t").await), (9.into(), 5.into()));
}

#[tokio::test]
async fn letters_that_others_have_changed_meanwhile_are_looked_at_again() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    let [first, second, third] = [1, 2, 3].map(|version| letter("s", version));
    change(store, vec![parking(&first)]).await.unwrap();
    let rival = other.clone();
    let theirs = vec![removing(&first), parking(&third)];
    faults.before(TRANSACTION, 1, async move { change(&rival, theirs).await.unwrap() });
    // What is not parked any more is not dropped.
    change(store, vec![dropping(&first, "x"), parking(&second)]).await.unwrap();
    assert_eq!(faults.requests(TRANSACTION), 3, "it started over");
    assert_eq!(parked(store).await.unwrap(), [second, third]);
    assert_eq!(dropped(store).await.unwrap(), []);
    let count = store.dead_letter_count(&consumer("c")).await.unwrap();
    assert_eq!((count.streams, count.letters), (1, 2));
}

#[tokio::test]
async fn letters_that_others_have_changed_fence_who_has_seen_them() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    let [first, second] = [1, 2].map(|version| letter("s", version));
    change(store, vec![parking(&first)]).await.unwrap();
    let (rival, theirs) = (other.clone(), vec![parking(&second)]);
    faults.before(TRANSACTION, 1, async move { change(&rival, theirs).await.unwrap() });
    let at_one = StreamProgress { parked: 1.into(), ..StreamProgress::default() };
    let late = Progress {
        seen: vec![(stream("s"), at_one)],
        dead_letters: vec![removing(&first)],
        ..beside()
    };
    let outcome = store.save(late).await;
    assert!(matches!(outcome, Err(Error::Fenced { .. })), "{outcome:?}");
    assert_eq!(parked(store).await.unwrap(), [first, second]);
}

/// A worker has read the control item, and the reset is faster.
#[tokio::test]
async fn a_save_that_a_reset_overtakes_does_not_count() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    save(store, Progress { streams: reached(&[("s", 1)]), ..step(Revision::default(), "1") }).await;
    for progress in [
        // Its position is gone.
        Progress { seen: vec![seen("s", 1)], ..step(Revision::from_stored(1), "late") },
        // It says nothing of what is gone.
        Progress { streams: reached(&[("new", 7)]), ..beside() },
    ] {
        let rival = other.clone();
        faults.before(TRANSACTION, 1, async move { rival.reset(&consumer("c")).await.unwrap() });
        match store.save(progress).await {
            Ok(()) | Err(Error::Fenced { .. }) => {}
            outcome => panic!("{outcome:?}"),
        }
        assert_eq!(place(store).await, "");
        assert_eq!(version(store, "new").await, 0.into());
    }
}

#[tokio::test]
async fn a_save_that_an_adoption_overtakes_is_fenced_in_its_partitions() {
    for saves in [0, 1] {
        let Scene { store, other, faults, .. } = &Scene::new().await;
        let by_again = |progress| Progress { consumer: consumer("again"), ..progress };
        let mut revision = Revision::default();
        for _ in 0..saves {
            save(store, by_again(step(revision, "1"))).await;
            revision = revision.next();
        }
        let rival = other.clone();
        let based_on = vec![(partition("p"), revision)];
        faults.before(TRANSACTION, 1, async move {
            let adopted = rival.adopt(&Adoption { based_on, ..adoption() }).await;
            assert_eq!(adopted.unwrap(), Adopted::Done);
        });
        let late = Progress { streams: reached(&[("s", 9)]), ..step(revision, "late") };
        let outcome = store.save(by_again(late)).await;
        assert!(matches!(outcome, Err(Error::Fenced { .. })), "after {saves} saves: {outcome:?}");
        assert_eq!(place(store).await, ["", "1"][saves]);
        assert_eq!(version(store, "s").await, 0.into(), "it would be the other's now");
    }
}

#[tokio::test]
async fn an_adoption_notices_what_the_other_has_saved_since_it_was_compared() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    save(store, Progress { streams: reached(&[("s", 1)]), ..step(Revision::default(), "1") }).await;
    let again = Progress { streams: reached(&[("s", 1)]), ..beside() };
    save(store, Progress { consumer: consumer("again"), ..again }).await;
    let rival = other.clone();
    faults.before(TRANSACTION, 1, async move {
        let further =
            Progress { streams: reached(&[("s", 2)]), ..step(Revision::from_stored(1), "2") };
        save(&rival, further).await;
    });
    assert_eq!(store.adopt(&adoption()).await.unwrap(), Adopted::Behind(stream("s")));
    assert_eq!(version(store, "s").await, 2.into());
}

#[tokio::test]
async fn an_adoption_notices_a_partition_that_the_other_has_begun_since() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    let again = Progress { streams: reached(&[("s", 1)]), ..step(Revision::default(), "1") };
    save(store, Progress { consumer: consumer("again"), ..again }).await;
    let rival = other.clone();
    faults.before(TRANSACTION, 1, async move {
        let first = Progress { streams: reached(&[("s", 2)]), ..step(Revision::default(), "2") };
        save(&rival, first).await;
    });
    assert_eq!(store.adopt(&adoption()).await.unwrap(), Adopted::Behind(stream("s")));
    assert_eq!((version(store, "s").await, place(store).await.as_str()), (2.into(), "2"));
}

#[tokio::test]
async fn whoever_is_always_too_late_gives_up() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    for nth in 1..=20 {
        let (rival, theirs) = (other.clone(), vec![parking(&letter("s", 100 + nth))]);
        faults.before(TRANSACTION, nth, async move { change(&rival, theirs).await.unwrap() });
    }
    match change(store, vec![parking(&letter("s", 1))]).await {
        Err(error @ Error::Unavailable { .. }) => {
            assert!(error.is_transient());
            let text = error.with_causes();
            assert!(text.contains("saving the progress of c"), "{text}");
            assert!(text.contains("given up after 16 attempts"), "{text}");
        }
        outcome => panic!("{outcome:?}"),
    }
    assert_eq!(faults.requests(TRANSACTION), 16);
    assert_eq!(parked(store).await.unwrap().len(), 16, "all of them the other's");
}

#[tokio::test]
async fn a_transaction_in_the_way_is_waited_for() {
    let Scene { store, faults, .. } = &Scene::new().await;
    for nth in 1..=3 {
        faults.at(TRANSACTION, nth, Fault::TransactionConflict);
    }
    save(store, step(Revision::default(), "1")).await;
    assert_eq!((faults.requests(TRANSACTION), place(store).await.as_str()), (4, "1"));
    faults.always(TRANSACTION, Fault::TransactionConflict);
    let outcome = store.save(step(Revision::from_stored(1), "2")).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
    assert!(faults.requests(TRANSACTION) <= 4 + 16);
}

#[tokio::test]
async fn keys_that_were_not_processed_are_asked_for_again() {
    let Scene { store, faults, .. } = &Scene::new().await;
    let names: Vec<String> = (0..90).map(|n| n.to_string()).collect();
    let all: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(1..).collect();
    save(store, Progress { streams: reached(&all), ..beside() }).await;
    let before = faults.requests("BatchGetItem");
    for nth in 1..=3 {
        faults.at("BatchGetItem", nth, Fault::Unprocessed);
    }
    let streams: Vec<_> = names.iter().map(|name| stream(name)).collect();
    let progress = store.stream_progress(&consumer("c"), &streams).await.unwrap();
    let versions: Vec<u64> = progress.iter().map(|at| at.version.get()).collect();
    assert_eq!(versions, (1..=90).collect::<Vec<_>>());
    assert_eq!(faults.requests("BatchGetItem") - before, 4);
}

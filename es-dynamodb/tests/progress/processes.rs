//! Two processes see each other's changes at once.

use es_core::{Adopted, Adoption, CheckpointStore as _, Error, Progress, Revision, Version};

use crate::samples::{
    adoption, beside, consumer, dropping, letter, parking, partition, reached, seen, step, stream,
};
use crate::scene::{Scene, change, dropped, key, parked, place, save, version};
use crate::support::faults::Fault;

fn assert_fenced(outcome: es_core::Result<()>) {
    assert!(matches!(outcome, Err(Error::Fenced { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_reset_by_another_process_is_seen_at_once() {
    let Scene { store, other, faults, .. } = &Scene::new().await;
    for round in 1..=3 {
        let held = store.load(&consumer("c"), &partition("p")).await.unwrap().revision;
        save(store, Progress { streams: reached(&[("s", 9)]), ..step(held, "9") }).await;
        change(store, vec![parking(&letter("s", 10))]).await.unwrap();
        other.reset(&consumer("c")).await.unwrap();
        let before = faults.all_requests();
        assert_eq!(place(store).await, "", "round {round}");
        // The wrong guess at the book costs one request more, once.
        assert_eq!(faults.all_requests() - before, 2);
        assert_eq!(version(store, "s").await, Version::ZERO);
        assert_eq!(faults.all_requests() - before, 3);
        assert_eq!(parked(store).await.unwrap(), []);
        assert_fenced(store.save(step(held.next(), "late")).await);
        assert_fenced(store.save(Progress { seen: vec![seen("s", 9)], ..beside() }).await);
    }
}

#[tokio::test]
async fn an_adoption_by_another_process_is_seen_at_once() {
    let Scene { store, other, .. } = &Scene::new().await;
    save(store, Progress { streams: reached(&[("s", 3)]), ..step(Revision::default(), "live") })
        .await;
    let again = Progress { streams: reached(&[("s", 4)]), ..step(Revision::default(), "again") };
    save(store, Progress { consumer: consumer("again"), ..again }).await;
    assert_eq!(other.adopt(&adoption()).await.unwrap(), Adopted::Done);
    assert_eq!((place(store).await.as_str(), version(store, "s").await), ("again", 4.into()));
    let left = store.stream_progress(&consumer("again"), &[stream("s")]).await.unwrap();
    assert_eq!(left[0].version, Version::ZERO);
    let late = step(Revision::from_stored(1), "late");
    assert_fenced(store.save(late.clone()).await);
    assert_fenced(store.save(Progress { consumer: consumer("again"), ..late }).await);
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_saved_once() {
    let Scene { store, faults, .. } = &Scene::new().await;
    faults.at("TransactWriteItems", 1, Fault::LostAnswer);
    save(store, step(Revision::default(), "1")).await;
    assert_eq!(faults.requests("TransactWriteItems"), 2);
    let position = store.load(&consumer("c"), &partition("p")).await.unwrap();
    assert_eq!((position.checkpoint.as_str(), position.revision), ("1", Revision::from_stored(1)));
}

#[tokio::test]
async fn an_adoption_whose_answer_is_lost_is_done_once() {
    let Scene { store, faults, .. } = &Scene::new().await;
    let again = Progress { consumer: consumer("again"), ..step(Revision::default(), "again") };
    save(store, again).await;
    faults.at("TransactWriteItems", 1, Fault::LostAnswer);
    let based_on = vec![(partition("p"), Revision::from_stored(1))];
    let adopted = store.adopt(&Adoption { based_on, ..adoption() }).await.unwrap();
    assert_eq!((adopted, place(store).await.as_str()), (Adopted::Done, "again"));
}

/// How many record books the control item of `c` lists.
async fn record_books(scene: &Scene) -> usize {
    let items = scene.items().await;
    let control = items.iter().find(|item| key(item).0 == "consumer#c").unwrap();
    control["records"].as_l().unwrap().len()
}

#[tokio::test]
async fn adoptions_add_record_books_only_for_records() {
    let scene = Scene::new().await;
    let by_again = |progress| Progress { consumer: consumer("again"), ..progress };
    let asked = Adoption { backwards: true, replaces_dead_letters: true, ..adoption() };
    for _ in 0..3 {
        save(&scene.store, by_again(Progress { streams: reached(&[("s", 1)]), ..beside() })).await;
        assert_eq!(scene.store.adopt(&asked).await.unwrap(), Adopted::Done);
        assert_eq!(record_books(&scene).await, 1);
    }
    let letter = letter("s", 2);
    for letters in [vec![parking(&letter)], vec![dropping(&letter, "x")]] {
        save(&scene.store, by_again(Progress { dead_letters: letters, ..beside() })).await;
    }
    assert_eq!(scene.store.adopt(&asked).await.unwrap(), Adopted::Done);
    assert_eq!(record_books(&scene).await, 2);
    assert_eq!(dropped(&scene.store).await.unwrap().len(), 1);
}
